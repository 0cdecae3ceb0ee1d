/** A code that can mean that all replies are used up means it only where our own count agrees. */
import { assert, describe, it } from "@effect/vitest"
import { Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as MessageSequence from "../../../packages/core/src/messages/MessageSequence.ts"
import { errorOf, inject, listening, on, receiptOf, requests, sent, visible, within } from "./harness.ts"

const limited = (status: number, times: number) =>
  inject(Fault.http("send", Fault.status(status, { code: 22009, message: "msg limit exceed" }), { times }))

describe("a code that may mean that all replies are used up", () => {
  for (const status of [400, 429]) {
    it.effect(`22009 (HTTP ${status}) on the first reply is a rate limit: the same msg_seq again, on the ladder`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        yield* limited(status, 2)
        const receipt = receiptOf(yield* within("10 seconds")(Messenger.reply(event, Message.text("a"), { key: "a" })))
        assert.strictEqual(receipt.attempts, 3)
        assert.strictEqual(receipt.via, "passive")
        assert.deepStrictEqual(yield* visible, ["a"])
        assert.strictEqual((yield* requests).length, 3)
        const sequence = MessageSequence.forReply({ handler: "", key: "a", part: 0, variant: 0 })
        assert.deepStrictEqual(
          (yield* sent).map(({ msgSeq }) => msgSeq),
          [sequence]
        )
      }).pipe(on())
    )
  }

  it.effect("22009 that lasts longer than the ladder is reported as a rate limit", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* limited(429, 100)
      const error = errorOf(yield* within("3 minutes")(Messenger.reply(event, Message.text("a"))))
      assert.strictEqual(error._tag, "RateLimited")
    }).pipe(on())
  )

  it.effect("22009 once our own count is spent means that the message has had all its replies", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      for (const key of ["a", "b", "c", "d"]) yield* Messenger.reply(event, Message.text(key), { key })
      yield* limited(429, 100)
      const error = errorOf(yield* within("1 second")(Messenger.reply(event, Message.text("e"), { key: "e" })))
      assert.strictEqual(error._tag === "QuotaExhausted" ? error.of : error._tag, "message")
    }).pipe(on())
  )
})
