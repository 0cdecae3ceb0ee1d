import { Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"

const Echo = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event) =>
  Messenger.reply(event, Message.text(`you said: ${event.content.trim()}`))
)

NodeRuntime.runMain(Gateway.run(Echo).pipe(Effect.provide(NodeBot.layerConfig())))
