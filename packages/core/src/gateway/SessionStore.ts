/**
 * What outlives a process: the session that can be resumed, and the gateway's address.
 *
 * A session can be resumed by the same bot, for the same shard and with the same intents, so its record names them. A record
 * that cannot be read is set aside, never returned and never a reason to stop. A store that fails, or does not answer, is
 * read again for a while, and then done without.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as BotConfig from "../BotConfig.ts"
import * as StoredText from "../StoredText.ts"
import type { Gap } from "./DispatchSink.ts"
import type * as Intents from "./Intents.ts"

/**
 * A session as it is stored.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredSession {
  readonly appId: string
  readonly intents: Intents.Intents
  readonly shard: readonly [index: number, count: number]
  /** From READY. */
  readonly sessionId: string
  /** The watermark: the highest sequence number up to which every event was settled. */
  readonly sequence: number
  /** When the session was made, in milliseconds since 1970. */
  readonly startedAt: number
  /** When this record was made, in milliseconds since 1970. */
  readonly savedAt: number
  /** Up to when everything that the platform had to say was received, in milliseconds since 1970; default `savedAt`. */
  readonly heardAt?: number | undefined
  /** Whether it was given up, and no other has begun yet. */
  readonly dropped?: boolean | undefined
  /** Gaps before it whose handlers are not done. */
  readonly gaps?: ReadonlyArray<Pick<Gap, "from" | "to" | "lastSeq">> | undefined
  /** Events above the watermark, or settled shortly before, by the key under which duplicates are known. */
  readonly settled: ReadonlyArray<{ readonly key: string; readonly sequence: number; readonly at: number }>
}

const Sequence = Schema.NonNegativeInt

const Instant = Schema.Number.pipe(Schema.finite())

/**
 * Reads a stored session. Its encoded form is the same value, so writing needs no schema.
 *
 * @since 0.1.0
 * @category schemas
 */
export const StoredSession: Schema.Schema<StoredSession> = Schema.Struct({
  appId: Schema.String,
  intents: Sequence,
  shard: Schema.Tuple(Sequence, Sequence),
  sessionId: Schema.NonEmptyString,
  sequence: Sequence,
  startedAt: Instant,
  savedAt: Instant,
  heardAt: Schema.optional(Instant),
  dropped: Schema.optional(Schema.Boolean),
  gaps: Schema.optional(Schema.Array(Schema.Struct({ from: Instant, to: Instant, lastSeq: Sequence }))),
  settled: Schema.Array(Schema.Struct({ key: Schema.String, sequence: Sequence, at: Instant }))
})

/**
 * The store could not write. Nothing was lost but the chance to resume after a restart.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  operation: Schema.Literal("save", "clear", "saveGatewayUrl"),
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `the session store failed to ${this.operation}: ${this.detail}`
  }
  get hint(): string {
    return "check that the place where sessions are kept can be written; the bot runs on without it"
  }
}

/**
 * A session that was stored.
 *
 * @since 0.1.0
 * @category models
 */
export interface Loaded {
  readonly session: StoredSession
  /** Whether it was not given up, was made with the same intents and is younger than the policy's `maximumAge`. */
  readonly resumable: boolean
}

/**
 * What the service does. Everything is about the app id of the configuration.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionStoreShape {
  /** The stored session of a shard. None, with a warning, when it cannot be read. */
  readonly load: (binding: {
    readonly intents: Intents.Intents
    readonly shard: readonly [index: number, count: number]
  }) => Effect.Effect<Option.Option<Loaded>>
  /** Replaces the stored session of its shard. Fails with `StoreError`, also for a session of another bot. */
  readonly save: (session: StoredSession) => Effect.Effect<void, StoreError>
  /** Forgets the session of a shard. The gateway's address stays. */
  readonly clear: (shard: readonly [index: number, count: number]) => Effect.Effect<void, StoreError>
  /** The last known address of the gateway. Not validated. */
  readonly gatewayUrl: Effect.Effect<Option.Option<string>>
  readonly saveGatewayUrl: (url: string) => Effect.Effect<void, StoreError>
}

/**
 * The session store.
 *
 * @since 0.1.0
 * @category tags
 */
export class SessionStore extends Context.Tag("@effect-qq/core/SessionStore")<SessionStore, SessionStoreShape>() {}

const decode = Schema.decodeUnknownOption(Schema.parseJson(StoredSession))

/**
 * The key under which the session of a shard is kept, for whoever looks at a store from outside.
 *
 * @since 0.1.0
 * @category lookups
 */
export const sessionKey = (appId: string, [index, count]: StoredSession["shard"]): string =>
  `session.${appId}.${index}-${count}`

/**
 * A session store on a `KeyValueStore`, under the keys `session.<appId>.<index>-<count>` and `gateway.<appId>`. A record
 * that cannot be read, or belongs to another bot or shard, is moved to its key with `.corrupt` at the end.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<SessionStoreShape, never, BotConfig.BotConfig | KeyValueStore.KeyValueStore> =
  Effect.gen(function* () {
    const { appId, session: policy } = yield* BotConfig.BotConfig
    const store = yield* KeyValueStore.KeyValueStore
    // A key is written by one fiber at a time: a shutdown's save may meet the one that runs once a second.
    const writing = yield* Effect.makeSemaphore(1)
    const gatewayKey = `gateway.${appId}`

    const write = (operation: StoreError["operation"]) => {
      return <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<void, StoreError> =>
        // one that hangs keeps its turn, so that no other overtakes it, but not its caller
        StoredText.write(writing.withPermits(1)(effect), policy.storeWriteTimeout).pipe(
          Effect.mapError((cause) =>
            Cause.isTimeoutException(cause)
              ? new StoreError({ operation, detail: "the store did not answer in time", cause })
              : new StoreError({ operation, detail: "the store refused", cause })
          ),
          Effect.asVoid
        )
    }

    const read = (key: string): Effect.Effect<Option.Option<string>> =>
      Effect.catchAll(StoredText.read(store, key, policy.storeReadTimeout), (error) =>
        Effect.as(
          Effect.logWarning("the session store cannot be read; the bot starts without it", error),
          Option.none()
        )
      )

    const setAside = (key: string, text: string): Effect.Effect<void> =>
      StoredText.write(
        writing.withPermits(1)(Effect.zipRight(store.set(`${key}.corrupt`, text), store.remove(key))),
        StoredText.setAsidePatience
      ).pipe(
        Effect.catchAll((error) => Effect.logWarning("the stored session could not be set aside", error)),
        Effect.zipRight(
          Effect.logWarning("the stored session cannot be used; a new session is made").pipe(
            Effect.annotateLogs({ setAside: `${key}.corrupt` })
          )
        )
      )

    return {
      load: ({ intents, shard }) =>
        Effect.gen(function* () {
          const key = sessionKey(appId, shard)
          const text = yield* read(key)
          if (Option.isNone(text)) return Option.none()
          const isOurs = (session: StoredSession): boolean =>
            session.appId === appId && session.shard[0] === shard[0] && session.shard[1] === shard[1]
          const session = Option.filter(decode(text.value), isOurs)
          if (Option.isNone(session)) {
            yield* setAside(key, text.value)
            return Option.none()
          }
          const age = (yield* Clock.currentTimeMillis) - session.value.startedAt
          const resumable =
            session.value.dropped !== true &&
            session.value.intents === intents &&
            age < Duration.toMillis(policy.maximumAge)
          return Option.some({ session: session.value, resumable })
        }),
      save: (session) =>
        session.appId === appId
          ? write("save")(Effect.suspend(() => store.set(sessionKey(appId, session.shard), JSON.stringify(session))))
          : Effect.fail(new StoreError({ operation: "save", detail: "the session belongs to another bot" })),
      clear: (shard) => {
        const key = sessionKey(appId, shard)
        return write("clear")(Effect.flatMap(store.has(key), (has) => (has ? store.remove(key) : Effect.void)))
      },
      gatewayUrl: Effect.map(
        read(gatewayKey),
        Option.filter((url) => url !== "")
      ),
      saveGatewayUrl: (url) => write("saveGatewayUrl")(store.set(gatewayKey, url))
    }
  })

/**
 * A session store on the `KeyValueStore` of the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore: Layer.Layer<SessionStore, never, BotConfig.BotConfig | KeyValueStore.KeyValueStore> =
  Layer.effect(SessionStore, make)

/**
 * A session store that ends with the process: reconnects resume, restarts do not.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<SessionStore, never, BotConfig.BotConfig> = Layer.provide(
  layerKeyValueStore,
  Layer.fresh(KeyValueStore.layerMemory)
)
