import type { Journal } from "@effect-qq/core/testing"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { assert } from "vitest"
import { overhear } from "../support/journal.ts"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

type Entry = Journal.JournalEntry

/** Moments in the life of a bot, as the platform sees them in the very step in which they happen. */
const moments: ReadonlyArray<readonly [name: string, isIt: (entry: Entry) => boolean]> = [
  ["it is given a message", (entry) => entry.kind === "Sent" && entry.t === "C2C_MESSAGE_CREATE"],
  ["it dials", (entry) => entry.kind === "Upgrade"],
  ["its answer is taken", (entry) => entry.kind === "Accepted"],
  ["it resumes", (entry) => entry.kind === "Received" && entry.op === 6],
  ["its answer is acknowledged", (entry) => entry.kind === "Request" && entry.path.endsWith("/messages")],
  ["it is Ready", (entry) => entry.kind === "Sent" && entry.t === "RESUMED"]
]

describe.skipIf(!TestDatabase.isThere)("a runner that is killed", () => {
  it.scopedLive("at each moment in the life of a bot, one after another: nothing is lost or seen twice", () =>
    Effect.gen(function* () {
      // these kills are no fault of the bot's
      const settings = { quarantineAfter: 100 }
      const cluster = yield* Cluster.started(yield* TestDatabase.create, 2, 1, settings)
      const [bot] = cluster.bots
      if (bot === undefined) return
      const users = yield* Cluster.chatter(cluster, 60)
      const state: { armed: ((entry: Entry) => boolean) | undefined; kills: number } = { armed: undefined, kills: 0 }
      yield* overhear(bot.model.journal, (entry) => {
        if (state.armed?.(entry) !== true) return
        state.armed = undefined
        state.kills++
        for (const runner of cluster.runners) runner.signal("SIGKILL")
      })
      // a session that no store has heard of yet cannot outlive its process
      yield* Cluster.eventually("some answers", () => bot.model.sent.length > 20, cluster.story)
      // as a supervisor does
      yield* Effect.suspend(() =>
        cluster.runners.filter((runner) => runner.isAlive()).length < 2 ? cluster.startRunner(settings) : Effect.void
      ).pipe(Effect.repeat(Schedule.spaced("50 millis")), Effect.forkScoped)
      for (const [name, isIt] of moments) {
        state.armed = isIt
        const before = state.kills
        yield* Cluster.eventually(name, () => state.kills > before, cluster.story, "40 seconds")
      }
      yield* Cluster.eventually("the bot online", () => Cluster.isOnline(bot), cluster.story, "60 seconds")
      const before = users.said.length
      yield* Cluster.eventually("more talk", () => users.said.length > before + 10, cluster.story)
      yield* users.stop
      yield* Cluster.answeredOnce(cluster, users.said)
      assert.strictEqual(Cluster.identifies(cluster), 1, cluster.story())
    })
  )
})
