import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

describe.skipIf(!TestDatabase.isThere)("a message that ends the process of its handler", () => {
  it.scopedLive(
    "puts its bot aside after the third process, is skipped, and the other bots go on, whatever the clocks say",
    () =>
      Effect.gen(function* () {
        const cluster = yield* Cluster.make(yield* TestDatabase.create)
        for (let count = 0; count < 5; count++) yield* cluster.addBot()
        // an hour ahead and an hour behind in turn: the ends and the quarantine are dated by the database
        const startRunner = Effect.suspend(() =>
          cluster.startRunner({
            quarantine: 2000,
            clockOffset: cluster.runners.length % 2 === 0 ? 3_600_000 : -3_600_000
          })
        )
        yield* Effect.all([startRunner, startRunner])
        yield* cluster.allReady
        const users = yield* Cluster.chatter(cluster, 60)
        // as a supervisor does
        yield* Effect.suspend(() =>
          cluster.runners.filter((runner) => runner.isAlive()).length < 2 ? startRunner : Effect.void
        ).pipe(Effect.repeat(Schedule.spaced("100 millis")), Effect.forkScoped)
        yield* Cluster.eventually("some talk", () => users.said.length > 10, cluster.story)

        const [sick] = cluster.bots
        if (sick === undefined) return
        const poison = yield* sick.say({ scene: "c2c", user: "poisoner", text: "die" })
        const deaths = () => cluster.runners.filter((runner) => !runner.isAlive()).length
        yield* Cluster.eventually("three deaths", () => deaths() === 3, cluster.story, "60 seconds")
        const alive = () => cluster.runners.filter((runner) => runner.isAlive())
        yield* Cluster.eventually("runners", () => alive().length === 2, cluster.story, "40 seconds")
        const [runner] = alive()
        if (runner === undefined) return
        const units = yield* Cluster.statusUntil(cluster, runner, "its quarantine", (units) =>
          units.some(({ app, skipped }) => app === sick.appId && skipped !== undefined)
        )
        const unit = units.find(({ app }) => app === sick.appId)
        assert.include(unit?.skipped, poison)
        assert.isTrue(
          units.filter(({ app }) => app !== sick.appId).every(({ skipped }) => skipped === undefined),
          JSON.stringify(units)
        )
        assert.isTrue(
          cluster.runners.some((each) => each.log().includes("quarantined")),
          "it is told"
        )

        yield* cluster.allReady
        const before = users.said.length
        yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
        yield* users.stop
        yield* Cluster.answeredOnce(cluster, users.said)
        assert.strictEqual(deaths(), 3, "it is not handled again")
      })
  )
})
