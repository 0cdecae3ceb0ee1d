/**
 * Loads the reply ledger from a `KeyValueStore` and writes its changed pages to it.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as StoredRecord from "../internal/StoredRecord.ts"
import * as StoredText from "../StoredText.ts"
import type { LedgerIndex, Moment } from "./LedgerIndex.ts"
import * as Pages from "./Pages.ts"
import * as StoredLedger from "./StoredLedger.ts"

/**
 * What storage needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Services {
  readonly store: KeyValueStore.KeyValueStore
  /** The key before the number of a page. */
  readonly key: string
  readonly index: LedgerIndex
  /** Open while the index has changes that are not stored. */
  readonly dirty: Effect.Latch
  readonly readTimeout: Duration.Duration
}

/**
 * The storage of one index.
 *
 * @since 0.1.0
 * @category models
 */
export interface LedgerStorage {
  /** Fills the index with what is stored. What cannot be read is logged, and moved aside if it is corrupt. */
  readonly load: (now: () => Moment) => Effect.Effect<void>
  /** Writes the changed pages, one save at a time; those that could not be written stay changed. */
  readonly write: (
    patience: Duration.Duration
  ) => Effect.Effect<void, PlatformError | Cause.TimeoutException | Cause.UnknownException>
}

const messages: StoredRecord.Messages = {
  unreadable: "the reply ledger cannot be read; starting without it",
  unusable: "a part of the stored reply ledger is corrupt; starting without it",
  notMoved: "the stored reply ledger could not be set aside"
}

/**
 * The storage of an index.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ dirty, index, key, readTimeout, store }: Services): LedgerStorage => {
  const records = new StoredRecord.StoredRecords(store, readTimeout, messages)

  const keyOfPage = (number: number): string => `${key}.${Pages.placeOf(number)}`

  const pages = Arr.makeBy(Pages.count, (place): StoredRecord.Record<StoredLedger.Stored> => ({
    key: keyOfPage(place),
    decode: (text) => Option.filter(StoredLedger.decodePage(text), ({ page }) => Pages.placeOf(page) === place)
  }))

  const whole: StoredRecord.Record<StoredLedger.Stored> = { key, decode: StoredLedger.decodeWhole }

  const writePages = (to: KeyValueStore.KeyValueStore): Effect.Effect<void, PlatformError> => {
    dirty.unsafeClose()
    const changed = index.takePages()
    return Effect.forEach(changed, (page) => to.set(keyOfPage(page.number), StoredLedger.encodePage(page)), {
      discard: true
    }).pipe(Effect.onError(() => Effect.sync(() => index.putBack(changed))))
  }

  /** Writes what was stored in the form of version 1 as pages. */
  const moveWhole = Effect.catchAll(
    records.write((to) => Effect.zipRight(writePages(to), to.remove(key)), StoredText.setAsidePatience),
    (error) => Effect.logWarning("the stored reply ledger could not be converted into pages; retrying later", error)
  )

  return {
    load: (now) =>
      Effect.gen(function* () {
        const stored = Arr.getSomes(yield* records.readAll([whole, ...pages]))
        const [earlier, current] = Arr.partition(stored, StoredLedger.isPage)
        index.restore(
          current.toSorted((a, b) => a.page - b.page),
          earlier.flatMap(({ entries }) => entries),
          now()
        )
        if (earlier.length > 0) yield* moveWhole
      }),
    write: (patience) => records.write(writePages, patience)
  }
}
