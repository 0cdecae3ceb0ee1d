/**
 * Gives a model of the platform a clock and a pulse: a fiber that hands what the model wants done to the sockets, and wakes
 * the model when something falls due. The in-memory skins share one runner.
 *
 * The platform has a clock of its own, which does not change when the one of the bot's machine is set: it goes by monotonic
 * time. It uses `Clock` and `Effect.sleep` and nothing else that waits, so it is as deterministic as the clock and the scheduler
 * it runs under.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../internal/Monotonic.ts"
import type { Fault } from "./Fault.ts"
import type { Output } from "./model/Model.ts"
import * as PlatformModel from "./model/PlatformModel.ts"

/** How many exceptions of listeners are kept. */
const keptFailures = 100

/**
 * The client's end of one connection: what the platform does to it arrives here.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sink {
  readonly frame: (text: string) => void
  readonly binary: (bytes: Uint8Array) => void
  readonly close: (code: number, reason: string) => void
  readonly drop: () => void
  readonly freeze: () => void
}

/**
 * What the service holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModelRunnerShape {
  readonly model: PlatformModel.PlatformModel
  /** Calls the model at the present time. What it wants done to sockets is done by the pump, soon but never inside. */
  readonly call: <A>(run: (model: PlatformModel.PlatformModel, now: number) => A) => Effect.Effect<A>
  /** The same without an Effect, for code that has to be synchronous. */
  readonly unsafeCall: <A>(run: (model: PlatformModel.PlatformModel, now: number) => A) => A
  /** Says who takes the outputs of a connection. */
  readonly attach: (connection: number, sink: Sink) => void
  readonly detach: (connection: number) => void
  /** Runs something in the pump, after the outputs that are waiting now. */
  readonly defer: (task: () => void) => void
  /** Runs the code of a listener. What it throws does not end the pump: it is logged, and kept in `failures`. */
  readonly guard: (listener: () => void) => void
  /** What listeners threw, oldest first; at most 100. */
  readonly failures: ReadonlyArray<unknown>
  /** Does at once what is waiting, instead of leaving it to the pump. */
  readonly step: Effect.Effect<void>
  /** Waits until `look` finds something. It looks now and after every call and step. */
  readonly until: <A>(look: (model: PlatformModel.PlatformModel) => Option.Option<A>) => Effect.Effect<A>
  /** A user says something. Returns the message id. */
  readonly say: (said: PlatformModel.Said) => Effect.Effect<string>
  /** Any event. Returns the event id. */
  readonly dispatch: (type: string, d: unknown) => Effect.Effect<string>
  readonly inject: (fault: Fault) => Effect.Effect<void>
}

/**
 * The runner of one model.
 *
 * @since 0.1.0
 * @category tags
 */
export class ModelRunner extends Context.Tag("@effect-qq/core/testing/ModelRunner")<ModelRunner, ModelRunnerShape>() {}

/** What a pump drives. */
interface Driven {
  readonly model: PlatformModel.PlatformModel
  readonly clock: Clock.Clock
  /** Sleeps until the model wants to be woken. */
  readonly sleeper: FiberHandle.FiberHandle<void>
  /** Does what is waiting; whether there may be more to do. */
  readonly round: () => boolean
  readonly hasReports: () => boolean
  readonly report: Effect.Effect<void>
}

/** Rounds whenever there is work, and a wake-up of the model whenever something falls due. */
const pumpOf = ({ clock, hasReports, model, report, round, sleeper }: Driven) => {
  let sleepingUntil: number | undefined
  let hasWork = true
  let wakePump: (() => void) | undefined

  const announceWork = (): void => {
    hasWork = true
    wakePump?.()
    wakePump = undefined
  }

  // Between rounds others have their turn: a client that reconnects at once and for ever must not stop the world.
  const step: Effect.Effect<void> = Effect.suspend(() => {
    const next = round() ? another : Effect.void
    return hasReports() ? Effect.zipRight(report, next) : next
  })
  const another = Effect.zipRight(Effect.yieldNow(), step)

  /** Wakes the model whenever something falls due, until nothing will. */
  const nap: Effect.Effect<void> = Effect.suspend(() => {
    const next = model.nextWake()
    sleepingUntil = next
    return next === undefined
      ? Effect.void
      : Effect.zipRight(Effect.sleep(Math.max(0, next - Monotonic.unsafeMillis(clock))), wake)
  })
  const wake = Effect.suspend(() => {
    model.wake(Monotonic.unsafeMillis(clock))
    announceWork()
    return nap
  })

  const sleep = Effect.suspend(() => {
    const next = model.nextWake()
    return next === undefined || (sleepingUntil !== undefined && sleepingUntil <= next)
      ? Effect.void
      : FiberHandle.run(sleeper, nap)
  })

  const idle = Effect.async<void>((resume) => {
    wakePump = () => resume(Effect.void)
  })

  const run = Effect.whileLoop({
    while: () => true,
    body: () => {
      if (!hasWork) return idle
      hasWork = false
      return Effect.zipRight(step, sleep)
    },
    step: () => undefined
  })

  return { announceWork, run, step }
}

/**
 * Runs a model until the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (model: PlatformModel.PlatformModel): Effect.Effect<ModelRunnerShape, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const sleeper = yield* FiberHandle.make<void>()
    const sinks = new Map<number, Sink>()
    const tasks: Array<() => void> = []
    const failures: Array<unknown> = []
    const unreported: Array<unknown> = []
    const waiters = new Set<() => void>()
    const guard = (listener: () => void): void => {
      try {
        listener()
      } catch (thrown) {
        if (failures.length < keptFailures) failures.push(thrown)
        unreported.push(thrown)
      }
    }

    const notify = (): void => {
      for (const look of waiters) look()
    }

    const apply = (output: Output): void => {
      const sink = sinks.get(output.connection)
      if (sink === undefined) return
      switch (output._tag) {
        case "Frame":
          return sink.frame(output.text)
        case "Binary":
          return sink.binary(output.bytes)
        case "Close":
          return sink.close(output.code, output.reason)
        case "Drop":
          return sink.drop()
        case "Freeze":
          return sink.freeze()
      }
    }

    /** One round; whether there may be more to do. */
    const round = (): boolean => {
      model.wake(Monotonic.unsafeMillis(clock))
      const outputs = model.drain()
      const deferred = tasks.splice(0)
      for (const output of outputs) apply(output)
      for (const task of deferred) task()
      notify()
      return outputs.length > 0 || deferred.length > 0
    }

    const report = Effect.suspend(() =>
      Effect.forEach(
        unreported.splice(0),
        (thrown) => Effect.logError("a listener of a model's socket threw", thrown),
        { discard: true }
      )
    )

    const { announceWork, run, step } = pumpOf({
      model,
      clock,
      sleeper,
      round,
      hasReports: () => unreported.length > 0,
      report
    })

    const unsafeCall = <A>(run: (model: PlatformModel.PlatformModel, now: number) => A): A => {
      const answer = run(model, Monotonic.unsafeMillis(clock))
      announceWork()
      notify()
      return answer
    }

    const call: ModelRunnerShape["call"] = (run) => Effect.sync(() => unsafeCall(run))

    yield* Effect.forkScoped(run)

    return {
      model,
      call,
      unsafeCall,
      attach: (connection, sink) => {
        sinks.set(connection, sink)
      },
      detach: (connection) => {
        sinks.delete(connection)
      },
      defer: (task) => {
        tasks.push(task)
        announceWork()
      },
      guard,
      failures,
      step,
      until: <A>(look: (model: PlatformModel.PlatformModel) => Option.Option<A>) =>
        Effect.async<A>((resume) => {
          const again = (): void => {
            try {
              const found = look(model)
              if (Option.isNone(found)) return
              waiters.delete(again)
              resume(Effect.succeed(found.value))
            } catch (defect) {
              // code of the test: it fails what waits with it, not the platform
              waiters.delete(again)
              resume(Effect.die(defect))
            }
          }
          waiters.add(again)
          again()
          return Effect.sync(() => {
            waiters.delete(again)
          })
        }),
      say: (said) => call((model, now) => model.say(now, said)),
      dispatch: (type, d) => call((model, now) => model.dispatch(now, type, d)),
      inject: (fault) => call((model, now) => model.inject(now, fault))
    }
  })

/**
 * A runner of a model of its own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: PlatformModel.Options): Layer.Layer<ModelRunner> =>
  Layer.scoped(
    ModelRunner,
    Effect.suspend(() => make(PlatformModel.make(options)))
  )
