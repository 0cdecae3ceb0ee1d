import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as DeliveryMetrics from "../../../packages/core/src/delivery/DeliveryMetrics.ts"
import * as DeliveryPolicy from "../../../packages/core/src/delivery/DeliveryPolicy.ts"
import * as Delivery from "../../../packages/core/src/delivery/Delivery.ts"
import * as Handlers from "../../../packages/core/src/delivery/Handlers.ts"
import * as Event from "../../../packages/core/src/events/Event.ts"
import * as Forum from "../../../packages/core/src/events/Forum.ts"
import * as Interaction from "../../../packages/core/src/events/Interaction.ts"
import * as MessageView from "../../../packages/core/src/events/MessageView.ts"
import * as Reaction from "../../../packages/core/src/events/Reaction.ts"
import * as Frame from "../../../packages/core/src/gateway/Frame.ts"
import * as Anchor from "../../../packages/core/src/messages/Anchor.ts"
import { hostile, mutated, typesSeen } from "./envelopes.ts"

/** Whatever can be asked of an event. */
const lookAt = (event: Event.Event): void => {
  Anchor.ofEvent(event)
  if (Event.isMessage(event)) {
    const view = MessageView.of(event)
    assert.isString(view.text)
    assert.isString(view.target)
    assert.isTrue(view.time === undefined || Number.isFinite(view.time))
    Anchor.ofMessage(event)
  }
  if (event.t === "INTERACTION_CREATE") assert.isString(Interaction.view(event).id)
  if (event.t === "MESSAGE_REACTION_ADD") Reaction.targetOf(event)
  if (event.t === "FORUM_THREAD_CREATE" || event.t === "FORUM_THREAD_UPDATE") {
    assert.isString(Forum.plainText(Forum.read(event.thread_info.content)))
  }
}

const outcomeOf = (frame: Frame.Frame): "known" | "unknown" | "refused" => {
  assert.isString(Event.orderKey(frame))
  assert.isBoolean(Event.isByBot(frame))
  assert.notStrictEqual(Event.identityKey(frame), "")
  const event = Event.decode(frame)
  if (Either.isLeft(event)) {
    assert.isTrue(Event.isKnown(frame.t))
    return "refused"
  }
  assert.strictEqual(event.right.envelope, frame)
  assert.strictEqual(Event.encode(event.right), frame)
  assert.strictEqual(Object.getPrototypeOf(event.right), Object.prototype)
  lookAt(event.right)
  if (event.right.t === "Unknown") {
    assert.isFalse(Event.isKnown(frame.t))
    return "unknown"
  }
  assert.strictEqual(event.right.t, frame.t)
  return "known"
}

describe("whatever the wire says", () => {
  it("10 000 mutated envelopes never throw: each is decoded, of a type without a schema, or refused", () => {
    const seen = { known: 0, unknown: 0, refused: 0, malformed: 0 }
    fc.assert(
      fc.property(mutated, (text) => {
        const frame = Frame.parse(text)
        if (Frame.isMalformed(frame)) seen.malformed++
        else seen[outcomeOf(frame)]++
      }),
      { numRuns: 10_000 }
    )
    // none of the four is what never happens
    for (const [outcome, count] of Object.entries(seen)) assert.isAbove(count, 100, outcome)
  })

  it("nor does any payload at all", () => {
    fc.assert(
      fc.property(fc.constantFrom(...typesSeen), fc.oneof(fc.anything(), hostile), (t, d) => {
        assert.notStrictEqual(outcomeOf({ op: 0, s: 2, t, d, id: "e" }), "unknown")
      }),
      { numRuns: 3000 }
    )
  })

  it("a payload is taken as it is exactly where its schema says so", () => {
    let taken = 0
    fc.assert(
      fc.property(mutated, (text) => {
        const frame = Frame.parse(text)
        if (Frame.isMalformed(frame) || frame.t === undefined || !(frame.t in Event.payloads)) return
        const schema = Event.payloads[frame.t as keyof typeof Event.payloads]
        const event = Event.decode(frame)
        if (!Schema.is(schema as Schema.Schema.AnyNoContext)(frame.d)) return
        taken++
        assert.isTrue(Either.isRight(event))
        const payload = frame.d as Readonly<Record<string, unknown>>
        const {
          content,
          envelope: _,
          t: __,
          ...fields
        } = Either.getOrThrow(event) as unknown as {
          readonly [name: string]: unknown
        }
        for (const [name, value] of Object.entries(fields)) assert.strictEqual(value, payload[name])
        if (content !== undefined) assert.strictEqual(content, payload["content"] ?? "")
      }),
      { numRuns: 3000 }
    )
    assert.isAbove(taken, 300)
  })

  it("a prototype from the wire is not looked at", () => {
    const payload: unknown = JSON.parse(
      '{"__proto__":{"content":{},"attachments":5},"id":"m","author":{"__proto__":{"bot":true}}}'
    )
    const event = Either.getOrThrow(Event.decode({ op: 0, t: "C2C_MESSAGE_CREATE", d: payload }))
    if (event.t !== "C2C_MESSAGE_CREATE") throw new Error(event.t)
    assert.strictEqual(event.content, "")
    assert.isUndefined(event.attachments)
    assert.isFalse(MessageView.of(event).author.isBot)
  })

  it("elements that are as deep as a frame allows are not followed", () => {
    const depth = 200_000
    const text = `{"op":0,"t":"C2C_MESSAGE_CREATE","d":{"id":"m","author":{},"msg_elements":[${'{"msg_elements":['.repeat(depth)}${"]}".repeat(depth)}]}}`
    const frame = Frame.parse(text)
    if (Frame.isMalformed(frame)) throw new Error(frame.reason)
    assert.strictEqual(outcomeOf(frame), "known")
  })
})

describe("delivery", () => {
  it.scoped("of 2 000 mutated envelopes settles every one of them and goes on", () =>
    Effect.gen(function* () {
      const heard = { handled: 0, unknown: 0 }
      const registry = yield* Handlers.makeRegistry
      const types = [...(Object.keys(Event.payloads) as ReadonlyArray<keyof typeof Event.payloads>), "RESUMED"] as const
      yield* Layer.build(
        Layer.provide(
          Layer.mergeAll(
            Handlers.on([...types], (event) =>
              Effect.sync(() => {
                lookAt(event)
                heard.handled++
              })
            ),
            Handlers.on("Unknown", () => Effect.sync(() => heard.unknown++))
          ),
          Layer.succeed(Handlers.HandlerRegistry, registry)
        )
      )
      const delivery = yield* Delivery.make({
        policy: { ...DeliveryPolicy.defaults, messagesByBots: true },
        handlers: yield* registry.handlers,
        drainWaiting: true
      })
      yield* Effect.forkScoped(delivery.run)
      const { run, sink } = delivery.intake()
      yield* Effect.forkScoped(run)
      sink.begin(0, [])
      const malformed = Effect.map(Metric.value(DeliveryMetrics.eventsMalformed), ({ count }) => count)
      const failed = Effect.map(Metric.value(DeliveryMetrics.handlersFailed), ({ count }) => count)
      const counts = Effect.all([malformed, failed])
      const before = yield* counts
      let sequence = 0
      for (const text of fc.sample(mutated, { numRuns: 2000, seed: 7 })) {
        const frame = Frame.parse(text)
        if (Frame.isMalformed(frame)) continue
        sequence++
        // an id of its own: else they would be duplicates
        assert.isTrue(sink.offer({ ...frame, id: `e${sequence}`, s: sequence }, text.length))
      }
      yield* TestClock.adjust(0)
      assert.strictEqual(delivery.unsettled(), 0)
      assert.strictEqual(sink.watermark(), sequence)
      const [refused = 0, failures = 0] = (yield* counts).map((count, index) => count - (before[index] ?? 0))
      assert.strictEqual(failures, 0)
      for (const count of [refused, heard.handled, heard.unknown]) assert.isAbove(count, 20)
    })
  )
})
