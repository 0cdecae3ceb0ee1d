import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Event from "../../../packages/core/src/events/Event.ts"
import * as Frame from "../../../packages/core/src/gateway/Frame.ts"
import { lines, typesSeen } from "./envelopes.ts"

/** Ids that came as bare numbers are text in an event. */
const idsAsText = (value: unknown, key = ""): unknown => {
  if (typeof value === "number" && key.endsWith("_id")) return String(value)
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, idsAsText(inner, name)]))
}

describe("every envelope that was seen", () => {
  it("is of one of 59 types, each of which has a schema, and the other way round", () => {
    assert.strictEqual(lines.length, 72)
    assert.strictEqual(typesSeen.length, 59)
    assert.deepStrictEqual([...Object.keys(Event.payloads), "RESUMED"].toSorted(), typesSeen.toSorted())
  })

  const numbered = lines.map((line, index) => ({ line, sent: JSON.parse(line) as Frame.Frame, number: index + 1 }))

  for (const { line, number, sent } of numbered) {
    it(`${number}, ${sent.t}: is decoded and encoded without a loss`, () => {
      const frame = Frame.parse(line)
      if (Frame.isMalformed(frame)) throw new Error(frame.reason)
      const event = Either.getOrThrowWith(Event.decode(frame), (error) => error)
      assert.strictEqual(event.t, sent.t)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(Event.encode(event))), sent)
    })
  }

  for (const { line, number, sent } of numbered.slice(0, -1)) {
    it(`${number}, ${sent.t}: has no field that is not declared, and no declared field is changed`, () => {
      const event = Either.getOrThrow(Event.decode(JSON.parse(line) as Frame.Frame))
      const { envelope: _, t: type, ...fields } = event
      const schema: Schema.Schema.AnyNoContext = Event.payloads[type as keyof typeof Event.payloads]
      const written: unknown = Schema.encodeUnknownSync(schema, { onExcessProperty: "error" })(fields)
      assert.deepStrictEqual(written, idsAsText(sent.d))
    })
  }

  it("the last of which has no payload", () => {
    assert.deepInclude(numbered.at(-1)?.sent, { t: "RESUMED", d: "" })
  })
})
