/** The library as a contender of `receive.mjs`: a whole bot, from the socket to its handler. */
import { Gateway, Message, Messenger, RateLimit } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { botLayer } from "./bot.mjs"
import { flavours } from "./frames.mjs"
import { replyText, stopwatch } from "./support.mjs"

const settled = (gateway) =>
  Effect.flatMap(gateway.health, ({ unsettled }) =>
    unsettled === 0 ? Effect.void : Effect.zipRight(Effect.yieldNow(), settled(gateway))
  )

/** `handle` makes a handler of what has to be called once for each event. */
const bot = (feeder, flood, handle, layer) => () =>
  Effect.gen(function* () {
    const { count, flavour } = flood
    let seen = 0
    let arrived
    const all = new Promise((resolve) => {
      arrived = resolve
    })
    const tick = () => {
      if (++seen === count) arrived()
    }
    const handled = flavour === "unknown" ? "Unknown" : flavours[flavour]
    const gateway = yield* Gateway.Gateway
    const running = yield* Effect.fork(gateway.run(Gateway.on(handled, handle(tick))))
    const measure = Effect.gen(function* () {
      yield* gateway.ready
      const stop = stopwatch()
      feeder.flood(flood)
      yield* Effect.promise(() => all)
      yield* settled(gateway)
      return stop()
    })
    const measured = yield* Effect.raceFirst(measure, Fiber.join(running))
    yield* Fiber.interrupt(running)
    if (seen !== count) throw new Error(`${seen} of ${count} events were handled`)
    return measured
  }).pipe(Effect.provide(layer), Effect.timeout("120 seconds"), Effect.runPromise)

/** The least that a handler with something to do can do. */
const oneEffect = (tick) => () => Effect.sync(tick)

const reply = (tick) => (event) =>
  Effect.map(Messenger.reply(event, Message.text(replyText)), (receipt) => {
    if (receipt.id !== undefined) tick()
  })

/** Runs a bot; the outcome is what its flood took. */
export const library = (feeder, flood, replies) => {
  const layer = botLayer(feeder.port, "1024")
  // without the pace that the platform asks for, which is what would be measured
  const unpaced = Layer.provide(Layer.fresh(Messenger.layer), RateLimit.layerWith([]))
  return replies ? bot(feeder, flood, reply, Layer.provideMerge(unpaced, layer)) : bot(feeder, flood, oneEffect, layer)
}
