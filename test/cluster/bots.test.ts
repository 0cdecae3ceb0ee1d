import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

describe.skipIf(!TestDatabase.isThere).concurrent("the bots of a cluster", () => {
  it.scopedLive("come and go while it runs, are stopped and started, told of and written for from any runner", () =>
    Effect.gen(function* () {
      // no lease ends because the machine is busy: each time that a bot is taken up is counted
      const cluster = yield* Cluster.started(yield* TestDatabase.create, 2, 3, { expiration: 20_000 })
      const [one, other] = cluster.runners as [Cluster.Runner, Cluster.Runner]
      const [first, second] = cluster.bots

      // the runner that started first had all of them until the other one joined
      yield* Cluster.balanced(cluster)
      const late = yield* cluster.addBot()
      yield* Cluster.eventually("a bot that was added", () => Cluster.isOnline(late), cluster.story)

      for (const runner of cluster.runners) {
        const units = yield* Cluster.statusUntil(
          cluster,
          runner,
          "all units Ready",
          (units) => units.length === 4 && units.every(({ isLive, state }) => state === "Ready" && isLive)
        )
        assert.deepStrictEqual(
          units.map(({ app }) => app),
          cluster.bots.map(({ appId }) => appId)
        )
      }

      // from a runner that may not have the bot, once each
      for (const runner of cluster.runners) {
        const conversation = { _tag: "C2C", user: `u${runner.port}` }
        runner.ask({ do: "send", id: 1, app: second?.appId, conversation, text: "hello", anchor: "none" })
        yield* Cluster.eventually(
          "a message",
          () => runner.lines.some(({ id, what }) => what === "done" && String(id) === "1"),
          cluster.story
        )
        assert.strictEqual(second?.model.sent.filter(({ target }) => target === conversation.user).length, 1)
      }

      const epochOf = (units: NonNullable<Cluster.Line["units"]>) =>
        units.find(({ app }) => app === first?.appId)?.epoch ?? 0
      const isReady = (units: NonNullable<Cluster.Line["units"]>) =>
        units.some(({ app, state }) => app === first?.appId && state === "Ready")
      const before = epochOf(yield* Cluster.statusUntil(cluster, one, "it to be Ready", isReady))
      const moved = first === undefined ? 0 : Cluster.introductions(first).resumes
      one.ask({ do: "stop", app: first?.appId, id: 2 })
      yield* Cluster.eventually("its end", () => first !== undefined && !Cluster.isOnline(first), cluster.story)
      yield* Cluster.statusUntil(cluster, one, "a unit less", (units) => units.length === 3)
      other.ask({ do: "start", app: first?.appId, id: 3 })
      yield* Cluster.eventually("its return", () => first !== undefined && Cluster.isOnline(first), cluster.story)
      if (first !== undefined) {
        const { identifies, resumes } = Cluster.introductions(first)
        assert.strictEqual(identifies, 1, "its session was kept")
        const after = epochOf(yield* Cluster.statusUntil(cluster, other, "it to be Ready", isReady))
        assert.strictEqual(after - before, 1, `taken up once for its start\n${cluster.story()}`)
        assert.strictEqual(resumes - moved, 1, `resumed once for its start\n${cluster.story()}`)
      }

      cluster.removeBot(late.appId)
      yield* Cluster.eventually("the end of one that was removed", () => !Cluster.isOnline(late), cluster.story)
    })
  )

  it.scopedLive("do not suffer from one whose secret was revoked, and that one runs again once it has a new one", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make(yield* TestDatabase.create)
      for (let count = 0; count < 3; count++) yield* cluster.addBot()
      const revoked = yield* cluster.addBot({ secret: "revoked" })
      const runner = yield* cluster.startRunner()
      yield* Cluster.eventually("the others", () => cluster.bots.slice(0, 3).every(Cluster.isOnline), cluster.story)
      const units = yield* Cluster.statusUntil(cluster, runner, "the revoked one to be stopped", (units) =>
        units.some(({ app, state }) => app === revoked.appId && state === "Stopped")
      )
      assert.include(units.find(({ app }) => app === revoked.appId)?.detail, "credentials")
      const requests = revoked.model.journal.length
      cluster.changeBot(revoked.appId, { secret: `secret of ${revoked.appId}` })
      yield* Cluster.eventually("its return", () => Cluster.isOnline(revoked), cluster.story)
      assert.isBelow(requests, 30, "requests with the revoked secret")
    })
  )

  it.scopedLive("a bot of four shards on three runners identifies in turn: no identify is refused", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make(yield* TestDatabase.create)
      const bot = yield* cluster.addBot({ shards: 4, platform: { sessionLimit: { refusesPace: true } } })
      yield* Effect.forEach([1, 2, 3], () => cluster.startRunner({ expiration: 6000 }), {
        concurrency: "unbounded",
        discard: true
      })
      yield* Cluster.eventually("four shards", () => Cluster.online(bot) === 4, cluster.story, "60 seconds")
      const identified = bot.model.journal.flatMap((entry) =>
        entry.kind === "Received" && entry.op === 2 ? [entry.at] : []
      )
      assert.strictEqual(identified.length, 4, cluster.story())
      for (const [index, at] of identified.slice(1).entries()) assert.isAtLeast(at - (identified[index] ?? 0), 5000)
      const units = yield* Cluster.statusUntil(
        cluster,
        cluster.runners[0] as Cluster.Runner,
        "four units Ready",
        (units) => units.length === 4 && units.every(({ state }) => state === "Ready")
      )
      assert.isAbove(new Set(units.map(({ runner }) => runner)).size, 1, "shards on more than one runner")
    })
  )
})
