import {
  Conversation,
  Gateway,
  type GatewayError,
  GatewayMetadata,
  IdentifyLimiter,
  Message,
  Messenger,
  OpenApi,
  Ownership,
  RateLimit,
  SessionStore
} from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import type * as Disconnect from "../../../packages/core/src/gateway/Disconnect.ts"
import * as History from "../../../packages/core/src/gateway/History.ts"
import * as Recovery from "../../../packages/core/src/gateway/Recovery.ts"
import * as SessionPolicy from "../../../packages/core/src/gateway/SessionPolicy.ts"
import * as TestBot from "../../support/bot.ts"
import * as Ends from "../../support/ends.ts"

/** An ownership that a test takes away. */
const makeOwnership = () => {
  const deferred = Deferred.unsafeMake<Ownership.OwnershipLost>(FiberId.none)
  const error = new Ownership.OwnershipLost({ detail: "a test took it" })
  const state = { isHeld: true, confirms: 0 }
  const shape: Ownership.OwnershipShape = {
    isHeld: () => state.isHeld,
    confirm: Effect.suspend(() => {
      state.confirms++
      return state.isHeld ? Effect.void : error
    }),
    lost: Deferred.await(deferred)
  }
  return {
    shape,
    state,
    /** Takes it away without a word, as from a process that is suspended. */
    take: (): void => {
      state.isHeld = false
    },
    /** Takes it away and says so. */
    lose: Effect.sync(() => {
      state.isHeld = false
      Deferred.unsafeDone(deferred, Effect.succeed(error))
    })
  }
}

/** A store that is written down, and that may refuse its owner. */
const makeStore = () => {
  const records = new Map<string, string>()
  const state = { isFenced: false, refusals: 0 }
  const write = (body: () => void): Effect.Effect<void, PlatformError.PlatformError> =>
    Effect.suspend(() => {
      if (!state.isFenced) return Effect.sync(body)
      state.refusals++
      return new PlatformError.SystemError({
        reason: "PermissionDenied",
        module: "KeyValueStore",
        method: "set",
        cause: new Ownership.Fenced({ owner: "1/0" })
      })
    })
  const store = KeyValueStore.makeStringOnly({
    get: (key) => Effect.sync(() => Option.fromNullable(records.get(key))),
    set: (key, value) => write(() => void records.set(key, value)),
    remove: (key) => write(() => void records.delete(key)),
    clear: write(() => records.clear()),
    size: Effect.sync(() => records.size)
  })
  return { records, state, store }
}

/** A bot with this ownership and store, online; `"slow"` takes its handler a minute. */
const start = (ownership: Ownership.OwnershipShape, store: KeyValueStore.KeyValueStore) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Layer.provideMerge(
        TestPlatform.layerBot({ hosts: TestBot.ownHosts, session: { jitter: 0 } }).pipe(
          Layer.provide(Layer.succeed(Ownership.Ownership, ownership)),
          Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store))
        ),
        TestPlatform.layerPlatform()
      )
    )
    const handled: Array<string> = []
    const handlers = Gateway.on("C2C_MESSAGE_CREATE", (event) =>
      Effect.gen(function* () {
        handled.push(event.content)
        if (event.content === "slow") yield* Effect.sleep("1 minute")
        yield* Messenger.reply(event, Message.text(`you said ${event.content}`))
      })
    )
    const gateway = Context.get(context, Gateway.Gateway)
    const fiber = yield* Effect.forkScoped(Effect.provide(gateway.run(handlers), context))
    yield* TestBot.advance("1 second")
    const platform = Context.get(context, TestPlatform.TestPlatform)
    const introductions = Effect.map(platform.journal, (journal) =>
      journal.flatMap((entry) =>
        entry.kind !== "Received" ? [] : entry.op === 2 ? ["identify"] : entry.op === 6 ? ["resume"] : []
      )
    )
    return { context, platform, handled, fiber, introductions, messenger: Context.get(context, Messenger.Messenger) }
  })

/** Why a run stopped. */
const because = (fiber: Fiber.RuntimeFiber<never, Gateway.AlreadyRunning | GatewayError.GatewayStopped>) =>
  Effect.map(Fiber.await(fiber), (exit) =>
    Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error._tag === "GatewayStopped"
      ? exit.cause.error.because._tag
      : String(exit)
  )

describe("a bot whose ownership is lost", () => {
  it.scoped("is cut at once, ends with OwnershipLost, and leaves its stored session as it is", () =>
    Effect.gen(function* () {
      const ownership = makeOwnership()
      const { records, store } = makeStore()
      const { fiber, platform } = yield* start(ownership.shape, store)
      yield* platform.privateMessage({ user: "u", text: "one" })
      yield* TestBot.advance("5 seconds")
      yield* platform.privateMessage({ user: "u", text: "slow" })
      yield* TestBot.advance("100 millis")
      const before = new Map(records)
      yield* ownership.lose
      yield* TestBot.settle
      assert.strictEqual(yield* because(fiber), "OwnershipLost")
      assert.deepStrictEqual(records, before, "nothing is stored after that")
      assert.strictEqual(platform.model.counters().openSockets, 0)
      const closed = (yield* platform.journal).findLast((entry) => entry.kind === "Closed")
      assert.isUndefined(closed?.kind === "Closed" ? closed.code : 0, "cut, not closed")
    })
  )

  it.scoped("without being told handles, sends and writes nothing more", () =>
    Effect.gen(function* () {
      const ownership = makeOwnership()
      const { handled, messenger, platform } = yield* start(ownership.shape, makeStore().store)
      yield* platform.privateMessage({ user: "u", text: "slow" })
      yield* platform.privateMessage({ user: "u", text: "queued behind it" })
      yield* TestBot.advance("10 seconds")
      ownership.take()
      const at = (yield* platform.journal).length
      const sent = yield* Effect.fork(Effect.flip(messenger.send(Conversation.c2c("u"), Message.text("proactive"))))
      yield* platform.privateMessage({ user: "u", text: "pushed to a zombie" })
      yield* TestBot.advance("2 minutes")
      assert.deepStrictEqual(handled, ["slow"])
      assert.deepStrictEqual(yield* platform.sent, [])
      const refused = yield* Fiber.join(sent)
      assert.strictEqual(refused._tag, "PlatformUnavailable")
      assert.include(refused.message, "another process owns the bot")
      const after = (yield* platform.journal).slice(at)
      assert.deepStrictEqual(
        after.filter(({ kind }) => kind === "Received" || kind === "Upgrade" || kind === "Request"),
        []
      )
    })
  )

  it.scoped("while it waits to connect again never dials again", () =>
    Effect.gen(function* () {
      const ownership = makeOwnership()
      const { fiber, platform } = yield* start(ownership.shape, makeStore().store)
      yield* platform.inject(Fault.unreachable({ times: 3 }))
      yield* platform.inject(Fault.drop())
      yield* TestBot.advance("3 seconds")
      const at = (yield* platform.journal).length
      yield* ownership.lose
      yield* TestBot.settle
      assert.strictEqual(yield* because(fiber), "OwnershipLost")
      yield* TestBot.advance("10 minutes")
      assert.deepStrictEqual((yield* platform.journal).slice(at), [])
    })
  )

  it.scoped("before it identifies does not identify: ownership is confirmed, and its permit is released", () =>
    Effect.gen(function* () {
      const ownership = makeOwnership()
      const { fiber, introductions, platform } = yield* start(ownership.shape, makeStore().store)
      assert.strictEqual(ownership.state.confirms, 1, "asked before the first identify")
      yield* platform.inject(Fault.invalidSession(false))
      yield* TestBot.advance("10 millis")
      ownership.take()
      yield* TestBot.advance("10 minutes")
      assert.strictEqual(yield* because(fiber), "OwnershipLost")
      assert.deepStrictEqual(yield* introductions, ["identify"])
    })
  )
})

describe("a store that refuses its owner", () => {
  it.scoped("ends the session as a lost ownership does, and is not asked again", () =>
    Effect.gen(function* () {
      const { records, state, store } = makeStore()
      const { fiber, platform } = yield* start(makeOwnership().shape, store)
      yield* platform.privateMessage({ user: "u", text: "one" })
      yield* TestBot.advance("5 seconds")
      const before = new Map(records)
      state.isFenced = true
      yield* platform.privateMessage({ user: "u", text: "two" })
      yield* TestBot.advance("10 minutes")
      assert.strictEqual(yield* because(fiber), "OwnershipLost")
      assert.deepStrictEqual(records, before)
      assert.isAtMost(state.refusals, 3, "the session and the ledger, once each, and no retries")
    })
  )
})

describe("a session that another connection resumes (4902)", () => {
  it.scoped("is taken back once by its owner, who confirms first; only then is a new one made", () =>
    Effect.gen(function* () {
      const ownership = makeOwnership()
      const { introductions, platform } = yield* start(ownership.shape, makeStore().store)
      yield* platform.inject(Fault.close(4902))
      yield* TestBot.advance("5 seconds")
      // the model forgets a session that it closes with 4902: the resume is refused, and a new session made
      assert.deepStrictEqual(yield* introductions, ["identify", "resume", "identify"])
      assert.strictEqual(ownership.state.confirms, 3, "before the first identify, the resume and the second identify")
    })
  )

  it.scoped("is left to the other where the ownership is lost", () =>
    Effect.gen(function* () {
      const ownership = makeOwnership()
      const { fiber, introductions, platform } = yield* start(ownership.shape, makeStore().store)
      ownership.take()
      yield* platform.inject(Fault.close(4902))
      yield* TestBot.advance("10 minutes")
      assert.strictEqual(yield* because(fiber), "OwnershipLost")
      assert.deepStrictEqual(yield* introductions, ["identify"])
    })
  )

  it("is resumed after the first time, and replaced after the second, until a connection is stable", () => {
    const taken = Ends.closed(4902, "Ready")
    const decisions = Ends.walk([taken, taken]).map(({ decision }) => decision)
    assert.deepInclude(decisions[0], { _tag: "Reconnect", drop: false, confirm: true })
    assert.deepInclude(decisions[1], { _tag: "Reconnect", drop: true, confirm: true })
    const spaced = Ends.walk([taken, Ends.stable(), taken]).map(({ decision }) => decision)
    assert.deepInclude(spaced[2], { _tag: "Reconnect", drop: false, confirm: true })
  })
})

describe("what follows a lost ownership", () => {
  it("is to yield, whatever went before and whatever could be resumed", () => {
    const before = fc.array(fc.constantFrom(Ends.ordinary(), Ends.quick(), Ends.stable(), Ends.refused()), {
      maxLength: 20
    })
    const lost = new Ownership.OwnershipLost({ detail: "gone" })
    fc.assert(
      fc.property(before, fc.boolean(), fc.constantFrom(Ends.ordinary(), Ends.refused()), (ends, hasSession, last) => {
        const policy = SessionPolicy.defaults
        const end: Disconnect.Disconnect = { ...last, error: lost }
        const history = [...ends, end].reduce(History.record(policy), History.empty)
        const session = hasSession ? { startedAt: 0, lastDispatchAt: 0 } : undefined
        assert.deepStrictEqual(Recovery.decide(policy)(end, session, history), { _tag: "Yield", lost })
      })
    )
  })
})

describe("the services of a bot", () => {
  it.scoped("are replaced by those that are given, unless those are another bot's", () =>
    Effect.gen(function* () {
      const runtime = yield* Layer.build(TestPlatform.layerPlatform())
      const given = yield* RateLimit.make()
      const build = <Others>(layers: Context.Context<TestPlatform.TestPlatform | TestPlatform.Runtime | Others>) =>
        Effect.provide(Layer.build(TestPlatform.layerBot({ hosts: TestBot.ownHosts })), layers)
      const one = yield* build(Context.add(runtime, RateLimit.RateLimit, given))
      assert.strictEqual(Context.get(one, RateLimit.RateLimit), given)
      const plain = yield* build(runtime)
      assert.notStrictEqual(Context.get(plain, RateLimit.RateLimit), given)
      // as in the handler of another bot
      const inside = yield* build(Context.merge(runtime, plain))
      const own = Context.pick(RateLimit.RateLimit, OpenApi.OpenApi, GatewayMetadata.GatewayMetadata)
      for (const [key, service] of own(inside).unsafeMap) {
        assert.notStrictEqual(service, own(plain).unsafeMap.get(key), key)
      }
    })
  )

  it.scoped("a session store and a limit of identifies that are given are used", () =>
    Effect.gen(function* () {
      const saved: Array<string> = []
      const acquired: Array<number> = []
      const store: SessionStore.SessionStoreShape = {
        load: () => Effect.succeedNone,
        save: ({ sessionId }) => Effect.sync(() => void saved.push(sessionId)),
        clear: () => Effect.void,
        gatewayUrl: Effect.succeedNone,
        saveGatewayUrl: () => Effect.void
      }
      const limiter: IdentifyLimiter.IdentifyLimiterShape = {
        acquire: (shard) =>
          Effect.sync(() => {
            acquired.push(shard)
            return { used: Effect.void }
          })
      }
      const context = yield* Layer.build(
        Layer.provideMerge(
          TestPlatform.layerBot({ hosts: TestBot.ownHosts }).pipe(
            Layer.provide(Layer.succeed(SessionStore.SessionStore, store)),
            Layer.provide(Layer.succeed(IdentifyLimiter.IdentifyLimiter, limiter))
          ),
          TestPlatform.layerPlatform()
        )
      )
      yield* Effect.forkScoped(
        Effect.provide(Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void)), context)
      )
      yield* TestBot.advance("1 second")
      yield* Context.get(context, TestPlatform.TestPlatform).privateMessage({ user: "u", text: "one" })
      yield* TestBot.advance("5 seconds")
      assert.deepStrictEqual(acquired, [0])
      assert.isAbove(saved.length, 0)
    })
  )
})
