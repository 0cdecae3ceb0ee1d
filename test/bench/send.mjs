/**
 * Messages to a server on loopback, 64 at a time, against bare undici with the same agent, headers and body. `send`
 * is proactive, `reply` answers an event: both plan, call, classify and count.
 */
import { AccessToken, Conversation, Message, Messenger, RateLimit } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as undici from "undici"
import {
  agentOptions,
  compare,
  options,
  replyHeaders,
  replyText as text,
  report,
  startFeeder,
  stopwatch
} from "./support.mjs"
import { botLayer } from "./bot.mjs"

const count = options.count ?? 1920
const concurrency = 64
const share = Math.ceil(count / concurrency)
const total = share * concurrency
/** 15 % more time than bare undici, as a ratio of rates. */
const target = 1 / 1.15

const feeder = await startFeeder()
const origin = `http://127.0.0.1:${feeder.port}`
// without the pace that the platform asks for, which is what would be measured
const unpaced = Layer.provide(Layer.fresh(Messenger.layer), RateLimit.layerWith([]))
const runtime = ManagedRuntime.make(Layer.provideMerge(unpaced, botLayer(feeder.port, "1024")))
const user = "0123456789ABCDEF0123456789ABCDEF"
const conversation = Conversation.c2c(user)
const id = "ROBOT1.0_QmFzZTY0LWlkLXBhZGRpbmctb2YtYS1tZXNzYWdl!"
const envelope = { op: 0, s: 2, t: "C2C_MESSAGE_CREATE", id: "C2C_MESSAGE_CREATE:1", d: {} }
const event = { t: "C2C_MESSAGE_CREATE", envelope, id, content: "", author: { user_openid: user } }

const agent = new undici.Agent(agentOptions)

const bare = async (authorization) => {
  const stop = stopwatch()
  let sent = 0
  const worker = async () => {
    for (let index = 0; index < share; index++) {
      const { body, statusCode } = await undici.request(`${origin}/v2/users/${user}/messages`, {
        dispatcher: agent,
        method: "POST",
        headers: replyHeaders(authorization),
        body: JSON.stringify({ msg_type: 0, content: text })
      })
      const answer = JSON.parse(await body.text())
      if (statusCode === 200 && typeof answer.id === "string") sent++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  const measured = stop()
  if (sent !== total) throw new Error(`bare undici sent ${sent} of ${total}`)
  return measured
}

const library = (deliver) =>
  Effect.gen(function* () {
    const messenger = yield* Messenger.Messenger
    const stop = stopwatch()
    let sent = 0
    const one = Effect.map(deliver(messenger), (receipt) => {
      if (receipt.id !== undefined) sent++
    })
    const worker = Effect.repeatN(one, share - 1)
    yield* Effect.all(
      Array.from({ length: concurrency }, () => worker),
      { concurrency: "unbounded", discard: true }
    )
    const measured = stop()
    if (sent !== total) throw new Error(`the library sent ${sent} of ${total}`)
    return measured
  }).pipe(Effect.timeout("60 seconds"))

const authorization = await runtime.runPromise(
  Effect.flatMap(AccessToken.AccessToken, ({ get }) => Effect.map(get, (token) => Redacted.value(token.authorization)))
)

const send = library((messenger) => messenger.send(conversation, Message.text(text)))
const reply = library((messenger) => messenger.reply(event, Message.text(text)))
const contenders = [
  { name: "bare undici", run: () => bare(authorization) },
  { name: "Messenger.send", run: () => runtime.runPromise(send), target },
  { name: "Messenger.reply", run: () => runtime.runPromise(reply), target }
]

const rows = await compare(options.profile === undefined ? contenders : contenders.slice(1), total)
await runtime.dispose()
await agent.destroy()
await feeder.stop()
report({ title: `${total} messages, ${concurrency} at a time`, unit: "message", rows })
