import { ClusterStore } from "@effect-qq/cluster"
import { describe, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { assert } from "vitest"
import * as TestDatabase from "./support/database.ts"

const unit = { app: "1", shard: 0 }

const session = {
  appId: "1",
  intents: 1,
  shard: [0, 1],
  sessionId: "s",
  sequence: 7,
  startedAt: 1,
  savedAt: 1,
  settled: [] as Array<{ readonly key: string; readonly sequence: number }>
}

const stores = {
  memory: Effect.succeed(ClusterStore.layerMemory()),
  PostgreSQL: Effect.map(TestDatabase.create, (url) =>
    Layer.orDie(Layer.provide(ClusterStore.layerSql(), TestDatabase.layer(url)))
  )
}

for (const [name, make] of Object.entries(stores)) {
  describe.skipIf(name !== "memory" && !TestDatabase.isThere)(`a store in ${name}`, () => {
    const withStore = <A, E>(body: (store: ClusterStore.ClusterStoreShape) => Effect.Effect<A, E>) =>
      Effect.flatMap(make, (layer) => Effect.provide(Effect.flatMap(ClusterStore.ClusterStore, body), layer))

    it.scopedLive("gives a unit to one claim after another, and tells a crash from what the same process did", () =>
      withStore((store) =>
        Effect.gen(function* () {
          const generations = yield* store.want([unit])
          assert.deepStrictEqual([...generations], [["1/0", 1]])
          const claim = (instance: string, generation = 1) => store.claim(unit, generation, "host:1", instance)
          assert.deepInclude(yield* claim("a"), { _tag: "Claimed", epoch: 1, isSuspect: false, isFailover: false })
          assert.deepInclude(yield* claim("a"), { epoch: 2, isSuspect: false, isFailover: false }, "the same process")
          assert.deepInclude(yield* claim("b"), { epoch: 3, isSuspect: true, isFailover: true }, "a crash")
          assert.isFalse(yield* store.isCurrent({ owner: "1/0", epoch: 2 }))
          yield* store.released({ owner: "1/0", epoch: 2 })
          yield* store.released({ owner: "1/0", epoch: 3 })
          assert.deepInclude(yield* claim("c"), { epoch: 4, isFailover: false }, "it was given back")
          yield* store.finished(unit, 1)
          assert.deepStrictEqual(yield* claim("d"), { _tag: "Superseded" })
          assert.deepStrictEqual(yield* store.status(Duration.seconds(1)), [])
          assert.deepStrictEqual([...(yield* store.want([unit]))], [["1/0", 2]])
          assert.deepStrictEqual(yield* claim("d", 1), { _tag: "Superseded" }, "an earlier generation")
          assert.deepInclude(yield* claim("d", 2), { _tag: "Claimed" })
        })
      )
    )

    it.scopedLive(
      "puts a unit aside after three crashes on one event, which its stored session then takes for settled",
      () =>
        withStore((store) =>
          Effect.gen(function* () {
            yield* store.want([unit])
            const claim = (instance: string) => store.claim(unit, 1, "host:1", instance)
            const poison = { key: "c2c:m1 C2C_MESSAGE_CREATE", seq: 8 }
            for (const instance of ["a", "b", "c"]) {
              const claimed = yield* claim(instance)
              if (claimed._tag !== "Claimed") return assert.fail(claimed._tag)
              const writer = { owner: "1/0", epoch: claimed.epoch }
              yield* store.records(writer).set("session.1.0-1", JSON.stringify(session))
              yield* store.tell(writer, "Ready", undefined)
              yield* store.handling(writer, [poison])
            }
            const aside = yield* claim("d")
            assert.deepInclude(aside, { _tag: "Quarantined", skipped: [poison] })
            assert.deepInclude(yield* claim("e"), { _tag: "Quarantined", skipped: undefined }, "told once")
            const stored = yield* store.records({ owner: "1/0", epoch: 3 }).get("session.1.0-1")
            const { settled } = JSON.parse(Option.getOrElse(stored, () => "{}")) as typeof session
            assert.deepStrictEqual(
              settled.map(({ key, sequence }) => ({ key, sequence })),
              [{ key: poison.key, sequence: 8 }]
            )
            const [status] = yield* store.status(Duration.seconds(1))
            assert.deepInclude(status, { state: "Quarantined", skipped: poison.key })
          })
        )
    )

    it.scopedLive("knows stopped bots, runners that are alive, and what was asked before", () =>
      withStore((store) =>
        Effect.gen(function* () {
          yield* store.setStopped("1", true)
          yield* store.setStopped("2", true)
          yield* store.setStopped("2", false)
          assert.deepStrictEqual([...(yield* store.stopped)], ["1"])
          assert.deepStrictEqual(
            [yield* store.once("1", "a"), yield* store.once("1", "a"), yield* store.once("2", "a")],
            [true, false, true]
          )
          yield* store.want([unit])
          yield* store.claim(unit, 1, "host:1", "a")
          assert.isFalse((yield* store.status(Duration.seconds(5)))[0]?.isLive)
          yield* store.seen("host:1")
          assert.isTrue((yield* store.status(Duration.seconds(5)))[0]?.isLive)
        })
      )
    )
  })
}

describe.skipIf(!TestDatabase.isThere)("a store in PostgreSQL, with many units", () => {
  const others = Array.from({ length: 5 }, (_, index) => ({ app: `${index}`, shard: 0 }))

  it.scopedLive("a list of units is let run while one of them, which runs already, is being claimed", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(
        Layer.provideMerge(ClusterStore.layerSql(), TestDatabase.layer(yield* TestDatabase.create))
      )
      const store = Context.get(context, ClusterStore.ClusterStore)
      const sql = Context.get(context, SqlClient.SqlClient)
      yield* store.want(others.slice(0, 3))
      const generations = yield* sql.withTransaction(
        Effect.gen(function* () {
          // as a claim does
          yield* sql`SELECT 1 FROM effect_qq_units WHERE unit = '1/0' FOR UPDATE`
          // on another connection, as another runner
          return yield* Effect.mapInputContext(store.want(others), (context: Context.Context<never>) =>
            Context.omit(SqlClient.TransactionConnection)(context as Context.Context<SqlClient.TransactionConnection>)
          )
        })
      )
      assert.deepStrictEqual(
        [...generations].toSorted(),
        others.map((each) => [`${each.app}/0`, 1] as const)
      )
    })
  )

  it.scopedLive("eight runners that let the same units run at once agree on each generation", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(
        Layer.provideMerge(ClusterStore.layerSql(), TestDatabase.layer(yield* TestDatabase.create))
      )
      const store = Context.get(context, ClusterStore.ClusterStore)
      for (const generation of [1, 2]) {
        const lists = yield* Effect.all(
          Array.from({ length: 8 }, (_, index) => store.want(index % 2 === 0 ? others : others.toReversed())),
          { concurrency: "unbounded" }
        )
        const seen = lists.flatMap((each) => [...each])
        assert.deepStrictEqual(new Set(seen.map(([, its]) => its)), new Set([generation]))
        assert.strictEqual(new Set(seen.map(([unit]) => unit)).size, others.length)
        for (const unit of others) yield* store.finished(unit, generation)
      }
    })
  )

  it.scopedLive("of states told at once the last is stored, one that was given back is never Ready again", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(
        Layer.provideMerge(ClusterStore.layerSql(), TestDatabase.layer(yield* TestDatabase.create))
      )
      const store = Context.get(context, ClusterStore.ClusterStore)
      yield* store.want(others)
      const writers = yield* Effect.forEach(others, (unit) =>
        Effect.map(store.claim(unit, 1, "host:1", "a"), (claimed) =>
          claimed._tag === "Claimed" ? { owner: `${unit.app}/0`, epoch: claimed.epoch } : assert.fail(claimed._tag)
        )
      )
      const tell = (state: string) =>
        Effect.forEach(writers, (writer) => store.tell(writer, state, undefined), {
          concurrency: "unbounded",
          discard: true
        })
      yield* Effect.all([tell("Connecting"), tell("Identifying"), tell("Ready")], { concurrency: "unbounded" })
      const states = Effect.map(store.status(Duration.seconds(1)), (units) => units.map(({ state }) => state))
      assert.deepStrictEqual(yield* states, ["Ready", "Ready", "Ready", "Ready", "Ready"])
      const [first, second] = writers
      if (first === undefined || second === undefined) return
      yield* Effect.forkScoped(tell("Resuming"))
      // until all of them wait for their statement
      yield* Effect.repeatN(Effect.yieldNow(), 100)
      yield* store.released(first)
      // what the store is told now is stored after whatever waited
      yield* store.tell(second, "Ready", undefined)
      assert.strictEqual((yield* states)[0], "Waiting")
      // another epoch has begun
      yield* store.claim({ app: second.owner.split("/")[0] ?? "", shard: 0 }, 1, "host:2", "b")
      yield* store.tell(second, "Stopped", "late")
      assert.strictEqual((yield* states)[1], "Connecting")
    })
  )
})
