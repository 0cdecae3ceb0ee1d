import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

/** A cluster with so many runners and bots, all online. */
const started = (runners: number, bots: number, settings: Cluster.Settings = {}) =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.make(yield* TestDatabase.create)
    for (let count = 0; count < bots; count++) yield* cluster.addBot()
    yield* Effect.forEach(Array.from({ length: runners }), () => cluster.startRunner(settings), {
      concurrency: "unbounded",
      discard: true
    })
    yield* cluster.allReady
    return cluster
  })

const identifies = (cluster: Cluster.Cluster): number =>
  cluster.bots.reduce((all, bot) => all + Cluster.introductions(bot).identifies, 0)

describe.skipIf(!TestDatabase.isThere)("three runners", () => {
  it.scopedLive("kill -9 of one: its bots resume on the others, nothing is lost or visible twice", () =>
    Effect.gen(function* () {
      const cluster = yield* started(3, 6)
      const users = yield* Cluster.chatter(cluster, 50)
      yield* Cluster.eventually("some talk", () => users.said.length > 20, cluster.story)
      const victim = cluster.runners.find((runner) => Cluster.handles(runner).length > 0)
      victim?.signal("SIGKILL")
      const killedAt = performance.now()
      yield* Cluster.eventually("its end", () => victim?.isAlive() === false)
      yield* cluster.allReady
      console.log("back after", performance.now() - killedAt)
      const before = users.said.length
      yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
      yield* users.stop
      yield* Cluster.answeredOnce(cluster, users.said)
      assert.strictEqual(identifies(cluster), cluster.bots.length, cluster.story())
    })
  )
})
