/**
 * Guilds: their members, roles, muting, settings, announcements, and what the bot may call in them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Endpoint from "../Endpoint.ts"
import { as, flag, id, ids, integer, list, record, text, type Open } from "../Lenient.ts"
import { type Guild, guild, type Member, member } from "./Entities.ts"

const guilds = "pages of guilds (bot-docs 2025-04) [doc]"

const messageSetting = record({
  disable_create_dm: flag,
  /** No proactive messages. */
  disable_push_msg: flag,
  /** Where proactive messages are allowed; empty for everywhere. */
  channel_ids: ids,
  /** Proactive messages a day in each channel. */
  channel_push_max_num: integer
})

/**
 * What may be sent in a guild.
 *
 * @since 0.1.0
 * @category guilds
 */
export interface MessageSetting extends Schema.Schema.Type<typeof messageSetting> {}

/**
 * A guild.
 *
 * @since 0.1.0
 * @category guilds
 */
export const getGuild = Endpoint.make({
  method: "GET",
  path: "/guilds/{guild}",
  answer: as<Guild>(guild),
  source: guilds
})

/**
 * What may be sent in a guild.
 *
 * @since 0.1.0
 * @category guilds
 */
export const getMessageSetting = Endpoint.make({
  method: "GET",
  path: "/guilds/{guild}/message/setting",
  answer: as<MessageSetting>(messageSetting),
  source: guilds
})

/**
 * What else happens to a member who is removed.
 *
 * @since 0.1.0
 * @category members
 */
export interface MemberRemoval extends Open {
  /** Default false. */
  readonly add_blacklist?: boolean | undefined
  /** The number of days whose messages are recalled; -1 for all. Default 0. */
  readonly delete_history_msg_days?: 0 | 3 | 7 | 15 | 30 | -1 | undefined
}

/**
 * The members of a guild, at most 400 a page. Private-domain bots only. A page may repeat some of the one before it; the
 * stream leaves those out.
 *
 * @since 0.1.0
 * @category members
 */
export const listMembers = Endpoint.paged(
  {
    method: "GET",
    path: "/guilds/{guild}/members",
    query: { after: Schema.optional(Schema.String), limit: Schema.optional(Schema.Number) },
    answer: as<ReadonlyArray<Member>>(list(member)),
    source: guilds
  },
  { parameter: "after", limit: 400, ...Endpoint.following((each) => each.user?.id) }
)

/**
 * A member of a guild.
 *
 * @since 0.1.0
 * @category members
 */
export const getMember = Endpoint.make({
  method: "GET",
  path: "/guilds/{guild}/members/{user}",
  answer: as<Member>(member),
  source: guilds
})

/**
 * Removes a member from a guild. Private-domain bots only.
 *
 * @since 0.1.0
 * @category members
 */
export const removeMember = Endpoint.make({
  method: "DELETE",
  path: "/guilds/{guild}/members/{user}",
  body: Endpoint.json<MemberRemoval | undefined>(),
  source: guilds
})

/**
 * For how long: an end or a length, in text. `"0"` unmutes.
 *
 * @since 0.1.0
 * @category muting
 */
export interface Mute extends Open {
  /** In seconds since 1970. */
  readonly mute_end_timestamp?: string | undefined
  /** At most 28 days. */
  readonly mute_seconds?: string | undefined
}

/**
 * Whom to mute, and for how long.
 *
 * @since 0.1.0
 * @category muting
 */
export interface MembersMute extends Open {
  /** At most 20. */
  readonly user_ids: ReadonlyArray<string>
  /** In seconds since 1970. */
  readonly mute_end_timestamp?: string | undefined
  readonly mute_seconds?: string | undefined
}

const membersMuted = record({
  user_ids: ids
})

/**
 * Who was muted.
 *
 * @since 0.1.0
 * @category muting
 */
export interface MembersMuted extends Schema.Schema.Type<typeof membersMuted> {}

/**
 * Mutes everybody in a guild but its owner and admins.
 *
 * @since 0.1.0
 * @category muting
 */
export const muteGuild = Endpoint.make({
  method: "PATCH",
  path: "/guilds/{guild}/mute",
  body: Endpoint.json<Mute>(),
  source: guilds
})

/**
 * Mutes a member of a guild.
 *
 * @since 0.1.0
 * @category muting
 */
export const muteMember = Endpoint.make({
  method: "PATCH",
  path: "/guilds/{guild}/members/{user}/mute",
  body: Endpoint.json<Mute>(),
  source: guilds
})

/**
 * Mutes members of a guild. Some may be muted and others not: the answer says who.
 *
 * @since 0.1.0
 * @category muting
 */
export const muteMembers = Endpoint.make({
  method: "PATCH",
  path: "/guilds/{guild}/mute",
  body: Endpoint.json<MembersMute>(),
  answer: as<MembersMuted>(membersMuted),
  source: guilds
})

const role = record({
  id,
  name: text,
  /** ARGB. */
  color: integer,
  /** Whether its members are listed apart. */
  hoist: flag,
  /** How many have it. */
  number: integer,
  member_limit: integer
})

/**
 * A role in a guild.
 *
 * @since 0.1.0
 * @category roles
 */
export interface Role extends Schema.Schema.Type<typeof role> {}

const roles = record({
  guild_id: id,
  roles: list(role),
  role_num_limit: integer
})

/**
 * The roles of a guild.
 *
 * @since 0.1.0
 * @category roles
 */
export interface Roles extends Schema.Schema.Type<typeof roles> {}

/**
 * A role to be made, or what is to change about one.
 *
 * @since 0.1.0
 * @category roles
 */
export interface RoleDraft extends Open {
  readonly name?: string | undefined
  /** ARGB. */
  readonly color?: number | undefined
  /** Whether its members are listed apart. */
  readonly hoist?: 0 | 1 | undefined
}

const roleWritten = record({
  guild_id: id,
  role_id: id,
  role: role
})

/**
 * A role that was made or changed.
 *
 * @since 0.1.0
 * @category roles
 */
export interface RoleWritten extends Schema.Schema.Type<typeof roleWritten> {}

const roleMembers = record({
  data: list(member),
  /** Where the next page begins; empty or 0 after the last one. */
  next: id
})

/**
 * A page of the members who have a role.
 *
 * @since 0.1.0
 * @category roles
 */
export interface RoleMembers extends Schema.Schema.Type<typeof roleMembers> {}

/**
 * The channel that the admin of a channel, role 5, is admin of.
 *
 * @since 0.1.0
 * @category roles
 */
export interface RoleChannel extends Open {
  readonly channel?: { readonly id: string } | undefined
}

/**
 * The roles of a guild.
 *
 * @since 0.1.0
 * @category roles
 */
export const listRoles = Endpoint.make({
  method: "GET",
  path: "/guilds/{guild}/roles",
  answer: as<Roles>(roles),
  source: guilds
})

/**
 * Makes a role.
 *
 * @since 0.1.0
 * @category roles
 */
export const createRole = Endpoint.make({
  method: "POST",
  path: "/guilds/{guild}/roles",
  body: Endpoint.json<RoleDraft>(),
  answer: as<RoleWritten>(roleWritten),
  source: guilds
})

/**
 * Changes a role.
 *
 * @since 0.1.0
 * @category roles
 */
export const updateRole = Endpoint.make({
  method: "PATCH",
  path: "/guilds/{guild}/roles/{role}",
  body: Endpoint.json<RoleDraft>(),
  answer: as<RoleWritten>(roleWritten),
  source: guilds
})

/**
 * Deletes a role.
 *
 * @since 0.1.0
 * @category roles
 */
export const deleteRole = Endpoint.make({
  method: "DELETE",
  path: "/guilds/{guild}/roles/{role}",
  source: guilds
})

/**
 * The members who have a role, at most 400 a page. Private-domain bots only.
 *
 * @since 0.1.0
 * @category roles
 */
export const listRoleMembers = Endpoint.paged(
  {
    method: "GET",
    path: "/guilds/{guild}/roles/{role}/members",
    query: { start_index: Schema.optional(Schema.String), limit: Schema.optional(Schema.Number) },
    answer: as<RoleMembers>(roleMembers),
    source: guilds
  },
  {
    parameter: "start_index",
    limit: 400,
    items: ({ data = [] }) => data,
    next: ({ next }) => (next === "0" ? undefined : next),
    key: ({ user: each }) => each?.id
  }
)

/**
 * Gives a member a role.
 *
 * @since 0.1.0
 * @category roles
 */
export const addMemberRole = Endpoint.make({
  method: "PUT",
  path: "/guilds/{guild}/members/{user}/roles/{role}",
  body: Endpoint.json<RoleChannel | undefined>(),
  source: guilds
})

/**
 * Takes a role from a member.
 *
 * @since 0.1.0
 * @category roles
 */
export const removeMemberRole = Endpoint.make({
  method: "DELETE",
  path: "/guilds/{guild}/members/{user}/roles/{role}",
  body: Endpoint.json<RoleChannel | undefined>(),
  source: guilds
})

const announcement = record({
  guild_id: id,
  channel_id: id,
  message_id: id,
  /** 0 members, 1 welcome. */
  announces_type: integer,
  recommend_channels: list(record({ channel_id: id, introduce: text }))
})

/**
 * An announcement of a guild.
 *
 * @since 0.1.0
 * @category announcements
 */
export interface Announcement extends Schema.Schema.Type<typeof announcement> {}

/**
 * A message to announce, or channels to recommend.
 *
 * @since 0.1.0
 * @category announcements
 */
export interface AnnouncementDraft extends Open {
  readonly message_id?: string | undefined
  readonly channel_id?: string | undefined
  /** 0 members, 1 welcome. */
  readonly announces_type?: 0 | 1 | undefined
  /** At most 3. */
  readonly recommend_channels?: ReadonlyArray<{ readonly channel_id: string; readonly introduce: string }> | undefined
}

/**
 * Announces a message in a guild, or recommends channels.
 *
 * @since 0.1.0
 * @category announcements
 */
export const createAnnouncement = Endpoint.make({
  method: "POST",
  path: "/guilds/{guild}/announces",
  body: Endpoint.json<AnnouncementDraft>(),
  answer: as<Announcement>(announcement),
  source: guilds
})

/**
 * Takes an announcement back; `all` for whichever there is, and for recommended channels.
 *
 * @since 0.1.0
 * @category announcements
 */
export const deleteAnnouncement = Endpoint.make({
  method: "DELETE",
  path: "/guilds/{guild}/announces/{message}",
  source: guilds
})

const apiPermission = record({
  path: text,
  method: text,
  desc: text,
  auth_status: flag
})

/**
 * Whether the bot may call an endpoint in a guild.
 *
 * @since 0.1.0
 * @category API permissions
 */
export interface ApiPermission extends Schema.Schema.Type<typeof apiPermission> {}

const apiPermissions = record({
  apis: list(apiPermission)
})

/**
 * What the bot may call in a guild.
 *
 * @since 0.1.0
 * @category API permissions
 */
export interface ApiPermissions extends Schema.Schema.Type<typeof apiPermissions> {}

/**
 * What the bot wants to call, and where to ask for it.
 *
 * @since 0.1.0
 * @category API permissions
 */
export interface ApiPermissionDemandDraft extends Open {
  readonly channel_id: string
  readonly api_identify: { readonly path: string; readonly method: string }
  /** Why. */
  readonly desc: string
}

const apiPermissionDemand = record({
  guild_id: id,
  channel_id: id,
  api_identify: record({ path: text, method: text }),
  title: text,
  desc: text
})

/**
 * What was asked for.
 *
 * @since 0.1.0
 * @category API permissions
 */
export interface ApiPermissionDemand extends Schema.Schema.Type<typeof apiPermissionDemand> {}

/**
 * What the bot may call in a guild.
 *
 * @since 0.1.0
 * @category API permissions
 */
export const listApiPermissions = Endpoint.make({
  method: "GET",
  path: "/guilds/{guild}/api_permission",
  answer: as<ApiPermissions>(apiPermissions),
  source: guilds
})

/**
 * Asks the admins of a guild in a channel for a permission. One that is granted already is no error.
 *
 * @since 0.1.0
 * @category API permissions
 */
export const demandApiPermission = Endpoint.make({
  method: "POST",
  path: "/guilds/{guild}/api_permission/demand",
  body: Endpoint.json<ApiPermissionDemandDraft>(),
  answer: as<ApiPermissionDemand>(apiPermissionDemand),
  source: guilds
})
