/**
 * The text of a streamed reply whose source may fail: the text so far is kept, an ending is appended, and the failure
 * reaches the caller after both are sent.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * A text that does not fail, and how its author ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamSource<E, R> {
  readonly text: Stream.Stream<string, never, R>
  readonly hasFailed: () => boolean
  /** Fails as the source did, whatever the outcome of the message. */
  readonly orItsFailure: <A, E2, R2>(sent: Effect.Effect<A, E2, R2>) => Effect.Effect<A, E | E2, R2>
}

/**
 * What is said where a stream ends early, unless an ending was given.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultEnding = "(the answer was cut short)"

/**
 * A source of a text. An empty ending says nothing, unless nothing was said at all.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R>(text: Stream.Stream<string, E, R>, ending = defaultEnding): StreamSource<E, R> => {
  let failed: Cause.Cause<E> | undefined
  let hasSpoken = false
  const cut = (cause: Cause.Cause<E>): Stream.Stream<string> => {
    // a caller who leaves is no author who fails
    if (Cause.isInterrupted(cause)) return Stream.failCause(Cause.map(cause, (error): never => error as never))
    failed = cause
    if (!hasSpoken) return Stream.succeed(ending === "" ? defaultEnding : ending)
    return ending === "" ? Stream.empty : Stream.succeed(`\n\n${ending}`)
  }
  return {
    text: text.pipe(
      Stream.map((piece) => {
        hasSpoken ||= piece.trim() !== ""
        return piece
      }),
      Stream.catchAllCause(cut)
    ),
    hasFailed: () => failed !== undefined,
    orItsFailure: <A, E2, R2>(sent: Effect.Effect<A, E2, R2>) =>
      Effect.matchCauseEffect(sent, {
        onSuccess: (value): Effect.Effect<A, E> =>
          failed === undefined ? Effect.succeed(value) : Effect.failCause(failed),
        onFailure: (cause): Effect.Effect<never, E | E2> => {
          if (failed === undefined || Cause.isInterrupted(cause)) return Effect.failCause(cause)
          return Effect.zipRight(
            Effect.logWarning("the ending of a streamed reply was not sent after its source had failed", cause),
            Effect.failCause(failed)
          )
        }
      })
  }
}
