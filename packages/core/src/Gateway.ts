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
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Subscribable from "effect/Subscribable"
import { BotConfig, type BotConfigShape } from "./BotConfig.ts"
import * as BotRun from "./BotRun.ts"
import { BotStatus } from "./BotStatus.ts"
import type * as Dialogue from "./delivery/Dialogue.ts"
import * as Handlers from "./delivery/Handlers.ts"
import * as Event from "./events/Event.ts"
import * as Interaction from "./events/Interaction.ts"
import * as MessageView from "./events/MessageView.ts"
import type { GatewayStopped } from "./gateway/GatewayError.ts"
import * as GatewayRuns from "./gateway/GatewayRun.ts"
import type * as Session from "./gateway/Session.ts"
import * as Conversation from "./events/Conversation.ts"

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

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  AlreadyRunning,
  /**
   * @since 0.1.0
   * @category models
   */
  type Services
} from "./BotRun.ts"

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
  ) => Effect.Effect<never, BotRun.AlreadyRunning | GatewayStopped | E, Exclude<R, Handlers.HandlerRegistry>>
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

const isOfDialogue = (event: Event.Event): event is Event.EventOf<DialogueType> =>
  event.t === "INTERACTION_CREATE" || Event.isMessage(event)

/** Who wrote a message, or used a button. */
const authorOf = (event: Event.EventOf<DialogueType>): string | undefined =>
  event.t === "INTERACTION_CREATE" ? Interaction.view(event).user : MessageView.of(event).author.id

/** The conversation in which a dialogue goes on. */
const conversationIn = (of: Conversation.Conversation | Event.EventOf<DialogueType>): string =>
  "t" in of ? (Conversation.keysOf(of)[0] ?? "") : Conversation.toKey(of)

/** How long a dialogue waits for the other. */
const patience = Duration.minutes(5)

/** The event that a dialogue waits for. */
const wantedOf = <T extends DialogueType>(
  of: Conversation.Conversation | Event.EventOf<DialogueType>,
  options: NextOptions<T> | undefined
): Dialogue.Wanted => {
  const author = "t" in of ? (authorOf(of) ?? "") : undefined
  const types: ReadonlyArray<string> | undefined = typeof options?.types === "string" ? [options.types] : options?.types
  const isWanted = (event: Event.Event): event is Event.EventOf<T> =>
    isOfDialogue(event) &&
    (types === undefined ? Event.isMessage(event) : types.includes(event.t)) &&
    (author === undefined || authorOf(event) === author)
  return {
    conversation: conversationIn(of),
    queued: options?.queued ?? true,
    timeout: options?.timeout ?? patience,
    matches: (event) => isWanted(event) && (options?.where?.(event) ?? true)
  }
}

/** A gateway, put together. One object with methods: what is not asked for is not made. */
class Live implements GatewayShape {
  private readonly botStatus: BotStatus
  private readonly services: Context.Context<BotRun.Services>
  private readonly appId: string
  private readonly claim: Effect.Effect<void, BotRun.AlreadyRunning, Scope.Scope>

  constructor(config: BotConfigShape, services: Context.Context<BotRun.Services>) {
    this.botStatus = new BotStatus(config)
    this.services = services
    this.appId = config.appId
    this.claim = BotRun.claimed(config.appId, this.botStatus)
  }

  readonly run: GatewayShape["run"] = <E, R>(handlers: Layer.Layer<never, E, R>) =>
    Effect.gen(this, function* () {
      yield* this.claim
      const registry = yield* Handlers.makeRegistry
      // from the context, not from a layer: each layer that is provided costs a bot some kilobytes
      yield* Effect.mapInputContext(
        Layer.build(handlers),
        (context: Context.Context<Exclude<R, Handlers.HandlerRegistry> | Scope.Scope>) =>
          Context.add(context, Handlers.HandlerRegistry, registry) as Context.Context<R | Scope.Scope>
      )
      const registered = yield* registry.handlers
      const run = BotRun.run({ status: this.botStatus, handlers: registered })
      // the services of this bot, whichever the caller has; its scope is that of the run
      const scope = yield* Effect.scope
      return yield* Effect.provide(run, Context.add(this.services, Scope.Scope, scope))
    }).pipe(Effect.scoped, Effect.annotateLogs({ package: "@effect-qq/core", appId: this.appId }))

  /** For a log that prints a whole context: what a gateway holds refers back to itself. */
  readonly toJSON = (): unknown => ({ _id: "Gateway", appId: this.appId, state: this.botStatus.state._tag })

  get status(): GatewayShape["status"] {
    return this.botStatus.status
  }

  get shards(): GatewayShape["shards"] {
    return this.botStatus.shards
  }

  get ready(): GatewayShape["ready"] {
    return this.botStatus.ready
  }

  get health(): GatewayShape["health"] {
    return Effect.map(this.botStatus.status.get, ({ lastFrameAge, state }) => ({
      state: state._tag,
      lastFrameAge,
      unsettled: this.botStatus.current?.delivery.unsettled() ?? 0
    }))
  }

  get reconnectNow(): GatewayShape["reconnectNow"] {
    return Effect.suspend(() => this.botStatus.current?.reconnectNow ?? Effect.void)
  }

  get events(): GatewayShape["events"] {
    return Stream.suspend(() => this.botStatus.whileRunning(({ delivery }) => delivery.events))
  }

  readonly next: GatewayShape["next"] = <T extends DialogueType>(
    of: Conversation.Conversation | Event.EventOf<DialogueType>,
    options?: NextOptions<T>
  ) => {
    const wanted = wantedOf(of, options)
    return Effect.flatMap(Effect.timeout(this.botStatus.begun, wanted.timeout), ({ delivery }) =>
      delivery.next(wanted)
    ).pipe(
      // only what is wanted matches
      Effect.map((event) => event as Event.EventOf<T>)
    )
  }
}

/**
 * A gateway over the services of one bot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<GatewayShape, never, BotRun.Services> = Effect.zipWith(
  BotConfig,
  Effect.context<BotRun.Services>(),
  (config, services) => new Live(config, services)
)

/**
 * A gateway over the services of one bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Gateway, never, BotRun.Services> = Layer.effect(Gateway, make)

/**
 * Runs handlers; see {@link GatewayShape.run}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const run = <E, R>(
  handlers: Layer.Layer<never, E, R>
): Effect.Effect<never, BotRun.AlreadyRunning | GatewayStopped | E, Exclude<R, Handlers.HandlerRegistry> | Gateway> =>
  Effect.flatMap(Gateway, (gateway) => gateway.run(handlers))

/**
 * Runs handlers in the background, with the scope of the Layer: for services, which have more to do than to be a bot. What the
 * handlers fail with when they are built fails the Layer. When the gateway stops for good later on, `restart` may run it
 * again; else {@link launch} fails, and so does {@link stopped}, and it is logged.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRun = <E, R, R2 = never>(
  handlers: Layer.Layer<never, E, R>,
  options?: GatewayRuns.RunOptions<R2>
): Layer.Layer<
  GatewayRuns.GatewayRun,
  BotRun.AlreadyRunning | GatewayStopped | E,
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
