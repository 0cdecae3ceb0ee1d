/**
 * The checks that open a WebSocket: up to HELLO, and an identify with the intents.
 *
 * @since 0.1.0
 */
import {
  type AccessToken,
  CloseCode,
  Connection,
  GatewayError,
  GatewayMetadata,
  Heartbeat,
  IdentifyLimiter,
  Intents,
  type SessionPolicy
} from "@effect-qq/core"
import type * as Socket from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Check, failure, fromError, ok, warning } from "./Finding.ts"

/**
 * How a connection is made.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dial {
  readonly url: string
  readonly token: AccessToken.Token
  readonly shard: readonly [index: number, count: number]
  readonly policy: SessionPolicy.SessionPolicy
}

/**
 * Connects and disconnects after HELLO, or with `identify` after READY; the session then ends. Returns the heartbeat
 * interval of HELLO.
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
        identified: identify?.used ?? Effect.void,
        heartbeatSeq: () => null,
        onHandle: () => {},
        onHello: (value) => {
          interval = value
        },
        // Without an identify, HELLO is enough.
        onPhase: (phase) =>
          phase === "Identifying" && identify === undefined
            ? Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
            : Effect.void,
        onReady: () => Deferred.unsafeDone(reached, Effect.void),
        onResumed: () => {},
        onDispatch: () => {}
      })
    ).pipe(Effect.mapError(({ error }) => error))
    return interval
  })

/**
 * Connects up to HELLO.
 *
 * @since 0.1.0
 * @category running
 */
export const checkSocket = (dial: Dial): Effect.Effect<Check, never, Socket.WebSocketConstructor> =>
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

/** Refused intents may also show as an op 9 without a close frame that explains it. */
const isRefusalOfIntents = (error: GatewayError.GatewayError): boolean =>
  (error._tag === "GatewayRejected" &&
    error.code !== undefined &&
    CloseCode.lookup(error.code).recovery === "refused-intents") ||
  (error._tag === "SessionInvalid" && error.by === "InvalidSession" && !error.resumable)

/**
 * Identifies with these intents. If the set is refused, identifies with each one alone, as far as the budget allows. Waits at
 * most `identifyWait` for each permit.
 *
 * @since 0.1.0
 * @category running
 */
export const checkIntents = (
  dial: Dial,
  intents: Intents.Intents,
  identifyWait: Duration.Duration
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
          duration: identifyWait,
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
      // The last identifies are left to the bot itself.
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
