import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as Child from "./support/child.ts"
import * as Live from "./support/live.ts"

describe("effect-qq demo", () => {
  it.scopedLive(
    "shows every trouble, loses nothing and answers nothing twice",
    () =>
      Effect.gen(function* () {
        const home = yield* Live.temporaryDirectory
        const child = yield* Child.start(Child.commandLine, {
          words: ["demo"],
          environment: { HOME: home },
          patience: "85 seconds"
        })
        const { code } = yield* child.ended
        const printed = child.printed()
        assert.strictEqual(code, 0, printed)
        const last = printed.trimEnd().split("\n").slice(-3).join("\n")
        assert.match(last, /events sent \d+, handled \d+, answered \d+, lost 0, duplicated 0/)
        assert.match(printed, /talk with the bot in a browser: http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+/)
        assert.notInclude(printed, "Ctrl-C")
        for (const shown of ["op 7", "4009", "4006", "Resuming", "Identifying", "Ready"]) assert.include(printed, shown)
      }),
    90_000
  )

  it.scopedLive("one half of the credentials: ends with one line that names the other", () =>
    Effect.gen(function* () {
      const child = yield* Child.start(Child.commandLine, {
        words: ["demo"],
        environment: { HOME: yield* Live.temporaryDirectory, QQ_APP_ID: "1905000001" }
      })
      const { code } = yield* child.ended
      assert.strictEqual(code, 1)
      const about = child
        .printed()
        .split("\n")
        .filter((line) => line.includes("QQ_APP_SECRET"))
      assert.strictEqual(about.length, 1, child.printed())
      assert.notInclude(child.printed(), "    at ")
    })
  )
})
