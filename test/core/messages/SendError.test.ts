import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as ErrorCode from "../../../packages/core/src/openapi/ErrorCode.ts"
import * as SendError from "../../../packages/core/src/messages/SendError.ts"
import { errorOf, inject, listening, on, requests, visible, within } from "./harness.ts"

/** What the caller of `reply` gets to see of each decision, with nothing to fall back on. */
const seen: { readonly [D in SendError.Decision]: ReadonlyArray<string> } = {
  AlreadySent: [],
  DeliveryUnknown: ["DeliveryUnknown"],
  MessageRejected: ["MessageRejected"],
  MsgIdExpired: ["MsgIdExpired", "QuotaExhausted"],
  PermissionDenied: ["PermissionDenied"],
  PlatformUnavailable: ["PlatformUnavailable"],
  ProactiveRefused: ["ProactiveRefused"],
  QuotaExhausted: ["QuotaExhausted"],
  RateLimited: ["RateLimited", "QuotaExhausted"],
  UnderAudit: []
}

/** One code of each class, as it comes from the wire. */
const samples = ErrorCode.classes.flatMap((errorClass) => {
  const row = [...ErrorCode.table.values()].find((found) => found.class === errorClass && found.code !== 10004)
  return row === undefined || errorClass === "ok" ? [] : [row]
})

describe("each class of the platform's errors", () => {
  it("has a decision", () => {
    assert.deepStrictEqual(Object.keys(SendError.decisions).toSorted(), [...ErrorCode.classes].toSorted())
  })

  for (const { class: errorClass, code, http } of samples) {
    it.effect(`${errorClass} (${code}) is ${SendError.decisions[errorClass]}, under either name`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const expected = seen[SendError.decisions[errorClass]]
        for (const body of [
          { code },
          { err_code: code },
          { err_code: code, code: 999_999 },
          { err_code: 999_999, code }
        ]) {
          const event = yield* privately()
          const failure = Fault.body(http ?? 400, JSON.stringify({ ...body, message: "no", data: {} }))
          yield* inject(Fault.http("send", failure, { times: Number.POSITIVE_INFINITY }))
          const outcome = yield* Messenger.reply(event, Message.text("re"), { key: "k" }).pipe(within("1 minute"))
          yield* inject(Fault.clear)
          if (expected.length === 0) {
            assert.strictEqual(outcome._tag, "Right")
            continue
          }
          const error = errorOf(outcome)
          const first = "expired" in error ? error.expired : undefined
          assert.include(expected, first?._tag ?? error._tag)
          assert.notStrictEqual(error.hint, "")
        }
        assert.deepStrictEqual(yield* visible, [])
      }).pipe(on())
    )
  }

  it.effect("is the same with HTTP 200 and 500", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      for (const status of [200, 500]) {
        yield* inject(Fault.http("send", Fault.status(status, { code: 40034006, message: "no" })))
        const outcome = yield* Messenger.reply(event, Message.text("re"), { key: `k${status}` }).pipe(
          within("1 minute")
        )
        const error = errorOf(outcome)
        assert.strictEqual(error._tag === "MessageRejected" ? error.class : "", "content_blocked")
      }
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(on())
  )

  it.effect("204 without a body is a delivery that has no id", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.http("send", Fault.body(204, "")))
      const receipt = yield* Messenger.reply(event, Message.text("re"))
      assert.isUndefined(receipt.id)
      assert.isFalse(receipt.deduplicated)
    }).pipe(on())
  )
})

describe("an error in place of another", () => {
  it("keeps both reasons and the part it is about", () => {
    const facts = { detail: "d", hint: "h" }
    const expired = new SendError.MsgIdExpired({ ...facts, code: 40034005 })
    const refused = SendError.withFirst(new SendError.ProactiveRefused({ ...facts, code: 40034105 }), expired)
    const part = SendError.withPart(refused, { number: 2, of: 3 })
    assert.include(part.message, expired.message)
    assert.include(part.message, "part 2 of 3")
    assert.strictEqual(part._tag === "ProactiveRefused" ? part.code : undefined, 40034105)
    assert.strictEqual(part._tag === "ProactiveRefused" ? part.expired?.code : undefined, 40034005)
  })
})
