import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

const runEither = (options: Simulation.Options) => Effect.runSync(Effect.either(Simulation.run(options)))

const runSync = (options: Simulation.Options) => Effect.runSync(Simulation.run(options))

const journalOf = (seed: number, bots: number) => {
  const lines: Array<string> = []
  const report = runSync({
    seed,
    bots,
    days: 0.25,
    faults: { rate: 0.1 },
    traffic: { perHour: 20 },
    onLine: (line) => lines.push(line)
  })
  return { report, text: lines.join("\n") }
}

describe("a simulation", () => {
  it("the same seed gives the same journal, byte for byte; another seed gives another", () => {
    const once = journalOf(1, 2)
    const twice = journalOf(1, 2)
    assert.strictEqual(once.text, twice.text)
    assert.deepStrictEqual(once.report, twice.report)
    assert.isAbove(once.text.length, 10_000)
    assert.notStrictEqual(once.report.digest, journalOf(2, 2).report.digest)
  })

  it("the journal is JSON lines, and holds neither token nor secret", () => {
    const { report, text } = journalOf(3, 1)
    const lines = text.split("\n")
    assert.strictEqual(lines.length, report.lines)
    for (const line of lines) assert.isNumber((JSON.parse(line) as { readonly at: unknown }).at)
    assert.notInclude(text, "model-access-token")
    assert.notInclude(text, "model-secret")
  })

  it("everything is handled, answered and counted", () => {
    const report = runSync({ seed: 4, days: 0.25, faults: { rate: 0.1 }, traffic: { perHour: 40 } })
    assert.isAbove(report.events, 100)
    assert.strictEqual(report.handled + report.gaps, report.events)
    assert.isAbove(report.reconnects, 5)
    assert.isAbove(report.faults, 10)
    assert.isAbove(report.resumes, 5)
    assert.strictEqual(report.lost, 0)
    assert.strictEqual(report.duplicated, 0)
  })

  it("processes that know nothing of each other collide when they identify, and all are Ready in the end", () => {
    let collisions = 0
    const report = runSync({
      seed: 5,
      days: 0.1,
      shards: 5,
      apart: true,
      faults: { rate: 0.2 },
      traffic: { perHour: 60 },
      onLine: (line) => {
        if (line.includes('"IdentifyPace"')) collisions++
      }
    })
    assert.isAbove(collisions, 4)
    assert.isAbove(report.identifies, 10)
    assert.strictEqual(report.handled + report.gaps, report.events)
  })

  it("users see streamed replies whole and once, whatever happens to their pieces", () => {
    const report = runSync({ seed: 6, days: 0.25, faults: { rate: 0.3, kinds: ["stream"] }, traffic: { streams: 0.5 } })
    assert.isAbove(report.streams, 100)
    assert.strictEqual(report.handled + report.gaps, report.events)
  })

  it("a store that was broken brings back the session before, and what was missed on it is answered", () => {
    const report = runSync({ seed: 999_111, days: 0.46, faults: { rate: 0.4 }, traffic: { perHour: 8 } })
    assert.strictEqual(report.handled + report.gaps, report.events)
    assert.strictEqual(report.lost, 0)
    assert.strictEqual(report.duplicated, 0)
  })

  it("a process that crashes before its store has caught up leaves what it knew to nobody", () => {
    const report = runSync({ seed: 777_117, days: 0.25, faults: { rate: 0.2 }, traffic: { perHour: 20 } })
    assert.strictEqual(report.handled + report.gaps, report.events)
    assert.strictEqual(report.lost, 0)
  })

  it("a process that was never Ready ends where its address is refused, and its supervisor starts another", () => {
    const report = runSync({ seed: 999_106, days: 0.06, faults: { rate: 0.4 }, traffic: { perHour: 8 } })
    assert.strictEqual(report.handled + report.gaps, report.events)
    assert.strictEqual(report.lost, 0)
  })

  it("without faults nothing happens but beats, rotations and replies", () => {
    const report = runSync({ seed: 5, days: 0.5, faults: { rate: 0 }, traffic: { perHour: 20 } })
    assert.strictEqual(report.gaps + report.faults + report.repeated, 0)
    assert.strictEqual(report.handled, report.events)
    assert.strictEqual(report.replies, report.events)
    assert.strictEqual(report.identifies, 1)
    assert.strictEqual(report.reconnects, report.resumes)
  })

  it("of four shards: each with a session of its own, all messages handled, in guilds too", () => {
    for (const seed of [1, 2, 3]) {
      const report = runSync({
        seed,
        shards: 4,
        days: 0.1,
        faults: { rate: 0.1 },
        traffic: { perHour: 60 },
        platform: { sessionLimit: { maxConcurrency: 2 } }
      })
      assert.strictEqual(report.handled + report.gaps, report.events)
      assert.isAtLeast(report.identifies, 4)
      assert.isAbove(report.reconnects, 16)
    }
  })

  it("a bot that stops is a violation, with the seed, the step, the rule and the last lines", () => {
    // nobody can mend intents that are not granted but the operator
    const result = runEither({ seed: 6, platform: { grantedIntents: 0 } })
    assert.isTrue(Either.isLeft(result))
    if (Either.isRight(result) || result.left._tag !== "SimulationViolation") return assert.fail("no violation")
    assert.strictEqual(result.left.invariant, "Stopped")
    assert.strictEqual(result.left.seed, 6)
    assert.strictEqual(result.left.bot, 0)
    assert.isAtLeast(result.left.step, 0)
    // the refusal is what the journal leads up to
    assert.include(result.left.journal.join("\n"), '"code":4014')
    assert.isAtMost(result.left.journal.length, 50)
    assert.include(result.left.message, "seed 6")
  })
})
