// A vote with buttons: `/vote Pizza tonight?` shows two, and each press is counted once for each user.
import { Gateway, Interaction, Keyboard, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, HashMap, Layer, Option, Ref, Schema } from "effect"

/** What a button brings back. It is the user's to send, so it is decoded like anything from outside. */
const Choice = Schema.parseJson(Schema.Struct({ vote: Schema.String, choice: Schema.Literal("yes", "no") }))
const encode = Schema.encodeSync(Choice)
const decode = Schema.decodeUnknownOption(Choice)

type Votes = HashMap.HashMap<string, "yes" | "no">

/** The votes of one question, by user. */
class Polls extends Effect.Service<Polls>()("Polls", {
  effect: Effect.map(Ref.make(HashMap.empty<string, Votes>()), (polls) => ({
    /** Counts a vote, and gives the votes of its question. A second vote of a user takes the place of the first. */
    count: (vote: string, user: string, choice: "yes" | "no") =>
      Ref.modify(polls, (all) => {
        const votes = HashMap.set(
          Option.getOrElse(HashMap.get(all, vote), () => HashMap.empty<string, "yes" | "no">()),
          user,
          choice
        )
        return [votes, HashMap.set(all, vote, votes)] as const
      })
  }))
}) {}

const keyboard = (vote: string) =>
  Keyboard.rows([
    Keyboard.button("yes", Keyboard.callback(encode({ vote, choice: "yes" })), { style: "filled" }),
    Keyboard.button("no", Keyboard.callback(encode({ vote, choice: "no" })))
  ])

const Ask = Gateway.onMessage(
  ({ event, id, text }) => {
    const question = /^\/vote\s+(.+)$/s.exec(text)?.[1]
    return question === undefined
      ? Effect.void
      : Messenger.reply(event, Message.markdown(`**${question}**`, { keyboard: keyboard(id) }))
  },
  { name: "ask", scenes: ["c2c", "group"] }
)

const Count = Gateway.on("INTERACTION_CREATE", (event) =>
  Effect.gen(function* () {
    const { button, user } = Interaction.view(event)
    const choice = decode(button?.data)
    if (Option.isNone(choice) || user === undefined) return
    const polls = yield* Polls
    const votes = yield* polls.count(choice.value.vote, user, choice.value.choice)
    const yes = HashMap.size(HashMap.filter(votes, (of) => of === "yes"))
    yield* Messenger.reply(event, Message.text(`yes ${yes}, no ${HashMap.size(votes) - yes}`))
  })
)

const Bot = Layer.mergeAll(Ask, Count).pipe(Layer.provide(Polls.Default))

NodeRuntime.runMain(Gateway.run(Bot).pipe(Effect.provide(NodeBot.layerConfig())))
