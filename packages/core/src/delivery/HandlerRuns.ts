/**
 * How the handlers of one event run on the fiber of a worker: the only handler of an event directly, in a context of its
 * own; several side by side, each on a fiber. No run leaves a fiber's local values to the next.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type * as Event from "../events/Event.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import { type Choice, type Direct, type Handler, tellFailure } from "./Handlers.ts"
import * as RunContext from "./RunContext.ts"
import { isUnfinished, type Routed } from "./Work.ts"

/**
 * What of a worker its runs know.
 *
 * @since 0.1.0
 * @category models
 */
export interface Runner {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  /** The event whose handlers run. */
  readonly work: Routed | undefined
  readonly scopes: RunContext.Scopes
  /** The run of a handler that runs directly. */
  run: RunContext.Run | undefined
  /** What remains to be done before the event is settled: to close the scope of its run. */
  ending: Effect.Effect<void> | undefined
}

/**
 * What a worker does between runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Steps {
  /** Gives the runner its next event; `false`: there is none. */
  readonly takeNext: () => boolean
  readonly begin: (work: Routed) => Effect.Effect<unknown>
  /** The handlers of the runner's event have ended. */
  readonly finish: () => void
}

/**
 * What {@link HandlerRuns} are made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: DeliveryPolicy
  /** Where callbacks run that are apart from any worker. */
  readonly scope: Scope.Scope
  /** The local values with which each run begins, but for its context. */
  readonly locals: FiberRefs.FiberRefs
  /** How a run gets its context. */
  readonly enter: RunContext.Enter
}

const traced = (run: Effect.Effect<void>, { envelope, t }: Event.Event, handler: string): Effect.Effect<void> =>
  Effect.withSpan(run, "Handler.run", {
    kind: "consumer",
    captureStackTrace: false,
    attributes: { "qq.event": t, "qq.event_id": envelope.id, "qq.seq": envelope.s, "qq.handler": handler }
  })

/** Tells a handler that it did not come to its own end: a callback of the user, which may fail too. */
const tell = (handler: Handler, event: Event.Event, cause: Cause.Cause<Cause.TimeoutException>) =>
  Effect.suspend(() => {
    if (handler.stopped !== undefined) return handler.stopped(event, cause)
    DeliveryMetrics.handlersFailed.unsafeUpdate(1, [])
    return tellFailure(handler.name, cause, event)
  }).pipe(Effect.catchAllDefect((defect) => tellFailure(handler.name, Cause.die(defect), event)))

/** The map of the context a handler was built with. A span around the workers stays the parent of what the run traces. */
const servicesOf = ({ services }: Direct, locals: FiberRefs.FiberRefs): ReadonlyMap<string, unknown> => {
  const outer = Option.getOrElse(FiberRefs.get(locals, FiberRef.currentContext), () => Context.empty())
  const parent: unknown = outer.unsafeMap.get(Tracer.ParentSpan.key)
  return parent === undefined ? services.unsafeMap : new Map(services.unsafeMap).set(Tracer.ParentSpan.key, parent)
}

/**
 * The runs of the workers of one bot.
 *
 * @since 0.1.0
 * @category models
 */
export class HandlerRuns {
  private readonly policy: DeliveryPolicy
  private readonly scope: Scope.Scope
  private readonly locals: FiberRefs.FiberRefs
  /** As a map, without a context. */
  private readonly localsBesides: FiberRefs.FiberRefs["locals"]
  private readonly enter: RunContext.Enter
  private readonly services = new Map<Direct, ReadonlyMap<string, unknown>>()
  /** Gives the fiber that runs it the local values of the workers, and no others. */
  readonly reset: Effect.Effect<void>

  constructor({ enter, locals, policy, scope }: Options) {
    this.policy = policy
    this.scope = scope
    this.locals = locals
    this.localsBesides = FiberRefs.delete(locals, FiberRef.currentContext).locals
    this.enter = enter
    this.reset = Effect.updateFiberRefs(() => locals)
  }

  /** Runs the handlers of one event after another. Nothing is wrapped around a run: a failure ends the loop, which begins again. */
  loop(runner: Runner, { begin, finish, takeNext }: Steps): Effect.Effect<void> {
    const next = (): Effect.Effect<unknown> => {
      const { ending, work } = runner
      runner.ending = undefined
      if (ending !== undefined) return ending
      return work === undefined ? Effect.void : begin(work)
    }
    const loop: Effect.Effect<void> = Effect.catchAllCause(
      Effect.whileLoop({
        while: () => runner.ending !== undefined || takeNext(),
        body: next,
        step: () => {
          if (this.succeeded(runner)) finish()
        }
      }),
      (cause) =>
        Effect.zipRight(
          this.failed(runner, cause),
          Effect.suspend(() => {
            finish()
            return loop
          })
        )
    )
    return loop
  }

  /**
   * Runs the handlers of the runner's event. Of several, each is noted in `work.over` when it has ended, and `onOver` runs
   * then. It fails as the handler does where that runs directly, which the types do not
   * say: see {@link HandlerRuns.failed}.
   */
  begin(runner: Runner, work: Routed, onOver: () => Effect.Effect<void>): Effect.Effect<unknown> {
    const [first] = work.handlers
    if (first === undefined) return Effect.void
    if (work.over !== undefined) return Effect.zipRight(this.reset, this.several(work, onOver))
    if (first.direct === undefined || this.policy.handlerSpans) {
      return Effect.zipRight(this.reset, this.single(first, work.event))
    }
    const effect = first.direct.attempt(work.event)
    // most events are not meant for most handlers: where there is nothing to do there is nothing to prepare
    if (effect === Effect.void) return effect
    const run = new RunContext.Run(this.servicesFor(first.direct), first.name, work.event, runner.scopes)
    runner.run = run
    return this.enter(runner.fiber, this.localsBesides, run, effect)
  }

  /** The handlers have succeeded. `false`: `ending` remains to be done. */
  private succeeded(runner: Runner): boolean {
    const { run, work } = runner
    if (run === undefined) return true
    runner.run = undefined
    const ending = run.end(Exit.void)
    if (ending === undefined) return true
    runner.ending = Effect.catchAllCause(ending, (cause) => this.tellFailed(work, cause))
    return false
  }

  /** A handler that ran directly has failed, whose event is settled nevertheless; anything else fails again. */
  private failed(runner: Runner, cause: Cause.Cause<never>): Effect.Effect<void> {
    const { run, work } = runner
    if (run === undefined) return Effect.failCause(cause)
    runner.run = undefined
    return Effect.matchCauseEffect(run.end(Exit.failCause(cause)) ?? Effect.void, {
      onFailure: (another) => this.tellFailed(work, Cause.sequential(cause, another)),
      onSuccess: () => this.tellFailed(work, cause)
    })
  }

  /** The runner's fiber ends. */
  interrupted(runner: Runner, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    const { run } = runner
    runner.run = undefined
    return run?.end(exit) ?? Effect.void
  }

  /** Tells the handlers that did not come to their own end, on another fiber: that may take its time. */
  tellStopped(work: Routed, cause: Cause.Cause<Cause.TimeoutException>): Effect.Effect<void> {
    const handlers = work.handlers.filter((handler) => isUnfinished(work, handler))
    return this.tellApart(handlers, work.event, () => cause)
  }

  /** Tells handlers that asking them about an event threw, on another fiber. */
  tellChoosing({ failed }: Choice, event: Event.Event): Effect.Effect<void> {
    const defects = new Map(failed)
    return this.tellApart([...defects.keys()], event, (handler) => Cause.die(defects.get(handler)))
  }

  /** The failure of handlers that are out of time. */
  get timedOut(): Cause.Cause<Cause.TimeoutException> {
    return Cause.fail(new Cause.TimeoutException(`stopped after ${Duration.format(this.policy.handlerTimeout)}`))
  }

  private tellFailed(work: Routed | undefined, cause: Cause.Cause<never>): Effect.Effect<void> {
    const told = work?.handlers[0]?.direct?.failed(work.event, cause) ?? Effect.void
    return Effect.zipRight(this.reset, told)
  }

  private servicesFor(direct: Direct): ReadonlyMap<string, unknown> {
    const known = this.services.get(direct)
    if (known !== undefined) return known
    const services = servicesOf(direct, this.locals)
    this.services.set(direct, services)
    return services
  }

  private tellApart(
    handlers: ReadonlyArray<Handler>,
    event: Event.Event,
    causeOf: (handler: Handler) => Cause.Cause<Cause.TimeoutException>
  ): Effect.Effect<void> {
    return Effect.forEach(handlers, (handler) => tell(handler, event, causeOf(handler)), {
      concurrency: "unbounded",
      discard: true
    }).pipe(
      Effect.timeoutOption(this.policy.handlerTimeout),
      // this is called where nothing can be interrupted any more
      Effect.interruptible,
      Effect.forkIn(this.scope),
      Effect.asVoid
    )
  }

  private single(handler: Handler, event: Event.Event): Effect.Effect<void> {
    const run = handler.run(event, handler.name)
    return this.policy.handlerSpans ? traced(run, event, handler.name) : run
  }

  private several({ event, handlers, over }: Routed, onOver: () => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.forEach(
      handlers,
      (handler) =>
        Effect.zipRight(
          // one that dies ends no other handler of the event
          Effect.catchAllDefect(
            Effect.suspend(() => this.single(handler, event)),
            (defect) => tell(handler, event, Cause.die(defect))
          ),
          Effect.suspend(() => {
            over?.add(handler)
            return onOver()
          })
        ),
      { concurrency: "unbounded", discard: true }
    )
  }
}
