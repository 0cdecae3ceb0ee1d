/**
 * Intents: the bits of an identify that say which events a bot wants. An intent without permission makes the gateway
 * refuse the whole connection, so the default is what the handlers need and nothing else.
 *
 * Source: `interface-framework/event-emit.md` of the platform's documentation; bits 18, 19 from botpy's `flags.py`, bit 23
 * from botgo's `dto/intents`.
 *
 * @since 0.1.0
 */

/**
 * A set of intents, as the number the gateway takes.
 *
 * @since 0.1.0
 * @category models
 */
export type Intents = number

/**
 * The bits by name.
 *
 * @since 0.1.0
 * @category constants
 */
export const Intent = {
  GUILDS: 1 << 0,
  GUILD_MEMBERS: 1 << 1,
  /** Bots of the private domain only. */
  GUILD_MESSAGES: 1 << 9,
  GUILD_MESSAGE_REACTIONS: 1 << 10,
  DIRECT_MESSAGE: 1 << 12,
  OPEN_FORUMS_EVENT: 1 << 18,
  AUDIO_OR_LIVE_CHANNEL_MEMBER: 1 << 19,
  ENTER_AIO: 1 << 23,
  GROUP_MEMBER_EVENT: 1 << 24,
  GROUP_AND_C2C_EVENT: 1 << 25,
  INTERACTION: 1 << 26,
  MESSAGE_AUDIT: 1 << 27,
  /** Bots of the private domain only. */
  FORUMS_EVENT: 1 << 28,
  AUDIO_ACTION: 1 << 29,
  PUBLIC_GUILD_MESSAGES: 1 << 30
} as const

/**
 * The name of an intent.
 *
 * @since 0.1.0
 * @category models
 */
export type IntentName = keyof typeof Intent

const forum = (prefix: string): ReadonlyArray<string> => [
  `${prefix}_THREAD_CREATE`,
  `${prefix}_THREAD_UPDATE`,
  `${prefix}_THREAD_DELETE`,
  `${prefix}_POST_CREATE`,
  `${prefix}_POST_DELETE`,
  `${prefix}_REPLY_CREATE`,
  `${prefix}_REPLY_DELETE`
]

/**
 * Which events an intent brings.
 *
 * @since 0.1.0
 * @category constants
 */
export const eventTypes: { readonly [Name in IntentName]: ReadonlyArray<string> } = {
  GUILDS: ["GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"],
  GUILD_MEMBERS: ["GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE"],
  GUILD_MESSAGES: ["MESSAGE_CREATE", "MESSAGE_DELETE"],
  GUILD_MESSAGE_REACTIONS: ["MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE"],
  DIRECT_MESSAGE: ["DIRECT_MESSAGE_CREATE", "DIRECT_MESSAGE_DELETE"],
  OPEN_FORUMS_EVENT: forum("OPEN_FORUM"),
  AUDIO_OR_LIVE_CHANNEL_MEMBER: ["AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER", "AUDIO_OR_LIVE_CHANNEL_MEMBER_EXIT"],
  ENTER_AIO: ["ENTER_AIO"],
  GROUP_MEMBER_EVENT: ["GROUP_MEMBER_ADD", "GROUP_MEMBER_REMOVE", "GROUP_JOIN_REQUEST"],
  GROUP_AND_C2C_EVENT: [
    "C2C_MESSAGE_CREATE",
    "GROUP_AT_MESSAGE_CREATE",
    "GROUP_MESSAGE_CREATE",
    "FRIEND_ADD",
    "FRIEND_DEL",
    "C2C_MSG_REJECT",
    "C2C_MSG_RECEIVE",
    "GROUP_ADD_ROBOT",
    "GROUP_DEL_ROBOT",
    "GROUP_MSG_REJECT",
    "GROUP_MSG_RECEIVE",
    "SUBSCRIBE_MESSAGE_STATUS"
  ],
  INTERACTION: ["INTERACTION_CREATE"],
  MESSAGE_AUDIT: ["MESSAGE_AUDIT_PASS", "MESSAGE_AUDIT_REJECT"],
  FORUMS_EVENT: [...forum("FORUM"), "FORUM_PUBLISH_AUDIT_RESULT"],
  AUDIO_ACTION: ["AUDIO_START", "AUDIO_FINISH", "AUDIO_ON_MIC", "AUDIO_OFF_MIC"],
  PUBLIC_GUILD_MESSAGES: ["AT_MESSAGE_CREATE", "PUBLIC_MESSAGE_DELETE"]
}

const names = Object.keys(Intent) as ReadonlyArray<IntentName>

const byEventType: ReadonlyMap<string, IntentName> = new Map(
  names.flatMap((name) => eventTypes[name].map((type) => [type, name] as const))
)

/**
 * No intent at all.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Intents = 0

/**
 * The set of the named intents.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (...which: ReadonlyArray<IntentName>): Intents =>
  which.reduce((set, name) => set | Intent[name], none)

/**
 * The intents that bring these events. Event types that no intent is known for add nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forEventTypes = (types: Iterable<string>): Intents => {
  let intents = none
  for (const type of types) {
    const name = byEventType.get(type)
    if (name !== undefined) intents |= Intent[name]
  }
  return intents
}

/**
 * The names of the intents in a set, lowest bit first.
 *
 * @since 0.1.0
 * @category lookups
 */
export const describe = (intents: Intents): ReadonlyArray<IntentName> =>
  names.filter((name) => (intents & Intent[name]) !== 0)

/**
 * Reads a set written by hand: a number (`33554432`), or names joined by commas, spaces or `|`
 * (`GROUP_AND_C2C_EVENT, INTERACTION`). `undefined` when it is neither.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromString = (text: string): Intents | undefined => {
  const trimmed = text.trim()
  if (/^\d+$/.test(trimmed)) {
    const bits = Number(trimmed)
    return bits <= 0x7fffffff ? bits : undefined
  }
  const words = trimmed.split(/[\s,|]+/).filter((word) => word !== "")
  if (words.length === 0) return undefined
  let intents = none
  for (const word of words) {
    const bit = (Intent as Readonly<Record<string, number>>)[word.toUpperCase()]
    if (bit === undefined) return undefined
    intents |= bit
  }
  return intents
}
