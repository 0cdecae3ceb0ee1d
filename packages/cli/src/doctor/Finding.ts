/**
 * Findings: their kinds, the advice that goes with each problem, and what an error on the way to a session means.
 *
 * @since 0.1.0
 */
import type { AccessToken, GatewayError } from "@effect-qq/core"
import type * as ConfigError from "effect/ConfigError"

/**
 * The subjects of the checks, in this order.
 *
 * - `configuration`: the variables of the environment.
 * - `token`: an access token from the platform.
 * - `clock`: this machine's clock compared with the `Date` header of the platform's answers.
 * - `allow-list`: whether this machine's address may call the API.
 * - `gateway`: the answer of `/gateway/bot`.
 * - `identifies`: how many sessions may still be started.
 * - `socket`: the WebSocket, up to its HELLO.
 * - `intents`: an identify with the intents, if requested.
 * - `state`: the directory where sessions are kept.
 *
 * @since 0.1.0
 * @category models
 */
export type Subject = (typeof subjects)[number]

/**
 * Every subject, in the order of the checks.
 *
 * @since 0.1.0
 * @category constants
 */
export const subjects = [
  "configuration",
  "token",
  "clock",
  "allow-list",
  "gateway",
  "identifies",
  "socket",
  "intents",
  "state"
] as const

/**
 * The kind of a problem: decides the advice, and the exit code of `effect-qq doctor`.
 *
 * @since 0.1.0
 * @category models
 */
export type Problem =
  | "configuration"
  | "credentials"
  | "allow-list"
  | "rate-limited"
  | "unreachable"
  | "platform"
  | "clock"
  | "identifies"
  | "gateway"
  | "intents"
  | "state"

/**
 * The result of one check.
 *
 * @since 0.1.0
 * @category models
 */
export interface Check {
  readonly of: Subject
  /** `skipped`: a check that it depends on failed, or it was not requested. */
  readonly status: "ok" | "warning" | "failure" | "skipped"
  /** What was found. Never contains a secret; may quote text of the platform. */
  readonly found: string
  /** Present for a warning and for a failure. */
  readonly problem?: Problem | undefined
  /** How to fix it. */
  readonly advice?: string | undefined
}

const advice: { readonly [Of in Problem]: string } = {
  configuration: "correct the variable in the environment of the bot",
  credentials:
    "check QQ_APP_ID and QQ_APP_SECRET against the QQ open platform's console; a banned or deleted bot is refused like this too",
  "allow-list": "add this machine's public IPv4 address to the bot's IP allow-list in the QQ open platform's console",
  "rate-limited": "wait a minute before the next try, and check what else uses these credentials",
  unreachable:
    "check the network, its DNS and its firewall, the proxy of HTTPS_PROXY and HTTP_PROXY, and QQ_API_URL and QQ_TOKEN_URL where they are set",
  platform:
    "the platform, or a proxy in front of it, gave an unusable answer: try again later, and check the proxy, QQ_API_URL and QQ_TOKEN_URL where they are set",
  clock: "set the clock of this machine, and let it follow a time server",
  identifies: "check what starts these sessions: a bot that keeps its state directory resumes, which costs no identify",
  gateway: "the gateway, or a proxy in front of it, misbehaves: try again later, and without the proxy",
  intents: "ask for their permission in the QQ open platform's console, or leave them out of QQ_INTENTS",
  state: "let the bot write there, or name another directory in QQ_STATE_DIR"
}

const untrusted =
  "the certificate is not trusted: check the clock; a proxy that opens TLS needs its authority in NODE_EXTRA_CA_CERTS"

/**
 * A check that passed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ok = (of: Subject, found: string): Check => ({ of, status: "ok", found })

/**
 * A check that was not made.
 *
 * @since 0.1.0
 * @category constructors
 */
export const skipped = (of: Subject, because: string): Check => ({
  of,
  status: "skipped",
  found: `skipped because ${because}`
})

const finding =
  (status: "warning" | "failure") =>
  (of: Subject, problem: Problem, found: string, todo: string = advice[problem]): Check => ({
    of,
    status,
    problem,
    found,
    advice:
      problem === "unreachable" && /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_VERIFY|EPROTO/.test(found) ? untrusted : todo
  })

/**
 * A check that found a problem with which a bot still works. The last argument replaces the usual advice.
 *
 * @since 0.1.0
 * @category constructors
 */
export const warning = finding("warning")

/**
 * A check that found a problem. The last argument replaces the usual advice.
 *
 * @since 0.1.0
 * @category constructors
 */
export const failure = finding("failure")

/**
 * The invalid variables by name. Their values are not part of the error.
 *
 * @since 0.1.0
 * @category conversions
 */
export const variables = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
  switch (error._op) {
    case "And":
      return [...variables(error.left), ...variables(error.right)]
    case "Or":
      return variables(error.left)
    case "MissingData":
      return [`${error.path.join(".")} ${error.message.startsWith("must") ? error.message : "is not set"}`]
    default:
      return [`${error.path.join(".")} ${error.message}`]
  }
}

const transportProblems = {
  Transport: "unreachable",
  TimedOut: "unreachable",
  RateLimited: "rate-limited",
  Refused: "platform",
  Malformed: "platform",
  Exhausted: "identifies"
} as const satisfies { readonly [Reason in GatewayError.GatewayUnavailable["reason"]]: Problem }

const facts = (
  text: string,
  known: { readonly status?: number | undefined; readonly traceId?: string | undefined }
) => {
  const shown = [
    known.status === undefined || text.includes("HTTP") ? [] : [`HTTP ${known.status}`],
    known.traceId === undefined || text.includes(known.traceId) ? [] : [`trace ${known.traceId}`]
  ].flat()
  return shown.length === 0 ? text : `${text} (${shown.join(", ")})`
}

/** The address of this machine, if the text of the platform names it. */
const addressIn = (text: string): string | undefined =>
  /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/.exec(text)?.[0] ??
  /(?<![\w:])(?:[\da-f]{1,4}:){2,7}[\da-f]{1,4}(?![\w:])/i.exec(text)?.[0]

const notAllowed = (of: Subject, text: string): Check => {
  const address = addressIn(text)
  return failure(
    of,
    "allow-list",
    text,
    address === undefined
      ? advice["allow-list"]
      : `add ${address} to the bot's IP allow-list in the QQ open platform's console`
  )
}

/**
 * The finding for an error on the way to a session.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromError = (of: Subject, error: AccessToken.AccessTokenError | GatewayError.GatewayError): Check => {
  switch (error._tag) {
    case "TokenRejected":
    case "CredentialsRejected":
      return failure(of, "credentials", facts(error.message, { traceId: error.traceId }))
    case "IpRefused":
    case "IpNotAllowed":
      return notAllowed(of, facts(error.message, { traceId: error.traceId }))
    case "TokenUnavailable":
      return failure(of, transportProblems[error.reason], facts(error.message, error))
    case "GatewayUnavailable":
      return failure(of, transportProblems[error.reason], facts(error.message, error))
    case "GatewayRejected":
      return failure(of, "gateway", error.message, error.hint)
    case "ConnectionLost": {
      const neverOpened =
        error.reason === "OpenTimeout" || (error.reason === "OpenFailed" && error.status === undefined)
      return failure(of, neverOpened ? "unreachable" : "gateway", error.message)
    }
    default:
      return failure(of, "gateway", error.message)
  }
}
