/**
 * The bot itself: who it is, where it is, whom it talks to; links, interactions and webhook sessions.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Endpoint from "../Endpoint.ts"
import { as, id, integer, list, record, text, type Open } from "../Lenient.ts"
import { type Guild, guild, type User, user } from "./Entities.ts"

const users = "users pages (bot-docs 2025-04) [doc]"

const directConversation = record({
  /** That of the chat itself, under which messages are sent. */
  guild_id: id,
  channel_id: id,
  /** In seconds. */
  create_time: id
})

/**
 * The private chat with a member of a guild: what `Conversation.directMessage` takes.
 *
 * @since 0.1.0
 * @category users
 */
export interface DirectConversation extends Schema.Schema.Type<typeof directConversation> {}

/**
 * Whom to talk to.
 *
 * @since 0.1.0
 * @category users
 */
export interface DirectConversationDraft extends Open {
  /** The user. */
  readonly recipient_id: string
  /** A guild in which both the user and the bot are. */
  readonly source_guild_id: string
}

/**
 * The bot itself.
 *
 * @since 0.1.0
 * @category users
 */
export const getMe = Endpoint.make({
  method: "GET",
  path: "/users/@me",
  answer: as<User>(user),
  source: users
})

/**
 * The guilds that the bot is in, at most 100 a page: those after a guild, or those before one, going backwards. The stream
 * goes forwards: give it no `before`.
 *
 * @since 0.1.0
 * @category users
 */
export const listMyGuilds = Endpoint.paged(
  {
    method: "GET",
    path: "/users/@me/guilds",
    query: {
      before: Schema.optional(Schema.String),
      after: Schema.optional(Schema.String),
      limit: Schema.optional(Schema.Number)
    },
    answer: as<ReadonlyArray<Guild>>(list(guild)),
    source: users
  },
  { parameter: "after", limit: 100, ...Endpoint.following((guild) => guild.id) }
)

/**
 * Opens a private chat with a member of a guild.
 *
 * @since 0.1.0
 * @category users
 */
export const createDirectConversation = Endpoint.make({
  method: "POST",
  path: "/users/@me/dms",
  body: Endpoint.json<DirectConversationDraft>(),
  answer: as<DirectConversation>(directConversation),
  source: users
})

/**
 * What comes back as `scene_param` of FRIEND_ADD.
 *
 * @since 0.1.0
 * @category links
 */
export interface UrlLinkDraft extends Open {
  /** At most 32 characters. */
  readonly callback_data?: string | undefined
}

/**
 * A link that opens a chat with the bot.
 *
 * @since 0.1.0
 * @category links
 */
export interface UrlLink {
  readonly url: string
}

const flatLink = Schema.Union(
  Schema.Struct({ url: Schema.NonEmptyString }),
  Schema.Struct({ url_link: Schema.NonEmptyString })
)

const urlLink = Schema.transform(
  Schema.Union(flatLink, Schema.Struct({ data: flatLink })),
  Schema.Struct({ url: Schema.String }),
  {
    strict: true,
    decode: (body) => {
      const link = "data" in body ? body.data : body
      return { url: "url" in link ? link.url : link.url_link }
    },
    encode: (link) => link
  }
) as unknown as Schema.Schema<UrlLink, unknown>

/**
 * Makes a link that opens a chat with the bot. The platform was seen to answer with `url` or `url_link`, within `data` or
 * not.
 *
 * @since 0.1.0
 * @category links
 */
export const generateUrlLink = Endpoint.make({
  method: "POST",
  path: "/v2/generate_url_link",
  body: Endpoint.json<UrlLinkDraft>(),
  answer: as<UrlLink>(urlLink),
  source: "FRIEND_ADD (docs 2026) [doc]; QQBot.Net [field]"
})

/**
 * What the user sees.
 *
 * @since 0.1.0
 * @category interactions
 */
export interface Acknowledgement extends Open {
  /** 0 ok, 1 failed, 2 too often, 3 done already, 4 not permitted, 5 admins only. */
  readonly code: 0 | 1 | 2 | 3 | 4 | 5
  /** For interactions that ask for some. */
  readonly data?: unknown | undefined
}

/**
 * Acknowledges an interaction, once, within 3 s. `Interactions.acknowledge` fills in the app id.
 *
 * @since 0.1.0
 * @category interactions
 */
export const acknowledgeInteraction = Endpoint.make({
  method: "PUT",
  path: "/interactions/{interaction}",
  headers: { appId: "x-callback-appid" },
  timeout: "3 seconds",
  body: Endpoint.json<Acknowledgement>(),
  source: "interaction_create, interactions overview (docs 2026) [doc]"
})

const webhooks = "botgo openapi/v1/webhook.go [sdk]"

const webhookSession = record({
  app_id: id,
  session_id: id,
  callback_url: text,
  env: text,
  intents: integer,
  last_heartbeat_time: text,
  state: text,
  shards: list(integer)
})

/**
 * A session whose events go to an address.
 *
 * @since 0.1.0
 * @category webhook sessions
 */
export interface WebhookSession extends Schema.Schema.Type<typeof webhookSession> {}

/**
 * A session to be made.
 *
 * @since 0.1.0
 * @category webhook sessions
 */
export interface WebhookSessionDraft extends Open {
  readonly intents: number
  readonly shards: readonly [shard: number, count: number]
  readonly callback_url: string
}

const webhookSessionCreated = record({
  version: integer,
  session_id: id,
  bot: user,
  shard: list(integer)
})

/**
 * The session that was made.
 *
 * @since 0.1.0
 * @category webhook sessions
 */
export interface WebhookSessionCreated extends Schema.Schema.Type<typeof webhookSessionCreated> {}

/**
 * Makes a session whose events go to an address.
 *
 * @since 0.1.0
 * @category webhook sessions
 */
export const createWebhookSession = Endpoint.make({
  method: "POST",
  path: "/gateway/webhook/sessions",
  body: Endpoint.json<WebhookSessionDraft>(),
  answer: as<WebhookSessionCreated>(webhookSessionCreated),
  source: webhooks
})

/**
 * The sessions whose events go to an address.
 *
 * @since 0.1.0
 * @category webhook sessions
 */
export const listWebhookSessions = Endpoint.make({
  method: "GET",
  path: "/gateway/webhook/sessions",
  answer: as<ReadonlyArray<WebhookSession>>(list(webhookSession)),
  source: webhooks
})

/**
 * Has the platform resume the sessions that are not active, and answers with all.
 *
 * @since 0.1.0
 * @category webhook sessions
 */
export const checkWebhookSessions = Endpoint.make({
  method: "PATCH",
  path: "/gateway/webhook/sessions",
  query: { action: Schema.Literal("check") },
  answer: as<ReadonlyArray<WebhookSession>>(list(webhookSession)),
  source: webhooks
})

/**
 * Ends a session.
 *
 * @since 0.1.0
 * @category webhook sessions
 */
export const deleteWebhookSession = Endpoint.make({
  method: "DELETE",
  path: "/gateway/webhook/sessions/{session}",
  source: webhooks
})
