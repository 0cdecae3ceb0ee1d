import type { Sandbox } from "@effect-qq/cli/sandbox"
import * as SqlClient from "@effect/sql/SqlClient"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

const count = 200

/** How many of them stay for the rolling restart. */
const moving = 100

describe.skipIf(!TestDatabase.isThere)("two hundred bots", () => {
  it.scopedLive(
    "are online but for the one whose secret was revoked; a rolling restart of three runners with a hundred costs a resume a move",
    () =>
      Effect.gen(function* () {
        const url = yield* TestDatabase.create
        const cluster = yield* Cluster.make(url)
        for (let number = 1; number < count; number++) yield* cluster.addBot()
        const all = cluster.bots.slice()
        const others = all.slice(0, moving)
        const revoked = yield* cluster.addBot({ secret: "revoked" })
        const settings = { expiration: 12_000 }
        yield* Effect.forEach([1, 2, 3], () => cluster.startRunner(settings), {
          concurrency: "unbounded",
          discard: true
        })
        const allOnline = (what: string, bots: ReadonlyArray<Sandbox.SandboxShape>) =>
          Cluster.eventually(
            what,
            () => bots.every(Cluster.isOnline),
            () => `${bots.filter((bot) => !Cluster.isOnline(bot)).length} are not`,
            "100 seconds"
          )
        yield* allOnline("the others online", all)
        const isStopped = (units: NonNullable<Cluster.Line["units"]>): boolean =>
          units.some(({ app, state }) => app === revoked.appId && state === "Stopped")
        const units = yield* Cluster.statusUntil(
          cluster,
          cluster.runners[0] as Cluster.Runner,
          "the revoked one to be stopped",
          isStopped
        )
        assert.include(units.find(({ app }) => app === revoked.appId)?.detail, "credentials")

        for (const { appId } of all.slice(moving)) cluster.removeBot(appId)
        yield* Cluster.eventually("a hundred bots gone", () => !all.slice(moving).some(Cluster.isOnline))
        const journals = (bots: ReadonlyArray<Sandbox.SandboxShape>) => bots.map(Cluster.introductions)
        const before = journals(others)
        for (const old of cluster.runners.slice()) {
          yield* cluster.startRunner(settings)
          old.signal("SIGTERM")
          yield* Cluster.eventually("its end", () => !old.isAlive(), old.log, "30 seconds")
          yield* allOnline("every bot back", others)
        }
        const after = journals(others)
        assert.deepStrictEqual(
          after.map(({ identifies }) => identifies),
          before.map(({ identifies }) => identifies),
          "identifies of the restart"
        )
        for (const [index, bot] of others.entries()) {
          const claims = cluster.runners.flatMap(({ lines }) =>
            lines.filter(({ text, what }) => what === "claims" && text === bot.appId)
          )
          const resumes = (after[index]?.resumes ?? 0) - (before[index]?.resumes ?? 0)
          assert.isAtLeast(resumes, 1, "each of them had to move")
          assert.isAtMost(resumes, claims.length - 1, `resumes of ${bot.appId}`)
        }
        // what a runner gives up in order is no crash of its bots, but where the database takes too long to note it
        const crashed = yield* Effect.flatMap(
          SqlClient.SqlClient,
          (sql) => sql`SELECT unit, ends FROM effect_qq_units WHERE ends <> '[]' OR (NOT open AND state = 'Ready')`
        ).pipe(Effect.provide(TestDatabase.layer(url)), Effect.orDie)
        assert.isBelow(crashed.length, moving / 4, JSON.stringify(crashed))
        const last = cluster.runners.at(-1) as Cluster.Runner
        yield* Cluster.statusUntil(cluster, last, "the revoked one to be stopped still", isStopped)
        assert.isBelow(revoked.model.journal.length, 60, "requests with the revoked secret")
      })
  )
})
