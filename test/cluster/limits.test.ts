import { SqlEventClaims, SqlIdentifyLimiter, SqlRateLimit } from "@effect-qq/cluster"
import { BotConfig, Conversation, EventClaims, GatewayMetadata, IdentifyLimiter, RateLimit } from "@effect-qq/core"
import { describe, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { assert } from "vitest"
import { firstFree } from "../../packages/cluster/src/internal/Windows.ts"
import * as TestDatabase from "./support/database.ts"

const bot = BotConfig.layer({ appId: "1", secret: Redacted.make("s") })

/** Metadata that is known: so many buckets, and identifies without end. */
const metadata = (maxConcurrency: number): Layer.Layer<GatewayMetadata.GatewayMetadata> => {
  const unasked = Effect.dieMessage("nothing is asked")
  return Layer.succeed(GatewayMetadata.GatewayMetadata, {
    get: unasked,
    refresh: unasked,
    url: unasked,
    limits: Effect.succeed({ total: 1000, remaining: 1000, resetAt: 0, maxConcurrency }),
    identified: Effect.void,
    askAgain: Effect.void
  })
}

/** A service as each of several processes would have it: over connections of its own, to one database. */
const inProcesses = <I, S>(
  count: number,
  tag: Context.Tag<I, S>,
  layer: Layer.Layer<I, never, BotConfig.BotConfig | GatewayMetadata.GatewayMetadata | SqlClient.SqlClient>,
  buckets = 1
): Effect.Effect<ReadonlyArray<S>, never, Scope.Scope> =>
  Effect.flatMap(TestDatabase.create, (url) =>
    Effect.forEach(Array.from({ length: count }), () =>
      Layer.build(
        Layer.fresh(layer).pipe(
          Layer.provide(Layer.mergeAll(bot, metadata(buckets), Layer.fresh(TestDatabase.layer(url))))
        )
      ).pipe(
        Effect.map((context) => Context.get(context, tag)),
        Effect.orDie
      )
    )
  )

const spacing = Duration.millis(300)

describe.skipIf(!TestDatabase.isThere)("SqlIdentifyLimiter", () => {
  const limiters = (count: number, buckets = 1, policy: Partial<SqlIdentifyLimiter.LimiterPolicy> = {}) =>
    inProcesses(
      count,
      IdentifyLimiter.IdentifyLimiter,
      SqlIdentifyLimiter.layerWith({ spacing, poll: Duration.millis(20), ...policy }),
      buckets
    )

  /** Identifies one shard, and says when it was sent. */
  const identify = (limiter: IdentifyLimiter.IdentifyLimiterShape, shard: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const permit = yield* limiter.acquire(shard)
        const at = performance.now()
        yield* permit.used
        return at
      })
    )

  it.scopedLive("the identifies of one bucket from three processes lie apart by the spacing, each of them", () =>
    Effect.gen(function* () {
      const processes = yield* limiters(3)
      const sent = yield* Effect.forEach(
        Array.from({ length: 6 }, (_, shard) => shard),
        (shard) => identify(processes[shard % 3] as IdentifyLimiter.IdentifyLimiterShape, shard),
        { concurrency: "unbounded" }
      )
      const times = sent.toSorted((a, b) => a - b)
      const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
      assert.strictEqual(gaps.length, 5)
      for (const gap of gaps) assert.isAtLeast(gap, Duration.toMillis(spacing) - 5, gaps.join(", "))
    })
  )

  it.scopedLive("shards of other buckets do not wait", () =>
    Effect.gen(function* () {
      const processes = yield* limiters(2, 4)
      const begun = performance.now()
      yield* Effect.forEach(
        [0, 1, 2, 3],
        (shard) => identify(processes[shard % 2] as IdentifyLimiter.IdentifyLimiterShape, shard),
        { concurrency: "unbounded" }
      )
      assert.isBelow(performance.now() - begun, Duration.toMillis(spacing))
    })
  )

  it.scopedLive("a bucket is held from the grant on, and given back unused at once", () =>
    Effect.gen(function* () {
      const [one, other] = (yield* limiters(2, 1, { hold: Duration.millis(600) })) as [
        IdentifyLimiter.IdentifyLimiterShape,
        IdentifyLimiter.IdentifyLimiterShape
      ]
      const scope = yield* Scope.make()
      yield* Scope.extend(one.acquire(0), scope)
      // held, and renewed for longer than a hold lasts
      assert.isTrue(Either.isLeft(yield* Effect.either(Effect.timeout(identify(other, 0), "1 second"))))
      yield* Scope.close(scope, Exit.void)
      const begun = performance.now()
      yield* identify(other, 0)
      assert.isBelow(performance.now() - begun, 300, "an unused permit closes nothing")
    })
  )
})

describe.skipIf(!TestDatabase.isThere)("SqlIdentifyLimiter, where a holder has died", () => {
  it.scopedLive("its bucket is free when its hold has expired, and not before", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      const context = yield* Layer.build(
        SqlIdentifyLimiter.layerWith({ spacing, poll: Duration.millis(20) }).pipe(
          Layer.provideMerge(Layer.mergeAll(bot, metadata(1), TestDatabase.layer(url)))
        )
      )
      const limiter = Context.get(context, IdentifyLimiter.IdentifyLimiter)
      const sql = Context.get(context, SqlClient.SqlClient)
      yield* sql`INSERT INTO effect_qq_identifies (app, bucket, holder, held_until)
        VALUES ('1', 0, 'dead', clock_timestamp() + interval '500 milliseconds')`
      const begun = performance.now()
      yield* Effect.scoped(limiter.acquire(0))
      const waited = performance.now() - begun
      assert.isAtLeast(waited, 400)
      assert.isBelow(waited, 2000)
    })
  )
})

describe.skipIf(!TestDatabase.isThere)("SqlEventClaims", () => {
  const claims = (count: number, policy: Partial<SqlEventClaims.ClaimsPolicy> = {}) =>
    inProcesses(count, EventClaims.EventClaims, SqlEventClaims.layerWith(policy))

  it.scopedLive("of three processes that claim an event at once, one gets it", () =>
    Effect.gen(function* () {
      const processes = yield* claims(3)
      const rounds = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, index) => `event:${index}`),
        (key) => Effect.forEach(processes, ({ claim }) => claim(key), { concurrency: "unbounded" }),
        { concurrency: 10 }
      )
      for (const round of rounds) {
        assert.strictEqual(round.filter((claim) => claim === "New").length, 1, round.join(", "))
        assert.strictEqual(round.filter((claim) => claim === "InFlight").length, 2, round.join(", "))
      }
    })
  )

  it.scopedLive("a settled event stays settled; a released one is new, and so is one whose holder died", () =>
    Effect.gen(function* () {
      const [one, other] = (yield* claims(2, { inFlight: Duration.millis(300) })) as [
        EventClaims.EventClaimsShape,
        EventClaims.EventClaimsShape
      ]
      assert.strictEqual(yield* one.claim("a"), "New")
      yield* other.settle("a")
      assert.strictEqual(yield* other.claim("a"), "InFlight", "only its holder settles an event")
      yield* one.settle("a")
      assert.strictEqual(yield* other.claim("a"), "Settled")

      assert.strictEqual(yield* one.claim("b"), "New")
      yield* one.release("b")
      assert.strictEqual(yield* other.claim("b"), "New")

      assert.strictEqual(yield* one.claim("c"), "New")
      const again = yield* Effect.repeat(other.claim("c"), { until: (claim) => claim !== "InFlight" })
      assert.strictEqual(again, "New", "the holder did not settle it in time")
      yield* one.settle("c")
      assert.strictEqual(yield* one.claim("c"), "InFlight", "the first holder has lost it")
    })
  )
})

describe.skipIf(!TestDatabase.isThere)("SqlRateLimit", () => {
  const rate = (
    limit: number,
    per: RateLimit.Rate["per"],
    counts: RateLimit.Rate["counts"] = "all"
  ): RateLimit.Rate => ({
    operation: "send",
    scene: "c2c",
    counts,
    per,
    limit,
    window: Duration.millis(800),
    source: "test"
  })

  const limits = (count: number, rates: ReadonlyArray<RateLimit.Rate>) =>
    inProcesses(count, RateLimit.RateLimit, Layer.effect(RateLimit.RateLimit, SqlRateLimit.make(rates)))

  const turn = (user: string, proactive = false): RateLimit.Turn => ({
    operation: "send",
    conversation: Conversation.c2c(user),
    proactive
  })

  it.scopedLive("two processes together stay within a sliding window", () =>
    Effect.gen(function* () {
      const processes = yield* limits(2, [rate(5, "bot")])
      const times: Array<number> = []
      yield* Effect.forEach(
        processes,
        ({ turn: take }, process) =>
          Effect.forEach(Array.from({ length: 6 }), (_, index) =>
            Effect.map(take(turn(`${process}/${index}`), Duration.seconds(10)), () => times.push(performance.now()))
          ),
        { concurrency: "unbounded", discard: true }
      )
      const sorted = times.toSorted((a, b) => a - b)
      assert.strictEqual(sorted.length, 12)
      for (let first = 0; first + 5 < sorted.length; first++) {
        const span = (sorted[first + 5] ?? 0) - (sorted[first] ?? 0)
        // the way back from the database may take longer for the first than for the last
        assert.isAtLeast(span, 600, sorted.map(Math.round).join(", "))
      }
    })
  )

  it.scopedLive(
    "a turn beyond the caller's patience fails and reserves nothing; conversations have windows of their own",
    () =>
      Effect.gen(function* () {
        const [one, other] = (yield* limits(2, [rate(1, "conversation"), rate(3, "bot", "proactive")])) as [
          RateLimit.RateLimitShape,
          RateLimit.RateLimitShape
        ]
        yield* one.turn(turn("a"), Duration.zero)
        const refused = yield* Effect.flip(other.turn(turn("a"), Duration.zero))
        assert.strictEqual(refused._tag, "TurnTooLate")
        assert.isAbove(Duration.toMillis(refused.wait), 0)
        assert.isAtMost(Duration.toMillis(refused.wait), 800)
        yield* other.turn(turn("b"), Duration.zero)
        yield* one.turn(turn("a"), Duration.seconds(2))
      })
  )
})

describe("the windows of shared rates", () => {
  it("a moment is free where no stretch shorter than the window holds more than the limit", () => {
    const length = 100
    for (let seed = 1; seed < 200; seed++) {
      let state = seed
      const random = (below: number): number => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
        return state % below
      }
      const limit = 1 + random(4)
      const moments: Array<number> = []
      for (let step = 0; step < 30; step++) {
        const from = random(300)
        const at = firstFree(moments, from, limit, length)
        assert.isAtLeast(at, from)
        moments.push(at)
        const sorted = moments.toSorted((a, b) => a - b)
        for (let first = 0; first + limit < sorted.length; first++) {
          assert.isAtLeast(
            (sorted[first + limit] ?? 0) - (sorted[first] ?? 0),
            length,
            `seed ${seed}: ${sorted.join(", ")}`
          )
        }
      }
    }
  })
})
