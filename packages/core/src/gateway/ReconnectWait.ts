/**
 * The wait between two connections: by the caller's schedule or the policy's, announced before it begins, and cut short by
 * `reconnectNow`.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as ReconnectPolicy from "./ReconnectPolicy.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"
import type { StateReporter } from "./SessionStatus.ts"

/** Takes the next wait of a schedule. */
type Pause = (step: ReconnectPolicy.Step) => Effect.Effect<void>

/**
 * What a {@link ReconnectWait} is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: SessionPolicy
  /** Replaces the ladders of the policy. One that ends or fails leaves the waits of the policy. */
  readonly schedule: ReconnectPolicy.ReconnectSchedule | undefined
  readonly reporter: StateReporter
}

/**
 * The waits of one session.
 *
 * @since 0.1.0
 * @category models
 */
export class ReconnectWait {
  private readonly options: Options
  /** What the log and the state say about a wait. */
  private because = ""
  /** Completes the wait that there is. */
  private cut: Deferred.Deferred<void> | undefined
  /** Made at the first disconnect: an idle session needs no ladders. */
  private pause: Pause | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** Whether a wait goes on. */
  get isWaiting(): boolean {
    return this.cut !== undefined
  }

  /** Ends the wait that there is. */
  cutShort(): Effect.Effect<void> {
    return Effect.suspend(() => (this.cut === undefined ? Effect.void : Deferred.succeed(this.cut, undefined)))
  }

  /** Waits as long as the step asks for, or until that is cut short. */
  wait(step: ReconnectPolicy.Step, because: string): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      this.because = because
      this.pause ??= yield* this.makePause()
      const cut = yield* Deferred.make<void>()
      this.cut = cut
      const waiting = yield* Effect.fork(Effect.intoDeferred(this.pause(step), cut))
      yield* Effect.ensuring(
        Deferred.await(cut),
        Effect.suspend(() => {
          this.cut = undefined
          return Fiber.interrupt(waiting)
        })
      )
    })
  }

  private makePause(): Effect.Effect<Pause> {
    const { policy, schedule } = this.options
    return Effect.gen(this, function* () {
      const own = yield* Schedule.driver(this.announced(ReconnectPolicy.make(policy)))
      const byPolicy: Pause = (step) => Effect.asVoid(Effect.orDie(own.next(step)))
      if (schedule === undefined) return byPolicy
      const given = yield* Schedule.driver(this.announced(schedule))
      const bySchedule: Pause = (step) =>
        Effect.catchAllCause(Effect.asVoid(given.next(step)), (cause) =>
          Effect.zipRight(
            Cause.isDie(cause)
              ? Effect.logError("the reconnect schedule failed; waiting by the session policy", cause)
              : Effect.void,
            byPolicy(step)
          )
        )
      return bySchedule
    })
  }

  private announced(schedule: ReconnectPolicy.ReconnectSchedule): ReconnectPolicy.ReconnectSchedule {
    return Schedule.tapOutput(schedule, (wait) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        this.options.reporter
          .set({ _tag: "Waiting", until: now + Duration.toMillis(wait), because: this.because })
          .pipe(Effect.zipRight(Effect.logInfo(`reconnecting in ${Duration.format(wait)}`)))
      )
    )
  }
}
