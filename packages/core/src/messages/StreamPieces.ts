/**
 * The requests of one stream, each under its index.
 *
 * A piece that the platform refused has spent its index, so what follows takes the next one, a retry too. A piece without an
 * answer is repeated under its own index: the platform says whether it has it.
 *
 * Each request carries the whole text so far, which never changes what was shown. So a text that contains a piece of unknown
 * outcome may follow that piece, whatever became of it.
 *
 * A stream that is not finished goes back to its first piece; see {@link Pieces.close}.
 *
 * Source: the page of `stream_messages` of the platform's documentation of 2026; Octop#731 for 40113002.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ErrorCode from "../openapi/ErrorCode.ts"
import type { Anchor } from "./Anchor.ts"
import * as Conversation from "./Conversation.ts"
import type { Receipt } from "./Receipt.ts"
import type { BegunStream, ReplyLedgerShape } from "./ReplyLedger.ts"
import * as SendError from "./SendError.ts"
import type { Accepted, Transmission } from "./Transmission.ts"

/** `input_state` of a piece that others follow, and of the last one. */
const states = { generating: 1, done: 10 } as const

/**
 * One request of a stream, as it has to be repeated.
 *
 * @since 0.1.0
 * @category models
 */
export interface Piece {
  /** All of the text so far. */
  readonly content: string
  readonly isLast: boolean
}

/**
 * A stream as far as the platform has taken it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pieces {
  /**
   * Shows this text. A failure breaks the stream: nothing but its end may follow. An id that the platform did not name breaks
   * it, too.
   */
  readonly send: (piece: Piece) => Effect.Effect<void, SendError.SendError>
  /**
   * Finishes a broken stream with what was shown. Where the platform refuses that, too, users are left with the first piece:
   * the platform takes a stream that is never finished back to it. Fails with `DeliveryUnknown` where it cannot be known which
   * of the two happened.
   */
  readonly close: Effect.Effect<void, SendError.DeliveryUnknown>
  /** For a stream that is given up: a message that is never finished stays visibly incomplete. */
  readonly giveUp: Effect.Effect<void>
  /** For a stream of an earlier run: repeats its last request, which may have come or not, and finishes it. */
  readonly finish: (begun: BegunStream) => Effect.Effect<void, SendError.SendError>
  /** What users see of it. */
  readonly shown: () => string
  /** The platform's name of the message. */
  readonly id: () => string | undefined
  /** Whether users see anything of it. */
  readonly hasBegun: () => boolean
  readonly isBroken: () => boolean
  /** The text of a first piece of unknown outcome. */
  readonly doubtedFirst: () => string | undefined
  readonly receipt: () => Receipt
}

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
  /** Under what the ledger knows the stream; `undefined` for one that has no name. */
  readonly streamed: number | undefined
  /** What an earlier run has left. */
  readonly left?: BegunStream | undefined
}

/** How long a stream that is given up may take to be finished. */
const closingTime = Duration.seconds(5)

/** The index was used before, or the stream is over. Source: Octop#731 [field]. */
const usedIndexCodes: ReadonlySet<number> = new Set([40113002])

/** Answers that come before the endpoint has looked at the request. */
const gate: ReadonlySet<ErrorCode.ErrorClass> = new Set(["auth_fatal", "ip_not_allowed", "token_refresh"])

type Reason = Exclude<SendError.SendError, SendError.MessageInvalid>

/** The error of the last attempt, whatever the attempts before it have made of it. */
const reasonOf = (error: SendError.SendError): SendError.SendError =>
  error._tag === "DeliveryUnknown" && SendError.isSendError(error.cause) ? error.cause : error

const codesOf = ({ code, errCode }: Reason): ReadonlyArray<number> =>
  [errCode, code].filter((value) => value !== undefined)

const isUsedIndex = (error: SendError.SendError): boolean => {
  const reason = reasonOf(error)
  return reason._tag !== "MessageInvalid" && codesOf(reason).some((code) => usedIndexCodes.has(code))
}

/** Whether the endpoint itself has refused the piece, and its index is spent. */
const isRefusal = (error: SendError.SendError): boolean => {
  const reason = reasonOf(error)
  if (reason._tag === "MessageInvalid") return false
  // a code of the token endpoint: the piece was not sent
  if (reason._tag === "PlatformUnavailable" && !isOfEndpoint(reason.cause)) return false
  const codes = codesOf(reason)
  return codes.length > 0 && !codes.some((code) => gate.has(ErrorCode.lookup(code)?.class ?? "ok"))
}

const isOfEndpoint = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "_tag" in cause && cause._tag === "ApiError"

const hasNoAnswer = (error: SendError.SendError): boolean =>
  reasonOf(error)._tag === "DeliveryUnknown" && !isRefusal(error)

/** The texts with which a broken stream may be finished, the likelier one first. */
const closings = (shown: string, doubted: Doubted | undefined): ReadonlyArray<string> => {
  if (doubted === undefined || doubted.content === shown) return [shown]
  return doubted.hadNoAnswer ? [doubted.content, shown] : [shown, doubted.content]
}

/** A piece that may have been taken. */
interface Doubted {
  readonly content: string
  /** Whether an attempt had no answer at all, rather than an error that says nothing for certain. */
  readonly hadNoAnswer: boolean
}

/** Requests under growing indexes. */
const makePlaces = ({ anchor, conversation, format, ledger, left, sequence, streamed, transmit }: Options) => {
  let index = left?.index ?? 0
  let id: string | undefined = left?.id
  let last: Piece | undefined = left
  /** Whether an attempt of the last piece had no answer under this index. */
  let isRepeated = left !== undefined
  /** Whether an attempt of a piece before it had none. */
  let isContested = false
  /** The texts of ends that had no answer. */
  const doubtedEnds = new Set<string>(left?.isLast === true ? [left.content] : [])

  /** Stores how far it is, for the run after a crash. */
  const note = (piece: Piece, isClosed: boolean): Effect.Effect<void> =>
    streamed === undefined
      ? Effect.void
      : Effect.zipRight(
          ledger.noteStream(anchor, streamed, {
            sequence,
            format,
            id,
            index,
            content: piece.content,
            isLast: piece.isLast,
            isClosed
          }),
          ledger.flush
        )

  const advance = (): void => {
    index++
    isRepeated = false
    isContested = false
  }

  const doubt = (): void => {
    isRepeated = true
    if (last?.isLast === true) doubtedEnds.add(last.content)
  }

  const learn = (error: SendError.SendError): void => {
    // without an id there is no stream yet that could count
    if (isRefusal(error)) {
      if (id !== undefined) advance()
    } else if (hasNoAnswer(error)) doubt()
  }

  const request = (piece: Piece): Effect.Effect<Accepted, SendError.SendError> =>
    Effect.suspend(() => {
      const bodyOf = () => ({
        input_mode: "replace",
        input_state: piece.isLast ? states.done : states.generating,
        index,
        content_type: format,
        content_raw: piece.content,
        ...(id === undefined ? {} : { stream_msg_id: id })
      })
      const sending = transmit({
        operation: "stream",
        conversation,
        path: Conversation.streamPath(conversation),
        body: bodyOf(),
        again: (error) =>
          Effect.suspend(() => {
            learn(error)
            return Effect.as(note(piece, false), bodyOf())
          }),
        anchor,
        sequence,
        // the whole stream is one reply
        records: index === 0 ? [{ anchor, sequence }] : [],
        // a piece that came already was taken; a first piece has no other piece to be taken for, but that of an earlier run
        isNamed: index > 0 || left !== undefined,
        ignoresWindow: piece.isLast && id !== undefined
      })
      // without its beginning a stream could be neither closed nor recalled; how far it is may be stored meanwhile
      return Effect.zipRight(note(piece, false), sending, { concurrent: index > 0 })
    })

  /** Under the next index. */
  const further = (piece: Piece): Effect.Effect<Accepted, SendError.SendError> =>
    Effect.suspend(() => {
      advance()
      return request(piece)
    })

  /** Sends a piece; says what is shown then. What it learns of the index outlives a failure. */
  const place = (piece: Piece): Effect.Effect<Placed, SendError.SendError> =>
    Effect.suspend(() => {
      if (last?.content !== piece.content || last.isLast !== piece.isLast) {
        isContested ||= isRepeated
        isRepeated = false
      }
      last = piece
      return request(piece)
    }).pipe(
      Effect.matchEffect({
        onSuccess: (accepted) =>
          // which of the pieces under this index came already is not said
          accepted.deduplicated && isContested && id !== undefined ? further(piece) : Effect.succeed(accepted),
        onFailure: (error) =>
          isUsedIndex(error) && (isRepeated || isContested) && id !== undefined ? further(piece) : Effect.fail(error)
      }),
      Effect.map((accepted): Placed => ({ accepted, content: piece.content })),
      Effect.catchIf(isUsedIndex, (error) => {
        // after its end a stream takes no index; which one of several it was is not said
        const [content, ...others] = doubtedEnds
        return content === undefined || others.length > 0 || id === undefined
          ? Effect.fail(error)
          : Effect.succeed<Placed>({ accepted: taken, content })
      }),
      Effect.tapBoth({
        onSuccess: ({ accepted }) => {
          const wasUnnamed = id === undefined
          id ??= accepted.id
          const noted = wasUnnamed || piece.isLast ? note(piece, piece.isLast) : Effect.void
          return Effect.ensuring(noted, Effect.sync(advance))
        },
        onFailure: (error) => Effect.sync(() => learn(error))
      })
    )

  return {
    place,
    id: () => id,
    /** Whether the last piece may have been taken under the present index. */
    hadNoAnswer: () => isRepeated,
    isEndDoubted: () => doubtedEnds.size > 0,
    /** After a request that was cut off. */
    doubt
  }
}

/** What became of a piece. */
interface Placed {
  readonly accepted: Accepted
  /** What is shown now. */
  readonly content: string
}

const taken: Accepted = {
  id: undefined,
  timestamp: undefined,
  reference: undefined,
  attempts: 1,
  deduplicated: true,
  audit: undefined
}

/**
 * The requests of one stream.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Pieces => {
  const places = makePlaces(options)
  let shown = ""
  let first: { readonly content: string; readonly accepted: Accepted } | undefined
  let pending: Piece | undefined
  let doubted: Doubted | undefined
  let isFinished = options.left?.isClosed === true
  let isBroken = false
  /** Whether what users see of it is decided. */
  let isSettled = false

  const send = (piece: Piece): Effect.Effect<void, SendError.SendError> =>
    Effect.suspend(() => {
      pending = piece
      return places.place(piece)
    }).pipe(
      Effect.matchEffect({
        onSuccess: ({ accepted, content }) =>
          Effect.sync(() => {
            pending = undefined
            doubted = undefined
            shown = content
            first ??= { content: piece.content, accepted }
            isFinished = piece.isLast
            // without an id there is nothing to go on with
            isBroken = isBroken || (places.id() === undefined && !isFinished)
          }),
        onFailure: (error) =>
          Effect.suspend(() => {
            pending = undefined
            isBroken = true
            // what an end leaves open is for `close` to say
            if (error._tag === "DeliveryUnknown" && doubted === undefined) {
              doubted = { content: piece.content, hadNoAnswer: places.hadNoAnswer() }
            }
            return Effect.fail(error)
          })
      })
    )

  /** With the first of these texts that is taken; with the others not before it is known that the first one was not. */
  const finishWith = (
    [content, ...others]: ReadonlyArray<string>,
    isRepeated: boolean
  ): Effect.Effect<void, SendError.SendError> =>
    content === undefined
      ? Effect.void
      : Effect.catchAll(send({ content, isLast: true }), (error) =>
          // only a text that the platform does not take may be another one than what was shown
          reasonOf(error)._tag === "MessageRejected" && others.length > 0 && (isRepeated || !places.isEndDoubted())
            ? finishWith(others, isRepeated)
            : Effect.fail(error)
        )

  const close: Pieces["close"] = Effect.suspend(() => {
    isBroken = true
    if (places.id() === undefined || isFinished) return Effect.void
    const finishing = Effect.suspend(() => finishWith(closings(shown, doubted), places.isEndDoubted()))
    return finishing.pipe(
      // whether an end was taken can only be found out by repeating it
      Effect.retry({ times: 1, while: places.isEndDoubted }),
      Effect.catchAll((error) =>
        Effect.suspend(() => {
          isSettled = true
          if (places.isEndDoubted()) return Effect.fail(SendError.afterUnknown(error))
          shown = first?.content ?? shown
          return Effect.logWarning("a stream could not be finished; users are left with its first piece", error)
        })
      )
    )
  })

  /** The last request, where it was cut off: whether it was taken can only be found out by repeating it. */
  const settlePending = Effect.suspend(() => {
    const last = pending
    if (last === undefined) return Effect.void
    places.doubt()
    return Effect.catchAll(send(last), (error) => Effect.logDebug("a piece of a stream was not taken", error))
  })

  const giveUp = Effect.suspend(() =>
    places.id() === undefined || isFinished || isSettled ? Effect.void : Effect.zipRight(settlePending, close)
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
          send({ content, isLast: isLast || places.id() === undefined }),
          Effect.suspend(() => (isFinished || isBroken ? Effect.void : send({ content, isLast: true })))
        )

  return {
    send,
    close,
    giveUp,
    finish,
    shown: () => shown,
    id: places.id,
    hasBegun: () => first !== undefined,
    isBroken: () => isBroken,
    doubtedFirst: () => (first === undefined ? doubted?.content : undefined),
    receipt: (): Receipt => ({
      id: places.id(),
      timestamp: first?.accepted.timestamp,
      reference: first?.accepted.reference,
      conversation: options.conversation,
      via: "passive",
      attempts: first?.accepted.attempts ?? 0,
      deduplicated: false,
      audit: first?.accepted.audit,
      fallbacks: [],
      parts: []
    })
  }
}
