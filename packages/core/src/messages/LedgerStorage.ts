/**
 * Loads the reply ledger from a `KeyValueStore` and writes its changed pages to it.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
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
  /** One permit: the save of a shutdown may meet the one that runs once a second. */
  readonly writing: Effect.Semaphore
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
  readonly write: Effect.Effect<void, PlatformError>
}

/**
 * The storage of an index.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ dirty, index, key, readTimeout, store, writing }: Services): LedgerStorage => {
  const one = writing.withPermits(1)

  const setAside = (from: string, text: string): Effect.Effect<void> =>
    StoredText.write(
      one(Effect.zipRight(store.set(`${from}.corrupt`, text), store.remove(from))),
      StoredText.setAsidePatience
    ).pipe(
      Effect.catchAll((error) => Effect.logWarning("the stored reply ledger could not be set aside", error)),
      Effect.zipRight(Effect.logWarning("a part of the stored reply ledger is corrupt; starting without it")),
      Effect.annotateLogs({ setAside: `${from}.corrupt` })
    )

  const decoded = <A>(
    from: string,
    answer: Either.Either<Option.Option<string>, StoredText.ReadError> | undefined,
    decode: (text: string) => Option.Option<A>
  ): Effect.Effect<Option.Option<A>> => {
    if (answer === undefined) return Effect.succeedNone
    if (Either.isLeft(answer)) {
      const told = Effect.logWarning("the reply ledger cannot be read; starting without it", answer.left)
      return Effect.as(told, Option.none())
    }
    const record = Option.flatMap(answer.right, decode)
    return Option.isSome(answer.right) && Option.isNone(record)
      ? Effect.as(setAside(from, answer.right.value), record)
      : Effect.succeed(record)
  }

  const keyOfPage = (number: number): string => `${key}.${Pages.placeOf(number)}`

  const decodedPage = (
    place: number,
    answer: Either.Either<Option.Option<string>, StoredText.ReadError> | undefined
  ): Effect.Effect<Option.Option<StoredLedger.StoredPage>> =>
    decoded(keyOfPage(place), answer, (text) =>
      Option.filter(StoredLedger.decodePage(text), ({ page }) => Pages.placeOf(page) === place)
    )

  const writePages = Effect.suspend(() => {
    dirty.unsafeClose()
    const pages = index.takePages()
    return Effect.forEach(pages, (page) => store.set(keyOfPage(page.number), StoredLedger.encodePage(page)), {
      discard: true
    }).pipe(Effect.onError(() => Effect.sync(() => index.putBack(pages))))
  })

  /** Writes what was stored in the form of version 1 as pages. */
  const moveWhole = StoredText.write(
    one(Effect.zipRight(writePages, store.remove(key))),
    StoredText.setAsidePatience
  ).pipe(
    Effect.catchAll((error) =>
      Effect.logWarning("the stored reply ledger could not be converted into pages; retrying later", error)
    )
  )

  return {
    load: (now) =>
      Effect.gen(function* () {
        const places = Arr.range(0, Pages.count - 1)
        const [all, ...answers] = yield* StoredText.readAll(store, [key, ...places.map(keyOfPage)], readTimeout)
        const pages = yield* Effect.forEach(places, (place) => decodedPage(place, answers[place]))
        const whole = yield* decoded(key, all, StoredLedger.decodeWhole)
        index.restore(
          pages.flatMap(Option.toArray).toSorted((a, b) => a.page - b.page),
          Option.match(whole, { onNone: () => [], onSome: ({ entries }) => entries }),
          now()
        )
        if (Option.isSome(whole)) yield* moveWhole
      }),
    write: one(writePages)
  }
}
