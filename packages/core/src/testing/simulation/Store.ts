/**
 * The store of one bot: what its processes leave behind, on a disk that can be in trouble.
 *
 * @since 0.1.0
 */
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * What a store does in trouble.
 *
 * - `Fails`: every read and write fails at once.
 * - `Hangs`: none ends before the trouble does, and none can be interrupted; then they fail.
 * - `Slow`: each is done `after` milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type Trouble =
  | { readonly _tag: "Fails" }
  | { readonly _tag: "Hangs" }
  | { readonly _tag: "Slow"; readonly after: number }

/**
 * The store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /** The store as one process sees it; what it writes once it is dead is not written. */
  readonly of: (isAlive: () => boolean) => KeyValueStore.KeyValueStore
  /** `undefined`: all is well again. */
  readonly trouble: (trouble: Trouble | undefined) => void
}

/**
 * An empty store.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Store => {
  const stored = new Map<string, string>()
  let current: Trouble | undefined
  const hanging = new Set<() => void>()

  const fail = (method: string) =>
    new PlatformError.SystemError({
      module: "KeyValueStore",
      method,
      reason: "Unknown",
      description: "injected failure"
    })

  const hang = Effect.uninterruptible(
    Effect.async<void>((resume) => {
      hanging.add(() => resume(Effect.void))
    })
  )

  const attempt = <A>(method: string, run: () => A): Effect.Effect<A, PlatformError.PlatformError> =>
    Effect.suspend(() => {
      switch (current?._tag) {
        case undefined:
          return Effect.sync(run)
        case "Fails":
          return fail(method)
        case "Hangs":
          return Effect.zipRight(hang, fail(method))
        case "Slow":
          return Effect.zipRight(Effect.sleep(current.after), Effect.sync(run))
      }
    })

  return {
    of: (isAlive) => {
      const write = (method: string, run: () => void) => attempt(method, () => (isAlive() ? run() : undefined))
      return KeyValueStore.makeStringOnly({
        get: (key) => attempt("get", () => Option.fromNullable(stored.get(key))),
        set: (key, value) => write("set", () => void stored.set(key, value)),
        remove: (key) => write("remove", () => void stored.delete(key)),
        clear: write("clear", () => stored.clear()),
        size: Effect.sync(() => stored.size)
      })
    },
    trouble: (trouble) => {
      current = trouble
      const waiting = [...hanging]
      hanging.clear()
      for (const resume of waiting) resume()
    }
  }
}
