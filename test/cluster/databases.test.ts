import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import * as Path from "node:path"
import { assert } from "vitest"
import * as Child from "../node/support/child.ts"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"
import * as Postgres from "./support/postgres.ts"

const handlers = Path.resolve(Path.dirname(Child.echoBot), "cluster", "bot.mjs")

const ownServer = Effect.acquireRelease(
  Effect.promise(() => Postgres.create()),
  (server) => Effect.promise(() => server.remove())
)

/** Every table of a database with the number of its rows, and the advisory locks in it. */
const inventory = (server: Postgres.Server, database: string): string =>
  server.sql(
    database,
    `SELECT table_name, (xpath('/row/c/text()',
       query_to_xml(format('SELECT count(*) AS c FROM %I', table_name), false, true, '')))[1]::text
     FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1;
     SELECT address FROM effect_qq_runners ORDER BY 1; SELECT address FROM cluster_runners ORDER BY 1;
     SELECT cluster, version FROM effect_qq_meta;
     SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
     WHERE locktype = 'advisory' AND datname = current_database()`
  )

describe.skipIf(!TestDatabase.isThere).concurrent("databases", () => {
  it.scopedLive("a second cluster on the database of another ends with one line, and changes nothing", () =>
    Effect.gen(function* () {
      const server = yield* ownServer
      const url = server.url("postgres")
      const blue = yield* Cluster.make(url)
      yield* blue.addBot()
      yield* blue.startRunner({ name: "blue" })
      yield* blue.allReady
      const users = yield* Cluster.chatter(blue, 60)
      yield* Cluster.eventually("some talk", () => users.said.length > 5, blue.story)
      const seen = (): boolean => inventory(server, "postgres").includes("effect_qq_runners|1")
      yield* Cluster.eventually("its first sign of life", seen, blue.story)
      const before = inventory(server, "postgres")

      const port = yield* Effect.promise(() => Postgres.freePort())
      const words = ["runner", handlers, "--name", "green", "--host", "127.0.0.1", "--port", String(port)]
      const environment = { DATABASE_URL: url, EFFECT_QQ_SECRETS_KEY: Crypto.randomBytes(32).toString("base64") }
      const runner = yield* Child.start(Child.commandLine, { words, environment })
      const { code } = yield* runner.ended
      assert.strictEqual(code, 1, runner.printed())
      const lines = runner.printed().trim().split("\n")
      assert.strictEqual(lines.length, 1, runner.printed())
      assert.match(lines[0] ?? "", /belongs to the cluster "blue", not to "green".*one database for each cluster/)

      assert.strictEqual(inventory(server, "postgres"), before)
      yield* users.stop
      yield* Cluster.answeredOnce(blue, users.said)
      const [first] = blue.bots
      assert.deepStrictEqual(first === undefined ? undefined : Cluster.introductions(first), {
        identifies: 1,
        resumes: 0
      })
    })
  )

  it.scopedLive("two clusters on two databases of one server do not disturb each other, with the same bots", () =>
    Effect.gen(function* () {
      const blue = yield* Cluster.make(yield* TestDatabase.create)
      const green = yield* Cluster.make(yield* TestDatabase.create)
      for (const cluster of [blue, green]) {
        // the same numbers of shards, and so the same numbers of advisory locks
        for (let count = 0; count < 3; count++) yield* cluster.addBot()
        yield* cluster.startRunner()
      }
      yield* Effect.all([blue.allReady, green.allReady])
      const talks = yield* Effect.forEach([blue, green], (cluster) => Cluster.chatter(cluster, 60))
      yield* Cluster.eventually("some talk", () => talks.every(({ said }) => said.length > 10), blue.story)
      // the loss of one is not noticed by the other
      blue.runners[0]?.signal("SIGKILL")
      yield* Cluster.eventually("its end", () => blue.runners[0]?.isAlive() === false)
      const before = talks[1]?.said.length ?? 0
      yield* Cluster.eventually("more talk", () => (talks[1]?.said.length ?? 0) > before + 60, green.story)
      yield* blue.startRunner()
      yield* blue.allReady
      for (const [index, cluster] of [blue, green].entries()) {
        yield* talks[index]?.stop ?? Effect.void
        yield* Cluster.answeredOnce(cluster, talks[index]?.said ?? [])
        assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
      }
      assert.strictEqual(
        green.bots.reduce((all, bot) => all + Cluster.introductions(bot).resumes, 0),
        0,
        green.story()
      )
    })
  )

  it.scopedLive(
    "one that is away when a runner starts is waited for: one line, no crash, and bots online once it is there",
    () =>
      Effect.gen(function* () {
        const server = yield* ownServer
        yield* Effect.promise(() => server.stop())
        const cluster = yield* Cluster.make(server.url("postgres"))
        yield* cluster.addBot()
        const starting = yield* Effect.fork(cluster.startRunner())
        const log = (): string => cluster.runners[0]?.log() ?? ""
        yield* Cluster.eventually("the line", () => log().includes("waiting"), cluster.story, "30 seconds")
        // several attempts later there is still one line
        yield* Effect.sleep("2 seconds")
        const told = log()
          .split("\n")
          .filter((line) => line.includes("cannot reach the database"))
        assert.strictEqual(told.length, 1, log())
        assert.include(told[0], `127.0.0.1:${server.port}`)
        assert.isTrue(cluster.runners[0]?.isAlive(), log())
        yield* Effect.promise(() => server.start())
        yield* starting
        yield* cluster.allReady
      })
  )
})
