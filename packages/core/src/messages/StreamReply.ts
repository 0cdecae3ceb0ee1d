/**
 * A reply that grows while it is written: an Effect `Stream` of text becomes one streamed message.
 *
 * Each request carries the whole text so far, which never changes what was shown, so a request may safely be repeated.
 *
 * The beginning of a stream is stored before it is sent. A run of the handler that finds what an earlier one has left closes
 * it (`input_state` 10) and recalls it, within the two minutes that the platform allows, and then answers.
 *
 * Source: the page of `stream_messages` of the platform's documentation of 2026; LangBot#2454 for what happens to those who
 * rewrite shown text, openclaw-qqbot#252 for streams that were left unfinished.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Anchor } from "./Anchor.ts"
import * as Conversation from "./Conversation.ts"
import * as Message from "./Message.ts"
import * as MessageSequence from "./MessageSequence.ts"
import type { Receipt } from "./Receipt.ts"
import type { BegunStream, ReplyLedgerShape } from "./ReplyLedger.ts"
import type * as SendError from "./SendError.ts"
import * as Mentions from "./Mentions.ts"
import * as StreamPieces from "./StreamPieces.ts"
import * as StreamSource from "./StreamSource.ts"
import * as TextDigest from "./TextDigest.ts"
import type { Accepted, Transmission } from "./Transmission.ts"

/**
 * How one reply is streamed.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions {
  /** As that of a reply. */
  readonly key?: string | undefined
  /** Default `text`. */
  readonly format?: "text" | "markdown" | undefined
  /** The least time between two requests. Default 500 ms; 300 ms at least. */
  readonly every?: Duration.DurationInput | undefined
  /**
   * Said at once where users do not see the text grow, as in groups, if the message has another reply left for the text
   * itself. Default: nothing is.
   */
  readonly thinking?: string | undefined
  /**
   * Said behind the text where its stream fails: what was said so far stays. An empty one is said only where there is no text.
   * Default: `(the answer was cut short)`.
   */
  readonly ending?: string | undefined
}

type Name = Pick<MessageSequence.ReplyName, "handler" | "key"> | undefined

/**
 * What streaming needs of sending.
 *
 * @internal
 */
export interface Services {
  readonly transmit: (transmission: Transmission) => Effect.Effect<Accepted, SendError.SendError>
  readonly ledger: ReplyLedgerShape
  readonly sequence: Effect.Effect<number>
  readonly name: (anchor: Anchor, options: { readonly key?: string | undefined } | undefined) => Effect.Effect<Name>
  readonly hold: (conversation: Conversation.Conversation) => Effect.Effect<void>
  /** `whole` is the message of which this is the rest, after a part of it was streamed. */
  readonly reply: (
    anchor: Anchor,
    message: Message.Message,
    name: Name,
    whole?: Message.Message
  ) => Effect.Effect<Receipt, SendError.SendError>
  readonly recall: (
    conversation: Conversation.Conversation,
    id: string
  ) => Effect.Effect<void, SendError.SendError | SendError.RecallExpired>
}

/**
 * The least time between two requests of a stream: 300 ms.
 *
 * Source: qqbot-nodejs [sdk].
 *
 * @since 0.1.0
 * @category constants
 */
export const leastInterval: Duration.Duration = Duration.millis(300)

const defaultInterval = Duration.millis(500)

/** How long a stream of an earlier run may take to be finished, and then to be recalled. */
const closingTime = Duration.seconds(5)

/** The `msg_seq` under which the ledger knows a stream that was shown to its end; the platform never sees it. */
const streamedAs = (name: NonNullable<Name>): number =>
  MessageSequence.forReply({
    handler: name.handler,
    key: `\u0000stream ${typeof name.key} ${name.key}`,
    part: 0,
    variant: 0
  })

/** What can be sent of a text that is not whole yet: no half of a character. */
const sendable = (text: string): string => (/[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text)

/** For a stream of an earlier run: finishes it, unless it is, and takes it back while the platform allows that. */
const withdraw = (
  services: Services,
  pieces: StreamPieces.Pieces,
  conversation: Conversation.C2C,
  begun: BegunStream
) => {
  const recall = Effect.suspend(() => {
    const id = pieces.id()
    return id === undefined
      ? Effect.logWarning("a streamed reply of an earlier run cannot be recalled: the platform did not name it")
      : services.recall(conversation, id)
  })
  return pieces.finish(begun).pipe(
    Effect.timeoutOption(closingTime),
    Effect.catchAll((error) => Effect.logWarning("a streamed reply of an earlier run could not be closed", error)),
    Effect.zipRight(Effect.timeoutOption(recall, closingTime)),
    Effect.catchAll((error) => Effect.logInfo("a streamed reply of an earlier run stays: it was not recalled", error)),
    Effect.asVoid
  )
}

/**
 * The first piece as an ordinary message under the number of the stream, after its outcome stayed unknown: whether it was taken
 * then or is now, users see it once. Answers with the message.
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
      path: Conversation.messagesPath(conversation),
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

/**
 * Replies that grow, by these services.
 *
 * @internal
 */
export const make =
  (services: Services) =>
  <E, R>(
    anchor: Anchor,
    text: Stream.Stream<string, E, R>,
    options: StreamOptions | undefined
  ): Effect.Effect<Receipt, SendError.SendError | E, R> =>
    Effect.suspend(() => {
      const source = StreamSource.make(text, options?.ending)
      return source.orItsFailure(grow(services, anchor, source, options))
    })

/** Says that an answer is on its way, where there is another reply left for the answer itself. */
const announce = (services: Services, anchor: Anchor, name: Name, message: Message.Message): Effect.Effect<void> =>
  Effect.flatMap(services.ledger.standing(anchor), ({ isClosed, repliesLeft }) =>
    isClosed || repliesLeft < 2
      ? Effect.void
      : Effect.catchAll(
          Effect.asVoid(
            services.reply(
              anchor,
              message,
              name === undefined ? undefined : { ...name, key: `${typeof name.key} ${name.key}\u0000thinking` }
            )
          ),
          (error) => Effect.logWarning("what is said before a streamed reply was not sent", error)
        )
  )

/** The reply as it grows. */
const grow = <R>(
  services: Services,
  anchor: Anchor,
  source: StreamSource.StreamSource<unknown, R>,
  options: StreamOptions | undefined
): Effect.Effect<Receipt, SendError.SendError, R> =>
  Effect.gen(function* () {
    const { text } = source
    const { conversation } = anchor
    const { ledger } = services
    const name = yield* services.name(anchor, options)
    const format = options?.format ?? "text"
    const every = Duration.max(Duration.decode(options?.every ?? defaultInterval), leastInterval)
    const messageOf = (content: string): Message.Message =>
      format === "markdown" ? Message.markdown(content) : Message.text(content)
    const plainly = (content: string, all = content): Effect.Effect<Receipt, SendError.SendError> =>
      services.reply(anchor, messageOf(content), name, messageOf(all))
    const digestOf = (content: string): string => TextDigest.of(messageOf(content), "c2c")
    const whole = Effect.flatMap(
      Stream.runFold(text, "", (before, piece) => before + piece),
      (all) => plainly(all)
    )
    if (conversation._tag !== "C2C" || conversation.user === "") {
      const { thinking = "" } = options ?? {}
      if (thinking !== "") yield* announce(services, anchor, name, messageOf(thinking))
      return yield* whole
    }

    const piecesOf = (
      number: number,
      known: number | undefined,
      given?: Pick<StreamPieces.Options, "format" | "left">
    ): StreamPieces.Pieces =>
      StreamPieces.make({
        transmit: services.transmit,
        ledger,
        anchor,
        conversation,
        format,
        sequence: number,
        streamed: known,
        ...given
      })

    const known = yield* ledger.replies(anchor)
    const streamed = name === undefined ? undefined : streamedAs(name)
    if (streamed !== undefined && known.get(streamed) === "delivered") {
      const said = (yield* ledger.texts(anchor)).get(streamed)
      const all = said === undefined ? undefined : yield* Stream.runFold(text, "", (before, piece) => before + piece)
      // only its whole text says whether it is the reply that was shown
      if (all !== undefined && digestOf(all) !== said) return yield* plainly(all)
      return { ...piecesOf(streamed, streamed).receipt(), deduplicated: true }
    }
    // what an earlier run has sent plainly must not be shown a second time
    const wasPlain =
      name !== undefined && [...known.keys()].some((sequence) => MessageSequence.withinReply(sequence, name))
    const { isClosed } = yield* ledger.standing(anchor)
    const begun = streamed === undefined || wasPlain ? Option.none() : yield* ledger.stream(anchor, streamed)
    if (streamed !== undefined && Option.isSome(begun)) {
      const { format: earlier, sequence: own } = begun.value
      const pieces = piecesOf(own, streamed, { format: earlier, left: begun.value })
      yield* withdraw(services, pieces, conversation, begun.value)
      yield* ledger.noteStream(anchor, streamed, undefined)
    }
    if (wasPlain || isClosed) return yield* whole

    yield* services.hold(conversation)
    const sequence = yield* services.sequence
    const pieces = piecesOf(sequence, streamed)
    let total = ""

    /** From now on it is known by its name, which an earlier run has too. */
    const named: Effect.Effect<void> = Effect.suspend(() =>
      // of one that was cut short another run may say more
      streamed === undefined || source.hasFailed()
        ? Effect.void
        : Effect.all(
            [
              ledger.refused(anchor, sequence),
              ledger.delivered(anchor, streamed, digestOf(total)),
              ledger.noteStream(anchor, streamed, undefined)
            ],
            { discard: true }
          )
    )

    /** What users have not seen, as an ordinary message. */
    const rest = Effect.gen(function* () {
      const doubted = pieces.doubtedFirst()
      if (doubted === undefined && !pieces.hasBegun()) return yield* plainly(total)
      const first =
        doubted === undefined
          ? pieces.receipt()
          : yield* settleFirst(services, anchor, conversation, sequence, messageOf(doubted))
      const missing = total.slice((doubted ?? pieces.shown()).length)
      if (missing.trim() !== "") {
        const plain = yield* plainly(missing, total)
        return { ...first, parts: [first, plain] }
      }
      yield* named
      return first
    })

    const refused = (error: SendError.SendError): Effect.Effect<void, SendError.SendError> =>
      Effect.zipRight(
        Effect.logInfo(`${error.message}; the stream is finished, and its rest sent plainly`),
        pieces.close
      )

    const show = (isLast: boolean): Effect.Effect<void, SendError.SendError> =>
      Effect.suspend(() => Effect.catchAll(pieces.send({ content: isLast ? total : sendable(total), isLast }), refused))

    const follow = (author: Fiber.RuntimeFiber<void>) =>
      Effect.gen(function* () {
        for (;;) {
          const exit = yield* Effect.timeoutOption(Fiber.await(author), every)
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

    if (!pieces.isBroken() && total !== "") {
      yield* Effect.sleep(pieces.hasBegun() ? leastInterval : 0).pipe(
        Effect.zipRight(show(true)),
        Effect.onInterrupt(() => pieces.giveUp)
      )
      if (!pieces.isBroken()) {
        yield* named
        return pieces.receipt()
      }
    }
    const receipt = yield* rest
    if (streamed !== undefined) yield* ledger.noteStream(anchor, streamed, undefined)
    return receipt
  })
