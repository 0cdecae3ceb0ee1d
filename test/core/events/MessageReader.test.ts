import { assert, describe, it } from "@effect/vitest"
import * as AST from "effect/SchemaAST"
import * as fc from "fast-check"
import * as ChatMessage from "../../../packages/core/src/events/ChatMessage.ts"
import * as MessageReader from "../../../packages/core/src/events/MessageReader.ts"
import { reader } from "../../../packages/core/src/events/Payload.ts"

/** A value of the right type, nearly always. */
const rarely = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: fc.anything() })

const optional = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  rarely(fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: fc.constant(null) }))

const struct = (fields: Record<string, fc.Arbitrary<unknown>>, required: ReadonlyArray<string> = []) =>
  fc.record(
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, required.includes(name) ? rarely(value) : optional(value)])
    ),
    { requiredKeys: [...required] }
  )

const text = fc.string()
const flag = fc.boolean()
const number = fc.double()

const author = struct({
  id: text,
  username: text,
  bot: flag,
  union_openid: text,
  union_user_account: text,
  user_openid: text,
  member_openid: text,
  member_role: text,
  unknown: fc.anything()
})

const attachment = struct({
  id: text,
  url: text,
  filename: text,
  content_type: text,
  size: number,
  width: number,
  height: number,
  voice_wav_url: text,
  asr_refer_text: text
})

const mention = struct({
  scope: text,
  id: text,
  member_openid: text,
  user_openid: text,
  username: text,
  nickname: text,
  bot: flag,
  is_you: flag
})

const message = {
  id: text,
  author,
  content: text,
  timestamp: text,
  message_type: number,
  message_scene: struct({ source: text, ext: fc.array(rarely(text)), callback_data: text }),
  attachments: fc.array(rarely(attachment), { maxLength: 3 }),
  unknown: fc.anything()
}

/** For each field of a schema, however deep: a value that has nothing but that field, which is `leaf`. */
const withOneField = (ast: AST.AST, leaf: unknown): ReadonlyArray<unknown> => {
  if (AST.isUnion(ast)) return ast.types.flatMap((member) => withOneField(member, leaf))
  if (AST.isTupleType(ast)) {
    return ast.rest.flatMap(({ type }) => withOneField(type, leaf)).map((element) => [element])
  }
  if (!AST.isTypeLiteral(ast)) return []
  return ast.propertySignatures.flatMap(({ name, type }) =>
    [leaf, ...withOneField(type, leaf)].map((value) => ({ [name]: value }))
  )
}

const kinds = [
  {
    name: "a private chat",
    schema: ChatMessage.C2CMessage,
    take: MessageReader.takeC2C,
    payload: struct(message, ["id", "author"])
  },
  {
    name: "a group",
    schema: ChatMessage.GroupMessage,
    take: MessageReader.takeGroup,
    payload: struct(
      { ...message, group_openid: text, group_id: text, mentions: fc.array(rarely(mention), { maxLength: 3 }) },
      ["id", "author", "group_openid"]
    )
  }
] as const

describe("straight code for messages of", () => {
  for (const { name, payload, schema, take } of kinds) {
    it(`${name} takes what the schema takes, and the same of it`, () => {
      const read = reader(schema)
      let taken = 0
      let refused = 0
      fc.assert(
        fc.property(payload, (value) => {
          const event: Record<string, unknown> = {}
          if (take(value, event)) {
            taken++
            const bySchema: Record<string, unknown> = {}
            assert.isUndefined(read(value, bySchema))
            // an event has text where the payload has none
            assert.deepStrictEqual(event, { ...bySchema, content: bySchema["content"] ?? "" })
          } else {
            refused++
            assert.deepStrictEqual(event, {})
          }
        }),
        { numRuns: 3000, seed: 7 }
      )
      assert.isAbove(taken, 300)
      assert.isAbove(refused, 300)
    })

    it(`${name} knows every field of the schema`, () => {
      const read = reader(schema)
      const plain = { id: "m", author: {}, group_openid: "g" }
      let fields = 0
      for (const leaf of [null, {}, "text", 1, true]) {
        for (const field of withOneField(schema.ast, leaf)) {
          fields++
          const value = { ...plain, ...(field as object) }
          const event: Record<string, unknown> = {}
          if (!take(value, event)) continue
          const bySchema: Record<string, unknown> = {}
          assert.isUndefined(read(value, bySchema))
          assert.deepStrictEqual(event, { ...bySchema, content: bySchema["content"] ?? "" }, JSON.stringify(field))
        }
      }
      assert.isAbove(fields, 200)
    })

    it(`${name} leaves unknown payloads to the schema, and reads any plain one`, () => {
      const plain = { id: "m", author: {}, group_openid: "g", content: null, attachments: [{}], message_scene: {} }
      assert.isTrue(take(plain, {}))
      for (const change of [
        { id: 7 },
        { author: null },
        { author: [] },
        { author: { bot: "yes" } },
        { content: 1 },
        { attachments: {} },
        { attachments: [{ size: "1" }] },
        { message_scene: { ext: [1] } },
        { message_scene: [] },
        { msg_elements: [] },
        { ark_data: {} }
      ]) {
        assert.isFalse(take({ ...plain, ...change }, {}), JSON.stringify(change))
      }
      for (const value of [undefined, null, 1, "", []]) assert.isFalse(take(value, {}))
    })
  }
})
