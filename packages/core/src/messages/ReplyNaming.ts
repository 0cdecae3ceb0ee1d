/**
 * Which reply a message is: its name, whether the name was used for another text before, and what an earlier run of the
 * same handler has sent under it. A retried handler and a restarted process find their replies by it.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Event from "../events/Event.ts"
import type * as HandlerRun from "../events/HandlerRun.ts"
import * as Anchor from "./Anchor.ts"
import * as MessageParts from "./MessageParts.ts"
import * as MessageSequence from "./MessageSequence.ts"

/**
 * What an earlier run has sent of a reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface EarlierReply {
  /** The number of the last part sent; 0 if the reply was sent whole. */
  readonly part: number
  /** The variant of the whole message, or of the one that was cut into parts. */
  readonly variant: number
  /** The variants of the parts, by part number. */
  readonly variants: ReadonlyMap<number, number>
  /** How the parts were cut, by part number. */
  readonly stored: ReadonlyMap<number, MessageParts.Stored>
}

/**
 * The name of a reply in this run of a handler; `undefined` for one that is made outside of a handler and without a key, which only its time
 * identifies. If a handler replies to something else than its event, the event becomes part of the name, because handlers
 * of other events may reply to the same anchor.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (
  anchor: Anchor.Anchor,
  key: string | undefined,
  run: Option.Option<HandlerRun.HandlerRun>
): MessageSequence.ReplyKey | undefined => {
  if (Option.isNone(run)) return key === undefined ? undefined : { handler: "", key }
  const { event, handler, nextReply } = run.value
  const isOwn = Anchor.partsOfDispatch(event.envelope)?.id === anchor.id
  const cause = isOwn ? "" : `\u0000${Event.identityKey(event.envelope) ?? ""}`
  return { handler: handler + cause, key: key ?? nextReply() }
}

/**
 * The name under which a text is sent. A name belongs to the text that was sent under it first: if that was another text,
 * as when a retried handler begins with a different reply, the digest becomes part of the name, so that the same text gets
 * the same name again.
 *
 * @since 0.1.0
 * @category conversions
 */
export const distinct = (
  name: MessageSequence.ReplyKey,
  digest: string,
  texts: ReadonlyMap<number, string>
): MessageSequence.ReplyKey => {
  for (const [sequence, stored] of texts) {
    if (MessageParts.digestOf(stored) !== digest && MessageSequence.withinReply(sequence, name) !== undefined) {
      return { handler: name.handler, key: `${typeof name.key} ${name.key}\u0000${digest}` }
    }
  }
  return name
}

/**
 * What an earlier run has sent under this name, by the ledger's replies and texts of the anchor; `undefined` if nothing.
 *
 * @since 0.1.0
 * @category lookups
 */
export const earlier = (
  name: MessageSequence.ReplyKey,
  digest: string,
  replies: ReadonlyMap<number, unknown>,
  texts: ReadonlyMap<number, string>
): EarlierReply | undefined => {
  const variants = new Map<number, number>()
  const stored = new Map<number, MessageParts.Stored>()
  for (const sequence of replies.keys()) {
    const found = MessageSequence.withinReply(sequence, name)
    if (found === undefined) continue
    variants.set(found.part, found.variant)
    const cut = MessageParts.decode(texts.get(sequence) ?? "")
    if (cut !== undefined && cut.digest === digest) stored.set(found.part, cut)
  }
  if (variants.size === 0) return undefined
  const part = Math.max(...variants.keys())
  return { part, variant: stored.get(part)?.variant ?? variants.get(part) ?? 0, variants, stored }
}
