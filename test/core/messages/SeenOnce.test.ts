/** Whatever happens, no user sees a reply twice, and what was reported delivered can be seen. */
import { assert, describe, it } from "@effect/vitest"
import { type Event, Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import * as TestContext from "effect/TestContext"
import * as fc from "fast-check"
import * as Bot from "../../support/bot.ts"
import { bot, platform } from "./harness.ts"

type Step =
  | { readonly _tag: "Say"; readonly scene: "c2c" | "group" }
  | { readonly _tag: "Reply"; readonly event: number; readonly key: number }
  | { readonly _tag: "Fault"; readonly fault: number }
  | { readonly _tag: "Wait"; readonly milliseconds: number }
  | { readonly _tag: "Allow"; readonly proactive: boolean }
  | { readonly _tag: "Restart" }

const http = (failure: Fault.HttpFailure, times = 1): Fault.Fault => Fault.http("send", failure, { times })

const faults: ReadonlyArray<Fault.Fault> = [
  http(Fault.reset({ accepted: true })),
  http(Fault.reset({ accepted: false })),
  http(Fault.hang({ accepted: true })),
  http(Fault.hang({ accepted: false })),
  http(Fault.html(502)),
  http(Fault.body(200, "null")),
  http(Fault.body(200, "")),
  http(Fault.refused, 3),
  http(Fault.refused, 6),
  http(Fault.reset({ accepted: true }), 6),
  http(Fault.slow(20_000)),
  http(Fault.slow(3_000)),
  http(Fault.status(429, {})),
  http(Fault.status(500, { code: 50055002, message: "later" })),
  http(Fault.status(400, { code: 40034005, message: "expired" })),
  http(Fault.status(400, { code: 40034128, message: "spent" })),
  http(Fault.status(400, { code: 40034006, message: "blocked" })),
  http(Fault.status(400, { code: 40034006, message: "blocked" }), 3),
  Fault.refuseMessage("markdown"),
  Fault.refuseLonger(60),
  Fault.refuseLonger(40, { times: 2 }),
  Fault.tokenRevoked,
  Fault.drop(),
  Fault.close(4009)
]

const waits = [50, 600, 2_000, 20_000, 200_000, 297_000, 1_700_000, 3_590_000]

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("Say" as const),
      scene: fc.constantFrom("c2c" as const, "group" as const)
    })
  },
  { weight: 6, arbitrary: fc.record({ _tag: fc.constant("Reply" as const), event: fc.nat(3), key: fc.nat(2) }) },
  { weight: 5, arbitrary: fc.record({ _tag: fc.constant("Fault" as const), fault: fc.nat(faults.length - 1) }) },
  {
    weight: 4,
    arbitrary: fc.record({ _tag: fc.constant("Wait" as const), milliseconds: fc.constantFrom(...waits) })
  },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Allow" as const), proactive: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Restart" as const) }) }
)

const script = fc.array(step, { minLength: 6, maxLength: 24 })

/** What a reply says: the same each time it is made. Lines, so that what was split can be counted. */
const contentOf = (name: string, key: number): Message.Message => {
  const line = `<${name}>`
  if (key === 1) return Message.markdown(line)
  return Message.text(key === 0 ? line : [0, 1, 2, 3, 4, 5].map((n) => `<${name}.${n}..........>`).join("\n"))
}

const linesOf = (name: string, key: number): ReadonlyArray<string> =>
  key === 2 ? [0, 1, 2, 3, 4, 5].map((n) => `<${name}.${n}..........>`) : [`<${name}>`]

type Running = Layer.Layer.Success<ReturnType<typeof TestPlatform.layerBot>>

interface Attempt {
  readonly key: number
  /** How each time ended: `delivered`, `unknown`, or why it was not sent. */
  readonly ends: Array<string>
  running: Fiber.RuntimeFiber<unknown, unknown> | undefined
}

const play = (steps: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    const world = yield* TestPlatform.TestPlatform
    const events: Array<Event.MessageEvent> = []
    const attempts = new Map<string, Attempt>()

    const start = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Layer.fresh(TestPlatform.layerBot(bot)), scope)
      const listen = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event: Event.MessageEvent) =>
        Effect.sync(() => {
          if (!events.some(({ id }) => id === event.id)) events.push(event)
        })
      )
      const inside = <A, E>(effect: Effect.Effect<A, E, Running>) => Effect.provide(effect, context)
      yield* Effect.forkIn(inside(Gateway.run(listen)), scope)
      yield* Bot.advance("2 seconds")
      const reply = (event: Event.MessageEvent, name: string, key: number) => {
        const attempt = attempts.get(name) ?? { key, ends: [], running: undefined }
        attempts.set(name, attempt)
        // one and the same reply is not made twice at the same time
        if (attempt.running !== undefined) return Effect.void
        const messenger = Messenger.layerWith({ partLength: 60 })
        return inside(Effect.provide(Messenger.reply(event, contentOf(name, key), { key: `${key}` }), messenger)).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => {
              attempt.running = undefined
              if (Exit.isSuccess(exit)) attempt.ends.push("delivered")
              else if (Exit.isInterrupted(exit)) attempt.ends.push("unknown")
              else {
                const error = exit.cause._tag === "Fail" ? exit.cause.error : undefined
                const isUnknown =
                  error?._tag === "DeliveryUnknown" ||
                  (error !== undefined && "part" in error && error.part !== undefined)
                attempt.ends.push(isUnknown ? "unknown" : `not sent: ${error?._tag ?? "a defect"}`)
              }
            })
          ),
          Effect.forkIn(scope),
          Effect.map((fiber) => {
            if (attempt.ends.length === 0 || fiber.unsafePoll() === null) attempt.running = fiber
          }),
          Effect.zipRight(Bot.settle),
          Effect.zipRight(
            Effect.sync(() => {
              if (attempt.running?.unsafePoll() !== null) attempt.running = undefined
            })
          )
        )
      }
      return { reply, stop: Scope.close(scope, Exit.void) }
    })

    let run = yield* start
    for (const current of steps) {
      switch (current._tag) {
        case "Say":
          yield* current.scene === "c2c"
            ? world.privateMessage({ user: "u", text: "hi" })
            : world.groupMessage({ group: "g", text: "hi" })
          yield* Bot.settle
          break
        case "Reply": {
          const event = events[current.event]
          if (event !== undefined) yield* run.reply(event, `${current.event}-${current.key}`, current.key)
          break
        }
        case "Fault": {
          const fault = faults[current.fault]
          if (fault !== undefined) yield* world.inject(fault)
          break
        }
        case "Wait":
          yield* Bot.advance(current.milliseconds)
          break
        case "Allow":
          yield* world.allowProactive("c2c", "u", current.proactive)
          yield* world.allowProactive("group", "g", current.proactive)
          break
        case "Restart":
          yield* run.stop
          run = yield* start
          break
      }
    }
    yield* world.inject(Fault.clear)
    yield* Bot.advance("5 minutes")
    yield* run.stop

    // the platform's own journal is the truth
    const shown = (yield* world.sent).flatMap(({ content }) => content.split("\n"))
    for (const [name, { ends, key }] of attempts) {
      const lines = linesOf(name, key)
      for (const line of lines) {
        const times = shown.filter((found) => found === line).length
        assert.isAtMost(times, 1, `${line} was seen ${times} times: ${ends.join()}`)
        if (ends.includes("delivered")) assert.strictEqual(times, 1, `${line} was reported delivered and is not there`)
        else if (!ends.includes("unknown"))
          assert.strictEqual(times, 0, `${line} was reported not sent: ${ends.join()}`)
      }
    }
    return [...attempts.values()].flatMap(({ ends }) => ends)
  }).pipe(
    Effect.provide(TestPlatform.layerPlatform({ ...platform, windows: { c2c: { duration: 3_600_000, replies: 5 } } })),
    Effect.scoped,
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.provide(TestContext.TestContext)
  )

describe("whatever happens", () => {
  it("no user sees a reply twice, and what was reported delivered can be seen", { timeout: 600_000 }, async () => {
    const ends: Array<string> = []
    await fc.assert(
      fc.asyncProperty(script, async (steps) => {
        ends.push(
          ...(await Effect.runPromise(play([{ _tag: "Say", scene: "c2c" }, { _tag: "Say", scene: "group" }, ...steps])))
        )
      }),
      { numRuns: Number(process.env["SEEN_ONCE_RUNS"] ?? 20), seed: 20260921, endOnFailure: false }
    )
    // the scripts do reach every kind of end
    assert.isAbove(ends.filter((end) => end === "delivered").length, 10)
    assert.isAtLeast(ends.filter((end) => end === "unknown").length, 1)
    assert.isAtLeast(ends.filter((end) => end.startsWith("not sent")).length, 1)
  })
})
