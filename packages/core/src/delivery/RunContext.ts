/**
 * The context of one run of a handler: what the handler was built with, and what is the run's own, which is made when it is
 * first asked for. Most runs ask for neither a `Scope` nor the run record.
 *
 * This is the only file that relies on what Effect does not document: that contexts and fiber refs read their maps only by
 * the methods of a `ReadonlyMap`, and that a fiber has `setFiberRefs`. Where {@link enter} finds that this does not hold it
 * does the same with maps that are copied, in documented API, at several times the cost.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"

/**
 * Scopes for runs that come one after another: the one that the next run gets which asks, and one that is closed, for a
 * fiber that asks after its run has ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Scopes {
  unused: Scope.CloseableScope
  readonly closed: Scope.CloseableScope
}

/**
 * Scopes for the runs of one worker.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeScopes: Effect.Effect<Scopes> = Effect.gen(function* () {
  const closed = yield* Scope.make()
  yield* Scope.close(closed, Exit.void)
  return { unused: yield* Scope.make(), closed }
})

type Services = ReadonlyMap<string, unknown>

const runKey = HandlerRun.CurrentRun.key
const scopeKey = Scope.Scope.key

/**
 * One run, in the form of the map of its context.
 *
 * @since 0.1.0
 * @category models
 */
export class Run {
  private readonly services: Services
  private readonly handler: string
  private readonly event: Event.Event
  private readonly scopes: Scopes
  private record: Option.Option<HandlerRun.HandlerRun> | undefined = undefined
  private scope: Scope.CloseableScope | undefined = undefined
  private hasEnded = false

  /** `services`: the map of the context that the handler was built with. */
  constructor(services: Services, handler: string, event: Event.Event, scopes: Scopes) {
    this.services = services
    this.handler = handler
    this.event = event
    this.scopes = scopes
  }

  /** The run has ended. What remains to be done: to close its scope, if it asked for one. */
  end(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> | undefined {
    this.hasEnded = true
    const { scope, scopes } = this
    if (scope === undefined) return undefined
    return Effect.uninterruptible(
      Effect.zipRight(
        Effect.map(Scope.make(), (unused) => {
          scopes.unused = unused
        }),
        Scope.close(scope, exit)
      )
    )
  }

  get(key: string): unknown {
    if (key === scopeKey) return (this.scope ??= this.hasEnded ? this.scopes.closed : this.scopes.unused)
    if (key === runKey) return (this.record ??= Option.some(HandlerRun.make(this.handler, this.event)))
    return this.services.get(key)
  }

  has(key: string): boolean {
    return key === scopeKey || key === runKey || this.services.has(key)
  }

  get size(): number {
    return this.copy().size
  }

  keys(): Iterator<string> {
    return this.copy().keys()
  }

  values(): Iterator<unknown> {
    return this.copy().values()
  }

  entries(): Iterator<[string, unknown]> {
    return this.copy().entries()
  }

  forEach(look: (value: unknown, key: string) => void): void {
    this.copy().forEach(look)
  }

  [Symbol.iterator](): Iterator<[string, unknown]> {
    return this.copy()[Symbol.iterator]()
  }

  /** All of it, in a map of its own. */
  copy(): Map<string, unknown> {
    return new Map(this.services).set(scopeKey, this.get(scopeKey)).set(runKey, this.get(runKey))
  }
}

type Locals = FiberRefs.FiberRefs["locals"]
type LocalRef = FiberRef.FiberRef<unknown>
type LocalStack = Arr.NonEmptyReadonlyArray<readonly [FiberId.Single, unknown]>

/** The local values of a fiber, in which only the context is a run's own. */
class RunLocals {
  private readonly others: Locals
  private readonly context: LocalStack

  constructor(others: Locals, fiber: FiberId.Single, context: Context.Context<never>) {
    this.others = others
    this.context = [[fiber, context]]
  }

  get(ref: LocalRef): LocalStack | undefined {
    return ref === contextRef ? this.context : this.others.get(ref)
  }

  has(ref: LocalRef): boolean {
    return ref === contextRef || this.others.has(ref)
  }

  get size(): number {
    return this.others.size + 1
  }

  keys(): Iterator<LocalRef> {
    return this.copy().keys()
  }

  values(): Iterator<LocalStack> {
    return this.copy().values()
  }

  entries(): Iterator<[LocalRef, LocalStack]> {
    return this.copy().entries()
  }

  forEach(look: (stack: LocalStack, ref: LocalRef) => void): void {
    this.copy().forEach(look)
  }

  [Symbol.iterator](): Iterator<[LocalRef, LocalStack]> {
    return this.copy()[Symbol.iterator]()
  }

  copy(): Locals {
    return new Map(this.others).set(FiberRef.currentContext, this.context)
  }
}

// compared with refs of any type
const contextRef: unknown = FiberRef.currentContext

const lazyContext = (run: Run): Context.Context<never> =>
  Context.unsafeMake<never>(run as unknown as Map<string, unknown>)

/** A fiber as it is inside Effect. */
interface FiberRuntime {
  readonly setFiberRefs: (refs: FiberRefs.FiberRefs) => void
}

const hasSetFiberRefs = (fiber: object): fiber is FiberRuntime =>
  "setFiberRefs" in fiber && typeof fiber.setFiberRefs === "function"

/**
 * Gives the fiber that runs it these local values and the context of a run, and nothing that another run left.
 *
 * @since 0.1.0
 * @category running
 */
export type Enter = <A>(
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  locals: Locals,
  run: Run,
  effect: Effect.Effect<A>
) => Effect.Effect<A>

/**
 * In documented API.
 *
 * @since 0.1.0
 * @category running
 */
export const enterCopying: Enter = (fiber, locals, run, effect) => {
  const context = Context.unsafeMake<never>(run.copy())
  const refs = new RunLocals(locals, fiber.id(), context).copy()
  return Effect.zipRight(
    Effect.updateFiberRefs(() => FiberRefs.unsafeMake(refs)),
    effect
  )
}

/**
 * Copies nothing. To be called on the fiber itself.
 *
 * @since 0.1.0
 * @category running
 */
export const enterLazily: Enter = (fiber, locals, run, effect) => {
  if (!hasSetFiberRefs(fiber)) return enterCopying(fiber, locals, run, effect)
  const refs = new RunLocals(locals, fiber.id(), lazyContext(run))
  fiber.setFiberRefs(FiberRefs.unsafeMake(refs as unknown as Locals))
  return effect
}

class Probe extends Context.Tag("@effect-qq/core/RunContext/Probe")<Probe, string>() {}

/** What can be observed of a run's context and of what becomes of it: extended, cut, in other fibers and after them. */
const observe = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  const inFork = yield* Effect.flatMap(Effect.fork(Effect.context<never>()), Fiber.join)
  const inRuntime = (yield* Effect.runtime<never>()).context
  const added = Context.merge(Context.make(Probe, ""), Context.add(context, Probe, "added"))
  const nested = yield* Effect.provideService(Probe, Probe, "provided")
  return [
    context,
    inFork,
    inRuntime,
    Context.omit(Probe)(added),
    Context.get(added, Probe),
    nested,
    Context.unsafeGet(context, Scope.Scope),
    Context.unsafeGet(context, HandlerRun.CurrentRun)
  ] as const
})

/**
 * {@link enterLazily}, where the installed version of Effect lets a run observe no difference; else {@link enterCopying}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEnter: Effect.Effect<Enter> = Effect.gen(function* () {
  const scopes = yield* makeScopes
  const event = Event.gap({ from: 0, to: 0, lastSeq: 0, shard: [0, 1] })
  const run = new Run(new Map(), "", event, scopes)
  const observed = (enter: Enter) =>
    Effect.withFiberRuntime<ReadonlyArray<unknown>>((fiber) => {
      const { locals } = FiberRefs.delete(fiber.getFiberRefs(), FiberRef.currentContext)
      return enter(fiber, locals, run, observe)
    }).pipe(Effect.fork, Effect.flatMap(Fiber.await), Effect.map(Exit.map(Data.array)))
  const copying = yield* observed(enterCopying)
  const lazily = yield* observed(enterLazily)
  return Equal.equals(copying, lazily) && Exit.isSuccess(lazily) ? enterLazily : enterCopying
})
