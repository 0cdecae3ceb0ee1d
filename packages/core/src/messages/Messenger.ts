/**
 * Sends messages: replies that arrive once, and messages of the bot's own accord.
 *
 * A message is planned (checked, uploaded, given an anchor and a `msg_seq`), waits for its turn, is sent, and what the
 * platform says decides what follows: it is sent again, sent in another form, or the caller is told. After an attempt whose
 * outcome is unknown nothing follows that could be seen twice, and nothing becomes proactive but by the policy's word.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import { BotConfig } from "../BotConfig.ts"
import * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import * as OwnMessages from "../events/OwnMessages.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import { OpenApi } from "../openapi/OpenApi.ts"
import { SessionAvailability } from "../openapi/SessionAvailability.ts"
import * as Tracing from "../openapi/Tracing.ts"
import * as Anchor from "./Anchor.ts"
import { AuditOutcomes } from "./AuditOutcomes.ts"
import * as Conversation from "./Conversation.ts"
import * as Fallback from "./Fallback.ts"
import { Media } from "./Media.ts"
import * as MediaSource from "./MediaSource.ts"
import * as Message from "./Message.ts"
import * as MessageMetrics from "./MessageMetrics.ts"
import * as MessageParts from "./MessageParts.ts"
import * as MessageSequence from "./MessageSequence.ts"
import { RateLimit } from "./RateLimit.ts"
import type { Receipt } from "./Receipt.ts"
import * as Recall from "./Recall.ts"
import { ReplyLedger } from "./ReplyLedger.ts"
import * as SendError from "./SendError.ts"
import type * as SendPolicy from "./SendPolicy.ts"
import * as StreamReply from "./StreamReply.ts"
import * as TextDigest from "./TextDigest.ts"
import * as Transmission from "./Transmission.ts"
import * as Typing from "./Typing.ts"

export type {
  /**
   * @since 0.1.0
   * @category errors
   */
  RecallError
} from "./Recall.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  AuditPending,
  /**
   * @since 0.1.0
   * @category models
   */
  Receipt
} from "./Receipt.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  TypingOptions
} from "./Typing.ts"

/**
 * How one reply is made.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyOptions {
  /**
   * Names this reply among the replies of its handler to the event, so that it is the same reply however often and in
   * whatever order it is made. Another text under a name that was used is another reply. Default: which reply of the run it is. Needed where replies are made concurrently.
   */
  readonly key?: string | undefined
}

/**
 * What a reply can be to.
 *
 * @since 0.1.0
 * @category models
 */
export type Answerable = Event.MessageEvent | Anchor.RepliableEvent | Anchor.Anchor

/**
 * How one message is sent that is no reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface SendOptions {
  /**
   * `newest`: reply to what was received last in the conversation, if it can still be replied to, for replies are allowed
   * where unasked messages are not. `none`: send unasked. Default `newest`.
   */
  readonly anchor?: "newest" | "none" | undefined
}

/**
 * What can be recalled: a receipt, or a message by its id.
 *
 * @since 0.1.0
 * @category models
 */
export type Recallable = Pick<Receipt, "conversation" | "id"> & Partial<Pick<Receipt, "parts">>

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessengerShape {
  /**
   * Answers a message, one of the other events that can be replied to, or anything by its `Anchor`. Fails with
   * `MessageInvalid` where an event cannot be replied to, as an interaction in a guild. Retries are safe in private chats and
   * groups: the platform shows a reply once; in guilds, whose endpoints know no `msg_seq`, an attempt of unknown outcome is
   * not repeated. After the window has closed the message goes out once as a proactive one, or what the policy says, unless
   * an earlier attempt may have been delivered.
   */
  readonly reply: (
    event: Answerable,
    message: Message.Message,
    options?: ReplyOptions
  ) => Effect.Effect<Receipt, SendError.SendError>
  /**
   * Writes without being asked: as a reply to what was received last, while that can be replied to, else proactively. A
   * proactive message is never sent again after an attempt whose outcome is unknown.
   */
  readonly send: (
    conversation: Conversation.Conversation,
    message: Message.Message,
    options?: SendOptions
  ) => Effect.Effect<Receipt, SendError.SendError>
  /**
   * Answers with text while it is being written. In private chats users see it grow; elsewhere they get it when it is
   * whole. Where a piece is refused, or has no answer after all retries, the stream is finished with what was shown, and what
   * users have not seen yet is sent plainly. Where that end is refused, too, users are left with the first piece, to which the
   * platform takes such a stream back, and the rest follows it. Fails with `DeliveryUnknown` where the end has no answer after
   * all retries: nothing is sent then that could be seen twice. What an earlier run of the handler has
   * left of the reply is closed and, within the two minutes that the platform allows, taken back before it is streamed again;
   * after a crash too.
   */
  readonly replyStream: <E, R>(
    event: Answerable,
    text: Stream.Stream<string, E, R>,
    options?: StreamReply.StreamOptions
  ) => Effect.Effect<Receipt, SendError.SendError | E, R>
  /**
   * Takes a message back. The platform allows it for two minutes. Fails with `MessageInvalid` where the receipt names no id:
   * the platform had the message already, and did not say under which.
   */
  readonly recall: (message: Recallable) => Effect.Effect<void, Recall.RecallError>
  /**
   * The receipt once moderation has passed the message; at once for one that it did not hold back. The decision is an event
   * of the intent `MESSAGE_AUDIT`, which the bot has to ask for.
   */
  readonly audited: (
    receipt: Receipt,
    timeout: Duration.DurationInput
  ) => Effect.Effect<Receipt, SendError.AuditRejected | SendError.AuditUndecided>
}

/**
 * The sender of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Messenger extends Context.Tag("@effect-qq/core/Messenger")<Messenger, MessengerShape>() {}

/**
 * What a sender needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements = AuditOutcomes | BotConfig | Media | OpenApi | RateLimit | ReplyLedger | SessionAvailability

/** What a message is on its way to, and what may be done for it to get there. */
interface Journey {
  readonly conversation: Conversation.Conversation
  /** What is replied to; `undefined` for a proactive message. */
  readonly anchor: Anchor.Anchor | undefined
  /** What the reply is; `undefined` for what has no name that would last. */
  readonly name: Pick<MessageSequence.ReplyName, "handler" | "key"> | undefined
  /** The digest of what it says, where it has a name. */
  readonly digest: string | undefined
  /** What the ledger stores of it: the digest, and of a part the cut. */
  readonly text: string | undefined
  readonly onExpired: SendPolicy.SendPolicy["onExpired"]
  readonly onExhausted: SendPolicy.SendPolicy["onExhausted"]
}

/** What an earlier run of the same handler has sent of a reply. */
interface Before {
  /** The last of its parts; 0 where it was sent whole. */
  readonly part: number
  /** The variant of the message that was cut, or that was sent whole. */
  readonly variant: number
  /** The variants of the parts, by their numbers. */
  readonly variants: ReadonlyMap<number, number>
  /** How the parts were cut, by their numbers. */
  readonly stored: ReadonlyMap<number, MessageParts.Stored>
}

/** How a message goes now, and why it no longer goes as it should have. */
interface Route {
  readonly anchor: Anchor.Anchor | undefined
  readonly first: SendError.MsgIdExpired | SendError.QuotaExhausted | undefined
}

const invalid = (field: string, detail: string): SendError.MessageInvalid =>
  new SendError.MessageInvalid({ field, detail, hint: "correct the message" })

const checked = (
  conversation: Conversation.Conversation,
  message: Message.Message
): Effect.Effect<void, SendError.MessageInvalid> => {
  if (Conversation.targetOf(conversation) === "") return invalid("conversation", "names nobody")
  const problem = Message.problem(message, Conversation.sceneOf(conversation))
  return problem === undefined ? Effect.void : invalid(problem.field, problem.detail)
}

const isDuplicate = (error: SendError.SendError): boolean =>
  error._tag === "MessageRejected" && error.class === "duplicate"

const isTooLong = (error: SendError.SendError): boolean =>
  error._tag === "MessageRejected" && error.class === "too_long"

const tooManyParts = (parts: number, sent: number): SendError.MessageInvalid =>
  new SendError.MessageInvalid({
    field: "content",
    detail: `would take ${parts} parts, more than ${MessageSequence.maximumParts}`,
    hint: sent === 0 ? "shorten it, or send a file; nothing was sent" : `shorten it; its first ${sent} parts were sent`
  })

/** What was changed of a part that was not of the whole. */
const added = (part: Fallback.Form, whole: Fallback.Form): ReadonlyArray<Fallback.Fallback> =>
  part.applied.filter((change) => !whole.applied.includes(change))

/** `file_info` that the platform does not know any more. */
const unknownFile = 304080

/** Whether the platform could not use what it was given, so that giving it again may help. */
const isStaleMedia = (error: SendError.SendError): boolean =>
  error._tag === "MessageRejected" &&
  (error.class === "media_retry" || error.code === unknownFile || error.errCode === unknownFile)

/**
 * A sender with the policy of the configuration, or what is given here instead of it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Partial<SendPolicy.SendPolicy> = {}
): Effect.Effect<MessengerShape, never, Requirements> =>
  Effect.gen(function* () {
    const policy = { ...(yield* BotConfig).sending, ...options }
    const api = yield* OpenApi
    const ledger = yield* ReplyLedger
    const rates = yield* RateLimit
    const presence = yield* SessionAvailability
    const audits = yield* AuditOutcomes
    const uploads = yield* Media
    const clock = yield* Effect.clock
    const own = yield* OwnMessages.OwnMessages
    const transmit = OwnMessages.recording(own, Transmission.make({ api, ledger, rates, policy, clock }))
    const refusals = Fallback.makeRefusals(policy, Duration.toMillis(policy.refusalsRemembered))
    let lastTimed: number | undefined

    const timedSequence = (): number => {
      lastTimed = MessageSequence.forTime(clock.unsafeCurrentTimeMillis(), lastTimed)
      return lastTimed
    }

    /**
     * A reply inside a handler, or with a key, has a name that lasts; any other has only its time. Where a handler replies to
     * something else than its event, that event is part of the name: other runs may reply to the same.
     */
    const nameOf = (anchor: Anchor.Anchor, options: ReplyOptions | undefined): Effect.Effect<Journey["name"]> =>
      Effect.map(
        HandlerRun.CurrentRun,
        Option.match({
          onNone: () => (options?.key === undefined ? undefined : { handler: "", key: options.key }),
          onSome: (run) => {
            const key = options?.key ?? run.nextReply()
            const isOwn = Option.exists(Anchor.ofEvent(run.event), (own) => own.id === anchor.id)
            const cause = isOwn ? "" : `\u0000${Event.identityKey(run.event.envelope) ?? ""}`
            return { handler: run.handler + cause, key }
          }
        })
      )

    const hold = (conversation: Conversation.Conversation): Effect.Effect<void> =>
      Effect.flatMap(presence.current, (state) =>
        state !== "Reconnecting"
          ? Effect.void
          : Effect.logDebug(`the session is being made again; a message to ${conversation._tag} waits`).pipe(
              Effect.zipRight(Effect.timeoutOption(presence.settled, policy.hold)),
              Effect.asVoid
            )
      )

    const sendForm = Effect.fnUntraced(function* (
      journey: Journey,
      route: Route,
      form: Fallback.Form,
      part: number
    ): Effect.fn.Return<Receipt, SendError.SendError> {
      const { conversation, name } = journey
      const sequence =
        name === undefined
          ? timedSequence()
          : MessageSequence.forReply({ handler: name.handler, key: name.key, part, variant: form.variant })
      // what was a reply stays known as that reply, however it is sent in the end
      const anchors = [journey.anchor, route.anchor].filter(
        (anchor, index, all) => anchor !== undefined && all.indexOf(anchor) === index
      ) as ReadonlyArray<Anchor.Anchor>
      const accepted = yield* transmit({
        operation: "send",
        conversation,
        path: Conversation.messagesPath(conversation),
        body: Message.toBody(form.message, Conversation.sceneOf(conversation)),
        anchor: route.anchor,
        sequence,
        records: anchors.map((anchor) => ({ anchor, sequence })),
        text: journey.text,
        isNamed: name !== undefined
      })
      // one by one: to spread an object and add to it costs more than all else here
      return {
        id: accepted.id,
        timestamp: accepted.timestamp,
        reference: accepted.reference,
        attempts: accepted.attempts,
        deduplicated: accepted.deduplicated,
        audit: accepted.audit,
        conversation,
        via: route.anchor === undefined ? "proactive" : "passive",
        fallbacks: form.applied,
        parts: []
      }
    })

    const proactive = (first: SendError.MsgIdExpired | SendError.QuotaExhausted): Effect.Effect<Option.Option<Route>> =>
      Effect.as(Effect.logInfo(`${first.message}; sending it proactively`), Option.some({ anchor: undefined, first }))

    /** Another way for a message whose anchor cannot be used: once, and only where the policy says so. */
    const reroute = (
      journey: Journey,
      route: Route,
      error: SendError.SendError
    ): Effect.Effect<Option.Option<Route>> => {
      if (route.anchor === undefined || route.first !== undefined) return Effect.succeedNone
      if (error._tag === "QuotaExhausted" && error.of === "message") {
        return journey.onExhausted === "proactive" ? proactive(error) : Effect.succeedNone
      }
      if (error._tag !== "MsgIdExpired") return Effect.succeedNone
      switch (journey.onExpired) {
        case "fail":
          return Effect.succeedNone
        case "proactive":
          return proactive(error)
        case "event-id":
          return Effect.map(ledger.newest(journey.conversation, "event_id"), (found) =>
            Option.map(found, (anchor) => ({ anchor, first: error }))
          )
      }
    }

    /** The same media, given to the platform once more. */
    const uploadedAgain = (
      journey: Journey,
      form: Fallback.Form,
      source: MediaSource.MediaSource | undefined
    ): Effect.Effect<Fallback.Form | undefined, SendError.SendError> => {
      const { message } = form
      const isPossible = message._tag === "Media" && message.media._tag === "Uploaded" && source !== undefined
      if (!isPossible || form.applied.includes("uploaded-again")) return Effect.succeed(undefined)
      return Effect.zipRight(
        uploads.forget(message.media),
        Effect.map(uploads.upload(journey.conversation, source), (media) => ({
          message: { ...message, media },
          variant: 1,
          applied: [...form.applied, "uploaded-again" as const]
        }))
      )
    }

    const deliver = Effect.fnUntraced(function* (
      journey: Journey,
      start: Fallback.Form,
      source: MediaSource.MediaSource | undefined,
      part: number
    ): Effect.fn.Return<Receipt, SendError.SendError> {
      const scene = Conversation.sceneOf(journey.conversation)
      let form = start
      let route: Route = { anchor: journey.anchor, first: undefined }
      let collided = false
      for (;;) {
        const result = yield* Effect.either(sendForm(journey, route, form, part))
        if (result._tag === "Right") return result.right
        const error = result.left
        refusals.note(scene, error, Monotonic.unsafeMillis(clock))
        const changed = Fallback.next(form, error, policy)
        if (changed !== undefined) {
          yield* Effect.logInfo(`${error.message}; sending it as ${changed.applied.at(-1)}`)
          form = changed
          continue
        }
        // two that have no name may have had the same moment
        if (isDuplicate(error) && journey.name === undefined && route.anchor !== undefined && !collided) {
          collided = true
          continue
        }
        if (isStaleMedia(error)) {
          const again = yield* uploadedAgain(journey, form, source)
          if (again !== undefined) {
            form = again
            continue
          }
        }
        if (isTooLong(error) && part === 0 && policy.onTooLong === "split") {
          const inParts = split(journey, form)
          if (inParts !== undefined) return yield* inParts
        }
        const other = yield* reroute(journey, route, error)
        if (Option.isSome(other)) {
          route = other.value
          continue
        }
        return yield* route.first === undefined ? error : SendError.withFirst(error, route.first)
      }
    })

    /**
     * A message in parts, one after another; a part that is too long is cut again, and so is what follows it. `undefined` for
     * one that cannot be cut. `before`: the parts that an earlier run has sent.
     */
    const split = (
      journey: Journey,
      form: Fallback.Form,
      before?: Before
    ): Effect.Effect<Receipt, SendError.SendError> | undefined => {
      const length = Message.textOf(form.message)?.length ?? 0
      const resumed = before === undefined ? undefined : MessageParts.resumed(form.message, before.stored)
      const plan: MessageParts.Plan =
        resumed === undefined ? MessageParts.plan(form.message, policy.partLength) : { _tag: "Parts", parts: resumed }
      if (plan._tag === "Indivisible") return undefined
      if (plan._tag === "TooMany") return tooManyParts(plan.count, 0)
      return Effect.gen(function* () {
        const applied: ReadonlyArray<Fallback.Fallback> = [...form.applied, "split"]
        const receipts: Array<Receipt> = []
        let { parts } = plan
        while (receipts.length < parts.length) {
          if (parts.length > MessageSequence.maximumParts) return yield* tooManyParts(parts.length, receipts.length)
          const index = receipts.length
          const part = parts[index] as MessageParts.Part
          const message = MessageParts.messageOf(form.message, parts, index)
          const variant = before?.variants.get(index + 1) ?? form.variant
          const own = variant === form.variant ? { ...form, message } : Fallback.ofVariant(message, variant)
          const { digest } = journey
          const text =
            digest === undefined ? undefined : MessageParts.encode({ ...part, digest, variant: form.variant, length })
          const sent = yield* Effect.either(
            deliver({ ...journey, text }, { ...own, applied: [...applied, ...added(own, form)] }, undefined, index + 1)
          )
          if (sent._tag === "Right") {
            receipts.push(sent.right)
            continue
          }
          const failed = SendError.withPart(sent.left, { number: index + 1, of: parts.length })
          if (!isTooLong(sent.left) || policy.onTooLong !== "split") return yield* failed
          const next = MessageParts.again(form.message, parts, index)
          if (next._tag === "Indivisible") return yield* failed
          if (next._tag === "TooMany") return yield* tooManyParts(next.count, receipts.length)
          parts = next.parts
          yield* Effect.logInfo(`${sent.left.message}; cutting it again, into parts of ${parts[index]?.limit} at most`)
        }
        const [head] = receipts
        return {
          ...(head as Receipt),
          deduplicated: receipts.every(({ deduplicated }) => deduplicated),
          parts: receipts
        }
      })
    }

    /** What an earlier run of the same handler has sent of this reply decides in which form it is sent now. */
    const earlier = (journey: Journey): Effect.Effect<Before | undefined> => {
      const { anchor, digest, name } = journey
      if (anchor === undefined || name === undefined) return Effect.succeed(undefined)
      return Effect.zipWith(ledger.replies(anchor), ledger.texts(anchor), (replies, texts) => {
        const variants = new Map<number, number>()
        const stored = new Map<number, MessageParts.Stored>()
        for (const sequence of replies.keys()) {
          const place = MessageSequence.withinReply(sequence, name)
          if (place === undefined) continue
          variants.set(place.part, place.variant)
          const cut = MessageParts.decode(texts.get(sequence) ?? "")
          if (cut !== undefined && cut.digest === digest) stored.set(place.part, cut)
        }
        if (variants.size === 0) return undefined
        const part = Math.max(...variants.keys())
        return { part, variant: stored.get(part)?.variant ?? variants.get(part) ?? 0, variants, stored }
      })
    }

    /**
     * A name stands for what was said under it. Where that was something else, as after a retry of a handler that says first
     * that it is busy, this gets a name of its own, which its text decides: whoever says the same again asks for the same.
     */
    const withOwnName = (journey: Journey): Effect.Effect<Journey> => {
      const { anchor, digest, name } = journey
      if (anchor === undefined || name === undefined || digest === undefined) return Effect.succeed(journey)
      return Effect.map(ledger.texts(anchor), (texts) =>
        [...texts].some(
          ([sequence, said]) =>
            MessageParts.digestOf(said) !== digest && MessageSequence.withinReply(sequence, name) !== undefined
        )
          ? { ...journey, name: { handler: name.handler, key: `${typeof name.key} ${name.key}\u0000${digest}` } }
          : journey
      )
    }

    const go = Effect.fnUntraced(function* (
      planned: Omit<Journey, "digest" | "text">,
      message: Message.Message,
      whole = message
    ): Effect.fn.Return<Receipt, SendError.SendError> {
      const { conversation } = planned
      const media = message._tag === "Media" && message.media._tag !== "Uploaded" ? message.media : undefined
      const ready =
        media !== undefined && (conversation._tag === "C2C" || conversation._tag === "Group")
          ? { ...message, media: yield* uploads.upload(conversation, media) }
          : message
      yield* hold(conversation)
      const source = media !== undefined && MediaSource.isRepeatable(media) ? media : undefined
      const digest =
        planned.name === undefined
          ? undefined
          : TextDigest.of(whole === message ? ready : whole, Conversation.sceneOf(conversation))
      const journey = yield* withOwnName({ ...planned, digest, text: digest })
      const before = yield* earlier(journey)
      if (before !== undefined) {
        const form = Fallback.ofVariant(ready, before.variant)
        return yield* (
          (before.part === 0 ? undefined : split(journey, form, before)) ?? deliver(journey, form, source, 0)
        )
      }
      const now = Monotonic.unsafeMillis(clock)
      const form = refusals.avoid(Conversation.sceneOf(conversation), Fallback.asWritten(ready), now)
      return yield* deliver(journey, form, source, 0)
    })

    const sent = {
      passive: MessageMetrics.messagesSent("passive"),
      proactive: MessageMetrics.messagesSent("proactive")
    }

    /** `E` is what the source of a stream fails with. */
    const counted = <A extends { readonly via: Receipt["via"] }, E, R>(
      effect: Effect.Effect<A, E | SendError.SendError, R>
    ): Effect.Effect<A, E | SendError.SendError, R> =>
      Effect.tapBoth(effect, {
        onSuccess: ({ via }) => Effect.sync(() => sent[via].unsafeUpdate(1, [])),
        onFailure: (error) =>
          Effect.sync(() => {
            const failed = SendError.isSendError(error)
              ? MessageMetrics.messagesSent(
                  error._tag,
                  ("errCode" in error ? error.errCode : undefined) ?? ("code" in error ? error.code : undefined)
                )
              : MessageMetrics.messagesSent("Source")
            failed.unsafeUpdate(1, [])
          })
      })

    const anchorOf = (event: Answerable): Effect.Effect<Anchor.Anchor, SendError.MessageInvalid> => {
      if (!("t" in event)) return Effect.succeed(event)
      if (Event.isMessage(event)) return Effect.succeed(Anchor.ofMessage(event))
      return Option.match(Anchor.ofEvent(event), {
        onNone: () =>
          new SendError.MessageInvalid({
            field: "event",
            detail: `this ${event.t} cannot be replied to`,
            hint: "send the message to a conversation, or reply to an Anchor of your own"
          }),
        onSome: Effect.succeed
      })
    }

    const countLeft = (anchor: Anchor.Anchor): Effect.Effect<void> =>
      Effect.map(ledger.standing(anchor), ({ repliesLeft }) => {
        if (Number.isFinite(repliesLeft)) MessageMetrics.repliesLeft.unsafeUpdate(repliesLeft, [])
      })

    const replyTo = Effect.fnUntraced(function* (
      anchor: Anchor.Anchor,
      message: Message.Message,
      name: Journey["name"],
      /** What it is the rest of. */
      whole = message
    ): Effect.fn.Return<Receipt, SendError.SendError> {
      const { conversation } = anchor
      yield* checked(conversation, message)
      const isNotice = message._tag === "InputNotify"
      return yield* go(
        {
          conversation,
          anchor,
          name,
          // there is no proactive notice
          onExpired: isNotice ? "fail" : policy.onExpired,
          onExhausted: isNotice ? "fail" : policy.onExhausted
        },
        message,
        whole
      ).pipe(Effect.tap(({ via }) => (via === "passive" ? countLeft(anchor) : Effect.void)))
    })

    const sendTo = Effect.fnUntraced(function* (
      conversation: Conversation.Conversation,
      message: Message.Message,
      options: SendOptions | undefined
    ): Effect.fn.Return<Receipt, SendError.SendError> {
      yield* checked(conversation, message)
      const anchor = options?.anchor === "none" ? Option.none() : yield* ledger.newest(conversation)
      const isNotice = message._tag === "InputNotify"
      if (isNotice && Option.isNone(anchor)) {
        return yield* invalid("_tag", "is InputNotify, and nothing was received that it could be a reply to")
      }
      return yield* go(
        {
          conversation,
          anchor: Option.getOrUndefined(anchor),
          name: undefined,
          // the caller asked for no reply, so without an anchor it goes as it would have gone
          onExpired: isNotice ? "fail" : "proactive",
          onExhausted: isNotice ? "fail" : "proactive"
        },
        message
      )
    })

    const recallOne = Recall.make({ api, rates, policy })

    const audited: MessengerShape["audited"] = (receipt, timeout) =>
      Effect.gen(function* () {
        if (receipt.audit === undefined) return receipt
        const { auditId } = receipt.audit
        const undecided = () => new SendError.AuditUndecided({ auditId, waited: Duration.decode(timeout) })
        if (auditId === undefined) return yield* undecided()
        const outcome = yield* Effect.timeoutFail(audits.outcome(auditId), { duration: timeout, onTimeout: undecided })
        if (outcome._tag === "Rejected") return yield* new SendError.AuditRejected({ auditId })
        return { ...receipt, id: outcome.messageId ?? receipt.id, audit: undefined }
      })

    const streams = StreamReply.make({
      transmit,
      ledger,
      sequence: Effect.sync(timedSequence),
      name: nameOf,
      hold,
      reply: replyTo,
      recall: recallOne
    })

    return Messenger.of({
      reply: (event, message, options) =>
        anchorOf(event).pipe(
          Effect.flatMap((anchor) =>
            // a notice is none of the replies that are counted
            Effect.flatMap(
              message._tag === "InputNotify" ? Effect.succeed(undefined) : nameOf(anchor, options),
              (name) => replyTo(anchor, message, name)
            )
          ),
          counted,
          Tracing.withSpan("Messenger.reply", () => ({
            attributes: { "qq.event": "t" in event ? event.t : event.kind }
          }))
        ),
      send: (conversation, message, options) =>
        sendTo(conversation, message, options).pipe(
          counted,
          Tracing.withSpan("Messenger.send", () => ({ attributes: { "qq.scene": conversation._tag } }))
        ),
      replyStream: (event, text, options) =>
        Effect.flatMap(anchorOf(event), (anchor) => streams(anchor, text, options)).pipe(
          counted,
          Tracing.withSpan("Messenger.replyStream", () => ({
            attributes: { "qq.event": "t" in event ? event.t : event.kind }
          }))
        ),
      recall: ({ conversation, id, parts = [] }) =>
        (parts.length === 0
          ? recallOne(conversation, id)
          : Effect.forEach(parts, (part) => recallOne(part.conversation, part.id), { discard: true })
        ).pipe(Tracing.withSpan("Messenger.recall", () => ({ attributes: { "qq.scene": conversation._tag } }))),
      audited
    })
  })

/**
 * A sender with the policy of the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Messenger, never, Requirements> = Layer.effect(Messenger, make())

/**
 * A sender with a policy of its own: what is left out is as in the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (policy: Partial<SendPolicy.SendPolicy>): Layer.Layer<Messenger, never, Requirements> =>
  Layer.effect(Messenger, make(policy))

/**
 * Answers a message, or another event that can be replied to; see {@link MessengerShape.reply}.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 *
 * const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const reply = (
  event: Answerable,
  message: Message.Message,
  options?: ReplyOptions
): Effect.Effect<Receipt, SendError.SendError, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.reply(event, message, options))

/**
 * Writes unasked; see {@link MessengerShape.send}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const send = (
  conversation: Conversation.Conversation,
  message: Message.Message,
  options?: SendOptions
): Effect.Effect<Receipt, SendError.SendError, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.send(conversation, message, options))

/**
 * Answers with text while it is being written; see {@link MessengerShape.replyStream}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const replyStream = <E, R>(
  event: Answerable,
  text: Stream.Stream<string, E, R>,
  options?: StreamReply.StreamOptions
): Effect.Effect<Receipt, SendError.SendError | E, Messenger | R> =>
  Effect.flatMap(Messenger, (messenger) => messenger.replyStream(event, text, options))

/**
 * Does something while the user sees that the bot is typing: notices are renewed while it lasts, never spending the last two
 * replies of the message. In groups and guilds, and for anything but a message, there are none.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import { Effect } from "effect"
 *
 * const think = Effect.as(Effect.sleep("90 seconds"), "42")
 *
 * const Answer = Gateway.onMessage(({ event }) =>
 *   Effect.flatMap(Messenger.withTyping(event, think), (answer) => Messenger.reply(event, Message.text(answer)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withTyping = <A, E, R>(
  event: Answerable,
  effect: Effect.Effect<A, E, R>,
  options?: Typing.TypingOptions
): Effect.Effect<A, E, Messenger | ReplyLedger | R> =>
  Effect.flatMap(Effect.all([Messenger, ReplyLedger]), ([messenger, ledger]) => {
    const anchor = "t" in event ? Option.getOrUndefined(Anchor.ofEvent(event)) : event
    const notify = (to: Anchor.Anchor, seconds: number) => messenger.reply(to, Message.inputNotify(seconds))
    return Typing.during(anchor, ledger, notify, effect, options)
  })

/**
 * Takes a message back; see {@link MessengerShape.recall}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const recall = (message: Recallable): Effect.Effect<void, Recall.RecallError, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.recall(message))

/**
 * Waits for moderation; see {@link MessengerShape.audited}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const audited = (
  receipt: Receipt,
  timeout: Duration.DurationInput
): Effect.Effect<Receipt, SendError.AuditRejected | SendError.AuditUndecided, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.audited(receipt, timeout))
