import type { Sandbox } from "@effect-qq/cli/sandbox"
import { describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"
import * as Postgres from "./support/postgres.ts"

/** For how long runners are suspended, in seconds; the longest only with the long simulations. */
const pauses = process.env["EFFECT_QQ_LONG_TESTS"] === "1" ? [5, 15, 60] : [5, 15]

/** The connections of a bot that are open on the platform's side. */
const openConnections = ({ model }: Sandbox.SandboxShape): ReadonlySet<number> => {
  const open = new Set<number>()
  for (const entry of model.journal) {
    if (entry.kind === "Opened") open.add(entry.connection)
    if (entry.kind === "Closed") open.delete(entry.connection)
  }
  return open
}

/** One runner for each pause is suspended, all at the same moment; one more takes their bots up. */
const wakeQuietly = (locks: "advisory" | "table") =>
  Effect.gen(function* () {
    const settings = { locks, handleFor: 50, expiration: 4000 }
    // enough that each runner has some of them
    const count = 16
    const cluster = yield* Cluster.started(yield* TestDatabase.create, pauses.length + 1, count, settings)
    const users = yield* Cluster.chatter(cluster, 50)
    const zombies = cluster.runners.slice(0, pauses.length)
    const others = cluster.runners.slice(pauses.length)
    const other = others[0]
    if (other === undefined) return
    yield* Cluster.eventually(
      "bots on each runner",
      () => cluster.runners.every((runner) => Cluster.handles(runner).length > 0),
      cluster.story,
      "60 seconds"
    )
    // the ownership that a zombie notices to be over is one that it had when it was suspended
    const noticed = (runner: Cluster.Runner): number => runner.log().split("no longer owns the bot").length - 1
    const before = new Map(zombies.map((zombie) => [zombie, noticed(zombie)]))
    const units = yield* Cluster.statusUntil(cluster, other, "the units", (units) => units.length === count)
    const appsOf = (runner: Cluster.Runner) =>
      units.flatMap((unit) => (unit.runner?.endsWith(`:${runner.port}`) === true ? [unit.app] : []))
    for (const zombie of zombies) zombie.signal("SIGSTOP")
    const stoppedAt = performance.now()
    // its sockets stay open on the platform's side: it is alive as far as TCP can tell
    const oldConnections = new Map(cluster.bots.map((bot) => [bot, openConnections(bot)]))
    yield* Cluster.statusUntil(
      cluster,
      other,
      "the other to have all bots",
      (units) =>
        units.length === count &&
        units.every(({ runner, state }) => state === "Ready" && runner?.endsWith(`:${other.port}`))
    )
    for (const [index, seconds] of pauses.entries()) {
      const zombie = zombies[index]
      if (zombie === undefined) continue
      yield* Effect.sleep(Math.max(0, seconds * 1000 - (performance.now() - stoppedAt)))
      const wokenAt = yield* Clock.currentTimeMillis
      const apps = appsOf(zombie)
      const owned = cluster.bots.filter(({ appId }) => apps.includes(appId))
      const heardBefore = new Map(owned.map((bot) => [bot, bot.model.journal.length]))
      zombie.signal("SIGCONT")
      yield* Cluster.eventually(
        `the zombie of ${seconds} s to notice`,
        () => noticed(zombie) - (before.get(zombie) ?? 0) >= apps.length,
        cluster.story
      )
      // it may take bots up again, as any runner may, once it has claimed them anew
      const appOf = ({ app, text }: Cluster.Line): string | undefined =>
        app ?? cluster.bots.find(({ apiUrl }) => text?.startsWith(apiUrl))?.appId
      const isClaimed = (line: Cluster.Line): boolean =>
        zombie.lines.some(
          ({ at, text, what }) => what === "claims" && text === appOf(line) && at >= wokenAt - 1000 && at <= line.at
        )
      const acted = zombie.lines.filter(
        (line) => (line.what === "handles" || line.what === "sends") && line.at >= wokenAt - 1000 && !isClaimed(line)
      )
      const handled = acted.filter(({ what }) => what === "handles")
      assert.deepStrictEqual(handled, [], `handled after waking at ${wokenAt}\n${zombie.log()}`)
      // one reply may have passed its last check just before: the platform shows it once, whoever sends it
      assert.isAtMost(acted.length, 1, `sent after waking at ${wokenAt}: ${JSON.stringify(acted)}\n${zombie.log()}`)
      for (const bot of owned) {
        const old = oldConnections.get(bot)
        const heard = bot.model.journal
          .slice(heardBefore.get(bot))
          .filter((entry) => entry.kind === "Received" && old?.has(entry.connection) === true)
        assert.deepStrictEqual(heard, [], `what the old connections of ${bot.appId} said after ${seconds} s`)
      }
    }
    const said = users.said.length
    yield* Cluster.eventually("more talk", () => users.said.length > said + 20, cluster.story)
    yield* users.stop
    yield* Cluster.answeredOnce(cluster, users.said)
    assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
  })

describe.skipIf(!TestDatabase.isThere).concurrent("a runner that is suspended", () => {
  for (const locks of ["advisory", "table"] as const) {
    it.scopedLive(
      `for ${pauses.join(", ")} s and wakes after its bots have moved, with ${locks} locks, handles and sends nothing`,
      () => wakeQuietly(locks)
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
