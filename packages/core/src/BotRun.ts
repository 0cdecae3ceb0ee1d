/**
 * One run of a bot: its handlers, their delivery, and the ways in which events come, put together in one scope.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { BotConfig, type BotConfigShape } from "./BotConfig.ts"
import type { BotStatus } from "./BotStatus.ts"
import * as Acknowledgement from "./delivery/Acknowledgement.ts"
import * as Delivery from "./delivery/Delivery.ts"
import type * as Handlers from "./delivery/Handlers.ts"
import { OwnMessages } from "./events/OwnMessages.ts"
import { DispatchSink, type DispatchSinkShape } from "./gateway/DispatchSink.ts"
import type { GatewayStopped } from "./gateway/GatewayError.ts"
import { GatewayMetadata } from "./gateway/GatewayMetadata.ts"
import * as Handshakes from "./gateway/Handshakes.ts"
import type { IdentifyLimiter } from "./gateway/IdentifyLimiter.ts"
import * as Intents from "./gateway/Intents.ts"
import * as Ownership from "./gateway/Ownership.ts"
import * as Session from "./gateway/Session.ts"
import type { SessionStore } from "./gateway/SessionStore.ts"
import * as Shards from "./gateway/Shards.ts"
import { InboundRecorder } from "./messages/InboundRecorder.ts"
import { AccessToken } from "./openapi/AccessToken.ts"
import type { OpenApi } from "./openapi/OpenApi.ts"
import { SessionAvailability } from "./openapi/SessionAvailability.ts"
import { WebhookIntake } from "./webhook/WebhookIntake.ts"

/**
 * The services of a bot that a run needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Services =
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
 * One run at a time. The status of one that has stopped for good stays readable until the next run.
 *
 * @since 0.1.0
 * @category running
 */
export const claimed = (appId: string, status: BotStatus): Effect.Effect<void, AlreadyRunning, Scope.Scope> => {
  let begun = false
  return Effect.acquireRelease(
    Effect.suspend(() => {
      if (begun) return new AlreadyRunning({ appId })
      begun = true
      return status.set(undefined)
    }),
    () =>
      Effect.suspend(() => {
        begun = false
        return status.state._tag === "Stopped" ? Effect.void : status.set(undefined)
      })
  )
}

/** What the parts of one run share. */
interface Run {
  readonly config: BotConfigShape
  readonly status: BotStatus
  readonly delivery: Delivery.Delivery
  /** The intents of each session. */
  readonly intents: Intents.Intents
  /** Ends the run. */
  readonly failed: Deferred.Deferred<never, GatewayStopped>
  /** Tells senders how the bot is. */
  readonly announce: Effect.Effect<void>
  /** A way for events to come in, which is listened to while the scope is open. */
  readonly open: (shard: string) => Effect.Effect<DispatchSinkShape, never, Scope.Scope>
}

const intentsOf = (config: BotConfigShape, handlers: ReadonlyArray<Handlers.Handler>): Intents.Intents =>
  Option.getOrElse(config.intents, () =>
    Intents.forEventTypes(handlers.flatMap(({ subscribes, types }) => subscribes ?? types))
  )

/** Senders hear of whatever is taken before a handler can: it is what they reply to. */
const opener = (
  { appId }: BotConfigShape,
  delivery: Delivery.Delivery,
  failed: Deferred.Deferred<never, GatewayStopped>
): Effect.Effect<Run["open"], never, InboundRecorder> =>
  Effect.zipWith(InboundRecorder, OwnMessages, (recorder, own) => (shard: string) => {
    const { run, sink } = delivery.intake({ app: appId, shard })
    const recorded: DispatchSinkShape = {
      ...sink,
      offer: (frame, size, settled) => {
        const isTaken = sink.offer(frame, size, settled)
        if (isTaken && !own.isOwn(frame)) recorder.dispatched(frame)
        return isTaken
      }
    }
    return Effect.as(Effect.forkScoped(endingWith(failed, run)), recorded)
  })

/** Ends the run when this fails. `intoDeferred` would hold four frames for it in each idle fiber. */
const endingWith = (
  failed: Deferred.Deferred<never, GatewayStopped>,
  effect: Effect.Effect<never, GatewayStopped>
): Effect.Effect<void> => Effect.catchAllCause(effect, (cause) => Effect.asVoid(Deferred.failCause(failed, cause)))

/** Handlers that begin nothing once another process owns the bot: what waits for them is not settled, and so replayed there. */
const owned = (
  handlers: ReadonlyArray<Handlers.Handler>,
  { isHeld }: Ownership.OwnershipShape
): ReadonlyArray<Handlers.Handler> =>
  handlers.map((handler) => {
    const { direct } = handler
    return {
      ...handler,
      run: (event, name) => Effect.suspend(() => (isHeld() ? handler.run(event, name) : Effect.never)),
      direct:
        direct === undefined
          ? undefined
          : { ...direct, attempt: (event) => (isHeld() ? direct.attempt(event) : Effect.never) }
    }
  })

/** Which shards run here. Until that is known the bot waits; `reconnectNow` asks the platform again. */
const planShards = ({ config, delivery, status }: Run) =>
  Effect.gen(function* () {
    const token = yield* AccessToken
    const metadata = yield* GatewayMetadata
    if (config.transport === "webhook") return []
    const impatient = yield* Effect.makeLatch(false)
    const begin = (otherwise: Session.SessionState, reconnectNow: Effect.Effect<void>) =>
      status.set({ sessions: [], otherwise, reconnectNow, delivery })
    if (config.shards === "recommended") {
      const because = "the number of shards is not known yet"
      const again = Effect.zipRight(Effect.zipRight(token.askAgain, metadata.askAgain), impatient.open)
      yield* begin({ _tag: "Waiting", until: undefined, because }, Effect.asVoid(again))
    }
    return yield* Effect.tapError(Shards.plan(Effect.zipRight(impatient.await, impatient.close)), (because) =>
      begin({ _tag: "Stopped", because }, Effect.void)
    )
  })

/** A session for each shard, in scopes that close side by side: one that takes its time delays no other. */
const startSessions = ({ announce, config, failed, intents, open }: Run, shards: ReadonlyArray<Shards.Shard>) =>
  Effect.gen(function* () {
    const apart = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.parallel)
    const handshakes = Handshakes.make(config.session.concurrentHandshakes)
    let left = shards.length
    return yield* Effect.forEach(shards, (shard) =>
      Effect.gen(function* () {
        const sink = yield* open(shard.join("/"))
        const session = yield* Effect.provideService(
          Session.make({ intents, shard, handshakes, onState: announce }),
          DispatchSink,
          sink
        )
        const alone = Effect.catchTag(session.run, "GatewayStopped", (stopped) =>
          config.onShardStopped === "continue" && --left > 0 ? Effect.never : stopped
        )
        yield* Effect.forkIn(endingWith(failed, alone), apart)
        return session
      })
    )
  })

/**
 * What {@link run} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly status: BotStatus
  readonly handlers: ReadonlyArray<Handlers.Handler>
}

/**
 * Runs a bot until one of its sessions stops for good.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = ({ handlers, status }: Options): Effect.Effect<never, GatewayStopped, Scope.Scope | Services> =>
  Effect.gen(function* () {
    const config = yield* BotConfig
    const own = yield* OwnMessages
    const ownership = yield* Ownership.Ownership
    const acknowledgement = yield* Acknowledgement.make
    const delivery = yield* Delivery.make({
      policy: config.delivery,
      handlers: ownership === Ownership.always ? handlers : owned(handlers, ownership),
      drainWaiting: config.session.onShutdown === "end",
      isOwn: own.isOwn,
      received: acknowledgement.received
    })
    const failed = yield* Deferred.make<never, GatewayStopped>()
    const startedAt = yield* Clock.currentTimeMillis
    // before the sessions begin, and so undone after they have ended
    const announce = yield* status.announcing(yield* SessionAvailability)
    yield* Effect.forkScoped(endingWith(failed, delivery.run))
    const open = yield* opener(config, delivery, failed)
    const parts: Run = { config, status, delivery, intents: intentsOf(config, handlers), failed, announce, open }
    const shards = yield* planShards(parts)
    if (config.transport !== "websocket") {
      const sink = yield* open("webhook")
      const webhook = yield* WebhookIntake
      yield* webhook.open(sink)
    }
    const sessions = yield* startSessions(parts, shards)
    yield* status.set({
      sessions,
      otherwise: { _tag: "Ready", since: startedAt },
      reconnectNow: Effect.suspend(() =>
        Effect.forEach(sessions, ({ reconnectNow }) => reconnectNow, { discard: true })
      ),
      delivery
    })
    yield* announce
    // scopes close in reverse: the handlers are drained while the sessions are still up
    yield* Effect.addFinalizer(() => (ownership.isHeld() ? delivery.drain : Effect.void))
    return yield* Deferred.await(failed)
  })
