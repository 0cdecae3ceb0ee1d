/** Commands on the platform: matching, arguments, permission, cooldown, scenes, subcommands, help and fallback. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import {
  Argument,
  Command,
  CommandTexts,
  Gateway,
  Message,
  type MessageView,
  Messenger,
  type SendError
} from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"
import { answers, inGroup, inPrivate } from "../../support/say.ts"

const say = (event: Messenger.Answerable, text: string) => Messenger.reply(event, Message.text(text))

const Mute = Command.make(
  "mute",
  {
    description: "mutes a member",
    aliases: ["禁言"],
    arguments: {
      member: Argument.mention,
      length: Argument.duration.pipe(Argument.withDefault(Duration.minutes(10))),
      reason: Argument.optional(Argument.rest)
    },
    permission: "admin",
    scenes: ["group"]
  },
  ({ args, event }) =>
    say(
      event,
      [
        args.member.name ?? args.member.id,
        Duration.toSeconds(args.length),
        Option.getOrElse(args.reason, () => "-")
      ].join("|")
    )
)

const Roll = Command.make(
  "roll",
  {
    description: "rolls a die",
    arguments: {
      sides: Argument.schema(Schema.NumberFromString.pipe(Schema.int(), Schema.between(2, 100)), {
        expected: "a number from 2 to 100"
      }).pipe(Argument.withDefault(6))
    },
    cooldown: { every: "10 seconds", per: "user" }
  },
  ({ args, event }) => say(event, `1 of ${args.sides}`)
)

const admin = { role: "admin" } as const

describe("a call", () => {
  it.effect("has its arguments with their types, whether they are given or not", () =>
    Effect.gen(function* () {
      yield* Bot.start(Command.layer([Mute]))
      yield* inGroup({ ...admin, text: "/mute <@AB12> 1h30m for   spam" })
      yield* inGroup({ ...admin, text: "/禁言<@AB12> 10分钟" })
      yield* inGroup({ ...admin, text: "／MUTE @Al Bo two words", mentions: [{ id: "AL", username: "Al Bo" }] })
      yield* inGroup({ ...admin, text: "/mute 30s", mentions: [{ id: "CC", member_openid: "CC" }] })
      assert.deepStrictEqual(yield* answers, ["AB12|5400|for   spam", "AB12|600|-", "Al Bo|600|two words", "CC|30|-"])
    }).pipe(Bot.on())
  )

  it.effect("with an error gets one reply, with the error and the usage", () =>
    Effect.gen(function* () {
      yield* Bot.start(Command.layer([Mute, Roll]))
      const usage = "Usage: /mute @member [length] [reason…]"
      yield* inGroup({ ...admin, text: "/mute" })
      yield* inGroup({ ...admin, text: "/mute bob" })
      yield* inGroup({ ...admin, text: "/mute <@AB12> 10x" })
      yield* inGroup({ text: "/roll 1000" })
      yield* inGroup({ text: `/roll 6 and ${"more ".repeat(40)}` })
      assert.deepStrictEqual(yield* answers, [
        `member is missing: somebody, with an @.\n${usage}`,
        `member cannot be "bob": somebody, with an @.\n${usage}`,
        `length cannot be "10x": a duration such as 10m, 1h30m or 10分钟.\n${usage}`,
        `sides cannot be "1000": a number from 2 to 100.\nUsage: /roll [sides]`,
        `"and more more more more more more more …" is too much.\nUsage: /roll [sides]`
      ])
    }).pipe(Bot.on())
  )

  it.effect("in a guild reads mentions from the platform's list, not from the text", () =>
    Effect.gen(function* () {
      yield* Bot.start(
        Command.layer([
          Command.make("poke", { arguments: { whom: Argument.mention } }, ({ args, event }) => say(event, args.whom.id))
        ])
      )
      const { dispatch } = yield* TestPlatform.TestPlatform
      const message = (content: string, mentions: ReadonlyArray<object>) =>
        dispatch("AT_MESSAGE_CREATE", {
          id: content,
          channel_id: "c",
          guild_id: "G",
          content,
          author: { id: "1" },
          mentions: [{ id: "99", bot: true }, ...mentions]
        })
      yield* message("<@!99> /poke &lt;@77&gt;", [])
      yield* message("<@!99> /poke <@!77>", [{ id: "77" }])
      yield* Bot.settle
      const [forged, real] = yield* answers
      assert.match(forged ?? "", /^whom cannot be/)
      assert.strictEqual(real, "77")
    }).pipe(Bot.on())
  )
})

describe("who, where and how often", () => {
  it.effect("refuses a member what only an administrator may do, and lets the owner", () =>
    Effect.gen(function* () {
      yield* Bot.start(Command.layer([Mute]))
      yield* inGroup({ role: "member", text: "/mute <@AB12>" })
      yield* inGroup({ text: "/mute" })
      yield* inGroup({ role: "owner", text: "/mute <@AB12>" })
      assert.deepStrictEqual(yield* answers, [
        "Only administrators may do that.",
        "Only administrators may do that.",
        "AB12|600|-"
      ])
    }).pipe(Bot.on())
  )

  it.effect("asks a predicate, which may be an effect", () =>
    Effect.gen(function* () {
      const permission = ({ author }: MessageView.MessageView) => Effect.delay(Effect.succeed(author.id === "bo"), 1)
      yield* Bot.start(
        Command.layer([Command.make("secret", { permission }, ({ event }) => say(event, "psst"))], {
          texts: CommandTexts.chinese
        })
      )
      yield* inGroup({ text: "/secret", member: "al" })
      yield* inGroup({ text: "/secret", member: "bo" })
      yield* Bot.advance(10)
      assert.deepStrictEqual(yield* answers, ["你没有使用这个命令的权限。", "psst"])
    }).pipe(Bot.on())
  )

  it.effect("lets a user call again after the cooldown, says so once, and does not let others wait", () =>
    Effect.gen(function* () {
      yield* Bot.start(Command.layer([Roll]))
      yield* inGroup({ text: "/roll" })
      yield* Bot.advance("2500 millis")
      yield* inGroup({ text: "/roll" })
      yield* inGroup({ text: "/roll" })
      yield* inGroup({ text: "/roll", member: "al" })
      yield* Bot.advance("7500 millis")
      yield* inGroup({ text: "/roll" })
      assert.deepStrictEqual(yield* answers, ["1 of 6", "Please wait 8s.", "1 of 6", "1 of 6"])
    }).pipe(Bot.on())
  )

  it.effect("counts the calls of a conversation together, and none that was wrong", () =>
    Effect.gen(function* () {
      const Once = Command.make(
        "once",
        { arguments: { n: Argument.integer }, cooldown: { every: "1 minute", per: "conversation", times: 2 } },
        ({ event }) => say(event, "done")
      )
      yield* Bot.start(Command.layer([Once]))
      yield* inGroup({ text: "/once x", member: "a" })
      for (const member of ["a", "b", "c"]) yield* inGroup({ text: "/once 1", member })
      yield* inGroup({ text: "/once 1", member: "c", group: "other" })
      assert.deepStrictEqual((yield* answers).slice(1), ["done", "done", "Please wait 1m.", "done"])
    }).pipe(Bot.on())
  )

  it.effect("does not count a handler that is retried as another call", () =>
    Effect.gen(function* () {
      let runs = 0
      const Flaky = Command.make("flaky", { cooldown: { every: "1 minute" } }, ({ event }) =>
        Effect.zipRight(++runs === 1 ? Effect.fail("later" as const) : Effect.void, say(event, "done"))
      )
      yield* Bot.start(Command.layer([Flaky], { retry: Schedule.recurs(1) }))
      yield* inGroup({ text: "/flaky" })
      assert.deepStrictEqual(yield* answers, ["done"])
    }).pipe(Bot.on())
  )

  it.effect("says where a command works, and takes the one of this scene of two with the same name", () =>
    Effect.gen(function* () {
      yield* Bot.start(
        Command.layer([
          Mute,
          Command.make("where", { scenes: ["group"] }, ({ event }) => say(event, "group")),
          Command.make("where", { scenes: ["c2c"] }, ({ event }) => say(event, "private"))
        ])
      )
      yield* inGroup({ text: "/where" })
      yield* inPrivate("/where")
      yield* inPrivate("/mute <@x>")
      assert.deepStrictEqual(yield* answers, ["group", "private", "This works only in groups."])
    }).pipe(Bot.on())
  )
})

const Role = Command.group("role", { description: "who is on duty", permission: "admin" }, [
  Command.make("add", { description: "adds one", arguments: { member: Argument.mention } }, ({ args, event, path }) =>
    say(event, `${path} ${args.member.id}`)
  ),
  Command.make("list", { aliases: ["ls"] }, ({ event }) => say(event, "none"))
])

describe("subcommands and help", () => {
  it.effect("calls the named part of a group, whose permission holds for all parts", () =>
    Effect.gen(function* () {
      yield* Bot.start(Command.layer([Role]))
      yield* inGroup({ ...admin, text: "/role add <@AB12>" })
      yield* inGroup({ ...admin, text: "/Role LS" })
      yield* inGroup({ ...admin, text: "/role" })
      yield* inGroup({ ...admin, text: "/role drop" })
      yield* inGroup({ text: "/role ls" })
      assert.deepStrictEqual(yield* answers, [
        "/role add AB12",
        "none",
        "Something is missing.\nUsage: /role <add|list>",
        'There is no "drop".\nUsage: /role <add|list>',
        "Only administrators may do that."
      ])
    }).pipe(Bot.on())
  )

  it.effect("lists the commands that the user may use here, and describes one command in full", () =>
    Effect.gen(function* () {
      yield* Bot.start(Command.layer([Mute, Roll, Role]))
      yield* inGroup({ text: "/help" })
      yield* inGroup({ ...admin, text: "/帮助 mute" })
      yield* inGroup({ ...admin, text: "/help /role add" })
      yield* inGroup({ text: "/help mute" })
      const [list, mute, add, hidden] = yield* answers
      assert.strictEqual(list, "Commands:\n/roll [sides] - rolls a die")
      assert.strictEqual(mute, "mutes a member\nUsage: /mute @member [length] [reason…]\nAlso: 禁言")
      assert.strictEqual(add, "adds one\nUsage: /role add @member")
      assert.match(hidden ?? "", /^There is no "mute"\.\nCommands:\n\/roll/)
    }).pipe(Bot.on())
  )
})

describe("what no command matches", () => {
  it.effect("goes to the fallback, and calls do not", () =>
    Effect.gen(function* () {
      yield* Bot.start(Command.layer([Roll], { fallback: ({ event, text }) => say(event, `? ${text}`) }))
      yield* inGroup({ text: "hello" })
      yield* inGroup({ text: "/nothing" })
      yield* inPrivate("/rolling")
      yield* inGroup({ text: "/roll 3" })
      assert.deepStrictEqual(yield* answers, ["? hello", "? /nothing", "? /rolling", "1 of 3"])
    }).pipe(Bot.on())
  )

  it.effect("is left to other handlers without one", () =>
    Effect.gen(function* () {
      yield* Bot.start(
        Layer.merge(
          Command.layer([Roll], { prefix: "!" }),
          Gateway.onMessage(({ event, text }) => (text.startsWith("!") ? Effect.void : say(event, "other")))
        )
      )
      yield* inGroup({ text: "/roll" })
      yield* inGroup({ text: "!roll 4" })
      assert.deepStrictEqual(yield* answers, ["other", "1 of 4"])
    }).pipe(Bot.on())
  )

  it.effect("of hostile text is nothing that ends the bot", () =>
    Effect.gen(function* () {
      yield* Bot.start(Command.layer([Mute, Roll, Role]))
      for (const text of [
        "/",
        "/ mute",
        '/mute "',
        "/mute <@",
        "/roll \ud800",
        "/role __proto__",
        `/roll ${"9".repeat(5000)}`
      ]) {
        yield* inGroup({ ...admin, text })
      }
      yield* Bot.advance("1 minute")
      yield* inGroup({ text: "/roll" })
      assert.strictEqual((yield* answers).at(-1), "1 of 6")
    }).pipe(Bot.on())
  )
})

describe("a definition that cannot work", () => {
  const problems: ReadonlyArray<ReadonlyArray<Command.Command<SendError.SendError, Messenger.Messenger>>> = [
    [Roll, Roll],
    [Command.make("a b", {}, () => Effect.void)],
    [Command.make("x", { arguments: { all: Argument.rest, more: Argument.text } }, () => Effect.void)],
    [Command.make("x", { arguments: { 1: Argument.text } }, () => Effect.void)],
    [Command.group("empty", {}, [])]
  ]
  it.effect.each(problems.map((commands, index) => [index, commands] as const))("ends the run: %s", ([, commands]) =>
    Effect.gen(function* () {
      const exit = yield* Fiber.await(yield* Effect.forkScoped(Gateway.run(Command.layer(commands))))
      assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes("a command cannot be used"))
    }).pipe(Bot.on())
  )
})
