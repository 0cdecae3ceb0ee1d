import * as ClusterError from "@effect/cluster/ClusterError"
import * as MessageStorage from "@effect/cluster/MessageStorage"
import * as ShardId from "@effect/cluster/ShardId"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { assert } from "vitest"
import * as RetriedResets from "../../packages/cluster/src/internal/RetriedResets.ts"

const one = ShardId.make("default", 1)
const two = ShardId.make("default", 2)

/** A storage that writes down what it is asked, and fails or hangs where a test wants that. */
const makeStorage = (storage: MessageStorage.MessageStorage["Type"]) => {
  const asked: Array<string> = []
  const state: { answer: Effect.Effect<void, ClusterError.PersistenceError> } = { answer: Effect.void }
  const note = (what: string, shards: Iterable<ShardId.ShardId>) => {
    asked.push(`${what} ${Array.from(shards, String).join()}`)
    return state.answer
  }
  const recorded = RetriedResets.make({
    ...storage,
    resetShards: (shards) => Effect.suspend(() => note("reset", shards)),
    unprocessedMessages: (shards) => Effect.suspend(() => Effect.as(note("read", shards), []))
  })
  return { asked, recorded, state }
}

const failure = Effect.fail(new ClusterError.PersistenceError({ cause: new Error("no answer") }))

describe("the storage of messages", () => {
  it.effect("resets the shards of a reset that failed or was cut off before it reads them, and no others", () =>
    Effect.gen(function* () {
      const { asked, recorded, state } = makeStorage(yield* MessageStorage.MessageStorage)
      state.answer = failure
      yield* Effect.ignore(recorded.resetShards([one]))
      state.answer = Effect.never
      const fiber = yield* Effect.fork(recorded.resetShards([two]))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      state.answer = Effect.void
      yield* recorded.unprocessedMessages([one])
      yield* recorded.unprocessedMessages([one, two])
      yield* recorded.unprocessedMessages([one, two])
      assert.deepStrictEqual(asked, [
        "reset default:1",
        "reset default:2",
        "reset default:1",
        "read default:1",
        "reset default:2",
        "read default:1,default:2",
        "read default:1,default:2"
      ])
    }).pipe(Effect.provide(MessageStorage.layerNoop))
  )

  it.effect("resets the shards of a read without an answer: the database may have marked them as read", () =>
    Effect.gen(function* () {
      const { asked, recorded, state } = makeStorage(yield* MessageStorage.MessageStorage)
      state.answer = failure
      yield* Effect.ignore(recorded.unprocessedMessages([one]))
      state.answer = Effect.void
      yield* recorded.unprocessedMessages([one])
      assert.deepStrictEqual(asked, ["read default:1", "reset default:1", "read default:1"])
    }).pipe(Effect.provide(MessageStorage.layerNoop))
  )
})
