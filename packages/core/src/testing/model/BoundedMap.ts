/**
 * A map with a size limit: once full, it removes the key inserted first, so that a model can run for a year.
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
  /** Returns whether the key existed. */
  readonly delete: (key: string) => boolean
  /** In insertion order of their keys. */
  readonly values: () => Array<V>
  readonly keys: () => Array<string>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <V>(limit: number): BoundedMap<V> => {
  const entries = new Map<string, V>()
  return {
    get: (key) => entries.get(key),
    delete: (key) => entries.delete(key),
    values: () => [...entries.values()],
    keys: () => [...entries.keys()],
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
