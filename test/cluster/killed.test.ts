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

/** Moments that the platform does not see; the runner kills itself in the very step. */
const steps: ReadonlyArray<string> = [
  "claim is asked for",
  "claim is granted",
  "load begins",
  "load ends",
  "save begins",
  "save ends",
  "it sends"
]

const diesAt = (runner: Cluster.Runner, moment: string): boolean =>
  runner.lines.some(({ text, what }) => what === "dies" && text === moment)

describe.skipIf(!TestDatabase.isThere).concurrent("a runner that is killed", () => {
  it.scopedLive("at each moment in the life of a bot, one after another: nothing is lost or seen twice", () =>
    Effect.gen(function* () {
      // these kills are no fault of the bot's
      const settings = { quarantineAfter: 100 }
      const cluster = yield* Cluster.started(yield* TestDatabase.create, 1, 1, settings)
      const [bot] = cluster.bots
      if (bot === undefined) return
      const users = yield* Cluster.chatter(cluster, 60, 60)
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
        cluster.runners.some((runner) => runner.isAlive()) ? Effect.void : cluster.startRunner(settings)
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

  it.scopedLive(
    "at each step of taking up a bot and of sending: nothing is lost or seen twice, and it identifies once",
    () =>
      Effect.gen(function* () {
        const settings = { quarantineAfter: 100, expiration: 4000 }
        const cluster = yield* Cluster.started(yield* TestDatabase.create, 1, 1, settings)
        const users = yield* Cluster.chatter(cluster, 60)
        yield* Cluster.eventually("some talk", () => users.said.length > 5, cluster.story)
        const [first] = cluster.runners
        // each of them takes the bot up in its turn, and dies
        const victims = yield* Effect.forEach(
          steps,
          (moment) =>
            Effect.map(cluster.startRunner({ ...settings, killAt: moment }), (runner) => ({ moment, runner })),
          { concurrency: "unbounded" }
        )
        first?.signal("SIGKILL")
        const isOver = (): boolean => victims.every(({ runner }) => !runner.isAlive())
        yield* Cluster.eventually("seven deaths", isOver, cluster.story, "60 seconds")
        for (const { moment, runner } of victims) assert.isTrue(diesAt(runner, moment), runner.log())
        yield* cluster.startRunner(settings)
        yield* cluster.allReady
        yield* users.stop
        yield* Cluster.answeredOnce(cluster, users.said)
        assert.strictEqual(Cluster.identifies(cluster), 1, cluster.story())
      })
  )

  for (const moment of ["drains", "it gives up a bot"]) {
    it.scopedLive(`while it shuts down, as ${moment}: nothing is lost or seen twice, no identify`, () =>
      Effect.gen(function* () {
        const settings = { quarantineAfter: 100, expiration: 4000, handleFor: 200 }
        const cluster = yield* Cluster.started(yield* TestDatabase.create, 1, 2, { ...settings, killAt: moment })
        const [victim] = cluster.runners
        if (victim === undefined) return
        yield* cluster.startRunner(settings)
        const users = yield* Cluster.chatter(cluster, 40)
        yield* Cluster.eventually("bots on the first one", () => Cluster.handles(victim).length > 3, cluster.story)
        victim.signal("SIGTERM")
        yield* Cluster.eventually("its end", () => !victim.isAlive(), cluster.story)
        assert.isTrue(diesAt(victim, moment), victim.log())
        yield* cluster.allReady
        const before = users.said.length
        yield* Cluster.eventually("more talk", () => users.said.length > before + 20, cluster.story)
        yield* users.stop
        yield* Cluster.answeredOnce(cluster, users.said)
        assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
      })
    )
  }

  it.scopedLive("at the first identify of a bot: another runner identifies", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make(yield* TestDatabase.create)
      const bot = yield* cluster.addBot()
      const state = { kills: 0 }
      yield* overhear(bot.model.journal, (entry) => {
        if (entry.kind !== "Received" || entry.op !== 2 || state.kills > 0) return
        state.kills++
        for (const runner of cluster.runners) runner.signal("SIGKILL")
      })
      const settings = { quarantineAfter: 100, expiration: 4000 }
      const first = yield* cluster.startRunner(settings)
      yield* Cluster.eventually("its end", () => !first.isAlive(), cluster.story)
      yield* cluster.startRunner(settings)
      yield* cluster.allReady
      assert.strictEqual(Cluster.identifies(cluster), 2, cluster.story())
      const users = yield* Cluster.chatter(cluster, 60)
      yield* Cluster.eventually("some talk", () => users.said.length > 5, cluster.story)
      yield* users.stop
      yield* Cluster.answeredOnce(cluster, users.said)
    })
  )

  it.scopedLive("as soon as the first Ready of a bot is stored: all that was said since that Ready is answered", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make(yield* TestDatabase.create)
      const bot = yield* cluster.addBot()
      const said: Array<Cluster.Said> = []
      const state = { isReady: false }
      const talk = Effect.suspend(() => {
        const text = `r${said.length}`
        return !state.isReady || said.length === 100
          ? Effect.void
          : Effect.map(bot.say({ scene: "c2c", user: "u", text }), (id) => void said.push({ bot, id, text }))
      })
      yield* overhear(bot.model.journal, (entry) => {
        if (entry.kind === "Sent" && entry.t === "READY") state.isReady = true
      })
      yield* Effect.forkScoped(Effect.repeat(talk, Schedule.spaced("3 millis")))
      const settings = { quarantineAfter: 100, expiration: 4000 }
      const first = yield* cluster.startRunner({ ...settings, killAt: "save ends" })
      yield* Cluster.eventually("its end", () => !first.isAlive(), cluster.story)
      yield* cluster.startRunner(settings)
      yield* cluster.allReady
      yield* Cluster.eventually("all the talk", () => said.length === 100, cluster.story)
      yield* Cluster.answeredOnce(cluster, said)
      assert.strictEqual(Cluster.identifies(cluster), 1, cluster.story())
    })
  )
})
