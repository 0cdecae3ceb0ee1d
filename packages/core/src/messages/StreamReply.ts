/**
 * A reply that grows while it is written: an Effect `Stream` of text becomes one streamed message.
 *
 * Each request carries the whole text so far, which never changes what was shown, so a request may safely be repeated.
 *
 * The beginning of a stream is stored before it is sent. If an earlier run of the handler has left a stream unfinished, this
 * run closes it (`input_state` 10) and recalls it, within the two minutes that the platform allows, and then replies.
 *
 * Source: the page of `stream_messages` of the platform's documentation of 2026; LangBot#2454 for clients that rewrite shown
 * text, openclaw-qqbot#252 for streams that were left unfinished.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Conversation from "../events/Conversation.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import type { Anchor } from "./Anchor.ts"
import * as MessageSequence from "./MessageSequence.ts"
import type { Receipt } from "./Receipt.ts"
import type { BegunStream } from "./LedgerEntry.ts"
import * as ReplyNaming from "./ReplyNaming.ts"
import type * as SendError from "./SendError.ts"
import type * as StreamPieces from "./StreamPieces.ts"
import * as StreamRun from "./StreamRun.ts"
import * as StreamSource from "./StreamSource.ts"

export {
  /**
   * @since 0.1.0
   * @category constants
   */
  leastInterval
} from "./StreamRun.ts"

/**
 * Options of one streamed reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions {
  /** As for other replies. */
  readonly key?: string | undefined
  /** Default `text`. */
  readonly format?: "text" | "markdown" | undefined
  /** The interval between two requests. Default 500 ms; at least 300 ms. */
  readonly every?: Duration.DurationInput | undefined
  /**
   * Said at once where users do not see the text grow, as in groups, if the message has another reply left for the text
   * itself. Default: nothing is.
   */
  readonly thinking?: string | undefined
  /**
   * Appended to the text if its stream fails; the text sent so far stays. If it is empty, the default is sent where there is no text.
   * Default: `(the answer was cut short)`.
   */
  readonly ending?: string | undefined
}

const defaultInterval = Duration.millis(500)

/** How long finishing a stream of an earlier run may take, and then recalling it. */
const closingTime = Duration.seconds(5)

/** The key of a stream in the ledger: a `msg_seq` that the platform never sees. */
const streamedAs = (name: MessageSequence.ReplyKey): number =>
  MessageSequence.forReply({
    handler: name.handler,
    key: `\u0000stream ${typeof name.key} ${name.key}`,
    part: 0,
    variant: 0
  })

/** Finishes a stream of an earlier run, unless it is finished, and recalls it while the platform allows that. */
const withdraw = (
  services: StreamRun.Services,
  pieces: StreamPieces.Pieces,
  conversation: Conversation.C2C,
  begun: BegunStream
) => {
  const recall = Effect.suspend(() => {
    const id = pieces.id()
    return id === undefined
      ? Effect.logWarning("a streamed reply of an earlier run cannot be recalled: the platform returned no id for it")
      : services.recall(conversation, id)
  })
  return pieces.finish(begun).pipe(
    Effect.timeoutOption(closingTime),
    Effect.catchAll((error) => Effect.logWarning("a streamed reply of an earlier run could not be closed", error)),
    Effect.zipRight(Effect.timeoutOption(recall, closingTime)),
    Effect.catchAll((error) => Effect.logInfo("a streamed reply of an earlier run was not recalled", error)),
    Effect.asVoid
  )
}

/** Says that an answer is on its way, where there is another reply left for the answer itself. */
const announce = (
  services: StreamRun.Services,
  { anchor, name, ...reply }: StreamRun.StreamedReply,
  thinking: string
): Effect.Effect<void> =>
  Effect.flatMap(services.ledger.standing(anchor), ({ isClosed, repliesLeft }) => {
    if (thinking === "" || isClosed || repliesLeft < 2) return Effect.void
    const own = name === undefined ? undefined : { ...name, key: `${typeof name.key} ${name.key}\u0000thinking` }
    return Effect.catchAll(
      Effect.asVoid(StreamRun.plainly(services, { ...reply, anchor, name: own }, thinking)),
      (error) => Effect.logWarning("the message before a streamed reply was not sent; streaming the reply", error)
    )
  })

/**
 * The part of a text that follows its beginning; all of a text that does not begin so. If a stream was followed by ordinary
 * messages, they were its rest, and a later run goes on with them.
 */
const after = (shown: string, all: string): string => {
  const rest = all.startsWith(shown) ? all.slice(shown.length) : ""
  return rest.trim() === "" ? all : rest
}

/**
 * Streams replies with these services.
 *
 * @internal
 */
export const make =
  (services: StreamRun.Services) =>
  <E, R>(
    anchor: Anchor,
    text: Stream.Stream<string, E, R>,
    options: StreamOptions | undefined
  ): Effect.Effect<Receipt, SendError.SendError | E, R> =>
    Effect.suspend(() => {
      const source = StreamSource.make(text, options?.ending)
      return source.orItsFailure(stream(services, anchor, source, options))
    })

/** Streams one reply. */
const stream = <R>(
  services: StreamRun.Services,
  anchor: Anchor,
  { hasFailed, text }: StreamSource.StreamSource<unknown, R>,
  options: StreamOptions | undefined
): Effect.Effect<Receipt, SendError.SendError, R> =>
  Effect.gen(function* () {
    const { conversation } = anchor
    const { ledger } = services
    const name = ReplyNaming.of(anchor, options?.key, yield* HandlerRun.CurrentRun)
    const streamed = name === undefined ? undefined : streamedAs(name)
    const reply: StreamRun.StreamedReply = {
      anchor,
      name,
      streamed,
      format: options?.format ?? "text",
      every: Duration.max(Duration.decode(options?.every ?? defaultInterval), StreamRun.leastInterval),
      hasFailed
    }
    const all = Stream.runFold(text, "", (before, piece) => before + piece)
    const restOf = (shown: string) =>
      Effect.flatMap(all, (content) => StreamRun.plainly(services, reply, after(shown, content), content))
    const whole = restOf("")
    if (conversation._tag !== "C2C" || conversation.user === "") {
      yield* announce(services, reply, options?.thinking ?? "")
      return yield* whole
    }

    const known = yield* ledger.replies(anchor)
    if (streamed !== undefined && known.get(streamed) === "delivered") {
      const digest = (yield* ledger.texts(anchor)).get(streamed)
      const content = digest === undefined ? undefined : yield* all
      // only the whole text tells whether it is the reply that was shown
      if (content !== undefined && StreamRun.digestOf(reply, content) !== digest) {
        return yield* StreamRun.plainly(services, reply, content)
      }
      const shown = StreamRun.piecesOf(services, reply, conversation, streamed)
      return { ...shown.receipt(), deduplicated: true }
    }
    // a reply that an earlier run has sent as an ordinary message must not be shown again
    const wasPlain =
      name !== undefined && [...known.keys()].some((sequence) => MessageSequence.withinReply(sequence, name))
    const { isClosed } = yield* ledger.standing(anchor)
    const begun = streamed === undefined ? Option.none() : yield* ledger.stream(anchor, streamed)
    if (wasPlain && Option.isSome(begun) && begun.value.isClosed) return yield* restOf(begun.value.content)
    if (streamed !== undefined && Option.isSome(begun) && !wasPlain) {
      const pieces = StreamRun.piecesOf(services, reply, conversation, begun.value.sequence, {
        left: begun.value
      })
      yield* withdraw(services, pieces, conversation, begun.value)
      yield* ledger.noteStream(anchor, streamed, undefined)
    }
    if (wasPlain || isClosed) return yield* whole

    return yield* services.held(conversation, () => StreamRun.run(services, reply, conversation, text))
  })
