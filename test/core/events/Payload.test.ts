import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Payload from "../../../packages/core/src/events/Payload.ts"

const Sample = Schema.Struct({
  id: Schema.String,
  count: Payload.optional(Schema.Number),
  either: Payload.optional(Schema.Union(Schema.Number, Schema.String)),
  list: Payload.optional(Schema.Array(Schema.Struct({ name: Schema.String })))
})

const read = (payload: unknown, schema: Pick<Schema.Schema.AnyNoContext, "ast"> = Sample): object | undefined => {
  const event = {}
  return Payload.reader(schema)(payload, event) === undefined ? event : undefined
}

describe("a reader", () => {
  it("compiles nothing before it is needed: not at its making, and the lenient reading not for a good payload", () => {
    let asked = 0
    const lazily = Payload.reader({
      get ast() {
        asked++
        return Sample.ast
      }
    })
    assert.strictEqual(asked, 0)
    lazily({ id: "a" }, {})
    const strictly = asked
    assert.isAbove(strictly, 0)
    lazily({ id: "b" }, {})
    assert.strictEqual(asked, strictly)
    lazily({ id: 5 }, {})
    const leniently = asked
    assert.isAbove(leniently, strictly)
    lazily({ id: 6 }, {})
    assert.strictEqual(asked, leniently)
  })

  it("takes declared fields as they are, without a copy, and no others", () => {
    const list = [{ name: "x", more: 1 }]
    const event = read({ id: "a", list, other: true })
    assert.deepStrictEqual(event, { id: "a", list })
    assert.strictEqual((event as { list?: unknown }).list, list)
  })

  it("reads text and numbers for each other where only one of them belongs", () => {
    assert.deepStrictEqual(read({ id: 5, count: "7", either: "8" }), { id: "5", count: 7, either: "8" })
    assert.deepStrictEqual(read({ id: 5, either: 8 }), { id: "5", either: 8 })
    assert.deepStrictEqual(read({ id: 2 ** 60 }), { id: String(2 ** 60) })
    assert.deepStrictEqual(read({ id: "a", list: [{ name: 1 }] }), { id: "a", list: [{ name: "1" }] })
  })

  it("drops optional fields of the wrong type, and refuses required ones", () => {
    assert.deepStrictEqual(read({ id: "a", count: "many", list: [{ name: "x" }, {}] }), {
      id: "a",
      count: null,
      list: null
    })
    for (const payload of [{}, { id: null }, { id: {} }, [], "", null, undefined]) assert.isUndefined(read(payload))
  })

  it("leaves other types to Schema", () => {
    const dated = Schema.Struct({ at: Schema.NumberFromString })
    assert.deepStrictEqual(read({ at: "5" }, dated), { at: 5 })
    assert.deepStrictEqual(read({ at: "5" }, Schema.compose(Schema.Unknown, dated, { strict: false })), { at: 5 })
    assert.isUndefined(read({ at: "x" }, dated))
    const pair = Schema.Struct({ pair: Schema.Tuple(Schema.String, Schema.Number) })
    assert.deepStrictEqual(read({ pair: ["a", 1] }, pair), { pair: ["a", 1] })
    assert.isUndefined(read({ pair: ["a"] }, pair))
  })
})
