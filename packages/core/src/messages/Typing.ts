/**
 * The notice that the bot is typing, kept up while something is worked on.
 *
 * A notice spends one of the replies that a message has, so it is renewed only while enough are left for what the work is
 * about.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Anchor } from "./Anchor.ts"
import type { ReplyLedgerShape } from "./ReplyLedger.ts"

/**
 * How the notice is kept up.
 *
 * @since 0.1.0
 * @category models
 */
export interface TypingOptions {
  /** Replies that are never spent on notices. Default 2; at least 1. */
  readonly reserve?: number | undefined
  /** How long each notice is shown, in whole seconds from 1 to 60. Default 60. */
  readonly seconds?: number | undefined
}

/** A notice is renewed so long before it runs out. */
const margin = Duration.seconds(5)

/**
 * The notices alone: one at once, and another whenever the last one runs out, for as long as more replies are left than
 * `reserve`. What goes wrong with a notice ends them, and is logged.
 *
 * @since 0.1.0
 * @category running
 */
export const notices = <E, R>(
  standing: Effect.Effect<{ readonly isClosed: boolean; readonly repliesLeft: number }>,
  notify: (seconds: number) => Effect.Effect<unknown, E, R>,
  options: TypingOptions = {}
): Effect.Effect<void, never, R> => {
  const reserve = Math.max(1, options.reserve ?? 2)
  const seconds = Math.min(60, Math.max(1, Math.round(options.seconds ?? 60)))
  const shown = Duration.seconds(seconds)
  const pause = Duration.max(Duration.subtract(shown, margin), Duration.times(shown, 0.5))
  const next: Effect.Effect<void, E, R> = Effect.flatMap(standing, ({ isClosed, repliesLeft }) =>
    isClosed || repliesLeft - 1 < reserve
      ? Effect.void
      : Effect.zipRight(notify(seconds), Effect.zipRight(Effect.sleep(pause), next))
  )
  return Effect.catchAllCause(next, (cause) => Effect.logDebug("no more typing notices", cause))
}

/**
 * Does something while notices are shown. They end with it, and never change what comes of it. Anything but a message of a
 * private chat has none.
 *
 * @since 0.1.0
 * @category running
 */
export const during = <A, E, R, E2, R2>(
  anchor: Anchor | undefined,
  ledger: Pick<ReplyLedgerShape, "standing">,
  notify: (anchor: Anchor, seconds: number) => Effect.Effect<unknown, E2, R2>,
  effect: Effect.Effect<A, E, R>,
  options?: TypingOptions
): Effect.Effect<A, E, R | R2> =>
  anchor === undefined || anchor.kind !== "msg_id" || anchor.conversation._tag !== "C2C"
    ? effect
    : Effect.acquireUseRelease(
        Effect.interruptible(
          Effect.fork(notices(ledger.standing(anchor), (seconds) => notify(anchor, seconds), options))
        ),
        () => effect,
        Fiber.interrupt
      )
