/**
 * Where a session hands its dispatches: a port that the delivery side fills.
 *
 * Everything but {@link DispatchSinkShape.room} and {@link DispatchSinkShape.changed} is synchronous, because it is called
 * from the callback of the socket.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Frame } from "./Frame.ts"

/**
 * A message id that was settled, as it is kept across restarts.
 *
 * @since 0.1.0
 * @category models
 */
export interface SettledId {
  readonly key: string
  readonly sequence: number
  /** When it was settled, in epoch milliseconds. */
  readonly at: number
}

/**
 * What the sink knows of the current session.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  /** The watermark: the highest received sequence number up to which every event was settled. */
  readonly watermark: number
  readonly settled: ReadonlyArray<SettledId>
}

/**
 * Between the end of one session and the beginning of the next nothing was received, and the platform keeps no history.
 *
 * @since 0.1.0
 * @category models
 */
export interface Gap {
  /**
   * Up to here, in epoch milliseconds, everything was received for sure. Where the machine's clock was set during the gap,
   * `from` and `to` cover the gap by the clock as it was before and as it is now.
   */
  readonly from: number
  /** When the new session began, in epoch milliseconds. */
  readonly to: number
  /** The last sequence number received in the session that was lost. */
  readonly lastSeq: number
  readonly shard: readonly [index: number, count: number]
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface DispatchSinkShape {
  /**
   * A session began at this sequence number, or goes on from it after a restart. What belongs to an older one moves nothing;
   * `older` is called once all of that is settled, at once if it is.
   */
  readonly begin: (sequence: number, settled: ReadonlyArray<SettledId>, older?: () => void) => void
  /**
   * Takes one dispatch whose text had `size` UTF-16 code units. `false`: the sink is full, and this one was not taken.
   * `settled` is called with `true` once its handlers are done, with `false` once it was dropped, be that at once.
   */
  readonly offer: (frame: Frame, size: number, settled?: (handled: boolean) => void) => boolean
  /** Takes the frame with which a session began, whatever the sink has room for. */
  readonly announce: (frame: Frame) => void
  /**
   * A session was lost before this one began, and with it whatever happened in between. Taken like an announcement.
   * `settled` is called once its handlers are done: the platform does not replay it, so until then a restart has to report it again.
   */
  readonly gap: (gap: Gap, settled?: () => void) => void
  /** The watermark of the current session. */
  readonly watermark: () => number
  /** The watermark and the ids that must survive a restart. */
  readonly progress: () => Progress
  /** Completes when the sink is at most half full. */
  readonly room: Effect.Effect<void>
  /** Completes when {@link DispatchSinkShape.progress} has changed since it last completed. */
  readonly changed: Effect.Effect<void>
}

/**
 * The port between a session and what handles its events.
 *
 * @since 0.1.0
 * @category tags
 */
export class DispatchSink extends Context.Tag("@effect-qq/core/DispatchSink")<DispatchSink, DispatchSinkShape>() {}
