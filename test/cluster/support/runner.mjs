/** A runner of a cluster whose bots answer each message once, and which tests kill, suspend, cut off and put out of time. */
import { setWallClock } from "./wallClock.mjs"
import { ClusterBot, ClusterRuntime, ClusterStore, Leases } from "@effect-qq/cluster"
import { BotConfig, Gateway, Message, Messenger } from "@effect-qq/core"
import * as HttpClient from "@effect/platform/HttpClient"
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
const { bots, expiration, handleFor = 0, isMute = false, killAt, locks, name, policy, port, url } = settings
const { quarantine = 60_000, quarantineAfter = 3 } = settings

/** By a clock that no test sets. */
const epoch = performance.timeOrigin
const say = (what, more = {}) =>
  isMute ||
  process.stdout.write(`${JSON.stringify({ what, port, at: Math.round(epoch + performance.now()), ...more })}\n`)

/** Dies in the very step, where a test wants that; what was printed before is printed. */
const reach = (moment) => {
  if (moment !== killAt) return
  Fs.writeSync(
    1,
    `${JSON.stringify({ what: "dies", port, at: Math.round(epoch + performance.now()), text: moment })}\n`
  )
  process.kill(process.pid, "SIGKILL")
}
let isEnding = false
process.once("SIGTERM", () => {
  isEnding = true
})

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
    if (isEnding) reach("drains")
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
                : order.do === "setClock"
                  ? Effect.sync(() => setWallClock(order.offset))
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

/** The records of a session, at whose reads and writes tests kill. */
const watchedRecords = (records) => {
  const around = (what, key, effect) =>
    key.startsWith("session.")
      ? Effect.suspend(() => {
          reach(`${what} begins`)
          return Effect.tap(effect, () => reach(`${what} ends`))
        })
      : effect
  return {
    ...records,
    get: (key) => around("load", key, records.get(key)),
    set: (key, value) =>
      Effect.tap(around("save", key, records.set(key, value)), () => {
        if (key.startsWith("session.")) say("saved", { text: JSON.parse(String(value)).sessionId })
      })
  }
}

const Store = Layer.effect(
  ClusterStore.ClusterStore,
  Effect.map(ClusterStore.ClusterStore, (store) => ({
    ...store,
    claim: (...claim) =>
      Effect.suspend(() => {
        // once the statement is on its way
        setTimeout(() => reach("claim is asked for"), 0)
        return Effect.tap(store.claim(...claim), ({ _tag }) => {
          if (_tag !== "Claimed") return
          say("claims", { text: claim[0].app })
          reach("claim is granted")
        })
      }),
    records: (writer) => watchedRecords(store.records(writer)),
    released: (writer) =>
      Effect.suspend(() => {
        reach("it gives up a bot")
        return store.released(writer)
      })
  }))
)

/** Messages on their way to the platform. */
const Client = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (client) =>
    HttpClient.mapRequest(client, (request) => {
      if (request.method === "POST" && request.url.endsWith("/messages")) {
        reach("it sends")
        say("sends", { text: request.url })
      }
      return request
    })
  )
)

const Runtime = ClusterRuntime.layerPostgres({
  url: Redacted.make(url),
  name,
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
  Layer.launch(
    Orders.pipe(Layer.provide(Bots), Layer.provide(Layer.merge(Store, Client)), Layer.provide(Runtime))
  ).pipe(Effect.provide(settings.plainLogs === true ? Layer.empty : Logger.replace(Logger.defaultLogger, lines))),
  { disablePrettyLogger: true }
)
