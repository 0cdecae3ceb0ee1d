/** The rooms of delivery one by one: workers, dialogue and router, each with the queues around it and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as TestClock from "effect/TestClock"
import { ConversationQueues } from "../../../packages/core/src/delivery/ConversationQueues.ts"
import { Deduplication } from "../../../packages/core/src/delivery/Deduplication.ts"
import * as DeliveryPolicy from "../../../packages/core/src/delivery/DeliveryPolicy.ts"
import * as Dialogue from "../../../packages/core/src/delivery/Dialogue.ts"
import { HandlerRuns } from "../../../packages/core/src/delivery/HandlerRuns.ts"
import type { Direct, Handler } from "../../../packages/core/src/delivery/Handlers.ts"
import * as Inbox from "../../../packages/core/src/delivery/Inbox.ts"
import * as Router from "../../../packages/core/src/delivery/Router.ts"
import * as RunContext from "../../../packages/core/src/delivery/RunContext.ts"
import { type Routed, Work } from "../../../packages/core/src/delivery/Work.ts"
import { Workers } from "../../../packages/core/src/delivery/Workers.ts"
import type * as Event from "../../../packages/core/src/events/Event.ts"
import type { Frame } from "../../../packages/core/src/gateway/Frame.ts"

const C2C = "C2C_MESSAGE_CREATE"

const frameOf = (user: string, seq: number, more: object = {}): Frame => ({
  op: 0,
  t: C2C,
  s: seq,
  id: `E${seq}`,
  d: { id: `m${seq}`, author: { user_openid: user }, content: String(seq), ...more }
})

const inbox = { watermark: () => 0, settle: (work: Work) => void (work.settled = true) }

/** An event that has been routed to these handlers. */
const routed = (user: string, seq: number, handlers: ReadonlyArray<Handler>): Routed => {
  const frame = frameOf(user, seq)
  const event = { ...(frame.d as object), t: C2C, envelope: frame } as unknown as Event.Event
  const work = new Work(inbox, frame, 1, 1, 0, event, undefined)
  work.type = C2C
  work.place = "c2c"
  work.target = user
  work.handlers = handlers
  return work as Routed
}

const handler = (run: (event: Event.Event) => Effect.Effect<unknown>, more: Partial<Handler> = {}): Handler => {
  const direct: Direct = {
    services: { unsafeMap: new Map() } as unknown as Direct["services"],
    attempt: run,
    failed: () => Effect.void
  }
  return { name: "h", types: [C2C], run: (event) => Effect.asVoid(run(event)), direct, ...more }
}

const policy = { ...DeliveryPolicy.defaults, handlerTimeout: Duration.seconds(30) }

const makeWorkers = (concurrency: number) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const scope = yield* Effect.scope
    const queues = new ConversationQueues<Routed>()
    const concluded: Array<number> = []
    const now = (): number => clock.unsafeCurrentTimeMillis()
    const workers: Workers = new Workers({
      concurrency,
      handlerTimeout: policy.handlerTimeout,
      queues,
      runs: new HandlerRuns({
        policy,
        scope,
        locals: yield* Effect.getFiberRefs,
        enter: yield* RunContext.makeEnter
      }),
      scope,
      now,
      drainWaiting: false,
      conclude: (work) => {
        concluded.push(work.frame.s ?? 0)
        work.settled = true
        return now()
      }
    })
    yield* Effect.forkScoped(workers.watch)
    const add = (...works: ReadonlyArray<Routed>) =>
      Effect.suspend(() => {
        for (const work of works) queues.add(work)
        return Effect.zipRight(workers.spawnWorker, TestClock.adjust(0))
      })
    return { workers, queues, concluded, add }
  })

describe("workers", () => {
  it.scoped("run at most `concurrency` handlers at a time, and lend the slot of one that waits", () =>
    Effect.gen(function* () {
      const { add, concluded, workers } = yield* makeWorkers(1)
      const gate = yield* Deferred.make<void>()
      let begun = 0
      const waits = handler((event) => {
        begun++
        const worker = workers.of(event)
        return worker === undefined ? Effect.die("nothing handles it") : workers.lend(worker, "h", Deferred.await(gate))
      })
      const sleeps = handler(() => {
        begun++
        return Effect.sleep("1 second")
      })
      yield* add(routed("a", 1, [waits]), routed("b", 2, [sleeps]), routed("c", 3, [sleeps]))
      assert.strictEqual(begun, 2, "the first waits, the second has its slot")
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(concluded, [2, 3])
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(concluded, [2, 3, 1])
      assert.isTrue(workers.isIdle)
    })
  )

  it.scoped("stop handlers that time out, abandon those that do not stop, and notify them", () =>
    Effect.gen(function* () {
      const { add, concluded, workers } = yield* makeWorkers(1)
      const told: Array<string> = []
      const release = yield* Deferred.make<void>()
      const stopped: Handler["stopped"] = (_, cause) => Effect.sync(() => told.push(String(Cause.squash(cause))))
      yield* add(
        routed("a", 1, [handler(() => Effect.never, { stopped })]),
        routed("a", 2, [handler(() => Effect.uninterruptible(Deferred.await(release)), { stopped })]),
        routed("a", 3, [handler(() => Effect.void)])
      )
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(concluded, [1])
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(concluded, [1, 2, 3])
      assert.strictEqual(told.length, 2)
      for (const one of told) assert.include(one, "stopped after 30s")
      yield* Deferred.succeed(release, undefined)
      assert.isTrue(workers.isIdle)
    })
  )

  it.scoped("begin nothing once they were stopped", () =>
    Effect.gen(function* () {
      const { add, concluded, workers } = yield* makeWorkers(2)
      yield* workers.stop
      yield* add(routed("a", 1, [handler(() => Effect.void)]))
      assert.deepStrictEqual(concluded, [])
      yield* workers.awaitIdle
    })
  )

  it.scoped("begin each run with the same local values, on whatever fiber the worker was spawned", () =>
    Effect.gen(function* () {
      const marked = FiberRef.unsafeMake("unset")
      const { add, workers } = yield* makeWorkers(2)
      const seen: Array<string> = []
      const look = handler(() =>
        Effect.map(FiberRef.get(marked), (value) => {
          seen.push(value)
        })
      )
      const leak = handler((event) => {
        const worker = workers.of(event)
        // it has to spawn a worker for the others, in its own run
        const wait = worker === undefined ? Effect.void : workers.lend(worker, "h", Effect.sleep("1 second"))
        return Effect.zipRight(FiberRef.set(marked, "leaked"), wait)
      })
      const apart = { ...look, direct: undefined }
      yield* add(
        routed("a", 1, [leak]),
        routed("a", 2, [look]),
        routed("b", 3, [look]),
        routed("b", 4, [apart]),
        routed("c", 5, [leak]),
        routed("c", 6, [apart])
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(seen, ["unset", "unset", "unset", "unset"])
    })
  )
})

describe("a dialogue", () => {
  const make = Effect.gen(function* () {
    const { add, queues, workers } = yield* makeWorkers(2)
    const settled: Array<number> = []
    const dialogue = Dialogue.make({
      queuesFor: () => queues,
      pools: [workers],
      deduplication: new Deduplication(policy),
      settle: (work) => {
        work.settled = true
        settled.push(work.frame.s ?? 0)
      },
      spawnWorkers: workers.spawnWorker,
      now: () => 0
    })
    const wanted = { conversation: "c2c:a", matches: () => true, queued: true, timeout: "5 seconds" } as const
    return { add, dialogue, queues, settled, wanted, workers }
  })

  it.scoped(
    "gives an event to the first that waits in its conversation, and settles it for a fiber outside of runs",
    () =>
      Effect.gen(function* () {
        const { dialogue, settled, wanted } = yield* make
        const one = yield* Effect.fork(dialogue.next(wanted))
        const other = yield* Effect.fork(dialogue.next(wanted))
        yield* TestClock.adjust(0)
        assert.isTrue(dialogue.isAwaiting())
        assert.isFalse(dialogue.offer(routed("b", 1, [])))
        const twin = routed("a", 2, [])
        twin.isTwin = true
        assert.isFalse(dialogue.offer(twin))
        assert.isTrue(dialogue.offer(routed("a", 3, [])))
        assert.isTrue(dialogue.offer(routed("a", 4, [])))
        assert.isFalse(dialogue.offer(routed("a", 5, [])))
        assert.strictEqual((yield* Fiber.join(one)).envelope.s, 3)
        assert.strictEqual((yield* Fiber.join(other)).envelope.s, 4)
        assert.deepStrictEqual(settled, [3, 4])
        assert.isFalse(dialogue.isAwaiting())
      })
  )

  it.scoped("requeues the event of a wait that is interrupted at its original position", () =>
    Effect.gen(function* () {
      const { dialogue, queues, wanted } = yield* make
      const handlers = [handler(() => Effect.void)]
      const waiting = yield* Effect.fork(dialogue.next(wanted))
      yield* TestClock.adjust(0)
      assert.isTrue(dialogue.offer(routed("a", 2, handlers)))
      for (const seq of [1, 3]) queues.add(routed("a", seq, handlers))
      const queue = queues.next(undefined, 0)
      yield* Fiber.interrupt(waiting)
      assert.deepStrictEqual(
        queue?.waiting.toArray().map(({ frame }) => frame.s),
        [1, 2, 3]
      )
    })
  )

  it.scoped("settles what a run took with the run's event, and a wait in vain times out", () =>
    Effect.gen(function* () {
      const { add, dialogue, settled, wanted } = yield* make
      let outcome = ""
      const work = routed("a", 1, [
        handler(() =>
          Effect.zipRight(Effect.orDie(dialogue.next(wanted)), dialogue.next(wanted)).pipe(
            Effect.matchEffect({
              onFailure: ({ _tag }) => Effect.sync(() => (outcome = _tag)),
              onSuccess: () => Effect.void
            }),
            Effect.orDie
          )
        )
      ])
      yield* add(work)
      assert.isTrue(dialogue.offer(routed("a", 2, [])))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(settled, [], "it is the run's now")
      assert.deepStrictEqual(
        work.taken?.map((taken) => [taken.work.frame.s, taken.index]),
        [[2, 0]]
      )
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(outcome, "TimeoutException")
      assert.isTrue(work.settled)
    })
  )
})

describe("a router", () => {
  const make = (handlers: ReadonlyArray<Handler>, more: Partial<Router.Options> = {}) => {
    const queues = new ConversationQueues<Routed>()
    const interactions = new ConversationQueues<Routed>()
    const router = Router.make({
      policy,
      handlers,
      queues,
      interactions,
      deduplication: new Deduplication(policy),
      dialogue: { next: () => Effect.never, isAwaiting: () => false, offer: () => false },
      settle: (work) => work.inbox.settle(work),
      tellChoosing: () => Effect.void,
      isOwn: undefined,
      received: undefined,
      ...more
    })
    const box = Inbox.make(policy)
    const route = (...frames: ReadonlyArray<Frame>) =>
      Effect.gen(function* () {
        for (const frame of frames) box.offer(frame, 1)
        const works = yield* box.take
        yield* router.routeAll(works, Effect.void)
        return works
      })
    return { router, queues, interactions, route, unsettled: box.size }
  }

  const all = handler(() => Effect.void)

  it.effect("settles at once what nothing handles, cannot be decoded, came before, or was sent by bots or itself", () =>
    Effect.gen(function* () {
      const { queues, route, unsettled } = make([all], { isOwn: ({ id }) => id === "E6" })
      yield* route(
        frameOf("a", 1),
        { op: 0, t: "FRIEND_ADD", s: 2, d: { openid: "a" } },
        { op: 0, t: C2C, s: 3, d: { id: 7 } },
        { ...frameOf("a", 4), d: frameOf("a", 1).d },
        frameOf("a", 5, { author: { user_openid: "a", bot: true } }),
        frameOf("a", 6)
      )
      assert.strictEqual(unsettled(), 1)
      assert.deepStrictEqual(
        queues
          .next(undefined, 0)
          ?.waiting.toArray()
          .map(({ frame }) => frame.s),
        [1]
      )
    })
  )

  it.effect("asks handlers which events are theirs, and goes on without one that throws", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const choosy = handler(() => Effect.void, {
        name: "choosy",
        accepts: (event) => {
          if (event.envelope.s === 2) throw new Error("no")
          return event.envelope.s === 1
        }
      })
      const { route, unsettled } = make([choosy], {
        tellChoosing: ({ failed }) => Effect.sync(() => told.push(...failed.map(([{ name }]) => name)))
      })
      yield* route(frameOf("a", 1), frameOf("a", 2), frameOf("a", 3))
      assert.strictEqual(unsettled(), 1)
      assert.deepStrictEqual(told, ["choosy"])
    })
  )

  it.effect("puts interactions into queues of their own, and lets observers see all that is decoded", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const { interactions, queues, route, router } = make([{ ...all, types: ["INTERACTION_CREATE"] }])
      const forget = router.observe(({ t }) => seen.push(t))
      const press: Frame = { op: 0, t: "INTERACTION_CREATE", s: 1, id: "I1", d: { id: "i", user_openid: "a" } }
      yield* route(press, frameOf("a", 2))
      assert.strictEqual(interactions.size, 1)
      assert.strictEqual(queues.size, 0)
      forget()
      yield* route(frameOf("a", 3))
      assert.deepStrictEqual(seen, ["INTERACTION_CREATE", C2C])
    })
  )

  it.effect("removes dropped events from their queue, and does not route settled ones", () =>
    Effect.gen(function* () {
      const { queues, route, router } = make([all])
      const [first, second] = yield* route(frameOf("a", 1), frameOf("a", 2))
      if (first !== undefined) router.dropped(first)
      assert.isTrue(first?.settled)
      if (second !== undefined) router.dropped(second)
      assert.strictEqual(queues.size, 0)
      const late = new Work(inbox, frameOf("a", 3), 1, 1, 0, undefined, undefined)
      late.settled = true
      yield* router.routeAll([late], Effect.void)
      assert.strictEqual(queues.size, 0)
    })
  )
})
