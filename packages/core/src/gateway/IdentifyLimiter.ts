/**
 * Who may identify, and when: `max_concurrency` identifies per 5.25 s over all shards, as many per day as the platform
 * allows, first come first served. Resumes are free and do not pass here.
 *
 * Shards share the bucket `shard % max_concurrency`. A bucket is held from the grant until the scope of the caller closes;
 * 5.25 s after an identify was sent the next of its queue is served, and at once when none was.
 *
 * The service is a port: where the shards of a bot run in several processes, they need one queue for all of them.
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
import * as Monotonic from "../internal/Monotonic.ts"
import * as GatewayMetadata from "./GatewayMetadata.ts"

/**
 * Leave to identify once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Permit {
  /** To be run when the identify has left this machine; counts it. Runs after the first change nothing. */
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
   * the queue.
   */
  readonly acquire: (shard: number) => Effect.Effect<Permit, GatewayMetadata.MetadataError, Scope.Scope>
}

/**
 * The queue of identifies.
 *
 * @since 0.1.0
 * @category tags
 */
export class IdentifyLimiter extends Context.Tag("@effect-qq/core/IdentifyLimiter")<
  IdentifyLimiter,
  IdentifyLimiterShape
>() {}

/**
 * `spacing` 5.25 s lie between two identifies of a bucket, from the moment at which the first one has left this machine:
 * the platform's 5 s, and a margin for a first one that takes longer on its way than the second. With `scarce` 10 or fewer identifies left, the platform is asked
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

/** One identify, from its request until its bucket is open again. */
interface Request {
  readonly shard: number
  readonly granted: Deferred.Deferred<void>
  state: "waiting" | "holding" | "left"
  /** Whether it counts against the budget although its identify was not sent yet. */
  reserved: boolean
  /** When its identify was sent, monotonic. */
  usedAt: number | undefined
}

/** Until when a request closes its bucket to others. */
const closedUntil = ({ state, usedAt }: Request): number => {
  if (state === "holding") return Number.POSITIVE_INFINITY
  return usedAt === undefined ? Number.NEGATIVE_INFINITY : usedAt + Duration.toMillis(policy.spacing)
}

/**
 * The queue of one process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<IdentifyLimiterShape, never, GatewayMetadata.GatewayMetadata | Scope.Scope> =
  Effect.gen(function* () {
    const metadata = yield* GatewayMetadata.GatewayMetadata
    const timer = yield* FiberHandle.make<void, never>()
    let queue: Array<Request> = []
    /** Requests that close their bucket, now or until a moment ago. */
    let closing: Array<Request> = []
    let freed = Deferred.unsafeMake<void>(FiberId.none)

    /**
     * Grants what can be granted, first come first served, and sets the timer for the next time. Buckets are worked out
     * anew, so that a change of `max_concurrency` counts at once.
     */
    const serve: Effect.Effect<void> = Effect.suspend(() =>
      Effect.flatMap(Effect.zip(metadata.limits, Monotonic.millis), ([limits, now]) => {
        const buckets = Math.max(1, limits.maxConcurrency)
        closing = closing.filter((request) => closedUntil(request) > now)
        const opensAt = new Map<number, number>()
        for (const request of closing) {
          const bucket = request.shard % buckets
          opensAt.set(bucket, Math.max(closedUntil(request), opensAt.get(bucket) ?? now))
        }
        let next = Number.POSITIVE_INFINITY
        const waiting: Array<Request> = []
        for (const request of queue) {
          const bucket = request.shard % buckets
          const at = opensAt.get(bucket)
          if (at === undefined) {
            request.state = "holding"
            closing.push(request)
            opensAt.set(bucket, Number.POSITIVE_INFINITY)
            Deferred.unsafeDone(request.granted, Effect.void)
          } else {
            waiting.push(request)
            next = Math.min(next, at)
          }
        }
        queue = waiting
        if (!Number.isFinite(next)) return Effect.void
        // A timer that rings once more than needed does no harm: serving twice is serving once.
        const ring = Effect.zipRight(Effect.interruptible(Effect.sleep(next - now)), Effect.uninterruptible(serve))
        return Effect.asVoid(FiberHandle.run(timer, ring))
      })
    )

    const leave = (request: Request): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (request.state === "left") return Effect.void
        queue = queue.filter((other) => other !== request)
        request.state = "left"
        request.reserved = false
        Deferred.unsafeDone(freed, Effect.void)
        freed = Deferred.unsafeMake<void>(FiberId.none)
        return serve
      })

    const refresh = metadata.refresh.pipe(
      Effect.catchAll((error) =>
        Effect.logWarning(`the identify budget cannot be read: ${error.message}; waiting by the last known one`)
      ),
      Effect.zipRight(serve)
    )

    /** Waits until the budget of the day has one identify more than others are about to send. */
    const afford = (request: Request): Effect.Effect<void> =>
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
            request.reserved = true
            return
          }
          const now = yield* Clock.currentTimeMillis
          const recheck = Duration.toMillis(policy.recheck)
          const wait = resetAt > now ? Math.min(resetAt - now, recheck) : Duration.toMillis(policy.spacing)
          yield* Effect.logWarning("no identify is left for now; waiting").pipe(
            Effect.annotateLogs({ shard: request.shard, untilResetMillis: Math.max(0, resetAt - now) })
          )
          asked = yield* Effect.raceFirst(Effect.as(Effect.sleep(wait), false), Effect.as(Deferred.await(freed), true))
        }
      })

    const use = (request: Request): Effect.Effect<void> =>
      Effect.flatMap(Monotonic.millisUp, (now) => {
        if (request.usedAt !== undefined) return Effect.void
        request.usedAt = now
        request.reserved = false
        if (request.state === "left") closing.push(request)
        return metadata.identified
      })

    return {
      acquire: (shard) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const request: Request = {
              shard,
              granted: Deferred.unsafeMake<void>(FiberId.none),
              state: "waiting",
              reserved: false,
              usedAt: undefined
            }
            yield* Effect.addFinalizer(() => leave(request))
            queue.push(request)
            yield* serve
            yield* restore(Effect.zipRight(Deferred.await(request.granted), afford(request))).pipe(
              Effect.onInterrupt(() => leave(request))
            )
            return { used: Effect.uninterruptible(use(request)) }
          })
        )
    }
  })

/**
 * The queue of one process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<IdentifyLimiter, never, GatewayMetadata.GatewayMetadata> = Layer.scoped(
  IdentifyLimiter,
  make
)
