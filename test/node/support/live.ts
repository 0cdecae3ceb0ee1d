/** A bot on real sockets and files in this process, with what tests want to know about it. */
import {
  Bot as Core,
  BotConfig,
  type Event,
  Gateway,
  type GatewayError,
  Message,
  Messenger,
  type Session,
  type SessionPolicy
} from "@effect-qq/core"
import type { Fault, PlatformModel } from "@effect-qq/core/testing"
import { NodeBot, NodeHttp, NodeStore, type StateDirectory } from "@effect-qq/node"
import { Sandbox } from "@effect-qq/cli/sandbox"
import type { PlatformError } from "@effect/platform/Error"
import type * as Socket from "@effect/platform/Socket"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert } from "vitest"
import { eventually, within } from "./patience.ts"

/** A directory for one test. */
export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-qq-test-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

/** A sandbox on a port of its own. */
export const sandbox = (options?: Sandbox.Options) => Sandbox.make({ port: 0, ...options })

/** Heartbeats that a test can wait for; the platform is in no hurry for them when this machine is busy. */
export const shortBeats: Sandbox.Options = { platform: { heartbeatInterval: 500, heartbeatTolerance: 20 } }

/** Waits that a test can afford. */
export const quick: Partial<SessionPolicy.SessionPolicy> = {
  reconnectLadder: [Duration.millis(50)],
  startupLadder: [Duration.millis(50)],
  identifyLadder: [Duration.millis(50)],
  requestedReconnectJitter: Duration.millis(50),
  requestedReconnectWindow: Duration.millis(50),
  // a test breaks many connections shortly after they were made
  quickDisconnectLimit: 1000
}

export interface Bot {
  readonly sandbox: Sandbox.SandboxShape
  readonly stateDirectory: string
  readonly context: Context.Context<Core.Bot | BotConfig.BotConfig>
  readonly fiber: Fiber.RuntimeFiber<never, Gateway.AlreadyRunning | GatewayError.GatewayStopped>
  /** Texts that reached the handler, oldest first. */
  readonly heard: ReadonlyArray<string>
  /** Every status so far, oldest first. */
  readonly statuses: ReadonlyArray<Session.SessionStatus>
  /** What was logged so far. */
  readonly logs: ReadonlyArray<{ readonly level: LogLevel.LogLevel; readonly text: string }>
  /** Completes with the first status from this one on that is so. */
  readonly until: (
    what: string,
    isSo: (status: Session.SessionStatus) => boolean,
    from?: number
  ) => Effect.Effect<Session.SessionStatus>
  /** Completes when the bot is online for the first time. */
  readonly online: Effect.Effect<void>
  /** Makes trouble, waits until the bot has noticed and is online again, and gives every status meanwhile. */
  readonly survives: (trouble: Effect.Effect<unknown>) => Effect.Effect<ReadonlyArray<Session.SessionStatus>>
}

export interface Options extends NodeBot.RuntimeOptions {
  /** Replaces what dials the gateway. */
  readonly sockets?: Layer.Layer<Socket.WebSocketConstructor>
  readonly hosts?: BotConfig.Options["hosts"]
  readonly session?: Partial<SessionPolicy.SessionPolicy>
  /** Replaces the layer of the bot. */
  readonly layer?: Layer.Layer<
    Core.Bot | BotConfig.BotConfig,
    ConfigError.ConfigError | PlatformError | StateDirectory.StateDirectoryError
  >
}

const describe = (bot: Pick<Bot, "sandbox" | "statuses" | "logs">): string =>
  [
    ...bot.statuses.map(({ lastEnd, state }) => `${state._tag} (last end: ${lastEnd?.message ?? "-"})`),
    ...bot.logs.map(({ level, text }) => `${level.label} ${text}`),
    ...bot.sandbox.model.journal.slice(-40).map((entry) => JSON.stringify(entry))
  ].join("\n")

const layerOf = (options: BotConfig.Options & NodeBot.RuntimeOptions, sockets: Options["sockets"]) =>
  sockets === undefined
    ? NodeBot.layer(options)
    : Core.layer.pipe(
        Layer.provide(Layer.mergeAll(NodeHttp.layer(), sockets, NodeStore.layer(options.stateDirectory ?? ""))),
        Layer.provideMerge(BotConfig.layer(options))
      )

/** Starts an echo bot, which runs until the scope closes. */
export const bot = (platform: Sandbox.SandboxShape, options: Options = {}): Effect.Effect<Bot, never, Scope.Scope> =>
  Effect.gen(function* () {
    const stateDirectory = options.stateDirectory ?? (yield* temporaryDirectory)
    const heard: Array<string> = []
    const statuses: Array<Session.SessionStatus> = []
    const logs: Array<{ readonly level: LogLevel.LogLevel; readonly text: string }> = []
    const listeners = new Set<() => void>()
    const quietly = Logger.replace(
      Logger.defaultLogger,
      Logger.make<unknown, void>(({ logLevel, message }) => {
        logs.push({ level: logLevel, text: (Array.isArray(message) ? message : [message]).map(String).join(" ") })
      })
    )
    return yield* Effect.gen(function* () {
      const context = yield* Layer.build<
        never,
        ConfigError.ConfigError | PlatformError | StateDirectory.StateDirectoryError,
        Core.Bot | BotConfig.BotConfig
      >(
        options.layer ??
          layerOf(
            {
              appId: platform.appId,
              secret: platform.secret,
              hosts: options.hosts ?? { api: platform.apiUrl, token: platform.tokenUrl },
              session: { ...quick, ...options.session },
              stateDirectory,
              proxy: options.proxy
            },
            options.sockets
          )
      )
      const gateway = Context.get(context, Gateway.Gateway)
      const messenger = Context.get(context, Messenger.Messenger)
      const handlers = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event: Event.MessageEvent) =>
        Effect.suspend(() => {
          const text = event.content.trim()
          heard.push(text)
          return messenger.reply(event, Message.text(`you said: ${text}`))
        })
      )
      yield* Effect.forkScoped(
        Stream.runForEach(gateway.status.changes, (status) =>
          Effect.sync(() => {
            statuses.push(status)
            for (const listener of listeners) listener()
          })
        )
      )
      // the first status is there once the stream listens
      yield* eventually("the first status", () => statuses.length > 0)
      const fiber = yield* Effect.forkScoped(gateway.run(handlers))
      const until: Bot["until"] = (what, isSo, from = 0) =>
        Effect.async<Session.SessionStatus>((resume) => {
          const listener = (): void => {
            const found = statuses.slice(from).find(isSo)
            if (found === undefined) return
            listeners.delete(listener)
            resume(Effect.succeed(found))
          }
          listeners.add(listener)
          listener()
          return Effect.sync(() => listeners.delete(listener))
        }).pipe(within("15 seconds", what, () => describe({ sandbox: platform, statuses, logs })))
      const made: Bot = {
        sandbox: platform,
        stateDirectory,
        context,
        fiber,
        heard,
        statuses,
        logs,
        until,
        online: Effect.asVoid(until("Ready", isReady)),
        survives: (trouble) =>
          Effect.gen(function* () {
            const from = statuses.length
            yield* trouble
            const left = yield* until("an end of the connection", (status) => !isReady(status), from)
            yield* until("Ready again", isReady, statuses.indexOf(left))
            return statuses.slice(from)
          })
      }
      return made
    }).pipe(Effect.provide(quietly), Effect.orDie)
  })

export const isReady = (status: Session.SessionStatus): boolean => status.state._tag === "Ready"

/** A bot that is online. */
export const onlineBot = (platform: Sandbox.SandboxShape, options?: Options): Effect.Effect<Bot, never, Scope.Scope> =>
  Effect.tap(bot(platform, options), (started) => started.online)

/** How connections began, oldest first: with an `identify` or with a `resume`. */
export const introductions = (platform: Sandbox.SandboxShape): ReadonlyArray<string> =>
  platform.model.journal.flatMap((entry) =>
    entry.kind !== "Received" ? [] : entry.op === 2 ? ["identify"] : entry.op === 6 ? ["resume"] : []
  )

/** The kinds of end that these statuses tell of, each once. */
export const ends = (statuses: ReadonlyArray<Session.SessionStatus>): ReadonlyArray<string> => [
  ...new Set(statuses.flatMap(({ lastEnd }) => (lastEnd === undefined ? [] : [lastEnd._tag])))
]

/** How often each of these messages was answered so that users could see it. */
export const answersTo = (platform: Sandbox.SandboxShape, ids: ReadonlyArray<string>): ReadonlyArray<number> =>
  ids.map((id) => platform.model.sent.filter((message) => message.msgId === id).length)

/** Waits until each message has an answer. */
export const answered = (platform: Sandbox.SandboxShape, ids: ReadonlyArray<string>): Effect.Effect<void> =>
  eventually(
    "an answer to every message",
    () => answersTo(platform, ids).every((count) => count > 0),
    () =>
      platform.model.journal
        .slice(-60)
        .map((entry) => JSON.stringify(entry))
        .join("\n")
  )

/** Ends the bot, and sees to it that it handled and answered each message once and broke no rule of the platform. */
export const handledOnce = (bot: Bot, texts: ReadonlyArray<string>, ids: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* answered(bot.sandbox, ids)
    yield* Fiber.interrupt(bot.fiber)
    assert.deepStrictEqual([...bot.heard].toSorted(), [...texts].toSorted(), "what was handled")
    assert.deepStrictEqual(
      answersTo(bot.sandbox, ids),
      ids.map(() => 1),
      "how often each was answered"
    )
    const { journal } = bot.sandbox.model
    // the pace of identifies is looked at where it is the matter: what was sent 5 s apart may arrive a little closer
    assert.deepStrictEqual(
      journal.filter((entry) => entry.kind === "Violation" && entry.of !== "IdentifyPace"),
      [],
      "broken rules of the platform"
    )
    assert.strictEqual(bot.sandbox.model.counters().maxOpenSockets, 1, "sockets at the same time")
  })

export const say = (
  platform: Sandbox.SandboxShape,
  texts: ReadonlyArray<string>,
  as: (text: string) => PlatformModel.Said = (text) => ({ scene: "c2c", user: "u1", text })
): Effect.Effect<Array<string>> => Effect.forEach(texts, (text) => platform.say(as(text)))

/** Several faults, one right after another. */
export const inject = (platform: Sandbox.SandboxShape, ...faults: ReadonlyArray<Fault.Fault>): Effect.Effect<void> =>
  Effect.forEach(faults, platform.inject, { discard: true })
