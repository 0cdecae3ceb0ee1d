import type { Fault } from "@effect-qq/core/testing"
import type * as Layer from "effect/Layer"
import { describe, expect, test } from "tstyche"
import type * as FaultCodec from "../../packages/cli/src/sandbox/FaultCodec.ts"
import * as Sandbox from "../../packages/cli/src/sandbox/Sandbox.ts"

describe("Sandbox", () => {
  test("every fault of the model can be said in JSON", () => {
    expect<FaultCodec.FaultTag>().type.toBe<Fault.Fault["_tag"]>()
  })

  test("a layer needs nothing and fails only for its port", () => {
    expect(Sandbox.layer()).type.toBe<Layer.Layer<Sandbox.Sandbox, Sandbox.SandboxError>>()
  })
})
