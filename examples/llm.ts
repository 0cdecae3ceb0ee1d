/**
 * A bot that answers as a language model does: after a while, word by word, and with a picture where one is asked for.
 *
 * In private chats users see that it is typing, and then the text as it grows; groups get a word at once and the whole text
 * later. Node.js 22.18 or newer runs it as it is: `node examples/llm.ts`. Put your model in the place of `Model.layerSlow`.
 */
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Context, Effect, Encoding, Either, Layer, Schedule, Stream } from "effect"
import { fileURLToPath } from "node:url"

/** One dot. */
const picture = Either.getOrThrow(
  Encoding.decodeBase64(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
  )
)

export class Model extends Context.Tag("Model")<
  Model,
  {
    /** The words of an answer; the first takes a while. */
    readonly answer: (question: string) => Stream.Stream<string, Error>
    readonly draw: (what: string) => Effect.Effect<Uint8Array>
  }
>() {
  static readonly layerSlow = Layer.succeed(this, {
    answer: (question) =>
      Stream.fromIterable(`You asked: ${question}. Let me think about that for a while.`.split(/(?<= )/)).pipe(
        Stream.schedule(Schedule.spaced("400 millis")),
        (words) => Stream.unwrap(Effect.delay(Effect.succeed(words), "70 seconds"))
      ),
    draw: () => Effect.delay(Effect.succeed(picture), "5 seconds")
  })
}

export const Assistant = Gateway.onMessage(({ event, text }) =>
  Effect.gen(function* () {
    const model = yield* Model
    const answer = model.answer(text)
    yield* Messenger.withTyping(event, Messenger.replyStream(event, answer, { thinking: "Let me think…" }))
    if (/draw|画/.test(text)) yield* Messenger.reply(event, Message.image(yield* model.draw(text)))
  })
)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const program = Gateway.run(Layer.provide(Assistant, Model.layerSlow))
  NodeRuntime.runMain(program.pipe(Effect.provide(NodeBot.layerConfig())))
}
