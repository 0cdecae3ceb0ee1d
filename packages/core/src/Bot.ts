/**
 * All of one bot above the services of a runtime: its configuration, an HTTP client, sockets and a store.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as BotConfig from "./BotConfig.ts"
import * as OwnMessages from "./events/OwnMessages.ts"
import * as Gateway from "./Gateway.ts"
import * as GatewayMetadata from "./gateway/GatewayMetadata.ts"
import * as IdentifyLimiter from "./gateway/IdentifyLimiter.ts"
import * as SessionStore from "./gateway/SessionStore.ts"
import * as AuditOutcomes from "./messages/AuditOutcomes.ts"
import * as Media from "./messages/Media.ts"
import * as Messenger from "./messages/Messenger.ts"
import * as RateLimit from "./messages/RateLimit.ts"
import * as InboundRecorder from "./messages/InboundRecorder.ts"
import * as ReplyLedger from "./messages/ReplyLedger.ts"
import * as AccessToken from "./openapi/AccessToken.ts"
import * as OpenApi from "./openapi/OpenApi.ts"
import * as SessionAvailability from "./openapi/SessionAvailability.ts"
import * as WebhookIntake from "./webhook/WebhookIntake.ts"

/**
 * What a bot offers to a program.
 *
 * @since 0.1.0
 * @category models
 */
export type Bot =
  | AccessToken.AccessToken
  | AuditOutcomes.AuditOutcomes
  | Gateway.Gateway
  | GatewayMetadata.GatewayMetadata
  | Media.Media
  | Messenger.Messenger
  | OpenApi.OpenApi
  | RateLimit.RateLimit
  | ReplyLedger.ReplyLedger
  | SessionAvailability.SessionAvailability
  | WebhookIntake.WebhookIntake

/**
 * What a runtime has to bring.
 *
 * @since 0.1.0
 * @category models
 */
export type Runtime =
  | BotConfig.BotConfig
  | HttpClient.HttpClient
  | KeyValueStore.KeyValueStore
  | Socket.WebSocketConstructor

/** The services of bots around this one, as in the handler of another bot: they are no replacement for its own. */
class OfOtherBots extends Context.Reference<OfOtherBots>()("@effect-qq/core/Bot/OfOtherBots", {
  defaultValue: (): ReadonlySet<unknown> => new Set()
}) {}

/** Puts a service beside those that it needs. */
const add =
  <I, S, Needs>(tag: Context.Tag<I, S>, make: Effect.Effect<S, never, Needs>) =>
  <Others>(context: Context.Context<Needs | Others>): Effect.Effect<Context.Context<I | Needs | Others>> =>
    Effect.map(Effect.provide(make, context), (service) => Context.add(context, tag, service))

/** The same for a service that may be replaced: one that was given is used. */
const use =
  <I, S, Needs>(tag: Context.Tag<I, S>, make: Effect.Effect<S, never, Needs>) =>
  <Others>(context: Context.Context<Needs | Others>): Effect.Effect<Context.Context<I | Needs | Others>> => {
    const given = Context.getOption(context as Context.Context<never>, tag)
    return Option.isSome(given) && !Context.get(context, OfOtherBots).has(given.value)
      ? Effect.succeed(Context.add(context, tag, given.value))
      : add(tag, make)(context)
  }

const ownMessages = Effect.flatMap(BotConfig.BotConfig, ({ delivery }) =>
  OwnMessages.make({ capacity: delivery.ownMessagesCapacity, window: delivery.ownMessagesWindow })
)

/**
 * The services of one bot, which share one token, one metadata cache and one session.
 *
 * An `AccessToken`, `OpenApi`, `RateLimit`, `ReplyLedger`, `SessionStore`, `GatewayMetadata` or `IdentifyLimiter` in the
 * context is used instead of a new one, unless it is a service of another bot. So a bot's services are replaced by giving a
 * Layer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Context.Context<Bot>, never, Runtime | Scope.Scope> = Effect.context<
  Runtime | Scope.Scope
>().pipe(
  Effect.flatMap(use(AccessToken.AccessToken, AccessToken.make)),
  Effect.flatMap(use(OpenApi.OpenApi, OpenApi.make)),
  // what the sender fills and the gateway reads
  Effect.flatMap(add(OwnMessages.OwnMessages, ownMessages)),
  // what the gateway fills and others read: the sender, and the webhook
  Effect.flatMap(add(AuditOutcomes.AuditOutcomes, AuditOutcomes.make)),
  Effect.flatMap(use(RateLimit.RateLimit, RateLimit.make())),
  Effect.flatMap(use(ReplyLedger.ReplyLedger, ReplyLedger.make())),
  Effect.flatMap(add(SessionAvailability.SessionAvailability, SessionAvailability.make)),
  Effect.flatMap(add(WebhookIntake.WebhookIntake, WebhookIntake.make)),
  Effect.flatMap(add(Media.Media, Media.make())),
  Effect.flatMap(add(Messenger.Messenger, Messenger.make())),
  Effect.flatMap(add(InboundRecorder.InboundRecorder, InboundRecorder.make)),
  Effect.flatMap(use(SessionStore.SessionStore, SessionStore.make)),
  Effect.flatMap(use(GatewayMetadata.GatewayMetadata, GatewayMetadata.make)),
  Effect.flatMap(use(IdentifyLimiter.IdentifyLimiter, IdentifyLimiter.make)),
  Effect.flatMap(add(Gateway.Gateway, Gateway.make)),
  Effect.map((context) =>
    Context.add(context, OfOtherBots, new Set([...Context.get(context, OfOtherBots), ...context.unsafeMap.values()]))
  ),
  Effect.map(
    Context.pick(
      AccessToken.AccessToken,
      AuditOutcomes.AuditOutcomes,
      Gateway.Gateway,
      GatewayMetadata.GatewayMetadata,
      Media.Media,
      Messenger.Messenger,
      OpenApi.OpenApi,
      OwnMessages.OwnMessages,
      RateLimit.RateLimit,
      ReplyLedger.ReplyLedger,
      SessionAvailability.SessionAvailability,
      WebhookIntake.WebhookIntake,
      OfOtherBots
    )
  )
)

/**
 * One bot. One layer rather than a dozen: a process may hold thousands of bots, and each layer costs time and memory.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Bot, never, Runtime> = Layer.scopedContext(make)
