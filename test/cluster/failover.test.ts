import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

const started = (runners: number, bots: number, settings?: Cluster.Settings) =>
  Effect.flatMap(TestDatabase.create, (url) => Cluster.started(url, runners, bots, settings))

describe.skipIf(!TestDatabase.isThere)("three runners", () => {
  for (const locks of ["advisory", "table"] as const) {
    it.scopedLive(`kill -9 of one, with ${locks} locks: its bots resume elsewhere, nothing is lost or seen twice`, () =>
      Effect.gen(function* () {
        const cluster = yield* started(3, 6, { locks, handleFor: 20 })
        const users = yield* Cluster.chatter(cluster, 30)
        yield* Cluster.eventually("some talk", () => users.said.length > 20, cluster.story)
        const victim = cluster.runners.find((runner) => Cluster.handles(runner).length > 0)
        victim?.signal("SIGKILL")
        yield* Cluster.eventually("its end", () => victim?.isAlive() === false)
        yield* cluster.allReady
        const before = users.said.length
        yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
        yield* users.stop
        yield* Cluster.answeredOnce(cluster, users.said)
        assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
      })
    )
  }

  it.scopedLive("one after another replaced by another process: no identify, nothing is lost or seen twice", () =>
    Effect.gen(function* () {
      const cluster = yield* started(3, 9, { handleFor: 20 })
      const users = yield* Cluster.chatter(cluster, 30)
      for (const old of cluster.runners.slice()) {
        yield* cluster.startRunner({ handleFor: 20 })
        old.signal("SIGTERM")
        yield* Cluster.eventually("its end", () => !old.isAlive(), cluster.story)
        yield* cluster.allReady
      }
      const before = users.said.length
      yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
      yield* users.stop
      yield* Cluster.answeredOnce(cluster, users.said)
      assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
    })
  )
})
