/**
 * A value for each user, each conversation or each user in a conversation, kept in the `KeyValueStore` of the program: the
 * language somebody chose, a score, the last messages of a dialogue.
 *
 * @example
 * ```ts
 * import { Command, Message, Messenger, UserState } from "@effect-qq/core"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const Count = Layer.unwrapEffect(
 *   Effect.map(
 *     UserState.make("visits", { schema: Schema.Struct({ visits: Schema.Int }), initial: { visits: 0 } }),
 *     (counts) =>
 *       Command.layer([
 *         Command.make("count", {}, ({ event }) =>
 *           counts.update(event, ({ visits }) => ({ visits: visits + 1 })).pipe(
 *             Effect.flatMap(({ visits }) => Messenger.reply(event, Message.text(`visit ${visits}`)))
 *           )
 *         )
 *       ])
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as StoredText from "../StoredText.ts"
import * as Origin from "./Origin.ts"

/**
 * How values are kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<A, I> {
  readonly schema: Schema.Schema<A, I>
  /** The value of those that have none. */
  readonly initial: A
  /** Whose value it is. Default `user`. */
  readonly per?: Origin.Per | undefined
  /**
   * How long a value is kept after it was written last, by the wall clock. Then it is the initial one again, and what is
   * stored goes when it is next asked for. Default: for ever.
   */
  readonly ttl?: Duration.DurationInput | undefined
  /** How long each answer of the store is waited for. Default 4 s. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * The store could not be read or written, did not answer in time, or the value cannot be encoded.
 *
 * @since 0.1.0
 * @category errors
 */
export class StateUnavailable extends Schema.TaggedError<StateUnavailable>()("StateUnavailable", {
  /** The name of the state. */
  state: Schema.String,
  operation: Schema.Literal("read", "write"),
  cause: Schema.Defect
}) {
  override get message(): string {
    return `the state ${this.state} could not be ${this.operation === "read" ? "read" : "written"}`
  }
  get hint(): string {
    return "check the store, and whether the value is one of its schema"
  }
}

/**
 * Values by their owners. What two fibers do to one value happens one after another, so no update is lost; two processes on
 * one store do not see each other's updates while they happen.
 *
 * @since 0.1.0
 * @category models
 */
export interface UserState<A> {
  readonly name: string
  /** The value of whom something came from. What is stored and cannot be decoded counts as none, and is logged. */
  readonly get: (of: Origin.Subject) => Effect.Effect<A, StateUnavailable>
  readonly set: (of: Origin.Subject, value: A) => Effect.Effect<void, StateUnavailable>
  /** Changes the value, and gives the new one. */
  readonly update: (of: Origin.Subject, change: (value: A) => A) => Effect.Effect<A, StateUnavailable>
  /** Changes the value by an effect, and gives what that says besides. Where it fails the value stays. */
  readonly modify: <B, E, R>(
    of: Origin.Subject,
    change: (value: A) => Effect.Effect<readonly [result: B, value: A], E, R>
  ) => Effect.Effect<B, E | StateUnavailable, R>
  /** Forgets the value. */
  readonly remove: (of: Origin.Subject) => Effect.Effect<void, StateUnavailable>
}

/** A lock for each key that is in use. */
const makeLocks = () => {
  const locks = new Map<string, { readonly semaphore: Effect.Semaphore; users: number }>()
  return <A, E, R>(key: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const lock = locks.get(key) ?? { semaphore: Effect.unsafeMakeSemaphore(1), users: 0 }
        lock.users++
        locks.set(key, lock)
        return lock
      }),
      ({ semaphore }) => semaphore.withPermits(1)(effect),
      (lock) =>
        Effect.sync(() => {
          if (--lock.users === 0) locks.delete(key)
        })
    )
}

/**
 * Values under a name, which has to be another one for each state of a bot: it begins their keys in the store,
 * `state/NAME/…`. Make it once; two of the same name do not wait for each other's updates.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, I>(
  name: string,
  options: Options<A, I>
): Effect.Effect<UserState<A>, never, KeyValueStore.KeyValueStore> =>
  Effect.map(KeyValueStore.KeyValueStore, (store) => {
    const { initial, per = "user", timeout = "4 seconds" } = options
    const ttl = options.ttl === undefined ? undefined : Duration.toMillis(options.ttl)
    const Stored = Schema.parseJson(Schema.Struct({ value: options.schema, until: Schema.optional(Schema.Number) }))
    const exclusively = makeLocks()
    const keyOf = (of: Origin.Subject): string => `state/${name}/${Origin.keyOf(of, per)}`
    const failed = (operation: "read" | "write") => (cause: unknown) =>
      new StateUnavailable({ state: name, operation, cause })

    const write = <B, E extends PlatformError | ParseResult.ParseError>(effect: Effect.Effect<B, E>) =>
      Effect.mapError(StoredText.write(effect, timeout), failed("write"))

    const remove = (key: string): Effect.Effect<void, StateUnavailable> => write(store.remove(key))

    const read = (key: string): Effect.Effect<A, StateUnavailable> =>
      Effect.gen(function* () {
        const text = yield* Effect.mapError(StoredText.read(store, key, timeout), failed("read"))
        if (Option.isNone(text)) return initial
        const stored = yield* Effect.option(
          Effect.tapError(Schema.decode(Stored)(text.value), (error) =>
            Effect.logWarning(`a value of the state ${name} cannot be decoded; the initial value is used`, error)
          )
        )
        if (Option.isNone(stored)) return initial
        const { until, value } = stored.value
        if (until === undefined || (yield* Clock.currentTimeMillis) < until) return value
        yield* remove(key)
        return initial
      })

    const put = (key: string, value: A): Effect.Effect<void, StateUnavailable> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        write(
          Effect.flatMap(Schema.encode(Stored)(ttl === undefined ? { value } : { value, until: now + ttl }), (text) =>
            store.set(key, text)
          )
        )
      )

    const modify: UserState<A>["modify"] = (of, change) =>
      Effect.suspend(() => {
        const key = keyOf(of)
        return exclusively(
          key,
          Effect.flatMap(read(key), (before) =>
            Effect.flatMap(change(before), ([result, after]) => Effect.as(put(key, after), result))
          )
        )
      })

    return {
      name,
      get: (of) =>
        Effect.suspend(() => {
          const key = keyOf(of)
          return exclusively(key, read(key))
        }),
      set: (of, value) =>
        Effect.suspend(() => {
          const key = keyOf(of)
          return exclusively(key, put(key, value))
        }),
      update: (of, change) =>
        modify(of, (value) =>
          Effect.sync(() => {
            const after = change(value)
            return [after, after] as const
          })
        ),
      modify,
      remove: (of) =>
        Effect.suspend(() => {
          const key = keyOf(of)
          return exclusively(key, remove(key))
        })
    }
  })
