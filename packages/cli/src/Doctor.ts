/**
 * Why a bot does not come online: tries every step on the way to the first event once, and reports what it found and how
 * to fix it.
 *
 * Examines the bot of the environment. A running bot with the same credentials is not disturbed: its session, state and
 * ledger stay untouched, and only an identify, which must be requested, counts against its budget.
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
import { AccessToken, GatewayMetadata, IdentifyLimiter, Intents, Shards } from "@effect-qq/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type Environment, type Services, type Watch, readEnvironment, services } from "./doctor/Environment.ts"
import { type Check, failure, fromError, ok, skipped, subjects, variables, warning } from "./doctor/Finding.ts"
import { type Dial, checkIntents, checkSocket } from "./doctor/GatewayCheck.ts"
import { checkState } from "./doctor/StateCheck.ts"

export type { Check, Problem, Subject } from "./doctor/Finding.ts"

/**
 * The options of {@link examine}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Whether to identify, which costs one identify of the daily budget, plus one for each intent if the set is refused.
   * Default `false`.
   */
  readonly identify?: boolean | undefined
  /** The intents to identify with. Default: `QQ_INTENTS`, else `GROUP_AND_C2C_EVENT`, which every bot may have. */
  readonly intents?: Intents.Intents | undefined
  /** The directory of stored sessions. Default: as for a bot, `QQ_STATE_DIR` or the user's state directory. */
  readonly stateDirectory?: string | undefined
  /** The timeout of each step of a connection. Default: the timeouts of `BotConfig.session`. */
  readonly patience?: Duration.DurationInput | undefined
}

/**
 * The thresholds of the checks. `clockWarning` 1 min and `clockFailure` 5 min: a clock that differs by more gives a warning
 * or a failure, because timestamps of webhooks and reply windows are then judged wrongly. `identifyWait` 1 min: the maximum
 * wait for a permit to identify.
 *
 * @since 0.1.0
 * @category constants
 */
export const policy = {
  clockWarning: Duration.minutes(1),
  clockFailure: Duration.minutes(5),
  identifyWait: Duration.minutes(1)
} as const

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
              // Shorter than `readyTimeout`, so that a close frame after an op 9 still explains it.
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
      reason === undefined ? yield* checkIntents(dial, intents, policy.identifyWait) : skipped("intents", reason),
      state
    ]
  })

/**
 * Examines the bot of the environment (or of any `ConfigProvider`). Never fails: problems are reported in the checks, one
 * for each {@link Subject}, always in the same order. Requests a token and `/gateway/bot` once, opens one WebSocket and closes
 * it after HELLO; identifies only with `identify`.
 *
 * @since 0.1.0
 * @category running
 */
export const examine = (options: Options = {}): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.flatMap(Effect.either(readEnvironment(options.stateDirectory)), (environment) => {
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
