/**
 * What users see of a bot whose handlers are not known: no message is answered twice with the same text.
 *
 * @since 0.1.0
 */

/**
 * Takes note of a reply; true if users saw the same text in answer to the same message before. Proactive messages, and
 * replies without text, are not compared.
 *
 * @since 0.1.0
 * @category models
 */
export type SameReply = (messageId: string | undefined, content: string) => boolean

/** How many replies are remembered. */
const kept = 4096

/**
 * A judge who has seen no reply yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): SameReply => {
  const seen = new Set<string>()
  return (messageId, content) => {
    if (messageId === undefined || content === "") return false
    const key = `${messageId} ${content}`
    if (seen.has(key)) return true
    seen.add(key)
    if (seen.size > kept) {
      for (const oldest of seen) {
        seen.delete(oldest)
        break
      }
    }
    return false
  }
}
