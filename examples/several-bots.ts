// Several bots in one process. BOTS names them: `102000001:secret-of-one,102000002:secret-of-the-other`. A bot that stops
// for good, because its secret is wrong for example, does not end the others; when all have stopped, the process ends.
import { BotConfig, Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, ConfigError, ConfigProvider, Data, Effect, Either, Layer, Redacted } from "effect"

interface Account {
  readonly appId: string
  readonly secret: Redacted.Redacted
}

const accounts: Config.Config<ReadonlyArray<Account>> = Config.redacted("BOTS").pipe(
  Config.mapOrFail((text) => {
    const read = Redacted.value(text)
      .split(",")
      .map((pair) => /^\s*(\d+):(\S+)\s*$/.exec(pair))
    return read.every((match) => match !== null)
      ? Either.right(read.map(([, appId = "", secret = ""]) => ({ appId, secret: Redacted.make(secret) })))
      : Either.left(ConfigError.InvalidData(["BOTS"], "must be APP_ID:SECRET, joined by commas"))
  })
)

/** All handlers of all bots; which bot runs them is one of the services they can ask for. */
const Echo = Gateway.onMessage(
  ({ event, text }) =>
    Effect.flatMap(BotConfig.BotConfig, ({ appId }) =>
      Messenger.reply(event, Message.text(`bot ${appId} heard: ${text}`))
    ),
  { scenes: ["c2c", "group"] }
)

/** The credentials of one bot; addresses, proxy and state directory are those of the environment for all. */
const layerOf = ({ appId, secret }: Account) =>
  NodeBot.layerConfig().pipe(
    Layer.provide(
      Layer.setConfigProvider(
        ConfigProvider.orElse(
          ConfigProvider.fromMap(
            new Map([
              ["QQ_APP_ID", appId],
              ["QQ_APP_SECRET", Redacted.value(secret)]
            ])
          ),
          () => ConfigProvider.fromEnv()
        )
      )
    )
  )

const runOne = (account: Account) =>
  Gateway.run(Echo).pipe(
    Effect.provide(layerOf(account)),
    Effect.catchAll((error) => Effect.logError(`bot ${account.appId} has stopped: ${error.message}`)),
    Effect.annotateLogs({ bot: account.appId })
  )

class AllStopped extends Data.TaggedError("AllStopped") {
  override readonly message = "all bots have stopped"
}

const program = Effect.gen(function* () {
  yield* Effect.forEach(yield* accounts, runOne, { concurrency: "unbounded", discard: true })
  return yield* new AllStopped()
})

NodeRuntime.runMain(program)
