/**
 * The stored form of the reply ledger: pages of records in JSON (version 2), and the single record of all anchors that was
 * stored before there were pages (version 1), which is still read.
 *
 * @since 0.1.0
 */
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scene from "../events/Scene.ts"
import * as StoredRecord from "../internal/StoredRecord.ts"
import type { AnchorEntry } from "./LedgerEntry.ts"
import * as LedgerEntry from "./LedgerEntry.ts"
import type * as Pages from "./Pages.ts"

const Record = Schema.Struct({
  scene: Schema.Literal(...Scene.all),
  target: Schema.String,
  kind: Schema.Literal("msg_id", "event_id"),
  id: Schema.String,
  /** Epoch milliseconds; absent if unknown. */
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

/**
 * One anchor, as stored.
 *
 * @since 0.1.0
 * @category models
 */
export type StoredEntry = typeof Record.Type

const Page = Schema.Struct({ version: Schema.Literal(2), page: Schema.NonNegativeInt, entries: Schema.Array(Record) })

/**
 * One page, as stored.
 *
 * @since 0.1.0
 * @category models
 */
export type StoredPage = typeof Page.Type

/**
 * Reads a page; none if the text is no page.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodePage: (text: string) => Option.Option<StoredPage> = StoredRecord.decodeJson(Page)

const Whole = Schema.Struct({ version: Schema.Literal(1), entries: Schema.Array(Record) })

/**
 * A record of the ledger, as stored: a page, or all anchors in one record of version 1, oldest anchor first.
 *
 * @since 0.1.0
 * @category models
 */
export type Stored = StoredPage | typeof Whole.Type

/**
 * Whether a record is a page.
 *
 * @since 0.1.0
 * @category guards
 */
export const isPage = (stored: Stored): stored is StoredPage => stored.version === 2

/**
 * Reads a record of version 1; none if the text is no such record.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeWhole: (text: string) => Option.Option<typeof Whole.Type> = StoredRecord.decodeJson(Whole)

const toStored = (entry: AnchorEntry): StoredEntry => {
  const { conversation, id, kind, past, receivedAt } = entry
  const open: Array<number> = []
  const delivered: Array<number> = []
  for (const [sequence, state] of LedgerEntry.statesOf(entry)) (state === "open" ? open : delivered).push(sequence)
  const texts = [...LedgerEntry.textsOf(entry)]
  const streams = [...(past?.streams ?? [])]
  return {
    scene: conversation.scene,
    target: conversation.target,
    kind,
    id,
    ...(receivedAt === undefined ? {} : { at: receivedAt }),
    ...(past?.closed === true ? { closed: true as const } : {}),
    ...(past?.exhausted === true ? { exhausted: true as const } : {}),
    ...(open.length === 0 ? {} : { open }),
    ...(delivered.length === 0 ? {} : { delivered }),
    ...(texts.length === 0 ? {} : { texts }),
    ...(streams.length === 0 ? {} : { streams })
  }
}

/**
 * Writes a page.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodePage = (page: Pages.Page<AnchorEntry>): string => {
  const stored: StoredPage = { version: 2, page: page.number, entries: Array.from(page.values, toStored) }
  return JSON.stringify(stored)
}

/**
 * The replies, digests and streams of a stored anchor; `undefined`: it has none.
 *
 * @since 0.1.0
 * @category decoding
 */
export const pastOf = (stored: StoredEntry): LedgerEntry.Past | undefined => {
  const past = LedgerEntry.makePast()
  past.closed = stored.closed === true
  past.exhausted = stored.exhausted === true
  const texts = new Map(stored.texts)
  for (const sequence of stored.delivered ?? []) LedgerEntry.record(past, sequence, "delivered", texts.get(sequence))
  for (const sequence of stored.open ?? []) LedgerEntry.record(past, sequence, "open", texts.get(sequence))
  for (const [name, stream] of stored.streams ?? []) LedgerEntry.recordStream(past, name, stream)
  const hasNone = !past.closed && !past.exhausted && past.replies.size === 0 && past.streams === undefined
  return hasNone ? undefined : past
}
