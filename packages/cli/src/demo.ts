/**
 * `effect-qq demo`: an echo bot. With `QQ_APP_ID` and `QQ_APP_SECRET` in the environment it runs on the real platform until
 * it is stopped; without them it runs against a sandbox in this process for about half a minute, meets every kind of fault
 * of a gateway session, and shows how it recovers. The page of that sandbox shows it too, and stays open afterwards if the
 * terminal is interactive.
 *
 * @since 0.1.0
 */
import { type Bot, type BotConfig, Gateway, type GatewayError, Message, Messenger, type Session } from "@effect-qq/core"
import { Fault, type PlatformModel } from "@effect-qq/core/testing"
import { NodeBot, type StateDirectory } from "@effect-qq/node"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Send from "./commands/Send.ts"
import * as Sandbox from "./sandbox/Sandbox.ts"

/**
 * Messages were lost or answered twice: this library is broken.
 *
 * @since 0.1.0
 * @category errors
 */
export class DemoFailed extends Schema.TaggedError<DemoFailed>()("DemoFailed", {
  lost: Schema.Number,
  duplicated: Schema.Number
}) {
  override get message(): string {
    return `${this.lost} messages lost, ${this.duplicated} answered twice`
  }
}

const pad = (who: string): string => who.padEnd(9)

const line = (who: string, what: string): Effect.Effect<void> =>
  Effect.flatMap(DateTime.now, (now) =>
    Console.log(`${DateTime.formatIso(now).slice(11, 21)}  ${pad(who)}${Send.line(what)}`)
  )

/** The logs of the library, in the format of the other lines. */
const logger = Logger.withConsoleLog(
  Logger.make<unknown, string>(({ date, message }) => {
    const [text]: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
    return `${date.toISOString().slice(11, 21)}  ${pad("library")}${Send.line(String(text))}`
  })
)

const describe = (state: Session.SessionState): string => {
  switch (state._tag) {
    case "Ready":
      return "Ready"
    case "Waiting":
      return `Waiting: ${state.because}`
    case "Stopped":
      return `Stopped: ${state.because.message}`
    case "Connecting":
      return "Connecting (dialling the gateway)"
    case "Greeting":
      return "Greeting (waiting for HELLO)"
    case "Identifying":
      return "Identifying (asking for a new session)"
    case "Resuming":
      return "Resuming (asking for what was missed)"
    case "Disconnected":
      return "Disconnected"
  }
}

const watch = Effect.flatMap(Gateway.status, (status) =>
  Stream.runForEach(status.changes, ({ state }) => line("session", describe(state)))
)

const echo = (handled: Ref.Ref<number>) =>
  Gateway.onMessage(
    ({ event, text }) =>
      Effect.zipRight(
        Ref.update(handled, (count) => count + 1),
        Messenger.reply(event, Message.text(`you said: ${text}`))
      ),
    { scenes: ["c2c", "group"] }
  )

type BotLayer<E> = Layer.Layer<Bot.Bot | BotConfig.BotConfig, E>

const onPlatform = <E>(bot: BotLayer<E>) =>
  Effect.gen(function* () {
    yield* line("demo", "an echo bot on the QQ platform; end it with Ctrl-C")
    yield* Effect.forkScoped(watch)
    const handled = yield* Ref.make(0)
    return yield* Gateway.run(echo(handled))
  }).pipe(Effect.scoped, Effect.provide(bot))

const voices: ReadonlyArray<readonly [who: string, said: (text: string) => PlatformModel.Said]> = [
  ["Ann", (text) => ({ scene: "c2c", user: "ann", text })],
  ["Bo", (text) => ({ scene: "c2c", user: "bo", text })],
  ["group", (text) => ({ scene: "group", group: "g1", member: "cy", text })],
  // one that lets the bot receive everything
  ["open", (text) => ({ scene: "group", group: "g2", member: "di", text, full: "only" })]
]

const lines = ["hello", "how are you?", "is anybody there?", "good", "and now?", "never mind"]

interface Trouble {
  readonly name: string
  readonly fault: Fault.Fault
  /** Whether users go on writing meanwhile: the platform keeps what it cannot deliver only for a session that lives. */
  readonly talk: boolean
}

const troubles: ReadonlyArray<Trouble> = [
  { name: "the line is cut, without a word", fault: Fault.drop(), talk: true },
  { name: "op 7: the server asks for another connection", fault: Fault.reconnect(), talk: true },
  { name: "close 4009: the connection has expired", fault: Fault.close(4009), talk: true },
  { name: "close 4006: the session is gone", fault: Fault.close(4006), talk: false }
]

const readyAgain = Effect.flatMap(Gateway.status, (status) =>
  status.changes.pipe(
    Stream.dropUntil(({ state }) => state._tag !== "Ready"),
    Stream.filter(({ state }) => state._tag === "Ready"),
    Stream.runHead
  )
)

/** The visible replies of the bot, by the message that they answer. */
const answersById = (sandbox: Sandbox.SandboxShape): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { msgId } of sandbox.model.sent) {
    if (msgId !== undefined) counts.set(msgId, (counts.get(msgId) ?? 0) + 1)
  }
  return counts
}

/** The last answers may still be on their way. */
const settled = (sandbox: Sandbox.SandboxShape, said: ReadonlyArray<string>) =>
  Effect.sync(() => said.every((id) => answersById(sandbox).has(id))).pipe(
    Effect.repeat({ until: (all) => all, schedule: Schedule.spaced("100 millis") }),
    Effect.timeoutOption("10 seconds")
  )

/** `stays`: the bot goes on after the last trouble, for a person who wants to talk with it. */
const scene = (sandbox: Sandbox.SandboxShape, stays: boolean) =>
  Effect.gen(function* () {
    const handled = yield* Ref.make(0)
    const said: Array<string> = []
    const speak = (index: number) =>
      Effect.gen(function* () {
        const [who, make] = voices[index % voices.length] ?? [
          "Ann",
          (text: string) => ({ scene: "c2c", user: "ann", text })
        ]
        const text = `${lines[index % lines.length] ?? "hello"} (${index + 1})`
        yield* line(who, text)
        said.push(yield* sandbox.say(make(text)))
      })
    const chat = (count: number) =>
      Effect.gen(function* () {
        for (let i = 0; i < count; i++) {
          yield* speak(said.length)
          yield* Effect.sleep("600 millis")
        }
      })
    const watching = yield* Effect.fork(watch)
    yield* Effect.forkScoped(Stream.runForEach(sandbox.sent, ({ content }) => line("bot", content)))
    const running = yield* Effect.fork(Gateway.run(echo(handled)))
    yield* Effect.raceFirst(Gateway.ready, Fiber.join(running))
    yield* chat(6)
    for (const { fault, name, talk } of troubles) {
      yield* line("platform", `>>> ${name}`)
      const back = yield* Effect.fork(readyAgain)
      yield* Effect.yieldNow()
      yield* sandbox.inject(fault)
      if (talk) yield* chat(2)
      else yield* line("demo", "no user writes now: the platform keeps no events for an ended session")
      yield* Fiber.join(back)
      yield* chat(7)
    }
    yield* settled(sandbox, said)
    yield* stays ? Fiber.interrupt(watching) : Fiber.interruptAll([watching, running])
    const answers = answersById(sandbox)
    const lost = said.filter((id) => !answers.has(id)).length
    const duplicated = [...answers.values()].filter((count) => count > 1).length
    yield* Console.log(
      `\nevents sent ${said.length}, handled ${yield* Ref.get(handled)}, answered ${answers.size}, lost ${lost}, duplicated ${duplicated}`
    )
    if (lost + duplicated > 0) return yield* new DemoFailed({ lost, duplicated })
    if (!stays) return
    yield* line("demo", "the bot stays: talk with it in a browser, and end it with Ctrl-C")
    yield* Effect.forkScoped(Stream.runForEach(sandbox.pageUrls, (url) => line("page", url)))
    return yield* Fiber.join(running)
  })

const inSandbox = Effect.gen(function* () {
  const sandbox = yield* Sandbox.make({ port: 0 })
  const fs = yield* FileSystem.FileSystem
  const stateDirectory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-qq-demo-" })
  yield* line("demo", `no QQ_APP_ID in the environment: a sandbox on ${sandbox.apiUrl} plays the platform`)
  const bot = NodeBot.layer({
    appId: sandbox.appId,
    secret: sandbox.secret,
    hosts: { api: sandbox.apiUrl, token: sandbox.tokenUrl },
    stateDirectory
  })
  yield* line("page", `talk with the bot in a browser: ${yield* sandbox.pageUrl}`)
  const stays = process.stdin.isTTY && process.stdout.isTTY
  if (stays) yield* line("demo", "the page stays open after the demonstration, until Ctrl-C")
  yield* scene(sandbox, stays).pipe(Effect.provide(bot))
}).pipe(Effect.scoped)

const credentials = Config.all([
  Config.option(Config.string("QQ_APP_ID")),
  Config.option(Config.string("QQ_APP_SECRET"))
])

/**
 * The demonstration. Fails when a message was lost or answered twice.
 *
 * @since 0.1.0
 * @category running
 */
export const demo: Effect.Effect<
  void,
  | ConfigError.ConfigError
  | DemoFailed
  | Gateway.AlreadyRunning
  | GatewayError.GatewayStopped
  | PlatformError
  | Sandbox.SandboxError
  | StateDirectory.StateDirectoryError,
  FileSystem.FileSystem
> = Effect.gen(function* () {
  const [appId, secret] = yield* credentials
  // one of the two is enough to mean the real platform: the other is then named in an error
  if (Option.isSome(appId) || Option.isSome(secret)) return yield* onPlatform(NodeBot.layerConfig())
  yield* inSandbox
}).pipe(Effect.asVoid, Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
