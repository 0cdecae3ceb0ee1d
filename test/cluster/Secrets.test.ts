import { BotTable, Secrets } from "@effect-qq/cluster"
import * as SqlClient from "@effect/sql/SqlClient"
import { describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import { assert } from "vitest"
import * as TestDatabase from "./support/database.ts"

const newKey = (): Redacted.Redacted<Uint8Array> => Redacted.make(Uint8Array.from(Crypto.randomBytes(32)))

describe("a secret at rest", () => {
  it.effect("is another text each time, does not hold the secret, and decrypts with its key for its bot alone", () =>
    Effect.gen(function* () {
      const key = newKey()
      const secret = Redacted.make("naOC0ocQE3shWLAfffVLB1rhYPG7 é 你")
      const one = yield* Secrets.encrypt(key, "1", secret)
      const other = yield* Secrets.encrypt(key, "1", secret)
      assert.notStrictEqual(one, other)
      assert.notInclude(one, "naOC0")
      assert.strictEqual(Redacted.value(yield* Secrets.decrypt(key, "1", one)), Redacted.value(secret))
      assert.strictEqual((yield* Effect.flip(Secrets.decrypt(key, "2", one))).appId, "2")
      assert.strictEqual((yield* Effect.flip(Secrets.decrypt(newKey(), "1", one)))._tag, "SecretUnreadable")
    })
  )

  it.effect("that was changed anywhere, or is none, does not decrypt", () =>
    Effect.gen(function* () {
      const key = newKey()
      const sealed = yield* Secrets.encrypt(key, "1", Redacted.make("secret"))
      for (let at = 0; at < sealed.length; at++) {
        const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1)
        const result = yield* Effect.either(Secrets.decrypt(key, "1", changed))
        // the last character of a part may hold bits that do not count
        if (Either.isRight(result)) assert.strictEqual(Redacted.value(result.right), "secret")
      }
      for (const text of ["", ".", "v1", "v1...", "v2.a.b.c", "v1.AAAA.AAAA.AAAA", "secret"]) {
        assert.strictEqual((yield* Effect.flip(Secrets.decrypt(key, "1", text)))._tag, "SecretUnreadable")
      }
    })
  )

  it.effect("has a key of 32 bytes in base64; anything else is named without being shown", () =>
    Effect.gen(function* () {
      const read = (text: string) =>
        Effect.either(
          Effect.withConfigProvider(
            Secrets.keyFromEnvironment,
            ConfigProvider.fromMap(new Map([["EFFECT_QQ_SECRETS_KEY", text]]))
          )
        )
      assert.isTrue(Either.isRight(yield* read(Buffer.alloc(32, 7).toString("base64"))))
      for (const text of ["", "hunter2", Buffer.alloc(31).toString("base64"), Buffer.alloc(33).toString("base64")]) {
        const result = yield* read(text)
        assert.isTrue(Either.isLeft(result))
        assert.include(String(result), "openssl rand -base64 32")
        if (text !== "") assert.notInclude(String(result), text)
      }
    })
  )
})

describe.skipIf(!TestDatabase.isThere)("the table of bots", () => {
  const withTable = <A, E>(
    url: string,
    key: Redacted.Redacted<Uint8Array>,
    body: (table: BotTable.BotTableShape, sql: SqlClient.SqlClient) => Effect.Effect<A, E>
  ) =>
    Effect.flatMap(Effect.all([BotTable.BotTable, SqlClient.SqlClient]), ([table, sql]) => body(table, sql)).pipe(
      Effect.provide(Layer.provideMerge(BotTable.layer(key), TestDatabase.layer(url)))
    )

  it.scopedLive("adds, changes, lists and removes bots, and shows no secret in its rows", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      const key = newKey()
      yield* withTable(url, key, (table, sql) =>
        Effect.gen(function* () {
          yield* table.add({ appId: "2", secret: Redacted.make("hunter2") })
          yield* table.add({
            appId: "1",
            secret: Redacted.make("one"),
            shards: 4,
            hosts: { api: "http://a", token: "http://t" }
          })
          yield* table.add({ appId: "2", secret: Redacted.make("hunter3"), intents: 33_554_432 })
          assert.deepStrictEqual(
            (yield* table.list).map(({ appId, hosts, intents, shards }) => ({ appId, hosts, intents, shards })),
            [
              { appId: "1", hosts: { api: "http://a", token: "http://t" }, intents: undefined, shards: 4 },
              { appId: "2", hosts: undefined, intents: 33_554_432, shards: undefined }
            ]
          )
          const bots = yield* table.bots
          assert.deepStrictEqual(
            bots.map(({ appId, secret }) => [appId, Redacted.value(secret)]),
            [
              ["1", "one"],
              ["2", "hunter3"]
            ]
          )
          assert.strictEqual((yield* table.bots)[0], bots[0], "an entry that is unchanged is the same")
          const rows = yield* sql`SELECT * FROM effect_qq_bots`
          assert.notInclude(JSON.stringify(rows), "hunter")
          assert.isTrue(yield* table.remove("2"))
          assert.isFalse(yield* table.remove("2"))
          assert.strictEqual((yield* table.bots).length, 1)
        })
      )
    })
  )

  it.scopedLive("leaves out a bot whose secret has another key, and says so once", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      yield* withTable(url, newKey(), (table) => table.add({ appId: "1", secret: Redacted.make("lost") }))
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
      yield* withTable(url, newKey(), (table) =>
        Effect.gen(function* () {
          yield* table.add({ appId: "2", secret: Redacted.make("fine") })
          for (let count = 0; count < 3; count++) {
            assert.deepStrictEqual(
              (yield* table.bots).map(({ appId }) => appId),
              ["2"]
            )
          }
        })
      ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "EFFECT_QQ_SECRETS_KEY")
    })
  )
})
