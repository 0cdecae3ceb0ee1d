/**
 * A streamed message, piece by piece: what users see of it, and how it is finished after a failure.
 *
 * Each request carries the whole text so far, which never changes what was shown. So a text that contains a piece of unknown
 * outcome may follow that piece, whether it was accepted or not.
 *
 * The platform takes a stream that is not finished back to its first piece; see {@link Pieces.close}.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { BegunStream } from "./LedgerEntry.ts"
import type { Receipt } from "./Receipt.ts"
import * as SendError from "./SendError.ts"
import type { Piece } from "./StreamIndex.ts"
import * as StreamIndex from "./StreamIndex.ts"
import * as StreamRequests from "./StreamRequests.ts"
import type { Accepted } from "./Transmission.ts"

/**
 * One streamed message.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pieces {
  /**
   * Shows this text. A failure breaks the stream: only its end may follow. So does a first answer without an id.
   */
  readonly send: (piece: Piece) => Effect.Effect<void, SendError.SendError>
  /**
   * Finishes a broken stream with what was shown. If the platform refuses that too, users are left with the first piece.
   * Fails with `DeliveryUnknown` if it is unknown which of the two happened.
   */
  readonly close: Effect.Effect<void, SendError.DeliveryUnknown>
  /** Finishes an abandoned stream, because a message that is never finished stays visibly incomplete. */
  readonly giveUp: Effect.Effect<void>
  /** Finishes a stream of an earlier run: repeats its last request, which may have been accepted, and ends it. */
  readonly finish: (begun: BegunStream) => Effect.Effect<void, SendError.SendError>
  /** The text that users see. */
  readonly shown: () => string
  /** The platform's id of the message. */
  readonly id: () => string | undefined
  /** Whether users see any of it. */
  readonly hasBegun: () => boolean
  readonly isBroken: () => boolean
  /** The text of a first piece of unknown outcome. */
  readonly doubtedFirst: () => string | undefined
  readonly receipt: () => Receipt
}

/** How long finishing an abandoned stream may take. */
const closingTime = Duration.seconds(5)

/** A piece that may have been accepted. */
interface Doubted {
  readonly content: string
  /** Whether an attempt had no answer at all, rather than an error of unknown outcome. */
  readonly hadNoAnswer: boolean
}

/** What users see of a stream, and whether it can go on. */
class Progress {
  shown = ""
  first: { readonly content: string; readonly accepted: Accepted } | undefined
  /** The piece of the request in flight. */
  pending: Piece | undefined
  doubted: Doubted | undefined
  isFinished: boolean
  isBroken = false
  /** Whether `close` has decided what users see. */
  isSettled = false

  constructor(left: BegunStream | undefined) {
    this.isFinished = left?.isClosed === true
  }

  /** A piece was accepted. Without an id no further piece can be sent. */
  accepted(piece: Piece, { accepted, content }: StreamRequests.Shown, id: string | undefined): void {
    this.pending = undefined
    this.doubted = undefined
    this.shown = content
    this.first ??= { content: piece.content, accepted }
    this.isFinished = piece.isLast
    this.isBroken ||= id === undefined && !this.isFinished
  }

  /** A piece failed. The first one of unknown outcome is kept, for the end; the outcome of an end is decided by `close`. */
  failed(piece: Piece, error: SendError.SendError, hadNoAnswer: boolean): void {
    this.pending = undefined
    this.isBroken = true
    if (error._tag === "DeliveryUnknown") this.doubted ??= { content: piece.content, hadNoAnswer }
  }

  /** The texts with which a broken stream can be finished, the more likely one first. */
  closings(): ReadonlyArray<string> {
    const { doubted, shown } = this
    if (doubted === undefined || doubted.content === shown) return [shown]
    return doubted.hadNoAnswer ? [doubted.content, shown] : [shown, doubted.content]
  }

  receipt(id: string | undefined, conversation: Receipt["conversation"]): Receipt {
    const accepted = this.first?.accepted
    return {
      id,
      timestamp: accepted?.timestamp,
      reference: accepted?.reference,
      conversation,
      via: "passive",
      attempts: accepted?.attempts ?? 0,
      deduplicated: false,
      audit: accepted?.audit,
      fallbacks: [],
      parts: []
    }
  }
}

/**
 * A streamed message that is not begun, or that of an earlier run.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: StreamRequests.Options): Pieces => {
  const requests = StreamRequests.make(options)
  const { index } = requests
  const progress = new Progress(options.left)

  const send = (piece: Piece): Effect.Effect<void, SendError.SendError> =>
    Effect.suspend(() => {
      progress.pending = piece
      return requests.send(piece)
    }).pipe(
      Effect.matchEffect({
        onSuccess: (shown) => Effect.sync(() => progress.accepted(piece, shown, index.id)),
        onFailure: (error) =>
          Effect.suspend(() => {
            progress.failed(piece, error, index.isRepeated)
            return Effect.fail(error)
          })
      })
    )

  /** Finishes with the first of these texts that is accepted; tries another only once the one before it is known to be refused. */
  const finishWith = (
    [content, ...others]: ReadonlyArray<string>,
    isRepeated: boolean
  ): Effect.Effect<void, SendError.SendError> =>
    content === undefined
      ? Effect.void
      : Effect.catchAll(send({ content, isLast: true }), (error) =>
          // a rejected text is not what was shown; any other error leaves that open
          StreamIndex.reasonOf(error)._tag === "MessageRejected" &&
          others.length > 0 &&
          (isRepeated || !index.isEndDoubted)
            ? finishWith(others, isRepeated)
            : Effect.fail(error)
        )

  const close: Pieces["close"] = Effect.suspend(() => {
    progress.isBroken = true
    if (index.id === undefined || progress.isFinished) return Effect.void
    const finishing = Effect.suspend(() => finishWith(progress.closings(), index.isEndDoubted))
    return finishing.pipe(
      // whether an end was accepted can only be found out by repeating it
      Effect.retry({ times: 1, while: () => index.isEndDoubted }),
      Effect.catchAll((error) =>
        Effect.suspend(() => {
          progress.isSettled = true
          if (index.isEndDoubted) return Effect.fail(SendError.afterUnknown(error))
          progress.shown = progress.first?.content ?? progress.shown
          return Effect.logWarning("a stream could not be finished; users are left with its first piece", error)
        })
      )
    )
  })

  /** Repeats the last request if it was interrupted, to find out whether it was accepted. */
  const settlePending = Effect.suspend(() => {
    const last = progress.pending
    if (last === undefined) return Effect.void
    index.doubt()
    return Effect.catchAll(send(last), (error) => Effect.logDebug("a piece of a stream was not accepted", error))
  })

  const giveUp = Effect.suspend(() =>
    index.id === undefined || progress.isFinished || progress.isSettled
      ? Effect.void
      : Effect.zipRight(settlePending, close)
  ).pipe(
    Effect.interruptible,
    Effect.timeoutOption(closingTime),
    Effect.catchAll((error) => Effect.logWarning("a stream could not be finished", error)),
    Effect.asVoid
  )

  const finish: Pieces["finish"] = ({ content, isClosed, isLast }) =>
    isClosed
      ? Effect.void
      : Effect.zipRight(
          send({ content, isLast: isLast || index.id === undefined }),
          Effect.suspend(() =>
            progress.isFinished || progress.isBroken ? Effect.void : send({ content, isLast: true })
          )
        )

  return {
    send,
    close,
    giveUp,
    finish,
    shown: () => progress.shown,
    id: () => index.id,
    hasBegun: () => progress.first !== undefined,
    isBroken: () => progress.isBroken,
    doubtedFirst: () => (progress.first === undefined ? progress.doubted?.content : undefined),
    receipt: () => progress.receipt(index.id, options.conversation)
  }
}
