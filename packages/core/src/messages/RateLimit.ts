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
import * as Conversation from "../events/Conversation.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import { SlidingWindow } from "../internal/SlidingWindow.ts"

/**
 * The operations that have rates: sending a message, a piece of a stream, or a file; one request of a chunked upload; and
 * recalling a message.
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
  /** `proactive`: only proactive messages count. */
  readonly counts: "all" | "proactive"
  /** Whether all conversations of the scene share the limit, or each has its own. */
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
 * The published rates, with the larger figure where certified bots have another: what the platform refuses below it is
 * retried. Daily quotas are not listed, since no message can wait for them.
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
 * An operation in a conversation.
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
 * The turn would come later than the caller is willing to wait. Nothing was reserved.
 *
 * @since 0.1.0
 * @category errors
 */
export class TurnTooLate extends Data.TaggedError("TurnTooLate")<{
  /** How long it would have waited. */
  readonly wait: Duration.Duration
}> {}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitShape {
  /** Completes when the operation may start. Turns are given in the order in which they are requested. */
  readonly turn: (turn: Turn, atMost: Duration.Duration) => Effect.Effect<void, TurnTooLate>
  /** How long a turn requested now would wait. */
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

/** A rate, and the key of its window: that of the bot, or the beginning of those of conversations. */
interface Limit {
  readonly rate: Rate
  readonly key: string
}

/** The limits of each operation and scene, so that a turn does not search the table. */
const limitsOf = (
  rates: ReadonlyArray<Rate>
): ReadonlyMap<Operation, ReadonlyMap<Conversation.Scene, Array<Limit>>> => {
  const limits = new Map<Operation, Map<Conversation.Scene, Array<Limit>>>()
  rates.forEach((row, index) => {
    const scenes = limits.get(row.operation) ?? new Map<Conversation.Scene, Array<Limit>>()
    limits.set(row.operation, scenes)
    const found = scenes.get(row.scene) ?? []
    scenes.set(row.scene, found)
    found.push({ rate: row, key: row.per === "bot" ? String(index) : `${index}:` })
  })
  return limits
}

/** The windows of some rates. All of it is synchronous: a moment is found and reserved in one step. */
class Windows {
  private readonly limits: ReturnType<typeof limitsOf>
  private readonly windows = new Map<string, SlidingWindow>()
  private readonly visits: number
  private unvisited = this.windows.entries()

  constructor(rates: ReadonlyArray<Rate>) {
    this.limits = limitsOf(rates)
    this.visits = 2 * rates.length
  }

  /** The windows that count a turn; none if it is not limited. */
  of({ conversation, operation, proactive }: Turn, now: number): ReadonlyArray<SlidingWindow> {
    this.forget(now)
    const limits = this.limits.get(operation)?.get(Conversation.sceneOf(conversation))
    if (limits === undefined) return []
    const found: Array<SlidingWindow> = []
    for (const { key, rate } of limits) {
      if (rate.counts === "proactive" && !proactive) continue
      found.push(this.window(rate.per === "bot" ? key : key + Conversation.targetOf(conversation), rate, now))
    }
    return found
  }

  private window(key: string, { limit, window }: Rate, now: number): SlidingWindow {
    const known = this.windows.get(key)
    if (known !== undefined) {
      known.forgetBefore(now)
      return known
    }
    const fresh = new SlidingWindow(limit, Duration.toMillis(window))
    this.windows.set(key, fresh)
    return fresh
  }

  /** Visits two windows for each one that a turn may add, so that no call visits all of them. */
  private forget(now: number): void {
    if (this.windows.size <= forgetAbove) return
    for (let visits = this.visits; visits > 0; visits--) {
      const next = this.unvisited.next()
      if (next.done === true) {
        this.unvisited = this.windows.entries()
        return
      }
      const [key, window] = next.value
      if (window.isOver(now)) this.windows.delete(key)
    }
  }
}

/** The first moment that is free in every window. */
const firstFree = (windows: ReadonlyArray<SlidingWindow>, now: number): number => {
  let at = now
  for (;;) {
    let next = at
    for (const window of windows) next = window.firstFree(next)
    if (next === at) return at
    at = next
  }
}

/**
 * Rates by a table.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (rates: ReadonlyArray<Rate> = table): Effect.Effect<RateLimitShape> =>
  Effect.map(Effect.clock, (clock) => {
    const windows = new Windows(rates)

    const waiting = (turn: Turn, atMost: Duration.Duration): Effect.Effect<void, TurnTooLate> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const now = Monotonic.unsafeMillis(clock)
          const all = windows.of(turn, now)
          const at = firstFree(all, now)
          const wait = Duration.millis(at - now)
          if (at > now && Duration.greaterThan(wait, atMost)) return new TurnTooLate({ wait })
          for (const window of all) window.reserve(at)
          if (at <= now) return Effect.void
          // an interrupted turn frees its moment
          return Effect.onError(
            restore(Effect.zipRight(Effect.logDebug(`waiting ${at - now} ms for a turn`), Effect.sleep(wait))),
            () => Effect.sync(() => all.forEach((window) => window.release(at)))
          )
        })
      )

    return {
      turn: (turn, atMost) =>
        Effect.suspend(() => {
          const now = Monotonic.unsafeMillis(clock)
          const all = windows.of(turn, now)
          // what need not wait holds nothing that an interruption would have to release
          if (firstFree(all, now) > now) return waiting(turn, atMost)
          for (const window of all) window.reserve(now)
          return Effect.void
        }),
      wait: (turn) =>
        Effect.sync(() => {
          const now = Monotonic.unsafeMillis(clock)
          return Duration.millis(firstFree(windows.of(turn, now), now) - now)
        })
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
