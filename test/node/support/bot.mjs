/**
 * An echo bot for tests that need a process of its own. It says what it does, one line each.
 *
 * TEST_HANDLER_MILLIS: how long a handler runs before it answers. TEST_LOG_ALL: logs everything there is, and shows
 * whatever holds a secret to whoever looks.
 */
import { AccessToken, BotConfig, Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"

const handlerTime = Duration.millis(Number(process.env.TEST_HANDLER_MILLIS ?? 0))
const logAll = process.env.TEST_LOG_ALL !== undefined

const Echo = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event) =>
  Effect.gen(function* () {
    const text = event.content.trim()
    yield* Console.log(`handler began: ${text}`)
    yield* Effect.sleep(handlerTime)
    yield* Messenger.reply(event, Message.text(`you said: ${text}`))
    yield* Console.log(`handler ended: ${text}`)
  })
)

/** Everything that a careless program could print. */
const show = Effect.gen(function* () {
  const config = yield* BotConfig.BotConfig
  const { get } = yield* AccessToken.AccessToken
  const status = yield* Gateway.status
  yield* Gateway.ready
  const token = yield* get
  const whole = yield* Effect.context()
  for (const value of [config, token, yield* status.get, whole]) {
    yield* Console.log(inspect(value, { depth: 8 }), String(value))
    yield* Effect.logInfo("a value", value)
  }
  yield* Console.log(JSON.stringify([config, token]))
  yield* Console.log("shown")
  yield* Stream.runForEach(status.changes, (now) =>
    Effect.zipRight(Console.log(inspect(now, { depth: 12 })), Effect.logInfo("changed", now))
  )
})

const program = Effect.gen(function* () {
  // listens once: the runtime's own listener, and the default of the system after it, stay as they are
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.once(signal, () => process.stdout.write(`heard ${signal}\n`))
  }
  if (logAll) yield* Effect.forkScoped(show)
  return yield* Gateway.run(Echo)
}).pipe(Effect.scoped)

const quick = { reconnectLadder: [Duration.millis(100)], startupLadder: [Duration.millis(100)] }

NodeRuntime.runMain(
  program.pipe(
    Effect.provide(NodeBot.layerConfig({ session: quick })),
    Effect.provide(logAll ? Logger.minimumLogLevel(LogLevel.All) : Layer.empty)
  )
)
