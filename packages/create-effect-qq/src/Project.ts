/**
 * What a new project is asked for.
 *
 * @since 0.1.0
 */

/**
 * How events arrive.
 *
 * @since 0.1.0
 * @category models
 */
export type Transport = "websocket" | "webhook" | "both"

/**
 * Where the bot talks: private chats, groups, channels of guilds, private chats of guilds.
 *
 * @since 0.1.0
 * @category models
 */
export type Scene = "c2c" | "group" | "channel" | "dm"

/**
 * The language of comments, answers and the README.
 *
 * @since 0.1.0
 * @category models
 */
export type Language = "en" | "zh"

/**
 * A new project.
 *
 * @since 0.1.0
 * @category models
 */
export interface Project {
  /** The name of the package, and of the directory. */
  readonly name: string
  readonly transport: Transport
  /** At least one, in the order of {@link scenes}. */
  readonly scenes: ReadonlyArray<Scene>
  readonly language: Language
}

/**
 * @since 0.1.0
 * @category constants
 */
export const transports: ReadonlyArray<Transport> = ["websocket", "webhook", "both"]

/**
 * @since 0.1.0
 * @category constants
 */
export const scenes: ReadonlyArray<Scene> = ["c2c", "group", "channel", "dm"]

/**
 * What `--yes` takes.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Project = {
  name: "my-bot",
  transport: "websocket",
  scenes: ["c2c", "group"],
  language: "en"
}

/**
 * Why a name cannot be that of a package and a directory; `undefined` if it can.
 *
 * @since 0.1.0
 * @category validation
 */
export const nameProblem = (name: string): string | undefined => {
  if (name === "") return "must not be empty"
  if (name.length > 100) return "must have at most 100 characters"
  return /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/.test(name)
    ? undefined
    : "must consist of small letters, digits, dots, dashes and underscores, and begin and end with a letter or digit"
}

/**
 * Reads a transport.
 *
 * @since 0.1.0
 * @category conversions
 */
export const transportFrom = (text: string): Transport | undefined => transports.find((known) => known === text)

/**
 * Reads scenes, joined by commas. `undefined` where one of them is not known, or none is named.
 *
 * @since 0.1.0
 * @category conversions
 */
export const scenesFrom = (text: string): ReadonlyArray<Scene> | undefined => {
  const named = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
  const known = scenes.filter((scene) => named.includes(scene))
  return known.length > 0 && named.every((name) => known.some((scene) => scene === name)) ? known : undefined
}
