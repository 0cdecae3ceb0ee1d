/**
 * The model with a clock and timers. Every call of the model is a step: its outputs are applied to the sockets, and every
 * observer receives what happened, once and in order.
 *
 * @since 0.1.0
 */
import type { Journal, Model, PlatformModel } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"

/**
 * What made a step happen, for observers that want to know more of it than the journal keeps.
 *
 * @since 0.1.0
 * @category models
 */
export type Occasion =
  | { readonly _tag: "Request"; readonly request: Model.Request; readonly answer: Model.Answer }
  | { readonly _tag: "Received"; readonly connection: number; readonly payload: string | Uint8Array }
  | { readonly _tag: "Said"; readonly said: PlatformModel.Said; readonly id: string }
  | { readonly _tag: "Other" }

/**
 * What happened in one step.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step {
  readonly now: number
  readonly occasion: Occasion
  readonly outputs: ReadonlyArray<Model.Output>
  /** The journal's new entries. */
  readonly entries: ReadonlyArray<Journal.JournalEntry>
  readonly events: ReadonlyArray<PlatformModel.Dispatched>
  /** The bot's new messages. */
  readonly sent: ReadonlyArray<Journal.SentMessage>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Engine {
  readonly model: PlatformModel.PlatformModel
  /** Calls the model now. `occasion` describes the call by its result. */
  readonly step: <A>(use: (now: number) => A, occasion?: (result: A) => Occasion) => A
  /** Adds an observer of every step. Observers are called in the order in which they were added, and must not throw. */
  readonly observe: (observer: (step: Step) => void) => void
  /** The time of the sandbox's clock. */
  readonly now: () => number
}

const other: Occasion = { _tag: "Other" }

/**
 * Runs a model until the scope closes. `make` receives the callback that the model calls for each event; `apply` applies an
 * output of the model to a socket.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  makeModel: (onDispatch: (event: PlatformModel.Dispatched) => void) => PlatformModel.PlatformModel,
  apply: (output: Model.Output) => void
): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const wakeUp = yield* Queue.sliding<void>(1)
    const observers: Array<(step: Step) => void> = []
    let events: Array<PlatformModel.Dispatched> = []
    const model = makeModel((event) => events.push(event))
    let lastSent: Journal.SentMessage | undefined
    let journaled = 0
    let sleepingUntil = Number.POSITIVE_INFINITY

    const newSent = (): ReadonlyArray<Journal.SentMessage> => {
      const { sent } = model
      let from = sent.length
      while (from > 0 && sent[from - 1] !== lastSent) from--
      const added = sent.slice(from)
      lastSent = sent.at(-1)
      return added
    }

    const newEntries = (): ReadonlyArray<Journal.JournalEntry> => {
      const { journal } = model
      const all = model.counters().journalDropped + journal.length
      const added = all - journaled
      journaled = all
      return added <= 0 ? [] : journal.slice(-added)
    }

    const step: Engine["step"] = (use, occasion) => {
      const now = clock.unsafeCurrentTimeMillis()
      const result = use(now)
      const outputs = model.drain()
      for (const output of outputs) apply(output)
      const happened = {
        now,
        occasion: occasion?.(result) ?? other,
        outputs,
        entries: newEntries(),
        events,
        sent: newSent()
      }
      events = []
      for (const observer of observers) observer(happened)
      const next = model.nextWake()
      if (next !== undefined && next < sleepingUntil) wakeUp.unsafeOffer(undefined)
      return result
    }

    const pump = Effect.forever(
      Effect.suspend(() => {
        step((now) => model.wake(now))
        const next = model.nextWake()
        sleepingUntil = next ?? Number.POSITIVE_INFINITY
        const woken = Queue.take(wakeUp)
        // At least a millisecond, in case the model asks for a time in the past.
        return next === undefined
          ? woken
          : Effect.raceFirst(woken, Effect.sleep(Math.max(1, next - clock.unsafeCurrentTimeMillis())))
      })
    )
    yield* Effect.forkScoped(pump)

    return {
      model,
      step,
      observe: (observer) => void observers.push(observer),
      now: () => clock.unsafeCurrentTimeMillis()
    }
  })
