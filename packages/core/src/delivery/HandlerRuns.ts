/**
 * What runs for one event: its handlers side by side, each in a span where the policy asks for it, and what is called for
 * those that were stopped.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Event from "../events/Event.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import { type Handler, tellFailure } from "./Handlers.ts"
import { isUnfinished, type Routed } from "./Work.ts"

const traced = (run: Effect.Effect<void>, { envelope, t }: Event.Event, handler: string): Effect.Effect<void> =>
  Effect.withSpan(run, "Handler.run", {
    kind: "consumer",
    captureStackTrace: false,
    attributes: { "qq.event": t, "qq.event_id": envelope.id, "qq.seq": envelope.s, "qq.handler": handler }
  })

const one = (handler: Handler, event: Event.Event, policy: DeliveryPolicy): Effect.Effect<void> => {
  const run = handler.run(event, handler.name)
  return policy.handlerSpans ? traced(run, event, handler.name) : run
}

/**
 * Runs the handlers of an event. Of several, each is noted in `work.over` when it has ended, and `onOver` runs then.
 *
 * @since 0.1.0
 * @category running
 */
export const all = (work: Routed, policy: DeliveryPolicy, onOver: () => Effect.Effect<void>): Effect.Effect<void> => {
  const { event, handlers, over } = work
  const [first] = handlers
  if (over === undefined && first !== undefined) return one(first, event, policy)
  return Effect.forEach(
    handlers,
    (handler) =>
      Effect.zipRight(
        one(handler, event, policy),
        Effect.suspend(() => {
          over?.add(handler)
          return onOver()
        })
      ),
    { concurrency: "unbounded", discard: true }
  )
}

const toldStopped = (handler: Handler, event: Event.Event, cause: Cause.Cause<Cause.TimeoutException>) =>
  handler.stopped === undefined
    ? Effect.suspend(() => {
        DeliveryMetrics.handlersFailed.unsafeUpdate(1, [])
        return tellFailure(handler.name, cause, event)
      })
    : handler.stopped(event, cause)

/**
 * Tells the handlers that did not come to their own end. These are callbacks of the user.
 *
 * @since 0.1.0
 * @category running
 */
export const tellStopped = (work: Routed, cause: Cause.Cause<Cause.TimeoutException>): Effect.Effect<void> =>
  Effect.forEach(
    work.handlers.filter((handler) => isUnfinished(work, handler)),
    (handler) => toldStopped(handler, work.event, cause),
    { concurrency: "unbounded", discard: true }
  )
