/**
 * Where handlers are registered: which events one is for, what a run of it has for its own, and what becomes of a run that
 * fails.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import type * as Interactions from "../openapi/Interactions.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"

/**
 * A handler in parts, for one who gives each run a context and a scope, and calls `failed` once that scope is closed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Direct {
  /** What the handler was built with. A run has a `Scope` and a `CurrentRun` besides. */
  readonly services: Context.Context<never>
  /** Needs the run's context, and fails with errors whose type only `failed` knows. */
  readonly attempt: (event: Event.Event) => Effect.Effect<unknown>
  readonly failed: (event: Event.Event, cause: Cause.Cause<never>) => Effect.Effect<void>
}

/**
 * Whether an interaction is acknowledged on receipt, and with what: `false` leaves it to the handler; a function is given the
 * interaction and the time in epoch milliseconds, and says what the user's client shows, or `undefined` where it has no
 * opinion. It is asked where events are received, so it has to be quick.
 *
 * @since 0.1.0
 * @category models
 */
export type Acknowledge = boolean | ((event: Event.InteractionCreate, now: number) => Interactions.Outcome | undefined)

/**
 * A handler that is ready to run: it needs nothing and never fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface Handler {
  /** Names the handler in logs, and in the `msg_seq` of its replies: the same in every process. */
  readonly name: string
  readonly types: ReadonlyArray<Event.EventType>
  /** `name`: that under which it was registered, which may have got a number. */
  readonly run: (event: Event.Event, name: string) => Effect.Effect<void>
  /** Event types that the intents of the connection are derived from. Default: `types`. */
  readonly subscribes?: ReadonlyArray<Event.EventType> | undefined
  /** Events for which this is false are none of the handler's. It is asked where events are routed. Default: all are. */
  readonly accepts?: ((event: Event.Event) => boolean) | undefined
  /** How long a run may take, where that is longer than the delivery policy says. */
  readonly timeout?: Duration.Duration | undefined
  /** Whether interactions may be acknowledged before it runs. Default `true`. */
  readonly acknowledge?: Acknowledge | undefined
  /** What a worker needs to run it on its own fiber. Absent where a run has a time-out or retries of its own. */
  readonly direct?: Direct | undefined
  /** Called with a run that was stopped because it was out of time, or that ended its own fiber. Default: it is logged. */
  readonly stopped?:
    | ((event: Event.Event, cause: Cause.Cause<Cause.TimeoutException>) => Effect.Effect<void>)
    | undefined
}

/**
 * What handlers say about an event.
 *
 * @since 0.1.0
 * @category models
 */
export interface Choice {
  readonly accepted: ReadonlyArray<Handler>
  readonly declined: ReadonlyArray<Handler>
  /** Handlers whose `accepts` threw; they do not run. */
  readonly failed: ReadonlyArray<readonly [handler: Handler, defect: unknown]>
}

/**
 * Asks handlers whether an event is theirs. Never throws.
 *
 * @since 0.1.0
 * @category lookups
 */
export const choose = (handlers: ReadonlyArray<Handler>, event: Event.Event): Choice => {
  const accepted: Array<Handler> = []
  const declined: Array<Handler> = []
  const failed: Array<readonly [Handler, unknown]> = []
  for (const handler of handlers) {
    try {
      if (handler.accepts?.(event) ?? true) accepted.push(handler)
      else declined.push(handler)
    } catch (defect) {
      failed.push([handler, defect])
    }
  }
  return { accepted, declined, failed }
}

/**
 * Where handlers are registered while a program is put together.
 *
 * @since 0.1.0
 * @category tags
 */
export class HandlerRegistry extends Context.Tag("@effect-qq/core/HandlerRegistry")<
  HandlerRegistry,
  {
    /** Registers a handler. Two handlers may not have the same name: the later one gets a number. */
    readonly register: (handler: Handler) => Effect.Effect<void>
    readonly handlers: Effect.Effect<ReadonlyArray<Handler>>
  }
>() {}

/**
 * An empty registry.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRegistry: Effect.Effect<Context.Tag.Service<HandlerRegistry>> = Effect.sync(() => {
  const handlers: Array<Handler> = []
  return HandlerRegistry.of({
    register: (handler) =>
      Effect.sync(() => {
        const taken = new Set(handlers.map(({ name }) => name))
        let name = handler.name
        for (let number = 2; taken.has(name); number++) name = `${handler.name}#${number}`
        handlers.push({ ...handler, name })
      }),
    handlers: Effect.sync(() => [...handlers])
  })
})

/**
 * How one handler is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface HandlerOptions<T extends Event.EventType, E> {
  /** Default: the event types, joined by `+`. Give one where two handlers listen to the same types. */
  readonly name?: string | undefined
  /**
   * Runs the handler again after a typed failure, with a scope of its own. It is the same run: what it replied before, it
   * replies again, and the platform shows it once. Default: never.
   */
  readonly retry?: Schedule.Schedule<unknown, E> | undefined
  /** How long one run may take, retries included. Default: what the delivery policy says. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * Whether interactions are acknowledged on receipt, before the handler runs: the platform waits for 3 s. `false` leaves
   * it to the handler, for all handlers of the same event; a function says what the user is shown. Default `true`.
   */
  readonly acknowledge?: Acknowledge | undefined
  /**
   * Event types that the handler waits for with `Gateway.next` and that no handler is registered for: the intents of the
   * connection are derived from these too. Default: none.
   */
  readonly awaits?: ReadonlyArray<Event.EventType> | undefined
  /** Told when the handler failed, died or ran out of time. Default: the failure is logged. */
  readonly onFailure?:
    | ((cause: Cause.Cause<E | Cause.TimeoutException>, event: Event.EventOf<T>) => Effect.Effect<void>)
    | undefined
}

/**
 * Logs that a handler failed on an event.
 *
 * @since 0.1.0
 * @category logging
 */
export const tellFailure = (
  name: string,
  cause: Cause.Cause<unknown>,
  { envelope, t }: Event.Event
): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logError(`handler ${name} failed`, cause), {
    event: t,
    ...(envelope.s === undefined ? {} : { seq: envelope.s }),
    ...(envelope.id === undefined ? {} : { eventId: envelope.id })
  })

/**
 * A Layer that registers a handler for events of the named types. What the handler needs, but for a `Scope`, which each
 * run has for its own, is needed by the Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const on = <const T extends Event.EventType, E, R>(
  types: T | ReadonlyArray<T>,
  handler: (event: Event.EventOf<T>) => Effect.Effect<unknown, E, R>,
  options?: HandlerOptions<T, E>
): Layer.Layer<never, never, Exclude<R, Scope.Scope> | HandlerRegistry> =>
  onAccepted(typeof types === "string" ? [types] : types, handler, options)

/**
 * As {@link on}, for some events of the named types.
 *
 * @since 0.1.0
 * @category layers
 */
export const onAccepted = <T extends Event.EventType, E, R>(
  list: ReadonlyArray<T>,
  handler: (event: Event.EventOf<T>) => Effect.Effect<unknown, E, R>,
  options?: HandlerOptions<T, E> & Pick<Handler, "accepts" | "subscribes">
): Layer.Layer<never, never, Exclude<R, Scope.Scope> | HandlerRegistry> => {
  const name = options?.name ?? list.join("+")
  const onFailure = options?.onFailure
  return Layer.effectDiscard(
    Effect.gen(function* () {
      const registry = yield* HandlerRegistry
      const context = yield* Effect.context<Exclude<R, Scope.Scope>>()
      const failed = (cause: Cause.Cause<E | Cause.TimeoutException>, event: Event.EventOf<T>): Effect.Effect<void> =>
        Effect.suspend(() => {
          DeliveryMetrics.handlersFailed.unsafeUpdate(1, [])
          return onFailure === undefined ? tellFailure(name, cause, event) : onFailure(cause, event)
        }).pipe(Effect.catchAllCause((another) => tellFailure(name, another, event)))
      const attempt = (event: Event.EventOf<T>): Effect.Effect<unknown, E, R> => {
        try {
          return handler(event)
        } catch (defect) {
          return Effect.die(defect)
        }
      }
      /**
       * The context of one run: what the handler was built with, which never changes, and what is its own. A span around
       * the run, which is the worker's, stays its parent.
       */
      const contextOf = (outer: Context.Context<never>, run: HandlerRun.HandlerRun, scope: Scope.Scope) => {
        const services = new Map(context.unsafeMap)
        const parent: unknown = outer.unsafeMap.get(Tracer.ParentSpan.key)
        if (parent !== undefined) services.set(Tracer.ParentSpan.key, parent)
        services.set(HandlerRun.CurrentRun.key, Option.some(run))
        services.set(Scope.Scope.key, scope)
        // all that R asks for, though the type system cannot see that R without Scope and with it is R
        return Context.unsafeMake<R>(services)
      }
      /** Runs what a handler gave for an event, with a scope and a context of its own. */
      const once = (effect: Effect.Effect<unknown, E, R>, run: HandlerRun.HandlerRun): Effect.Effect<unknown, E> =>
        Effect.flatMap(Scope.make(), (scope) =>
          effect.pipe(
            Effect.mapInputContext((outer: Context.Context<never>) => contextOf(outer, run, scope)),
            Effect.onExit((exit) => Scope.close(scope, exit))
          )
        )
      const whole = (
        first: Effect.Effect<unknown, E, R>,
        event: Event.EventOf<T>,
        run: HandlerRun.HandlerRun
      ): Effect.Effect<unknown, E | Cause.TimeoutException> => {
        let effect: Effect.Effect<unknown, E, R> | undefined = first
        const retried =
          options?.retry === undefined
            ? once(first, run)
            : Effect.retry(
                Effect.suspend(() => {
                  const now = effect ?? attempt(event)
                  effect = undefined
                  // its replies are counted from the first one again: they are the same replies
                  return once(now, HandlerRun.again(run))
                }),
                options.retry
              )
        return options?.timeout === undefined ? retried : Effect.timeout(retried, options.timeout)
      }
      yield* registry.register({
        name,
        types: list,
        timeout: options?.timeout === undefined ? undefined : Duration.decode(options.timeout),
        acknowledge: options?.acknowledge,
        direct:
          options?.retry === undefined && options?.timeout === undefined
            ? {
                services: context,
                // all that R asks for is in the services, or is the run's own
                attempt: (event) => attempt(event as Event.EventOf<T>) as unknown as Effect.Effect<unknown>,
                failed: (event, cause) => failed(cause, event as Event.EventOf<T>)
              }
            : undefined,
        accepts: options?.accepts,
        subscribes: [...(options?.subscribes ?? list), ...(options?.awaits ?? [])],
        run: (event, registered) => {
          // the registry calls a handler with events of its types only
          const own = event as Event.EventOf<T>
          const first = attempt(own)
          // most events are not meant for most handlers: one that has nothing to do needs no scope and no context
          if (Exit.isExit(first) && Exit.isSuccess(first)) return Effect.void
          return Effect.matchCauseEffect(whole(first, own, HandlerRun.make(registered, event)), {
            onFailure: (cause) => failed(cause, own),
            onSuccess: () => Effect.void
          })
        },
        stopped: (event, cause) => failed(cause, event as Event.EventOf<T>)
      })
    })
  )
}
