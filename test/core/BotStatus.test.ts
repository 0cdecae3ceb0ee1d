import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { worstOf } from "../../packages/core/src/BotStatus.ts"
import { GatewayRejected, GatewayStopped } from "../../packages/core/src/gateway/GatewayError.ts"
import { ranks, type SessionState } from "../../packages/core/src/gateway/SessionStatus.ts"

const stopped: SessionState = {
  _tag: "Stopped",
  because: new GatewayStopped({ because: new GatewayRejected({ detail: "no", hint: "none" }) })
}

const state: fc.Arbitrary<SessionState> = fc.constantFrom<SessionState>(
  { _tag: "Disconnected" },
  { _tag: "Connecting" },
  { _tag: "Greeting" },
  { _tag: "Resuming" },
  { _tag: "Ready", since: 0 },
  { _tag: "Waiting", until: 1, because: "a test" },
  stopped
)

describe("the state of a bot with several shards", () => {
  it("is that of the first of those that are least well", () => {
    fc.assert(
      fc.property(fc.array(state), (states) => {
        const lowest = Math.min(...states.map(({ _tag }) => ranks[_tag]))
        assert.strictEqual(
          worstOf(states, false),
          states.findIndex(({ _tag }) => ranks[_tag] === lowest)
        )
      })
    )
  })

  it("leaves out the shards that have stopped, where the others go on and any lives", () => {
    fc.assert(
      fc.property(fc.array(state, { minLength: 1 }), (states) => {
        const found = states[worstOf(states, true)]
        const living = states.filter(({ _tag }) => _tag !== "Stopped")
        if (living.length === 0) assert.strictEqual(found?._tag, "Stopped")
        else assert.strictEqual(found, living[worstOf(living, false)])
      })
    )
  })
})
