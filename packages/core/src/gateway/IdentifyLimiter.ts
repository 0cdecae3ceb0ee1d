/**
 * Who may identify, and when: `max_concurrency` identifies per 5 s over all shards, as many per day as the platform
 * allows, first come first served. Resumes are free and do not pass here.
 *
 * Shards share the bucket `shard % max_concurrency`. A bucket is held from the grant until the scope of the caller closes;
 * 5.25 s after an identify was flushed the next in its row is served, and at once when none was.
 *
 * The service is a port: where the shards of a bot run in several processes, they need one row for all of them.
 *
 * Source: `wss/shard_url_get.md` of the platform's documentation.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as GatewayMetadata from "./GatewayMetadata.ts"

/**
 * Leave to identify once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Permit {
  /** To be run once the identify was flushed; counts it. Runs after the first change nothing. */
  readonly used: Effect.Effect<void>
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentifyLimiterShape {
  /**
   * Waits until this shard (its index, from 0) may identify. The permit ends with the scope. An interrupted wait leaves
   * the row.
   */
  readonly acquire: (shard: number) => Effect.Effect<Permit, GatewayMetadata.MetadataError, Scope.Scope>
}

/**
 * The row of identifies.
 *
 * @since 0.1.0
 * @category tags
 */
export class IdentifyLimiter extends Context.Tag("@effect-qq/core/IdentifyLimiter")<
  IdentifyLimiter,
  IdentifyLimiterShape
>() {}

/**
 * `spacing` 5.25 s lie between two identifies of a bucket: the platform counts 5 s, by its own clock and from when an
 * identify arrives, and the second may travel up to 250 ms faster than the first. With `scarce` 10 or fewer identifies left, the platform is asked
 * before each; with none left, again every `recheck` 10 min until they are restored.
 *
 * @since 0.1.0
 * @category constants
 */
export const policy = {
  spacing: Duration.millis(5250),
  scarce: 10,
  recheck: Duration.minutes(10)
} as const

interface Turn {
  readonly shard: number
  readonly granted: Deferred.Deferred<void>
  state: "waiting" | "holding" | "left"
  /** Whether it counts against the budget although its identify was not sent yet. */
  reserved: boolean
  /** When its identify was flushed, monotonic. */
  usedAt: number | undefined
}

const monotonicMillis: Effect.Effect<number> = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** Rounded up: measured from here, no spacing is a part of a millisecond short. */
const monotonicMillisUp: Effect.Effect<number> = Effect.map(Clock.currentTimeNanos, (nanos) =>
  Number((nanos + 999_999n) / 1_000_000n)
)

/** Until when a turn closes its bucket to others. */
const closedUntil = ({ state, usedAt }: Turn): number => {
  if (state === "holding") return Number.POSITIVE_INFINITY
  return usedAt === undefined ? Number.NEGATIVE_INFINITY : usedAt + Duration.toMillis(policy.spacing)
}

/**
 * Makes the row of one process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<IdentifyLimiterShape, never, GatewayMetadata.GatewayMetadata | Scope.Scope> =
  Effect.gen(function* () {
    const metadata = yield* GatewayMetadata.GatewayMetadata
    const timer = yield* FiberHandle.make<void, never>()
    let row: Array<Turn> = []
    /** Turns that close their bucket, now or until a moment ago. */
    let closing: Array<Turn> = []
    let freed = Deferred.unsafeMake<void>(FiberId.none)

    /**
     * Grants what can be granted, first come first served, and sets the timer for the next time. Buckets are worked out
     * anew, so that a change of `max_concurrency` counts at once.
     */
    const serve: Effect.Effect<void> = Effect.suspend(() =>
      Effect.flatMap(Effect.zip(metadata.limits, monotonicMillis), ([limits, now]) => {
        const buckets = Math.max(1, limits.maxConcurrency)
        closing = closing.filter((turn) => closedUntil(turn) > now)
        const opensAt = new Map<number, number>()
        for (const turn of closing) {
          const bucket = turn.shard % buckets
          opensAt.set(bucket, Math.max(closedUntil(turn), opensAt.get(bucket) ?? now))
        }
        let next = Number.POSITIVE_INFINITY
        const waiting: Array<Turn> = []
        for (const turn of row) {
          const bucket = turn.shard % buckets
          const at = opensAt.get(bucket)
          if (at === undefined) {
            turn.state = "holding"
            closing.push(turn)
            opensAt.set(bucket, Number.POSITIVE_INFINITY)
            Deferred.unsafeDone(turn.granted, Effect.void)
          } else {
            waiting.push(turn)
            next = Math.min(next, at)
          }
        }
        row = waiting
        if (!Number.isFinite(next)) return Effect.void
        // A timer that rings once more than needed does no harm: serving twice is serving once.
        const ring = Effect.zipRight(Effect.interruptible(Effect.sleep(next - now)), Effect.uninterruptible(serve))
        return Effect.asVoid(FiberHandle.run(timer, ring))
      })
    )

    const leave = (turn: Turn): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (turn.state === "left") return Effect.void
        row = row.filter((other) => other !== turn)
        turn.state = "left"
        turn.reserved = false
        Deferred.unsafeDone(freed, Effect.void)
        freed = Deferred.unsafeMake<void>(FiberId.none)
        return serve
      })

    const refresh = metadata.refresh.pipe(
      Effect.catchAll((error) =>
        Effect.logWarning(`the budget of identifies could not be asked for: ${error.message}`)
      ),
      Effect.zipRight(serve)
    )

    /** Waits until the budget of the day has one identify more than others are about to send. */
    const afford = (turn: Turn): Effect.Effect<void> =>
      Effect.gen(function* () {
        let asked = false
        for (;;) {
          const { remaining, resetAt } = yield* metadata.limits
          if (remaining <= policy.scarce && !asked) {
            asked = true
            yield* refresh
            continue
          }
          if (remaining > closing.filter((other) => other.reserved).length) {
            turn.reserved = true
            return
          }
          const now = yield* Clock.currentTimeMillis
          const recheck = Duration.toMillis(policy.recheck)
          const wait = resetAt > now ? Math.min(resetAt - now, recheck) : Duration.toMillis(policy.spacing)
          yield* Effect.logWarning("no identify is left for now; waiting").pipe(
            Effect.annotateLogs({ shard: turn.shard, untilResetMillis: Math.max(0, resetAt - now) })
          )
          asked = yield* Effect.raceFirst(Effect.as(Effect.sleep(wait), false), Effect.as(Deferred.await(freed), true))
        }
      })

    const use = (turn: Turn): Effect.Effect<void> =>
      Effect.flatMap(monotonicMillisUp, (now) => {
        if (turn.usedAt !== undefined) return Effect.void
        turn.usedAt = now
        turn.reserved = false
        if (turn.state === "left") closing.push(turn)
        return metadata.identified
      })

    return {
      acquire: (shard) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const turn: Turn = {
              shard,
              granted: Deferred.unsafeMake<void>(FiberId.none),
              state: "waiting",
              reserved: false,
              usedAt: undefined
            }
            yield* Effect.addFinalizer(() => leave(turn))
            row.push(turn)
            yield* serve
            yield* restore(Effect.zipRight(Deferred.await(turn.granted), afford(turn))).pipe(
              Effect.onInterrupt(() => leave(turn))
            )
            return { used: Effect.uninterruptible(use(turn)) }
          })
        )
    }
  })

/**
 * The row of one process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<IdentifyLimiter, never, GatewayMetadata.GatewayMetadata> = Layer.scoped(
  IdentifyLimiter,
  make
)
