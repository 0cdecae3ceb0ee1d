/**
 * Why a bot does not come online: every step on its way to the first event is tried once, and what was found is said in
 * plain words, with what to do about it.
 *
 * The bot is the one that the environment names. A running bot with the same credentials is not disturbed: its session, its
 * state and its ledger are left alone, and only an identify, which has to be asked for, counts against its budget.
 *
 * @example
 * ```ts
 * import { Doctor } from "@effect-qq/cli"
 * import { Effect } from "effect"
 *
 * const program = Effect.flatMap(Doctor.examine(), (checks) =>
 *   Effect.forEach(checks, ({ found, of, status }) => Effect.log(`${status} ${of}: ${found}`), { discard: true })
 * )
 * ```
 *
 * @since 0.1.0
 */
import {
  AccessToken,
  BotConfig,
  CloseCode,
  Connection,
  GatewayError,
  GatewayMetadata,
  Heartbeat,
  IdentifyLimiter,
  Intents,
  OpenApi,
  type SessionPolicy,
  SessionStore,
  Shards
} from "@effect-qq/core"
import { NodeHttp, NodeProxy, NodeStore, NodeWebSocket } from "@effect-qq/node"
import type { PlatformError } from "@effect/platform/Error"
import * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Socket from "@effect/platform/Socket"
import * as Clock from "effect/Clock"
import type * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * What is looked at, in this order.
 *
 * - `configuration`: the variables of the environment.
 * - `token`: an access token from the platform.
 * - `clock`: this machine's clock against the `Date` of the platform's answers.
 * - `allow-list`: whether this machine's address may call the API.
 * - `gateway`: the answer of `/gateway/bot`.
 * - `identifies`: how many sessions may still be made.
 * - `socket`: the WebSocket, up to its HELLO.
 * - `intents`: an identify with them, where that is asked for.
 * - `state`: the directory where sessions are kept.
 *
 * @since 0.1.0
 * @category models
 */
export type Subject = (typeof subjects)[number]

const subjects = [
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
 * What kind of trouble it is: what decides what to do, and the exit code of `effect-qq doctor`.
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
 * One finding.
 *
 * @since 0.1.0
 * @category models
 */
export interface Check {
  readonly of: Subject
  /** `skipped`: it depends on another that failed, or was not asked for. */
  readonly status: "ok" | "warning" | "failure" | "skipped"
  /** What was found, in plain words. Never holds a secret; may hold text of the platform. */
  readonly found: string
  /** There for a warning and for a failure. */
  readonly problem?: Problem | undefined
  /** What to do about it. */
  readonly advice?: string | undefined
}

/**
 * What {@link examine} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Whether to identify, which costs one identify of the day's budget, and one more for each intent where the set is
   * refused. Default `false`.
   */
  readonly identify?: boolean | undefined
  /** The intents to identify with. Default: `QQ_INTENTS`, else `GROUP_AND_C2C_EVENT`, which every bot may have. */
  readonly intents?: Intents.Intents | undefined
  /** Where sessions are kept. Default: as for a bot, `QQ_STATE_DIR` or the user's state directory. */
  readonly stateDirectory?: string | undefined
  /** How long the gateway may take for each step of a connection. Default: as long as a bot waits for it. */
  readonly patience?: Duration.DurationInput | undefined
}

/**
 * The numbers that findings are judged by: a clock that is off by more than `clockWarning` 1 min is worth a warning, and
 * one that is off by more than `clockFailure` 5 min a failure, because timestamps of webhooks and the windows in which
 * messages can be replied to are then judged wrongly. `identifyWait` 1 min is the most that is waited for leave to identify.
 *
 * @since 0.1.0
 * @category constants
 */
export const policy = {
  clockWarning: Duration.minutes(1),
  clockFailure: Duration.minutes(5),
  identifyWait: Duration.minutes(1)
} as const

const advice: { readonly [Of in Problem]: string } = {
  configuration: "set it right in the environment of the bot",
  credentials:
    "check QQ_APP_ID and QQ_APP_SECRET against the QQ open platform's console; a banned or deleted bot is refused like this too",
  "allow-list": "add this machine's public IPv4 address to the bot's IP allow-list in the QQ open platform's console",
  "rate-limited": "wait a minute before it is asked again, and see what else asks with these credentials",
  unreachable:
    "check the network, its DNS and its firewall, the proxy of HTTPS_PROXY and HTTP_PROXY, and QQ_API_URL and QQ_TOKEN_URL where they are set",
  platform:
    "the platform, or something in front of it, answers wrongly: try again later, and check the proxy, QQ_API_URL and QQ_TOKEN_URL where they are set",
  clock: "set the clock of this machine, and let it follow a time server",
  identifies: "see what makes so many sessions: a bot that keeps its state directory resumes, which costs none",
  gateway: "the gateway, or a proxy in front of it, does not do its part: try again later, and without the proxy",
  intents: "ask for their permission in the QQ open platform's console, or leave them out of QQ_INTENTS",
  state: "let the bot write there, or name another directory in QQ_STATE_DIR"
}

const untrusted =
  "the certificate is not trusted: check the clock; a proxy that opens TLS needs its authority in NODE_EXTRA_CA_CERTS"

const ok = (of: Subject, found: string): Check => ({ of, status: "ok", found })

const skipped = (of: Subject, because: string): Check => ({
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

const warning = finding("warning")
const failure = finding("failure")

/** Every variable that is wrong, by name; what it holds is not in the error. */
const variables = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
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

/** The address of this machine where the platform names it. */
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

/** What any error on the way to a session means for the check that met it. */
const fromError = (of: Subject, error: AccessToken.AccessTokenError | GatewayError.GatewayError): Check => {
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

interface Environment {
  readonly config: BotConfig.BotConfigShape
  readonly proxies: Option.Option<NodeProxy.Proxies>
  readonly stateDirectory: string
}

const readEnvironment = (options: Options): Effect.Effect<Environment, ConfigError.ConfigError> =>
  Effect.all({
    config: Effect.map(BotConfig.fromEnvironment, BotConfig.make),
    proxies: NodeProxy.find(undefined),
    stateDirectory:
      options.stateDirectory === undefined ? NodeStore.defaultDirectory : Effect.succeed(options.stateDirectory)
  })

/** By how many milliseconds this machine's clock is ahead of the platform's, as its last answer had it. */
interface Watch {
  ahead: number | undefined
}

/** The HTTP client of a bot, with an eye on the `Date` of what it is answered. */
const watchedHttp = (watch: Watch): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(
      HttpClient.HttpClient,
      HttpClient.tap(({ headers }) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const at = Date.parse(headers["date"] ?? "")
          // a header counts whole seconds
          if (!Number.isNaN(at)) watch.ahead = now - at - 500
        })
      )
    )
    // the proxy was read once already, and could be used
  ).pipe(Layer.provide(Layer.orDie(NodeHttp.layer())))

type Services =
  | AccessToken.AccessToken
  | BotConfig.BotConfig
  | GatewayMetadata.GatewayMetadata
  | IdentifyLimiter.IdentifyLimiter
  | Socket.WebSocketConstructor

const services = ({ config, proxies }: Environment, watch: Watch): Layer.Layer<Services> =>
  IdentifyLimiter.layer.pipe(
    Layer.provideMerge(GatewayMetadata.layer),
    Layer.provide(SessionStore.layerMemory),
    Layer.provide(OpenApi.layer),
    Layer.provideMerge(AccessToken.layer),
    Layer.provide(watchedHttp(watch)),
    Layer.provideMerge(Layer.succeed(BotConfig.BotConfig, config)),
    Layer.merge(NodeWebSocket.layer({ agent: Option.getOrUndefined(Option.map(proxies, NodeProxy.agents)) }))
  )

const checkClock = ({ ahead }: Watch): Check => {
  if (ahead === undefined) return skipped("clock", "the platform gave no answer with a date")
  const off = Duration.millis(Math.abs(ahead))
  const found = `this machine's clock is ${Duration.format(Duration.seconds(Math.round(Duration.toSeconds(off))))} ${ahead > 0 ? "ahead of" : "behind"} the platform's`
  if (Duration.greaterThan(off, policy.clockFailure)) return failure("clock", "clock", found)
  return Duration.greaterThan(off, policy.clockWarning)
    ? warning("clock", "clock", found)
    : ok("clock", "this machine's clock and the platform's agree to the minute")
}

const checkIdentifies = ({ remaining, resetAfter, total }: GatewayMetadata.Metadata): Check => {
  if (!Number.isFinite(remaining)) return ok("identifies", "the platform does not say how many sessions may be made")
  const left = `${remaining} of ${total} identifies are left; all are back in ${Duration.format(resetAfter)}`
  if (remaining === 0) return failure("identifies", "identifies", left)
  return remaining <= IdentifyLimiter.policy.scarce ? warning("identifies", "identifies", left) : ok("identifies", left)
}

interface Dial {
  readonly url: string
  readonly token: AccessToken.Token
  readonly shard: readonly [index: number, count: number]
  readonly policy: SessionPolicy.SessionPolicy
}

/**
 * Connects, and leaves as soon as this much is reached: HELLO, or READY of a session with these intents, which then ends.
 * Gives the heartbeat interval of HELLO.
 */
const connect = (
  dial: Dial,
  identify: { readonly intents: Intents.Intents; readonly used: Effect.Effect<void> } | undefined
): Effect.Effect<unknown, GatewayError.GatewayError, Socket.WebSocketConstructor> =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    let interval: unknown
    yield* Effect.raceFirst(
      Deferred.await(reached),
      Connection.run({
        url: dial.url,
        authorization: dial.token.authorization,
        intents: identify?.intents ?? Intents.none,
        shard: dial.shard,
        resume: Option.none(),
        policy: dial.policy,
        ...(identify === undefined
          ? { beforeIdentify: Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never) }
          : { afterIdentify: identify.used }),
        heartbeatSequence: () => null,
        onLink: () => {},
        onHello: (value) => {
          interval = value
        },
        onPhase: () => Effect.void,
        onReady: () => Deferred.unsafeDone(reached, Effect.void),
        onResumed: () => {},
        onDispatch: () => {}
      })
    ).pipe(Effect.mapError(({ error }) => error))
    return interval
  })

const checkSocket = (dial: Dial): Effect.Effect<Check, never, Socket.WebSocketConstructor> =>
  Effect.match(connect(dial, undefined), {
    onFailure: (error) => fromError("socket", error),
    onSuccess: (value) => {
      const { interval, warning: wrong } = Heartbeat.intervalOf(dial.policy, value)
      const beat = `a heartbeat every ${Duration.format(interval)}`
      return wrong === undefined
        ? ok("socket", `the WebSocket opens and asks for ${beat}`)
        : warning("socket", "gateway", `the WebSocket opens, but ${wrong}; a bot would send ${beat}`)
    }
  })

/** An op 9 without an explaining close frame is what refused intents look like too. */
const isRefusalOfIntents = (error: GatewayError.GatewayError): boolean =>
  (error._tag === "GatewayRejected" &&
    error.code !== undefined &&
    CloseCode.lookup(error.code).recovery === "refused-intents") ||
  (error._tag === "SessionInvalid" && error.by === "InvalidSession" && !error.resumable)

const checkIntents = (
  dial: Dial,
  intents: Intents.Intents
): Effect.Effect<
  Check,
  never,
  GatewayMetadata.GatewayMetadata | IdentifyLimiter.IdentifyLimiter | Socket.WebSocketConstructor
> =>
  Effect.gen(function* () {
    const metadata = yield* GatewayMetadata.GatewayMetadata
    const limiter = yield* IdentifyLimiter.IdentifyLimiter
    const names = Intents.describe(intents)
    const list = (some: ReadonlyArray<string>): string => (some.length === 0 ? String(intents) : some.join(", "))

    const attempt = (
      some: Intents.Intents
    ): Effect.Effect<Check | "accepted" | "refused", never, Socket.WebSocketConstructor> =>
      limiter.acquire(dial.shard[0]).pipe(
        Effect.timeoutFail({
          duration: policy.identifyWait,
          onTimeout: () =>
            new GatewayError.GatewayUnavailable({
              of: "Metadata",
              reason: "Exhausted",
              detail: "no identify could be had in time"
            })
        }),
        Effect.flatMap(({ used }) => connect(dial, { intents: some, used })),
        Effect.as("accepted" as const),
        Effect.catchAll((error) =>
          Effect.succeed(isRefusalOfIntents(error) ? ("refused" as const) : fromError("intents", error))
        ),
        Effect.scoped
      )

    const whole = yield* attempt(intents)
    if (whole === "accepted") return ok("intents", `the gateway accepts ${list(names)}`)
    if (whole !== "refused") return whole
    if (names.length <= 1) return failure("intents", "intents", `the gateway refuses ${list(names)}`)

    const verdicts = { accepted: [] as Array<string>, refused: [] as Array<string>, untried: [] as Array<string> }
    for (const name of names) {
      const { remaining } = yield* metadata.limits
      // the last ones are for the bot itself
      const verdict = remaining > IdentifyLimiter.policy.scarce ? yield* attempt(Intents.Intent[name]) : undefined
      verdicts[verdict === "accepted" || verdict === "refused" ? verdict : "untried"].push(name)
    }
    const { accepted, refused, untried } = verdicts
    const alone = [
      refused.length === 0 ? [] : [`alone it refuses ${refused.join(", ")}`],
      accepted.length === 0 ? [] : [`alone it accepts ${accepted.join(", ")}`],
      untried.length === 0 ? [] : [`not tried alone: ${untried.join(", ")}`]
    ].flat()
    return failure("intents", "intents", [`the gateway refuses this set of intents`, ...alone].join("; "))
  })

const decodeSession = Schema.decodeOption(Schema.parseJson(SessionStore.StoredSession))

const probeKey = "doctor"

const describeSession = (text: string): string | undefined =>
  Option.getOrUndefined(
    Option.map(decodeSession(text), ({ savedAt, shard: [index, count] }) =>
      Option.match(DateTime.make(savedAt), {
        onNone: () => `a session of shard ${index} of ${count}`,
        onSome: (at) => `a session of shard ${index} of ${count}, saved at ${DateTime.formatIso(at)}`
      })
    )
  )

const checkState = (
  { config, stateDirectory }: Environment,
  shards: ReadonlyArray<Dial["shard"]>
): Effect.Effect<Check> =>
  Effect.gen(function* () {
    const store = yield* KeyValueStore.KeyValueStore
    yield* store.set(probeKey, "")
    yield* store.remove(probeKey)
    const texts = yield* Effect.forEach(shards, (shard) => store.get(SessionStore.sessionKey(config.appId, shard)))
    const stored = texts.flatMap(Option.toArray)
    const readable = stored.flatMap((text) => describeSession(text) ?? [])
    if (readable.length < stored.length) {
      return warning(
        "state",
        "state",
        `${stateDirectory} can be written, but holds a session that cannot be read`,
        "nothing has to be done: the bot sets it aside and makes another"
      )
    }
    const sessions = readable.length === 0 ? "no session yet" : readable.join("; ")
    return ok("state", `${stateDirectory} can be written and holds ${sessions}`)
  }).pipe(
    Effect.provide(NodeStore.layer(stateDirectory)),
    Effect.catchAll((error: PlatformError) =>
      Effect.succeed(failure("state", "state", `${stateDirectory} cannot be used: ${error.message}`))
    )
  )

const examineWith = (
  environment: Environment,
  options: Options,
  watch: Watch
): Effect.Effect<ReadonlyArray<Check>, never, Services> =>
  Effect.gen(function* () {
    const { config } = environment
    const metadata = yield* GatewayMetadata.GatewayMetadata
    const token = yield* Effect.either(Effect.flatMap(AccessToken.AccessToken, ({ get }) => get))
    const answer = Either.isRight(token) ? yield* Effect.either(metadata.refresh) : undefined
    const known = Option.flatMap(Option.fromNullable(answer), Either.getRight)
    const shards = Shards.list(config.shards, Option.match(known, { onNone: () => 1, onSome: (all) => all.shards }))
    const state = yield* checkState(environment, shards)

    const proxy = Option.isSome(environment.proxies) ? "with a proxy" : "without a proxy"
    const checks: Array<Check> = [ok("configuration", `every variable can be used; ${proxy}`)]
    if (Either.isLeft(token)) {
      const refused = token.left._tag === "IpRefused"
      const none = "there is no access token"
      return [
        ...checks,
        fromError("token", token.left),
        checkClock(watch),
        refused ? fromError("allow-list", token.left) : skipped("allow-list", none),
        ...(["gateway", "identifies", "socket", "intents"] as const).map((of) => skipped(of, none)),
        state
      ]
    }
    checks.push(ok("token", "the platform hands out an access token"), checkClock(watch))
    if (answer === undefined || Either.isLeft(answer)) {
      const error = answer?.left
      const refused = error?._tag === "IpNotAllowed"
      const none = refused ? "this machine's address is not allowed" : "there is no usable answer of /gateway/bot"
      return [
        ...checks,
        refused ? fromError("allow-list", error) : skipped("allow-list", none),
        error === undefined || refused ? skipped("gateway", none) : fromError("gateway", error),
        ...(["identifies", "socket", "intents"] as const).map((of) => skipped(of, none)),
        state
      ]
    }
    const limits = answer.right
    const [shard = [0, 1] as const] = shards
    const patience = options.patience
    const dial: Dial = {
      url: limits.url,
      token: token.right,
      shard,
      policy: {
        ...config.session,
        onShutdown: "end",
        ...(patience === undefined
          ? {}
          : {
              openTimeout: Duration.decode(patience),
              helloTimeout: Duration.decode(patience),
              readyTimeout: Duration.decode(patience),
              // what explains an op 9 is waited for while silence is no end yet
              invalidSessionGrace: Duration.min(config.session.invalidSessionGrace, Duration.times(patience, 0.5))
            })
      }
    }
    const identifies = checkIdentifies(limits)
    const socket = yield* checkSocket(dial)
    const reason =
      options.identify !== true
        ? "an identify costs one of the day's: ask for it with --identify"
        : socket.status === "failure"
          ? "the WebSocket does not get as far"
          : identifies.status === "failure"
            ? "no identify is left"
            : undefined
    const intents = options.intents ?? Option.getOrElse(config.intents, () => Intents.Intent.GROUP_AND_C2C_EVENT)
    return [
      ...checks,
      ok("allow-list", "the API takes calls from this machine's address"),
      ok(
        "gateway",
        `the gateway is ${limits.url}; ${limits.shards} ${limits.shards === 1 ? "shard is" : "shards are"} recommended`
      ),
      identifies,
      socket,
      reason === undefined ? yield* checkIntents(dial, intents) : skipped("intents", reason),
      state
    ]
  })

/**
 * Examines the bot of the environment (or of any `ConfigProvider`). Never fails: what is wrong is in the checks, one for each
 * {@link Subject}, always all of them and in the same order. Asks for a token and for `/gateway/bot` once, opens one
 * WebSocket and closes it after its HELLO; identifies only where `identify` says so.
 *
 * @since 0.1.0
 * @category running
 */
export const examine = (options: Options = {}): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.flatMap(Effect.either(readEnvironment(options)), (environment) => {
    if (Either.isLeft(environment)) {
      const [of, ...others] = subjects
      return Effect.succeed([
        failure(of, "configuration", variables(environment.left).join("; ")),
        ...others.map((other) => skipped(other, "the configuration cannot be used"))
      ])
    }
    const watch: Watch = { ahead: undefined }
    return Effect.provide(examineWith(environment.right, options, watch), services(environment.right, watch))
  }).pipe(Effect.withSpan("Doctor.examine", { captureStackTrace: false }))
