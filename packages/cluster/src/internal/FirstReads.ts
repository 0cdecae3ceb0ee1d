/**
 * The records of an owner as a claim found them. A bot that starts reads some twenty records one by one, most of which were
 * never written; the first read brings all of them with one statement, and each is given out once. Nothing else may write
 * them while the epoch lasts, so a record that this writer has not written since is still as it was found.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Records that are read for the first time.
 *
 * @since 0.1.0
 * @category models
 */
export class FirstReads<E> {
  readonly #all: Effect.Effect<ReadonlyArray<readonly [key: string, value: string]>, E>
  readonly #loading = Effect.unsafeMakeSemaphore(1)
  /** What was found and has not been given out; undefined before the first read. */
  #found: Map<string, string> | undefined
  /** The keys about which only the database knows: given out, or written by this writer. */
  readonly #spent = new Set<string>()

  /** `all` reads every record of the owner. */
  constructor(all: Effect.Effect<ReadonlyArray<readonly [key: string, value: string]>, E>) {
    this.#all = all
  }

  /** A record as the claim found it, the first time that it is read; then what `read` says. */
  get<E2>(key: string, read: Effect.Effect<Option.Option<string>, E2>): Effect.Effect<Option.Option<string>, E | E2> {
    return Effect.suspend(() => {
      if (this.#spent.has(key)) return read
      return Effect.flatMap(this.#loaded(), (found) => {
        // written while it was loaded
        if (this.#spent.has(key)) return read
        this.#spent.add(key)
        const value = Option.fromNullable(found.get(key))
        found.delete(key)
        return Effect.succeed(value)
      })
    })
  }

  /** Notes that a record is about to be written or removed. */
  spend(key: string): void {
    this.#spent.add(key)
    this.#found?.delete(key)
  }

  /** Notes that all records are about to be removed. */
  clear(): void {
    this.#found = new Map()
  }

  #loaded(): Effect.Effect<Map<string, string>, E> {
    return this.#loading.withPermits(1)(
      Effect.suspend(() => {
        if (this.#found !== undefined) return Effect.succeed(this.#found)
        // all of them may have been removed meanwhile
        return Effect.map(this.#all, (rows) => (this.#found ??= new Map(rows)))
      })
    )
  }
}
