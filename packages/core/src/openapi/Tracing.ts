/**
 * Spans that cost nothing without a tracer.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** The tracer that is there before anybody brings one: nothing ever reads its spans. */
const silent = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/**
 * Runs an effect in a span of its own, where there is a tracer that hands spans on: a span costs as much as a tenth of a
 * request. `options` are asked for only then, and so is `onSuccess`, the attributes that the outcome adds.
 *
 * @since 0.1.0
 * @category tracing
 */
export const withSpan =
  <A>(
    name: string,
    options: () => Omit<Tracer.SpanOptions, "captureStackTrace">,
    onSuccess?: (value: A) => Readonly<Record<string, unknown>>
  ) =>
  <E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.tracerWith((tracer) => {
      if (tracer === silent) return effect
      const annotated =
        onSuccess === undefined
          ? effect
          : Effect.tap(effect, (value) => Effect.annotateCurrentSpan(onSuccess(value) as Record<string, unknown>))
      return Effect.withSpan(annotated, name, { ...options(), captureStackTrace: false }) as Effect.Effect<A, E, R>
    })
