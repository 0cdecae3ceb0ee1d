/**
 * Every number and choice of delivery, from the socket to the handlers, in one value.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * The policy of delivery. The defaults are {@link defaults}.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeliveryPolicy {
  /** The most events that may be received and not yet settled. Default 65 536. */
  readonly capacity: number
  /** The most text, in UTF-16 code units, that those events may hold. Default 64 Mi. */
  readonly maximumSize: number
  /**
   * What a full inbox does. `pause` loses nothing: it stops accepting, keeps the connection and its heartbeats, and, once
   * half empty, resumes the session from the last accepted event. The others drop, count and log. Default `pause`.
   */
  readonly overflow: "pause" | "drop-oldest" | "drop-newest"
  /** The least time between two resumes that a full inbox asks for. Default 10 s. */
  readonly overflowResumeEvery: Duration.Duration
  /** How many conversations are handled at the same time. Default 64. */
  readonly concurrency: number
  /**
   * How many conversations' interactions are handled at the same time, besides `concurrency`: the press of a button must
   * not wait for a handler that waits for the press. Default 64.
   */
  readonly interactionConcurrency: number
  /**
   * Maximum number of interactions without a handler that are kept per conversation, for `Gateway.next`, until the events
   * before them are handled. The oldest is given up first. Default 16; with 0 none is kept.
   */
  readonly unclaimedInteractions: number
  /** How long the handlers of one event may take. Default 10 min. */
  readonly handlerTimeout: Duration.Duration
  /** How long a shutdown waits for running handlers. Default 10 s. */
  readonly drainTimeout: Duration.Duration
  /** How long a settled message id is remembered once its seq lies below the watermark. Default 10 min. */
  readonly deduplicationWindow: Duration.Duration
  /** The most message ids that are remembered. Default 65 536. */
  readonly deduplicationCapacity: number
  /** The most message ids below the watermark that are stored for the next process. Default 2048. */
  readonly deduplicationStored: number
  /**
   * Whether messages written by bots reach the handlers. Default `false`: it would make loops of two bots. Messages that this
   * bot sent itself never do.
   */
  readonly messagesByBots: boolean
  /** How long the id of a message that this bot sent is known as its own, should it come back. Default 10 min. */
  readonly ownMessagesWindow: Duration.Duration
  /** Maximum number of such ids that are remembered. Default 4096. */
  readonly ownMessagesCapacity: number
  /**
   * Whether each run of a handler is a span of its own, `Handler.run`. Default `false`: a span costs several times what an
   * event costs otherwise.
   */
  readonly handlerSpans: boolean
  /** How often, at most, the watermark is stored. Default 1 s. */
  readonly saveEvery: Duration.Duration
}

/**
 * The defaults, documented at the fields of {@link DeliveryPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: DeliveryPolicy = {
  capacity: 65_536,
  maximumSize: 64 * 1024 * 1024,
  overflow: "pause",
  overflowResumeEvery: Duration.seconds(10),
  concurrency: 64,
  interactionConcurrency: 64,
  unclaimedInteractions: 16,
  handlerTimeout: Duration.minutes(10),
  drainTimeout: Duration.seconds(10),
  deduplicationWindow: Duration.minutes(10),
  deduplicationCapacity: 65_536,
  deduplicationStored: 2048,
  messagesByBots: false,
  ownMessagesWindow: Duration.minutes(10),
  ownMessagesCapacity: 4096,
  handlerSpans: false,
  saveEvery: Duration.seconds(1)
}
