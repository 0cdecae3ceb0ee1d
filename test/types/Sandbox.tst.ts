import type * as Layer from "effect/Layer"
import { describe, expect, test } from "tstyche"
import * as Sandbox from "../../packages/cli/src/sandbox/Sandbox.ts"

describe("Sandbox", () => {
  test("a layer needs nothing and fails only for its port", () => {
    expect(Sandbox.layer()).type.toBe<Layer.Layer<Sandbox.Sandbox, Sandbox.SandboxError>>()
  })
})
