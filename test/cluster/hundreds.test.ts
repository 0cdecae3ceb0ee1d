import type { Sandbox } from "@effect-qq/cli/sandbox"
import * as SqlClient from "@effect/sql/SqlClient"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

const count = 200

describe.skipIf(!TestDatabase.isThere)("two hundred bots", () => {
  it.scopedLive(
    "are online but for the one whose secret was revoked, and a rolling restart of three runners costs a resume for each move",
    () =>
      Effect.gen(function* () {
        const url = yield* TestDatabase.create
        const cluster = yield* Cluster.make(url)
        for (let number = 1; number < count; number++) yield* cluster.addBot()
        const others = cluster.bots.slice()
        const revoked = yield* cluster.addBot({ secret: "revoked" })
        const settings = { expiration: 12_000 }
        yield* Effect.forEach([1, 2, 3], () => cluster.startRunner(settings), {
          concurrency: "unbounded",
          discard: true
        })
        const allOnline = (what: string) =>
          Cluster.eventually(
            what,
            () => others.every(Cluster.isOnline),
            () => `${others.filter((bot) => !Cluster.isOnline(bot)).length} are not`,
            "60 seconds"
          )
        yield* allOnline("the others online")
        const isStopped = (units: NonNullable<Cluster.Line["units"]>): boolean =>
          units.some(({ app, state }) => app === revoked.appId && state === "Stopped")
        const units = yield* Cluster.statusUntil(
          cluster,
          cluster.runners[0] as Cluster.Runner,
          "the revoked one to be stopped",
          isStopped
        )
        assert.include(units.find(({ app }) => app === revoked.appId)?.detail, "credentials")

        const journals = (bots: ReadonlyArray<Sandbox.SandboxShape>) => bots.map(Cluster.introductions)
        const before = journals(others)
        for (const old of cluster.runners.slice()) {
          yield* cluster.startRunner(settings)
          old.signal("SIGTERM")
          yield* Cluster.eventually("its end", () => !old.isAlive(), old.log, "30 seconds")
          yield* allOnline("every bot back")
        }
        const after = journals(others)
        assert.deepStrictEqual(
          after.filter(({ identifies }) => identifies !== 1),
          [],
          "identifies"
        )
        for (const [index, bot] of others.entries()) {
          const claims = cluster.runners.flatMap(({ lines }) =>
            lines.filter(({ text, what }) => what === "claims" && text === bot.appId)
          )
          const resumes = (after[index]?.resumes ?? 0) - (before[index]?.resumes ?? 0)
          assert.isAtLeast(resumes, 1, "each of them had to move")
          assert.isAtMost(resumes, claims.length - 1, `resumes of ${bot.appId}`)
        }
        // what a runner gives up in order is no crash of its bots
        const crashed = yield* Effect.flatMap(
          SqlClient.SqlClient,
          (sql) => sql`SELECT unit, ends FROM effect_qq_units WHERE ends <> '[]' OR (NOT open AND state = 'Ready')`
        ).pipe(Effect.provide(TestDatabase.layer(url)), Effect.orDie)
        assert.deepStrictEqual(crashed, [])
        const last = cluster.runners.at(-1) as Cluster.Runner
        yield* Cluster.statusUntil(cluster, last, "the revoked one to be stopped still", isStopped)
        assert.isBelow(revoked.model.journal.length, 60, "requests with the revoked secret")
      })
  )
})
