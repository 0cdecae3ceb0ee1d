import { Sandbox } from "@effect-qq/cli/sandbox"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import * as Path from "node:path"
import { assert } from "vitest"
import * as Child from "../node/support/child.ts"
import * as Cluster from "./support/cluster.ts"
import * as TestDatabase from "./support/database.ts"
import { freePort } from "./support/postgres.ts"

const bot = Path.resolve(Path.dirname(Child.echoBot), "cluster", "bot.mjs")

const run = (words: ReadonlyArray<string>, environment: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const child = yield* Child.start(Child.commandLine, { words, environment })
    const { code } = yield* child.ended
    return { code, printed: child.printed().trim() }
  }).pipe(Effect.scoped)

describe.skipIf(!TestDatabase.isThere).concurrent("the commands of a cluster", () => {
  it.scopedLive("add a bot, list it, run it, tell how it is, and remove it; no secret is printed", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      const environment = {
        DATABASE_URL: url,
        EFFECT_QQ_SECRETS_KEY: Crypto.randomBytes(32).toString("base64")
      }
      const sandbox = yield* Sandbox.make({ port: 0, secret: Redacted.make("hunter2") })
      const platform = { QQ_API_URL: sandbox.apiUrl, QQ_TOKEN_URL: sandbox.tokenUrl, QQ_APP_SECRET: "hunter2" }
      const added = yield* run(["bots", "add", sandbox.appId], { ...environment, ...platform })
      assert.strictEqual(added.code, 0, added.printed)
      const listed = yield* run(["bots", "list"], environment)
      assert.include(listed.printed, `${sandbox.appId}  1 shard`)

      const [port, health] = yield* Effect.promise(() => Promise.all([freePort(), freePort()]))
      const words = ["runner", bot, "--host", "127.0.0.1", "--port", String(port), "--health-port", String(health)]
      const runner = yield* Child.start(Child.commandLine, { words, environment })
      yield* runner.until("the session is ready")
      const exchange = yield* sandbox.ask({ scene: "c2c", user: "u", text: "hi" }, "20 seconds")
      assert.deepStrictEqual(
        exchange.answers.map(({ content }) => content),
        [`bot ${sandbox.appId}: you said hi`]
      )
      const ask = (path: string) => Effect.promise(() => fetch(`http://127.0.0.1:${health}${path}`))
      const ready = yield* ask("/health/ready")
      assert.strictEqual(ready.status, 200)
      const state: unknown = yield* Effect.promise(() => ready.json())
      assert.deepInclude(state, { isReady: true, here: 1, units: { Ready: 1 } })
      assert.strictEqual((yield* ask("/health/live")).status, 200)
      assert.strictEqual((yield* ask("/other")).status, 404)

      assert.strictEqual((yield* run(["bots", "remove", sandbox.appId], environment)).code, 0)
      yield* Cluster.eventually("its end", () => !Cluster.isOnline(sandbox), runner.printed, "20 seconds")
      const again = yield* run(["bots", "remove", sandbox.appId], environment)
      assert.strictEqual(again.code, 1)
      assert.include(again.printed, "there is no bot")
      yield* runner.signal("SIGTERM")
      assert.strictEqual((yield* runner.ended).code, 0)
      assert.notInclude(added.printed + listed.printed + runner.printed(), "hunter2")
    })
  )

  it.scopedLive("end with one line that says what to do", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      const key = { EFFECT_QQ_SECRETS_KEY: Crypto.randomBytes(32).toString("base64") }
      const failures = yield* Effect.all(
        [
          run(["bots", "list"], { ...key, DATABASE_URL: "mysql://root:hunter2@127.0.0.1/qq" }),
          run(["bots", "list"], { ...key, DATABASE_URL: `${url}_missing` }),
          run(["bots", "list"], { DATABASE_URL: url }),
          run(["runner", "./not-there.mjs"], { ...key, DATABASE_URL: url })
        ],
        { concurrency: 2 }
      )
      for (const { code, printed } of failures) {
        assert.strictEqual(code, 1, printed)
        assert.notInclude(printed, "hunter2")
      }
      const [scheme, database, secrets, module] = failures.map(({ printed }) => printed)
      assert.include(scheme, "postgres://user:password@host:5432/database")
      assert.include(database, "create the database")
      assert.include(secrets, "EFFECT_QQ_SECRETS_KEY")
      assert.include(module, "./not-there.mjs cannot be loaded")
    })
  )
})
