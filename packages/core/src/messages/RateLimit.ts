/**
 * Keeps the bot below the platform's published rates, so that it need not refuse. Each row of a table is a sliding window
 * over one bot or one conversation; whoever is too early is told when its turn comes, and waits without holding anything
 * that others need.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Monotonic from "../internal/Monotonic.ts"
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

/** The moments that were given, oldest first: those that the window still holds, and those to come. */
interface Window {
  readonly rate: Rate
  readonly given: Array<number>
}

/**
 * The first moment from now on that can be given, so that no stretch of the window's length holds more than the limit. A
 * moment to come may have been given already: its turn waits for another row.
 */
const earliest = ({ given, rate: { limit, window } }: Window, now: number): number => {
  const length = Duration.toMillis(window)
  while (given[0] !== undefined && given[0] + length <= now) given.shift()
  if (given.length < limit) return now
  for (let at = now; ;) {
    const near = given.filter((moment) => moment > at - length && moment < at + length)
    const all = [...near, at].toSorted((one, other) => one - other)
    const isFull = all.some((moment, index) => (all[index + limit] ?? Number.POSITIVE_INFINITY) - moment < length)
    if (!isFull) return at
    // the next chance is when the oldest moment that counts has left
    at = (near[0] ?? at) + length
  }
}

/** How many windows may be known before those that are empty are forgotten. */
const sweepAbove = 1024

/**
 * Rates by a table.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (rates: ReadonlyArray<Rate> = table): Effect.Effect<RateLimitShape> =>
  Effect.sync(() => {
    const windows = new Map<string, Window>()
    let sweepAt = sweepAbove

    const sweep = (now: number): void => {
      for (const [key, window] of windows) {
        const newest = window.given.at(-1)
        if (newest === undefined || newest + Duration.toMillis(window.rate.window) <= now) windows.delete(key)
      }
      sweepAt = Math.max(sweepAbove, windows.size * 2)
    }

    const windowsOf = ({ conversation, operation, proactive }: Turn, now: number): ReadonlyArray<Window> => {
      if (windows.size > sweepAt) sweep(now)
      const scene = Conversation.sceneOf(conversation)
      return rates.flatMap((row, index) => {
        const isMeant = row.operation === operation && row.scene === scene && (row.counts === "all" || proactive)
        if (!isMeant) return []
        const key = row.per === "bot" ? String(index) : `${index}:${Conversation.targetOf(conversation)}`
        const known = windows.get(key)
        if (known !== undefined) return [known]
        const fresh: Window = { rate: row, given: [] }
        windows.set(key, fresh)
        return [fresh]
      })
    }

    const give = ({ given }: Window, at: number): void => {
      const index = given.findLastIndex((moment) => moment <= at)
      given.splice(index + 1, 0, at)
    }

    const takeBack = (taken: ReadonlyArray<Window>, at: number): void => {
      for (const { given } of taken) {
        const index = given.lastIndexOf(at)
        if (index >= 0) given.splice(index, 1)
      }
    }

    return {
      turn: (turn, atMost) =>
        Effect.flatMap(Monotonic.millis, (now) => {
          const all = windowsOf(turn, now)
          const at = all.reduce((latest, window) => Math.max(latest, earliest(window, now)), now)
          if (at <= now) {
            for (const window of all) give(window, at)
            return Effect.void
          }
          const wait = Duration.millis(at - now)
          if (Duration.greaterThan(wait, atMost)) return new TurnTooLate({ wait })
          return Effect.acquireUseRelease(
            Effect.sync(() => {
              for (const window of all) give(window, at)
            }),
            () => Effect.zipRight(Effect.logDebug(`waiting ${Duration.format(wait)} for a turn`), Effect.sleep(wait)),
            // whoever leaves before its turn leaves it to the next
            (_, exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => takeBack(all, at)))
          )
        }),
      wait: (turn) =>
        Effect.map(Monotonic.millis, (now) =>
          Duration.millis(
            windowsOf(turn, now).reduce((latest, window) => Math.max(latest, earliest(window, now)), now) - now
          )
        )
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
