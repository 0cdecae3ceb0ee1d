import { SqlStore } from "@effect-qq/cluster"
import { Ownership } from "@effect-qq/core"
import { describe, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { assert } from "vitest"
import * as TestDatabase from "./support/database.ts"

/** Runs with a store on a database of its own; `SqlClient` is that database. */
const withStore = <A, E>(
  body: (store: SqlStore.SqlStoreShape) => Effect.Effect<A, E, SqlClient.SqlClient>,
  policy: Partial<SqlStore.StorePolicy> = {}
) =>
  Effect.flatMap(TestDatabase.create, (url) =>
    Effect.flatMap(SqlStore.SqlStore, body).pipe(
      Effect.provide(Layer.provideMerge(SqlStore.layerWith(policy), TestDatabase.layer(url)))
    )
  )

const isFenced = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) &&
  Option.exists(
    exit.cause._tag === "Fail" ? Option.some(exit.cause.error) : Option.none<unknown>(),
    (error) => Ownership.fencedBy(error) !== undefined
  )

describe.skipIf(!TestDatabase.isThere)("SqlStore", () => {
  it.scopedLive("a record is read as it was written, and is gone once it was removed", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const epoch = yield* store.claim("1/0", "here")
        const records = store.keyValueStore({ owner: "1/0", epoch })
        const value = JSON.stringify({ text: `"\\\u0000' é 你好 👋 {1,2}`, list: [1, null] })
        yield* records.set("a", value)
        assert.deepStrictEqual(yield* records.get("a"), Option.some(value))
        assert.strictEqual(yield* records.size, 1)
        yield* records.remove("a")
        assert.deepStrictEqual(yield* records.get("a"), Option.none())
      })
    )
  )

  it.scopedLive("a write of an earlier epoch is refused and changes nothing, and so is every one after it", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const fenced: Array<string> = []
        const first = yield* store.claim("1/0", "one")
        const old = store.keyValueStore({ owner: "1/0", epoch: first, onFenced: ({ owner }) => fenced.push(owner) })
        yield* old.set("session", "old")
        const second = yield* store.claim("1/0", "two")
        assert.strictEqual(second, first + 1)
        const current = store.keyValueStore({ owner: "1/0", epoch: second })
        assert.deepStrictEqual(yield* current.get("session"), Option.some("old"), "what its successor reads")
        yield* current.set("session", "new")

        assert.isTrue(isFenced(yield* Effect.exit(old.set("session", "zombie"))))
        assert.isTrue(isFenced(yield* Effect.exit(old.set("other", "zombie"))))
        assert.isTrue(isFenced(yield* Effect.exit(old.remove("session"))))
        assert.deepStrictEqual(fenced, ["1/0"], "told once")
        assert.deepStrictEqual(yield* current.get("session"), Option.some("new"))
        assert.deepStrictEqual(yield* current.get("other"), Option.none())
        assert.isFalse(yield* store.isCurrent({ owner: "1/0", epoch: first }))
        assert.isTrue(yield* store.isCurrent({ owner: "1/0", epoch: second }))
      })
    )
  )

  it.scopedLive("a fenced removal changes nothing either where it is the first thing that is refused", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const first = yield* store.claim("1/0", "one")
        const old = store.keyValueStore({ owner: "1/0", epoch: first })
        yield* old.set("session", "old")
        yield* store.claim("1/0", "two")
        assert.isTrue(isFenced(yield* Effect.exit(old.remove("session"))))
        assert.deepStrictEqual(yield* old.get("session"), Option.some("old"))
      })
    )
  )

  it.scopedLive("of writers in one statement, those are refused that another owner has claimed, and no others", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const owners = Array.from({ length: 20 }, (_, index) => `bot/${index}`)
        const epochs = yield* Effect.forEach(owners, (owner) => store.claim(owner, "one"))
        const stores = owners.map((owner, index) => store.keyValueStore({ owner, epoch: epochs[index] ?? 0 }))
        yield* Effect.forEach(owners.slice(0, 10), (owner) => store.claim(owner, "two"))
        const exits = yield* Effect.forEach(stores, (each) => Effect.exit(each.set("k", "v")), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(
          exits.map((exit) => (Exit.isSuccess(exit) ? "stored" : isFenced(exit) ? "fenced" : "failed")),
          owners.map((_, index) => (index < 10 ? "fenced" : "stored"))
        )
      })
    )
  )

  it.scopedLive("a claim waits for a write that is under way, and its holder reads that write", () =>
    withStore(
      (store) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const epoch = yield* store.claim("1/0", "one")
          const records = store.keyValueStore({ owner: "1/0", epoch })
          yield* records.set("session", "before")
          // what happens between the lock of the owner and the end of the statement takes its time
          yield* sql.unsafe(`CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$`)
          yield* sql.unsafe(
            "CREATE TRIGGER dawdle BEFORE UPDATE ON effect_qq_records FOR EACH ROW EXECUTE FUNCTION dawdle()"
          )
          const writing = yield* Effect.fork(records.set("session", "late"))
          const isWriting = Effect.map(
            sql`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
            (rows) => rows.length > 0
          )
          yield* Effect.repeat(isWriting, { until: (is) => is })
          const next = yield* store.claim("1/0", "two")
          const read = yield* store.keyValueStore({ owner: "1/0", epoch: next }).get("session")
          yield* Fiber.join(writing)
          assert.deepStrictEqual(read, Option.some("late"))
        }),
      { saveEvery: Duration.millis(1) }
    )
  )

  it.scopedLive("writes of many owners are stored by few statements, and of one record only the last", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE statements (id serial)`
        yield* sql.unsafe(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO statements DEFAULT VALUES; RETURN NULL; END $$`)
        yield* sql.unsafe(
          "CREATE TRIGGER note AFTER INSERT ON effect_qq_records FOR EACH STATEMENT EXECUTE FUNCTION note()"
        )
        const owners = Array.from({ length: 100 }, (_, index) => `bot/${index}`)
        const stores = yield* Effect.forEach(owners, (owner) =>
          Effect.map(store.claim(owner, "one"), (epoch) => store.keyValueStore({ owner, epoch }))
        )
        yield* Effect.forEach(
          stores,
          (each) =>
            Effect.all([each.set("k", "1"), each.set("k", "2"), each.set("k", "3")], { concurrency: "unbounded" }),
          { concurrency: "unbounded", discard: true }
        )
        const [row] = yield* sql<{ count: number }>`SELECT count(*)::int AS count FROM statements`
        assert.isAtMost(row?.count ?? 0, 3)
        const values = yield* sql<{ value: string }>`SELECT DISTINCT value FROM effect_qq_records`
        assert.deepStrictEqual(values, [{ value: "3" }])
      })
    )
  )

  it.scopedLive("what waits to be stored is stored before the store's scope closes", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      const written = yield* Effect.gen(function* () {
        const store = yield* SqlStore.SqlStore
        const epoch = yield* store.claim("1/0", "one")
        const records = store.keyValueStore({ owner: "1/0", epoch })
        yield* records.set("a", "1")
        // the next statement would come in an hour
        return yield* Effect.forkDaemon(records.set("a", "2")).pipe(Effect.tap(() => Effect.yieldNow()))
      }).pipe(
        Effect.provide(Layer.provide(SqlStore.layerWith({ saveEvery: Duration.hours(1) }), TestDatabase.layer(url)))
      )
      yield* Fiber.join(written)
      const value = yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT value FROM effect_qq_records`).pipe(
        Effect.provide(TestDatabase.layer(url))
      )
      assert.deepStrictEqual(value, [{ value: "2" }])
    })
  )
})
