/**
 * What stands around handlers: functions from a handler to a handler, which log it, deny some events, limit how often it runs
 * or give it a value of its own. They fit handlers of messages, of events, of commands and of callbacks alike, because all
 * these are functions from something with an author to an effect.
 *
 * @example
 * ```ts
 * import { Gateway, Handler, Message, Messenger, MessageView } from "@effect-qq/core"
 * import { Effect, Layer } from "effect"
 *
 * const isGuest = ({ author }: MessageView.MessageView) => author.role === undefined
 *
 * const Echo = Layer.unwrapEffect(
 *   Effect.map(Handler.limited({ times: 3, within: "1 minute" }), (limited) =>
 *     Gateway.onMessage(
 *       Handler.compose(
 *         Handler.logged("echo"),
 *         Handler.denied(isGuest),
 *         limited
 *       )(({ event, text }: MessageView.MessageView) => Messenger.reply(event, Message.text(text)))
 *     )
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Monotonic from "../internal/Monotonic.ts"
import * as Limits from "./Limits.ts"
import * as Origin from "./Origin.ts"
import type * as UserState from "./UserState.ts"

/**
 * A handler: what is done about something.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler<in S, out A = unknown, out E = never, out R = never> = (subject: S) => Effect.Effect<A, E, R>

/**
 * What stands around a handler of `S`: it may fail with `E` besides, and needs `R`. A handler that does not run gives
 * `undefined`.
 *
 * @since 0.1.0
 * @category models
 */
export type Middleware<in S, E = never, R = never> = <T extends S, A, E1, R1>(
  handler: Handler<T, A, E1, R1>
) => Handler<T, A | undefined, E | E1, R | R1>

/**
 * Several middlewares as one. The first is the outermost: it sees an event first.
 *
 * @since 0.1.0
 * @category combinators
 */
export const compose: {
  <S>(): Middleware<S>
  <S, E1, R1>(first: Middleware<S, E1, R1>): Middleware<S, E1, R1>
  <S, E1, R1, S2, E2, R2>(
    first: Middleware<S, E1, R1>,
    second: Middleware<S2, E2, R2>
  ): Middleware<S & S2, E1 | E2, R1 | R2>
  <S, E1, R1, S2, E2, R2, S3, E3, R3>(
    first: Middleware<S, E1, R1>,
    second: Middleware<S2, E2, R2>,
    third: Middleware<S3, E3, R3>
  ): Middleware<S & S2 & S3, E1 | E2 | E3, R1 | R2 | R3>
  <S, E1, R1, S2, E2, R2, S3, E3, R3, S4, E4, R4>(
    first: Middleware<S, E1, R1>,
    second: Middleware<S2, E2, R2>,
    third: Middleware<S3, E3, R3>,
    fourth: Middleware<S4, E4, R4>
  ): Middleware<S & S2 & S3 & S4, E1 | E2 | E3 | E4, R1 | R2 | R3 | R4>
} =
  (...all: ReadonlyArray<Middleware<never, unknown, unknown>>) =>
  (handler: Handler<never, unknown, unknown, unknown>) =>
    // the overloads say what goes in and what comes out
    all.reduceRight((inner, middleware) => middleware(inner), handler) as never

/**
 * A middleware of one's own: `around` is given the event and the effect of the handler.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make =
  <S, E, R>(
    around: <A, E1, R1>(subject: S, effect: Effect.Effect<A, E1, R1>) => Effect.Effect<A | undefined, E | E1, R | R1>
  ): Middleware<S, E, R> =>
  (handler) =>
  (subject) =>
    around(
      subject,
      Effect.suspend(() => handler(subject))
    )

/**
 * Logs each run at level `Debug` with how long it took, and one that failed at level `Warning` with its cause, which goes on.
 * All that the handler logs is annotated with its name, the user and the conversation.
 *
 * @since 0.1.0
 * @category middlewares
 */
export const logged = (name: string): Middleware<Origin.Subject> =>
  make<Origin.Subject, never, never>((subject, effect) =>
    Effect.timed(effect).pipe(
      Effect.tap(([took]) => Effect.logDebug(`${name} took ${Duration.format(took)}`)),
      Effect.tapErrorCause((cause) => Effect.logWarning(`${name} failed`, cause)),
      Effect.map(([, value]) => value),
      Effect.annotateLogs({
        handler: name,
        user: Origin.keyOf(subject, "user"),
        conversation: Origin.keyOf(subject, "conversation")
      })
    )
  )

/**
 * Does not run the handler for what the predicate holds of; `otherwise` is done instead. Default: nothing.
 *
 * @since 0.1.0
 * @category middlewares
 */
export const denied = <S, E = never, R = never, E2 = never, R2 = never>(
  predicate: (subject: S) => boolean | Effect.Effect<boolean, E, R>,
  otherwise?: (subject: S) => Effect.Effect<unknown, E2, R2>
): Middleware<S, E | E2, R | R2> =>
  make<S, E | E2, R | R2>((subject, effect) =>
    Effect.gen(function* () {
      const answer = predicate(subject)
      if (!(typeof answer === "boolean" ? answer : yield* answer)) return yield* effect
      if (otherwise !== undefined) yield* otherwise(subject)
      return undefined
    })
  )

/**
 * How often a handler runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface LimitOptions<S, E, R> {
  readonly times: number
  readonly within: Duration.DurationInput
  /** Whose runs count together. Default `user`. */
  readonly per?: Origin.Per | undefined
  /** Keys that are remembered; beyond that the one that was used longest ago is forgotten. Default 10 000. */
  readonly capacity?: number | undefined
  /** Done instead, with how long it is until the handler may run again. Default: nothing. */
  readonly otherwise?: ((subject: S, wait: Duration.Duration) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * Runs a handler at most so often. A run that is retried counts once. It is an effect, because it remembers: make one for each
 * handler, or one for several that count together.
 *
 * @since 0.1.0
 * @category middlewares
 */
export const limited = <S extends Origin.Subject = Origin.Subject, E = never, R = never>(
  options: LimitOptions<S, E, R>
): Effect.Effect<Middleware<S, E, R>> =>
  Effect.sync(() => {
    const { capacity = Limits.defaultCapacity, otherwise, per = "user", times } = options
    const limit = { times, within: Duration.toMillis(options.within) }
    const limits = new Limits.Limits(capacity)
    return make<S, E, R>((subject, effect) =>
      Effect.gen(function* () {
        const now = yield* Monotonic.millis
        const wait = limits.claim(Origin.keyOf(subject, per), Origin.idOf(subject), now, limit)
        if (wait === 0) return yield* effect
        if (otherwise !== undefined) yield* otherwise(subject, Duration.millis(wait))
        return undefined
      })
    )
  })

/**
 * The value of whom an event came from, and ways to change it.
 *
 * @since 0.1.0
 * @category models
 */
export interface OwnState<A> {
  readonly get: Effect.Effect<A, UserState.StateUnavailable>
  readonly set: (value: A) => Effect.Effect<void, UserState.StateUnavailable>
  readonly update: (change: (value: A) => A) => Effect.Effect<A, UserState.StateUnavailable>
  readonly remove: Effect.Effect<void, UserState.StateUnavailable>
}

/**
 * A handler that is given the state of whom each event came from.
 *
 * @since 0.1.0
 * @category middlewares
 */
export const withState =
  <A>(state: UserState.UserState<A>) =>
  <S extends Origin.Subject, B, E, R>(
    handler: (subject: S, own: OwnState<A>) => Effect.Effect<B, E, R>
  ): Handler<S, B, E, R> =>
  (subject) =>
    handler(subject, {
      get: state.get(subject),
      set: (value) => state.set(subject, value),
      update: (change) => state.update(subject, change),
      remove: state.remove(subject)
    })
