import { Database } from "@effect-qq/cluster"
import * as SqlClient from "@effect/sql/SqlClient"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { assert } from "vitest"
import * as TestDatabase from "./support/database.ts"
import * as Postgres from "./support/postgres.ts"

const open = (url: string, name?: string) =>
  Effect.either(Effect.scoped(Layer.build(Database.layer({ url: Redacted.make(url), name }))))

const rejected = (url: string, name?: string) =>
  Effect.map(open(url, name), (result) => (Either.isLeft(result) ? result.left : undefined))

const withSql = <A, E>(url: string, body: (sql: SqlClient.SqlClient) => Effect.Effect<A, E>) =>
  Effect.flatMap(SqlClient.SqlClient, body).pipe(Effect.provide(TestDatabase.layer(url)))

describe("a DATABASE_URL that is no URL of PostgreSQL", () => {
  for (const url of [
    "",
    "nonsense",
    "mysql://root:hunter2@127.0.0.1/qq",
    "127.0.0.1:5432/qq",
    "https://127.0.0.1/qq"
  ]) {
    it.live(`${JSON.stringify(url)} is rejected at once, without its password`, () =>
      Effect.gen(function* () {
        const error = yield* rejected(url)
        assert.strictEqual(error?.reason, "UrlInvalid")
        assert.include(error?.message, "DATABASE_URL")
        assert.notInclude(`${error?.message} ${error?.hint}`, "hunter2")
      })
    )
  }
})

describe.skipIf(!TestDatabase.isThere)("the database of a cluster", () => {
  it.scopedLive("eight runners that start at once on an empty database migrate it once", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      const opened = yield* Effect.forEach(Array.from({ length: 8 }), () => open(url), { concurrency: "unbounded" })
      for (const result of opened) assert.isTrue(Either.isRight(result), String(result))
      const rows = yield* withSql(url, (sql) => sql<{ version: number }>`SELECT version FROM effect_qq_meta`)
      assert.deepStrictEqual(rows, [{ version: 1 }])
    })
  )

  it.scopedLive("a database of another cluster is rejected, and is left as it is", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      assert.isUndefined(yield* rejected(url, "blue"))
      const error = yield* rejected(url, "green")
      assert.strictEqual(error?.reason, "OtherCluster")
      assert.include(error?.message, `"blue"`)
      assert.include(error?.hint, "one database for each cluster")
      assert.isUndefined(yield* rejected(url, "blue"))
    })
  )

  it.scopedLive("a newer schema is rejected, and is left as it is", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      yield* withSql(url, (sql) => sql`UPDATE effect_qq_meta SET version = 99`)
      const error = yield* rejected(url)
      assert.strictEqual(error?.reason, "SchemaTooNew")
      assert.include(error?.message, "99")
      assert.include(error?.hint, "upgrade")
    })
  )

  it.scopedLive("a database that does not exist, and a user that may not log in, are rejected at once", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      assert.strictEqual((yield* rejected(`${url}_missing`))?.reason, "DatabaseMissing")
      const stranger = yield* rejected(url.replace("postgres@", "stranger:hunter2@"))
      assert.strictEqual(stranger?.reason, "CredentialsRejected")
      assert.notInclude(`${stranger?.message} ${stranger?.hint}`, "hunter2")
    })
  )

  it.scopedLive("a user that may not create tables is rejected at once", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      yield* withSql(yield* TestDatabase.create, (sql) => Effect.ignore(sql.unsafe("CREATE ROLE reader LOGIN")))
      const error = yield* rejected(url.replace("postgres@", "reader@"))
      assert.strictEqual(error?.reason, "PermissionDenied")
    })
  )

  it.scopedLive("a database that is away is waited for, with one line that names it, and used once it is there", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.promise(() => Postgres.create()),
        (server) => Effect.promise(() => server.remove())
      )
      yield* Effect.promise(() => server.stop())
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => {
        lines.push(String(Array.isArray(message) ? message.join(" ") : message))
      })
      const opening = yield* open(server.url("postgres")).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Effect.fork
      )
      yield* Effect.repeat(Effect.yieldNow(), { until: () => lines.length > 0 })
      yield* Effect.promise(() => server.start())
      assert.isTrue(Either.isRight(yield* Fiber.join(opening)))
      assert.strictEqual(lines.length, 2, lines.join("\n"))
      assert.include(lines[0], `127.0.0.1:${server.port}`)
      assert.include(lines[0], "waiting")
      assert.include(lines[1], "the database is reachable")
    })
  )
})
