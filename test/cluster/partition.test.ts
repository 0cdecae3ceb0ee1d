import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert, inject } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"
import * as Proxy from "./support/proxy.ts"

/** Two runners with four bots, of which some are on the one whose way to the database is the wire. */
const divided = (locks: "advisory" | "table") =>
  Effect.gen(function* () {
    const url = yield* TestDatabase.create
    const port = inject("postgres")
    const wire = yield* Proxy.make(port)
    const cluster = yield* Cluster.make(url)
    for (let count = 0; count < 4; count++) yield* cluster.addBot()
    const cut = yield* cluster.startRunner({ locks, url: url.replace(`:${port}/`, `:${wire.port}/`) })
    yield* cluster.allReady
    const other = yield* cluster.startRunner({ locks })
    const users = yield* Cluster.chatter(cluster, 80)
    yield* Cluster.eventually("some talk", () => users.said.length > 20, cluster.story)
    yield* Cluster.eventually("bots on the one that is cut", () => Cluster.handles(cut).length > 0, cluster.story)
    return { cluster, cut, other, users, wire }
  })

/** Waits until a runner has all bots. */
const hasAll = (cluster: Cluster.Cluster, runner: Cluster.Runner) =>
  Cluster.statusUntil(
    cluster,
    runner,
    `all bots on ${runner.port}`,
    (units) =>
      units.length === 4 &&
      units.every(({ runner: address, state }) => state === "Ready" && address?.endsWith(`:${runner.port}`))
  )

describe.skipIf(!TestDatabase.isThere).concurrent("a runner that is cut off from the database, half open", () => {
  for (const locks of ["advisory", "table"] as const) {
    it.scopedLive(
      `gives up before another takes over, with ${locks} locks; nothing is lost, seen twice or identified`,
      () =>
        Effect.gen(function* () {
          const { cluster, cut, other, users, wire } = yield* divided(locks)
          wire.freeze()
          yield* hasAll(cluster, other)
          // before a session was resumed elsewhere its old socket was closed, by the runner that gave it up
          for (const { model } of cluster.bots) {
            assert.strictEqual(model.counters().maxOpenSockets, 1, cluster.story())
          }
          assert.isTrue(cut.isAlive(), cut.log())
          wire.heal()
          const before = users.said.length
          yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
          yield* users.stop
          yield* Cluster.answeredOnce(cluster, users.said)
          assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
          assert.isTrue(cut.isAlive(), cut.log())
        })
    )

    const [which, name] = locks === "advisory" ? ["that of its locks", "effect-qq locks"] : ["all that there were", ""]
    it.scopedLive(`on connections that stay mute for ever, ${which}, makes others and takes bots up again`, () =>
      Effect.gen(function* () {
        const { cluster, cut, other, users, wire } = yield* divided(locks)
        wire.freezeOnly(name)
        const from = users.said.length
        yield* Cluster.eventually("more talk", () => users.said.length > from + 20, cluster.story)
        for (const { model } of cluster.bots) {
          assert.strictEqual(model.counters().maxOpenSockets, 1, cluster.story())
        }
        // the connection stays mute for ever: it is not waited for
        other.signal("SIGKILL")
        yield* hasAll(cluster, cut)
        const before = users.said.length
        yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
        yield* users.stop
        yield* Cluster.answeredOnce(cluster, users.said)
        assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
      })
    )
  }
})
