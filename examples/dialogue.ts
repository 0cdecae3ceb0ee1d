// A form in several steps: `/order` asks what and how many, checks the answers, and asks for a press of a button.
import { type Event, Gateway, Interaction, Keyboard, Message, Messenger, MessageView } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Data, Effect } from "effect"

class GaveUp extends Data.TaggedError("GaveUp")<{ readonly event: Event.MessageEvent }> {}

/** What a user answered, and in which message: the newest message is the one that can be replied to longest. */
interface Answer<A> {
  readonly value: A
  readonly event: Event.MessageEvent
}

/** Asks until the answer can be read, three times at most. */
const ask = <A>(
  to: Event.MessageEvent,
  question: string,
  read: (text: string) => A | undefined
): Effect.Effect<Answer<A>, GaveUp | MessageFailure, Gateway.Gateway | Messenger.Messenger> =>
  Effect.gen(function* () {
    let event = to
    for (let attempt = 0; attempt < 3; attempt++) {
      yield* Messenger.reply(event, Message.text(question))
      event = yield* Gateway.next(event, { timeout: "2 minutes" })
      const value = read(MessageView.of(event).text)
      if (value !== undefined) return { value, event }
    }
    return yield* new GaveUp({ event })
  })

type MessageFailure =
  | Effect.Effect.Error<ReturnType<typeof Messenger.reply>>
  | Effect.Effect.Error<ReturnType<typeof Gateway.next>>

const drinks = ["tea", "coffee", "water"] as const

const drinkFrom = (text: string) => drinks.find((drink) => drink === text.trim().toLowerCase())

const countFrom = (text: string) => {
  const count = Number(text)
  return Number.isInteger(count) && count >= 1 && count <= 9 ? count : undefined
}

const keyboard = Keyboard.rows([
  Keyboard.button("order", Keyboard.callback("order"), { style: "filled" }),
  Keyboard.button("cancel", Keyboard.callback("cancel"))
])

const order = (event: Event.MessageEvent) =>
  Effect.gen(function* () {
    const drink = yield* ask(event, `what would you like? ${drinks.join(", ")}`, drinkFrom)
    const count = yield* ask(drink.event, "how many? 1 to 9", countFrom)
    const summary = `${count.value} × ${drink.value}`
    yield* Messenger.reply(count.event, Message.markdown(`**${summary}**: shall I order?`, { keyboard }))
    const press = yield* Gateway.next(count.event, { types: "INTERACTION_CREATE", timeout: "2 minutes" })
    const chosen = Interaction.view(press).button?.data
    yield* Messenger.reply(press, Message.text(chosen === "order" ? `ordered: ${summary}` : "nothing was ordered"))
  }).pipe(
    Effect.catchTags({
      GaveUp: (gaveUp) => Messenger.reply(gaveUp.event, Message.text("let us try another time")),
      TimeoutException: () => Messenger.reply(event, Message.text("I waited long enough; bye"))
    })
  )

const Order = Gateway.onMessage(({ event, text }) => (text === "/order" ? order(event) : Effect.void), {
  name: "order",
  scenes: ["c2c", "group"],
  awaits: ["INTERACTION_CREATE"]
})

NodeRuntime.runMain(Gateway.run(Order).pipe(Effect.provide(NodeBot.layerConfig())))
