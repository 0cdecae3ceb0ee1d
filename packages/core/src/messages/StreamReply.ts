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

/** How long a stream that was given up may take to say so. */
const closingTime = Duration.seconds(5)

const generating = 1
const done = 10

/** The `msg_seq` under which the ledger knows a stream that was shown to its end; the platform never sees it. */
const streamedAs = (name: NonNullable<Name>): number =>
  MessageSequence.forReply({
    handler: name.handler,
    key: `\u0000stream ${typeof name.key} ${name.key}`,
    part: 0,
    variant: 0
  })

/** One request of a stream, as it has to be repeated. */
interface Piece {
  readonly content: string
  readonly state: typeof generating | typeof done
}

/** A stream on its way, as far as the platform has taken it. */
const makeGrowing = (
  services: Services,
  anchor: Anchor,
  conversation: Conversation.C2C,
  format: "text" | "markdown",
  sequence: number,
  streamed: number | undefined,
  left?: BegunStream
) => {
  const { ledger } = services
  let shown = ""
  let index = left?.index ?? 0
  let id: string | undefined = left?.id
  let first: Accepted | undefined
  let pending: Piece | undefined
  let isFinished = left?.isClosed === true
  let isBroken = false

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
            isLast: piece.state === done,
            isClosed
          }),
          ledger.flush
        )

  const send = (piece: Piece): Effect.Effect<void, SendError.SendError> =>
    Effect.suspend(() => {
      pending = piece
      const request = services.transmit({
        operation: "stream",
        conversation,
        path: Conversation.streamPath(conversation),
        body: {
          input_mode: "replace",
          input_state: piece.state,
          index,
          content_type: format,
          content_raw: piece.content,
          ...(id === undefined ? {} : { stream_msg_id: id })
        },
        anchor,
        sequence,
        // the whole stream is one reply
        records: index === 0 ? [{ anchor, sequence }] : [],
        // a piece that came already was taken; a first piece has no other piece to be taken for, but that of an earlier run
        isNamed: index > 0 || left !== undefined
      })
      // without its beginning a stream could be neither closed nor recalled; how far it is may be stored meanwhile
      return index === 0
        ? Effect.zipRight(note(piece, false), request)
        : Effect.zipRight(note(piece, false), request, { concurrent: true })
    }).pipe(
      Effect.flatMap((accepted) => {
        const wasUnnamed = id === undefined
        pending = undefined
        shown = piece.content
        first ??= accepted
        id ??= accepted.id
        isFinished = piece.state === done
        const noted = wasUnnamed || isFinished ? note(piece, isFinished) : Effect.void
        index++
        // without an id there is nothing to go on with
        isBroken = id === undefined && !isFinished
        return noted
      }),
      Effect.tapError((error) =>
        Effect.sync(() => {
          isBroken = true
          // a piece that was refused has spent its index
          if (id !== undefined && error._tag !== "DeliveryUnknown") index++
        })
      )
    )

  /** After a refusal: the platform takes a stream that is never finished back to its first piece. */
  const close: Effect.Effect<void> = Effect.suspend(() =>
    id === undefined || isFinished ? Effect.void : send({ content: shown, state: done })
  ).pipe(
    Effect.timeoutOption(closingTime),
    Effect.catchAll((error) => Effect.logWarning("a stream that was refused could not be finished", error)),
    Effect.ensuring(
      Effect.sync(() => {
        // what is not shown yet goes out plainly
        isBroken = true
      })
    ),
    Effect.asVoid
  )

  /** For a stream that was given up: a message that is never finished stays visibly incomplete. */
  const giveUp: Effect.Effect<void> = Effect.suspend(() => {
    if (index === 0 || isFinished || isBroken) return Effect.void
    // whether a request that was cut off was taken can only be found out by repeating it
    const last = pending
    const settled = last === undefined ? Effect.void : send(last)
    return Effect.zipRight(
      settled,
      Effect.suspend(() => (isFinished || isBroken ? Effect.void : send({ content: shown, state: done })))
    )
  }).pipe(
    Effect.interruptible,
    Effect.timeoutOption(closingTime),
    Effect.catchAll((error) => Effect.logWarning("a stream could not be finished", error)),
    Effect.asVoid
  )

  /**
   * For a stream of an earlier run: closes it, unless it is, and takes it back while the platform allows that. Its last
   * request is repeated first, for it may have come or not.
   */
  const withdraw = (begun: BegunStream): Effect.Effect<void> => {
    const last: Piece = { content: begun.content, state: begun.isLast || begun.id === undefined ? done : generating }
    const closing = begun.isClosed
      ? Effect.void
      : Effect.zipRight(
          send(last),
          Effect.suspend(() => (isFinished || isBroken ? Effect.void : send({ content: begun.content, state: done })))
        )
    const recall = Effect.suspend(() =>
      id === undefined
        ? Effect.logWarning("a streamed reply of an earlier run cannot be recalled: the platform did not name it")
        : services.recall(conversation, id)
    )
    return closing.pipe(
      Effect.timeoutOption(closingTime),
      Effect.catchAll((error) => Effect.logWarning("a streamed reply of an earlier run could not be closed", error)),
      Effect.zipRight(Effect.timeoutOption(recall, closingTime)),
      Effect.catchAll((error) =>
        Effect.logInfo("a streamed reply of an earlier run stays: it was not recalled", error)
      ),
      Effect.asVoid
    )
  }

  return {
    send,
    close,
    giveUp,
    withdraw,
    shown: () => shown,
    hasBegun: () => index > 0,
    isBroken: () => isBroken,
    receipt: (): Receipt => ({
      id,
      timestamp: first?.timestamp,
      reference: first?.reference,
      conversation,
      via: "passive",
      attempts: first?.attempts ?? 0,
      deduplicated: false,
      audit: first?.audit,
      fallbacks: [],
      parts: []
    })
  }
}

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
    Effect.gen(function* () {
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
      if (conversation._tag !== "C2C" || conversation.user === "") return yield* whole

      const known = yield* ledger.replies(anchor)
      const streamed = name === undefined ? undefined : streamedAs(name)
      if (streamed !== undefined && known.get(streamed) === "delivered") {
        const said = (yield* ledger.texts(anchor)).get(streamed)
        const all = said === undefined ? undefined : yield* Stream.runFold(text, "", (before, piece) => before + piece)
        // only its whole text says whether it is the reply that was shown
        if (all !== undefined && digestOf(all) !== said) return yield* plainly(all)
        const growing = makeGrowing(services, anchor, conversation, format, streamed, undefined)
        return { ...growing.receipt(), deduplicated: true }
      }
      // what an earlier run has sent plainly must not be shown a second time
      const wasPlain =
        name !== undefined && [...known.keys()].some((sequence) => MessageSequence.withinReply(sequence, name))
      const { isClosed } = yield* ledger.standing(anchor)
      const begun = streamed === undefined || wasPlain ? Option.none() : yield* ledger.stream(anchor, streamed)
      if (streamed !== undefined && Option.isSome(begun)) {
        const { format: earlier, sequence: own } = begun.value
        yield* makeGrowing(services, anchor, conversation, earlier, own, streamed, begun.value).withdraw(begun.value)
        yield* ledger.noteStream(anchor, streamed, undefined)
      }
      if (wasPlain || isClosed) return yield* whole

      yield* services.hold(conversation)
      const sequence = yield* services.sequence
      const growing = makeGrowing(services, anchor, conversation, format, sequence, streamed)
      let total = ""

      /** What users have not seen, as an ordinary message. */
      const rest = Effect.suspend(() => {
        const missing = total.slice(growing.shown().length)
        if (!growing.hasBegun()) return plainly(total)
        const receipt = growing.receipt()
        return missing.trim() === ""
          ? Effect.succeed(receipt)
          : Effect.map(plainly(missing, total), (plain): Receipt => ({ ...receipt, parts: [receipt, plain] }))
      })

      const refused = (error: SendError.SendError): Effect.Effect<void, SendError.SendError> =>
        // a piece that may have been shown must not be followed by its own text
        error._tag === "DeliveryUnknown"
          ? Effect.fail(error)
          : Effect.zipRight(
              Effect.logInfo(`${error.message}; the stream is finished, and its rest sent plainly`),
              growing.close
            )

      const follow = (source: Fiber.RuntimeFiber<void, E>) =>
        Effect.gen(function* () {
          for (;;) {
            const exit = yield* Effect.timeoutOption(Fiber.await(source), every)
            if (Option.isSome(exit)) return yield* exit.value
            if (total !== growing.shown() && !growing.isBroken()) {
              yield* Effect.catchAll(growing.send({ content: total, state: generating }), refused)
            }
          }
        })

      yield* Effect.acquireUseRelease(
        Effect.interruptible(
          Effect.fork(
            Stream.runForEach(text, (piece) =>
              Effect.sync(() => {
                total += piece
              })
            )
          )
        ),
        follow,
        Fiber.interrupt
      ).pipe(Effect.onExit((exit) => (Exit.isFailure(exit) ? growing.giveUp : Effect.void)))

      if (!growing.isBroken() && total !== "") {
        yield* Effect.sleep(growing.hasBegun() ? leastInterval : 0).pipe(
          Effect.zipRight(Effect.catchAll(growing.send({ content: total, state: done }), refused)),
          Effect.onInterrupt(() => growing.giveUp)
        )
        if (streamed !== undefined && !growing.isBroken()) {
          // from now on it is known by its name, which an earlier run has too
          yield* ledger.refused(anchor, sequence)
          yield* ledger.delivered(anchor, streamed, digestOf(total))
          yield* ledger.noteStream(anchor, streamed, undefined)
        }
      }
      if (!growing.isBroken() && total !== "") return growing.receipt()
      const receipt = yield* rest
      if (streamed !== undefined) yield* ledger.noteStream(anchor, streamed, undefined)
      return receipt
    })
