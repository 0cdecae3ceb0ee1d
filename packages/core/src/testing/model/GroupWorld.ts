/**
 * The groups that the model knows. An event of a group makes the group and its members known; the bot is an admin of each.
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as Content from "./Content.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import type { Asked, Run } from "./Routes.ts"

/**
 * An object as the endpoints answer with it.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = Readonly<Record<string, unknown>>

/**
 * A group. All maps are keyed by the openid of a member.
 *
 * @since 0.1.0
 * @category models
 */
export interface Group {
  readonly id: string
  readonly members: BoundedMap.BoundedMap<Fields>
  readonly blacklist: BoundedMap.BoundedMap<Fields>
  /** Open requests to join. */
  readonly requests: BoundedMap.BoundedMap<Fields>
  /** When the mute of a member ends, as the bot wrote it. */
  readonly muted: BoundedMap.BoundedMap<string>
  /** The mode of the mute of the whole group: `none` without one. */
  mode: string
}

/**
 * The fields of a member that a test may set.
 *
 * @since 0.1.0
 * @category models
 */
export interface MemberFields {
  readonly username?: string
  readonly role?: "member" | "admin" | "owner"
}

/**
 * A group as its members see it.
 *
 * @since 0.1.0
 * @category models
 */
export interface GroupView {
  readonly members: ReadonlyArray<{
    readonly id: string
    readonly username: string
    readonly role: string
    readonly bot: boolean
    /** When the member's mute ends, as the bot wrote it. Absent if the member is not muted. */
    readonly mutedUntil?: string
  }>
  /** Whether the bot has muted the whole group. */
  readonly isMuted: boolean
}

/**
 * The groups.
 *
 * @since 0.1.0
 * @category models
 */
export interface GroupWorld {
  /** Records an event that is sent to the bot. */
  readonly remember: (now: number, type: string, d: unknown) => void
  /** A group as its members see it; `undefined` for an unknown group. */
  readonly view: (now: number, group: string) => GroupView | undefined
  /** Adds a member to a group or updates one, without an event. */
  readonly setMember: (now: number, group: string, member: string, fields: MemberFields) => void
  /** A member who joins now, with these fields. */
  readonly newMember: (now: number, id: string, fields: Fields) => Fields
  /** Answers for the group that the path names; an unknown one gives 40034101. */
  readonly inGroup: (run: (group: Group, asked: Asked) => Reply.Reply) => Run
}

const withFields = (known: Fields, { role, username }: MemberFields): Fields => ({
  ...known,
  ...(role === undefined ? {} : { member_role: role }),
  ...(username === undefined ? {} : { username })
})

const viewOf = (group: Group, at: string): GroupView => ({
  members: group.members.keys().map((member) => {
    const { bot: isBot, member_role: role, username } = group.members.get(member) ?? {}
    const until = group.muted.get(member)
    return {
      id: member,
      username: typeof username === "string" ? username : "",
      role: typeof role === "string" ? role : "member",
      bot: isBot === true,
      ...(until === undefined || until <= at ? {} : { mutedUntil: until })
    }
  }),
  isMuted: group.mode !== "none"
})

/** The member that an event is about: who joined, left or spoke. */
const memberIn = (d: Content.Body, author: Content.Body): string | undefined =>
  [d["member_openid"], author["member_openid"], d["group_member_openid"]].find(Content.isFilled)

/** Applies an event of a group to its members and requests. */
const apply = (
  group: Group,
  type: string,
  d: Content.Body,
  newMember: (id: string, fields: Fields) => Fields
): void => {
  const author = Content.isRecord(d["author"]) ? d["author"] : {}
  const member = memberIn(d, author)
  if (member === undefined) return
  if (type === "GROUP_MEMBER_REMOVE") {
    group.members.delete(member)
    return
  }
  if (type === "GROUP_JOIN_REQUEST") {
    group.requests.set(member, d)
    return
  }
  const known = group.members.get(member)
  if (known === undefined) {
    const { bot: isBot = false, member_role: role = "member", username = "" } = author
    group.members.set(member, newMember(member, { username, member_role: role, bot: isBot }))
  } else if (author["member_role"] !== undefined) {
    // The role may have changed since the last event.
    group.members.set(member, { ...known, member_role: author["member_role"] })
  }
}

/**
 * The groups of a platform without any events yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform): GroupWorld => {
  const { anchorLimit: limit, bot } = platform.settings
  const groups = BoundedMap.make<Group>(limit)

  const newMember: GroupWorld["newMember"] = (now, id, fields) => ({
    member_openid: id,
    username: "",
    member_role: "member",
    bot: false,
    joined_at: platform.timestamp(now),
    ...fields
  })

  /** The group with this id, created if unknown. */
  const open = (now: number, id: string): Group => {
    const known = groups.get(id)
    if (known !== undefined) return known
    const group: Group = {
      id,
      members: BoundedMap.make(limit),
      blacklist: BoundedMap.make(limit),
      requests: BoundedMap.make(limit),
      muted: BoundedMap.make(limit),
      mode: "none"
    }
    groups.set(id, group)
    const self = { username: bot.username, bot: true, member_role: "admin" }
    group.members.set(bot.openid, newMember(now, bot.openid, self))
    return group
  }

  return {
    view: (now, id) => {
      const group = groups.get(id)
      return group === undefined ? undefined : viewOf(group, platform.timestamp(now))
    },
    setMember: (now, id, member, fields) => {
      const { members } = open(now, id)
      members.set(member, withFields(members.get(member) ?? newMember(now, member, {}), fields))
    },
    remember: (now, type, d) => {
      if (!Content.isRecord(d) || !Content.isFilled(d["group_openid"])) return
      const id = d["group_openid"]
      if (type === "GROUP_DEL_ROBOT") groups.delete(id)
      else apply(open(now, id), type, d, (member, fields) => newMember(now, member, fields))
    },
    newMember,
    inGroup: (run) => (asked) => {
      const group = groups.get(asked.id("group"))
      return group === undefined ? Reply.error(asked.traceId, 40034101) : run(group, asked)
    }
  }
}
