import { assert, describe, it } from "@effect/vitest"
import { type DeliveryPolicy, Gateway } from "@effect-qq/core"
import { type Journal, TestPlatform, VirtualTime } from "@effect-qq/core/testing"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Bot from "../support/bot.ts"
import { overhear } from "../support/journal.ts"
import { scale } from "./scale.ts"

const conversations = 200
const interval = 1000

/** After this nothing of a burst goes on: what is to be saved is saved, and nobody looks for handlers that are out of time. */
const rest = Duration.minutes(11)

/** The beats of one connection, and when it had to begin to beat and could no more. */
interface Beating {
  readonly from: number
  readonly beats: Array<number>
  until: number
}

/** So many messages at once in 200 groups, each handled in 50 ms, and what became of them. */
const burst = (count: number, delivery: Partial<DeliveryPolicy.DeliveryPolicy>) => {
  const time = VirtualTime.make()
  const program = Effect.gen(function* () {
    const platform = yield* TestPlatform.TestPlatform
    const gateway = yield* Gateway.Gateway
    const handled = Array.from({ length: conversations }, (): Array<number> => [])
    const all = yield* Deferred.make<void>()
    let running = 0
    let mostRunning = 0
    let done = 0

    const lines = new Map<number, Beating>()
    const hear = (entry: Journal.JournalEntry): void => {
      if (entry.kind === "Sent" && entry.op === 0 && !lines.has(entry.connection)) {
        lines.set(entry.connection, { from: entry.at, beats: [], until: Number.POSITIVE_INFINITY })
      }
      if (entry.kind !== "Received" && entry.kind !== "Closed") return
      const line = lines.get(entry.connection)
      if (line === undefined) return
      if (entry.kind === "Closed") line.until = entry.at
      else if (entry.op === 1) line.beats.push(entry.at)
    }
    yield* overhear(platform.model.journal, hear)

    yield* Effect.forkScoped(
      gateway.run(
        Gateway.on("GROUP_AT_MESSAGE_CREATE", (event) =>
          Effect.gen(function* () {
            mostRunning = Math.max(mostRunning, ++running)
            yield* Effect.sleep("50 millis")
            running--
            handled[Number(event.group_openid)]?.push(Number(event.content))
            if (++done === count) yield* Deferred.succeed(all, undefined)
          })
        )
      )
    )
    yield* gateway.ready
    yield* Effect.sleep(rest)
    const before = { fibers: time.fibers().length, timers: time.timers() }
    const began = time.now()
    for (let n = 0; n < count; n++) {
      yield* platform.groupMessage({ group: String(n % conversations), text: String(n) })
    }
    let mostUnsettled = 0
    const looking = yield* Effect.fork(
      Effect.forever(
        Effect.zipRight(
          Effect.map(gateway.health, ({ unsettled }) => {
            mostUnsettled = Math.max(mostUnsettled, unsettled)
          }),
          Effect.sleep("10 millis")
        )
      )
    )
    yield* Deferred.await(all)
    const took = time.now() - began

    yield* looking.interruptAsFork(looking.id())
    yield* Effect.sleep(rest)
    return {
      handled,
      took,
      mostRunning,
      mostUnsettled,
      before,
      after: { fibers: time.fibers().length, timers: time.timers() },
      now: time.now(),
      lines: [...lines.values()],
      health: yield* gateway.health,
      introductions: yield* Bot.introductions,
      counters: yield* Bot.counters
    }
  }).pipe(
    Bot.on({
      bot: { delivery },
      platform: {
        heartbeatInterval: interval,
        replayLimit: count + 1000,
        replayAge: 24 * 3_600_000,
        journalLimit: 10_000
      }
    }),
    Logger.withMinimumLogLevel(LogLevel.None)
  )
  return Effect.runSync(time.run(program))
}

const isKept = (count: number, report: ReturnType<typeof burst>): void => {
  const { after, before, counters, handled, health, lines, now } = report
  // each message once, and those of one conversation in order
  for (const [group, numbers] of handled.entries()) {
    assert.deepStrictEqual(
      numbers,
      Array.from({ length: count / conversations }, (_, n) => group + n * conversations)
    )
  }
  for (const { beats, from, until } of lines) {
    const end = Math.min(until, now)
    for (const [index, at] of beats.entries()) {
      // the first one after a random part of the interval, each other one an interval after the last
      if (index === 0) assert.isAtMost(at, from + interval)
      else assert.strictEqual(at, (beats[index - 1] ?? 0) + interval)
    }
    assert.isAtMost(end - (beats.at(-1) ?? from), interval)
  }
  assert.strictEqual(counters.maxOpenSockets, 1)
  assert.strictEqual(counters.violations, 0)
  assert.strictEqual(health.state, "Ready")
  assert.strictEqual(health.unsettled, 0)
  assert.deepStrictEqual(after, before, "fibers and timers")
}

describe("a burst, with handlers that take 50 ms", () => {
  it("of 20 000 messages into the default inbox: 64 at a time", () => {
    const report = burst(20_000, {})
    isKept(20_000, report)
    assert.strictEqual(report.mostRunning, 64)
    assert.isAtMost(report.mostUnsettled, 20_000)
    // at the end fewer conversations are left than could be handled
    assert.isAtMost(report.took, (20_000 / 64) * 50 * 1.05)
    assert.strictEqual(report.counters.resumesAccepted, 0)
  })

  // a platform brings all that is left with each resume, so this grows with the square of the number
  const count = scale <= 1 ? 4000 : 20_000

  it(`of ${count} messages into an inbox of 64: fetched by resumes, as many as it holds with each`, () => {
    const report = burst(count, { capacity: 64 })
    isKept(count, report)
    assert.strictEqual(report.mostRunning, 64)
    assert.isAtMost(report.mostUnsettled, 64)
    assert.isAtMost(Math.abs(report.counters.resumesAccepted - count / 64), 2)
    assert.strictEqual(report.lines.length, report.counters.resumesAccepted + 1)
  }, 600_000)
})
