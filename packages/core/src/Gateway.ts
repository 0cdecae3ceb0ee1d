/**
 * The gateway as a program sees it: register handlers, run them, look at how the bot is.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 *
 * const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(`you said: ${text}`)), {
 *   scenes: ["c2c", "group"]
 * })
 *
 * const program = Gateway.run(Echo)
 * ```
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { BotConfig } from "./BotConfig.ts"
import * as Acknowledgement from "./delivery/Acknowledgement.ts"
import * as Delivery from "./delivery/Delivery.ts"
import * as Handlers from "./delivery/Handlers.ts"
import * as Event from "./events/Event.ts"
import * as Interaction from "./events/Interaction.ts"
import * as MessageView from "./events/MessageView.ts"
import { OwnMessages } from "./events/OwnMessages.ts"
import * as Changes from "./gateway/Changes.ts"
import { DispatchSink, type DispatchSinkShape } from "./gateway/DispatchSink.ts"
import type { GatewayStopped } from "./gateway/GatewayError.ts"
import { GatewayMetadata } from "./gateway/GatewayMetadata.ts"
import * as GatewayRuns from "./gateway/GatewayRun.ts"
import type { IdentifyLimiter } from "./gateway/IdentifyLimiter.ts"
import * as Handshakes from "./gateway/Handshakes.ts"
import * as Intents from "./gateway/Intents.ts"
import * as Session from "./gateway/Session.ts"
import type { SessionStore } from "./gateway/SessionStore.ts"
import * as Shards from "./gateway/Shards.ts"
import * as Conversation from "./messages/Conversation.ts"
import { InboundRecorder } from "./messages/InboundRecorder.ts"
import { AccessToken } from "./openapi/AccessToken.ts"
import type { OpenApi } from "./openapi/OpenApi.ts"
import { type Presence, SessionAvailability } from "./openapi/SessionAvailability.ts"
import { WebhookIntake } from "./webhook/WebhookIntake.ts"

export {
  /**
   * @since 0.1.0
   * @category layers
   */
  on,
  /**
   * @since 0.1.0
   * @category tags
   */
  HandlerRegistry
} from "./delivery/Handlers.ts"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  type MessageOptions,
  /**
   * @since 0.1.0
   * @category layers
   */
  onMessage
} from "./delivery/OnMessage.ts"

export {
  /**
   * @since 0.1.0
   * @category tags
   */
  GatewayRun,
  /**
   * @since 0.1.0
   * @category accessors
   */
  launch,
  /**
   * @since 0.1.0
   * @category models
   */
  type RunOptions,
  /**
   * @since 0.1.0
   * @category accessors
   */
  stopped
} from "./gateway/GatewayRun.ts"

/**
 * This bot runs already: a second run would handle every event twice.
 *
 * @since 0.1.0
 * @category errors
 */
export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>()("AlreadyRunning", {
  appId: Schema.String
}) {
  override get message(): string {
    return `bot ${this.appId} is running already`
  }
  get hint(): string {
    return "merge the handlers with Layer.mergeAll and run them once"
  }
}

/**
 * How the bot is, in a form for a health check.
 *
 * @since 0.1.0
 * @category models
 */
export interface Health {
  readonly state: Session.SessionState["_tag"]
  /** Milliseconds since the last frame of the current connection. */
  readonly lastFrameAge: number | undefined
  /** Events that are received and not settled. */
  readonly unsettled: number
}

/**
 * The event types that {@link next} can wait for: messages and interactions.
 *
 * @since 0.1.0
 * @category models
 */
export type DialogueType = Event.MessageEvent["t"] | "INTERACTION_CREATE"

/**
 * Which event {@link next} waits for.
 *
 * @since 0.1.0
 * @category models
 */
export interface NextOptions<T extends DialogueType = Event.MessageEvent["t"]> {
  /**
   * The event types that count. Default: every type of message. To wait for the press of a button, name
   * `INTERACTION_CREATE`; where no handler is registered for it, name it in the handler's `awaits` too, so that the bot
   * connects with the intent.
   */
  readonly types?: T | ReadonlyArray<T> | undefined
  /**
   * Events for which this is false are handled as always. Where it throws, the wait fails with that defect. Default: any
   * will do.
   */
  readonly where?: ((event: Event.EventOf<T>) => boolean) | undefined
  /** How long to wait. Default 5 min. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * Whether events count that were received already and wait behind the one that is being handled, as those do that are
   * replayed after a restart. An interaction without a handler waits until the messages before it are handled. Default
   * `true`.
   */
  readonly queued?: boolean | undefined
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface GatewayShape {
  /**
   * Builds the handlers, connects with the intents they need (an explicit set of the configuration wins), and ends only by
   * failing or by interruption: then no more events are taken, running handlers get `drainTimeout`, the session is stored
   * and left so that it can be resumed, and the handlers' resources are released.
   */
  readonly run: <E, R>(
    handlers: Layer.Layer<never, E, R>
  ) => Effect.Effect<never, AlreadyRunning | GatewayStopped | E, Exclude<R, Handlers.HandlerRegistry>>
  /**
   * The status now, and every change of state. Of several shards, that of the one which is least well; of those that live,
   * where the others go on. A bot that is reached through a webhook alone is Ready while it runs.
   */
  readonly status: Subscribable.Subscribable<Session.SessionStatus>
  /** The status of each shard that runs here. */
  readonly shards: Subscribable.Subscribable<ReadonlyArray<Session.SessionStatus>>
  /**
   * Completes at READY or RESUMED, of all shards. Fails with `GatewayStopped` once a session has stopped for good or, where
   * the others go on, all have.
   */
  readonly ready: Effect.Effect<void, GatewayStopped>
  readonly health: Effect.Effect<Health>
  /** Cuts a wait short, or replaces a connection that is Ready; of all shards. */
  readonly reconnectNow: Effect.Effect<void>
  /**
   * Waits for the next message of a conversation or, given a message or an interaction, of its author in its conversation,
   * and takes it away from the handlers. With `types` it waits for interactions too, which are acknowledged on receipt. An
   * event is intercepted before queueing, so a handler may wait for the answer to its own question. Fails with
   * `TimeoutException`.
   *
   * The message is settled together with the one whose handler asks. At a shutdown a handler that waits here is
   * interrupted; the next process begins its dialogue again, with what was said in it. A wait that is interrupted takes
   * nothing: a message that came in that instant goes to the handlers.
   */
  readonly next: <const T extends DialogueType = Event.MessageEvent["t"]>(
    of: Conversation.Conversation | Event.EventOf<DialogueType>,
    options?: NextOptions<T>
  ) => Effect.Effect<Event.EventOf<T>, Cause.TimeoutException>
  /** Every event that is received, for looking at: a slow reader misses some. Guarantees belong to {@link on}. */
  readonly events: Stream.Stream<Event.Event>
}

/**
 * The gateway of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Gateway extends Context.Tag("@effect-qq/core/Gateway")<Gateway, GatewayShape>() {}

type SessionServices =
  | AccessToken
  | BotConfig
  | GatewayMetadata
  | IdentifyLimiter
  | OpenApi
  | InboundRecorder
  | SessionAvailability
  | SessionStore
  | Socket.WebSocketConstructor
  | WebhookIntake

interface Running {
  readonly sessions: ReadonlyArray<Session.Session>
  /** How it is where there are no sessions: not yet, or none at all. */
  readonly otherwise: Session.SessionState
  /** Cuts short whatever is waited for. */
  readonly reconnectNow: Effect.Effect<void>
  readonly delivery: Delivery.Delivery
}

const worse = (one: Session.SessionStatus, other: Session.SessionStatus): Session.SessionStatus =>
  Session.ranks[other.state._tag] < Session.ranks[one.state._tag] ? other : one

const isAlive = ({ state }: Session.SessionStatus): boolean => state._tag !== "Stopped"

const isOfDialogue = (event: Event.Event): event is Event.EventOf<DialogueType> =>
  event.t === "INTERACTION_CREATE" || Event.isMessage(event)

const conversationOf = (event: Event.Event): ReadonlyArray<string> =>
  isOfDialogue(event) ? Conversation.keysOf(event) : []

/** Who wrote a message, or used a button. */
const authorOf = (event: Event.EventOf<DialogueType>): string | undefined =>
  event.t === "INTERACTION_CREATE" ? Interaction.view(event).user : MessageView.of(event).author.id

/** The conversation in which a dialogue goes on. */
const conversationIn = (of: Conversation.Conversation | Event.EventOf<DialogueType>): string =>
  "t" in of ? (Conversation.keysOf(of)[0] ?? "") : Conversation.toKey(of)

/** How long a dialogue waits for the other. */
const patience = Duration.minutes(5)

/**
 * A gateway over the services of one bot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<GatewayShape, never, SessionServices> = Effect.gen(function* () {
  const config = yield* BotConfig
  const services = yield* Effect.context<SessionServices>()
  const token = yield* AccessToken
  const metadata = yield* GatewayMetadata
  const reception = yield* InboundRecorder
  const presence = yield* SessionAvailability
  const webhook = yield* WebhookIntake
  const own = yield* OwnMessages
  const running = yield* SubscriptionRef.make(Option.none<Running>())
  const changes = Changes.make<void>()
  let begun = false

  const without = (state: Session.SessionState): Session.SessionStatus => ({
    state,
    shard: [0, 1],
    attempt: 0,
    lastEnd: undefined,
    sessionId: undefined,
    received: undefined,
    watermark: undefined,
    lastFrameAge: undefined,
    roundTrip: undefined
  })

  const notRunning = without({ _tag: "Disconnected" })

  /** The same of the states alone. */
  const overallState = ({ otherwise, sessions }: Running): Session.SessionState => {
    let worst: Session.SessionState | undefined
    let worstLiving: Session.SessionState | undefined
    for (const session of sessions) {
      const state = session.state()
      if (worst === undefined || Session.ranks[state._tag] < Session.ranks[worst._tag]) worst = state
      if (state._tag === "Stopped" && config.onShardStopped === "continue") continue
      if (worstLiving === undefined || Session.ranks[state._tag] < Session.ranks[worstLiving._tag]) worstLiving = state
    }
    return worstLiving ?? worst ?? otherwise
  }

  /** Of all shards, how the bot is. */
  const overall = (statuses: ReadonlyArray<Session.SessionStatus>, otherwise: Session.SessionState) => {
    const living = config.onShardStopped === "continue" ? statuses.filter(isAlive) : statuses
    const [first = without(otherwise), ...rest] = living.length > 0 ? living : statuses
    return rest.reduce(worse, first)
  }

  const statusesOf = ({ sessions }: Running): Effect.Effect<ReadonlyArray<Session.SessionStatus>> =>
    Effect.forEach(sessions, ({ status }) => status.get)

  const statusOf = (now: Running): Effect.Effect<Session.SessionStatus> =>
    Effect.map(statusesOf(now), (statuses) => overall(statuses, now.otherwise))

  const current = Effect.flatMap(
    SubscriptionRef.get(running),
    Option.match({ onNone: () => Effect.succeed(notRunning), onSome: statusOf })
  )

  /** Senders hear of whatever is taken before a handler can: it is what they reply to. */
  const heard = (sink: DispatchSinkShape): DispatchSinkShape => ({
    ...sink,
    offer: (frame, size, settled) => {
      const isTaken = sink.offer(frame, size, settled)
      if (isTaken && !own.isOwn(frame)) reception.dispatched(frame)
      return isTaken
    }
  })

  const setRunning = (next: Option.Option<Running>): Effect.Effect<void> =>
    Effect.map(SubscriptionRef.set(running, next), () => changes.tell())

  /** Tells senders how the bot is, for as long as it runs: to be run at every change. */
  const announcing: Effect.Effect<Effect.Effect<void>, never, Scope.Scope> = Effect.suspend(() => {
    let wasReady = false
    const presenceOf = (state: Session.SessionState): Presence => {
      wasReady = wasReady || state._tag === "Ready"
      if (state._tag === "Ready") return "Up"
      return wasReady && state._tag !== "Stopped" ? "Reconnecting" : "Absent"
    }
    const announce = Effect.flatMap(SubscriptionRef.get(running), (now) => {
      changes.tell()
      return presence.set(presenceOf(Option.match(now, { onNone: () => notRunning.state, onSome: overallState })))
    })
    return Effect.as(
      Effect.addFinalizer(() => presence.set("Absent")),
      announce
    )
  })

  const claim = Effect.acquireRelease(
    Effect.suspend(() => {
      if (begun) return new AlreadyRunning({ appId: config.appId })
      begun = true
      return setRunning(Option.none())
    }),
    () =>
      Effect.gen(function* () {
        const { state } = yield* current
        // one that has stopped for good stays to be looked at, until the next run
        if (state._tag !== "Stopped") yield* setRunning(Option.none())
        begun = false
      })
  )

  const run: GatewayShape["run"] = <E, R>(handlers: Layer.Layer<never, E, R>) =>
    Effect.gen(function* () {
      yield* claim
      const registry = yield* Handlers.makeRegistry
      yield* Layer.build(Layer.provide(handlers, Layer.succeed(Handlers.HandlerRegistry, registry)))
      const registered = yield* registry.handlers
      const acknowledgement = yield* Effect.provide(Acknowledgement.make, services)
      const delivery = yield* Delivery.make({
        policy: config.delivery,
        handlers: registered,
        drainWaiting: config.session.onShutdown === "end",
        conversationOf,
        isOwn: own.isOwn,
        received: acknowledgement.received
      })
      const intents = Option.getOrElse(config.intents, () =>
        Intents.forEventTypes(registered.flatMap(({ subscribes, types }) => subscribes ?? types))
      )
      const failed = yield* Deferred.make<never, GatewayStopped>()
      const startedAt = yield* Clock.currentTimeMillis
      const begin = (
        sessions: ReadonlyArray<Session.Session>,
        otherwise: Session.SessionState,
        reconnectNow: Effect.Effect<void>
      ): Effect.Effect<void> => setRunning(Option.some({ sessions, otherwise, reconnectNow, delivery }))
      const impatient = yield* Effect.makeLatch(false)
      // before the sessions begin, and so undone after they have ended
      const announce = yield* announcing
      yield* Effect.forkScoped(Effect.intoDeferred(delivery.run, failed))
      if (config.shards === "recommended") {
        const because = "the number of shards is not known yet"
        const again = Effect.zipRight(Effect.zipRight(token.askAgain, metadata.askAgain), impatient.open)
        yield* begin([], { _tag: "Waiting", until: undefined, because }, Effect.asVoid(again))
      }
      const plan = Effect.tapError(Shards.plan(Effect.zipRight(impatient.await, impatient.close)), (because) =>
        begin([], { _tag: "Stopped", because }, Effect.void)
      )
      const shards = config.transport === "webhook" ? [] : yield* Effect.provide(plan, services)
      if (config.transport !== "websocket") {
        const { run: take, sink } = delivery.intake({ app: config.appId, shard: "webhook" })
        yield* Effect.forkScoped(Effect.intoDeferred(take, failed))
        yield* webhook.open(heard(sink))
      }
      // all sessions are left at once: one that takes its time delays no other
      const apart = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.parallel)
      const handshakes = Handshakes.make(config.session.concurrentHandshakes)
      let left = shards.length
      const sessions = yield* Effect.forEach(shards, (shard) =>
        Effect.gen(function* () {
          const { run: take, sink } = delivery.intake({ app: config.appId, shard: shard.join("/") })
          const session = yield* Session.make({ intents, shard, handshakes, onState: announce }).pipe(
            Effect.provideService(DispatchSink, heard(sink)),
            Effect.provide(services)
          )
          yield* Effect.forkScoped(Effect.intoDeferred(take, failed))
          const alone = Effect.catchTag(session.run, "GatewayStopped", (stopped) =>
            config.onShardStopped === "continue" && --left > 0 ? Effect.never : stopped
          )
          yield* Effect.forkIn(Effect.intoDeferred(alone, failed), apart)
          return session
        })
      )
      yield* begin(
        sessions,
        { _tag: "Ready", since: startedAt },
        Effect.forEach(sessions, ({ reconnectNow }) => reconnectNow, { discard: true })
      )
      yield* announce
      // scopes close in reverse: the handlers are drained while the sessions are still up
      yield* Effect.addFinalizer(() => delivery.drain)
      return yield* Deferred.await(failed)
    }).pipe(Effect.scoped, Effect.annotateLogs({ package: "@effect-qq/core", appId: config.appId }))

  const whileRunning = <A, E>(
    stream: (now: Running) => Stream.Stream<A, E>,
    otherwise: Stream.Stream<A>
  ): Stream.Stream<A, E> =>
    Stream.flatMap(running.changes, Option.match({ onNone: () => otherwise, onSome: stream }), { switch: true })

  const now = Effect.map(SubscriptionRef.get(running), Option.getOrUndefined)

  const statuses = Effect.flatMap(now, (now) => (now === undefined ? Effect.succeed([]) : statusesOf(now)))

  /** Completes when a bot runs. */
  const begunRunning = whileRunning((now) => Stream.succeed(now), Stream.empty).pipe(
    Stream.runHead,
    Effect.map(Option.getOrThrow)
  )

  const allReady = ({ otherwise, sessions }: Running): Effect.Effect<void, GatewayStopped> => {
    if (otherwise._tag === "Stopped") return otherwise.because
    if (sessions.length === 0) return otherwise._tag === "Ready" ? Effect.void : Effect.never
    if (config.onShardStopped === "stop") {
      return Effect.forEach(sessions, ({ ready }) => ready, { concurrency: "unbounded", discard: true })
    }
    return Effect.flatMap(
      Effect.forEach(sessions, ({ ready }) => Effect.either(ready), { concurrency: "unbounded" }),
      (outcomes) => outcomes.find(Either.isRight) ?? outcomes[0] ?? Effect.void
    )
  }

  return Gateway.of({
    run,
    status: Subscribable.make({
      get: current,
      changes: Stream.mapEffect(
        changes.from(() => undefined),
        () => current
      )
    }),
    shards: Subscribable.make({
      get: statuses,
      changes: Stream.mapEffect(
        changes.from(() => undefined),
        () => statuses
      )
    }),
    ready: whileRunning((now) => Stream.fromEffect(allReady(now)), Stream.empty).pipe(Stream.runHead, Effect.asVoid),
    health: Effect.map(Effect.zip(current, now), ([{ lastFrameAge, state }, now]) => ({
      state: state._tag,
      lastFrameAge,
      unsettled: now?.delivery.unsettled() ?? 0
    })),
    reconnectNow: Effect.flatMap(now, (now) => now?.reconnectNow ?? Effect.void),
    next: <T extends DialogueType>(
      of: Conversation.Conversation | Event.EventOf<DialogueType>,
      options?: NextOptions<T>
    ) => {
      const author = "t" in of ? (authorOf(of) ?? "") : undefined
      const types: ReadonlyArray<string> | undefined =
        typeof options?.types === "string" ? [options.types] : options?.types
      const isWanted = (event: Event.Event): event is Event.EventOf<T> =>
        isOfDialogue(event) &&
        (types === undefined ? Event.isMessage(event) : types.includes(event.t)) &&
        (author === undefined || authorOf(event) === author)
      const timeout = options?.timeout ?? patience
      return Effect.flatMap(Effect.timeout(begunRunning, timeout), ({ delivery }) =>
        delivery.next({
          conversation: conversationIn(of),
          queued: options?.queued ?? true,
          timeout,
          matches: (event) => isWanted(event) && (options?.where?.(event) ?? true)
        })
      ).pipe(
        // only what is wanted matches
        Effect.map((event) => event as Event.EventOf<T>)
      )
    },
    events: whileRunning(({ delivery }) => delivery.events, Stream.empty)
  })
})

/**
 * A gateway over the services of one bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Gateway, never, SessionServices> = Layer.effect(Gateway, make)

/**
 * Runs handlers; see {@link GatewayShape.run}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const run = <E, R>(
  handlers: Layer.Layer<never, E, R>
): Effect.Effect<never, AlreadyRunning | GatewayStopped | E, Exclude<R, Handlers.HandlerRegistry> | Gateway> =>
  Effect.flatMap(Gateway, (gateway) => gateway.run(handlers))

/**
 * Runs handlers in the background, with the scope of the Layer: for services, which have more to do than to be a bot. What the
 * handlers fail with when they are built fails the Layer. When the gateway stops for good later on, `restart` may run it
 * again; else {@link launch} fails, and so does {@link stopped}, and it is logged.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import { Schedule } from "effect"
 *
 * const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(text)))
 *
 * const Service = Gateway.layerRun(Echo, { restart: Schedule.spaced("10 minutes") })
 *
 * const program = Gateway.launch(Service)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRun = <E, R, R2 = never>(
  handlers: Layer.Layer<never, E, R>,
  options?: GatewayRuns.RunOptions<R2>
): Layer.Layer<
  GatewayRuns.GatewayRun,
  AlreadyRunning | GatewayStopped | E,
  Exclude<R, Handlers.HandlerRegistry> | Gateway | R2
> => GatewayRuns.layer(handlers, run, options)

/**
 * The status of the gateway, with its changes; see {@link GatewayShape.status}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const status: Effect.Effect<Subscribable.Subscribable<Session.SessionStatus>, never, Gateway> = Effect.map(
  Gateway,
  (gateway) => gateway.status
)

/**
 * Completes when the bot is online; see {@link GatewayShape.ready}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const ready: Effect.Effect<void, GatewayStopped, Gateway> = Effect.flatMap(Gateway, (gateway) => gateway.ready)

/**
 * For a health check; see {@link GatewayShape.health}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const health: Effect.Effect<Health, never, Gateway> = Effect.flatMap(Gateway, (gateway) => gateway.health)

/**
 * See {@link GatewayShape.reconnectNow}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const reconnectNow: Effect.Effect<void, never, Gateway> = Effect.flatMap(
  Gateway,
  (gateway) => gateway.reconnectNow
)

/**
 * The status of each shard; see {@link GatewayShape.shards}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const shards: Effect.Effect<
  Subscribable.Subscribable<ReadonlyArray<Session.SessionStatus>>,
  never,
  Gateway
> = Effect.map(Gateway, (gateway) => gateway.shards)

/**
 * Waits for the next message of a conversation, or of a message's author, before the handlers get it; with `types` for an
 * interaction. See {@link GatewayShape.next}.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import { Effect } from "effect"
 *
 * const Greet = Gateway.on("C2C_MESSAGE_CREATE", (event) =>
 *   Effect.gen(function* () {
 *     yield* Messenger.reply(event, Message.text("what is your name?"))
 *     const answer = yield* Gateway.next(event, { timeout: "2 minutes" })
 *     yield* Messenger.reply(answer, Message.text(`hello, ${answer.content}`))
 *   }).pipe(Effect.catchTag("TimeoutException", () => Messenger.reply(event, Message.text("another time, then"))))
 * )
 * ```
 *
 * @example
 * ```ts
 * import { Gateway, Interaction, Keyboard, Message, Messenger } from "@effect-qq/core"
 * import { Effect } from "effect"
 *
 * const choice = (label: string) => Keyboard.button(label, Keyboard.callback(label))
 * const keyboard = Keyboard.rows([choice("yes"), choice("no")])
 *
 * const Ask = Gateway.on(
 *   "C2C_MESSAGE_CREATE",
 *   (event) =>
 *     Effect.gen(function* () {
 *       yield* Messenger.reply(event, Message.markdown("Are you sure?", { keyboard }))
 *       const press = yield* Gateway.next(event, { types: "INTERACTION_CREATE" })
 *       yield* Messenger.reply(press, Message.text(`you chose ${Interaction.view(press).button?.data}`))
 *     }),
 *   { awaits: ["INTERACTION_CREATE"] }
 * )
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const next = <const T extends DialogueType = Event.MessageEvent["t"]>(
  of: Conversation.Conversation | Event.EventOf<DialogueType>,
  options?: NextOptions<T>
): Effect.Effect<Event.EventOf<T>, Cause.TimeoutException, Gateway> =>
  Effect.flatMap(Gateway, (gateway) => gateway.next(of, options))

/**
 * See {@link GatewayShape.events}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const events: Stream.Stream<Event.Event, never, Gateway> = Stream.unwrap(
  Effect.map(Gateway, (gateway) => gateway.events)
)
