import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as DeliveryMetrics from "../../../packages/core/src/delivery/DeliveryMetrics.ts"
import * as DeliveryPolicy from "../../../packages/core/src/delivery/DeliveryPolicy.ts"
import * as Delivery from "../../../packages/core/src/delivery/Delivery.ts"
import type * as Dialogue from "../../../packages/core/src/delivery/Dialogue.ts"
import * as Handlers from "../../../packages/core/src/delivery/Handlers.ts"
import type * as Event from "../../../packages/core/src/events/Event.ts"
import * as HandlerRun from "../../../packages/core/src/events/HandlerRun.ts"
import type { Frame } from "../../../packages/core/src/gateway/Frame.ts"

const settle: Effect.Effect<void> = TestClock.adjust(0)

const collect = (layer: Layer.Layer<never, never, Handlers.HandlerRegistry>) =>
  Effect.gen(function* () {
    const registry = yield* Handlers.makeRegistry
    yield* Layer.build(Layer.provide(layer, Layer.succeed(Handlers.HandlerRegistry, registry)))
    return yield* registry.handlers
  })

/** Delivery that runs, in a session that begins at 0. */
const deliver = (
  layer: Layer.Layer<never, never, Handlers.HandlerRegistry>,
  changes: Partial<DeliveryPolicy.DeliveryPolicy> = {},
  drainWaiting = false
) =>
  Effect.gen(function* () {
    const handlers = yield* collect(layer)
    const delivery = yield* Delivery.make({
      policy: { ...DeliveryPolicy.defaults, ...changes },
      handlers,
      drainWaiting
    })
    yield* Effect.forkScoped(delivery.run)
    const { run, sink } = delivery.intake()
    yield* Effect.forkScoped(run)
    sink.begin(0, [])
    let sequence = 0
    const push = (frame: Omit<Frame, "op" | "s">): boolean => {
      const taken = sink.offer({ op: 0, s: sequence + 1, ...frame }, 100)
      if (taken) sequence++
      return taken
    }
    return {
      ...delivery,
      sink,
      push,
      /** A user says something. */
      say: (user: string, text: string, more: object = {}): boolean =>
        push({
          t: "C2C_MESSAGE_CREATE",
          id: `E:${user}:${text}`,
          d: { id: `${user}:${text}`, author: { user_openid: user }, content: text, ...more }
        }),
      /** A member of the group says something: under one type, or under several. */
      sayInGroup: (id: string, ...types: ReadonlyArray<string>): void => {
        for (const t of types) push({ t, id: `${t}:${id}`, d: { id, group_openid: "g", author: {}, content: id } })
      }
    }
  })

const C2C = "C2C_MESSAGE_CREATE"
const AT = "GROUP_AT_MESSAGE_CREATE"
const FULL = "GROUP_MESSAGE_CREATE"

const userOf = (event: Event.C2CMessageCreate): string => event.author.user_openid ?? ""

describe("the order", () => {
  it.scoped("of one conversation is kept, whatever its handlers take", () =>
    Effect.gen(function* () {
      const heard = new Map<string, Array<number>>()
      const busy = new Set<string>()
      let overlaps = 0
      const bot = yield* deliver(
        Handlers.on(C2C, (event) =>
          Effect.gen(function* () {
            const user = userOf(event)
            if (busy.has(user)) overlaps++
            busy.add(user)
            const wait = yield* Random.nextIntBetween(0, 5)
            yield* wait === 0 ? Effect.void : wait === 1 ? Effect.yieldNow() : Effect.sleep(wait * 100)
            heard.set(user, [...(heard.get(user) ?? []), Number(event.content)])
            busy.delete(user)
          })
        ),
        { concurrency: 4 }
      )
      for (let n = 0; n < 200; n++) bot.say(`u${(n * 7) % 10}`, String(n))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(overlaps, 0)
      assert.strictEqual([...heard.values()].flat().length, 200)
      for (const numbers of heard.values())
        assert.deepStrictEqual(
          numbers,
          numbers.toSorted((a, b) => a - b)
        )
      assert.strictEqual(bot.unsettled(), 0)
      assert.strictEqual(bot.sink.watermark(), 200)
    }).pipe(Effect.withRandom(Random.make("order")))
  )

  it.scoped("leaves other conversations alone, as far as `concurrency` goes", () =>
    Effect.gen(function* () {
      let running = 0
      let most = 0
      const gate = yield* Deferred.make<void>()
      const bot = yield* deliver(
        Handlers.on(C2C, () =>
          Effect.suspend(() => {
            running++
            most = Math.max(most, running)
            return Effect.ensuring(
              Deferred.await(gate),
              Effect.sync(() => running--)
            )
          })
        ),
        { concurrency: 5 }
      )
      for (let n = 0; n < 20; n++) bot.say(`u${n}`, "hi")
      yield* settle
      assert.strictEqual(running, 5)
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.strictEqual(most, 5)
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("does not starve other conversations behind one that never ends", () =>
    Effect.gen(function* () {
      let others = 0
      let talked = 0
      const bot = yield* deliver(
        Handlers.on(C2C, (event) =>
          Effect.suspend(() => {
            if (userOf(event) === "talker") {
              talked++
              if (talked < 2000) bot.say("talker", String(talked))
            } else if (talked < 2000) others++
            return Effect.yieldNow()
          })
        ),
        { concurrency: 1 }
      )
      bot.say("talker", "0")
      for (let n = 0; n < 10; n++) bot.say(`u${n}`, "hi")
      yield* settle
      assert.strictEqual(others, 10)
    })
  )
})

describe("a handler", () => {
  const goesOnAfter = (name: string, first: Effect.Effect<unknown, string>) =>
    it.scoped(`that ${name} does not stop the bot`, () =>
      Effect.gen(function* () {
        const before = (yield* Metric.value(DeliveryMetrics.handlersFailed)).count
        const heard: Array<string> = []
        const bot = yield* deliver(
          Handlers.on(C2C, (event) => {
            heard.push(event.content)
            return event.content === "first" ? first : Effect.void
          })
        )
        bot.say("u", "first")
        bot.say("u", "second")
        yield* settle
        assert.deepStrictEqual(heard, ["first", "second"])
        assert.strictEqual(bot.unsettled(), 0)
        assert.strictEqual(bot.sink.watermark(), 2)
        assert.strictEqual((yield* Metric.value(DeliveryMetrics.handlersFailed)).count, before + 1)
      })
    )

  goesOnAfter("fails", Effect.fail("no"))
  goesOnAfter("dies", Effect.die("no"))
  goesOnAfter(
    "throws inside",
    Effect.sync(() => JSON.parse("{"))
  )
  goesOnAfter("interrupts itself", Effect.interrupt)
  goesOnAfter(
    "interrupts its own fiber",
    Effect.withFiberRuntime((fiber) => Effect.zipRight(Fiber.interruptFork(fiber), Effect.never))
  )
  goesOnAfter(
    "has a finalizer that dies",
    Effect.zipRight(
      Effect.addFinalizer(() => Effect.die("no")),
      Effect.void
    ).pipe(Effect.scoped)
  )

  it.scoped("that throws before it gives an effect does not stop the bot", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(C2C, (event): Effect.Effect<void> => {
          heard.push(event.content)
          if (event.content === "first") throw new Error("no")
          return Effect.void
        })
      )
      bot.say("u", "first")
      bot.say("u", "second")
      yield* settle
      assert.deepStrictEqual(heard, ["first", "second"])
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("that was registered by itself and throws does not stop the bot", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(
        Layer.effectDiscard(
          Effect.flatMap(Handlers.HandlerRegistry, ({ register }) =>
            register({
              name: "throws",
              types: [C2C],
              run: ({ envelope }) => {
                if (envelope.id === "E:u:bad") throw new Error("thrown")
                heard.push(String(envelope.id))
                return Effect.void
              }
            })
          )
        )
      )
      for (const text of ["bad", "good"]) bot.say("u", text)
      yield* settle
      assert.deepStrictEqual(heard, ["E:u:good"])
      assert.strictEqual(bot.sink.watermark(), 2)
    })
  )

  it.scoped("that never returns is stopped after ten minutes, again and again, and its conversation goes on", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const causes: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(
          C2C,
          (event) =>
            event.content === "third"
              ? Effect.sync(() => ended.push("third"))
              : Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push(`${event.content} stopped`))),
          { onFailure: (cause, event) => Effect.sync(() => causes.push(`${event.content}: ${Cause.squash(cause)}`)) }
        )
      )
      for (const text of ["first", "second", "third"]) bot.say("u", text)
      yield* TestClock.adjust(Duration.minutes(10).pipe(Duration.subtract("1 millis")))
      assert.deepStrictEqual(ended, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(ended, ["first stopped"])
      assert.strictEqual(bot.sink.watermark(), 1)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(ended, ["first stopped", "second stopped", "third"])
      assert.strictEqual(bot.sink.watermark(), 3)
      assert.strictEqual(causes.length, 2)
      assert.match(causes[0] ?? "", /^first: TimeoutException/)
    })
  )

  it.scoped("that cannot be interrupted pins nothing: its conversation goes on ten seconds later", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const release = yield* Deferred.make<void>()
      const bot = yield* deliver(
        Handlers.on(C2C, (event) => {
          heard.push(event.content)
          return event.content === "first" ? Effect.uninterruptible(Deferred.await(release)) : Effect.void
        }),
        { concurrency: 1 }
      )
      bot.say("u", "first")
      bot.say("u", "second")
      bot.say("another", "third")
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(heard, ["first"])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(heard.toSorted(), ["first", "second", "third"])
      assert.strictEqual(bot.sink.watermark(), 3)
      assert.strictEqual(bot.unsettled(), 0)
      yield* Deferred.succeed(release, undefined)
      bot.say("u", "fourth")
      yield* settle
      assert.strictEqual(heard.at(-1), "fourth")
    })
  )

  it.scoped("that ends at the moment it is stopped settles no event of another handler", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(C2C, (event) =>
          event.content === "exactly"
            ? Effect.sleep("10 minutes")
            : Effect.sync(() => heard.push(event.content)).pipe(Effect.zipRight(Effect.sleep("1 second")))
        ),
        { concurrency: 1 }
      )
      bot.say("u", "exactly")
      bot.say("u", "behind it")
      bot.say("another", "elsewhere")
      yield* TestClock.adjust("11 minutes")
      assert.deepStrictEqual(heard.toSorted(), ["behind it", "elsewhere"])
      assert.strictEqual(bot.sink.watermark(), 3)
    })
  )

  it.scoped("may set its own timeout, shorter or longer", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const named = (name: string, timeout: Duration.DurationInput) =>
        Handlers.on(C2C, () => Effect.never, {
          name,
          timeout,
          onFailure: () =>
            Effect.flatMap(Effect.clock, (clock) =>
              Effect.sync(() => ended.push(`${name} at ${clock.unsafeCurrentTimeMillis() / 60_000}`))
            )
        })
      const bot = yield* deliver(Layer.mergeAll(named("short", "1 minute"), named("long", "30 minutes")))
      bot.say("u", "hi")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(ended, ["short at 1", "long at 30"])
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("is tried again as its Schedule says, with a scope and its replies from the beginning", () =>
    Effect.gen(function* () {
      const replies: Array<number> = []
      const scopes: Array<string> = []
      let runs = 0
      const bot = yield* deliver(
        Handlers.on(
          C2C,
          () =>
            Effect.gen(function* () {
              runs++
              const run = Option.getOrThrow(yield* HandlerRun.CurrentRun)
              replies.push(run.nextReply(), run.nextReply())
              yield* Effect.acquireRelease(
                Effect.sync(() => scopes.push("opened")),
                () => Effect.sync(() => scopes.push("closed"))
              )
              if (runs < 3) return yield* Effect.fail("not yet")
            }),
          { retry: Schedule.spaced("1 second") }
        )
      )
      bot.say("u", "hi")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(runs, 3)
      assert.deepStrictEqual(replies, [0, 1, 0, 1, 0, 1])
      assert.deepStrictEqual(scopes, ["opened", "closed", "opened", "closed", "opened", "closed"])
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("is not tried again after a defect", () =>
    Effect.gen(function* () {
      let runs = 0
      const bot = yield* deliver(
        Handlers.on(C2C, () => Effect.sync(() => runs++).pipe(Effect.zipRight(Effect.die("no"))), {
          retry: Schedule.spaced("1 second")
        })
      )
      bot.say("u", "hi")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(runs, 1)
    })
  )

  it.scoped("passes its typed error to onFailure, whose failure affects no other handler", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const heard: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(
          C2C,
          (event) => {
            heard.push(event.content)
            return event.content.startsWith("fail") ? Effect.fail({ _tag: "Refused" as const }) : Effect.void
          },
          {
            onFailure: (cause, event) => {
              const error = Option.getOrThrow(Cause.failureOption(cause))
              told.push(`${event.content}: ${error._tag}`)
              if (event.content === "fail and throw") throw new Error("no")
              return event.content === "fail and die" ? Effect.die("no") : Effect.void
            }
          }
        )
      )
      const texts = ["fail", "fail and throw", "fail and die", "fine"]
      for (const text of texts) bot.say("u", text)
      yield* settle
      assert.deepStrictEqual(told, ["fail: Refused", "fail and throw: Refused", "fail and die: Refused"])
      assert.deepStrictEqual(heard, texts)
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("whose Schedule throws fails with that defect, and nothing else does", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const heard: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(
          C2C,
          (event) => {
            heard.push(event.content)
            return event.content === "fail" ? Effect.fail("no") : Effect.void
          },
          {
            retry: Schedule.whileInput(Schedule.forever, (): boolean => {
              throw new Error("broken schedule")
            }),
            onFailure: (cause) => Effect.sync(() => told.push(Option.getOrUndefined(Cause.dieOption(cause))))
          }
        )
      )
      for (const text of ["fail", "fine"]) bot.say("u", text)
      yield* settle
      assert.deepStrictEqual(told.map(String), ["Error: broken schedule"])
      assert.deepStrictEqual(heard, ["fail", "fine"])
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("has a Scope per run that is closed after the run, however it ends", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(C2C, (event) =>
          Effect.acquireRelease(
            Effect.sync(() => log.push(`open ${event.content}`)),
            (_, exit) => Effect.sync(() => log.push(`${exit._tag} ${event.content}`))
          ).pipe(
            Effect.zipRight(
              event.content === "b" ? Effect.fail("no") : event.content === "c" ? Effect.never : Effect.void
            )
          )
        )
      )
      for (const text of ["a", "b", "c", "d"]) bot.say("u", text)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(log, [
        "open a",
        "Success a",
        "open b",
        "Failure b",
        "open c",
        "Failure c",
        "open d",
        "Success d"
      ])
    })
  )

  it.scoped("knows which run of which handler it is", () =>
    Effect.gen(function* () {
      const runs: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(C2C, () => Effect.map(HandlerRun.CurrentRun, (run) => runs.push(Option.getOrThrow(run).handler)), {
          name: "greeter"
        })
      )
      bot.say("u", "hi")
      yield* settle
      assert.deepStrictEqual(runs, ["greeter"])
      assert.isTrue(Option.isNone(yield* HandlerRun.CurrentRun))
    })
  )
})

describe("a handler that has nothing to do", () => {
  /** Hears at once what begins with `quick`, and takes a second over anything else. */
  const hear = (heard: Array<string>) =>
    Handlers.on(C2C, (event) => {
      const note = (): void => {
        heard.push(`${userOf(event)} ${event.content}`)
      }
      if (!event.content.startsWith("quick")) return Effect.delay(Effect.sync(note), "1 second")
      note()
      return Effect.void
    })

  it.scoped("ends at once, but not before earlier events of its conversation", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(hear(heard))
      for (const text of ["quick 1", "slow", "quick 2"]) {
        bot.say("u", text)
        yield* settle
      }
      bot.say("v", "quick")
      yield* settle
      assert.deepStrictEqual(heard, ["u quick 1", "v quick"])
      assert.strictEqual(bot.unsettled(), 2)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(heard.slice(2), ["u slow", "u quick 2"])
      assert.strictEqual(bot.sink.watermark(), 4)
      assert.strictEqual(bot.conversations(), 0)
    })
  )

  it.scoped("or has, is asked once for each event", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(C2C, (event) => {
          asked.push(event.content)
          return event.content === "1" ? Effect.yieldNow() : Effect.void
        })
      )
      for (const text of ["1", "2", "3"]) bot.say("u", text)
      yield* settle
      assert.deepStrictEqual(asked, ["1", "2", "3"])
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("waits as any other for a free place", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(hear(heard), { concurrency: 1 })
      bot.say("u", "slow")
      yield* settle
      bot.say("v", "quick")
      yield* settle
      assert.deepStrictEqual(heard, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(heard, ["u slow", "v quick"])
    })
  )

  it.scoped("does not begin once the shutdown has", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(hear(heard))
      yield* settle
      bot.say("u", "quick")
      yield* bot.drain
      yield* settle
      assert.deepStrictEqual(heard, [])
      assert.strictEqual(bot.sink.watermark(), 0)
    })
  )

  it.scoped("is counted and measured like others", () =>
    Effect.gen(function* () {
      const duration = DeliveryMetrics.handlerDuration(C2C)
      const before = yield* Effect.all([Metric.value(DeliveryMetrics.eventsHandled), Metric.value(duration)])
      const bot = yield* deliver(hear([]))
      bot.say("u", "quick")
      yield* settle
      const after = yield* Effect.all([Metric.value(DeliveryMetrics.eventsHandled), Metric.value(duration)])
      assert.strictEqual(after[0].count - before[0].count, 1)
      assert.strictEqual(after[1].count - before[1].count, 1)
    })
  )
})

describe("several handlers of one event", () => {
  it.scoped("run side by side, and the event is settled when all are done", () =>
    Effect.gen(function* () {
      const started: Array<string> = []
      const gates = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
      const bot = yield* deliver(
        Layer.mergeAll(
          ...((["a", "b"] as const).map((name, index) =>
            Handlers.on(
              C2C,
              () => {
                started.push(name)
                return Deferred.await(gates[index === 0 ? 0 : 1])
              },
              { name }
            )
          ) as [Layer.Layer<never, never, Handlers.HandlerRegistry>])
        )
      )
      bot.say("u", "hi")
      yield* settle
      assert.deepStrictEqual(started.toSorted(), ["a", "b"])
      yield* Deferred.succeed(gates[0], undefined)
      yield* settle
      assert.strictEqual(bot.unsettled(), 1)
      assert.strictEqual(bot.sink.watermark(), 0)
      yield* Deferred.succeed(gates[1], undefined)
      yield* settle
      assert.strictEqual(bot.unsettled(), 0)
      assert.strictEqual(bot.sink.watermark(), 1)
    })
  )

  it.scoped("fail each for itself", () =>
    Effect.gen(function* () {
      const done: Array<string> = []
      const told: Array<string> = []
      const bot = yield* deliver(
        Layer.mergeAll(
          Handlers.on(C2C, () => Effect.die("no"), { name: "dies" }),
          Handlers.on(C2C, () => Effect.never, {
            name: "hangs",
            onFailure: (cause) => Effect.sync(() => told.push(String(Cause.squash(cause))))
          }),
          Handlers.on(
            C2C,
            () =>
              Effect.delay(
                Effect.sync(() => done.push("slow")),
                "9 minutes"
              ),
            {
              name: "slow",
              onFailure: () => Effect.sync(() => told.push("slow"))
            }
          )
        )
      )
      bot.say("u", "hi")
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(done, ["slow"])
      assert.strictEqual(told.length, 1)
      assert.include(told[0], "TimeoutException")
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("have names of their own", () =>
    Effect.gen(function* () {
      const nothing = () => Effect.void
      const handlers = yield* collect(
        Layer.mergeAll(
          Handlers.on([C2C, AT], nothing),
          Handlers.on([C2C, AT], nothing),
          Handlers.on([C2C, AT], nothing),
          Handlers.on(C2C, nothing)
        )
      )
      assert.deepStrictEqual(handlers.map(({ name }) => name).toSorted(), [
        C2C,
        `${C2C}+${AT}`,
        `${C2C}+${AT}#2`,
        `${C2C}+${AT}#3`
      ])
    })
  )

  it.effect("have names of their own whatever the caller chooses", () =>
    Effect.gen(function* () {
      const registry = yield* Handlers.makeRegistry
      for (const name of ["a#2", "a", "a", "a#2", "a"]) {
        yield* registry.register({ name, types: [C2C], run: () => Effect.void })
      }
      const names = (yield* registry.handlers).map(({ name }) => name)
      assert.strictEqual(new Set(names).size, 5)
      assert.deepStrictEqual(names.slice(0, 3), ["a#2", "a", "a#3"])
    })
  )

  it.scoped("use the services of the Layer that registers them", () =>
    Effect.gen(function* () {
      class Greeting extends Context.Tag("test/Greeting")<Greeting, string>() {}
      const said: Array<string> = []
      const bot = yield* deliver(
        Layer.provide(
          Handlers.on(C2C, () => Effect.map(Greeting, (greeting) => said.push(greeting))),
          Layer.succeed(Greeting, "hello")
        )
      )
      bot.say("u", "hi")
      yield* settle
      assert.deepStrictEqual(said, ["hello"])
    })
  )

  it.scoped("that was registered by itself and dies, in its run or in its `stopped`, ends no other", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const broken = (name: string, run: Handlers.Handler["run"]): Handlers.Handler => ({
        name,
        types: [C2C],
        run,
        stopped: () => {
          throw new Error("no")
        }
      })
      const bot = yield* deliver(
        Layer.effectDiscard(
          Effect.gen(function* () {
            const registry = yield* Handlers.HandlerRegistry
            yield* registry.register(
              broken("throws", () => {
                throw new Error("no")
              })
            )
            yield* registry.register(broken("dies", () => Effect.delay(Effect.die("no"), "1 second")))
            yield* registry.register(broken("never ends", () => Effect.never))
            yield* registry.register({
              name: "works",
              types: [C2C],
              run: () =>
                Effect.delay(
                  Effect.sync(() => heard.push("worked")),
                  "2 seconds"
                )
            })
            yield* registry.register({
              name: "is told",
              types: [C2C],
              run: () => Effect.never,
              stopped: () =>
                Effect.delay(
                  Effect.sync(() => heard.push("told")),
                  "1 second"
                )
            })
          })
        )
      )
      bot.say("u", "hi")
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(heard, ["worked"])
      yield* TestClock.adjust("11 minutes")
      assert.deepStrictEqual(heard, ["worked", "told"])
      assert.strictEqual(bot.unsettled(), 0)
    })
  )
})

describe("duplicates", () => {
  const listener = (heard: Array<string>, types: ReadonlyArray<typeof AT | typeof FULL>, name: string) =>
    Handlers.on(types, (event) => Effect.sync(() => heard.push(`${name} ${event.t}`)), { name })

  it.scoped("of one message are dropped, in flight and after", () =>
    Effect.gen(function* () {
      const before = (yield* Metric.value(DeliveryMetrics.eventsDuplicated)).count
      const heard: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(C2C, (event) =>
          Effect.delay(
            Effect.sync(() => heard.push(event.content)),
            "1 second"
          )
        )
      )
      bot.say("u", "a")
      bot.say("u", "a")
      yield* settle
      bot.say("u", "a")
      yield* TestClock.adjust("1 second")
      bot.say("u", "a")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(heard, ["a"])
      assert.strictEqual(bot.sink.watermark(), 4)
      assert.strictEqual((yield* Metric.value(DeliveryMetrics.eventsDuplicated)).count, before + 3)
    })
  )

  for (const order of [
    [AT, FULL],
    [FULL, AT]
  ] as const) {
    it.scoped(
      `cherry_studio_18054_twins: ${order.join(", then ")}: a handler of both sees the first, others theirs`,
      () =>
        Effect.gen(function* () {
          const heard: Array<string> = []
          const bot = yield* deliver(
            Layer.mergeAll(
              listener(heard, [AT, FULL], "both"),
              listener(heard, [AT], "at"),
              listener(heard, [FULL], "full")
            )
          )
          bot.sayInGroup("m1", ...order)
          bot.sayInGroup("m1", ...order)
          yield* settle
          assert.deepStrictEqual(heard.toSorted(), [`at ${AT}`, `both ${order[0]}`, `full ${FULL}`])
          assert.strictEqual(bot.sink.watermark(), 4)
        })
    )
  }

  it.scoped("in a channel are one for a handler of both types; of a type without a schema, by the event's id", () =>
    Effect.gen(function* () {
      const heard: Array<string | undefined> = []
      const bot = yield* deliver(
        Layer.mergeAll(
          Handlers.on(["AT_MESSAGE_CREATE", "MESSAGE_CREATE"], (event) => Effect.sync(() => heard.push(event.t))),
          Handlers.on("Unknown", (event) => Effect.sync(() => heard.push(event.envelope.t)))
        )
      )
      const d = { id: "m", channel_id: "c", guild_id: "g", author: {} }
      bot.push({ t: "AT_MESSAGE_CREATE", id: "1", d })
      bot.push({ t: "MESSAGE_CREATE", id: "2", d })
      bot.push({ t: "NEW_IN_2027", id: "3", d: {} })
      bot.push({ t: "NEW_IN_2027", id: "3", d: {} })
      yield* settle
      assert.deepStrictEqual(heard, ["AT_MESSAGE_CREATE", "NEW_IN_2027"])
    })
  )

  it.scoped("are not confused with a twin that could not be read", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(listener(heard, [AT, FULL], "both"))
      bot.push({ t: AT, id: "1", d: { id: "m", author: {} } })
      bot.sayInGroup("m", FULL)
      yield* settle
      assert.deepStrictEqual(heard, [`both ${FULL}`])
      assert.strictEqual(bot.sink.watermark(), 2)
    })
  )

  it.scoped("of an event without an id are never dropped", () =>
    Effect.gen(function* () {
      let runs = 0
      const bot = yield* deliver(Handlers.on("Unknown", () => Effect.sync(() => runs++)))
      bot.push({ t: "NEW_IN_2027", d: {} })
      bot.push({ t: "NEW_IN_2027", d: {} })
      yield* settle
      assert.strictEqual(runs, 2)
    })
  )

  it.scoped("are known across a restart, and what was in flight comes again", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const first = yield* Scope.make()
      const stored = yield* Scope.extend(
        Effect.gen(function* () {
          const bot = yield* deliver(
            Handlers.on(C2C, (event) =>
              event.content === "hangs" ? Effect.never : Effect.sync(() => heard.push(event.content))
            )
          )
          bot.say("u1", "hangs")
          bot.say("u2", "done")
          yield* settle
          return bot.sink.progress
        }),
        first
      )
      yield* Scope.close(first, Exit.void)
      const { settled, watermark } = stored()
      assert.strictEqual(watermark, 0)
      const bot = yield* deliver(Handlers.on(C2C, (event) => Effect.sync(() => heard.push(`again ${event.content}`))))
      bot.sink.begin(watermark, settled)
      bot.say("u1", "hangs")
      bot.say("u2", "done")
      yield* settle
      assert.deepStrictEqual(heard, ["done", "again hangs"])
      assert.strictEqual(bot.sink.watermark(), 2)
    })
  )
})

describe("twins across a restart", () => {
  it.scoped("whose handler was cut off: it handles the message again", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const first = yield* Scope.make()
      const stored = yield* Scope.extend(
        Effect.gen(function* () {
          const bot = yield* deliver(Handlers.on([AT, FULL], () => Effect.never))
          bot.sayInGroup("m", AT, FULL)
          yield* settle
          return bot.sink.progress()
        }),
        first
      )
      yield* Scope.close(first, Exit.void)
      assert.strictEqual(stored.watermark, 0)
      const bot = yield* deliver(Handlers.on([AT, FULL], (event) => Effect.sync(() => heard.push(event.t))))
      bot.sink.begin(stored.watermark, stored.settled)
      bot.sayInGroup("m", AT, FULL)
      yield* settle
      assert.deepStrictEqual(heard, [AT])
      assert.strictEqual(bot.sink.watermark(), 2)
    })
  )
})

describe("events that nobody handles", () => {
  it.scoped("are settled at once: unhandled, unknown, malformed, by bots", () =>
    Effect.gen(function* () {
      let runs = 0
      const malformed = (yield* Metric.value(DeliveryMetrics.eventsMalformed)).count
      const bot = yield* deliver(Handlers.on(C2C, () => Effect.sync(() => runs++)))
      bot.sayInGroup("m", AT)
      bot.push({ t: "NEW_IN_2027", id: "x", d: null })
      bot.push({ t: undefined, d: 5 })
      bot.push({ t: C2C, id: "y", d: null })
      bot.push({ t: C2C, id: "z", d: { id: 5 } })
      bot.say("u", "beep", { author: { user_openid: "u", bot: true } })
      yield* settle
      assert.strictEqual(runs, 0)
      assert.strictEqual(bot.unsettled(), 0)
      assert.strictEqual(bot.sink.watermark(), 6)
      assert.strictEqual((yield* Metric.value(DeliveryMetrics.eventsMalformed)).count, malformed + 2)
    })
  )

  it.scoped("messages by bots are handled where that is asked for", () =>
    Effect.gen(function* () {
      let runs = 0
      const bot = yield* deliver(
        Handlers.on(C2C, () => Effect.sync(() => runs++)),
        { messagesByBots: true }
      )
      bot.say("u", "beep", { author: { user_openid: "u", bot: true } })
      yield* settle
      assert.strictEqual(runs, 1)
    })
  )

  it.scoped("are seen by who looks at all events", () =>
    Effect.gen(function* () {
      const bot = yield* deliver(Layer.empty)
      const looking = yield* Effect.fork(Stream.runCollect(Stream.take(bot.events, 3)))
      yield* settle
      bot.say("u", "hi")
      bot.push({ t: "FRIEND_ADD", id: "f", d: { openid: "u" } })
      bot.push({ t: "NEW_IN_2027", id: "n", d: {} })
      const seen = yield* Fiber.join(looking)
      assert.deepStrictEqual(
        [...seen].map(({ t }) => t),
        [C2C, "FRIEND_ADD", "Unknown"]
      )
      yield* settle
      assert.strictEqual(bot.unsettled(), 0)
    })
  )
})

describe("a burst", () => {
  it.scoped("of 20 000 through an inbox of 64: nothing lost, memory bounded, one blocked among a thousand", () =>
    Effect.gen(function* () {
      const heard = new Map<string, Array<number>>()
      const gate = yield* Deferred.make<void>()
      const bot = yield* deliver(
        Handlers.on(C2C, (event) => {
          const user = userOf(event)
          heard.set(user, [...(heard.get(user) ?? []), Number(event.content)])
          return user === "u0"
            ? Deferred.await(gate)
            : Number(event.content) % 3 === 0
              ? Effect.yieldNow()
              : Effect.void
        }),
        { capacity: 64, deduplicationCapacity: 500, concurrency: 8 }
      )
      let most = 0
      let pauses = 0
      for (let n = 0; n < 20_000; n++) {
        while (!bot.say(`u${n % 1001}`, String(n))) {
          pauses++
          yield* bot.sink.room
        }
        most = Math.max(most, bot.unsettled())
        // of what was handled just now, the conversations may not have been given back yet
        assert.isAtMost(bot.conversations(), 64 + 8)
        assert.isAtMost(bot.remembered(), 500 + 64)
      }
      yield* settle
      assert.isAtMost(most, 64)
      assert.strictEqual(bot.conversations(), 1)
      assert.isAbove(pauses, 100)
      assert.strictEqual(heard.size, 1001)
      assert.deepStrictEqual(heard.get("u0"), [0])
      assert.strictEqual(bot.sink.watermark(), 0)
      assert.strictEqual(bot.unsettled(), 20)
      assert.isAtMost(bot.sink.progress().settled.length, 500)
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.strictEqual([...heard.values()].flat().length, 20_000)
      for (const numbers of heard.values())
        assert.deepStrictEqual(
          numbers,
          numbers.toSorted((a, b) => a - b)
        )
      assert.strictEqual(bot.unsettled(), 0)
      assert.strictEqual(bot.conversations(), 0)
      assert.strictEqual(bot.sink.watermark(), 20_000)
      // ids are remembered for ten minutes, and forgotten at the next occasion
      yield* TestClock.adjust("10 minutes")
      bot.say("u0", "later")
      yield* settle
      assert.strictEqual(bot.remembered(), 1)
      assert.strictEqual(bot.conversations(), 0)
    })
  )

  it.scoped("where the oldest are dropped: what has begun ends, the newest are kept, the rest is not handled", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const bot = yield* deliver(
        Handlers.on(C2C, (event) => {
          heard.push(event.content)
          return Deferred.await(gate)
        }),
        { capacity: 4, overflow: "drop-oldest" }
      )
      bot.say("u", "0")
      yield* settle
      for (let n = 1; n < 100; n++) {
        assert.isTrue(bot.say("u", String(n)))
        // so that they wait in their lane, not before it
        yield* Effect.yieldNow()
      }
      assert.strictEqual(bot.unsettled(), 4)
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.deepStrictEqual(heard, ["0", "97", "98", "99"])
      assert.strictEqual(bot.sink.watermark(), 100)
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.scoped("where the oldest are dropped, from many who wait: their places are free again", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const bot = yield* deliver(
        Handlers.on(C2C, (event) => {
          heard.push(event.content)
          return Deferred.await(gate)
        }),
        { capacity: 3, overflow: "drop-oldest", concurrency: 1 }
      )
      bot.say("u0", "0")
      yield* settle
      for (let n = 1; n < 50; n++) {
        bot.say(`u${n % 10}`, String(n))
        yield* Effect.yieldNow()
      }
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.deepStrictEqual(heard, ["0", "48", "49"])
      for (let n = 0; n < 10; n++) {
        bot.say(`u${n}`, `later ${n}`)
        yield* settle
      }
      assert.strictEqual(heard.length, 13)
    })
  )
})

describe("an end", () => {
  it.scoped("by draining lets runs finish and leaves what has not begun unsettled", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(C2C, (event) =>
          Effect.delay(
            Effect.sync(() => heard.push(event.content)),
            "3 seconds"
          )
        )
      )
      bot.say("u", "first")
      bot.say("u", "second")
      yield* settle
      const draining = yield* Effect.fork(bot.drain)
      yield* settle
      assert.isFalse(bot.say("u", "third"))
      yield* TestClock.adjust("3 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.poll(draining)))
      assert.deepStrictEqual(heard, ["first"])
      assert.strictEqual(bot.unsettled(), 1)
      assert.strictEqual(bot.sink.watermark(), 1)
    })
  )

  it.scoped("by draining can take all that waits along", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const bot = yield* deliver(
        Handlers.on(C2C, (event) =>
          Effect.delay(
            Effect.sync(() => heard.push(event.content)),
            "3 seconds"
          )
        ),
        {},
        true
      )
      bot.say("u", "first")
      bot.say("u", "second")
      yield* settle
      const draining = yield* Effect.fork(bot.drain)
      yield* TestClock.adjust("6 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.poll(draining)))
      assert.deepStrictEqual(heard, ["first", "second"])
      assert.strictEqual(bot.unsettled(), 0)
    })
  )

  it.effect("that cuts a handler off settles nothing: the event is to be replayed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let interrupted = 0
      const bot = yield* Scope.extend(
        deliver(Handlers.on(C2C, () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++)))),
        scope
      )
      bot.say("u", "hi")
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(interrupted, 1)
      assert.strictEqual(bot.unsettled(), 1)
      assert.strictEqual(bot.sink.watermark(), 0)
      assert.deepStrictEqual(bot.sink.progress().settled, [])
    })
  )
})

describe("an event that is waited for", () => {
  const wanted: Dialogue.Wanted = { conversation: "c2c:u", matches: () => true, queued: true, timeout: "1 hour" }

  it.scoped("is delivered exactly once, at whatever moment the wait is interrupted", () =>
    Effect.gen(function* () {
      const outcomes = new Set<string>()
      for (let moment = 0; moment < 40; moment++) {
        const handled: Array<string> = []
        let taken = 0
        const bot = yield* deliver(
          Handlers.on(C2C, (event) => Effect.sync(() => handled.push(event.content))),
          {}
        )
        const waiting = yield* Effect.fork(
          Effect.map(bot.next(wanted), () => {
            taken++
          })
        )
        yield* settle
        bot.say("u", "hi")
        for (let turn = 0; turn < moment; turn++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(waiting)
        yield* settle
        assert.strictEqual(taken + handled.length, 1, `moment ${moment}`)
        assert.strictEqual(bot.unsettled(), 0)
        assert.strictEqual(bot.sink.watermark(), 1)
        outcomes.add(taken === 1 ? "taken" : "handled")
      }
      assert.deepStrictEqual([...outcomes].toSorted(), ["handled", "taken"])
    })
  )

  it.scoped("is delivered exactly once, when it comes in the instant of the timeout", () =>
    Effect.gen(function* () {
      for (let moment = 0; moment < 40; moment++) {
        let taken = 0
        const handled: Array<string> = []
        const bot = yield* deliver(
          Handlers.on(C2C, (event) => Effect.sync(() => handled.push(event.content))),
          {}
        )
        yield* Effect.fork(
          Effect.gen(function* () {
            yield* Effect.sleep("1 second")
            for (let turn = 0; turn < moment; turn++) yield* Effect.yieldNow()
            bot.say("u", "hi")
          })
        )
        yield* Effect.fork(Effect.map(bot.next({ ...wanted, timeout: "1 second" }), () => taken++))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(taken + handled.length, 1, `moment ${moment}`)
        assert.strictEqual(bot.unsettled(), 0)
      }
    })
  )

  it.scoped("is settled, though the run that waits for it was given up", () =>
    Effect.gen(function* () {
      let next: ReturnType<Delivery.Delivery["next"]> = Effect.never
      const bot = yield* deliver(
        Handlers.on(C2C, ({ content }) =>
          content === "begin" ? Effect.uninterruptible(Effect.suspend(() => next)) : Effect.void
        ),
        { handlerTimeout: Duration.seconds(1) }
      )
      next = bot.next(wanted)
      bot.say("u", "begin")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(bot.unsettled(), 0)
      bot.say("u", "hi")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(bot.unsettled(), 0)
      assert.strictEqual(bot.sink.watermark(), 2)
    })
  )

  it.scoped("by a fiber that outlives its run lends no place, and is no reason to cut off the next run", () =>
    Effect.gen(function* () {
      let next: ReturnType<Delivery.Delivery["next"]> = Effect.never
      let running = 0
      let most = 0
      let cut = 0
      const bot = yield* deliver(
        Handlers.on(C2C, ({ content }) =>
          content === "begin"
            ? Effect.forkDaemon(Effect.suspend(() => next)).pipe(Effect.zipRight(Effect.sleep("10 millis")))
            : Effect.sync(() => {
                running++
                most = Math.max(most, running)
              }).pipe(
                Effect.zipRight(Effect.sleep("3 seconds")),
                Effect.onInterrupt(() => Effect.sync(() => cut++)),
                Effect.ensuring(Effect.sync(() => running--))
              )
        ),
        { concurrency: 1 }
      )
      next = bot.next({ ...wanted, conversation: "c2c:another" })
      bot.say("u", "begin")
      bot.say("v", "hi")
      bot.say("w", "hi")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(most, 1)
      const leaving = yield* Effect.fork(bot.drain)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(leaving)
      assert.strictEqual(cut, 0)
    })
  )
})

describe("handlers that choose", () => {
  const handler = (name: string, accepts?: Handlers.Handler["accepts"]): Handlers.Handler => ({
    name,
    types: [C2C],
    run: () => Effect.void,
    accepts
  })

  it("accept, decline or fail, each for itself", () => {
    const event: Event.Event = { t: "Unknown", _tag: "Unknown", envelope: { op: 0, t: "X", d: {} } }
    const broken = handler("broken", () => {
      throw new Error("no")
    })
    const [every, some, no] = [
      handler("every"),
      handler("some", ({ t }) => t === "Unknown"),
      handler("no", () => false)
    ]
    const { accepted, declined, failed } = Handlers.choose([every, broken, some, no], event)
    assert.deepStrictEqual(accepted, [every, some])
    assert.deepStrictEqual(declined, [no])
    assert.deepStrictEqual(
      failed.map(([{ name }, defect]) => [name, String(defect)]),
      [["broken", "Error: no"]]
    )
  })

  it.scoped("and throw get the defect; the others run, and so do later events", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const bot = yield* deliver(
        Layer.effectDiscard(
          Effect.flatMap(Handlers.HandlerRegistry, (registry) =>
            Effect.zipRight(
              registry.register({
                ...handler("broken", () => {
                  throw new Error("no")
                }),
                stopped: (_, cause) => Effect.sync(() => log.push(Cause.pretty(cause).split("\n")[0] ?? ""))
              }),
              registry.register({ ...handler("works"), run: () => Effect.sync(() => log.push("ran")) })
            )
          )
        )
      )
      bot.say("u", "1")
      yield* settle
      bot.say("u", "2")
      yield* settle
      assert.deepStrictEqual(log.toSorted(), ["Error: no", "Error: no", "ran", "ran"])
      assert.strictEqual(bot.unsettled(), 0)
    })
  )
})
