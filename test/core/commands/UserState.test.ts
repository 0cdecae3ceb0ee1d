/** Values per user and conversation: atomic, typed, for a time. */
import { assert, describe, it } from "@effect/vitest"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { SystemError } from "@effect/platform/Error"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Event, UserState } from "@effect-qq/core"
import * as Bot from "../../support/bot.ts"

const decode = (t: string, d: unknown): Event.MessageEvent => {
  const event = Event.decode({ op: 0, t, d })
  if (event._tag === "Left" || !Event.isMessage(event.right)) throw new Error("no message")
  return event.right
}

const inGroup = (group: string, user: string) =>
  decode("GROUP_AT_MESSAGE_CREATE", { id: "1", group_openid: group, content: "", author: { member_openid: user } })

const count = { schema: Schema.Struct({ n: Schema.NumberFromString }), initial: { n: 0 } }

const more = ({ n }: { readonly n: number }) => ({ n: n + 1 })

const store = KeyValueStore.layerMemory

/** Each answer takes a moment, in which another fiber could read the same value. */
const slow = Layer.map(KeyValueStore.layerMemory, (context) => {
  const memory = Context.get(context, KeyValueStore.KeyValueStore)
  return Context.make(KeyValueStore.KeyValueStore, {
    ...memory,
    get: (key) => Effect.delay(memory.get(key), 5),
    set: (key, value) => Effect.delay(memory.set(key, value), 5)
  })
})

describe("a value", () => {
  it.effect("is one for each user wherever it writes, each conversation, or each member of one", () =>
    Effect.gen(function* () {
      for (const [per, expected] of [
        ["user", [1, 2, 1]],
        ["conversation", [1, 1, 2]],
        ["member", [1, 1, 1]]
      ] as const) {
        const state = yield* UserState.make(per, { ...count, per })
        const seen = yield* Effect.forEach([inGroup("g", "a"), inGroup("h", "a"), inGroup("g", "b")], (event) =>
          Effect.map(state.update(event, more), ({ n }) => n)
        )
        assert.deepStrictEqual(seen, [...expected], per)
      }
    }).pipe(Effect.provide(store))
  )

  it.effect("loses no update of fibers that change it at the same time, in a store that takes its time", () =>
    Effect.gen(function* () {
      const state = yield* UserState.make("n", count)
      const event = inGroup("g", "a")
      const fiber = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 50 }), () => state.update(event, more), { concurrency: "unbounded" })
      )
      yield* Bot.advance("10 seconds")
      yield* fiber
      const last = yield* Effect.fork(state.get(event))
      yield* Bot.advance(10)
      assert.deepStrictEqual(yield* last, { n: 50 })
    }).pipe(Effect.provide(slow))
  )

  it.effect("is as it was where the change fails, and another update goes on", () =>
    Effect.gen(function* () {
      const state = yield* UserState.make("n", count)
      const event = inGroup("g", "a")
      yield* state.set(event, { n: 3 })
      const refused = state.modify<never, "no", never>(event, () => Effect.fail("no"))
      assert.strictEqual(yield* Effect.flip(refused), "no")
      assert.strictEqual(yield* state.modify(event, ({ n }) => Effect.succeed([`was ${n}`, { n: 4 }])), "was 3")
      assert.deepStrictEqual(yield* state.get(event), { n: 4 })
      yield* state.remove(event)
      assert.deepStrictEqual(yield* state.get(event), { n: 0 })
    }).pipe(Effect.provide(store))
  )

  it.effect("returns to the initial value after its lifetime, and is removed from the store", () =>
    Effect.gen(function* () {
      const state = yield* UserState.make("n", { ...count, ttl: "1 hour" })
      const event = inGroup("g", "a")
      yield* state.set(event, { n: 1 })
      yield* Bot.advance("59 minutes")
      assert.deepStrictEqual(yield* state.update(event, more), { n: 2 })
      yield* Bot.advance("59 minutes")
      assert.deepStrictEqual(yield* state.get(event), { n: 2 })
      yield* Bot.advance("1 minute")
      assert.deepStrictEqual(yield* state.get(event), { n: 0 })
      assert.strictEqual(yield* Effect.flatMap(KeyValueStore.KeyValueStore, ({ size }) => size), 0)
    }).pipe(Effect.provide(store))
  )

  it.effect("that an earlier version stored in another form counts as none", () =>
    Effect.gen(function* () {
      const state = yield* UserState.make("n", count)
      const { set } = yield* KeyValueStore.KeyValueStore
      yield* set("state/n/chat:a", '{"value":{"n":[]}}')
      assert.deepStrictEqual(yield* state.get(inGroup("g", "a")), { n: 0 })
    }).pipe(Effect.provide(store))
  )

  it.effect("fails with the cause where the store is unreachable, and where the value does not match its schema", () =>
    Effect.gen(function* () {
      const away = new SystemError({ module: "KeyValueStore", method: "get", reason: "Unknown" })
      const broken = KeyValueStore.make({
        get: () => Effect.fail(away),
        getUint8Array: () => Effect.fail(away),
        set: () => Effect.fail(away),
        remove: () => Effect.fail(away),
        clear: Effect.fail(away),
        size: Effect.fail(away)
      })
      const state = yield* Effect.provideService(UserState.make("n", count), KeyValueStore.KeyValueStore, broken)
      const event = inGroup("g", "a")
      const read = yield* Effect.fork(Effect.flip(state.get(event)))
      yield* Bot.advance("10 seconds")
      assert.strictEqual((yield* read).message, "the state n could not be read")
      assert.strictEqual((yield* Effect.flip(state.set(event, { n: 1 }))).operation, "write")
      const typed = yield* UserState.make("i", { schema: Schema.Int, initial: 0 })
      assert.strictEqual((yield* Effect.flip(typed.set(event, 0.5))).operation, "write")
    }).pipe(Effect.provide(store))
  )
})
