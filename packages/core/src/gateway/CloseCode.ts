/**
 * The close codes of the gateway as data: code → meaning → recovery → source. Programs read this table; a new code is a
 * new row.
 *
 * Source of the 4xxx rows: `docs/develop/api-v2/dev-prepare/error-trace/websocket.md` of the platform's documentation,
 * unless a row says otherwise.
 *
 * @since 0.1.0
 */

/**
 * What a close code says about the session and the next connection.
 *
 * - `resume`: the session lives; reconnect and resume it.
 * - `expired`: the connection's time is over, as happens to every one after about half an hour: resume, not a failure.
 * - `identify`: the session is gone; reconnect and identify.
 * - `refresh-token`: the token was refused; fetch another, resume once, then identify.
 * - `slow-down`: frames came too fast; wait a minute, then resume.
 * - `refused-intents`: this set of intents is not granted; try the next one the caller named, else stop.
 * - `client-error`: the server could not read what was sent; once may be an accident, twice is a bug: stop.
 * - `not-allowed`: the caller's address is not on the allow-list of the bot.
 * - `misconfigured`: the server does not take this shard or version: stop, unless the bot has been online before.
 * - `fatal`: connecting again cannot help.
 *
 * @since 0.1.0
 * @category models
 */
export type CloseRecovery =
  | "resume"
  | "expired"
  | "identify"
  | "refresh-token"
  | "slow-down"
  | "refused-intents"
  | "client-error"
  | "not-allowed"
  | "misconfigured"
  | "fatal"

/**
 * One row of the table.
 *
 * @since 0.1.0
 * @category models
 */
export interface CloseCodeRow {
  readonly code: number
  readonly meaning: string
  readonly recovery: CloseRecovery
  /** What a person can do about it, for codes where reconnecting is not enough. */
  readonly hint?: string | undefined
  /** Whether it refuses an identify that it answers, as op 9 `d:false` does. */
  readonly refusesIdentify?: boolean | undefined
  readonly source: string
  /** Whether a frame was too large for somebody on the way: a resume would bring it again, a new session skips it. */
  readonly skipsFrame?: boolean | undefined
  /**
   * Whether another connection has resumed the session. Where this one was Ready and its process is still the owner, it takes
   * the session back, once.
   */
  readonly takenOver?: boolean | undefined
}

const documented = "error-trace/websocket.md"
const botgo = "botgo errs"
const rfc = "RFC 6455 §7.4.1"

const row = (
  code: number,
  recovery: CloseRecovery,
  meaning: string,
  source: string,
  hint?: string
): readonly [number, CloseCodeRow] => [code, { code, meaning, recovery, hint, source }]

const internalErrors = Array.from({ length: 14 }, (_, index) => 4900 + index)
  .filter((code) => code !== 4902 && code !== 4903)
  .map((code) => row(code, "identify", "internal error of the platform", documented))

/**
 * Every code that is documented or has been seen.
 *
 * @since 0.1.0
 * @category constants
 */
export const table: ReadonlyMap<number, CloseCodeRow> = new Map<number, CloseCodeRow>([
  row(1000, "resume", "normal closure, by the server", rfc),
  row(1001, "resume", "the server is going away", rfc),
  row(1002, "resume", "protocol error", rfc),
  row(1003, "resume", "unsupported data", rfc),
  row(1005, "resume", "closed without a status", rfc),
  row(1006, "resume", "the connection broke without a close frame", rfc),
  row(1007, "resume", "inconsistent data", rfc),
  row(1008, "resume", "policy violation", rfc),
  [1009, { code: 1009, recovery: "identify", meaning: "message too big", source: rfc, skipsFrame: true }],
  row(1010, "resume", "missing extension", rfc),
  row(1011, "resume", "internal error of the server", rfc),
  row(1012, "resume", "the service restarts", "IANA WebSocket close codes"),
  row(1013, "resume", "try again later", "IANA WebSocket close codes"),
  row(1014, "resume", "bad gateway", "IANA WebSocket close codes"),
  row(1015, "resume", "the TLS handshake failed", rfc),
  row(4000, "identify", "unknown error", botgo),
  row(
    4001,
    "client-error",
    "invalid opcode sent",
    documented,
    "the gateway did not understand an opcode this client sent"
  ),
  row(
    4002,
    "client-error",
    "invalid payload sent",
    documented,
    "the gateway did not understand a payload this client sent"
  ),
  row(4003, "identify", "not authenticated", botgo),
  row(4004, "refresh-token", "authentication failed", botgo, "check QQ_APP_ID and QQ_APP_SECRET"),
  row(4005, "identify", "already authenticated", botgo),
  row(4006, "identify", "the session id is invalid, it cannot be resumed", documented),
  row(4007, "identify", "the sequence number is wrong", documented),
  row(4008, "slow-down", "frames were sent too fast", documented),
  row(4009, "expired", "the connection expired: reconnect and resume", documented),
  row(
    4010,
    "misconfigured",
    "the shard is invalid",
    documented,
    "check the shard index and count of the configuration"
  ),
  row(4011, "misconfigured", "the shard has too many guilds", documented, "raise the number of shards"),
  row(4012, "misconfigured", "the version is invalid", documented, "upgrade this library"),
  row(4013, "refused-intents", "the intents are invalid", documented, "an intent bit does not exist; check QQ_INTENTS"),
  row(
    4014,
    "refused-intents",
    "an intent is not permitted",
    documented,
    "the bot lacks the permission for one of its intents: ask for it in the QQ open platform's console, or leave it out"
  ),
  row(4015, "fatal", "never documented nor seen; taken like 4014's family", "unsure"),
  [4902, { code: 4902, recovery: "identify", meaning: "reset by resume", source: "bot-node-sdk#94", takenOver: true }],
  [
    4903,
    {
      code: 4903,
      meaning: "the session could not be created",
      recovery: "identify",
      refusesIdentify: true,
      source: "openclaw-qqbot#18"
    }
  ],
  ...internalErrors,
  row(
    4914,
    "fatal",
    "the bot is delisted, only the sandbox may connect",
    documented,
    "the bot was taken down: see the QQ open platform's console"
  ),
  row(4915, "fatal", "the bot is banned", documented, "the bot was banned: see the QQ open platform's console"),
  row(
    4924,
    "not-allowed",
    "the address is not on the allow-list",
    "picoclaw#973",
    "add this machine's public IPv4 address to the bot's IP allow-list in the QQ open platform's console"
  )
])

/**
 * The row of a code. Codes that are not in the table: an unknown 4xxx means identify (the documentation's own "simple
 * logic"), anything else is a broken connection and keeps the session.
 *
 * @since 0.1.0
 * @category lookups
 */
export const lookup = (code: number): CloseCodeRow =>
  table.get(code) ??
  (code >= 4000 && code < 5000
    ? { code, meaning: "unknown close code", recovery: "identify", source: documented }
    : { code, meaning: "unknown close code", recovery: "resume", source: rfc })
