/**
 * Records in a `KeyValueStore`: how they are read, written one at a time, and moved aside where they cannot be used. For all
 * that outlives a process, so that a store that fails, hangs or holds nonsense is met in one way.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as StoredText from "../StoredText.ts"

/**
 * What the log says of the records of a store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Messages {
  /** The store fails, or does not answer in time: the bot does without the record. */
  readonly unreadable: string
  /** The record cannot be used: it is moved aside. */
  readonly unusable: string
  /** The record could not be moved aside. */
  readonly notMoved: string
}

/**
 * A kind of record: where it is kept and how its text is read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Record<A> {
  readonly key: string
  readonly decode: (text: string) => Option.Option<A>
}

/**
 * How the text of a record is read by a schema: JSON. Make it once: the parser of a schema is costly.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeJson = <A, I>(schema: Schema.Schema<A, I>): Record<A>["decode"] =>
  Schema.decodeUnknownOption(Schema.parseJson(schema))

/**
 * The key to which a record is moved that cannot be used.
 *
 * @since 0.1.0
 * @category lookups
 */
export const asideOf = (key: string): string => `${key}.corrupt`

/**
 * A store as one writer of it sees it.
 *
 * @since 0.1.0
 * @category models
 */
export class StoredRecords {
  private readonly store: KeyValueStore.KeyValueStore
  private readonly readTimeout: Duration.DurationInput
  private readonly messages: Messages
  /** A shutdown's save may meet the one that runs once a second. */
  private readonly writing = Effect.unsafeMakeSemaphore(1)

  /** `readTimeout`: the most time for reading one record, retries included. */
  constructor(store: KeyValueStore.KeyValueStore, readTimeout: Duration.DurationInput, messages: Messages) {
    this.store = store
    this.readTimeout = readTimeout
    this.messages = messages
  }

  /** A record. None, with a warning, where the store cannot be read or the record cannot be used. */
  read<A>(record: Record<A>): Effect.Effect<Option.Option<A>> {
    return Effect.map(this.readAll([record]), ([read]) => read ?? Option.none())
  }

  /** Several records, in their order, each as by {@link StoredRecords.read}, within one timeout and with one warning. */
  readAll<A>(records: ReadonlyArray<Record<A>>): Effect.Effect<ReadonlyArray<Option.Option<A>>> {
    const keys = records.map(({ key }) => key)
    return Effect.flatMap(StoredText.readAll(this.store, keys, this.readTimeout), (answers) => {
      const unread = answers.find(Either.isLeft)
      const told = unread === undefined ? Effect.void : Effect.logWarning(this.messages.unreadable, unread.left)
      const decoded = Effect.forEach(records, (record, index) =>
        this.decoded(record, Option.flatten(Option.getRight(answers[index] ?? Either.right(Option.none()))))
      )
      return Effect.zipRight(told, decoded)
    })
  }

  /**
   * Writes, after what is being written. One that hangs keeps its turn, so that no other overtakes it, but its caller no
   * longer than `patience`: then it fails with `TimeoutException`.
   */
  write<A, E>(
    write: (store: KeyValueStore.KeyValueStore) => Effect.Effect<A, E>,
    patience: Duration.DurationInput
  ): Effect.Effect<A, E | Cause.TimeoutException | Cause.UnknownException> {
    return StoredText.write(this.writing.withPermits(1)(Effect.suspend(() => write(this.store))), patience)
  }

  /** Replaces the text of a record; see {@link StoredRecords.write}. */
  set(
    key: string,
    text: string,
    patience: Duration.DurationInput
  ): Effect.Effect<void, PlatformError | Cause.TimeoutException | Cause.UnknownException> {
    return this.write((store) => store.set(key, text), patience)
  }

  /** Forgets a record, where there is one; see {@link StoredRecords.write}. */
  remove(
    key: string,
    patience: Duration.DurationInput
  ): Effect.Effect<void, PlatformError | Cause.TimeoutException | Cause.UnknownException> {
    return this.write(
      (store) => Effect.flatMap(store.has(key), (has) => (has ? store.remove(key) : Effect.void)),
      patience
    )
  }

  private decoded<A>({ decode, key }: Record<A>, text: Option.Option<string>): Effect.Effect<Option.Option<A>> {
    if (Option.isNone(text)) return Effect.succeedNone
    const record = decode(text.value)
    return Option.isSome(record) ? Effect.succeed(record) : Effect.as(this.moveAside(key, text.value), Option.none())
  }

  private moveAside(key: string, text: string): Effect.Effect<void> {
    const aside = asideOf(key)
    return this.write(
      (store) => Effect.zipRight(store.set(aside, text), store.remove(key)),
      StoredText.setAsidePatience
    ).pipe(
      Effect.catchAll((error) => Effect.logWarning(this.messages.notMoved, error)),
      Effect.zipRight(Effect.annotateLogs(Effect.logWarning(this.messages.unusable), { setAside: aside }))
    )
  }
}
