import { ClusterRuntime } from "@effect-qq/cluster"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import { assert } from "vitest"
import { within } from "../node/support/patience.ts"
import * as TestDatabase from "./support/database.ts"
import { freePort } from "./support/postgres.ts"

describe.skipIf(!TestDatabase.isThere)("runners that start together on an empty database", () => {
  for (const locks of ["advisory", "table"] as const) {
    it.scopedLive(`create every table once, with ${locks} locks: eight of them start, and none logs a problem`, () =>
      Effect.gen(function* () {
        const url = Redacted.make(yield* TestDatabase.create)
        const lines: Array<string> = []
        const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
          if (LogLevel.greaterThanEqual(logLevel, LogLevel.Warning)) lines.push(`${String(message)} ${String(cause)}`)
        })
        const ports = yield* Effect.promise(() => Promise.all(Array.from({ length: 8 }, freePort)))
        const started = yield* Effect.forEach(
          ports,
          (port) => Effect.exit(Layer.build(ClusterRuntime.layerPostgres({ url, host: "127.0.0.1", port, locks }))),
          { concurrency: "unbounded" }
        ).pipe(
          within("60 seconds", "eight runners", () => lines.join("\n")),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        assert.deepStrictEqual(
          started.map(({ _tag }) => _tag),
          ports.map(() => "Success"),
          lines.join("\n")
        )
        assert.deepStrictEqual(lines, [])
      })
    )
  }
})
