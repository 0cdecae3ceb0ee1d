/**
 * What can still be replied to: per bot, the messages and events that were received, when, and which replies each of them
 * has had. It is kept across restarts, so that a bot that starts again still knows what it may answer, and which of its
 * answers were given.
 *
 * Its counts choose among anchors; they never refuse a reply.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../BotConfig.ts"
import * as Anchor from "./Anchor.ts"
import * as Conversation from "./Conversation.ts"
import * as ReplyWindow from "./ReplyWindow.ts"

/**
 * How the ledger is kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The most messages and events that are known. Default 16 384; the oldest is forgotten first. */
  readonly capacity: number
  /** The most of one conversation that `newest` chooses from. Default 16. */
  readonly perConversation: number
  /** The newest so many are stored. Default 2048. */
  readonly stored: number
  /** How often, at most, the ledger is stored. Default 1 s. */
  readonly saveEvery: Duration.Duration
  /** So long before the end of its window an anchor counts as expired. Default 2 s. */
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
  margin: Duration.seconds(2)
}

/**
 * What is known of a reply: nothing; that it was begun and may have been delivered (`open`); that it was delivered.
 *
 * @since 0.1.0
 * @category models
 */
export type Before = "new" | "open" | "delivered"

/**
 * How an anchor stands.
 *
 * @since 0.1.0
 * @category models
 */
export interface Standing {
  /** When its window closes by this machine's clock, in epoch milliseconds, margin included; `undefined` where it is not known when it was received. */
  readonly closesAt: number | undefined
  /** Whether that has been, or the platform has said that it can no longer be replied to. */
  readonly isClosed: boolean
  /** Replies left by the table of windows; `Infinity` where they are not counted. */
  readonly repliesLeft: number
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyLedgerShape {
  /** Notes that something was received. The first time counts. Synchronous, because it is called from a socket's callback. */
  readonly receive: (anchor: Anchor.Anchor) => void
  readonly standing: (anchor: Anchor.Anchor) => Effect.Effect<Standing>
  /** The anchor of this conversation that was received last, has not expired and has replies left. */
  readonly newest: (
    conversation: Conversation.Conversation,
    kind?: Anchor.Anchor["kind"]
  ) => Effect.Effect<Option.Option<Anchor.Anchor>>
  /** The replies to an anchor that were begun, by `msg_seq`. */
  readonly replies: (anchor: Anchor.Anchor) => Effect.Effect<ReadonlyMap<number, Exclude<Before, "new">>>
  /** Begins a reply, which spends one of the anchor's. Says what was known of it before. */
  readonly begin: (anchor: Anchor.Anchor, sequence: number) => Effect.Effect<Before>
  /** The reply was delivered. */
  readonly delivered: (anchor: Anchor.Anchor, sequence: number) => Effect.Effect<void>
  /** The reply was surely not delivered: what it spent is given back. */
  readonly refused: (anchor: Anchor.Anchor, sequence: number) => Effect.Effect<void>
  /** The platform says that the anchor cannot be replied to any more. */
  readonly close: (anchor: Anchor.Anchor) => Effect.Effect<void>
  /** The platform says that the anchor has no replies left. */
  readonly exhaust: (anchor: Anchor.Anchor) => Effect.Effect<void>
  /** How many anchors are known. */
  readonly size: Effect.Effect<number>
}

/**
 * The ledger of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class ReplyLedger extends Context.Tag("@effect-qq/core/ReplyLedger")<ReplyLedger, ReplyLedgerShape>() {}

const StoredEntry = Schema.Struct({
  scene: Schema.Literal("c2c", "group", "channel", "dm"),
  target: Schema.String,
  kind: Schema.Literal("msg_id", "event_id"),
  id: Schema.String,
  /** Epoch milliseconds; absent where it is not known. */
  at: Schema.optionalWith(Schema.Number, { exact: true }),
  closed: Schema.optionalWith(Schema.Literal(true), { exact: true }),
  exhausted: Schema.optionalWith(Schema.Literal(true), { exact: true }),
  open: Schema.optionalWith(Schema.Array(Schema.Int), { exact: true }),
  delivered: Schema.optionalWith(Schema.Array(Schema.Int), { exact: true })
})

/** What is stored, oldest first. */
const Stored = Schema.Struct({ version: Schema.Literal(1), entries: Schema.Array(StoredEntry) })

const decode = Schema.decodeUnknownOption(Schema.parseJson(Stored))

interface Entry {
  readonly key: string
  readonly anchor: Anchor.Anchor
  readonly scene: Conversation.Scene
  readonly conversation: string
  readonly receivedAt: number | undefined
  closed: boolean
  exhausted: boolean
  /** By `msg_seq`. None until the first reply: most messages never have one. */
  replies: Map<number, Exclude<Before, "new">> | undefined
}

/** More replies to one message than any window allows; where they are not counted the oldest are forgotten. */
const maximumReplies = 128

const noReplies: ReadonlyMap<number, Exclude<Before, "new">> = new Map()

const keyOf = (anchor: Anchor.Anchor): string =>
  `${anchor.kind === "msg_id" ? "m" : "e"}:${Conversation.toKey(anchor.conversation)}:${anchor.id}`

interface Book {
  readonly shape: Omit<ReplyLedgerShape, "size">
  readonly size: () => number
  readonly restore: (entries: ReadonlyArray<typeof StoredEntry.Type>) => void
  readonly snapshot: () => string
  /** Completes when something has changed since the last snapshot. */
  readonly changed: Effect.Effect<void>
  readonly hasChanged: () => boolean
  /** The last snapshot was lost. */
  readonly change: () => void
}

const makeBook = (options: Options, clock: Clock.Clock): Book => {
  const entries = new Map<string, Entry>()
  const byConversation = new Map<string, Array<Entry>>()
  const dirty = Effect.unsafeMakeLatch(false)
  let isDirty = false
  const margin = Duration.toMillis(options.margin)

  const touch = (): void => {
    isDirty = true
    dirty.unsafeOpen()
  }

  const forget = (entry: Entry): void => {
    entries.delete(entry.key)
    const list = byConversation.get(entry.conversation)
    const index = list?.indexOf(entry) ?? -1
    if (list === undefined || index < 0) return
    list.splice(index, 1)
    if (list.length === 0) byConversation.delete(entry.conversation)
  }

  const add = (anchor: Anchor.Anchor, receivedAt: number | undefined): Entry => {
    const entry: Entry = {
      key: keyOf(anchor),
      anchor,
      scene: Conversation.sceneOf(anchor.conversation),
      conversation: Conversation.toKey(anchor.conversation),
      receivedAt,
      closed: false,
      exhausted: false,
      replies: undefined
    }
    entries.set(entry.key, entry)
    if (entries.size > options.capacity) {
      const oldest = entries.values().next().value
      if (oldest !== undefined) forget(oldest)
    }
    // one of which nobody knows when it was received is nothing to choose
    if (receivedAt === undefined) return entry
    const list = byConversation.get(entry.conversation)
    if (list === undefined) byConversation.set(entry.conversation, [entry])
    else {
      list.push(entry)
      if (list.length > options.perConversation) list.shift()
    }
    return entry
  }

  const closesAt = (entry: Entry): number | undefined =>
    entry.receivedAt === undefined
      ? undefined
      : entry.receivedAt + Duration.toMillis(ReplyWindow.table[entry.scene].duration) - margin

  const standingOf = (entry: Entry | undefined, now: number): Standing => {
    if (entry === undefined) return { closesAt: undefined, isClosed: false, repliesLeft: Number.POSITIVE_INFINITY }
    const end = closesAt(entry)
    const budget = ReplyWindow.table[entry.scene].replies
    return {
      closesAt: end,
      isClosed: entry.closed || (end !== undefined && now >= end),
      repliesLeft: entry.exhausted ? 0 : Math.max(0, budget - (entry.replies?.size ?? 0))
    }
  }

  const known = (anchor: Anchor.Anchor): Entry => entries.get(keyOf(anchor)) ?? add(anchor, undefined)

  const change = (anchor: Anchor.Anchor, body: (entry: Entry) => void): Effect.Effect<void> =>
    Effect.sync(() => {
      body(known(anchor))
      touch()
    })

  const note = (entry: Entry, sequence: number, what: Exclude<Before, "new">): void => {
    const replies = entry.replies ?? new Map<number, Exclude<Before, "new">>()
    entry.replies = replies
    replies.set(sequence, what)
    if (replies.size <= maximumReplies) return
    const oldest = replies.keys().next().value
    if (oldest !== undefined) replies.delete(oldest)
  }

  const shape: Book["shape"] = {
    receive: (anchor) => {
      const entry = entries.get(keyOf(anchor))
      // a replay must not open a window again
      if (entry?.receivedAt !== undefined) return
      if (entry !== undefined) forget(entry)
      const fresh = add(anchor, clock.unsafeCurrentTimeMillis())
      if (entry !== undefined) {
        fresh.replies = entry.replies
        fresh.closed = entry.closed
        fresh.exhausted = entry.exhausted
      }
      touch()
    },
    standing: (anchor) => Effect.map(Clock.currentTimeMillis, (now) => standingOf(entries.get(keyOf(anchor)), now)),
    newest: (conversation, kind) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const list = byConversation.get(Conversation.toKey(conversation)) ?? []
        const entry = list.findLast((candidate) => {
          if (kind !== undefined && candidate.anchor.kind !== kind) return false
          const { isClosed, repliesLeft } = standingOf(candidate, now)
          return !isClosed && repliesLeft > 0
        })
        return Option.fromNullable(entry?.anchor)
      }),
    replies: (anchor) => Effect.sync(() => new Map(entries.get(keyOf(anchor))?.replies ?? noReplies)),
    begin: (anchor, sequence) =>
      Effect.sync(() => {
        const entry = known(anchor)
        const before = entry.replies?.get(sequence) ?? "new"
        if (before === "new") {
          note(entry, sequence, "open")
          touch()
        }
        return before
      }),
    delivered: (anchor, sequence) => change(anchor, (entry) => note(entry, sequence, "delivered")),
    refused: (anchor, sequence) => change(anchor, (entry) => entry.replies?.delete(sequence)),
    close: (anchor) =>
      change(anchor, (entry) => {
        entry.closed = true
      }),
    exhaust: (anchor) =>
      change(anchor, (entry) => {
        entry.exhausted = true
      })
  }

  const stored = (entry: Entry): typeof StoredEntry.Type => {
    const numbers = (what: Exclude<Before, "new">) =>
      [...(entry.replies ?? noReplies)].flatMap(([sequence, state]) => (state === what ? [sequence] : []))
    const open = numbers("open")
    const delivered = numbers("delivered")
    return {
      scene: entry.scene,
      target: Conversation.targetOf(entry.anchor.conversation),
      kind: entry.anchor.kind,
      id: entry.anchor.id,
      ...(entry.receivedAt === undefined ? {} : { at: entry.receivedAt }),
      ...(entry.closed ? { closed: true as const } : {}),
      ...(entry.exhausted ? { exhausted: true as const } : {}),
      ...(open.length === 0 ? {} : { open }),
      ...(delivered.length === 0 ? {} : { delivered })
    }
  }

  return {
    shape,
    size: () => entries.size,
    changed: dirty.await,
    hasChanged: () => isDirty,
    change: touch,
    snapshot: () => {
      isDirty = false
      dirty.unsafeClose()
      const newest = [...entries.values()].slice(-options.stored)
      const record: typeof Stored.Type = { version: 1, entries: newest.map(stored) }
      return JSON.stringify(record)
    },
    restore: (from) => {
      const now = clock.unsafeCurrentTimeMillis()
      for (const record of from) {
        // a clock that was set back must not keep windows open for longer than they are
        const at = record.at === undefined ? undefined : Math.min(record.at, now)
        const conversation = Conversation.make(record.scene, record.target)
        const entry = add(Anchor.make({ kind: record.kind, id: record.id, conversation }), at)
        entry.closed = record.closed === true
        entry.exhausted = record.exhausted === true
        for (const sequence of record.delivered ?? []) note(entry, sequence, "delivered")
        for (const sequence of record.open ?? []) note(entry, sequence, "open")
      }
    }
  }
}

const shapeOf = (book: Book): ReplyLedgerShape => ({ ...book.shape, size: Effect.sync(book.size) })

/** Processes that share the shards of a bot do not share a ledger. */
const partOf = (shards: BotConfig.Shards): string =>
  typeof shards === "object" ? `.${shards.run.join("_")}-${shards.of}` : ""

/**
 * A ledger on a `KeyValueStore`, under the key `ledger.<appId>`, or `ledger.<appId>.<index>_<index>-<count>` where this
 * process runs some shards of many. A record that cannot be read is moved to
 * its key with `.corrupt` at the end. A store that fails is tried again; until it works a restart forgets.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Partial<Options> = {}
): Effect.Effect<ReplyLedgerShape, never, BotConfig.BotConfig | KeyValueStore.KeyValueStore | Scope.Scope> =>
  Effect.gen(function* () {
    const all = { ...defaults, ...options }
    const { appId, shards } = yield* BotConfig.BotConfig
    const store = yield* KeyValueStore.KeyValueStore
    const book = makeBook(all, yield* Effect.clock)
    const key = `ledger.${appId}${partOf(shards)}`
    // the save of a shutdown may meet the one that runs once a second
    const writing = yield* Effect.makeSemaphore(1)

    const text = yield* Effect.catchAll(store.get(key), (error) =>
      Effect.as(Effect.logWarning("the reply ledger cannot be read; the bot starts without it", error), Option.none())
    )
    if (Option.isSome(text)) {
      const record = decode(text.value)
      if (Option.isSome(record)) book.restore(record.value.entries)
      else {
        yield* Effect.zipRight(store.set(`${key}.corrupt`, text.value), store.remove(key)).pipe(
          Effect.catchAll((error) => Effect.logWarning("the stored reply ledger could not be set aside", error)),
          Effect.zipRight(Effect.logWarning("the stored reply ledger cannot be used; the bot starts without it")),
          Effect.annotateLogs({ setAside: `${key}.corrupt` })
        )
      }
    }

    let failing = false
    const save = writing
      .withPermits(1)(Effect.suspend(() => store.set(key, book.snapshot())))
      .pipe(
        Effect.matchEffect({
          onSuccess: () =>
            Effect.sync(() => {
              failing = false
            }),
          onFailure: (error) => {
            const first = !failing
            failing = true
            book.change()
            return first
              ? Effect.logWarning("the reply ledger cannot be stored; it is tried again", error)
              : Effect.void
          }
        })
      )
    yield* Effect.addFinalizer(() => (book.hasChanged() ? save : Effect.void))
    yield* book.changed.pipe(
      Effect.zipRight(save),
      Effect.zipRight(Effect.sleep(all.saveEvery)),
      Effect.forever,
      Effect.forkScoped
    )
    return shapeOf(book)
  })

/**
 * A ledger that ends with the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: Partial<Options> = {}): Effect.Effect<ReplyLedgerShape> =>
  Effect.map(Effect.clock, (clock) => shapeOf(makeBook({ ...defaults, ...options }, clock)))

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
 * A ledger on the `KeyValueStore` of the context, kept as one likes.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  options: Partial<Options>
): Layer.Layer<ReplyLedger, never, BotConfig.BotConfig | KeyValueStore.KeyValueStore> =>
  Layer.scoped(ReplyLedger, make(options))

/**
 * A ledger that ends with the process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<ReplyLedger> = Layer.effect(ReplyLedger, makeMemory())
