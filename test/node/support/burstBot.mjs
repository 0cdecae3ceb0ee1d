/**
 * A bot whose handlers take 50 ms, and that says what it holds: bytes in use after a collection, and how many events it has
 * handled. TEST_CAPACITY: of its inbox.
 */
import { DeliveryPolicy, Gateway } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc")

let handled = 0

const Slow = Gateway.on("GROUP_AT_MESSAGE_CREATE", () =>
  Effect.zipRight(
    Effect.sleep("50 millis"),
    Effect.sync(() => handled++)
  )
)

const tell = Effect.suspend(() => {
  collect()
  const { external, heapUsed } = process.memoryUsage()
  return Console.log(`in use ${heapUsed + external} after ${handled}.`)
})

const program = Effect.gen(function* () {
  yield* Effect.forkScoped(Gateway.run(Slow))
  yield* Gateway.ready
  return yield* Effect.forever(Effect.zipRight(tell, Effect.sleep("200 millis")))
}).pipe(Effect.scoped)

const delivery = {
  capacity: Number(process.env.TEST_CAPACITY ?? DeliveryPolicy.defaults.capacity),
  overflowResumeEvery: Duration.millis(500)
}

NodeRuntime.runMain(Effect.provide(program, NodeBot.layerConfig({ delivery })))
