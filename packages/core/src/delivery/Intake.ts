/**
 * One way for events to come in, a session or a webhook: the port that dispatches are handed to, over an inbox of its own.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as MetricLabel from "effect/MetricLabel"
import * as Event from "../events/Event.ts"
import type { DispatchSinkShape } from "../gateway/DispatchSink.ts"
import type * as GatewayMetrics from "../gateway/GatewayMetrics.ts"
import type { Deduplication } from "./Deduplication.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type * as Inbox from "./Inbox.ts"

/**
 * One way for events to come in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Intake {
  /** The port that dispatches are handed to. */
  readonly sink: DispatchSinkShape
  /** Routes what comes in until it is interrupted. */
  readonly run: Effect.Effect<never>
}

const noTags: ReadonlyArray<MetricLabel.MetricLabel> = []

/**
 * Shows in the metrics how full an inbox is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const gaugeOf = (labels: GatewayMetrics.Labels): Inbox.Gauge => {
  const depth = DeliveryMetrics.inboxDepth(labels)
  const behind = DeliveryMetrics.watermarkLag(labels)
  return (unsettled, lag) => {
    depth.unsafeUpdate(unsettled, noTags)
    behind.unsafeUpdate(lag, noTags)
  }
}

/**
 * The port of an inbox. What is settled has times of a steady clock, and is stored with those of the wall clock; both in epoch
 * milliseconds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSink = (
  inbox: Inbox.Inbox,
  deduplication: Deduplication,
  clocks: { readonly steady: () => number; readonly wall: () => number }
): DispatchSinkShape => ({
  begin: (seq, settled, older) => {
    deduplication.begin(inbox)
    deduplication.restore(inbox, settled)
    inbox.begin(seq, older)
  },
  offer: inbox.offer,
  announce: (frame) => inbox.announce(frame),
  gap: (gap, settled) => {
    const event = Event.gap(gap)
    inbox.announce(event.envelope, event, settled)
  },
  watermark: inbox.watermark,
  progress: () => {
    const now = clocks.steady()
    const ahead = clocks.wall() - now
    const settled = deduplication.snapshot(inbox, now)
    return {
      watermark: inbox.watermark(),
      settled: ahead === 0 ? settled : settled.map((id) => ({ ...id, at: id.at + ahead }))
    }
  },
  room: inbox.room,
  changed: inbox.changed
})
