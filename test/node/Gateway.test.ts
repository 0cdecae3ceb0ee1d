import { describe, it } from "@effect/vitest"
import { Fault } from "@effect-qq/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { assert } from "vitest"
import * as Live from "./support/live.ts"

describe.concurrent("a bot on real sockets", () => {
  it.scopedLive("echoes in private and in a group", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      const alone = yield* Live.say(sandbox, ["hello"])
      const group = yield* Live.say(sandbox, ["hi all"], (text) => ({ scene: "group", group: "g1", member: "m1", text }))
      yield* Live.handledOnce(bot, ["hello", "hi all"], [...alone, ...group])
      assert.deepStrictEqual(
        sandbox.model.sent.map(({ content, scene, target }) => [scene, target, content]).toSorted(),
        [
          ["c2c", "u1", "you said: hello"],
          ["group", "g1", "you said: hi all"]
        ]
      )
    })
  )

  it.scopedLive("a half-open line is noticed and replaced", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      const texts = ["one", "two", "three"]
      const ids = yield* Live.say(sandbox, ["one"])
      const during = yield* bot.survives(
        Effect.gen(function* () {
          yield* sandbox.inject(Fault.freeze())
          ids.push(...(yield* Live.say(sandbox, ["two"])))
        })
      )
      ids.push(...(yield* Live.say(sandbox, ["three"])))
      assert.deepStrictEqual(Live.ends(during), ["HeartbeatTimeout"])
      assert.deepStrictEqual(Live.introductions(sandbox), ["identify", "resume"])
      yield* Live.handledOnce(bot, texts, ids)
    })
  )
})
void Duration
void Fiber
