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
  /** No moment from `since` up to `until` can be given: a search begins behind it, so that each moment is looked at once. */
  readonly full: { since: number; until: number }
}

/** The index of the first moment that is later than this one. */
const later = (given: ReadonlyArray<number>, moment: number): number => {
  let low = 0
  let high = given.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (given[middle]! <= moment) low = middle + 1
    else high = middle
  }
  return low
}

/** Drops the moments that no stretch from now on can hold, many at a time. */
const prune = ({ given, rate }: Window, now: number): void => {
  const gone = later(given, now - Duration.toMillis(rate.window))
  if (gone > 0 && gone * 2 >= given.length) given.splice(0, gone)
}

/** The moment up to which no other can be given beside those around this one; `undefined` where this one can be given. */
const fullUntil = ({ given, rate }: Window, at: number): number | undefined => {
  const length = Duration.toMillis(rate.window)
  const limit = Math.max(1, rate.limit)
  const place = later(given, at)
  // the last stretch that is full is the one that holds longest
  for (let first = Math.min(place, given.length - limit); first >= Math.max(0, place - limit); first--) {
    const start = given[first]!
    if (Math.max(at, given[first + limit - 1]!) - Math.min(at, start) < length) return start + length
  }
  return undefined
}

/**
 * The first moment from `from` on that can be given, so that no stretch of the window's length holds more than the limit. A
 * moment to come may have been given already: its turn waits for another row.
 */
const earliest = (window: Window, from: number, now: number): number => {
  const { full } = window
  const isInside = from >= full.since && from < full.until
  let at = isInside ? full.until : from
  for (let next = fullUntil(window, at); next !== undefined; next = fullUntil(window, at)) at = next
  if (isInside) full.until = at
  else if (full.until <= now) {
    full.since = from
    full.until = at
  }
  return at
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
        const fresh: Window = { rate: row, given: [], full: { since: 0, until: 0 } }
        windows.set(key, fresh)
        return [fresh]
      })
    }

    const give = ({ given }: Window, at: number): void => {
      given.splice(later(given, at), 0, at)
    }

    const takeBack = (taken: ReadonlyArray<Window>, at: number): void => {
      for (const { full, given, rate: row } of taken) {
        const index = later(given, at) - 1
        if (given[index] !== at) continue
        given.splice(index, 1)
        full.until = Math.min(full.until, at - Duration.toMillis(row.window))
      }
    }

    /** The first moment that every window can give. */
    const first = (all: ReadonlyArray<Window>, now: number): number => {
      for (const window of all) prune(window, now)
      let at = now
      for (;;) {
        const next = all.reduce((latest, window) => earliest(window, latest, now), at)
        if (next === at) return at
        at = next
      }
    }

    return {
      turn: (turn, atMost) =>
        Effect.flatMap(Monotonic.millis, (now) => {
          const all = windowsOf(turn, now)
          const at = first(all, now)
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
