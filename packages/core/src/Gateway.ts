/**
 * The gateway as a program sees it: register handlers, run them, look at how the bot is.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 *
 * const Echo = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event) =>
 *   Messenger.reply(event, Message.text(`you said: ${event.content.trim()}`))
 * )
 *
 * const program = Gateway.run(Echo)
 * ```
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { BotConfig } from "./BotConfig.ts"
import * as Handlers from "./delivery/Handlers.ts"
import type * as Event from "./events/Event.ts"
import { DispatchSink, type DispatchSinkShape } from "./gateway/DispatchSink.ts"
import type { GatewayStopped } from "./gateway/GatewayError.ts"
import type { GatewayMetadata } from "./gateway/GatewayMetadata.ts"
import type { IdentifyLimiter } from "./gateway/IdentifyLimiter.ts"
import * as Intents from "./gateway/Intents.ts"
import * as Session from "./gateway/Session.ts"
import type { SessionStore } from "./gateway/SessionStore.ts"
import { Reception } from "./messages/Reception.ts"
import type { AccessToken } from "./openapi/AccessToken.ts"
import { type Presence, SessionPresence } from "./openapi/SessionPresence.ts"

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

/**
 * This bot runs already: the same app id and shard twice would handle every event twice.
 *
 * @since 0.1.0
 * @category errors
 */
export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>()("AlreadyRunning", {
  appId: Schema.String,
  shard: Schema.Tuple(Schema.Number, Schema.Number)
}) {
  override get message(): string {
    return `bot ${this.appId}, shard ${this.shard.join("/")}, is running already`
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
  /** The status now, and every change of state. */
  readonly status: Subscribable.Subscribable<Session.SessionStatus>
  /** Completes at READY or RESUMED. Fails with `GatewayStopped` once the session has stopped for good. */
  readonly ready: Effect.Effect<void, GatewayStopped>
  readonly health: Effect.Effect<Health>
  /** Cuts a wait short, or replaces a connection that is Ready. */
  readonly reconnectNow: Effect.Effect<void>
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
  | Reception
  | SessionPresence
  | SessionStore
  | Socket.WebSocketConstructor

interface Running {
  readonly session: Session.Session
  readonly delivery: Handlers.Delivery
}

/**
 * A gateway over the services of one bot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<GatewayShape, never, SessionServices> = Effect.gen(function* () {
  const config = yield* BotConfig
  const services = yield* Effect.context<SessionServices>()
  const reception = yield* Reception
  const presence = yield* SessionPresence
  const running = yield* SubscriptionRef.make(Option.none<Running>())
  let begun = false

  const notRunning: Session.SessionStatus = {
    state: { _tag: "Disconnected" },
    shard: config.shard,
    attempt: 0,
    lastEnd: undefined,
    sessionId: undefined,
    received: undefined,
    watermark: undefined,
    lastFrameAge: undefined,
    roundTrip: undefined
  }

  const current = Effect.flatMap(
    SubscriptionRef.get(running),
    Option.match({
      onNone: () => Effect.succeed(notRunning),
      onSome: ({ session }) => session.status.get
    })
  )

  /** Senders hear of whatever is taken before a handler can: it is what they reply to. */
  const heard = (sink: DispatchSinkShape): DispatchSinkShape => ({
    ...sink,
    offer: (frame, size) => {
      const isTaken = sink.offer(frame, size)
      if (isTaken) reception.dispatched(frame)
      return isTaken
    }
  })

  /** Tells senders how the session is, for as long as it runs. */
  const announce = (session: Session.Session): Effect.Effect<void, never, Scope.Scope> => {
    let wasReady = false
    const presenceOf = ({ state }: Session.SessionStatus): Presence => {
      wasReady = wasReady || state._tag === "Ready"
      if (state._tag === "Ready") return "Up"
      return wasReady && state._tag !== "Stopped" ? "Reconnecting" : "Absent"
    }
    return Effect.addFinalizer(() => presence.set("Absent")).pipe(
      Effect.zipRight(
        Effect.forkScoped(Stream.runForEach(session.status.changes, (now) => presence.set(presenceOf(now))))
      ),
      Effect.asVoid
    )
  }

  const claim = Effect.acquireRelease(
    Effect.suspend(() => {
      if (begun) return new AlreadyRunning({ appId: config.appId, shard: [config.shard[0], config.shard[1]] })
      begun = true
      return Effect.void
    }),
    () =>
      Effect.gen(function* () {
        begun = false
        const { state } = yield* current
        // one that has stopped for good stays to be looked at, until the next run
        if (state._tag !== "Stopped") yield* SubscriptionRef.set(running, Option.none())
      })
  )

  const run: GatewayShape["run"] = <E, R>(handlers: Layer.Layer<never, E, R>) =>
    Effect.gen(function* () {
      yield* claim
      const registry = yield* Handlers.makeRegistry
      yield* Layer.build(Layer.provide(handlers, Layer.succeed(Handlers.HandlerRegistry, registry)))
      const registered = yield* registry.handlers
      const delivery = yield* Handlers.make({
        policy: config.delivery,
        handlers: registered,
        drainWaiting: config.session.onShutdown === "end"
      })
      const intents = Option.getOrElse(config.intents, () =>
        Intents.forEventTypes(registered.flatMap(({ types }) => types))
      )
      const session = yield* Session.make({ intents, shard: config.shard }).pipe(
        Effect.provideService(DispatchSink, heard(delivery.sink)),
        Effect.provide(services)
      )
      const failed = yield* Deferred.make<never, GatewayStopped>()
      yield* Effect.forkScoped(Effect.intoDeferred(delivery.run, failed))
      yield* Effect.forkScoped(Effect.intoDeferred(session.run, failed))
      yield* announce(session)
      yield* SubscriptionRef.set(running, Option.some({ session, delivery }))
      // scopes close in reverse: the handlers are drained while the session is still up
      yield* Effect.addFinalizer(() => delivery.drain)
      return yield* Deferred.await(failed)
    }).pipe(Effect.scoped, Effect.annotateLogs({ package: "@effect-qq/core", appId: config.appId }))

  const whileRunning = <A, E>(
    stream: (now: Running) => Stream.Stream<A, E>,
    otherwise: Stream.Stream<A>
  ): Stream.Stream<A, E> =>
    Stream.flatMap(running.changes, Option.match({ onNone: () => otherwise, onSome: stream }), { switch: true })

  return Gateway.of({
    run,
    status: Subscribable.make({
      get: current,
      changes: whileRunning(({ session }) => session.status.changes, Stream.succeed(notRunning))
    }),
    ready: whileRunning(({ session }) => Stream.fromEffect(session.ready), Stream.empty).pipe(
      Stream.runHead,
      Effect.asVoid
    ),
    health: Effect.map(Effect.zip(current, SubscriptionRef.get(running)), ([{ lastFrameAge, state }, now]) => ({
      state: state._tag,
      lastFrameAge,
      unsettled: Option.match(now, { onNone: () => 0, onSome: ({ delivery }) => delivery.unsettled() })
    })),
    reconnectNow: Effect.flatMap(
      SubscriptionRef.get(running),
      Option.match({ onNone: () => Effect.void, onSome: ({ session }) => session.reconnectNow })
    ),
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
 * See {@link GatewayShape.events}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const events: Stream.Stream<Event.Event, never, Gateway> = Stream.unwrap(
  Effect.map(Gateway, (gateway) => gateway.events)
)
