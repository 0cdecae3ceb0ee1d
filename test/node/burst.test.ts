import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import { overhear } from "../support/journal.ts"
import * as Child from "./support/child.ts"
import * as Live from "./support/live.ts"
import { eventually } from "./support/patience.ts"

const megabytes = 1024 * 1024

/** What the bot said it held, oldest first. */
const told = (printed: string): ReadonlyArray<{ readonly bytes: number; readonly handled: number }> =>
  [...printed.matchAll(/in use (\d+) after (\d+)\./g)].map(([, bytes, handled]) => ({
    bytes: Number(bytes),
    handled: Number(handled)
  }))

describe("a burst of 20 000 messages, with handlers that take 50 ms", () => {
  for (const { capacity, least, most, name } of [
    { name: "into the default inbox: they wait in bounded memory, which is given back", least: 20_000, most: 96 },
    // all of them would take a resume for each 64, and bring what is left with each
    { name: "into an inbox of 64: what it cannot hold costs no memory", capacity: 64, least: 320, most: 24 }
  ]) {
    it.scopedLive(
      name,
      () =>
        Effect.gen(function* () {
          // this process, which is the platform, has so much to say that it may hear the beats late
          const patient = { heartbeatInterval: 2000, heartbeatTolerance: 100, replayLimit: 30_000 }
          const sandbox = yield* Live.sandbox({ platform: patient })
          let beats = 0
          yield* overhear(sandbox.model.journal, (entry) => {
            if (entry.kind === "Received" && entry.op === 1) beats++
          })
          const child = yield* Child.start(Child.burstBot, {
            environment: {
              ...Child.told(sandbox, yield* Live.temporaryDirectory),
              ...(capacity === undefined ? {} : { TEST_CAPACITY: String(capacity) })
            },
            patience: "2 minutes"
          })
          yield* child.until("in use")
          for (let n = 0; n < 20_000; n++) {
            yield* sandbox.say({ scene: "group", group: `g${n % 200}`, member: "m", text: String(n) })
          }
          yield* eventually(
            `${least} to be handled`,
            () => (told(child.printed()).at(-1)?.handled ?? 0) >= least,
            () => child.printed(),
            "2 minutes"
          )
          const all = told(child.printed())
          const before = all[0]?.bytes ?? Number.NaN
          const growth = all.map(({ bytes }) => (bytes - before) / megabytes)
          const figures = `grew by ${growth.map((each) => each.toFixed(1)).join(", ")} MiB; ${beats} beats`
          assert.isAtMost(Math.max(...growth), most, figures)
          if (capacity === undefined) {
            // of what was handled, only the ids are still known
            assert.isAtMost(growth.at(-1) ?? Number.NaN, most / 2, figures)
            // connections that a full inbox replaces twice a second may be gone before their first beat
            assert.isAbove(beats, 2, figures)
          }
          assert.strictEqual(sandbox.model.counters().maxOpenSockets, 1)
        }),
      180_000
    )
  }
})
