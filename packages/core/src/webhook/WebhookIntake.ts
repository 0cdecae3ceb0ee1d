/**
 * Where a webhook hands its events: a port that is filled for as long as handlers run, so that the same handlers, with the
 * same deduplication, serve the gateway and the webhook.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { DispatchSinkShape } from "../gateway/DispatchSink.ts"
import type { Frame } from "../gateway/Frame.ts"

/**
 * What became of an event that was offered.
 *
 * - `Taken`: it is in the inbox, and no longer the platform's concern.
 * - `Full`: there is no room for it, or it was dropped at once for want of room.
 * - `Absent`: no handlers run.
 *
 * @since 0.1.0
 * @category models
 */
export type Offered = "Taken" | "Full" | "Absent"

/**
 * What events go to: the dispatch sink of a session is one.
 *
 * @since 0.1.0
 * @category models
 */
export type Sink = Pick<DispatchSinkShape, "offer">

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebhookIntakeShape {
  /**
   * Offers one event whose text had `size` UTF-16 code units. The event must have no sequence number: those of a webhook
   * belong to no session. Of one that is taken, `ended` is told once: `true` when all its handlers are done, `false` when
   * it was dropped for a newer one, or the intake closed before that.
   */
  readonly offer: (event: Frame, size: number, ended?: (settled: boolean) => void) => Offered
  /**
   * For the part that runs handlers: events go to this sink until the scope closes. Of several, they go to the one that was
   * there first.
   */
  readonly open: (sink: Sink) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * The intake of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class WebhookIntake extends Context.Tag("@effect-qq/core/WebhookIntake")<WebhookIntake, WebhookIntakeShape>() {}

/**
 * An intake behind which no handlers run yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<WebhookIntakeShape> = Effect.sync(() => {
  /** Each with those who wait for an event to be settled. */
  const sinks = new Map<Sink, Set<(settled: boolean) => void>>()
  return {
    offer: (event, size, ended) => {
      const [first] = sinks
      if (first === undefined) return "Absent"
      const [sink, waiting] = first
      let isOffering = true
      let isDropped = false
      if (ended !== undefined) waiting.add(ended)
      const isTaken = sink.offer(event, size, (handled) => {
        // the platform repeats what was not taken, and what was dropped at once was not
        if (isOffering && !handled) isDropped = true
        else if (ended !== undefined && waiting.delete(ended)) ended(handled)
      })
      isOffering = false
      if (isTaken && !isDropped) return "Taken"
      if (ended !== undefined) waiting.delete(ended)
      return "Full"
    },
    open: (sink) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => sinks.set(sink, new Set())),
          () =>
            Effect.sync(() => {
              const waiting = [...(sinks.get(sink) ?? [])]
              sinks.get(sink)?.clear()
              sinks.delete(sink)
              for (const ended of waiting) ended(false)
            })
        )
      )
  }
})

/**
 * The intake of one bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<WebhookIntake> = Layer.effect(WebhookIntake, make)
