/**
 * The scenes of conversations, and the scene in which each type of message is written. What reads payloads before any schema
 * does needs these and not the conversation itself.
 *
 * @since 0.1.0
 */

/**
 * The four kinds of conversation, as the platform's documentation calls them.
 *
 * @since 0.1.0
 * @category models
 */
export type Scene = "c2c" | "group" | "channel" | "dm"

/**
 * The four scenes.
 *
 * @since 0.1.0
 * @category constants
 */
export const all = ["c2c", "group", "channel", "dm"] as const satisfies ReadonlyArray<Scene>

/**
 * The scenes of the events that are messages, by type.
 *
 * @since 0.1.0
 * @category constants
 */
export const ofMessages: ReadonlyMap<string, Scene> = new Map([
  ["C2C_MESSAGE_CREATE", "c2c"],
  ["GROUP_AT_MESSAGE_CREATE", "group"],
  ["GROUP_MESSAGE_CREATE", "group"],
  ["AT_MESSAGE_CREATE", "channel"],
  ["MESSAGE_CREATE", "channel"],
  ["DIRECT_MESSAGE_CREATE", "dm"]
])
