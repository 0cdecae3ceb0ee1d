/**
 * Every number and choice of a session's life in one value, so that none of them is hidden in a loop.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * The policy of a session. All durations may be replaced; the defaults are {@link defaults}.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionPolicy {
  /** Waits between reconnects; the last one repeats for ever. Default 1, 2, 5, 10, 30, 60 s. */
  readonly reconnectLadder: ReadonlyArray<Duration.Duration>
  /** Waits while no HELLO was ever received. Default 5, 10, 30, 60 s. */
  readonly startupLadder: ReadonlyArray<Duration.Duration>
  /** Waits between identifies. Default 1, 2, 5, 10, 30, 60 s. */
  readonly identifyLadder: ReadonlyArray<Duration.Duration>
  /** The largest share that is added to a rung at random, never subtracted. Default 0.2. */
  readonly jitter: number
  /** Ready for this long, with an answered heartbeat: the reconnect ladder starts over. Default 30 s. */
  readonly stableAfter: Duration.Duration
  /** Ready for this long: the identify ladder starts over. Default 10 min. */
  readonly identifyStableAfter: Duration.Duration
  /** An unrequested end sooner than this after the latest HELLO, READY or RESUMED is a quick disconnect. Default 5 s. */
  readonly quickDisconnect: Duration.Duration
  /** Consecutive quick disconnects before {@link SessionPolicy.quickDisconnectPenalty} applies. Default 3. */
  readonly quickDisconnectLimit: number
  /** The least wait after too many quick disconnects. Default 60 s. */
  readonly quickDisconnectPenalty: Duration.Duration
  /** The least wait after the platform said that it is asked too often. Default 60 s. */
  readonly rateLimitedWait: Duration.Duration
  /**
   * The longest wait that is granted to a server: a `Retry-After`, a `retry_after` in a body, or an identify's share of
   * `reset_after`. A longer one is cut to this; a `Retry-After` that was cut is warned about. Default 10 min.
   */
  readonly maximumRetryAfter: Duration.Duration
  /** The least time between two attempts to connect that `reconnectNow` brings about; a call in between waits. Default 5 s. */
  readonly reconnectNowSpacing: Duration.Duration
  /** The most that is waited at random after the server asked for a reconnect. Default 1 s. */
  readonly requestedReconnectJitter: Duration.Duration
  /** A second requested reconnect within this time takes the ladder. Default 60 s. */
  readonly requestedReconnectWindow: Duration.Duration
  /** How long an op 9 waits for the close frame that explains it. Default 5 s. */
  readonly invalidSessionGrace: Duration.Duration
  /** The wait after an op 9. Default 3 s. */
  readonly invalidSessionWait: Duration.Duration
  /** How often to recheck an error that only the operator can fix, after a first READY. Default 10 min. */
  readonly refusalProbe: Duration.Duration
  /** Consecutive credential refusals that end the session. Default 3. */
  readonly credentialAttempts: number
  /** Consecutive refused identifies after which the log names the likely cause. Default 3. */
  readonly identifyRefusals: number
  /**
   * How long op 9 `d:false` or 4903 must have been the answer to every identify, before the first READY of the process,
   * for the bot to stop: an intent is then not granted. After a READY they never end a bot. Default 10 min.
   */
  readonly identifyRefusedFor: Duration.Duration
  /** Resumes without a dispatch or an ACK in {@link SessionPolicy.fruitlessResumeWindow} that drop the session. Default 5. */
  readonly fruitlessResumes: number
  /** Default 300 s. */
  readonly fruitlessResumeWindow: Duration.Duration
  /** A session older than this is replaced at a quiet moment. Default 24 h. Source: bot-docs#191 (deaf after days). */
  readonly maximumAge: Duration.Duration
  /** The most shards that one process runs; `run` fails beyond it. Default 1000. */
  readonly maximumShards: number
  /** The most time for reading one stored record at start, retries included. Default 4 s. */
  readonly storeReadTimeout: Duration.Duration
  /** The most time for one write to the session store. Default 5 s. */
  readonly storeWriteTimeout: Duration.Duration
  /** How long no dispatch may have come for a moment to be quiet. Default 60 s. */
  readonly quietFor: Duration.Duration
  /** Consecutive failed connects after which the metadata is requested again. Default 3. */
  readonly metadataAfterFailures: number
  /** Maximum number of shards of a bot that are between dialling and Ready at the same time. Default 16. */
  readonly concurrentHandshakes: number
  /** Time for the socket to open. Default 10 s. */
  readonly openTimeout: Duration.Duration
  /** Time from open to HELLO. Default 20 s. */
  readonly helloTimeout: Duration.Duration
  /** Time without any frame between the identify or resume and READY or RESUMED. Default 30 s. */
  readonly readyTimeout: Duration.Duration
  /** Time for the peer to answer a close frame before the socket is terminated. Default 1 s. */
  readonly closeTimeout: Duration.Duration
  /** The heartbeat interval when HELLO has none that can be used. Default 45 s. */
  readonly heartbeatInterval: Duration.Duration
  /** The smallest heartbeat interval that is obeyed. Default 100 ms. */
  readonly minimumHeartbeatInterval: Duration.Duration
  /** The largest heartbeat interval that is obeyed. Default 10 min. */
  readonly maximumHeartbeatInterval: Duration.Duration
  /** The most that a beat waits for its ACK before the one probe; at most an interval. Default 10 s. */
  readonly heartbeatAckTimeout: Duration.Duration
  /** The most that the probe waits for its ACK; at most an interval. Default 5 s. */
  readonly heartbeatProbeTimeout: Duration.Duration
  /** What a heartbeat reports: the last seq received (as documented), or the last one settled. Default `received`. */
  readonly heartbeatSeq: "received" | "settled"
  /** What close code 4009 does: resume, as documented, or identify, as some clients do. Default `resume`. */
  readonly expiredSession: "resume" | "identify"
  /**
   * How a shutdown leaves: so that the session can be resumed, or with 1000, which ends it. After that a gap is reported only
   * where handlers were cut off, or an earlier one was not reported yet. Default `keep`.
   */
  readonly onShutdown: "keep" | "end"
}

/**
 * The defaults, each with its reason beside the field it fills in {@link SessionPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: SessionPolicy = {
  reconnectLadder: [1, 2, 5, 10, 30, 60].map(Duration.seconds),
  startupLadder: [5, 10, 30, 60].map(Duration.seconds),
  identifyLadder: [1, 2, 5, 10, 30, 60].map(Duration.seconds),
  jitter: 0.2,
  stableAfter: Duration.seconds(30),
  identifyStableAfter: Duration.minutes(10),
  quickDisconnect: Duration.seconds(5),
  quickDisconnectLimit: 3,
  quickDisconnectPenalty: Duration.seconds(60),
  rateLimitedWait: Duration.seconds(60),
  maximumRetryAfter: Duration.minutes(10),
  reconnectNowSpacing: Duration.seconds(5),
  requestedReconnectJitter: Duration.seconds(1),
  requestedReconnectWindow: Duration.seconds(60),
  invalidSessionGrace: Duration.seconds(5),
  invalidSessionWait: Duration.seconds(3),
  refusalProbe: Duration.minutes(10),
  credentialAttempts: 3,
  identifyRefusals: 3,
  identifyRefusedFor: Duration.minutes(10),
  fruitlessResumes: 5,
  fruitlessResumeWindow: Duration.seconds(300),
  maximumAge: Duration.hours(24),
  maximumShards: 1000,
  storeReadTimeout: Duration.seconds(4),
  storeWriteTimeout: Duration.seconds(5),
  quietFor: Duration.seconds(60),
  metadataAfterFailures: 3,
  concurrentHandshakes: 16,
  openTimeout: Duration.seconds(10),
  helloTimeout: Duration.seconds(20),
  readyTimeout: Duration.seconds(30),
  closeTimeout: Duration.seconds(1),
  heartbeatInterval: Duration.seconds(45),
  minimumHeartbeatInterval: Duration.millis(100),
  maximumHeartbeatInterval: Duration.minutes(10),
  heartbeatAckTimeout: Duration.seconds(10),
  heartbeatProbeTimeout: Duration.seconds(5),
  heartbeatSeq: "received",
  expiredSession: "resume",
  onShutdown: "keep"
}
