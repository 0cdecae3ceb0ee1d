// A vote with buttons: `/vote Pizza tonight?` shows two, and each press is counted once for each user. A vote is open for
// ten minutes.
import { Callback, Gateway, Keyboard, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, HashMap, Layer, Option, Ref, Schema } from "effect"

const Choice = Callback.make("vote", Schema.Struct({ poll: Schema.Int, choice: Schema.Literal("yes", "no") }), {
  expires: "10 minutes"
})

type Votes = HashMap.HashMap<string, "yes" | "no">

/** The polls that were opened since the start, and their votes by user. */
class Polls extends Effect.Service<Polls>()("Polls", {
  effect: Effect.gen(function* () {
    const polls = yield* Ref.make(HashMap.empty<number, Votes>())
    return {
      /** Opens a poll, and gives its number. */
      open: Ref.modify(polls, (all) => {
        const poll = HashMap.size(all) + 1
        return [poll, HashMap.set(all, poll, HashMap.empty<string, "yes" | "no">())] as const
      }),
      /** Counts a vote, and gives all of its poll. A second vote of a user takes the place of the first. */
      count: (poll: number, user: string, choice: "yes" | "no") =>
        Ref.modify(polls, (all) => {
          const before = Option.getOrElse(HashMap.get(all, poll), () => HashMap.empty<string, "yes" | "no">())
          const votes = HashMap.set(before, user, choice)
          return [votes, HashMap.set(all, poll, votes)] as const
        })
    }
  })
}) {}

const Ask = Gateway.onMessage(
  ({ event, text }) => {
    const question = /^\/vote\s+(.+)$/s.exec(text)?.[1]
    if (question === undefined) return Effect.void
    return Effect.gen(function* () {
      const poll = yield* Effect.flatMap(Polls, ({ open }) => open)
      const yes = yield* Choice.button("yes", { poll, choice: "yes" }, { style: "filled" })
      const no = yield* Choice.button("no", { poll, choice: "no" })
      yield* Messenger.reply(event, Message.markdown(`**${question}**`, { keyboard: Keyboard.rows([yes, no]) }))
    })
  },
  { name: "ask", scenes: ["c2c", "group"] }
)

const Count = Callback.on(Choice, ({ event, user, value }) =>
  Effect.gen(function* () {
    if (user === undefined) return
    const polls = yield* Polls
    const votes = yield* polls.count(value.poll, user, value.choice)
    const yes = HashMap.size(HashMap.filter(votes, (of) => of === "yes"))
    yield* Messenger.reply(event, Message.text(`yes ${yes}, no ${HashMap.size(votes) - yes}`))
  })
)

const Bot = Layer.mergeAll(Ask, Count).pipe(Layer.provide(Polls.Default))

NodeRuntime.runMain(Gateway.run(Bot).pipe(Effect.provide(NodeBot.layerConfig())))
