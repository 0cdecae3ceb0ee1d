import { assert, describe, it } from "@effect/vitest"
import * as Address from "../../packages/core/src/messages/Address.ts"
import { Conversation, MarkdownSplit, RateLimit, TextSplit } from "@effect-qq/core"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { ConversationQueues } from "../../packages/core/src/delivery/ConversationQueues.ts"

/** The most milliseconds that one step of this many takes, each measured by itself. */
const longest = (count: number, step: (n: number) => void): number => {
  let most = 0
  for (let n = 0; n < count; n++) {
    const before = performance.now()
    step(n)
    most = Math.max(most, performance.now() - before)
  }
  return most
}

/** Waits that do not end: 20 000 timers cost more than what is measured. */
const withoutTimers: Clock.Clock = { ...Clock.make(), sleep: () => Effect.never }

/** The milliseconds of each call: 20 000 turns are asked for, every second is given up, and as many are asked for again. */
const crowd = (of: (n: number) => Conversation.Conversation): ReadonlyArray<number> => {
  const rates = Effect.runSync(RateLimit.make())
  const fibers: Array<Fiber.RuntimeFiber<void, RateLimit.TurnTooLate>> = []
  const calls: Array<number> = []
  const call = (step: () => void): void => {
    const before = performance.now()
    step()
    calls.push(performance.now() - before)
  }
  const ask = (n: number): void => {
    const turn: RateLimit.Turn = { operation: "send", conversation: of(n), proactive: true }
    const waiting = Effect.withClock(rates.turn(turn, Duration.infinity), withoutTimers)
    call(() => fibers.push(Effect.runFork(waiting, { immediate: true })))
  }
  for (let n = 0; n < 20_000; n++) ask(n)
  for (let n = 0; n < 20_000; n += 2) call(() => fibers[n]?.unsafeInterruptAsFork(fibers[n]!.id()))
  for (let n = 0; n < 20_000; n += 2) ask((n * 7) % 20_000)
  for (const fiber of fibers) fiber.unsafeInterruptAsFork(fiber.id())
  return calls
}

describe("the event loop", () => {
  it("goes on while 65 536 conversations are ready, each of which is taken by itself", () => {
    const drain = (): number => {
      const queues = new ConversationQueues<{ readonly place: "c2c"; readonly target: string }>()
      for (let n = 0; n < 65_536; n++) queues.add({ place: "c2c", target: `u${n}` })
      const before = performance.now()
      let taken = 0
      for (let queue = queues.next(undefined, 0); queue !== undefined; queue = queues.next(queue, 1)) {
        if (queues.take(queue)?.target !== `u${taken}`) break
        taken += 1
      }
      assert.strictEqual(taken, 65_536)
      return performance.now() - before
    }
    // 10 microseconds for each of them, on a busy machine
    assert.isBelow(drain() + drain() + drain(), 2000)
  })

  for (const [name, of] of [
    ["one user", () => Conversation.c2c("u")],
    ["one group, then many", (n: number) => Conversation.group(n < 10_000 ? "g" : `g${n}`)]
  ] as const) {
    it(`goes on while 20 000 proactive turns to ${name} are asked for, and half of them given up`, () => {
      // a pause of the collector, or another process, meets other calls in each run: the least is what a call costs
      const runs = [crowd(of), crowd(of), crowd(of)]
      const least = (runs[0] ?? []).map((_, index) => Math.min(...runs.map((calls) => calls[index] ?? 0)))
      assert.strictEqual(least.length, 40_000)
      assert.isBelow(Math.max(...least), 10)
      // 500 turns in one round of the loop, with their fibers: the machine may be slow
      for (let from = 0; from < least.length; from += 500) {
        const held = least.slice(from, from + 500).reduce((sum, millis) => sum + millis, 0)
        assert.isBelow(held, 100)
      }
    }, 180_000)
  }

  for (const [name, text] of [
    ["letters", "x".repeat(200_000)],
    ["Han", "漢".repeat(200_000)],
    ["emoji", "😀".repeat(100_000)],
    ["families", "👨‍👩‍👧‍👦".repeat(18_000)],
    ["flags", "🇨🇳".repeat(50_000)],
    ["marks on one letter", `e${"\u0301".repeat(200_000)}`],
    ["letters with marks", "e\u0301".repeat(100_000)],
    ["control characters", "\u0001".repeat(200_000)],
    ["wide punctuation", "．".repeat(200_000)],
    ["marks of direction", "\u202e".repeat(200_000)],
    ["syllables of Hangul", "가".repeat(200_000)],
    ["letters of Devanagari", "क".repeat(200_000)],
    ["Han beyond 16 bits", "𠀀".repeat(100_000)],
    ["skin tones", "👩🏻".repeat(50_000)]
  ] as const) {
    it(`goes on while one line of 200 000 code units of ${name} is cut`, () => {
      let parts: ReadonlyArray<string> = []
      TextSplit.split(text.slice(0, 20_000), 5000)
      const held = longest(1, () => {
        parts = TextSplit.split(text, 5000)
      })
      assert.strictEqual(parts.join(""), text)
      assert.isTrue(parts.every((part) => part.length <= 5000))
      assert.isBelow(held, 150)
    })
  }

  for (const [name, unit] of [
    ["letters", "x"],
    ["Han", "漢"],
    ["flags", "🇨🇳"],
    ["brackets", "["],
    ["links that do not end", "[a]("],
    ["links", "[a](b)"],
    ["parentheses", "]("],
    ["backticks of all lengths", "` `` ``` ```` "],
    ["angle brackets", "<a"],
    ["hyphens", "- "],
    ["quotes", "> "],
    ["nested items", "-\n -\n  -\n"],
    ["pipes", "|"],
    ["tables", "|a|\n|-|\n|b|\n"],
    ["fences", "```a\nb\n```\n"],
    ["open fences", "~~~\n```a b\n"],
    ["blank lines", " \n"],
    ["spaces", " "],
    ["lines", "a\n"]
  ] as const) {
    it(`goes on while markdown of 200 000 code units of ${name} is cut`, () => {
      const text = unit.repeat(200_000 / unit.length)
      let parts: ReadonlyArray<string> = []
      MarkdownSplit.split(text.slice(0, 20_000), 5000)
      const held = longest(1, () => {
        parts = MarkdownSplit.split(text, 5000)
      })
      assert.isTrue(parts.every((part) => part.length <= 5000))
      assert.isBelow(held, 800)
    })
  }

  for (const [name, unit] of [
    ["dots", "."],
    ["labels of one letter", "a."],
    ["at signs", "@"],
    ["words and at signs", "a@"],
    ["schemes", "http://"],
    ["halves of schemes", "a:/"],
    ["letters", "a"],
    ["plus signs", "a+"],
    ["www", "www."],
    ["numbers", "1."],
    ["hyphens and dots", "-._"],
    ["xn--", "xn--."],
    ["Han and dots", "漢."]
  ] as const) {
    it(`goes on while the addresses of 200 000 code units of ${name} are masked`, () => {
      const text = unit.repeat(200_000 / unit.length)
      Address.mask(text.slice(0, 20_000))
      const held = longest(1, () => {
        Address.mask(text)
      })
      assert.isBelow(held, 150)
    })
  }
})
