/** A handler that waits for the answer to its own question. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { Conversation, type Event, Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../support/bot.ts"
import { visible as answers } from "../support/bot.ts"

const types = ["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"] as const

/** Asks whoever says "begin" for a name, and repeats everything else. */
const Greeter = Gateway.on(types, (event) =>
  event.content.trim() === "begin"
    ? Effect.gen(function* () {
        yield* Messenger.reply(event, Message.text("your name?"))
        const answer = yield* Gateway.next(event)
        yield* Messenger.reply(answer, Message.text(`hello, ${answer.content.trim()}`))
      })
    : Messenger.reply(event, Message.text(`you said ${event.content.trim()}`))
)

const run = (handlers: typeof Greeter = Greeter) => Bot.start(handlers)

const say = (user: string, text: string) => Effect.zipRight(Bot.say(text, user), Bot.settle)

const sayInGroup = (member: string, text: string, more: { readonly full?: boolean } = {}) =>
  Effect.zipRight(
    Effect.flatMap(TestPlatform.TestPlatform, (platform) =>
      platform.groupMessage({ group: "g", member, text, ...more })
    ),
    Bot.settle
  )

const unsettled = Effect.map(Gateway.health, (health) => health.unsettled)

describe("a dialogue", () => {
  it.effect("gets the user's next message, which no other handler sees", () =>
    Effect.gen(function* () {
      yield* run()
      yield* say("u", "begin")
      assert.deepStrictEqual(yield* answers, ["your name?"])
      yield* say("other", "hi")
      yield* say("u", "Bo")
      yield* say("u", "Bo")
      assert.deepStrictEqual(yield* answers, ["your name?", "you said hi", "hello, Bo", "you said Bo"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("in a group continues with the member who began it", () =>
    Effect.gen(function* () {
      yield* run()
      yield* sayInGroup("bo", "begin")
      yield* sayInGroup("cy", "Cy")
      // of one group one thing is handled after the other: Cy waits until the dialogue is over
      assert.deepStrictEqual(yield* answers, ["your name?"])
      yield* sayInGroup("bo", "Bo")
      assert.deepStrictEqual(yield* answers, ["your name?", "hello, Bo", "you said Cy"])
    }).pipe(Bot.on())
  )

  it.effect("gets a message that comes as two types once, and the twin goes nowhere", () =>
    Effect.gen(function* () {
      yield* run()
      yield* sayInGroup("bo", "begin", { full: true })
      yield* sayInGroup("bo", "Bo", { full: true })
      yield* Bot.advance("1 minute")
      assert.deepStrictEqual(yield* answers, ["your name?", "hello, Bo"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("may be about another conversation, and choosy", () =>
    Effect.gen(function* () {
      const heard = yield* Ref.make<ReadonlyArray<string>>([])
      yield* run()
      yield* Effect.forkScoped(
        Effect.flatMap(
          Gateway.next(Conversation.group("g"), { where: ({ content }) => content.includes("yes"), timeout: "1 hour" }),
          ({ content }) => Ref.update(heard, (all) => [...all, content.trim()])
        )
      )
      yield* Bot.settle
      yield* sayInGroup("bo", "no")
      yield* say("u", "yes")
      yield* sayInGroup("cy", "oh yes")
      assert.deepStrictEqual(yield* Ref.get(heard), ["oh yes"])
      assert.deepStrictEqual(yield* answers, ["you said no", "you said yes"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("fails when no answer comes in time; a later message goes to the handlers", () =>
    Effect.gen(function* () {
      yield* run(
        Gateway.on("C2C_MESSAGE_CREATE", (event) =>
          Effect.gen(function* () {
            if (event.content !== "begin") return yield* Messenger.reply(event, Message.text("too late"))
            yield* Gateway.next(event, { timeout: "30 seconds" })
            return undefined
          }).pipe(Effect.catchTag("TimeoutException", () => Messenger.reply(event, Message.text("gave up"))))
        )
      )
      yield* say("u", "begin")
      yield* Bot.advance("31 seconds")
      assert.deepStrictEqual(yield* answers, ["gave up"])
      yield* say("u", "Bo")
      assert.deepStrictEqual(yield* answers, ["gave up", "too late"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("takes what waits behind its own question already, unless told not to", () =>
    Effect.gen(function* () {
      const ask = (queued: boolean) =>
        Gateway.on("C2C_MESSAGE_CREATE", (event) =>
          event.content === "begin"
            ? Effect.gen(function* () {
                yield* Effect.sleep("1 second")
                const answer = yield* Gateway.next(event, { queued })
                yield* Messenger.reply(answer, Message.text(`took ${answer.content}`))
              })
            : Messenger.reply(event, Message.text(`you said ${event.content}`))
        )
      for (const [queued, expected] of [
        [true, ["took first", "you said second"]],
        [false, ["took second", "you said first"]]
      ] as const) {
        yield* Effect.gen(function* () {
          yield* run(ask(queued))
          yield* say("u", "begin")
          yield* say("u", "first")
          yield* Bot.advance("2 seconds")
          yield* say("u", "second")
          assert.deepStrictEqual(yield* answers, [...expected])
        }).pipe(Bot.on())
      }
    })
  )

  it.effect("holds no worker: a hundred waiting dialogues do not delay other conversations", () =>
    Effect.gen(function* () {
      yield* run()
      for (let user = 0; user < 100; user++) {
        yield* Bot.say("begin", `u${user}`)
      }
      yield* Bot.advance("2 minutes")
      yield* say("other", "hi")
      assert.include(yield* answers, "you said hi")
      for (let user = 0; user < 100; user++) {
        yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) =>
          platform.privateMessage({ user: `u${user}`, text: `n${user}` })
        )
      }
      yield* Bot.advance("2 minutes")
      const all = yield* answers
      assert.strictEqual(all.filter((text) => text.startsWith("hello, n")).length, 100)
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on({ bot: { delivery: { concurrency: 4 } } }))
  )

  it.effect("that is tried again gets the same answers again", () =>
    Effect.gen(function* () {
      let tries = 0
      const heard = yield* Ref.make<ReadonlyArray<string>>([])
      yield* run(
        Gateway.on(
          "C2C_MESSAGE_CREATE",
          (event) =>
            Effect.gen(function* () {
              const first = yield* Gateway.next(event)
              const second = yield* Gateway.next(event)
              yield* Ref.update(heard, (all) => [...all, `${first.content} ${second.content}`])
              if (++tries < 3) return yield* Effect.fail("once more")
              return yield* Messenger.reply(second, Message.text("done"))
            }),
          { retry: Schedule.spaced("1 second") }
        )
      )
      for (const text of ["begin", "a", "b"]) yield* say("u", text)
      yield* Bot.advance("5 seconds")
      assert.deepStrictEqual(yield* Ref.get(heard), ["a b", "a b", "a b"])
      assert.deepStrictEqual(yield* answers, ["done"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("that is cut off by a shutdown begins again in the next process, with all that was said in it", () =>
    Effect.gen(function* () {
      const first = yield* run()
      yield* say("u", "begin")
      assert.strictEqual(yield* unsettled, 1)
      // it waits for an answer that cannot come any more: nobody waits ten seconds for that
      const leaving = yield* Effect.fork(Fiber.interrupt(first))
      yield* Bot.advance("1 second")
      yield* Fiber.join(leaving)
      const second = yield* run()
      yield* say("u", "Bo")
      yield* Bot.advance("5 seconds")
      // the question is the same reply to the same message: users see it once
      assert.deepStrictEqual(yield* answers, ["your name?", "hello, Bo"])
      assert.strictEqual(yield* unsettled, 0)
      yield* Fiber.interrupt(second)
    }).pipe(Bot.on())
  )

  it.effect("whose answer had come when the process was cut off goes on with it after a restart", () =>
    Effect.gen(function* () {
      const slow = Gateway.on("C2C_MESSAGE_CREATE", (event) =>
        event.content === "begin"
          ? Effect.gen(function* () {
              const answer = yield* Gateway.next(event)
              yield* Effect.sleep("30 seconds")
              yield* Messenger.reply(answer, Message.text(`hello, ${answer.content}`))
            })
          : Messenger.reply(event, Message.text(`you said ${event.content}`))
      )
      const first = yield* run(slow)
      yield* say("u", "begin")
      yield* say("u", "Bo")
      const leaving = yield* Effect.fork(Fiber.interrupt(first))
      yield* Bot.advance("11 seconds")
      yield* Fiber.join(leaving)
      yield* run(slow)
      yield* Bot.advance("31 seconds")
      assert.deepStrictEqual(yield* answers, ["hello, Bo"])
    }).pipe(Bot.on())
  )

  it.effect("goes on across a reconnect", () =>
    Effect.gen(function* () {
      yield* run()
      yield* say("u", "begin")
      yield* Bot.inject(Fault.drop())
      yield* say("u", "Bo")
      yield* Bot.advance("5 seconds")
      assert.deepStrictEqual(yield* answers, ["your name?", "hello, Bo"])
    }).pipe(Bot.on())
  )

  it.effect("ends when its handler times out", () =>
    Effect.gen(function* () {
      const causes = yield* Ref.make(0)
      yield* run(
        Gateway.on(
          "C2C_MESSAGE_CREATE",
          (event: Event.C2CMessageCreate) => Gateway.next(event, { timeout: "1 hour" }),
          {
            onFailure: () => Ref.update(causes, (count) => count + 1)
          }
        )
      )
      yield* say("u", "begin")
      yield* Bot.advance("11 minutes")
      assert.strictEqual(yield* Ref.get(causes), 1)
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("that its handler leaves to another fiber is no business of the handler any more", () =>
    Effect.gen(function* () {
      const heard = yield* Ref.make<ReadonlyArray<string>>([])
      yield* run(
        Gateway.on("C2C_MESSAGE_CREATE", (event) =>
          event.content === "begin"
            ? Effect.forkDaemon(
                Effect.flatMap(Gateway.next(event), ({ content }) => Ref.update(heard, (all) => [...all, content]))
              ).pipe(Effect.zipRight(Effect.sleep("1 second")))
            : Effect.void
        )
      )
      yield* say("u", "begin")
      yield* Bot.advance("2 seconds")
      yield* say("u", "Bo")
      assert.deepStrictEqual(yield* Ref.get(heard), ["Bo"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("receives neither the twin of its question nor leaves the twin of the answer to other handlers", () =>
    Effect.gen(function* () {
      const logged = yield* Ref.make<ReadonlyArray<string>>([])
      yield* run(
        Layer.mergeAll(
          Gateway.on("GROUP_AT_MESSAGE_CREATE", (event) =>
            Effect.gen(function* () {
              if (!event.content.includes("begin")) return
              yield* Effect.sleep("1 second")
              const answer = yield* Gateway.next(event)
              yield* Messenger.reply(answer, Message.text(`hello, ${answer.content.includes("Bo") ? "Bo" : "?"}`))
            })
          ),
          Gateway.on("GROUP_MESSAGE_CREATE", (event) =>
            Ref.update(logged, (all) => [...all, event.content.replace(/^<.*> /, "")])
          )
        )
      )
      yield* sayInGroup("bo", "begin", { full: true })
      yield* sayInGroup("bo", "Bo", { full: true })
      yield* Bot.advance("1 minute")
      assert.deepStrictEqual(yield* answers, ["hello, Bo"])
      assert.deepStrictEqual(yield* Ref.get(logged), ["begin"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("that is retried receives the same answers, although an earlier wait had timed out", () =>
    Effect.gen(function* () {
      let tries = 0
      const heard = yield* Ref.make<ReadonlyArray<string>>([])
      yield* run(
        Gateway.on(
          "C2C_MESSAGE_CREATE",
          (event) =>
            Effect.gen(function* () {
              const group = yield* Effect.option(Gateway.next(Conversation.group("g"), { timeout: "10 seconds" }))
              const { content } = yield* Gateway.next(event)
              yield* Ref.update(heard, (all) => [...all, `${Option.isSome(group)} ${content}`])
              if (++tries < 2) return yield* Effect.fail("once more")
              return undefined
            }),
          { retry: Schedule.spaced("1 second") }
        )
      )
      yield* say("u", "begin")
      yield* Bot.advance("11 seconds")
      yield* say("u", "Bo")
      yield* Bot.advance("1 minute")
      assert.deepStrictEqual(yield* Ref.get(heard), ["false Bo", "false Bo"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("that waits at a shutdown cuts off no other handler of its event", () =>
    Effect.gen(function* () {
      const ends = yield* Ref.make<ReadonlyArray<string>>([])
      const first = yield* run(
        Layer.mergeAll(
          Gateway.on("C2C_MESSAGE_CREATE", (event) => Gateway.next(event), { name: "asks" }),
          Gateway.on(
            "C2C_MESSAGE_CREATE",
            () => Effect.onExit(Effect.sleep("3 seconds"), (exit) => Ref.update(ends, (all) => [...all, exit._tag])),
            { name: "works" }
          )
        )
      )
      yield* say("u", "begin")
      const leaving = yield* Effect.fork(Fiber.interrupt(first))
      yield* Bot.advance("4 seconds")
      yield* Fiber.join(leaving)
      assert.deepStrictEqual(yield* Ref.get(ends), ["Success"])
    }).pipe(Bot.on())
  )

  const choosy = (causes: Ref.Ref<ReadonlyArray<string>>, wait: boolean) =>
    Gateway.on(
      "C2C_MESSAGE_CREATE",
      (event) =>
        Effect.gen(function* () {
          if (event.content !== "begin") return yield* Messenger.reply(event, Message.text(`you said ${event.content}`))
          if (wait) yield* Effect.sleep("1 second")
          return yield* Gateway.next(event, { where: ({ content }) => JSON.parse(content).ok === true })
        }),
      {
        onFailure: (cause) =>
          Ref.update(causes, (all) => [...all, String(Option.getOrUndefined(Cause.dieOption(cause)))])
      }
    )

  it.effect("whose `where` throws fails with that defect, and nothing else does", () =>
    Effect.gen(function* () {
      const causes = yield* Ref.make<ReadonlyArray<string>>([])
      const running = yield* run(choosy(causes, false))
      yield* say("u", "begin")
      yield* say("other", "begin")
      yield* say("u", "x")
      assert.match((yield* Ref.get(causes)).join(), /^SyntaxError/)
      assert.strictEqual((yield* Ref.get(causes)).length, 1)
      assert.isNull(running.unsafePoll())
      yield* say("u", "hi")
      // the other's dialogue goes on, and what no dialogue took is handled
      yield* say("other", '{"ok":true}')
      assert.deepStrictEqual(yield* answers, ["you said x", "you said hi"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("whose `where` throws at a message that waits already fails in the same way", () =>
    Effect.gen(function* () {
      const causes = yield* Ref.make<ReadonlyArray<string>>([])
      yield* run(choosy(causes, true))
      yield* say("u", "begin")
      yield* say("u", "x")
      yield* say("u", "y")
      yield* Bot.advance("2 seconds")
      assert.match((yield* Ref.get(causes)).join(), /^SyntaxError/)
      assert.deepStrictEqual(yield* answers, ["you said x", "you said y"])
      yield* say("u", '{"ok":true}')
      assert.deepStrictEqual(yield* answers, ["you said x", "you said y", 'you said {"ok":true}'])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("outside of any handler whose `where` throws fails with that defect", () =>
    Effect.gen(function* () {
      const running = yield* run()
      const waiting = yield* Effect.fork(
        Gateway.next(Conversation.c2c("u"), {
          where: () => {
            throw new Error("broken")
          }
        })
      )
      yield* Bot.settle
      yield* say("u", "x")
      const exit = yield* Fiber.await(waiting)
      assert.isTrue(Exit.isFailure(exit) && Option.isSome(Cause.dieOption(exit.cause)))
      assert.isNull(running.unsafePoll())
      assert.deepStrictEqual(yield* answers, ["you said x"])
    }).pipe(Bot.on())
  )
})
