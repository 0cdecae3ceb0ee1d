// The webhook of a bot inside of an HTTP API of one's own: `POST /webhook` is for the platform, `GET /health` for a
// load balancer, `POST /announcements` for other programs. PORT is 8080 unless said otherwise; BOT_TRANSPORT=both lets the
// bot be connected as well.
import { Conversation, Gateway, Message, Messenger, Webhook } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpServer from "@effect/platform/HttpServer"
import { Config, Effect, Layer, Option, Schema } from "effect"
import { createServer } from "node:http"

class NotSent extends Schema.TaggedError<NotSent>()(
  "NotSent",
  { reason: Schema.String, hint: Schema.String },
  HttpApiSchema.annotations({ status: 502 })
) {}

class UnknownConversation extends Schema.TaggedError<UnknownConversation>()(
  "UnknownConversation",
  {},
  HttpApiSchema.annotations({ status: 422 })
) {}

const BotGroup = HttpApiGroup.make("bot")
  .add(
    HttpApiEndpoint.get("health", "/health").addSuccess(
      Schema.Struct({ state: Schema.String, unsettled: Schema.Number })
    )
  )
  .add(
    HttpApiEndpoint.post("announce", "/announcements")
      .setPayload(Schema.Struct({ to: Schema.String, text: Schema.NonEmptyString }))
      .addSuccess(Schema.Struct({ via: Schema.Literal("passive", "proactive") }))
      .addError(NotSent)
      .addError(UnknownConversation)
  )

class Api extends HttpApi.make("api").add(BotGroup) {}

const BotHandlers = HttpApiBuilder.group(Api, "bot", (handlers) =>
  handlers
    .handle("health", () => Effect.map(Gateway.health, ({ state, unsettled }) => ({ state, unsettled })))
    .handle("announce", ({ payload }) =>
      Effect.gen(function* () {
        const to = Conversation.fromKey(payload.to)
        if (Option.isNone(to)) return yield* new UnknownConversation()
        const { via } = yield* Effect.mapError(
          Messenger.send(to.value, Message.text(payload.text)),
          ({ hint, message }) => new NotSent({ reason: message, hint })
        )
        return { via }
      })
    )
)

/** The route of the platform, beside those of the API. */
const WebhookRoute = Layer.unwrapEffect(
  Effect.map(Webhook.make(), ({ app }) => HttpApiBuilder.Router.use((router) => router.post("/webhook", app)))
)

const Listener = Layer.unwrapEffect(
  Effect.map(Config.withDefault(Config.port("PORT"), 8080), (port) => NodeHttpServer.layer(createServer, { port }))
)

const Server = HttpApiBuilder.serve().pipe(
  Layer.provide(WebhookRoute),
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(BotHandlers),
  HttpServer.withLogAddress,
  Layer.provide(Listener)
)

const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(`you said: ${text}`)), {
  scenes: ["c2c", "group"]
})

const Bot = Layer.unwrapEffect(
  Effect.map(Config.withDefault(Config.literal("webhook", "both")("BOT_TRANSPORT"), "webhook" as const), (transport) =>
    NodeBot.layerConfig({ transport })
  )
)

NodeRuntime.runMain(Gateway.run(Echo).pipe(Effect.provide(Layer.provideMerge(Server, Bot))))
