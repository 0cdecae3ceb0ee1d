/**
 * Keeps the bot below the platform's published rates, so that it need not refuse. Each row of a table is a sliding window
 * over one bot or one conversation. A request that is too early waits for its turn, and holds nothing that others need.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Monotonic from "../internal/Monotonic.ts"
import { SlidingWindow } from "../internal/SlidingWindow.ts"
import * as Conversation from "./Conversation.ts"

/**
 * What is done: a message is sent, a piece of a stream, a file; an upload in parts goes a step on; or a message is recalled.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation = "send" | "stream" | "upload" | "chunk" | "recall"

/**
 * One limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rate {
  readonly operation: Operation
  readonly scene: Conversation.Scene
  /** `proactive`: replies do not count. */
  readonly counts: "all" | "proactive"
  /** What the limit is for: the bot as a whole, in this scene, or each conversation. */
  readonly per: "bot" | "conversation"
  readonly limit: number
  readonly window: Duration.Duration
  readonly source: string
}

const second = Duration.seconds(1)
const minute = Duration.minutes(1)
const endpoints = "endpoint pages of 2026 [doc]"
const proactive = "send.html of 2026, the larger figure where certified bots have another [doc]"

const rate = (
  operation: Operation,
  scene: Conversation.Scene,
  counts: Rate["counts"],
  per: Rate["per"],
  limit: number,
  window: Duration.Duration,
  source: string
): Rate => ({ operation, scene, counts, per, limit, window, source })

/**
 * The published rates. Where certified bots may do more, that is what stands here: what the platform refuses beyond it is
 * waited for. Quotas of a day are not in it, for nobody can wait for them.
 *
 * @since 0.1.0
 * @category constants
 */
export const table: ReadonlyArray<Rate> = [
  rate("send", "c2c", "all", "bot", 100, second, endpoints),
  rate("send", "group", "all", "bot", 100, second, endpoints),
  rate("send", "channel", "all", "conversation", 5, second, endpoints),
  rate("send", "c2c", "proactive", "bot", 10, second, proactive),
  rate("send", "c2c", "proactive", "conversation", 20, minute, proactive),
  rate("send", "group", "proactive", "bot", 60, minute, proactive),
  rate("send", "group", "proactive", "conversation", 20, minute, proactive),
  rate("stream", "c2c", "all", "bot", 50, second, endpoints),
  rate("upload", "c2c", "all", "bot", 50, second, endpoints),
  rate("upload", "group", "all", "bot", 50, second, endpoints),
  // published for each of the two requests; together they stay below it
  rate("chunk", "c2c", "all", "bot", 10, second, endpoints),
  rate("chunk", "group", "all", "bot", 10, second, endpoints),
  rate("recall", "c2c", "all", "bot", 10, second, endpoints),
  rate("recall", "group", "all", "bot", 10, second, endpoints)
]

/**
 * What is to be done, and where.
 *
 * @since 0.1.0
 * @category models
 */
export interface Turn {
  readonly operation: Operation
  readonly conversation: Conversation.Conversation
  readonly proactive: boolean
}

/**
 * The turn would come later than the caller would wait for. Nothing was reserved.
 *
 * @since 0.1.0
 * @category errors
 */
export class TurnTooLate extends Data.TaggedError("TurnTooLate")<{
  /** How long it would have been. */
  readonly wait: Duration.Duration
}> {}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitShape {
  /** Completes when it is this turn's time. Turns are given in the order in which they are asked for. */
  readonly turn: (turn: Turn, atMost: Duration.Duration) => Effect.Effect<void, TurnTooLate>
  /** How long a turn that is asked for now would wait. */
  readonly wait: (turn: Turn) => Effect.Effect<Duration.Duration>
}

/**
 * The rates of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimit extends Context.Tag("@effect-qq/core/RateLimit")<RateLimit, RateLimitShape>() {}

/** The number of windows above which each turn forgets some that are over. */
const forgetAbove = 1024

/**
 * Rates by a table.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (rates: ReadonlyArray<Rate> = table): Effect.Effect<RateLimitShape> =>
  Effect.sync(() => {
    const windows = new Map<string, SlidingWindow>()
    let unvisited = windows.entries()

    /** Looks at two windows for each one that a turn may add: no call looks at all of them. */
    const forget = (now: number): void => {
      if (windows.size <= forgetAbove) return
      for (let visits = 2 * rates.length; visits > 0; visits--) {
        const next = unvisited.next()
        if (next.done === true) {
          unvisited = windows.entries()
          return
        }
        const [key, window] = next.value
        if (window.isOver(now)) windows.delete(key)
      }
    }

    const windowsOf = ({ conversation, operation, proactive }: Turn, now: number): ReadonlyArray<SlidingWindow> => {
      forget(now)
      const scene = Conversation.sceneOf(conversation)
      return rates.flatMap((row, index) => {
        const isMeant = row.operation === operation && row.scene === scene && (row.counts === "all" || proactive)
        if (!isMeant) return []
        const key = row.per === "bot" ? String(index) : `${index}:${Conversation.targetOf(conversation)}`
        const known = windows.get(key)
        if (known !== undefined) {
          known.forgetBefore(now)
          return [known]
        }
        const fresh = new SlidingWindow(row.limit, Duration.toMillis(row.window))
        windows.set(key, fresh)
        return [fresh]
      })
    }

    /** The first moment that is free in every window. */
    const first = (all: ReadonlyArray<SlidingWindow>, now: number): number => {
      let at = now
      for (;;) {
        const next = all.reduce((latest, window) => window.firstFree(latest), at)
        if (next === at) return at
        at = next
      }
    }

    return {
      turn: (turn, atMost) =>
        // the moment is found and reserved in one step: another fiber would find the same one in between
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(Monotonic.millis, (now) => {
            const all = windowsOf(turn, now)
            const at = first(all, now)
            const wait = Duration.millis(at - now)
            if (at > now && Duration.greaterThan(wait, atMost)) return new TurnTooLate({ wait })
            for (const window of all) window.reserve(at)
            if (at <= now) return Effect.void
            // the moment of a turn that is given up is free again
            return Effect.onError(
              restore(Effect.zipRight(Effect.logDebug(`waiting ${at - now} ms for a turn`), Effect.sleep(wait))),
              () => Effect.sync(() => all.forEach((window) => window.release(at)))
            )
          })
        ),
      wait: (turn) => Effect.map(Monotonic.millis, (now) => Duration.millis(first(windowsOf(turn, now), now) - now))
    }
  })

/**
 * The published rates.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimit> = Layer.effect(RateLimit, make())

/**
 * Rates of one's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (rates: ReadonlyArray<Rate>): Layer.Layer<RateLimit> => Layer.effect(RateLimit, make(rates))
