import { describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"
import * as Postgres from "./support/postgres.ts"

/** What a runner did for bots, as it printed it, and what the platform heard from its connections. */
const wakesQuietly = (locks: "advisory" | "table", seconds: number) =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.started(yield* TestDatabase.create, 2, 4, { locks, handleFor: 50 })
    const users = yield* Cluster.chatter(cluster, 50)
    yield* Cluster.eventually("some talk", () => users.said.length > 20, cluster.story)
    const zombie = cluster.runners.find((runner) => Cluster.handles(runner).length > 0)
    const other = cluster.runners.find((runner) => runner !== zombie)
    if (zombie === undefined || other === undefined) return yield* Effect.dieMessage("no runner has bots")
    zombie.signal("SIGSTOP")
    const stoppedAt = performance.now()
    // its sockets stay open on the platform's side: it is alive as far as TCP can tell
    yield* Cluster.statusUntil(
      cluster,
      other,
      "the other to have all bots",
      (units) =>
        units.length === 4 &&
        units.every(({ runner, state }) => state === "Ready" && runner?.endsWith(`:${other.port}`))
    )
    yield* Effect.sleep(Math.max(0, seconds * 1000 - (performance.now() - stoppedAt)))
    const wokenAt = yield* Clock.currentTimeMillis
    const identifiesBefore = Cluster.identifies(cluster)
    zombie.signal("SIGCONT")
    yield* Cluster.eventually(
      "the zombie to notice",
      () => zombie.log().includes("no longer owns the bot"),
      cluster.story
    )
    const handled = Cluster.handles(zombie).filter(({ at }) => at >= wokenAt)
    assert.deepStrictEqual(handled, [], `handled after waking at ${wokenAt}\n${zombie.log()}`)
    const before = users.said.length
    yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
    yield* users.stop
    yield* Cluster.answeredOnce(cluster, users.said)
    return { cluster, identifiesBefore }
  })

describe.skipIf(!TestDatabase.isThere)("a runner that is suspended", () => {
  for (const locks of ["advisory", "table"] as const) {
    it.scopedLive(
      `and wakes after its bots have moved, with ${locks} locks, handles nothing of what waited for it`,
      () =>
        Effect.gen(function* () {
          const { cluster, identifiesBefore } = yield* wakesQuietly(locks, 8)
          assert.strictEqual(Cluster.identifies(cluster), identifiesBefore, "identifies after waking")
          assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
        })
    )
  }

  it.scopedLive("for less than its lease goes on as if nothing had been", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.started(yield* TestDatabase.create, 2, 4, { expiration: 10_000 })
      const users = yield* Cluster.chatter(cluster, 50)
      yield* Cluster.eventually("some talk", () => users.said.length > 20, cluster.story)
      const [runner] = cluster.runners
      runner?.signal("SIGSTOP")
      yield* Effect.sleep("1 second")
      runner?.signal("SIGCONT")
      const before = users.said.length
      yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
      yield* users.stop
      yield* Cluster.answeredOnce(cluster, users.said)
      assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
    })
  )
})

describe.skipIf(!TestDatabase.isThere)("a database", () => {
  const ownServer = Effect.acquireRelease(
    Effect.promise(() => Postgres.create()),
    (server) => Effect.promise(() => server.remove())
  )

  for (const how of ["stopped", "frozen"] as const) {
    it.scopedLive(`that is ${how}: connections end before the leases do, and come back with it; nothing is lost`, () =>
      Effect.gen(function* () {
        const server = yield* ownServer
        const cluster = yield* Cluster.started(server.url("postgres"), 2, 4)
        const users = yield* Cluster.chatter(cluster, 50)
        yield* Cluster.eventually("some talk", () => users.said.length > 20, cluster.story)
        const away = performance.now()
        if (how === "stopped") yield* Effect.promise(() => server.stop())
        else server.signal("SIGSTOP")
        yield* Cluster.eventually(
          "every bot offline",
          () => cluster.bots.every((bot) => !Cluster.isOnline(bot)),
          cluster.story,
          "30 seconds"
        )
        // a lease is 0.8 of 5 s, and a look of 0.1 s may come late on a busy machine
        assert.isBelow(performance.now() - away, 9000, "fails closed")
        assert.isTrue(
          cluster.runners.every((runner) => runner.isAlive()),
          cluster.story()
        )
        if (how === "stopped") yield* Effect.promise(() => server.start())
        else server.signal("SIGCONT")
        yield* cluster.allReady
        const before = users.said.length
        yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
        yield* users.stop
        yield* Cluster.answeredOnce(cluster, users.said)
        assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
      })
    )
  }
})
