/**
 * The check of the directory where sessions are stored.
 *
 * @since 0.1.0
 */
import { SessionStore } from "@effect-qq/core"
import { NodeStore } from "@effect-qq/node"
import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Environment } from "./Environment.ts"
import { type Check, failure, ok, warning } from "./Finding.ts"

const decodeSession = Schema.decodeOption(Schema.parseJson(SessionStore.StoredSession))

const probeKey = "doctor"

const describeSession = (text: string): string | undefined =>
  Option.getOrUndefined(
    Option.map(decodeSession(text), ({ savedAt, shard: [index, count] }) =>
      Option.match(DateTime.make(savedAt), {
        onNone: () => `a session of shard ${index} of ${count}`,
        onSome: (at) => `a session of shard ${index} of ${count}, saved at ${DateTime.formatIso(at)}`
      })
    )
  )

/**
 * Writes to the directory, and reads the sessions of these shards. Changes no session.
 *
 * @since 0.1.0
 * @category running
 */
export const checkState = (
  { config, stateDirectory }: Environment,
  shards: ReadonlyArray<readonly [index: number, count: number]>
): Effect.Effect<Check> =>
  Effect.gen(function* () {
    const store = yield* KeyValueStore.KeyValueStore
    yield* store.set(probeKey, "")
    yield* store.remove(probeKey)
    const texts = yield* Effect.forEach(shards, (shard) => store.get(SessionStore.sessionKey(config.appId, shard)))
    const stored = texts.flatMap(Option.toArray)
    const readable = stored.flatMap((text) => describeSession(text) ?? [])
    if (readable.length < stored.length) {
      return warning(
        "state",
        "state",
        `${stateDirectory} can be written, but holds a session that cannot be read`,
        "nothing has to be done: the bot sets it aside and makes another"
      )
    }
    const sessions = readable.length === 0 ? "no session yet" : readable.join("; ")
    return ok("state", `${stateDirectory} can be written and holds ${sessions}`)
  }).pipe(
    Effect.provide(NodeStore.layer(stateDirectory)),
    Effect.catchAll((error: PlatformError) =>
      Effect.succeed(failure("state", "state", `${stateDirectory} cannot be used: ${error.message}`))
    )
  )
