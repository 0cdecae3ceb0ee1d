import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestPlatform from "../../../packages/core/src/testing/TestPlatform.ts"
import { exercise, rows } from "../../support/endpoints.ts"

describe("every endpoint", () => {
  it.effect.each(rows)("%s is answered by the model", ([name]) =>
    Effect.flatMap(TestPlatform.TestPlatform, (platform) => exercise(name, platform)).pipe(
      Effect.scoped,
      Effect.provide(TestPlatform.layer())
    )
  )

  it.each(rows)("%s says where it is documented, and only reads where it is repeated", (_, row) => {
    assert.match(row.source, /\[(doc|sdk|field|unsure)\]/)
    assert.strictEqual(row.repeatable, row.method === "GET")
    assert.match(row.path, /^(\/([a-z0-9@_]+|\{[a-zA-Z]+\}))+$/)
  })
})
