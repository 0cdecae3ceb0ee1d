/**
 * A storage of messages that does not lose sight of one. A message that was read is not read again for ten minutes; a runner
 * that takes up a shard therefore resets its messages first. `@effect/cluster` tries that once: if the database does not
 * answer just then, the bots of the shard stay dark for ten minutes. This storage remembers what was not reset, or was read
 * without an answer, and resets it before it reads again.
 *
 * @since 0.1.0
 */
import * as MessageStorage from "@effect/cluster/MessageStorage"
import type * as ShardId from "@effect/cluster/ShardId"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

type Storage = MessageStorage.MessageStorage["Type"]

/**
 * The storage, with resets that are made up for.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (storage: Storage): Storage => {
  /** Shards, by name, whose messages have to be reset. */
  const owed = new Set<string>()
  const nameOf = (shard: ShardId.ShardId): string => shard.toString()
  const resetShards: Storage["resetShards"] = (shardIds) =>
    Effect.suspend(() => {
      const shards = Array.from(shardIds)
      for (const shard of shards) owed.add(nameOf(shard))
      return Effect.map(storage.resetShards(shards), () => {
        for (const shard of shards) owed.delete(nameOf(shard))
      })
    })
  return {
    ...storage,
    resetShards,
    unprocessedMessages: (shardIds) =>
      Effect.suspend(() => {
        // the set changes while the database is asked
        const shards = Array.from(shardIds)
        const late = shards.filter((shard) => owed.has(nameOf(shard)))
        const read = Effect.onError(storage.unprocessedMessages(shards), () =>
          Effect.sync(() => {
            for (const shard of shards) owed.add(nameOf(shard))
          })
        )
        return late.length === 0 ? read : Effect.zipRight(resetShards(late), read)
      })
  }
}

/**
 * Decorates the storage of the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<MessageStorage.MessageStorage, never, MessageStorage.MessageStorage> = Layer.effect(
  MessageStorage.MessageStorage,
  Effect.map(MessageStorage.MessageStorage, make)
)
