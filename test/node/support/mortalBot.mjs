/** A bot that answers each message twice, and that is made to be killed. */
import "./mortalFiles.mjs"
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"

const Echo = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"], (event) => {
  const text = event.content.trim()
  return Effect.zipRight(
    Messenger.reply(event, Message.text(`first: ${text}`)),
    Messenger.reply(event, Message.text(`second: ${text}`))
  )
})

NodeRuntime.runMain(Effect.provide(Gateway.run(Echo), NodeBot.layerConfig()))
