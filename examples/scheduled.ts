// An announcement on a schedule, beside a bot that answers. ANNOUNCE_TO names the conversation, such as
// `group:OPENID`, and ANNOUNCE_AT the time as a cron expression; default: eight in the morning in Shanghai.
import { Conversation, Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, ConfigError, Cron, DateTime, Effect, Either, Schedule } from "effect"

const conversation = Config.string("ANNOUNCE_TO").pipe(
  Config.mapOrFail((text) =>
    Either.fromOption(Conversation.fromKey(text), () =>
      ConfigError.InvalidData(["ANNOUNCE_TO"], "must be c2c:OPENID, group:OPENID, channel:ID or dm:GUILD")
    )
  )
)

const schedule = Config.string("ANNOUNCE_AT").pipe(
  Config.withDefault("0 8 * * *"),
  Config.mapOrFail((text) =>
    Either.mapLeft(Cron.parse(text, "Asia/Shanghai"), ({ message }) =>
      ConfigError.InvalidData(["ANNOUNCE_AT"], message)
    )
  )
)

const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(`you said: ${text}`)), {
  scenes: ["c2c", "group"]
})

const announce = (to: Conversation.Conversation) =>
  Effect.gen(function* () {
    const now = yield* DateTime.now
    yield* Messenger.send(to, Message.text(`good morning; it is ${DateTime.formatIso(now)}`))
  }).pipe(
    // the next announcement is due whatever became of this one
    Effect.catchAll((error) => Effect.logWarning(`not announced: ${error.message}; ${error.hint}`))
  )

const announcements = Effect.gen(function* () {
  const to = yield* conversation
  const cron = yield* schedule
  yield* Gateway.ready
  yield* Effect.logInfo(`the next announcement is at ${Cron.next(cron).toISOString()}`)
  return yield* Effect.schedule(announce(to), Schedule.cron(cron))
})

const program = Effect.raceFirst(Gateway.run(Echo), Effect.zipRight(announcements, Effect.never))

NodeRuntime.runMain(program.pipe(Effect.provide(NodeBot.layerConfig())))
