/**
 * Channels of guilds: what is in them, who may do what, and the recall of messages in every scene.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Endpoint from "../Endpoint.ts"
import { as, flag, id, ids, integer, list, record, text, type Open } from "../Lenient.ts"
import * as Path from "../Path.ts"
import { member, user } from "./Entities.ts"

const channels = "pages of channels (bot-docs 2025-04) [doc]"

const channel = record({
  id,
  guild_id: id,
  name: text,
  /** 0 text, 2 voice, 4 category, 10005 live, 10006 app, 10007 forum. */
  type: integer,
  /** Of text channels: 0 chat, 1 announcements, 2 guides, 3 teams. */
  sub_type: integer,
  position: integer,
  /** The category it is in. */
  parent_id: id,
  owner_id: id,
  /** 0 open, 1 owner and admins, 2 these and those who are named. */
  private_type: integer,
  /** 1 everyone, 2 owner, admins and those who are named. */
  speak_permission: integer,
  application_id: id,
  /** Bits, as a decimal number. */
  permissions: id
})

/**
 * A channel of a guild.
 *
 * @since 0.1.0
 * @category channels
 */
export interface Channel extends Schema.Schema.Type<typeof channel> {}

/**
 * A channel to be made.
 *
 * @since 0.1.0
 * @category channels
 */
export interface ChannelDraft extends Open {
  readonly name?: string | undefined
  /** 0 text, 2 voice, 4 category, 10005 live, 10006 app, 10007 forum. */
  readonly type?: number | undefined
  readonly sub_type?: number | undefined
  /** From 1; of categories from 2. */
  readonly position?: number | undefined
  readonly parent_id?: string | undefined
  readonly private_type?: number | undefined
  readonly private_user_ids?: ReadonlyArray<string> | undefined
  readonly speak_permission?: number | undefined
  readonly application_id?: string | undefined
}

/**
 * What is to change about a channel; the rest stays.
 *
 * @since 0.1.0
 * @category channels
 */
export interface ChannelChange extends Open {
  readonly name?: string | undefined
  readonly position?: number | undefined
  readonly parent_id?: string | undefined
  readonly private_type?: number | undefined
  readonly speak_permission?: number | undefined
}

const onlineCount = record({
  online_nums: integer
})

/**
 * How many are in a channel.
 *
 * @since 0.1.0
 * @category channels
 */
export interface OnlineCount extends Schema.Schema.Type<typeof onlineCount> {}

/**
 * The channels of a guild.
 *
 * @since 0.1.0
 * @category channels
 */
export const listChannels = Endpoint.make({
  method: "GET",
  path: "/guilds/{guild}/channels",
  answer: as<ReadonlyArray<Channel>>(list(channel)),
  source: channels
})

/**
 * Makes a channel. Private-domain bots only.
 *
 * @since 0.1.0
 * @category channels
 */
export const createChannel = Endpoint.make({
  method: "POST",
  path: "/guilds/{guild}/channels",
  body: Endpoint.json<ChannelDraft>(),
  answer: as<Channel>(channel),
  source: channels
})

/**
 * A channel.
 *
 * @since 0.1.0
 * @category channels
 */
export const getChannel = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}",
  answer: as<Channel>(channel),
  source: channels
})

/**
 * Changes a channel. Private-domain bots only.
 *
 * @since 0.1.0
 * @category channels
 */
export const updateChannel = Endpoint.make({
  method: "PATCH",
  path: "/channels/{channel}",
  body: Endpoint.json<ChannelChange>(),
  answer: as<Channel>(channel),
  source: channels
})

/**
 * Deletes a channel, for good. Private-domain bots only.
 *
 * @since 0.1.0
 * @category channels
 */
export const deleteChannel = Endpoint.make({
  method: "DELETE",
  path: "/channels/{channel}",
  source: channels
})

/**
 * How many are in a channel of sound or pictures.
 *
 * @since 0.1.0
 * @category channels
 */
export const getOnlineCount = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/online_nums",
  answer: as<OnlineCount>(onlineCount),
  source: channels
})

const channelPermissions = record({
  channel_id: id,
  user_id: id,
  role_id: id,
  /** Bits, as a decimal number: 1 see, 2 manage, 4 speak, 8 stream. */
  permissions: id
})

/**
 * What a member or a role may do in a channel.
 *
 * @since 0.1.0
 * @category permissions
 */
export interface ChannelPermissions extends Schema.Schema.Type<typeof channelPermissions> {}

/**
 * Bits to add and to remove, as decimal numbers in text; one of them at least.
 *
 * @since 0.1.0
 * @category permissions
 */
export interface PermissionChange extends Open {
  readonly add?: string | undefined
  readonly remove?: string | undefined
}

/**
 * What a member may do in a channel.
 *
 * @since 0.1.0
 * @category permissions
 */
export const getMemberPermissions = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/members/{user}/permissions",
  answer: as<ChannelPermissions>(channelPermissions),
  source: channels
})

/**
 * Changes what a member may do in a channel.
 *
 * @since 0.1.0
 * @category permissions
 */
export const updateMemberPermissions = Endpoint.make({
  method: "PUT",
  path: "/channels/{channel}/members/{user}/permissions",
  body: Endpoint.json<PermissionChange>(),
  source: channels
})

/**
 * What a role may do in a channel.
 *
 * @since 0.1.0
 * @category permissions
 */
export const getRolePermissions = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/roles/{role}/permissions",
  answer: as<ChannelPermissions>(channelPermissions),
  source: channels
})

/**
 * Changes what a role may do in a channel.
 *
 * @since 0.1.0
 * @category permissions
 */
export const updateRolePermissions = Endpoint.make({
  method: "PUT",
  path: "/channels/{channel}/roles/{role}/permissions",
  body: Endpoint.json<PermissionChange>(),
  source: channels
})

const pins = record({
  guild_id: id,
  channel_id: id,
  message_ids: ids
})

/**
 * The messages that are pinned in a channel.
 *
 * @since 0.1.0
 * @category pins
 */
export interface Pins extends Schema.Schema.Type<typeof pins> {}

/**
 * The messages that are pinned in a channel.
 *
 * @since 0.1.0
 * @category pins
 */
export const getPins = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/pins",
  answer: as<Pins>(pins),
  source: channels
})

/**
 * Pins a message. At most 20 in a channel.
 *
 * @since 0.1.0
 * @category pins
 */
export const pinMessage = Endpoint.make({
  method: "PUT",
  path: "/channels/{channel}/pins/{message}",
  answer: as<Pins>(pins),
  source: channels
})

/**
 * Unpins a message; `all` for all.
 *
 * @since 0.1.0
 * @category pins
 */
export const unpinMessage = Endpoint.make({
  method: "DELETE",
  path: "/channels/{channel}/pins/{message}",
  source: channels
})

const schedule = record({
  id,
  name: text,
  description: text,
  /** In milliseconds. */
  start_timestamp: id,
  /** In milliseconds. */
  end_timestamp: id,
  creator: member,
  jump_channel_id: id,
  /** 0 none, 1 at the beginning, 2 to 5: 5, 15, 30, 60 min before. */
  remind_type: id
})

/**
 * A schedule: something that takes place.
 *
 * @since 0.1.0
 * @category schedules
 */
export interface Schedule extends Schema.Schema.Type<typeof schedule> {}

/**
 * What takes place and when.
 *
 * @since 0.1.0
 * @category schedules
 */
export interface ScheduleFields extends Open {
  readonly name?: string | undefined
  readonly description?: string | undefined
  /** In milliseconds, to come. */
  readonly start_timestamp?: string | undefined
  /** In milliseconds, at most 7 days later. */
  readonly end_timestamp?: string | undefined
  readonly jump_channel_id?: string | undefined
  /** 0 none, 1 at the beginning, 2 to 5: 5, 15, 30, 60 min before. */
  readonly remind_type?: string | undefined
}

/**
 * A schedule to be made, or what one is to be.
 *
 * @since 0.1.0
 * @category schedules
 */
export interface ScheduleDraft extends Open {
  readonly schedule: ScheduleFields
}

/**
 * The schedules of today, or those from a time on, in milliseconds.
 *
 * @since 0.1.0
 * @category schedules
 */
export const listSchedules = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/schedules",
  query: { since: Schema.optional(Schema.Number) },
  answer: as<ReadonlyArray<Schedule>>(list(schedule)),
  source: channels
})

/**
 * A schedule.
 *
 * @since 0.1.0
 * @category schedules
 */
export const getSchedule = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/schedules/{schedule}",
  answer: as<Schedule>(schedule),
  source: channels
})

/**
 * Makes a schedule. 10 a day for each admin.
 *
 * @since 0.1.0
 * @category schedules
 */
export const createSchedule = Endpoint.make({
  method: "POST",
  path: "/channels/{channel}/schedules",
  body: Endpoint.json<ScheduleDraft>(),
  answer: as<Schedule>(schedule),
  source: channels
})

/**
 * Changes a schedule.
 *
 * @since 0.1.0
 * @category schedules
 */
export const updateSchedule = Endpoint.make({
  method: "PATCH",
  path: "/channels/{channel}/schedules/{schedule}",
  body: Endpoint.json<ScheduleDraft>(),
  answer: as<Schedule>(schedule),
  source: channels
})

/**
 * Deletes a schedule.
 *
 * @since 0.1.0
 * @category schedules
 */
export const deleteSchedule = Endpoint.make({
  method: "DELETE",
  path: "/channels/{channel}/schedules/{schedule}",
  source: channels
})

const reactions = record({
  users: list(user),
  /** Where the next page begins. */
  cookie: text,
  is_end: flag
})

/**
 * A page of those who reacted with an emoji.
 *
 * @since 0.1.0
 * @category reactions
 */
export interface Reactions extends Schema.Schema.Type<typeof reactions> {}

/**
 * Reacts to a message. A reaction that is there already is no error.
 *
 * @since 0.1.0
 * @category reactions
 */
export const addReaction = Endpoint.make({
  method: "PUT",
  path: "/channels/{channel}/messages/{message}/reactions/{emojiType}/{emoji}",
  source: channels
})

/**
 * Takes the bot's reaction back. One that is not there is no error.
 *
 * @since 0.1.0
 * @category reactions
 */
export const removeReaction = Endpoint.make({
  method: "DELETE",
  path: "/channels/{channel}/messages/{message}/reactions/{emojiType}/{emoji}",
  source: channels
})

/**
 * Who reacted to a message with an emoji, at most 50 a page.
 *
 * @since 0.1.0
 * @category reactions
 */
export const listReactions = Endpoint.paged(
  {
    method: "GET",
    path: "/channels/{channel}/messages/{message}/reactions/{emojiType}/{emoji}",
    query: { cookie: Schema.optional(Schema.String), limit: Schema.optional(Schema.Number) },
    answer: as<Reactions>(reactions),
    source: channels
  },
  {
    parameter: "cookie",
    limit: 50,
    items: ({ users = [] }) => users,
    next: ({ cookie, is_end }) => (is_end === true ? undefined : cookie)
  }
)

/** Seen as text, JSON or not, and as a list of pieces. */
const richText = Schema.Union(text, Schema.Array(Schema.Unknown))

const threadInfo = record({
  thread_id: id,
  title: richText,
  content: richText,
  date_time: text
})

const thread = record({
  guild_id: id,
  channel_id: id,
  author_id: id,
  /** `title` and `content` are text, which may be JSON, or a list of pieces. */
  thread_info: threadInfo
})

/**
 * A thread of a forum channel.
 *
 * @since 0.1.0
 * @category forum
 */
export interface Thread extends Schema.Schema.Type<typeof thread> {}

const threads = record({
  threads: list(thread),
  is_finish: flag
})

/**
 * The threads of a forum channel.
 *
 * @since 0.1.0
 * @category forum
 */
export interface Threads extends Schema.Schema.Type<typeof threads> {}

const threadDetails = record({
  thread: thread
})

/**
 * A thread, with what its endpoint puts around it.
 *
 * @since 0.1.0
 * @category forum
 */
export interface ThreadDetails extends Schema.Schema.Type<typeof threadDetails> {}

/**
 * A thread to be made.
 *
 * @since 0.1.0
 * @category forum
 */
export interface ThreadDraft extends Open {
  readonly title: string
  readonly content: string
  /** 1 text, 2 HTML, 3 markdown, 4 JSON. */
  readonly format: 1 | 2 | 3 | 4
}

const threadTask = record({
  task_id: id,
  /** In seconds. */
  create_time: id
})

/**
 * A thread is made in the background: FORUM_PUBLISH_AUDIT_RESULT tells when.
 *
 * @since 0.1.0
 * @category forum
 */
export interface ThreadTask extends Schema.Schema.Type<typeof threadTask> {}

/**
 * The threads of a forum channel. Private-domain bots only, as all of the forum.
 *
 * @since 0.1.0
 * @category forum
 */
export const listThreads = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/threads",
  answer: as<Threads>(threads),
  source: channels
})

/**
 * A thread.
 *
 * @since 0.1.0
 * @category forum
 */
export const getThread = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/threads/{thread}",
  answer: as<ThreadDetails>(threadDetails),
  source: channels
})

/**
 * Makes a thread.
 *
 * @since 0.1.0
 * @category forum
 */
export const createThread = Endpoint.make({
  method: "PUT",
  path: "/channels/{channel}/threads",
  body: Endpoint.json<ThreadDraft>(),
  answer: as<ThreadTask>(threadTask),
  source: channels
})

/**
 * Deletes a thread.
 *
 * @since 0.1.0
 * @category forum
 */
export const deleteThread = Endpoint.make({
  method: "DELETE",
  path: "/channels/{channel}/threads/{thread}",
  source: channels
})

/**
 * What to play.
 *
 * @since 0.1.0
 * @category audio
 */
export interface AudioControl extends Open {
  /** With status 0 only. */
  readonly audio_url?: string | undefined
  /** With status 0 only. */
  readonly text?: string | undefined
  /** 0 start, 1 pause, 2 resume, 3 stop. */
  readonly status?: 0 | 1 | 2 | 3 | undefined
}

/**
 * Plays sound in a channel. Bots for sound only, as all of these.
 *
 * @since 0.1.0
 * @category audio
 */
export const controlAudio = Endpoint.make({
  method: "POST",
  path: "/channels/{channel}/audio",
  body: Endpoint.json<AudioControl>(),
  source: channels
})

/**
 * Takes the microphone of a channel.
 *
 * @since 0.1.0
 * @category audio
 */
export const takeMicrophone = Endpoint.make({
  method: "PUT",
  path: "/channels/{channel}/mic",
  source: channels
})

/**
 * Leaves the microphone of a channel.
 *
 * @since 0.1.0
 * @category audio
 */
export const leaveMicrophone = Endpoint.make({
  method: "DELETE",
  path: "/channels/{channel}/mic",
  source: channels
})

const guildMessage = record({
  id,
  channel_id: id,
  guild_id: id,
  content: text,
  /** ISO 8601. */
  timestamp: text,
  /** ISO 8601. */
  edited_timestamp: text,
  author: user,
  member: member,
  mentions: list(user),
  mention_everyone: flag,
  attachments: list(Schema.Unknown),
  embeds: list(Schema.Unknown),
  ark: Schema.Unknown,
  seq_in_channel: id
})

/**
 * A message in a channel.
 *
 * @since 0.1.0
 * @category messages
 */
export interface GuildMessage extends Schema.Schema.Type<typeof guildMessage> {}

const recall = "recall pages (docs 2026) [doc]"

/**
 * A message in a channel.
 *
 * @since 0.1.0
 * @category messages
 */
export const getChannelMessage = Endpoint.make({
  method: "GET",
  path: "/channels/{channel}/messages/{message}",
  answer: as<GuildMessage>(guildMessage),
  source: channels
})

/**
 * Takes a message of a private chat back, within 2 min. `Messenger.recall` paces and retries it.
 *
 * @since 0.1.0
 * @category messages
 */
export const recallUserMessage = Endpoint.make({
  method: "DELETE",
  path: `${Path.prefixes.c2c}{user}/messages/{message}`,
  source: recall
})

/**
 * Takes a message of a group back: the bot's own within 2 min, and those of members where the bot is an admin.
 *
 * @since 0.1.0
 * @category messages
 */
export const recallGroupMessage = Endpoint.make({
  method: "DELETE",
  path: `${Path.prefixes.group}{group}/messages/{message}`,
  source: recall
})

/**
 * Takes a message of a channel back, without a trace if `hidetip`. Private-domain bots only.
 *
 * @since 0.1.0
 * @category messages
 */
export const recallChannelMessage = Endpoint.make({
  method: "DELETE",
  path: `${Path.prefixes.channel}{channel}/messages/{message}`,
  query: { hidetip: Schema.optional(Schema.Boolean) },
  source: recall
})

/**
 * Takes a message of a guild's private chat back, without a trace if `hidetip`. Private-domain bots only.
 *
 * @since 0.1.0
 * @category messages
 */
export const recallDirectMessage = Endpoint.make({
  method: "DELETE",
  path: `${Path.prefixes.dm}{guild}/messages/{message}`,
  query: { hidetip: Schema.optional(Schema.Boolean) },
  source: recall
})
