/**
 * What a session does about the end of a connection: it is recorded, judged by `Recovery`, logged, and waited after; or the
 * session stops.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MetricLabel from "effect/MetricLabel"
import * as Disconnect from "./Disconnect.ts"
import { type GatewayError, GatewayStopped, type Refusal } from "./GatewayError.ts"
import type { GatewayMetadataShape } from "./GatewayMetadata.ts"
import * as GatewayMetrics from "./GatewayMetrics.ts"
import * as History from "./History.ts"
import * as Intents from "./Intents.ts"
import type { IntentSets } from "./IntentSets.ts"
import type { OwnershipLost } from "./Ownership.ts"
import type { OwnershipGate } from "./OwnershipGate.ts"
import type { Preparation } from "./Preparation.ts"
import type * as ReconnectPolicy from "./ReconnectPolicy.ts"
import type { ReconnectWait } from "./ReconnectWait.ts"
import * as Recovery from "./Recovery.ts"
import type { SessionMemory } from "./SessionMemory.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"
import type { StateReporter } from "./SessionStatus.ts"

/**
 * What an {@link Aftermath} is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: SessionPolicy
  readonly clock: Clock.Clock
  readonly metadata: GatewayMetadataShape
  readonly intents: IntentSets
  readonly memory: SessionMemory
  readonly reporter: StateReporter
  readonly preparation: Preparation
  readonly wait: ReconnectWait
  readonly gate: OwnershipGate
}

const describe = (error: GatewayError): string => `${error.message}; ${error.hint}`

/** What only the operator can fix, where the error itself does not say it. */
const advice = (decision: Recovery.Decision): Refusal | undefined => {
  if (decision._tag === "Probe") return decision.refusal
  return decision._tag === "Reconnect" ? decision.suspected : undefined
}

const traceOf = (error: GatewayError): Record<string, string> =>
  "traceId" in error && error.traceId !== undefined ? { traceId: error.traceId } : {}

/**
 * Recovers one session, disconnect by disconnect.
 *
 * @since 0.1.0
 * @category models
 */
export class Aftermath {
  private readonly options: Options
  private history = History.empty

  constructor(options: Options) {
    this.options = options
  }

  /** Consecutive connects that never received a HELLO. */
  get failedConnects(): number {
    return this.history.failedConnects
  }

  /** Does what follows a disconnect, and waits as long as that takes. Fails where only a person can mend what is wrong. */
  recover(disconnect: Disconnect.Disconnect): Effect.Effect<void, GatewayStopped> {
    return Effect.gen(this, function* () {
      const { memory, policy, preparation, reporter, wait } = this.options
      const { error } = disconnect
      reporter.lastEnd = error
      GatewayMetrics.connectionsEnded.unsafeUpdate(1, [MetricLabel.make("cause", error._tag)])
      this.history = History.record(policy)(this.history, disconnect)
      const decision = Recovery.decide(policy)(disconnect, memory.current(), this.history)
      if (decision._tag === "Yield") return yield* this.yieldTo(decision.lost)
      if (decision._tag === "Stop") return yield* this.stop(decision.refusal)
      if (decision._tag === "Refused") yield* this.onRefused(decision.refusal)
      if (decision._tag === "Reconnect" && decision.confirm) {
        yield* Effect.catchAll(this.options.gate.confirm, (lost) => this.yieldTo(lost))
      }
      const refusal = advice(decision)
      yield* this.log(disconnect, refusal)
      if (decision._tag === "Refused" || decision.drop) yield* memory.giveUp()
      if (decision._tag !== "Refused" && decision.refreshToken) yield* preparation.rejectToken()
      const step = yield* this.stepOf(disconnect, decision)
      yield* wait.wait(step, (refusal ?? error).message)
    })
  }

  private log(disconnect: Disconnect.Disconnect, refusal: Refusal | undefined): Effect.Effect<void> {
    const { error } = disconnect
    const isExpected = this.history.requested || Disconnect.isClientInitiated(disconnect)
    const annotations = { ...this.options.memory.annotations(), ...traceOf(error) }
    return Effect.annotateLogs(
      isExpected ? Effect.logInfo(describe(error)) : Effect.logWarning(describe(error)),
      annotations
    ).pipe(
      Effect.zipRight(refusal !== undefined && refusal !== error ? Effect.logWarning(describe(refusal)) : Effect.void)
    )
  }

  private stepOf(
    disconnect: Disconnect.Disconnect,
    decision: ReconnectPolicy.Step["decision"]
  ): Effect.Effect<ReconnectPolicy.Step> {
    const { clock, memory, metadata } = this.options
    return Effect.map(metadata.limits, ({ remaining, resetAt }) => ({
      disconnect,
      history: this.history,
      decision,
      identifies: memory.current() === undefined,
      budget: {
        remaining,
        resetAfter: Duration.millis(Math.max(0, resetAt - clock.unsafeCurrentTimeMillis()))
      }
    }))
  }

  /** Ends the session and leaves it as it was stored: it is another process's now. */
  private yieldTo(because: OwnershipLost): Effect.Effect<never, GatewayStopped> {
    const stopped = new GatewayStopped({ because })
    return Effect.zipRight(
      this.options.reporter.set({ _tag: "Stopped", because: stopped }),
      Effect.zipRight(Effect.logWarning(because.message), stopped)
    )
  }

  private stop(refusal: Refusal): Effect.Effect<never, GatewayStopped> {
    const { memory, reporter } = this.options
    return Effect.suspend(() => {
      const stopped = new GatewayStopped({ because: refusal })
      return memory
        .giveUp()
        .pipe(
          Effect.zipRight(reporter.set({ _tag: "Stopped", because: stopped })),
          Effect.zipRight(Effect.logError(stopped.message)),
          Effect.zipRight(stopped)
        )
    })
  }

  /** The gateway will not have this identify: perhaps `/gateway/bot` knows why, perhaps fewer intents are granted. */
  private onRefused(refusal: Refusal): Effect.Effect<void, GatewayStopped> {
    return Effect.gen(this, function* () {
      const { intents, metadata } = this.options
      const reason = yield* metadata.refresh.pipe(
        Effect.as(refusal),
        Effect.catchTags({
          IpNotAllowed: (error) => Effect.succeed(error),
          CredentialsRejected: (error) => Effect.succeed(error),
          GatewayUnavailable: () => Effect.succeed(refusal)
        })
      )
      if (reason._tag !== "GatewayRejected" || !intents.next()) return yield* this.stop(reason)
      this.history = History.withOtherIntents(this.history)
      const names = Intents.describe(intents.current).join(", ")
      yield* Effect.logWarning(`the gateway refused the intents; trying ${names}`)
    })
  }
}
