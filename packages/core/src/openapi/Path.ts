/**
 * Paths of the API, as templates: `/guilds/{guild}/members/{user}`.
 *
 * @since 0.1.0
 */

/**
 * The names in the braces of a template.
 *
 * @since 0.1.0
 * @category models
 */
export type Names<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never

/**
 * What stands before the id of a conversation, by its scene.
 *
 * @since 0.1.0
 * @category constants
 */
export const prefixes = { c2c: "/v2/users/", group: "/v2/groups/", channel: "/channels/", dm: "/dms/" } as const

/**
 * An id as it stands in a path. Ids come from the wire: nothing in one leads to another path, and half a surrogate pair,
 * which no address can hold, is not a defect.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (id: string): string => encodeURIComponent(id.replaceAll(/\p{Surrogate}/gu, "\ufffd"))

/**
 * A template with ids in the place of its names. `undefined` where one is missing, empty, or `.` or `..`, which would be
 * the path of another endpoint.
 *
 * @since 0.1.0
 * @category encoding
 */
export const fill = (template: string, ids: Readonly<Record<string, unknown>>): string | undefined => {
  let isComplete = true
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const id = ids[name]
    const text = typeof id === "number" ? id.toString() : id
    if (typeof text === "string" && !/^\.{0,2}$/.test(text)) return encode(text)
    isComplete = false
    return ""
  })
  return isComplete ? path : undefined
}
