import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

const hour = 3_600_000

/** How many times a bot came online. */
const arrivals = (cluster: Cluster.Cluster): number =>
  cluster.bots.reduce((all, bot) => {
    const { identifies, resumes } = Cluster.introductions(bot)
    return all + identifies + resumes
  }, 0)

/** Asks a runner for a message that names no anchor, and gives the message that it replied to. */
const anchorOf = (cluster: Cluster.Cluster, runner: Cluster.Runner, id: number) =>
  Effect.gen(function* () {
    const [bot] = cluster.bots
    if (bot === undefined) return yield* Effect.dieMessage("no bot")
    const text = `from ${id}`
    runner.ask({ do: "send", id, app: bot.appId, conversation: { _tag: "Group", group: "g" }, text })
    const find = () => bot.model.sent.find(({ content }) => content === text)
    yield* Cluster.eventually("the message", () => find() !== undefined, cluster.story, "30 seconds")
    return find()?.msgId
  })

describe.skipIf(!TestDatabase.isThere).concurrent("machines whose clocks are an hour apart", () => {
  it.scopedLive(
    "hand bots over in both directions: no identify, nothing is lost or seen twice, and reply windows stay as they are",
    () =>
      Effect.gen(function* () {
        const cluster = yield* Cluster.make(yield* TestDatabase.create)
        const bot = yield* cluster.addBot()
        // right, an hour ahead, an hour behind, right
        const offsets = [0, hour, -hour, 0]
        const anchor = yield* Effect.gen(function* () {
          const first = yield* cluster.startRunner({ expiration: 4000 })
          yield* cluster.allReady
          const id = yield* bot.say({ scene: "group", member: "u", group: "g", text: "group" })
          yield* Cluster.eventually("its answer", () => bot.model.sent.some(({ msgId }) => msgId === id), cluster.story)
          return { first, id }
        })
        const users = yield* Cluster.chatter(cluster, 60)
        let before = anchor.first
        for (const [index, clockOffset] of offsets.slice(1).entries()) {
          const next = yield* cluster.startRunner({ expiration: 4000, clockOffset })
          before.signal(index === 1 ? "SIGKILL" : "SIGTERM")
          yield* Cluster.statusUntil(cluster, next, "the bot on the next machine", (units) =>
            units.every(({ runner, state }) => state === "Ready" && runner?.endsWith(`:${next.port}`))
          )
          // the message of a group can be replied to for five minutes
          assert.strictEqual(yield* anchorOf(cluster, next, index), anchor.id, cluster.story())
          const said = users.said.length
          yield* Cluster.eventually("more talk", () => users.said.length > said + 10, cluster.story)
          before = next
        }
        yield* users.stop
        yield* Cluster.answeredOnce(cluster, users.said)
        assert.strictEqual(Cluster.identifies(cluster), 1, cluster.story())
      })
  )

  it.scopedLive("share the pace of identifies", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make(yield* TestDatabase.create)
      const bot = yield* cluster.addBot({ shards: 3, platform: { sessionLimit: { refusesPace: true } } })
      yield* Effect.forEach([hour, -hour], (clockOffset) => cluster.startRunner({ expiration: 6000, clockOffset }), {
        concurrency: "unbounded",
        discard: true
      })
      yield* Cluster.eventually("three shards", () => Cluster.online(bot) === 3, cluster.story, "60 seconds")
      const identified = bot.model.journal.flatMap((entry) =>
        entry.kind === "Received" && entry.op === 2 ? [entry.at] : []
      )
      assert.strictEqual(identified.length, 3, cluster.story())
      for (const [index, at] of identified.slice(1).entries()) {
        const gap = at - (identified[index] ?? 0)
        assert.isAtLeast(gap, 5000)
        assert.isBelow(gap, 20_000)
      }
    })
  )

  it.scopedLive("a clock that is set while its runner works costs no identify and no message", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.started(yield* TestDatabase.create, 2, 4)
      const users = yield* Cluster.chatter(cluster, 50)
      yield* Cluster.eventually("some talk", () => users.said.length > 10, cluster.story)
      const [runner] = cluster.runners
      if (runner === undefined) return
      const before = arrivals(cluster)
      for (const offset of [-hour, hour, 0]) {
        runner.ask({ do: "setClock", offset })
        const said = users.said.length
        yield* Cluster.eventually("more talk", () => users.said.length > said + 40, cluster.story)
        yield* cluster.allReady
      }
      yield* users.stop
      yield* Cluster.answeredOnce(cluster, users.said)
      assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
      // set forwards by more than the lease it ends the lease, for a machine that slept looks the same: one resume each
      assert.isAtMost(arrivals(cluster) - before, cluster.bots.length * 2, cluster.story())
      assert.isTrue(runner.isAlive(), runner.log())
    })
  )
})
