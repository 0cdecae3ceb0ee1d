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
  /** A refusal that may pass: it stops a bot that was never Ready, and makes one that was Ready identify on the ladder. */
  readonly mayPass?: true | undefined
  /** What a person can do about it, for codes where reconnecting is not enough. */
  readonly hint?: string | undefined
  readonly source: string
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

/** The row of a refusal that may pass. */
const passing = (...fields: Parameters<typeof row>): readonly [number, CloseCodeRow] => {
  const [code, refusal] = row(...fields)
  return [code, { ...refusal, mayPass: true }]
}

const internalErrors = Array.from({ length: 14 }, (_, index) => 4900 + index)
  .filter((code) => code !== 4902 && code !== 4903)
  .map((code) => row(code, "identify", "internal error of the platform", documented))

/**
 * Every code that is documented or has been seen.
 *
 * @since 0.1.0
 * @category constants
 */
export const table: ReadonlyMap<number, CloseCodeRow> = new Map([
  row(1000, "resume", "normal closure, by the server", rfc),
  row(1001, "resume", "the server is going away", rfc),
  row(1002, "resume", "protocol error", rfc),
  row(1003, "resume", "unsupported data", rfc),
  row(1005, "resume", "closed without a status", rfc),
  row(1006, "resume", "the connection broke without a close frame", rfc),
  row(1007, "resume", "inconsistent data", rfc),
  row(1008, "resume", "policy violation", rfc),
  row(1009, "resume", "message too big", rfc),
  row(1010, "resume", "missing extension", rfc),
  row(1011, "resume", "internal error of the server", rfc),
  row(1012, "resume", "the service restarts", "IANA WebSocket close codes"),
  row(1013, "resume", "try again later", "IANA WebSocket close codes"),
  row(1014, "resume", "bad gateway", "IANA WebSocket close codes"),
  row(1015, "resume", "the TLS handshake failed", rfc),
  row(4000, "identify", "unknown error", botgo),
  passing(
    4001,
    "client-error",
    "invalid opcode sent",
    documented,
    "the gateway did not understand an opcode this client sent"
  ),
  passing(
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
  passing(4010, "fatal", "the shard is invalid", documented, "check the shard index and count of the configuration"),
  passing(4011, "fatal", "the shard has too many guilds", documented, "raise the number of shards"),
  passing(4012, "fatal", "the version is invalid", documented, "upgrade this library"),
  row(4013, "refused-intents", "the intents are invalid", documented, "an intent bit does not exist; check QQ_INTENTS"),
  row(
    4014,
    "refused-intents",
    "an intent is not permitted",
    documented,
    "the bot lacks the permission for one of its intents: ask for it in the QQ open platform's console, or leave it out"
  ),
  row(4015, "fatal", "never documented nor seen; taken like 4014's family", "unsure"),
  row(4902, "identify", "reset by resume", "bot-node-sdk#94"),
  row(4903, "identify", "the session could not be created", "openclaw-qqbot#18"),
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
