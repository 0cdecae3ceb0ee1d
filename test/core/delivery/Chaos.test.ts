/**
 * All the rooms of delivery at once: handlers that succeed, fail, die, throw, hang, ignore their interruption, interrupt
 * themselves, fork fibers that outlive them and hold dialogues, with few slots and a small inbox. Whatever happens, each event
 * is handled once or taken once, in order, by no more workers than there are slots, and in the end all is settled.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Delivery from "../../../packages/core/src/delivery/Delivery.ts"
import * as DeliveryPolicy from "../../../packages/core/src/delivery/DeliveryPolicy.ts"
import * as Handlers from "../../../packages/core/src/delivery/Handlers.ts"
import type * as Event from "../../../packages/core/src/events/Event.ts"
import * as HandlerRun from "../../../packages/core/src/events/HandlerRun.ts"

const C2C = "C2C_MESSAGE_CREATE"

const seconds = Duration.seconds

/** Numbers from 0 up to 1, the same for the same seed. */
const randomOf = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const behaviours = [
  "sync",
  "sync",
  "yield",
  "sleep",
  "fail",
  "die",
  "throw",
  "interrupt",
  "hang",
  "stubborn",
  "dialogue",
  "dialogue",
  "fork",
  "scope"
] as const

type Behaviour = (typeof behaviours)[number]

const handlerTimeout = 30
const wait = 5

/** One run of a handler, as the test sees it. */
interface Run {
  readonly user: string
  readonly seq: number
  readonly begunAt: number
  waits: number
  hasEnded: boolean
}

const userOf = (event: Event.Event): string => (event as Event.C2CMessageCreate).author.user_openid ?? ""

const scenario = (seed: number) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const pick = <A>(values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)] as A
    const clock = yield* Effect.clock
    const now = (): number => clock.unsafeCurrentTimeMillis() / 1000
    const concurrency = 1 + (seed % 3)
    const overflow = pick(["pause", "pause", "drop-oldest", "drop-newest"] as const)
    const capacity = pick([4, 16, 64])
    const isSeveral = seed % 4 === 0

    const release = yield* Deferred.make<void>()
    const runs: Array<Run> = []
    const begun = new Map<string, number>()
    const taken: Array<string> = []
    const problems: Array<string> = []
    let scopesOpen = 0
    let next: Delivery.Delivery["next"] = () => Effect.never

    /** It was interrupted without effect, and others go on without it. */
    const isLeft = ({ begunAt }: Run): boolean => now() >= begunAt + handlerTimeout + 10
    const active = (): ReadonlyArray<Run> => runs.filter((run) => !run.hasEnded && !isLeft(run))

    const begin = (event: Event.C2CMessageCreate): Run => {
      const user = userOf(event)
      const seq = event.envelope.s ?? 0
      const run: Run = { user, seq, begunAt: now(), waits: 0, hasEnded: false }
      const others = active()
      if (others.some((other) => other.user === user)) problems.push(`two runs of ${user} at ${seq}`)
      const inSlots = others.filter(({ waits }) => waits === 0).length + 1
      if (inSlots > concurrency) problems.push(`${inSlots} runs at a time at ${seq}`)
      const last = runs.findLast((other) => other.user === user)
      if (last !== undefined && last.seq > seq) problems.push(`${user}: ${seq} after ${last.seq}`)
      runs.push(run)
      begun.set(event.id, (begun.get(event.id) ?? 0) + 1)
      return run
    }

    /** Waits for the next message of the user, as part of a run or of none. */
    const ask = (user: string, run: Run | undefined) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          if (run !== undefined) run.waits++
        }),
        () =>
          next({ conversation: `c2c:${user}`, matches: () => true, queued: random() < 0.5, timeout: seconds(wait) }),
        () =>
          Effect.sync(() => {
            if (run !== undefined) run.waits--
          })
      ).pipe(
        Effect.map((event) => {
          taken.push((event as Event.C2CMessageCreate).id)
        }),
        Effect.catchTag("TimeoutException", () => Effect.void)
      )

    const act = (
      behaviour: Exclude<Behaviour, "throw">,
      user: string,
      run: Run
    ): Effect.Effect<unknown, string, Scope.Scope> => {
      switch (behaviour) {
        case "sync":
          return Effect.void
        case "yield":
          return Effect.yieldNow()
        case "sleep":
          return Effect.sleep(seconds(Math.ceil(random() * 4)))
        case "fail":
          return Effect.delay(Effect.fail("no"), seconds(Math.floor(random() * 2)))
        case "die":
          return Effect.die("dead")
        case "interrupt":
          return Effect.interrupt
        case "hang":
          return Effect.never
        case "stubborn":
          return Effect.uninterruptible(Deferred.await(release))
        case "dialogue":
          return Effect.zipRight(ask(user, run), random() < 0.5 ? ask(user, run) : Effect.void)
        case "fork":
          return Effect.forkDaemon(Effect.delay(ask(user, undefined), seconds(Math.floor(random() * 3))))
        case "scope":
          return Effect.acquireRelease(
            Effect.sync(() => scopesOpen++),
            () => Effect.sync(() => scopesOpen--)
          )
      }
    }

    const handle = (event: Event.C2CMessageCreate): Effect.Effect<unknown, string, Scope.Scope> => {
      const run = begin(event)
      const behaviour = event.content as Behaviour
      const ended = (): void => {
        run.hasEnded = true
      }
      if (behaviour === "throw") {
        ended()
        throw new Error("thrown")
      }
      return Effect.gen(function* () {
        const current = yield* HandlerRun.CurrentRun
        if (current._tag === "None" || current.value.event !== event) problems.push(`the run of ${run.seq} is another`)
        yield* act(behaviour, run.user, run)
      }).pipe(Effect.ensuring(Effect.sync(ended)))
    }

    const registry = yield* Handlers.makeRegistry
    const layers = Layer.mergeAll(
      Handlers.on(C2C, handle, { name: "main" }),
      isSeveral
        ? Handlers.on(C2C, () => Effect.sleep(seconds(Math.floor(random() * 3))), {
            name: "beside",
            retry: Schedule.recurs(1)
          })
        : Layer.empty
    )
    yield* Layer.build(Layer.provide(layers, Layer.succeed(Handlers.HandlerRegistry, registry)))
    const delivery = yield* Delivery.make({
      policy: { ...DeliveryPolicy.defaults, concurrency, overflow, capacity, handlerTimeout: seconds(handlerTimeout) },
      handlers: yield* registry.handlers,
      drainWaiting: false
    })
    next = delivery.next
    yield* Effect.forkScoped(delivery.run)
    const { run, sink } = delivery.intake()
    yield* Effect.forkScoped(run)
    sink.begin(0, [])

    const users = ["a", "b", "c", "d", "e"]
    const dropped = new Set<string>()
    const offered: Array<string> = []
    let seq = 0
    const offer = (id: string, user: string, content: string) =>
      Effect.gen(function* () {
        const frame = {
          op: 0,
          t: C2C,
          s: seq + 1,
          id: `E${seq + 1}`,
          d: { id, author: { user_openid: user }, content }
        }
        // a connection waits for room
        let waited = 0
        while (
          !sink.offer(frame, 100, (handled) => {
            if (!handled) dropped.add(id)
          })
        ) {
          assert.isBelow(waited++, 3000, "seconds without room")
          yield* TestClock.adjust(seconds(1))
        }
        seq++
        offered.push(id)
      })

    for (let n = 0; n < 60; n++) {
      const user = pick(users)
      yield* offer(`m${n}`, user, pick(behaviours))
      // the platform may push a message twice
      if (random() < 0.1) yield* offer(`m${n}`, user, "sync")
      if (random() < 0.6) yield* TestClock.adjust(seconds(Math.floor(random() * 6)))
    }
    // all that hangs is stopped, one after another in each conversation
    yield* TestClock.adjust(seconds(60 * (handlerTimeout + 15)))
    yield* Deferred.succeed(release, undefined)
    yield* TestClock.adjust(seconds(60))

    assert.deepStrictEqual(problems, [])
    assert.strictEqual(delivery.unsettled(), 0)
    assert.strictEqual(delivery.conversations(), 0)
    assert.strictEqual(sink.watermark(), seq)
    assert.strictEqual(scopesOpen, 0)
    for (const id of new Set(offered)) {
      const times = (begun.get(id) ?? 0) + taken.filter((one) => one === id).length
      if (dropped.has(id)) assert.isAtMost(times, 1, id)
      else assert.strictEqual(times, 1, `${id} of ${overflow}`)
    }
    return { taken: taken.length, dropped: dropped.size, left: runs.filter((run) => run.hasEnded).length }
  }).pipe(Effect.scoped)

describe("delivery in chaos", () => {
  for (let first = 1; first <= 150; first += 15) {
    it.effect(
      `handles each event once and in order, seeds ${first} to ${first + 14}`,
      () =>
        Effect.gen(function* () {
          let taken = 0
          for (let seed = first; seed < first + 15; seed++) {
            const outcome = yield* Effect.catchAllCause(scenario(seed), (cause) =>
              Effect.die(new Error(`seed ${seed}: ${Cause.pretty(cause)}`))
            )
            taken += outcome.taken
          }
          assert.isAbove(taken, 0)
        }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger))),
      60_000
    )
  }
})
