/** What every bot of the cluster does: it repeats what it is told, and says which bot it is. */
import { BotConfig, Gateway, Message, Messenger } from "@effect-qq/core"
import { Effect } from "effect"

export default Gateway.onMessage(
  ({ event, text }) =>
    Effect.flatMap(BotConfig.BotConfig, ({ appId }) =>
      Messenger.reply(event, Message.text(`bot ${appId}: you said ${text}`))
    ),
  { scenes: ["c2c", "group"] }
)
