/** What follows a refused attempt, as a pure table. */
import { assert, describe, it } from "@effect/vitest"
import { Anchor, Conversation, MediaSource, Message, SendError, SendPolicy } from "@effect-qq/core"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import * as Fallback from "../../../packages/core/src/messages/Fallback.ts"
import * as Remedies from "../../../packages/core/src/messages/Remedies.ts"
import * as SendPlan from "../../../packages/core/src/messages/SendPlan.ts"

const conversation = Conversation.c2c("u")
const anchor = Anchor.make({ kind: "msg_id", id: "m", conversation })
const facts = { detail: "no", hint: "none" }

const rejected = (errorClass: string, code?: number) =>
  new SendError.MessageRejected({ ...facts, class: errorClass, code })
const expired = new SendError.MsgIdExpired(facts)
const exhausted = new SendError.QuotaExhausted({ ...facts, of: "message" })

const source = MediaSource.fromBytes("image", Uint8Array.of(1))
const uploaded: MediaSource.Uploaded = {
  _tag: "Uploaded",
  kind: "image",
  scene: "c2c",
  fileInfo: "f",
  expiresAt: undefined
}

const plan: SendPlan.SendPlan = {
  conversation,
  anchor,
  name: { handler: "h", key: 0 },
  digest: "d",
  text: "d",
  source,
  part: 0,
  onExpired: "proactive",
  onExhausted: "fail"
}

const messages = {
  text: Message.text("see https://example.com ".repeat(10)),
  markdown: Message.markdown("# title\n\nhttps://example.com"),
  media: Message.media(uploaded)
}

const attempt = (message: Message.Message, changes: Partial<SendPlan.SendPlan> = {}): SendPlan.Attempt =>
  SendPlan.start({ ...plan, ...changes }, Fallback.asWritten(message))

const after = (
  before: SendPlan.Attempt,
  error: SendError.SendError,
  policy: Partial<SendPolicy.SendPolicy> = {}
): SendPlan.Attempt | undefined =>
  Option.getOrUndefined(Remedies.next(Remedies.make({ ...SendPolicy.defaults, ...policy }), before, error))

describe("a refused message", () => {
  it("in markdown goes out as plain text, once, if the policy allows", () => {
    const next = after(attempt(messages.markdown), rejected("markdown_refused"))
    assert.deepStrictEqual(next?.variant.applied, ["plain-text"])
    assert.strictEqual(next?.variant.variant, 1)
    assert.isUndefined(next === undefined ? undefined : after(next, rejected("markdown_refused")))
    assert.isUndefined(after(attempt(messages.markdown), rejected("markdown_refused"), { onMarkdownRefused: "fail" }))
  })

  it("whose media the platform no longer knows is uploaded again, once, if it can be", () => {
    for (const error of [rejected("media_retry"), rejected("bad_request", 304080)]) {
      const next = after(attempt(messages.media), error)
      assert.strictEqual(next?.preparation, "upload")
      assert.deepStrictEqual(next?.variant.applied, ["uploaded-again"])
      assert.isUndefined(next === undefined ? undefined : after(next, error))
      assert.isUndefined(after(attempt(messages.media, { source: undefined }), error))
    }
  })

  it("that is too long goes out in parts, but for a part, an indivisible text and a policy that fails", () => {
    const error = rejected("too_long")
    assert.strictEqual(after(attempt(messages.text), error)?.preparation, "split")
    assert.isUndefined(after(attempt(messages.text, { part: 2 }), error))
    assert.isUndefined(after(attempt(Message.text("x")), error))
    assert.isUndefined(after(attempt(messages.text), error, { onTooLong: "fail" }))
  })

  it("with the number of another takes a new one, once, if it has no name", () => {
    const error = rejected("duplicate")
    const next = after(attempt(messages.text, { name: undefined }), error)
    assert.isTrue(next?.hasCollided)
    assert.isUndefined(next === undefined ? undefined : after(next, error))
    assert.isUndefined(after(attempt(messages.text), error))
    assert.isUndefined(after(attempt(messages.text, { name: undefined, anchor: undefined }), error))
  })

  it("to an expired message becomes proactive, replies to an event, or fails, as its plan says", () => {
    const proactive = after(attempt(messages.text), expired)
    assert.isUndefined(proactive?.anchor)
    assert.strictEqual(proactive?.replaced, expired)
    assert.isUndefined(proactive === undefined ? undefined : after(proactive, expired))
    assert.strictEqual(after(attempt(messages.text, { onExpired: "event-id" }), expired)?.preparation, "event-anchor")
    assert.isUndefined(after(attempt(messages.text, { onExpired: "fail" }), expired))
  })

  it("to a message that has had all its replies becomes proactive only if its plan says so", () => {
    assert.isUndefined(after(attempt(messages.text), exhausted))
    const next = after(attempt(messages.text, { onExhausted: "proactive" }), exhausted)
    assert.isUndefined(next?.anchor)
    assert.strictEqual(next?.replaced, exhausted)
    const period = new SendError.QuotaExhausted({ ...facts, of: "period" })
    assert.isUndefined(after(attempt(messages.text, { onExhausted: "proactive" }), period))
  })
})

describe("the first remedy that applies is used", () => {
  it("and those behind it are not asked", () => {
    const first: Remedies.Remedy = (before) => Option.some({ ...before, hasCollided: true })
    const never: Remedies.Remedy = () => {
      throw new Error("asked")
    }
    const none: Remedies.Remedy = () => Option.none()
    const next = Remedies.next([none, first, never], attempt(messages.text), expired)
    assert.isTrue(Option.getOrThrow(next).hasCollided)
  })
})

const error = fc.oneof(
  fc
    .constantFrom("markdown_refused", "keyboard_refused", "url_blocked", "duplicate", "media_retry", "bad_request")
    .map((errorClass) => rejected(errorClass)),
  fc.constantFrom<SendError.SendError>(
    expired,
    exhausted,
    rejected("bad_request", 304080),
    new SendError.DeliveryUnknown(facts),
    new SendError.PermissionDenied(facts)
  )
)

describe("whatever is refused", () => {
  it("there is an end: no remedy applies twice, and an unknown outcome has none", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(messages)),
        fc.constantFrom<SendPolicy.SendPolicy["onExpired"]>("proactive", "event-id", "fail"),
        fc.constantFrom<SendPolicy.SendPolicy["onExhausted"]>("proactive", "fail"),
        fc.boolean(),
        fc.array(error, { minLength: 50, maxLength: 50 }),
        (message, onExpired, onExhausted, isNamed, errors) => {
          const name = isNamed ? plan.name : undefined
          let current = attempt(message, { onExpired, onExhausted, name })
          let applied = 0
          for (const refusal of errors) {
            const next = after(current, refusal, { onUrlRefused: "mask" })
            if (next === undefined) continue
            assert.notStrictEqual(refusal._tag, "DeliveryUnknown")
            assert.strictEqual(next.plan, current.plan)
            current = next
            applied += 1
          }
          // one for each row of Fallback, a number, an upload and an anchor
          assert.isAtMost(applied, 6)
        }
      )
    )
  })
})
