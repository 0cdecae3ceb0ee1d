/** Whatever a store does: a bot starts within 10 s and ends within 6 s, and what it did not read stays as it is. */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as PlatformError from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type BotConfig, type Event, Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"

type Never = Effect.Effect<never>

const interruptible: Never = Effect.never
const uninterruptible: Never = Effect.uninterruptible(Effect.never)

const failing = Effect.fail(
  new PlatformError.SystemError({ module: "KeyValueStore", method: "set", reason: "Unknown", description: "full" })
)

interface Store extends KeyValueStore.KeyValueStore {
  readonly values: Map<string, string>
}

/** A store that does as it should but for what is replaced. */
const storeOf = (replaced: {
  readonly get?: Effect.Effect<Option.Option<string>, PlatformError.PlatformError>
  readonly set?: Effect.Effect<void, PlatformError.PlatformError>
  readonly remove?: Effect.Effect<void, PlatformError.PlatformError>
}): Store => {
  const values = new Map<string, string>()
  const base = KeyValueStore.makeStringOnly({
    get: (key) => replaced.get ?? Effect.sync(() => Option.fromNullable(values.get(key))),
    set: (key, value) => replaced.set ?? Effect.sync(() => void values.set(key, value)),
    remove: (key) => replaced.remove ?? Effect.sync(() => void values.delete(key)),
    clear: Effect.void,
    size: Effect.sync(() => values.size)
  })
  return { ...base, values }
}

/** Everything that a test of one platform needs, with this store. */
const on =
  (store: KeyValueStore.KeyValueStore) =>
  <A, E>(
    effect: Effect.Effect<A, E, TestPlatform.TestPlatform | TestPlatform.Runtime | Scope.Scope>
  ): Effect.Effect<A, E> =>
    effect.pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(TestPlatform.layerPlatform(), Layer.succeed(KeyValueStore.KeyValueStore, store)))
    )

/** A bot with layers of its own, which runs until it is interrupted; `ready` completes when it is online. */
const run = (
  options?: Partial<BotConfig.Options>,
  handle: (event: Event.C2CMessageCreate) => Effect.Effect<void, never, Messenger.Messenger> = () => Effect.void
) =>
  Effect.gen(function* () {
    const ready = yield* Deferred.make<void>()
    const fiber = yield* Effect.gen(function* () {
      yield* Effect.forkScoped(Effect.intoDeferred(Effect.orDie(Gateway.ready), ready))
      return yield* Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", handle))
    }).pipe(Effect.scoped, Effect.provide(TestPlatform.layerBot({ hosts: Bot.ownHosts, ...options })), Effect.fork)
    return { fiber, ready }
  })

/** How long it takes, up to a minute. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const from = yield* Clock.currentTimeMillis
    const ended = yield* Effect.fork(Effect.zipRight(effect, Clock.currentTimeMillis))
    yield* TestClock.adjust("1 minute")
    const at = yield* Fiber.poll(ended)
    return Option.match(at, {
      onNone: () => Number.POSITIVE_INFINITY,
      onSome: Exit.match({ onFailure: () => Number.NaN, onSuccess: (to) => to - from })
    })
  })

const say = Effect.flatMap(TestPlatform.TestPlatform, ({ privateMessage }) => privateMessage({ user: "u", text: "hi" }))

const stores: ReadonlyArray<readonly [string, () => Store]> = [
  ["never reads", () => storeOf({ get: interruptible })],
  ["never reads and cannot be interrupted", () => storeOf({ get: uninterruptible })],
  ["never writes", () => storeOf({ set: interruptible })],
  ["never writes and cannot be interrupted", () => storeOf({ set: uninterruptible })],
  ["never removes and cannot be interrupted", () => storeOf({ remove: uninterruptible })],
  ["does nothing at all", () => storeOf({ get: uninterruptible, set: uninterruptible, remove: uninterruptible })],
  ["fails", () => storeOf({ set: failing, get: failing, remove: failing })],
  ["dies", () => storeOf({ set: Effect.die("x"), get: Effect.die("x"), remove: Effect.die("x") })]
]

describe("a store that", () => {
  for (const [what, make] of stores) {
    for (const shards of what === "does nothing at all" ? [1, 8] : [1]) {
      it.effect(`${what}: ${shards} shard(s) online within 10 s, gone within 6 s`, () =>
        Effect.gen(function* () {
          const bot = yield* run({ shards })
          yield* TestClock.adjust("10 seconds")
          const dials = yield* Bot.dials
          assert.isAtLeast(dials.length, 1)
          if (shards === 1) assert.isTrue(yield* Deferred.isDone(bot.ready))
          yield* TestClock.adjust("1 minute")
          yield* say
          yield* TestClock.adjust("3 seconds")
          assert.isAtMost(yield* timed(Fiber.interrupt(bot.fiber)), 6000)
        }).pipe(on(make()))
      )
    }

    it.effect(`${what}: is left at any moment of the start within 6 s`, () =>
      Effect.gen(function* () {
        for (const after of ["0 millis", "1 second", "3900 millis", "4100 millis", "8 seconds"] as const) {
          const bot = yield* run()
          yield* TestClock.adjust(after)
          assert.isAtMost(yield* timed(Fiber.interrupt(bot.fiber)), 6000, after)
        }
      }).pipe(on(make()))
    )
  }

  it.effect("hangs with a torn record in it starts within 10 s all the same", () => {
    const store = storeOf({ set: uninterruptible })
    return Effect.gen(function* () {
      const { appId } = (yield* TestPlatform.TestPlatform).model
      store.values.set(`session.${appId}.0-1`, "{")
      store.values.set(`ledger.${appId}.0-1.3`, "{")
      store.values.set(`ledger.${appId}.0-1`, "{")
      const bot = yield* run()
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(yield* Deferred.isDone(bot.ready))
      assert.isAtMost(yield* timed(Fiber.interrupt(bot.fiber)), 6000)
    }).pipe(on(store))
  })

  it.effect("cannot be read or written is warned about", () => {
    const warnings: Array<string> = []
    const console = Logger.make(({ logLevel, message }) => {
      if (logLevel.label === "WARN") warnings.push(String(message))
    })
    return Effect.gen(function* () {
      const bot = yield* run()
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.interrupt(bot.fiber).pipe(Effect.fork, Effect.zipLeft(TestClock.adjust("6 seconds")))
      assert.isTrue(warnings.some((text) => text.includes("session store cannot be read")))
      assert.isTrue(warnings.some((text) => text.includes("failed to save: the store did not answer in time")))
      assert.isTrue(warnings.some((text) => text.includes("the session was not stored in time")))
    }).pipe(on(storeOf({ get: uninterruptible, set: uninterruptible })), Effect.provide(Logger.add(console)))
  })
})

describe("a reply on a store that hangs", () => {
  it.effect("waits 0.5 s once the store is known to be broken", () =>
    Effect.gen(function* () {
      const sentAt: Array<number> = []
      const bot = yield* run({}, (event) =>
        Effect.gen(function* () {
          for (const text of ["one", "two", "three"]) {
            yield* Effect.orDie(Messenger.reply(event, Message.text(text)))
            sentAt.push(yield* Clock.currentTimeMillis)
          }
        })
      )
      yield* TestClock.adjust("10 seconds")
      yield* say
      yield* TestClock.adjust("10 seconds")
      sentAt.length = 0
      yield* say
      const from = yield* Clock.currentTimeMillis
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(sentAt, 3)
      assert.isAtMost((sentAt[2] ?? 0) - from, 2000)
      yield* say
      yield* TestClock.adjust("100 millis")
      assert.isAtMost(yield* timed(Fiber.interrupt(bot.fiber)), 6000)
    }).pipe(on(storeOf({ get: uninterruptible, set: uninterruptible })))
  )
})

describe("a stored session", () => {
  /** A bot that was online, and what it stored. */
  const stored = (store: Store) =>
    Effect.gen(function* () {
      const bot = yield* run()
      yield* TestClock.adjust("5 seconds")
      yield* timed(Fiber.interrupt(bot.fiber))
      const key = [...store.values.keys()].find((name) => name.startsWith("session."))
      assert.isDefined(key)
      return key ?? ""
    })

  for (const onShutdown of ["keep", "end"] as const) {
    it.effect(`stays as it is where a bot is stopped while it reads it (onShutdown: ${onShutdown})`, () => {
      let hangs = false
      const values = storeOf({})
      const store: Store = {
        ...values,
        get: (key) => (hangs && key.startsWith("session.") ? interruptible : values.get(key))
      }
      return Effect.gen(function* () {
        const key = yield* stored(store)
        const before = values.values.get(key)
        hangs = true
        const bot = yield* run({ session: { onShutdown } })
        yield* TestClock.adjust("1 second")
        assert.isAtMost(yield* timed(Fiber.interrupt(bot.fiber)), 6000)
        assert.strictEqual(values.values.get(key), before)
        // it could not be read at all, and nothing else began either
        yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) =>
          platform.inject(Fault.http("token", { _tag: "Hang", accepted: false }, { times: Number.POSITIVE_INFINITY }))
        )
        const blind = yield* run({ session: { onShutdown } })
        yield* TestClock.adjust("10 seconds")
        yield* timed(Fiber.interrupt(blind.fiber))
        assert.strictEqual(values.values.get(key), before)
        // the next process resumes it
        hangs = false
        yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) => platform.inject(Fault.clear))
        const last = yield* run()
        yield* TestClock.adjust("5 seconds")
        yield* timed(Fiber.interrupt(last.fiber))
        assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      }).pipe(on(store))
    })
  }
})

describe("a store that is broken for long", () => {
  for (const [how, set] of [
    ["fails", failing],
    ["hangs", uninterruptible]
  ] as const) {
    it.effect(`and ${how} is written to by one fiber, however many sessions are lost meanwhile`, () => {
      let asked = 0
      const values = storeOf({})
      const store: Store = {
        ...values,
        set: (key, value) =>
          key.startsWith("session.")
            ? Effect.suspend(() => {
                asked++
                return set
              })
            : values.set(key, value)
      }
      return Effect.gen(function* () {
        const bot = yield* run()
        yield* TestClock.adjust("5 seconds")
        for (let lost = 0; lost < 40; lost++) {
          yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) => platform.inject(Fault.close(4006)))
          yield* TestClock.adjust("90 seconds")
        }
        const before = asked
        yield* TestClock.adjust("10 minutes")
        // once a minute at most
        assert.isAtMost(asked - before, 11)
        assert.isAtMost(yield* timed(Fiber.interrupt(bot.fiber)), 6000)
      }).pipe(on(store))
    })
  }
})
