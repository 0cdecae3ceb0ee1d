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
import * as Arr from "effect/Array"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../BotConfig.ts"
import { hashOf, type Keyed, KeyTable } from "../internal/KeyTable.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import * as StoredText from "../StoredText.ts"
import * as Anchor from "./Anchor.ts"
import * as Conversation from "./Conversation.ts"
import * as Pages from "./Pages.ts"
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
  /** The most that are stored: the newest, and what was replied to last. Default 2048; at least 16. */
  readonly stored: number
  /** How often, at most, the ledger is stored. Default 1 s. */
  readonly saveEvery: Duration.Duration
  /** How long storing may take, its turn included; what takes longer has failed. Default 5 s. */
  readonly saveTimeout: Duration.Duration
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
  saveTimeout: Duration.seconds(5),
  margin: Duration.seconds(2)
}

/**
 * What is known of a reply: nothing; that it was begun and may have been delivered (`open`); that it was delivered.
 *
 * @since 0.1.0
 * @category models
 */
export type ReplyState = "new" | "open" | "delivered"

/**
 * How an anchor stands.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnchorStatus {
  /** When its window closes, in monotonic milliseconds, margin included; `undefined` where it is not known when it was received. */
  readonly closesAt: number | undefined
  /** Whether that has been, or the platform has said that it can no longer be replied to. */
  readonly isClosed: boolean
  /** Replies left by the table of windows; `Infinity` where they are not counted. */
  readonly repliesLeft: number
}

/**
 * A streamed reply that was begun: what a later run needs to close it and to take it back.
 *
 * @since 0.1.0
 * @category models
 */
export interface BegunStream {
  /** The `msg_seq` of all its requests. */
  readonly sequence: number
  readonly format: "text" | "markdown"
  /** The platform's id of the message; `undefined` until its first request was answered. */
  readonly id?: string | undefined
  /** Of the last request that was made, whether it was taken or not. */
  readonly index: number
  readonly content: string
  /** Whether that request was to be the last. */
  readonly isLast: boolean
  /** Whether users see it finished. */
  readonly isClosed: boolean
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
  /** The same, without an anchor: thousands are received for each that is asked for. */
  readonly receiveParts: (parts: Anchor.Parts) => void
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
  /** The digests of what the replies to an anchor say that were begun, by `msg_seq`, where they are known. */
  readonly texts: (anchor: Anchor.Anchor) => Effect.Effect<ReadonlyMap<number, string>>
  /**
   * Begins a reply, which spends one of the anchor's. Says what was known of it before. `text`: the digest of what it says;
   * the first one counts.
   */
  readonly begin: (anchor: Anchor.Anchor, sequence: number, text?: string) => Effect.Effect<ReplyState>
  /** The reply was delivered. `text` as for `begin`. */
  readonly delivered: (anchor: Anchor.Anchor, sequence: number, text?: string) => Effect.Effect<void>
  /** The reply was surely not delivered: what it spent is given back. */
  readonly refused: (anchor: Anchor.Anchor, sequence: number) => Effect.Effect<void>
  /** What an earlier run has left of a streamed reply, by the `msg_seq` that stands for its name. */
  readonly stream: (anchor: Anchor.Anchor, name: number) => Effect.Effect<Option.Option<BegunStream>>
  /** Notes how far a streamed reply is before its next request is made; `undefined`: nothing is left of it. */
  readonly noteStream: (anchor: Anchor.Anchor, name: number, stream: BegunStream | undefined) => Effect.Effect<void>
  /** The platform says that the anchor cannot be replied to any more. */
  readonly close: (anchor: Anchor.Anchor) => Effect.Effect<void>
  /** The platform says that the anchor has no replies left. */
  readonly exhaust: (anchor: Anchor.Anchor) => Effect.Effect<void>
  /**
   * Stores now what has changed: before something is sent that nobody could tell from its repetition. What is being stored
   * already is waited for. A store that fails, or does not answer in time, is logged and tried again later.
   */
  readonly flush: Effect.Effect<void>
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
  delivered: Schema.optionalWith(Schema.Array(Schema.Int), { exact: true }),
  texts: Schema.optionalWith(Schema.Array(Schema.Tuple(Schema.Int, Schema.String)), { exact: true }),
  streams: Schema.optionalWith(
    Schema.Array(
      Schema.Tuple(
        Schema.Int,
        Schema.Struct({
          sequence: Schema.Int,
          format: Schema.Literal("text", "markdown"),
          id: Schema.optional(Schema.String),
          index: Schema.Int,
          content: Schema.String,
          isLast: Schema.Boolean,
          isClosed: Schema.Boolean
        })
      )
    ),
    { exact: true }
  )
})

const Entries = Schema.Array(StoredEntry)

/** What was stored as a whole before there were pages, oldest first. */
const decodeWhole = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Struct({ version: Schema.Literal(1), entries: Entries }))
)

const StoredPage = Schema.Struct({ version: Schema.Literal(2), page: Schema.NonNegativeInt, entries: Entries })

const decodePage = Schema.decodeUnknownOption(Schema.parseJson(StoredPage))

/** A conversation of which something is known. */
interface Place {
  readonly scene: Conversation.Scene
  readonly target: string
  /** What `newest` chooses from, oldest first. */
  recent: Array<Entry>
}

/** An anchor that is known: its parts, for there are thousands and few of them are ever asked for. */
interface Entry extends Pages.Paged, Keyed {
  readonly kind: Anchor.Anchor["kind"]
  /** The id of the anchor. */
  readonly key: string
  readonly place: Place
  /** Epoch milliseconds, as it is stored. */
  readonly receivedAt: number | undefined
  /** The same moment in monotonic milliseconds: a clock that is set changes no window. */
  readonly since: number | undefined
  isKnown: boolean
  closed: boolean
  exhausted: boolean
  /** By `msg_seq`. None until the first reply: most messages never have one. */
  replies: Map<number, Exclude<ReplyState, "new">> | undefined
  /** By `msg_seq`, the digests of what replies say. */
  texts: Map<number, string> | undefined
  /** Streamed replies that were begun and not finished, by the `msg_seq` that stands for their name. */
  streams: Map<number, BegunStream> | undefined
}

/** More replies to one message than any window allows; where they are not counted the oldest are forgotten. */
const maximumReplies = 128

/** Unfinished streamed replies to one message; a private chat allows four replies. */
const maximumStreams = 8

const noReplies: ReadonlyMap<number, Exclude<ReplyState, "new">> = new Map()

const anchorOf = ({ key, kind, place }: Entry): Anchor.Anchor =>
  Anchor.make({ kind, id: key, conversation: Conversation.make(place.scene, place.target) })

const isOf = ({ key, kind, place }: Entry, parts: Anchor.Parts): boolean =>
  key === parts.id && kind === parts.kind && place.target === parts.target && place.scene === parts.scene

/** Unlike the id alone, surely the anchor's own. */
const keyOf = ({ id, kind, scene, target }: Anchor.Parts): string => JSON.stringify([kind, `${scene}:${target}`, id])

const partsOf = ({ key, kind, place: { scene, target } }: Entry): Anchor.Parts => ({ kind, id: key, scene, target })

interface Book {
  readonly shape: Omit<ReplyLedgerShape, "flush" | "size">
  readonly size: () => number
  /** Takes back what was stored: pages in their order, and what was stored before there were pages. */
  readonly restore: (
    pages: ReadonlyArray<typeof StoredPage.Type>,
    whole: ReadonlyArray<typeof StoredEntry.Type>
  ) => void
  /** The pages to be stored. */
  readonly take: () => ReadonlyArray<Pages.Page<Entry>>
  /** Some of these could not be stored. */
  readonly putBack: (pages: ReadonlyArray<Pages.Page<Entry>>) => void
  /** Completes when something has changed since pages were last taken. */
  readonly changed: Effect.Effect<void>
}

/** A page as it is stored. */
const textOf = (page: Pages.Page<Entry>): string => {
  const record: typeof StoredPage.Type = { version: 2, page: page.number, entries: Array.from(page.values, toStored) }
  return JSON.stringify(record)
}

const toStored = (entry: Entry): typeof StoredEntry.Type => {
  const open: Array<number> = []
  const delivered: Array<number> = []
  for (const [sequence, state] of entry.replies ?? noReplies) (state === "open" ? open : delivered).push(sequence)
  return {
    scene: entry.place.scene,
    target: entry.place.target,
    kind: entry.kind,
    id: entry.key,
    ...(entry.receivedAt === undefined ? {} : { at: entry.receivedAt }),
    ...(entry.closed ? { closed: true as const } : {}),
    ...(entry.exhausted ? { exhausted: true as const } : {}),
    ...(open.length === 0 ? {} : { open }),
    ...(delivered.length === 0 ? {} : { delivered }),
    ...(entry.texts === undefined || entry.texts.size === 0 ? {} : { texts: [...entry.texts] }),
    ...(entry.streams === undefined || entry.streams.size === 0 ? {} : { streams: [...entry.streams] })
  }
}

const makeBook = (options: Options, clock: Clock.Clock): Book => {
  // the platform gives an id once, so that it alone finds an anchor: a key of all the parts would be a text more for each, and
  // most of what one costs. Only where another anchor has the id already is there such a key
  const byId = new KeyTable<Entry>()
  const namesakes = new Map<string, Entry>()
  /** By scene and target, the conversations of which something was received. */
  const places: Record<Conversation.Scene, Map<string, Place>> = {
    c2c: new Map(),
    group: new Map(),
    channel: new Map(),
    dm: new Map()
  }
  const pages = Pages.make<Entry>(options.stored)
  const dirty = Effect.unsafeMakeLatch(false)
  const margin = Duration.toMillis(options.margin)

  const touch = (entry: Entry): void => {
    pages.touch(entry)
    dirty.unsafeOpen()
  }

  // in the order in which they came, those that were forgotten meanwhile among them: a map does not give up its first
  // entries cheaply, for each look at the first one passes by all that were deleted. What was forgotten leaves its place
  // empty, for the array is kept until half of it is
  let order: Array<Entry | undefined> = []
  let first = 0

  const findParts = (parts: Anchor.Parts, hash: number): Entry | undefined => {
    const entry = byId.get(parts.id, hash)
    if (entry !== undefined && isOf(entry, parts)) return entry
    return namesakes.size === 0 ? undefined : namesakes.get(keyOf(parts))
  }

  const find = (anchor: Anchor.Anchor): Entry | undefined => findParts(Anchor.partsOf(anchor), hashOf(anchor.id, 0))

  const size = (): number => byId.size + namesakes.size

  const forget = (entry: Entry): void => {
    entry.isKnown = false
    if (byId.get(entry.key, entry.hash) === entry) byId.remove(entry)
    else namesakes.delete(keyOf(partsOf(entry)))
    pages.remove(entry)
    const { recent, scene, target } = entry.place
    const index = recent.indexOf(entry)
    if (index < 0) return
    recent.splice(index, 1)
    if (recent.length === 0) places[scene].delete(target)
  }

  const forgetOldest = (): void => {
    let oldest: Entry | undefined
    do {
      oldest = order[first]
      order[first++] = undefined
    } while (oldest?.isKnown === false)
    if (oldest !== undefined) forget(oldest)
    if (first * 2 < order.length) return
    order = order.slice(first)
    first = 0
  }

  const add = (parts: Anchor.Parts, hash: number, receivedAt: number | undefined, since: number | undefined): Entry => {
    const { scene, target } = parts
    const place = places[scene].get(target) ?? { scene, target, recent: [] }
    const entry: Entry = {
      kind: parts.kind,
      key: parts.id,
      hash,
      index: -1,
      place,
      receivedAt,
      since,
      isKnown: true,
      closed: false,
      exhausted: false,
      replies: undefined,
      texts: undefined,
      streams: undefined,
      page: undefined
    }
    if (byId.get(parts.id, hash) === undefined) byId.add(entry)
    else namesakes.set(keyOf(parts), entry)
    order.push(entry)
    if (size() > options.capacity) forgetOldest()
    // one of which nobody knows when it was received is nothing to choose
    if (receivedAt === undefined) return entry
    if (place.recent.length === 0) {
      places[scene].set(target, place)
      // many conversations have no second message, and what grows makes room for more
      place.recent = [entry]
    } else {
      place.recent.push(entry)
      if (place.recent.length > options.perConversation) place.recent.shift()
    }
    return entry
  }

  const closesAt = (entry: Entry): number | undefined =>
    entry.since === undefined
      ? undefined
      : entry.since + Duration.toMillis(ReplyWindow.table[entry.place.scene].duration) - margin

  const standingOf = (entry: Entry | undefined, now: number): AnchorStatus => {
    if (entry === undefined) return { closesAt: undefined, isClosed: false, repliesLeft: Number.POSITIVE_INFINITY }
    const end = closesAt(entry)
    const budget = ReplyWindow.table[entry.place.scene].replies
    return {
      closesAt: end,
      isClosed: entry.closed || (end !== undefined && now >= end),
      repliesLeft: entry.exhausted ? 0 : Math.max(0, budget - (entry.replies?.size ?? 0))
    }
  }

  const known = (anchor: Anchor.Anchor): Entry =>
    find(anchor) ?? add(Anchor.partsOf(anchor), hashOf(anchor.id, 0), undefined, undefined)

  const receiveParts = (parts: Anchor.Parts): void => {
    const hash = hashOf(parts.id, 0)
    const entry = findParts(parts, hash)
    // a replay must not open a window again
    if (entry?.receivedAt !== undefined) return
    if (entry !== undefined) forget(entry)
    const fresh = add(parts, hash, clock.unsafeCurrentTimeMillis(), Monotonic.unsafeMillis(clock))
    if (entry !== undefined) {
      fresh.replies = entry.replies
      fresh.texts = entry.texts
      fresh.streams = entry.streams
      fresh.closed = entry.closed
      fresh.exhausted = entry.exhausted
    }
    touch(fresh)
  }

  const change = (anchor: Anchor.Anchor, body: (entry: Entry) => void): Effect.Effect<void> =>
    Effect.sync(() => {
      const entry = known(anchor)
      body(entry)
      touch(entry)
    })

  const note = (entry: Entry, sequence: number, what: Exclude<ReplyState, "new">): void => {
    const replies = entry.replies ?? new Map<number, Exclude<ReplyState, "new">>()
    entry.replies = replies
    replies.set(sequence, what)
    if (replies.size <= maximumReplies) return
    const oldest = replies.keys().next().value
    if (oldest === undefined) return
    replies.delete(oldest)
    entry.texts?.delete(oldest)
  }

  const noteText = (entry: Entry, sequence: number, text: string | undefined): void => {
    if (text === undefined || entry.texts?.has(sequence) === true) return
    entry.texts ??= new Map()
    entry.texts.set(sequence, text)
  }

  const noteStream = (entry: Entry, name: number, stream: BegunStream | undefined): void => {
    if (stream === undefined) {
      entry.streams?.delete(name)
      return
    }
    entry.streams ??= new Map()
    entry.streams.set(name, stream)
    if (entry.streams.size <= maximumStreams) return
    const oldest = entry.streams.keys().next().value
    if (oldest !== undefined) entry.streams.delete(oldest)
  }

  const shape: Book["shape"] = {
    receive: (anchor) => receiveParts(Anchor.partsOf(anchor)),
    receiveParts,
    standing: (anchor) => Effect.map(Monotonic.millis, (now) => standingOf(find(anchor), now)),
    newest: (conversation, kind) =>
      Effect.map(Monotonic.millis, (now) => {
        const list = places[Conversation.sceneOf(conversation)].get(Conversation.targetOf(conversation))?.recent ?? []
        const entry = list.findLast((candidate) => {
          if (kind !== undefined && candidate.kind !== kind) return false
          const { isClosed, repliesLeft } = standingOf(candidate, now)
          return !isClosed && repliesLeft > 0
        })
        return Option.map(Option.fromNullable(entry), anchorOf)
      }),
    replies: (anchor) => Effect.sync(() => new Map(find(anchor)?.replies ?? noReplies)),
    hasBudget: (anchor, sequence) =>
      Effect.sync(() => {
        const entry = find(anchor)
        if (entry === undefined) return true
        const others = (entry.replies?.size ?? 0) - (entry.replies?.has(sequence) === true ? 1 : 0)
        return !entry.exhausted && others < ReplyWindow.table[entry.place.scene].replies
      }),
    texts: (anchor) => Effect.sync(() => new Map(find(anchor)?.texts)),
    begin: (anchor, sequence, text) =>
      Effect.sync(() => {
        const entry = known(anchor)
        const before = entry.replies?.get(sequence) ?? "new"
        if (before === "new") {
          note(entry, sequence, "open")
          noteText(entry, sequence, text)
          touch(entry)
        }
        return before
      }),
    delivered: (anchor, sequence, text) =>
      change(anchor, (entry) => {
        note(entry, sequence, "delivered")
        noteText(entry, sequence, text)
      }),
    refused: (anchor, sequence) =>
      change(anchor, (entry) => {
        entry.replies?.delete(sequence)
        entry.texts?.delete(sequence)
      }),
    stream: (anchor, name) => Effect.sync(() => Option.fromNullable(find(anchor)?.streams?.get(name))),
    noteStream: (anchor, name, stream) => change(anchor, (entry) => noteStream(entry, name, stream)),
    close: (anchor) =>
      change(anchor, (entry) => {
        entry.closed = true
      }),
    exhaust: (anchor) =>
      change(anchor, (entry) => {
        entry.exhausted = true
      })
  }

  const read = (record: typeof StoredEntry.Type, now: number): Entry => {
    // a clock that was set back must not keep windows open for longer than they are
    const at = record.at === undefined ? undefined : Math.min(record.at, now)
    const since = at === undefined ? undefined : Monotonic.unsafeMillis(clock) - (now - at)
    const hash = hashOf(record.id, 0)
    // one that was put on another page may be on both
    const known = findParts(record, hash)
    if (known !== undefined) forget(known)
    const entry = add(record, hash, at, since)
    entry.closed = record.closed === true
    entry.exhausted = record.exhausted === true
    for (const sequence of record.delivered ?? []) note(entry, sequence, "delivered")
    for (const sequence of record.open ?? []) note(entry, sequence, "open")
    for (const [sequence, text] of record.texts ?? []) {
      if (entry.replies?.has(sequence) === true) noteText(entry, sequence, text)
    }
    for (const [name, stream] of record.streams ?? []) noteStream(entry, name, stream)
    return entry
  }

  return {
    shape,
    size,
    changed: dirty.await,
    take: () => {
      dirty.unsafeClose()
      return pages.take()
    },
    putBack: (lost) => {
      pages.putBack(lost)
      dirty.unsafeOpen()
    },
    restore: (stored, whole) => {
      const now = clock.unsafeCurrentTimeMillis()
      const before = whole.map((record) => read(record, now))
      for (const { entries: records, page } of stored) {
        pages.restore(
          page,
          records.map((record) => read(record, now))
        )
      }
      for (const entry of before) if (entry.isKnown) touch(entry)
      // what was replied to late is on a later page than what was received after it
      for (const scene of Object.values(places)) {
        for (const { recent } of scene.values()) recent.sort((a, b) => (a.since ?? 0) - (b.since ?? 0))
      }
    }
  }
}

const shapeOf = (book: Book, flush: Effect.Effect<void>): ReplyLedgerShape => ({
  ...book.shape,
  flush,
  size: Effect.sync(book.size)
})

/** How long sending waits for a store that failed the last time. */
const brokenPatience = Duration.millis(500)

/** The most that a shutdown waits for the ledger to be stored. */
const lastSaveTimeout = Duration.seconds(2)

/** Processes that share the shards of a bot do not share a ledger. Where one runs them all, their number may change. */
const partOf = (shards: BotConfig.Shards): string =>
  typeof shards === "object" ? `${shards.run.join("_")}-${shards.of}` : "0-1"

/**
 * A ledger on a `KeyValueStore`, in pages under the keys `ledger.<appId>.0-1.<0 … 15>`, of which only those are written that
 * have changed; `<index>_<index>-<count>` stands for `0-1` where this process runs some shards of many. A record that
 * cannot be read is moved to its key with `.corrupt` at the end. A store that fails is tried again: for reading some seconds
 * long, then the bot does without; until it can be written a restart forgets.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Partial<Options> = {}
): Effect.Effect<ReplyLedgerShape, never, BotConfig.BotConfig | KeyValueStore.KeyValueStore | Scope.Scope> =>
  Effect.gen(function* () {
    const all = { ...defaults, ...options }
    const { appId, session, shards } = yield* BotConfig.BotConfig
    const store = yield* KeyValueStore.KeyValueStore
    const book = makeBook(all, yield* Effect.clock)
    const key = `ledger.${appId}.${partOf(shards)}`
    // the save of a shutdown may meet the one that runs once a second
    const writing = yield* Effect.makeSemaphore(1)

    const setAside = (from: string, text: string): Effect.Effect<void> =>
      StoredText.write(
        writing.withPermits(1)(Effect.zipRight(store.set(`${from}.corrupt`, text), store.remove(from))),
        StoredText.setAsidePatience
      ).pipe(
        Effect.catchAll((error) => Effect.logWarning("the stored reply ledger could not be set aside", error)),
        Effect.zipRight(Effect.logWarning("a part of the stored reply ledger cannot be used; the bot does without it")),
        Effect.annotateLogs({ setAside: `${from}.corrupt` })
      )

    const read = <A>(from: string, decode: (text: string) => Option.Option<A>): Effect.Effect<Option.Option<A>> =>
      Effect.matchEffect(StoredText.read(store, from, session.storeReadTimeout), {
        onFailure: (error) =>
          Effect.as(
            Effect.logWarning("the reply ledger cannot be read; the bot does without it", error),
            Option.none()
          ),
        onSuccess: (text) => {
          const record = Option.flatMap(text, decode)
          return Option.isSome(text) && Option.isNone(record)
            ? Effect.as(setAside(from, text.value), record)
            : Effect.succeed(record)
        }
      })

    const keyOfPage = (number: number): string => `${key}.${Pages.placeOf(number)}`

    const stored = Effect.forEach(
      Arr.range(0, Pages.count - 1),
      (place) =>
        read(keyOfPage(place), (text) => Option.filter(decodePage(text), ({ page }) => Pages.placeOf(page) === place)),
      { concurrency: "unbounded" }
    )
    // all at once: a store that does not answer is waited for once
    const [pages, whole] = yield* Effect.all([stored, read(key, decodeWhole)], { concurrency: "unbounded" })
    book.restore(
      pages.flatMap(Option.toArray).toSorted((a, b) => a.page - b.page),
      Option.match(whole, { onNone: () => [], onSome: ({ entries }) => entries })
    )

    const write = Effect.suspend(() => {
      const pages = book.take()
      return Effect.forEach(pages, (page) => store.set(keyOfPage(page.number), textOf(page)), { discard: true }).pipe(
        Effect.onError(() => Effect.sync(() => book.putBack(pages)))
      )
    })

    if (Option.isSome(whole)) {
      const moved = writing.withPermits(1)(Effect.zipRight(write, store.remove(key)))
      yield* Effect.catchAll(StoredText.write(moved, StoredText.setAsidePatience), (error) =>
        Effect.logWarning("the stored reply ledger could not be put into pages; that is tried again", error)
      )
    }

    let failing = false
    const saveWithin = (patience: Duration.Duration): Effect.Effect<void> =>
      // one that hangs keeps its turn, so that no other overtakes it, but not its caller
      StoredText.write(writing.withPermits(1)(write), patience).pipe(
        Effect.interruptible,
        Effect.matchEffect({
          onSuccess: () =>
            Effect.sync(() => {
              failing = false
            }),
          onFailure: (error) => {
            const first = !failing
            failing = true
            return first
              ? Effect.logWarning("the reply ledger cannot be stored; it is tried again", error)
              : Effect.void
          }
        })
      )
    const save = saveWithin(all.saveTimeout)
    // what is sent does not wait long, message after message, for a store that is known to be broken
    const flush = Effect.suspend(() => (failing ? saveWithin(Duration.min(all.saveTimeout, brokenPatience)) : save))
    // a shutdown does not wait as long
    yield* Effect.addFinalizer(() => saveWithin(Duration.min(all.saveTimeout, lastSaveTimeout)))
    yield* book.changed.pipe(
      Effect.zipRight(save),
      Effect.zipRight(Effect.sleep(all.saveEvery)),
      Effect.forever,
      Effect.forkScoped
    )
    return shapeOf(book, flush)
  })

/**
 * A ledger that ends with the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: Partial<Options> = {}): Effect.Effect<ReplyLedgerShape> =>
  Effect.map(Effect.clock, (clock) => shapeOf(makeBook({ ...defaults, ...options }, clock), Effect.void))

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
