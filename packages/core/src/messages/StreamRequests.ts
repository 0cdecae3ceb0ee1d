/**
 * The requests of one stream, under growing indexes, each recorded in the ledger before it is made.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Conversation from "../events/Conversation.ts"
import type { Anchor } from "./Anchor.ts"
import * as ConversationPath from "./ConversationPath.ts"
import type { BegunStream } from "./LedgerEntry.ts"
import type { ReplyLedgerShape } from "./ReplyLedger.ts"
import type * as SendError from "./SendError.ts"
import type { Piece } from "./StreamIndex.ts"
import * as StreamIndex from "./StreamIndex.ts"
import type { Accepted, Transmission } from "./Transmission.ts"

/** `input_state` of a piece that others follow, and of the last one. */
const states = { generating: 1, done: 10 } as const

/**
 * What the requests of a stream need.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly transmit: (transmission: Transmission) => Effect.Effect<Accepted, SendError.SendError>
  readonly ledger: ReplyLedgerShape
  readonly anchor: Anchor
  readonly conversation: Conversation.C2C
  readonly format: "text" | "markdown"
  /** The `msg_seq` of all requests. */
  readonly sequence: number
  /** The key of the stream in the ledger; `undefined` for a stream without a name. */
  readonly streamed: number | undefined
  /** The unfinished stream of an earlier run. */
  readonly left?: BegunStream | undefined
  /** Records the reply as delivered; `undefined` if a stream that ends with this text is not the whole reply. */
  readonly recordWhole?: ((content: string) => Effect.Effect<void> | undefined) | undefined
}

/**
 * The outcome of a piece.
 *
 * @since 0.1.0
 * @category models
 */
export interface Shown {
  readonly accepted: Accepted
  /** The text that users see now. */
  readonly content: string
}

const alreadyTaken: Accepted = {
  id: undefined,
  timestamp: undefined,
  reference: undefined,
  attempts: 1,
  deduplicated: true,
  audit: undefined
}

/**
 * Sends pieces.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamRequests {
  readonly index: StreamIndex.StreamIndex
  /** Sends a piece; gives what users see then. What the index has learned outlives a failure. */
  readonly send: (piece: Piece) => Effect.Effect<Shown, SendError.SendError>
}

/**
 * The requests of a stream.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): StreamRequests => {
  const { anchor, conversation, format, ledger, left, sequence, streamed, transmit } = options
  const index = new StreamIndex.StreamIndex(left)

  /** Stores the progress for a run after a crash. */
  const record = (piece: Piece, isClosed: boolean): Effect.Effect<void> =>
    streamed === undefined
      ? Effect.void
      : Effect.zipRight(
          ledger.noteStream(anchor, streamed, {
            sequence,
            format,
            id: index.id,
            index: index.current,
            content: piece.content,
            isLast: piece.isLast,
            isClosed
          }),
          ledger.flush
        )

  const bodyOf = (piece: Piece) => ({
    input_mode: "replace",
    input_state: piece.isLast ? states.done : states.generating,
    index: index.current,
    content_type: format,
    content_raw: piece.content,
    ...(index.id === undefined ? {} : { stream_msg_id: index.id })
  })

  const request = (piece: Piece): Effect.Effect<Accepted, SendError.SendError> =>
    Effect.suspend(() => {
      const isFirst = index.current === 0
      const sending = transmit({
        operation: "stream",
        conversation,
        path: ConversationPath.stream(conversation),
        body: bodyOf(piece),
        again: (error) =>
          Effect.suspend(() => {
            index.learn(error)
            return Effect.as(record(piece, false), bodyOf(piece))
          }),
        anchor,
        sequence,
        // the whole stream is one reply
        records: isFirst ? [{ anchor, sequence }] : [],
        // a duplicate piece was accepted before; a first piece can only be mistaken for that of an earlier run
        isNamed: !isFirst || left !== undefined,
        ignoresWindow: piece.isLast && index.id !== undefined
      })
      // without a record of its beginning a stream could neither be closed nor recalled; later progress may be stored meanwhile
      return Effect.zipRight(record(piece, false), sending, { concurrent: !isFirst })
    })

  const requestUnderNext = (piece: Piece): Effect.Effect<Accepted, SendError.SendError> =>
    Effect.suspend(() => {
      index.advance()
      return request(piece)
    })

  /** After its end a stream takes no index: if one end had no answer, it is the one that was accepted. */
  const endedBefore = (error: SendError.SendError): Effect.Effect<Shown, SendError.SendError> => {
    const content = index.onlyUnansweredEnd
    return content === undefined || index.id === undefined
      ? Effect.fail(error)
      : Effect.succeed({ accepted: alreadyTaken, content })
  }

  const sent = ({ accepted, content }: Shown, piece: Piece): Effect.Effect<void> => {
    const isNamedNow = index.id === undefined
    index.id ??= accepted.id
    // before anything is waited for: a run that is interrupted in between would be followed by one that shows it all again
    const whole = piece.isLast ? options.recordWhole?.(content) : undefined
    const closed = isNamedNow || piece.isLast ? record(piece, piece.isLast) : Effect.void
    const recorded = whole === undefined ? closed : Effect.zipRight(whole, ledger.flush)
    return Effect.ensuring(
      recorded,
      Effect.sync(() => index.advance())
    )
  }

  return {
    index,
    send: (piece) =>
      Effect.suspend(() => {
        index.present(piece)
        return request(piece)
      }).pipe(
        Effect.matchEffect({
          onSuccess: (accepted) =>
            // the answer does not say which of the pieces under this index was accepted
            accepted.deduplicated && index.isContested && index.id !== undefined
              ? requestUnderNext(piece)
              : Effect.succeed(accepted),
          onFailure: (error) =>
            StreamIndex.isUsedIndex(error) && (index.isRepeated || index.isContested) && index.id !== undefined
              ? requestUnderNext(piece)
              : Effect.fail(error)
        }),
        Effect.map((accepted): Shown => ({ accepted, content: piece.content })),
        Effect.catchIf(StreamIndex.isUsedIndex, endedBefore),
        Effect.tapBoth({
          onSuccess: (shown) => sent(shown, piece),
          onFailure: (error) => Effect.sync(() => index.learn(error))
        })
      )
  }
}
