/**
 * The simulation has to be able to fail: each of these plants one fault in a copy of the library, by replacing one piece of
 * its code, and the oracle has to find it within the named number of seeds. The same runs pass without the fault.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Oracle, Simulation } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Mutation from "../support/mutation.ts"
import { scale } from "./scale.ts"

const core = Mutation.read()

type Module = typeof Simulation

interface Mutant extends Mutation.Mutation {
  readonly name: string
  /** What the oracle may call it. */
  readonly found: ReadonlyArray<Oracle.Invariant>
  /** Seeds within which it has to be found. */
  readonly seeds: number
  readonly options: Omit<Simulation.Options, "seed">
}

const quarter = (
  kinds: ReadonlyArray<Simulation.FaultKind>,
  more: Omit<Simulation.Options, "seed"> = {}
): Mutant["options"] => ({
  days: 0.25,
  faults: { rate: 0.2, kinds, rotateEvery: 30 },
  traffic: { perHour: 20 },
  ...more
})

const mutants: ReadonlyArray<Mutant> = [
  {
    name: "two sockets at once",
    from: "const socket = construct()",
    to: "construct()\n    const socket = construct()",
    found: ["OneSocket"],
    seeds: 1,
    options: quarter(["network"])
  },
  {
    name: "the ladder starts over at READY",
    from: "{ answered, readyFor }: Disconnect): boolean =>\n  answered && readyFor >= Duration.toMillis(policy.stableAfter)",
    to: "{ ready }: Disconnect): boolean => ready",
    found: ["Ladder"],
    seeds: 3,
    options: quarter(["network"])
  },
  {
    name: "no ladder at all",
    from: "Ladder.climbing(policy.reconnectLadder)",
    to: "Ladder.climbing([])",
    found: ["Ladder"],
    seeds: 1,
    options: quarter(["network"])
  },
  {
    name: "the sequence number is stored before its event is handled",
    from: "sequence: progress.watermark,",
    to: "sequence: kept.receivedSeq,",
    found: ["Lost"],
    seeds: 3,
    options: quarter(["crash"], { traffic: { perHour: 120 } })
  },
  {
    name: "message ids are stored when they are received",
    from: "for (const id of this.partial) if (id.source === source) store(id)",
    to: "this.inFlight.forEach((id) => stored.push({ key: Identity.nameOf(id.key, id.namespace, id.type), sequence: id.sequence, at: now }))",
    found: ["Lost", "ReplyMissing"],
    seeds: 3,
    options: quarter(["crash"], { traffic: { perHour: 120 } })
  },
  {
    name: "a new msg_seq at each attempt",
    from: "replyFields(transmission))",
    to: "replyFields({ ...transmission, sequence: transmission.sequence + progress.attempts }))",
    found: ["ReplyTwice"],
    seeds: 3,
    options: quarter(["http"], { traffic: { perHour: 120 } })
  },
  {
    name: "ACKs are ignored",
    from: "if (this.#awaiting) {",
    to: "if (this.#awaiting && !String(data).includes('\"op\":11')) {",
    found: ["NeedlessEnd"],
    seeds: 1,
    options: quarter(["network"])
  },
  {
    name: "a dead connection is not noticed",
    from: "    yield* Effect.sleep(lastPatience)\n    if (!options.answered()) {",
    to: "    yield* Effect.sleep(lastPatience)\n    if (patience < 0) {",
    found: ["StatusTruthful"],
    seeds: 3,
    options: quarter(["network"])
  },
  {
    name: "beats are late",
    from: "const left = Math.max(0, due - Monotonic.unsafeMillis(clock))",
    to: "const left = 1.2 * Math.max(0, due - Monotonic.unsafeMillis(clock))",
    found: ["BeatsOnTime"],
    seeds: 1,
    options: quarter(["network"])
  },
  {
    name: "a resume is tried for ever",
    from: "if (history.unconfirmedResumes >= 2) return true",
    to: "if (history.unconfirmedResumes >= 1000) return true",
    found: ["EndlessResume"],
    seeds: 3,
    options: quarter(["gateway"])
  },
  {
    name: "a refused resume is tried again",
    from: '  if (invalidSession === false) return true\n  if (error._tag === "SessionInvalid" && !error.resumable) return true\n',
    to: "",
    found: ["RefusedResume"],
    seeds: 3,
    options: quarter(["gateway"])
  },
  {
    name: "every connection identifies",
    from: "this.resume = Option.map(Option.fromNullable(session.memory.current()), ({ id, receivedSeq }) => ({",
    to: "this.resume = Option.map(Option.fromNullable(this.shard[0] > 99 ? session.memory.current() : undefined), ({ id, receivedSeq }) => ({",
    found: ["SessionGivenUp", "IdentifyBudget"],
    seeds: 3,
    options: quarter(["network"])
  },
  {
    name: "every shard identifies when it likes",
    from: "      const at = opensAt.get(bucket)",
    to: "      const at = opensAt.get(bucket + 1000 * request.shard)",
    found: ["IdentifyBudget"],
    seeds: 1,
    options: quarter(["network"], { shards: 4, days: 0.05 })
  },
  {
    name: "a shard remembers the session of another",
    from: "`session.${appId}.${index}-${count}`",
    to: "`session.${appId}.${Math.min(index, 0)}-${count}`",
    found: ["SessionGivenUp", "Lost", "GapUntold"],
    seeds: 2,
    options: quarter(["restart", "crash"], { shards: 3, traffic: { perHour: 120 } })
  },
  {
    name: "a gap begins when it ends",
    from: "from: Math.min(heardAt, from)",
    to: "from: wall",
    found: ["GapUntold"],
    seeds: 2,
    options: quarter(["gateway"], { traffic: { perHour: 240 } })
  },
  {
    name: "READY in answer to a RESUME passes for the old session",
    from: "const before = this.lost ?? this.session",
    to: "const before = this.lost",
    found: ["GapUntold"],
    seeds: 3,
    options: quarter(["oddity"], { traffic: { perHour: 240 } })
  },
  {
    name: "any heartbeat interval is obeyed",
    from: "  if (number > maximum) return",
    to: "  if (number < 0) return",
    found: ["BeatsOnTime"],
    seeds: 3,
    options: quarter(["oddity"])
  },
  {
    name: "an old session is kept",
    from: "const old = session.startedAt + Duration.toMillis(policy.maximumAge)",
    to: "const old = session.startedAt + 30 * Duration.toMillis(policy.maximumAge)",
    found: ["OldSession"],
    seeds: 3,
    options: quarter(["deafness"], {
      days: 2,
      faults: { rate: 0.001, kinds: ["deafness"], rotateEvery: 0 },
      traffic: { perHour: 2 }
    })
  },
  {
    name: "an address that is not allowed ends a bot that was online",
    from: "return lasting(error)",
    to: 'return { _tag: "Stop", refusal: error }',
    found: ["Stopped"],
    seeds: 1,
    options: quarter(["address"])
  },
  {
    name: "windows are measured by the wall clock",
    from: "index.status(anchor, Monotonic.unsafeMillis(clock))",
    to: "index.status(anchor, clock.unsafeCurrentTimeMillis())",
    found: ["Proactive"],
    seeds: 3,
    options: quarter(["clock"], { traffic: { perHour: 240 } })
  },
  {
    name: "a store that hangs is waited for at the start",
    from: "storeReadTimeout: Duration.seconds(4)",
    to: "storeReadTimeout: Duration.seconds(4000)",
    found: ["SlowStart"],
    seeds: 3,
    options: quarter(["store"])
  },
  {
    name: "a shutdown waits for handlers as long as they take",
    from: "Finalizer.timeout(ended, timeout)",
    to: 'Finalizer.timeout(ended, "1 hour")',
    found: ["SlowEnd"],
    seeds: 3,
    options: quarter(["restart"], { traffic: { perHour: 120, work: 60_000 } })
  },
  {
    name: "a frame that is too large is met again by resuming",
    from: "if (code === tooLargeForSocket)",
    to: 'if (code === "")',
    found: ["EndlessResume"],
    seeds: 1,
    options: quarter(["frame"])
  },
  {
    name: "a lost wake-up of the inbox",
    from: "if (pending.push(entry) === 1) arrived.raise()",
    to: "pending.push(entry)",
    found: ["Lost"],
    seeds: 1,
    options: quarter(["delivery"])
  },
  {
    name: "duplicates are not dropped",
    from: "if (!Identity.addTwin(id, type)) return undefined",
    to: "Identity.addTwin(id, type)",
    found: ["HandledTwice"],
    seeds: 2,
    options: quarter(["delivery"])
  },
  {
    name: "the events of a conversation are not kept in order",
    from: "queuesFor(work).add(work)",
    to: "work.target += String(work.frame.s ?? 0)\n      queuesFor(work).add(work)",
    found: ["Order"],
    seeds: 2,
    options: quarter(["delivery"], { days: 0.1, traffic: { perHour: 120, bursts: 0.5 } })
  },
  {
    name: "handlers are not drained",
    from: "yield* Effect.addFinalizer(() => (ownership.isHeld() ? delivery.drain : Effect.void))",
    to: "yield* Effect.addFinalizer(() => Effect.void)",
    found: ["CutOff"],
    seeds: 3,
    options: quarter(["restart"], { traffic: { perHour: 240 } })
  },
  {
    name: "an identify that is refused for the pace of other processes ends the bot",
    from: "refusedFor >= Duration.toMillis(policy.identifyRefusedFor)",
    to: "refusedFor >= 0",
    found: ["Stopped"],
    seeds: 3,
    options: quarter(["network"], { shards: 5, apart: true, days: 0.05 })
  },
  {
    name: "what an earlier run has left of a stream is not finished",
    from: "yield* withdraw(services, pieces, conversation, begun.value)",
    to: "yield* Effect.void",
    found: ["StreamWrong"],
    seeds: 3,
    options: quarter(["stream"])
  },
  {
    name: "the rest of a stream is its whole text",
    from: "const missing = total.slice((doubted ?? pieces.shown()).length)",
    to: "const missing = total",
    found: ["StreamWrong"],
    seeds: 3,
    options: quarter(["stream"])
  },
  {
    name: "a stream is left open where a piece is refused",
    from: "Effect.zipRight(Effect.logInfo(`${error.message}; finishing the stream and sending the rest as an ordinary message`), pieces.close)",
    to: "Effect.void",
    found: ["StreamWrong"],
    seeds: 3,
    options: quarter(["stream"])
  },
  {
    name: "a fiber is left behind",
    from: "yield* Effect.forkScoped(memory.keepSaved(scope))",
    to: "yield* Effect.forkDaemon(memory.keepSaved(scope))",
    found: ["Leak"],
    seeds: 1,
    options: quarter(["network"])
  }
]

/** The first finding in the first seeds, with the seed. */
const search = (simulation: Module, { options, seeds }: Mutant) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const result = Effect.runSync(Effect.either(simulation.run({ ...options, seed })))
    if (Either.isLeft(result)) return { seed, error: result.left }
  }
  return undefined
}

const load = async (mutant: Mutant): Promise<Module> => (await core.load(mutant, "testing/Simulation.ts")) as Module

describe("the simulation finds", () => {
  it("nothing where nothing was planted", () => {
    const runs = new Map(mutants.map((mutant) => [JSON.stringify(mutant.options), mutant]))
    for (const mutant of runs.values()) {
      // without a fault a run goes on to its end, which takes time: one seed of each, the others are for more than all
      const found = search(Simulation, scale <= 1 ? { ...mutant, seeds: 1 } : mutant)
      assert.isUndefined(found, found?.error.message)
    }
  })

  for (const mutant of mutants) {
    it(`${mutant.name}, within ${mutant.seeds} seeds`, async ({ annotate }) => {
      const found = search(await load(mutant), mutant)
      assert.isDefined(found)
      const error = found?.error
      assert.strictEqual(error?._tag, "SimulationViolation")
      if (error?._tag !== "SimulationViolation") return
      assert.include(mutant.found, error.invariant, error.message)
      await annotate(`seed ${found?.seed}: ${error.invariant}`)
      // the journal of a violation leads up to it
      assert.isAbove(error.journal.length, 0)
      assert.isAtMost(error.journal.length, 50)
    })
  }
})
