import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { assert } from "vitest"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"

/** Talks with all bots for a while. */
const talks = (cluster: Cluster.Cluster) =>
  Effect.gen(function* () {
    const users = yield* Cluster.chatter(cluster, 50)
    yield* Cluster.eventually("some talk", () => users.said.length > 40, cluster.story)
    yield* users.stop
    yield* Cluster.answeredOnce(cluster, users.said)
    assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
  })

describe.skipIf(!TestDatabase.isThere).concurrent("a runner without a disk", () => {
  it.scopedLive(
    "that may write no byte to a file, with no home and no folder for temporary files, serves its bots",
    () =>
      Effect.gen(function* () {
        const cluster = yield* Cluster.make(yield* TestDatabase.create)
        for (let count = 0; count < 2; count++) yield* cluster.addBot()
        // the limit of the size of files is zero: the kernel ends a process that writes to one
        const runner = yield* cluster.startRunner({ plainLogs: true, shell: "ulimit -f 0; cd /proc" })
        yield* cluster.allReady
        yield* talks(cluster)
        assert.isTrue(runner.isAlive(), runner.log())
        // another one resumes what it stored
        const other = yield* cluster.startRunner()
        runner.signal("SIGKILL")
        yield* Cluster.statusUntil(
          cluster,
          other,
          "all bots on the other",
          (units) =>
            units.length === 2 &&
            units.every(({ runner: at, state }) => state === "Ready" && at?.endsWith(`:${other.port}`))
        )
        assert.strictEqual(Cluster.identifies(cluster), cluster.bots.length, cluster.story())
      })
  )

  it.scopedLive.skipIf(!Fs.existsSync("/dev/full"))("whose logs are refused by a full disk serves its bots", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make(yield* TestDatabase.create)
      for (let count = 0; count < 2; count++) yield* cluster.addBot()
      const runner = yield* cluster.startRunner({
        plainLogs: true,
        isMute: true,
        shell: "exec >/dev/full 2>/dev/full"
      })
      yield* cluster.allReady
      yield* talks(cluster)
      assert.isTrue(runner.isAlive(), runner.log())
    })
  )

  it.scopedLive("whose reader of logs has gone serves its bots", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make(yield* TestDatabase.create)
      for (let count = 0; count < 2; count++) yield* cluster.addBot()
      const runner = yield* cluster.startRunner({ plainLogs: true, isMute: true })
      // what it logs from now on cannot be written
      runner.closeLogs()
      yield* cluster.allReady
      yield* talks(cluster)
      assert.isTrue(runner.isAlive(), runner.log())
    })
  )
})
