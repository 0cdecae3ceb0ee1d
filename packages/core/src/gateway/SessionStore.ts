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
import * as StoredRecord from "../internal/StoredRecord.ts"
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

const decode = StoredRecord.decodeJson(StoredSession)

/** The address of the gateway is stored as it is. */
const decodeUrl = (text: string): Option.Option<string> => Option.some(text)

const messages: StoredRecord.Messages = {
  unreadable: "the session store cannot be read; the bot starts without it",
  unusable: "the stored session cannot be used; a new session is made",
  notMoved: "the stored session could not be set aside"
}

const storeError =
  (operation: StoreError["operation"]) =>
  (cause: unknown): StoreError =>
    Cause.isTimeoutException(cause)
      ? new StoreError({ operation, detail: "the store did not answer in time", cause })
      : new StoreError({ operation, detail: "the store refused", cause })

/**
 * The key under which the session of a shard is kept, for programs that read the store themselves.
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
    const records = new StoredRecord.StoredRecords(store, policy.storeReadTimeout, messages)
    const patience = policy.storeWriteTimeout
    const gatewayKey = `gateway.${appId}`

    const isOf =
      (shard: StoredSession["shard"]) =>
      (session: StoredSession): boolean =>
        session.appId === appId && session.shard[0] === shard[0] && session.shard[1] === shard[1]

    const isResumable = (session: StoredSession, intents: Intents.Intents, now: number): boolean =>
      session.dropped !== true &&
      session.intents === intents &&
      now - session.startedAt < Duration.toMillis(policy.maximumAge)

    return {
      load: ({ intents, shard }) => {
        const stored = records.read({
          key: sessionKey(appId, shard),
          decode: (text) => Option.filter(decode(text), isOf(shard))
        })
        return Effect.zipWith(stored, Clock.currentTimeMillis, (stored, now) =>
          Option.map(stored, (session) => ({ session, resumable: isResumable(session, intents, now) }))
        )
      },
      save: (session) =>
        session.appId === appId
          ? Effect.suspend(() => records.set(sessionKey(appId, session.shard), JSON.stringify(session), patience)).pipe(
              Effect.mapError(storeError("save"))
            )
          : Effect.fail(new StoreError({ operation: "save", detail: "the session belongs to another bot" })),
      clear: (shard) => Effect.mapError(records.remove(sessionKey(appId, shard), patience), storeError("clear")),
      gatewayUrl: Effect.map(
        records.read({ key: gatewayKey, decode: decodeUrl }),
        Option.filter((url) => url !== "")
      ),
      saveGatewayUrl: (url) => Effect.mapError(records.set(gatewayKey, url, patience), storeError("saveGatewayUrl"))
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
