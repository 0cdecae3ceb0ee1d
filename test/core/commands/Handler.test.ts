/** What stands around handlers: logs, denial, limits and state, alone and together. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Command, Gateway, Handler, Message, type MessageView, Messenger, UserState } from "@effect-qq/core"
import * as Bot from "../../support/bot.ts"
import { answers, inGroup, inPrivate } from "../../support/say.ts"

const say = (event: Messenger.Answerable, text: string) => Messenger.reply(event, Message.text(text))

const echo = ({ event, text }: MessageView.MessageView) => say(event, text)

describe("middleware", () => {
  it.effect("denies what a predicate holds of, and does something else instead", () =>
    Effect.gen(function* () {
      const denied = Handler.denied(
        ({ author }: MessageView.MessageView) => Effect.succeed(author.id === "al"),
        ({ event }) => say(event, "not you")
      )
      yield* Bot.start(Gateway.onMessage(denied(echo)))
      yield* inGroup({ text: "1", member: "al" })
      yield* inGroup({ text: "2" })
      assert.deepStrictEqual(yield* answers, ["not you", "2"])
    }).pipe(Bot.on())
  )

  it.effect("limits how often a user's messages are handled, and says how long it is", () =>
    Effect.gen(function* () {
      const limited = yield* Handler.limited({
        times: 2,
        within: "1 minute",
        otherwise: ({ event }: MessageView.MessageView, wait) => say(event, Duration.format(wait))
      })
      yield* Bot.start(Gateway.onMessage(limited(echo)))
      yield* inGroup({ text: "1" })
      yield* Bot.advance("20 seconds")
      yield* inGroup({ text: "2" })
      yield* inGroup({ text: "3" })
      yield* inGroup({ text: "4", member: "al" })
      yield* Bot.advance("40 seconds")
      yield* inGroup({ text: "5" })
      yield* inGroup({ text: "6" })
      assert.deepStrictEqual(yield* answers, ["1", "2", "40s", "4", "5", "20s"])
    }).pipe(Bot.on())
  )

  it.effect("composed sees an event from the outside in", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const mark = (name: string) =>
        Handler.make<unknown, never, never>((_, effect) =>
          Effect.suspend(() => {
            seen.push(name)
            return Effect.ensuring(
              effect,
              Effect.sync(() => seen.push(`${name} ends`))
            )
          })
        )
      const handler = Handler.compose(
        mark("a"),
        mark("b"),
        mark("c"),
        mark("d")
      )((text: string) => Effect.succeed(text.length))
      assert.strictEqual(yield* handler("x"), 1)
      assert.deepStrictEqual(seen, ["a", "b", "c", "d", "d ends", "c ends", "b ends", "a ends"])
      assert.strictEqual(yield* Handler.compose()((n: number) => Effect.succeed(n))(2), 2)
    })
  )

  it.effect("logs who it was and how it ended, and lets the failure go on", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ annotations, logLevel, message }) => {
        const user = Option.getOrUndefined(HashMap.get(annotations, "user"))
        if (Option.isSome(HashMap.get(annotations, "handler"))) {
          lines.push(`${logLevel.label} ${String(Array.isArray(message) ? message[0] : message)} ${String(user)}`)
        }
      })
      const failures: Array<unknown> = []
      const logged = Handler.logged("echo")
      yield* Effect.forkScoped(
        Gateway.run(
          Gateway.onMessage(
            logged((view: MessageView.MessageView) =>
              view.text === "no" ? Effect.fail("refused" as const) : Effect.void
            ),
            {
              onFailure: (cause) => Effect.sync(() => failures.push(cause._tag))
            }
          )
        ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)), Logger.withMinimumLogLevel(LogLevel.Debug))
      )
      yield* Gateway.ready
      yield* inPrivate("yes", "u1")
      yield* inPrivate("no", "u1")
      assert.deepStrictEqual(lines, ["DEBUG echo took 0 chat:u1", "WARN echo failed chat:u1"])
      assert.deepStrictEqual(failures, ["Fail"])
    }).pipe(Bot.on())
  )

  it.effect("gives a handler the state of its user, also one of a command", () =>
    Effect.gen(function* () {
      const visits = yield* UserState.make("visits", { schema: Schema.Int, initial: 0 })
      const Count = Command.make(
        "count",
        {},
        Handler.withState(visits)(({ event }: Command.Call<{}>, own) =>
          Effect.flatMap(
            own.update((n) => n + 1),
            (n) => say(event, String(n))
          )
        )
      )
      yield* Bot.start(Command.layer([Count]))
      yield* inGroup({ text: "/count" })
      yield* inGroup({ text: "/count", group: "other" })
      yield* inGroup({ text: "/count", member: "al" })
      assert.deepStrictEqual(yield* answers, ["1", "2", "1"])
    }).pipe(Effect.provide(KeyValueStore.layerMemory), Bot.on())
  )
})
