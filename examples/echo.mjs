import { Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"

const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(`you said: ${text}`)), {
  scenes: ["c2c", "group"]
})

NodeRuntime.runMain(Gateway.run(Echo).pipe(Effect.provide(NodeBot.layerConfig())))
