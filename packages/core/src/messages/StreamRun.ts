/**
 * One run of a streamed reply: follows the source, shows what it has written at intervals, and ends the message. If the stream
 * breaks, users get what they have not seen as an ordinary message.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Conversation from "../events/Conversation.ts"
import type { Anchor } from "./Anchor.ts"
import * as ConversationPath from "./ConversationPath.ts"
import * as Mentions from "./Mentions.ts"
import * as Message from "./Message.ts"
import type { ReplyKey } from "./MessageSequence.ts"
import type { Receipt } from "./Receipt.ts"
import type { ReplyLedgerShape } from "./ReplyLedger.ts"
import type * as SendError from "./SendError.ts"
import * as StreamPieces from "./StreamPieces.ts"
import type * as StreamRequests from "./StreamRequests.ts"
import type { BegunStream } from "./LedgerEntry.ts"
import * as TextDigest from "./TextDigest.ts"
import type { Accepted, Transmission } from "./Transmission.ts"

/**
 * What streaming needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Services {
  readonly transmit: (transmission: Transmission) => Effect.Effect<Accepted, SendError.SendError>
  readonly ledger: ReplyLedgerShape
  readonly sequence: Effect.Effect<number>
  /** Goes on once the session does not reconnect. */
  readonly held: <A, E, R>(
    conversation: Conversation.Conversation,
    next: () => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
  /** `whole` is the message of which this is the rest, after a part of it was streamed. */
  readonly reply: (
    anchor: Anchor,
    message: Message.Message,
    name: ReplyKey | undefined,
    whole?: Message.Message
  ) => Effect.Effect<Receipt, SendError.SendError>
  readonly recall: (
    conversation: Conversation.Conversation,
    id: string
  ) => Effect.Effect<void, SendError.SendError | SendError.RecallExpired>
}

/**
 * A reply that is streamed.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamedReply {
  readonly anchor: Anchor
  readonly name: ReplyKey | undefined
  /** The key of the stream in the ledger; `undefined` for a stream without a name. */
  readonly streamed: number | undefined
  readonly format: "text" | "markdown"
  /** The interval between two requests. */
  readonly every: Duration.Duration
  /** Whether its author has failed by now. */
  readonly hasFailed: () => boolean
}

/**
 * The least interval between two requests of a stream: 300 ms.
 *
 * Source: qqbot-nodejs [sdk].
 *
 * @since 0.1.0
 * @category constants
 */
export const leastInterval: Duration.Duration = Duration.millis(300)

/** The part of a text that can be sent before the rest is known: no half of a surrogate pair. */
const sendable = (text: string): string => (/[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text)

const messageOf = ({ format }: StreamedReply, content: string): Message.Message =>
  format === "markdown" ? Message.markdown(content) : Message.text(content)

/**
 * The digest of the whole text.
 *
 * @since 0.1.0
 * @category lookups
 */
export const digestOf = (reply: StreamedReply, content: string): string =>
  TextDigest.of(messageOf(reply, content), "c2c")

/** Stores what users see of a stream: a later run has to know which text the ordinary messages are the rest of. */
const noteShown = (
  { ledger }: Services,
  { anchor, streamed }: StreamedReply,
  shown: Pick<BegunStream, "sequence" | "format" | "id" | "content">
): Effect.Effect<void> =>
  streamed === undefined
    ? Effect.void
    : Effect.zipRight(
        ledger.noteStream(anchor, streamed, { ...shown, index: 0, isLast: true, isClosed: true }),
        ledger.flush
      )

/**
 * Sends text as an ordinary reply; `whole` is the text of which it is the rest.
 *
 * @since 0.1.0
 * @category sending
 */
export const plainly = (
  services: Services,
  reply: StreamedReply,
  content: string,
  whole = content
): Effect.Effect<Receipt, SendError.SendError> =>
  services.reply(reply.anchor, messageOf(reply, content), reply.name, messageOf(reply, whole))

/**
 * The pieces of a stream: a new one with this `msg_seq`, or one that an earlier run has left.
 *
 * @since 0.1.0
 * @category constructors
 */
export const piecesOf = (
  { ledger, transmit }: Services,
  { anchor, format, streamed }: StreamedReply,
  conversation: Conversation.C2C,
  sequence: number,
  more: Pick<StreamRequests.Options, "left" | "recordWhole"> = {}
): StreamPieces.Pieces =>
  StreamPieces.make({
    transmit,
    ledger,
    anchor,
    conversation,
    format: more.left?.format ?? format,
    sequence,
    streamed,
    ...more
  })

/**
 * Sends the first piece as an ordinary message with the `msg_seq` of the stream, after its outcome stayed unknown: users see it
 * once, whichever of the two was accepted.
 */
const settleFirst = (
  services: Services,
  anchor: Anchor,
  conversation: Conversation.C2C,
  sequence: number,
  message: Message.Message
): Effect.Effect<Receipt, SendError.SendError> =>
  Effect.map(
    services.transmit({
      operation: "send",
      conversation,
      path: ConversationPath.messages(conversation),
      body: Message.toBody(message, "c2c"),
      anchor,
      sequence,
      records: [{ anchor, sequence }],
      isNamed: true
    }),
    ({ attempts, audit, deduplicated, id, reference, timestamp }): Receipt => ({
      id,
      timestamp,
      reference,
      conversation,
      via: "passive",
      attempts,
      deduplicated,
      audit,
      fallbacks: [],
      parts: []
    })
  )

/** From now on the reply is recorded under its name, which an earlier or later run has too. */
const recordNamed = (
  { ledger }: Services,
  reply: StreamedReply,
  sequence: number,
  total: string
): Effect.Effect<void> => {
  const { anchor, streamed } = reply
  // of one that was cut short another run may say more
  return streamed === undefined || reply.hasFailed()
    ? Effect.void
    : Effect.all(
        [
          ledger.refused(anchor, sequence),
          ledger.delivered(anchor, streamed, digestOf(reply, total)),
          ledger.noteStream(anchor, streamed, undefined)
        ],
        { discard: true }
      )
}

/** Sends what users have not seen as an ordinary message. */
const sendRest = (
  services: Services,
  reply: StreamedReply,
  conversation: Conversation.C2C,
  sequence: number,
  pieces: StreamPieces.Pieces,
  total: string
): Effect.Effect<Receipt, SendError.SendError> =>
  Effect.gen(function* () {
    const { anchor } = reply
    const doubted = pieces.doubtedFirst()
    if (doubted === undefined && !pieces.hasBegun()) return yield* plainly(services, reply, total)
    const first =
      doubted === undefined
        ? pieces.receipt()
        : yield* settleFirst(services, anchor, conversation, sequence, messageOf(reply, doubted))
    const missing = total.slice((doubted ?? pieces.shown()).length)
    if (missing.trim() !== "") {
      const content = doubted ?? pieces.shown()
      yield* noteShown(services, reply, { sequence, format: reply.format, id: pieces.id(), content })
      const plain = yield* plainly(services, reply, missing, total)
      return { ...first, parts: [first, plain] }
    }
    yield* recordNamed(services, reply, sequence, total)
    return first
  })

/**
 * Streams a reply.
 *
 * @since 0.1.0
 * @category sending
 */
export const run = <E, R>(
  services: Services,
  reply: StreamedReply,
  conversation: Conversation.C2C,
  text: Stream.Stream<string, E, R>
): Effect.Effect<Receipt, SendError.SendError | E, R> =>
  Effect.gen(function* () {
    const { anchor, every, streamed } = reply
    const sequence = yield* services.sequence
    let total = ""
    let isComplete = false
    const recordWhole = (content: string): Effect.Effect<void> | undefined =>
      isComplete && content === total && !reply.hasFailed() ? recordNamed(services, reply, sequence, total) : undefined
    const pieces = piecesOf(services, reply, conversation, sequence, { recordWhole })

    const broken = (error: SendError.SendError): Effect.Effect<void, SendError.SendError> =>
      Effect.zipRight(
        Effect.logInfo(`${error.message}; finishing the stream and sending the rest as an ordinary message`),
        pieces.close
      )

    const show = (isLast: boolean): Effect.Effect<void, SendError.SendError> =>
      Effect.suspend(() => Effect.catchAll(pieces.send({ content: isLast ? total : sendable(total), isLast }), broken))

    const follow = (source: Fiber.RuntimeFiber<void, E>) =>
      Effect.gen(function* () {
        for (;;) {
          const exit = yield* Effect.timeoutOption(Fiber.await(source), every)
          if (Option.isSome(exit)) return yield* exit.value
          if (sendable(total) !== pieces.shown() && !pieces.isBroken()) yield* show(false)
        }
      })

    yield* Effect.acquireUseRelease(
      Effect.interruptible(
        Effect.fork(
          Stream.runForEach(Mentions.renderPieces(text, "c2c"), (piece) =>
            Effect.sync(() => {
              total += piece
            })
          )
        )
      ),
      follow,
      Fiber.interrupt
    ).pipe(Effect.onExit((exit) => (Exit.isFailure(exit) ? pieces.giveUp : Effect.void)))

    isComplete = true
    if (!pieces.isBroken() && total !== "") {
      yield* Effect.sleep(pieces.hasBegun() ? leastInterval : 0).pipe(
        Effect.zipRight(show(true)),
        Effect.onInterrupt(() => pieces.giveUp)
      )
      if (!pieces.isBroken()) return pieces.receipt()
    }
    const receipt = yield* sendRest(services, reply, conversation, sequence, pieces, total)
    if (streamed !== undefined) yield* services.ledger.noteStream(anchor, streamed, undefined)
    return receipt
  })
