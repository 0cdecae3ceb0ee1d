/** Two virtual processes over one store, with faults drawn from a seed, and what must hold whatever happens. */
import { ClusterStore, Leases, RunnerPolicy, type SqlStore, type Unit } from "@effect-qq/cluster"
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { PCGRandom } from "effect/Utils"
import { Roster } from "../../../packages/cluster/src/internal/Roster.ts"
import * as UnitRun from "../../../packages/cluster/src/internal/UnitRun.ts"

/** Faults that are planted into the cluster itself, for the oracle to find. */
export type Planted = "none" | "no lease" | "no fence" | "claim without a fresh lease" | "Run returns when fenced"

const appId = "1905000001"
const shard = "default:1"
const unit: Unit.Unit = { app: appId, shard: 0 }
const expiration = 6000
const hosts = { api: "https://platform.test", token: "https://platform.test/app/getAppAccessToken" }

/** The lock of the cluster shard in the database: whose it is, and until when. */
interface Lock {
  owner: number
  until: number
}

interface World {
  readonly random: PCGRandom
  readonly lock: Lock
  readonly violations: Array<string>
  readonly planted: Planted
  readonly store: ClusterStore.ClusterStoreShape
  /** The process of each epoch. */
  readonly epochs: Map<number, number>
  /** The processes that cannot renew their locks. */
  readonly cut: Array<boolean>
}

const holds = ({ lock }: World, process: number, now: number): boolean => lock.owner === process && lock.until > now

/** The store as one process reaches it: some writes arrive late, after whatever happened meanwhile. */
const storeOf = (world: World, process: number): ClusterStore.ClusterStoreShape => ({
  ...world.store,
  claim: (...claim) =>
    Effect.gen(function* () {
      const claimed = yield* world.store.claim(...claim)
      if (claimed._tag !== "Claimed") return claimed
      const now = yield* Clock.currentTimeMillis
      if (!holds(world, process, now)) world.violations.push(`process ${process} claimed without the lock`)
      const other = world.epochs.get(claimed.epoch)
      if (other !== undefined) world.violations.push(`epoch ${claimed.epoch} belongs to ${other} and ${process}`)
      world.epochs.set(claimed.epoch, process)
      return claimed
    }),
  records: (writer) => {
    const inner = world.store.records(writer)
    const newest = () => Math.max(...world.epochs.keys())
    const current = (): SqlStore.Writer => (world.planted === "no fence" ? { ...writer, epoch: newest() } : writer)
    return KeyValueStore.makeStringOnly({
      get: inner.get,
      remove: inner.remove,
      clear: inner.clear,
      size: inner.size,
      set: (key, value) =>
        Effect.suspend(() => {
          const late = world.random.integer(5) === 0 ? world.random.integer(expiration * 2) : 0
          const write = Effect.tap(
            Effect.suspend(() => world.store.records(current()).set(key, value)),
            () =>
              Effect.sync(() => {
                if (writer.epoch < newest())
                  world.violations.push(`epoch ${writer.epoch} wrote after ${newest()} began`)
              })
          )
          // what is on its way arrives, whatever becomes of the process that sent it
          return Effect.flatMap(Effect.forkDaemon(Effect.delay(write, late)), Fiber.join)
        })
    })
  }
})

/** A virtual process. */
interface Process {
  readonly tick: Effect.Effect<void, never, Scope.Scope>
}

const makeProcess = (
  world: World,
  process: number,
  runtime: Context.Context<TestPlatform.Runtime>,
  generation: number
): Effect.Effect<Process, never, Scope.Scope> =>
  Effect.gen(function* () {
    const own = yield* Leases.make(expiration, { lookEvery: Duration.millis(200) })
    const leases: Leases.LeasesShape = {
      ...own,
      isHeld: (name) => world.planted === "no lease" || own.isHeld(name),
      isFresh: (name) =>
        own.isFresh(name) || world.planted === "no lease" || world.planted === "claim without a fresh lease"
    }
    const roster = new Roster()
    const session = { jitter: 0, reconnectLadder: [Duration.millis(200)] as const, quickDisconnectLimit: 1000 }
    roster.update([{ appId, secret: Redacted.make("secret"), hosts, session }])
    const handlers = Gateway.on("C2C_MESSAGE_CREATE", (event) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if (!holds(world, process, now)) world.violations.push(`process ${process} handled without the lock`)
        yield* Effect.sleep(world.random.integer(300))
        yield* Messenger.reply(event, Message.text(`you said ${event.content}`))
      })
    )
    const runner = yield* UnitRun.make({
      policy: RunnerPolicy.defaults,
      store: storeOf(world, process),
      leases,
      roster,
      running: new UnitRun.Running(),
      handlers,
      services: runtime as never
    })
    const name = `process-${process}:1`
    let running: Fiber.RuntimeFiber<void> | undefined
    let isDone = false
    const tick = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      // what is cut off, or suspended, learns nothing, not even that it lost its lock
      if (world.cut[process] === true) return
      const { lock } = world
      if (lock.until > now && lock.owner !== process) {
        if (running !== undefined) yield* Fiber.interrupt(running)
        running = undefined
        return
      }
      lock.owner = process
      lock.until = now + expiration
      leases.renewed(leases.now(), [shard], name)
      if (running !== undefined || isDone) return
      const run = runner.run(unit, generation, shard, name)
      const returning = Effect.raceFirst(
        run,
        Effect.repeat(
          Effect.delay(
            Effect.sync(() => own.isHeld(shard)),
            "100 millis"
          ),
          { until: (held) => !held }
        )
      )
      running = yield* Effect.forkScoped(
        world.planted === "Run returns when fenced"
          ? Effect.asVoid(
              Effect.tap(returning, () =>
                Effect.sync(() => {
                  isDone = true
                })
              )
            )
          : run
      )
    })
    return { tick }
  })

/** What went wrong in one run of a minute and more; nothing, where nothing did. */
export const simulate = (seed: number, planted: Planted): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const random = new PCGRandom(seed)
    const context = yield* Layer.build(TestPlatform.layerPlatform({ appId, secret: "secret" }))
    const platform = Context.get(context, TestPlatform.TestPlatform)
    const store = yield* ClusterStore.makeMemory()
    const world: World = {
      random,
      lock: { owner: -1, until: 0 },
      violations: [],
      planted,
      store,
      epochs: new Map(),
      cut: [false, false]
    }
    const generations = yield* Effect.orDie(store.want([unit]))
    const generation = generations.get(`${appId}/0`) ?? 1
    for (const process of [0, 1]) {
      const { tick } = yield* makeProcess(world, process, context, generation)
      yield* tick.pipe(
        Effect.zipRight(Effect.suspend(() => Effect.sleep(expiration / 3 - random.integer(300)))),
        Effect.forever,
        Effect.delay(process * 500),
        Effect.forkScoped
      )
    }
    const said: Array<string> = []
    yield* Effect.sleep("5 seconds")
    const end = 60_000
    for (let at = 0; at < end;) {
      const step = 200 + random.integer(1500)
      at += step
      yield* Effect.sleep(step)
      said.push(yield* platform.privateMessage({ user: `u${random.integer(3)}`, text: `m${said.length}` }))
      if (random.integer(8) > 0) continue
      const process = random.integer(2)
      world.cut[process] = true
      yield* Effect.sleep(random.integer(expiration * 3)).pipe(
        Effect.zipRight(
          Effect.sync(() => {
            world.cut[process] = false
          })
        ),
        Effect.forkScoped
      )
    }
    world.cut.fill(false)
    yield* Effect.sleep("1 minute")
    const sent = yield* platform.sent
    const answers = (id: string): number => sent.filter(({ msgId }) => msgId === id).length
    const lost = said.filter((id) => answers(id) === 0).length
    const twice = said.filter((id) => answers(id) > 1).length
    if (lost > 0) world.violations.push(`${lost} of ${said.length} messages have no answer`)
    if (twice > 0) world.violations.push(`${twice} messages have two answers`)
    const { identifies } = platform.model.counters()
    if (identifies.length !== 1) world.violations.push(`${identifies.length} identifies`)
    return world.violations
  }).pipe(Effect.scoped, Effect.provide(Logger.remove(Logger.defaultLogger)))
