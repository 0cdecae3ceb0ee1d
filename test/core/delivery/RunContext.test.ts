import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashMap from "effect/HashMap"
import * as Scope from "effect/Scope"
import * as RunContext from "../../../packages/core/src/delivery/RunContext.ts"
import * as Event from "../../../packages/core/src/events/Event.ts"
import * as HandlerRun from "../../../packages/core/src/events/HandlerRun.ts"

class Greeting extends Context.Tag("test/Greeting")<Greeting, string>() {}
class Extra extends Context.Tag("test/Extra")<Extra, string>() {}

const event = Event.gap({ from: 0, to: 1, lastSeq: 2, shard: [0, 1] })

const marked = FiberRef.unsafeMake("not set")

/** Runs effects one after another on one fiber, each in a run of its own. */
const onOneFiber = <A>(enter: RunContext.Enter, effects: ReadonlyArray<Effect.Effect<A>>) =>
  Effect.gen(function* () {
    const scopes = yield* RunContext.makeScopes
    const { locals } = FiberRefs.delete(yield* Effect.getFiberRefs, FiberRef.currentContext)
    const services = new Map<string, unknown>([[Greeting.key, "hello"]])
    /** Whether a run had something to close at its end. */
    const closes: Array<boolean> = []
    const one = (effect: Effect.Effect<A>) => {
      const run = new RunContext.Run(services, "handler", event, scopes)
      return Effect.withFiberRuntime<A>((fiber) => enter(fiber, locals, run, effect)).pipe(
        Effect.exit,
        Effect.tap((exit) => {
          const ending = run.end(exit)
          closes.push(ending !== undefined)
          return ending ?? Effect.void
        })
      )
    }
    const exits = yield* Effect.flatMap(Effect.fork(Effect.forEach(effects, one)), Fiber.join)
    return { exits, closes }
  })

/** What a handler can ask for, though its type here says nothing of it. */
const ask = <I, A>(tag: Context.Tag<I, A>): Effect.Effect<A> =>
  Effect.map(Effect.context<never>(), (context) => Context.unsafeGet(context, tag))

const currentRun = Effect.flatMap(HandlerRun.CurrentRun, (run) => run)

describe("the context of a run", () => {
  it.effect("is lazy with the installed version of Effect", () =>
    Effect.gen(function* () {
      // where this fails Effect has changed what `RunContext` relies on: the library works, at several times the cost
      assert.strictEqual(yield* RunContext.makeEnter, RunContext.enterLazily)
    })
  )

  for (const [name, enter] of [
    ["made lazily", RunContext.enterLazily],
    ["copied", RunContext.enterCopying]
  ] as const) {
    describe(name, () => {
      it.effect("has the services of the handler, a scope and the run, by every way to ask for them", () =>
        Effect.gen(function* () {
          const all = Effect.gen(function* () {
            const context = yield* Effect.context<never>()
            const { context: inRuntime } = yield* Effect.runtime<never>()
            const inFork = yield* Effect.flatMap(Effect.fork(ask(Greeting)), Fiber.join)
            const provided = yield* Effect.provideService(Effect.zip(Extra, ask(Greeting)), Extra, "extra")
            const merged = Context.merge(context, Context.make(Extra, "merged"))
            return {
              direct: yield* ask(Greeting),
              inFork,
              inRuntime: Context.unsafeGet(inRuntime, Greeting),
              provided,
              merged: [Context.get(merged, Extra), Context.unsafeGet(merged, Greeting)],
              has: Context.getOption(context, Greeting)._tag,
              lacks: Context.getOption(context, Extra)._tag,
              handler: (yield* Effect.orDie(currentRun)).handler,
              scope: (yield* ask(Scope.Scope)) === (yield* ask(Scope.Scope))
            }
          })
          const { exits } = yield* onOneFiber(enter, [all])
          assert.deepStrictEqual(exits, [
            Exit.succeed({
              direct: "hello",
              inFork: "hello",
              inRuntime: "hello",
              provided: ["extra", "hello"] as [string, string],
              merged: ["merged", "hello"],
              has: "Some" as const,
              lacks: "None" as const,
              handler: "handler",
              scope: true
            })
          ])
        })
      )

      it.effect("closes its scope with the exit of the run, and gives the next run another scope", () =>
        Effect.gen(function* () {
          const closed: Array<string> = []
          const acquire = (id: string, exit: Effect.Effect<void>) =>
            Effect.flatMap(ask(Scope.Scope), (scope) =>
              Effect.zipRight(
                Scope.addFinalizerExit(scope, (ended) => Effect.sync(() => closed.push(`${id} ${ended._tag}`))),
                exit
              )
            )
          yield* onOneFiber(enter, [acquire("a", Effect.void), acquire("b", Effect.die("no")), Effect.void])
          assert.deepStrictEqual(closed, ["a Success", "b Failure"])
        })
      )

      it.effect("has a closed scope for a fiber that asks after the run has ended", () =>
        Effect.gen(function* () {
          let finalized = false
          const late = Effect.forkDaemon(
            Effect.zipRight(
              Effect.yieldNow({ priority: 100 }),
              Effect.flatMap(ask(Scope.Scope), (scope) =>
                Scope.addFinalizer(
                  scope,
                  Effect.sync(() => {
                    finalized = true
                  })
                )
              )
            )
          )
          const { exits } = yield* onOneFiber(enter, [late])
          const [exit] = exits
          if (exit !== undefined && Exit.isSuccess(exit)) yield* Fiber.join(exit.value)
          assert.isTrue(finalized, "a finalizer of a closed scope runs at once")
        })
      )

      it.effect("leaves no local value to the next run: fiber refs, annotations, services", () =>
        Effect.gen(function* () {
          const leak = Effect.gen(function* () {
            yield* FiberRef.set(marked, "leaked")
            yield* FiberRef.update(FiberRef.currentLogAnnotations, HashMap.set<string, unknown>("a", "leaked"))
            yield* FiberRef.update(FiberRef.currentContext, (context) => Context.add(context, Extra, "leaked"))
            return ["leaker"]
          })
          const look = Effect.gen(function* () {
            const annotations = yield* FiberRef.get(FiberRef.currentLogAnnotations)
            const extra = Context.getOption(yield* Effect.context<never>(), Extra)
            return [yield* FiberRef.get(marked), String(HashMap.has(annotations, "a")), extra._tag]
          })
          const { exits } = yield* onOneFiber(enter, [leak, look, leak, look])
          assert.deepStrictEqual(exits[1], Exit.succeed(["not set", "false", "None"]))
          assert.deepStrictEqual(exits[3], exits[1])
        })
      )

      it.effect("joins fiber refs of forks into their own run only", () =>
        Effect.gen(function* () {
          const join = Effect.zipRight(
            Effect.flatMap(Effect.fork(FiberRef.set(marked, "by a fork")), Fiber.join),
            FiberRef.get(marked)
          )
          const { exits } = yield* onOneFiber(enter, [join, FiberRef.get(marked)])
          assert.deepStrictEqual(exits, [Exit.succeed("by a fork"), Exit.succeed("not set")])
        })
      )
    })
  }

  it.effect("makes neither scope nor run record for a run that asks for neither", () =>
    Effect.gen(function* () {
      const { closes } = yield* onOneFiber<unknown>(RunContext.enterLazily, [
        Effect.void,
        ask(Greeting),
        ask(Scope.Scope),
        Effect.yieldNow()
      ])
      assert.deepStrictEqual(closes, [false, false, true, false])
    })
  )
})
