/**
 * The messages and events that a bot has received and can reply to: when each was received, and which replies it has had. It
 * is stored, so that a restarted bot knows what it may still reply to and which replies were sent.
 *
 * Its counts choose among anchors; they never refuse a reply. The state is a `LedgerIndex`, its storage a `LedgerStorage`.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Function from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../BotConfig.ts"
import type * as Conversation from "../events/Conversation.ts"
import { fencedBy, Ownership } from "../gateway/Ownership.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import * as Anchor from "./Anchor.ts"
import type { AnchorStatus, BegunStream, ReplyState } from "./LedgerEntry.ts"
import * as LedgerEntry from "./LedgerEntry.ts"
import { LedgerIndex, type Moment } from "./LedgerIndex.ts"
import * as LedgerStorage from "./LedgerStorage.ts"

/**
 * The limits and intervals of a ledger.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Maximum number of known messages and events; the oldest is forgotten first. Default 16 384. */
  readonly capacity: number
  /** Maximum number of anchors of one conversation that `newest` chooses from. Default 16. */
  readonly perConversation: number
  /** Maximum number of stored anchors: the newest, and those with the newest replies. Default 2048; at least 16. */
  readonly stored: number
  /** Minimum interval between two saves. Default 1 s. */
  readonly saveEvery: Duration.Duration
  /** Timeout of a save, the wait for an earlier one included. Default 5 s. */
  readonly saveTimeout: Duration.Duration
  /** How long before the end of its window an anchor counts as expired. Default 2 s. */
  readonly margin: Duration.Duration
}

/**
 * The defaults, documented at the fields of {@link Options}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Options = {
  capacity: 16_384,
  perConversation: 16,
  stored: 2048,
  saveEvery: Duration.seconds(1),
  saveTimeout: Duration.seconds(5),
  margin: Duration.seconds(2)
}

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  AnchorStatus,
  /**
   * @since 0.1.0
   * @category models
   */
  BegunStream,
  /**
   * @since 0.1.0
   * @category models
   */
  ReplyState
} from "./LedgerEntry.ts"

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyLedgerShape {
  /** Records that an anchor was received; the first time counts. Synchronous, because it is called from a socket's callback. */
  readonly receive: (anchor: Anchor.Anchor) => void
  /** As `receive`, without building an anchor: thousands are received for each one that is replied to. */
  readonly receiveParts: (parts: Anchor.Parts) => void
  /** Whether an anchor can be replied to, and how often. */
  readonly standing: (anchor: Anchor.Anchor) => Effect.Effect<AnchorStatus>
  /** The anchor of this conversation that was received last, has not expired and has replies left. */
  readonly newest: (
    conversation: Conversation.Conversation,
    kind?: Anchor.Anchor["kind"]
  ) => Effect.Effect<Option.Option<Anchor.Anchor>>
  /** The replies to an anchor that were begun, by `msg_seq`. */
  readonly replies: (anchor: Anchor.Anchor) => Effect.Effect<ReadonlyMap<number, Exclude<ReplyState, "new">>>
  /** Whether by our own count the anchor has a reply left for this one, which may have been begun. */
  readonly hasBudget: (anchor: Anchor.Anchor, sequence: number) => Effect.Effect<boolean>
  /** The digests of the replies to an anchor that were begun, by `msg_seq`, where they are known. */
  readonly texts: (anchor: Anchor.Anchor) => Effect.Effect<ReadonlyMap<number, string>>
  /**
   * Begins a reply, which uses up one of the anchor's replies; returns its state before. `text`: the digest of its content;
   * the first one counts.
   */
  readonly begin: (anchor: Anchor.Anchor, sequence: number, text?: string) => Effect.Effect<ReplyState>
  /** The reply was delivered. `text` as for `begin`. */
  readonly delivered: (anchor: Anchor.Anchor, sequence: number, text?: string) => Effect.Effect<void>
  /** The reply was not delivered: it uses up none of the anchor's replies. */
  readonly refused: (anchor: Anchor.Anchor, sequence: number) => Effect.Effect<void>
  /** The streamed reply that an earlier run has left unfinished, by the `msg_seq` that stands for its name. */
  readonly stream: (anchor: Anchor.Anchor, name: number) => Effect.Effect<Option.Option<BegunStream>>
  /** Records the progress of a streamed reply before its next request; `undefined`: nothing of it is left to close. */
  readonly noteStream: (anchor: Anchor.Anchor, name: number, stream: BegunStream | undefined) => Effect.Effect<void>
  /** The platform has answered that the anchor can no longer be replied to. */
  readonly close: (anchor: Anchor.Anchor) => Effect.Effect<void>
  /** The platform has answered that the anchor has no replies left. */
  readonly exhaust: (anchor: Anchor.Anchor) => Effect.Effect<void>
  /**
   * Persists changes now; used before sends that the platform cannot deduplicate. Waits for a save that is in progress. A
   * failure or timeout of the store is logged, and retried later.
   */
  readonly flush: Effect.Effect<void>
  /** The number of known anchors. */
  readonly size: Effect.Effect<number>
}

/**
 * The ledger of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class ReplyLedger extends Context.Tag("@effect-qq/core/ReplyLedger")<ReplyLedger, ReplyLedgerShape>() {}

/** How long sending waits for a store that failed the last time. */
const brokenPatience = Duration.millis(500)

/** How long a shutdown waits for the ledger to be stored. */
const lastSaveTimeout = Duration.seconds(2)

const indexOf = ({ capacity, margin, perConversation, stored }: Options, changed: () => void): LedgerIndex =>
  new LedgerIndex({ capacity, perConversation, stored, margin: Duration.toMillis(margin) }, changed)

const momentOf = (clock: Clock.Clock): Moment => ({
  epoch: clock.unsafeCurrentTimeMillis(),
  monotonic: Monotonic.unsafeMillis(clock)
})

const shapeOf = (index: LedgerIndex, clock: Clock.Clock, flush: Effect.Effect<void>): ReplyLedgerShape => {
  const receiveParts = (parts: Anchor.Parts): void =>
    index.receive(parts, clock.unsafeCurrentTimeMillis(), Monotonic.unsafeMillis(clock))
  return {
    receive: (anchor) => receiveParts(Anchor.partsOf(anchor)),
    receiveParts,
    standing: (anchor) => Effect.sync(() => index.status(anchor, Monotonic.unsafeMillis(clock))),
    newest: (conversation, kind) =>
      Effect.sync(() => Option.fromNullable(index.newest(conversation, kind, Monotonic.unsafeMillis(clock)))),
    replies: (anchor) => Effect.sync(() => LedgerEntry.statesOf(index.find(anchor))),
    hasBudget: (anchor, sequence) => Effect.sync(() => LedgerEntry.hasBudget(index.find(anchor), sequence)),
    texts: (anchor) => Effect.sync(() => LedgerEntry.textsOf(index.find(anchor))),
    begin: (anchor, sequence, text) => Effect.sync(() => index.begin(anchor, sequence, text)),
    delivered: (anchor, sequence, text) => Effect.sync(() => index.delivered(anchor, sequence, text)),
    refused: (anchor, sequence) => Effect.sync(() => index.refused(anchor, sequence)),
    stream: (anchor, name) => Effect.sync(() => Option.fromNullable(index.find(anchor)?.past?.streams?.get(name))),
    noteStream: (anchor, name, stream) => Effect.sync(() => index.recordStream(anchor, name, stream)),
    close: (anchor) => Effect.sync(() => index.close(anchor)),
    exhaust: (anchor) => Effect.sync(() => index.exhaust(anchor)),
    flush,
    size: Effect.sync(() => index.size)
  }
}

/**
 * A ledger on a `KeyValueStore`, in pages under the keys `ledger.<appId>.0-1.<0 … 15>`, of which only changed ones are
 * written. The key is the bot's, whichever of its shards run here: processes that share a store need one each, as owners of
 * `@effect-qq/cluster` have. Nothing is written once another process owns the bot. A record that cannot be read is moved to its key with `.corrupt` appended. Reading is retried for some seconds, then the bot starts with an empty
 * ledger; writing is retried once a second, and until it succeeds a restart forgets what was not stored.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Partial<Options> = {}
): Effect.Effect<ReplyLedgerShape, never, BotConfig.BotConfig | KeyValueStore.KeyValueStore | Scope.Scope> =>
  Effect.gen(function* () {
    const all = { ...defaults, ...options }
    const { appId, session } = yield* BotConfig.BotConfig
    const ownership = yield* Ownership
    const clock = yield* Effect.clock
    const dirty = Effect.unsafeMakeLatch(false)
    const index = indexOf(all, () => dirty.unsafeOpen())
    const storage = LedgerStorage.make({
      store: yield* KeyValueStore.KeyValueStore,
      key: `ledger.${appId}.0-1`,
      index,
      dirty,
      readTimeout: session.storeReadTimeout
    })
    yield* storage.load(() => momentOf(clock))

    let failing = false
    let fenced = false
    const saveWithin = (patience: Duration.Duration): Effect.Effect<void> =>
      // a save that hangs keeps its turn, so that no later one overtakes it, but its caller goes on
      Effect.suspend(() => (fenced || !ownership.isHeld() ? Effect.void : storage.write(patience))).pipe(
        Effect.interruptible,
        Effect.matchEffect({
          onSuccess: () =>
            Effect.sync(() => {
              failing = false
            }),
          onFailure: (error) => {
            const first = !failing
            failing = true
            // another owner has claimed the ledger: what is known here is not for it
            fenced = fencedBy(error) !== undefined
            return first ? Effect.logWarning("the reply ledger cannot be stored; retrying", error) : Effect.void
          }
        })
      )
    const save = saveWithin(all.saveTimeout)
    // messages do not wait long, one after another, for a store that is known to be broken
    const flush = Effect.suspend(() => (failing ? saveWithin(Duration.min(all.saveTimeout, brokenPatience)) : save))
    yield* Effect.addFinalizer(() => saveWithin(Duration.min(all.saveTimeout, lastSaveTimeout)))
    yield* dirty.await.pipe(
      Effect.zipRight(save),
      Effect.zipRight(Effect.sleep(all.saveEvery)),
      Effect.forever,
      Effect.forkScoped
    )
    return shapeOf(index, clock, flush)
  })

/**
 * A ledger in memory only.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: Partial<Options> = {}): Effect.Effect<ReplyLedgerShape> =>
  Effect.map(Effect.clock, (clock) =>
    shapeOf(indexOf({ ...defaults, ...options }, Function.constVoid), clock, Effect.void)
  )

/**
 * A ledger on the `KeyValueStore` of the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<ReplyLedger, never, BotConfig.BotConfig | KeyValueStore.KeyValueStore> = Layer.scoped(
  ReplyLedger,
  make()
)

/**
 * A ledger on the `KeyValueStore` of the context, with these options instead of the defaults.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  options: Partial<Options>
): Layer.Layer<ReplyLedger, never, BotConfig.BotConfig | KeyValueStore.KeyValueStore> =>
  Layer.scoped(ReplyLedger, make(options))

/**
 * A ledger in memory only.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<ReplyLedger> = Layer.effect(ReplyLedger, makeMemory())
