/**
 * A map that forgets the key that was put in first once it is full, so that a model can run for a year.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface BoundedMap<V> {
  readonly get: (key: string) => V | undefined
  readonly set: (key: string, value: V) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <V>(limit: number): BoundedMap<V> => {
  const entries = new Map<string, V>()
  return {
    get: (key) => entries.get(key),
    set: (key, value) => {
      entries.set(key, value)
      if (entries.size <= limit) return
      for (const oldest of entries.keys()) {
        entries.delete(oldest)
        break
      }
    }
  }
}
