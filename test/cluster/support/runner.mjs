/** A runner of a cluster whose bots answer each message once, and which tests kill, suspend and cut off. */
import { ClusterBot, ClusterRuntime, Leases } from "@effect-qq/cluster"
import { BotConfig, Gateway, Message, Messenger } from "@effect-qq/core"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs"

/** The number of cluster shards. */
const shards = 30

const settings = JSON.parse(process.env.TEST_RUNNER)
const { bots, expiration, handleFor = 0, locks, port, policy, quarantine = 60_000, quarantineAfter = 3, url } = settings

const say = (what, more = {}) => process.stdout.write(`${JSON.stringify({ what, port, at: Date.now(), ...more })}\n`)

/** Read again and again: bots come and go. */
const list = Effect.sync(() =>
  JSON.parse(Fs.readFileSync(bots, "utf8")).map(({ secret, session, ...bot }) => ({
    ...bot,
    secret: Redacted.make(secret),
    session: {
      reconnectLadder: [Duration.millis(100)],
      startupLadder: [Duration.millis(100)],
      requestedReconnectJitter: Duration.millis(50),
      quickDisconnectLimit: 1000,
      ...session
    }
  }))
)

const Echo = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE", "AT_MESSAGE_CREATE"], (event) =>
  Effect.gen(function* () {
    const { appId } = yield* BotConfig.BotConfig
    const text = event.content.trim()
    say("handles", { app: appId, id: event.id, text })
    if (text === "die") process.kill(process.pid, "SIGKILL")
    if (handleFor > 0) yield* Effect.sleep(handleFor)
    yield* Messenger.reply(event, Message.text(`you said: ${text}`))
  })
)

const Bots = ClusterBot.layer({
  bots: list,
  handlers: Echo,
  policy: { refreshEvery: Duration.millis(300), seenEvery: Duration.seconds(1), ...policy }
})

const Orders = Layer.effectDiscard(
  Effect.gen(function* () {
    const cluster = yield* ClusterBot.ClusterBot
    const leases = yield* Leases.Leases
    // what a test asks for, one JSON value a line
    process.stdin.setEncoding("utf8").on("data", (text) => {
      for (const line of text.split("\n").filter((line) => line !== "")) {
        const order = JSON.parse(line)
        const run =
          order.do === "stop"
            ? cluster.stop(order.app)
            : order.do === "start"
              ? cluster.start(order.app)
              : order.do === "status"
                ? Effect.map(cluster.status, (units) =>
                    say("status", { id: order.id, units, shards: leases.held().length })
                  )
                : cluster
                    .messenger(order.app)
                    .send(order.conversation, Message.text(order.text), { anchor: order.anchor })
        Effect.runFork(
          Effect.matchCause(run, {
            onFailure: (cause) => say("refused", { id: order.id, cause: String(cause) }),
            onSuccess: (result) => say("done", { id: order.id, result })
          })
        )
      }
    })
    say("started")
  })
)

const Runtime = ClusterRuntime.layerPostgres({
  url: Redacted.make(url),
  host: "127.0.0.1",
  port,
  locks,
  policy: {
    lockExpiration: Duration.millis(expiration),
    healthCheckEvery: Duration.millis(500),
    pollEvery: Duration.millis(500),
    assignmentsEvery: Duration.millis(250),
    terminationTimeout: Duration.millis(500),
    shards
  },
  store: {
    quarantine: {
      after: quarantineAfter,
      ladder: [Duration.millis(quarantine), Duration.seconds(60)]
    },
    identifies: { hold: Duration.seconds(3), poll: Duration.millis(100) }
  }
})

const lines = Logger.make(({ annotations, date, logLevel, message }) => {
  const text = [message]
    .flat()
    .map((part) => (typeof part === "string" ? part : String(part?.message ?? part)))
    .join(" ")
  const unit = [...annotations].find(([key]) => key === "unit")?.[1]
  process.stderr.write(`${date.toISOString().slice(11, 23)} ${port} ${logLevel.label} ${unit ?? ""} ${text}\n`)
})

NodeRuntime.runMain(
  Layer.launch(Orders.pipe(Layer.provide(Bots), Layer.provide(Runtime))).pipe(
    Effect.provide(Logger.replace(Logger.defaultLogger, lines))
  ),
  { disablePrettyLogger: true }
)
