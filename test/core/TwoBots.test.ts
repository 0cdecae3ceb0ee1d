/** Two bots in one process: two platforms, two secrets, two stores, and what befalls one is nothing to the other. */
import { assert, it } from "@effect/vitest"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AccessToken, Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Redacted from "effect/Redacted"
import * as Bot from "../support/bot.ts"

// one handler Layer for both: it is built for each
const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(`echo ${event.content}`)))

const bot = (appId: string, secret: string) =>
  Layer.build(
    Layer.fresh(
      TestPlatform.layer({
        platform: { appId, secret },
        bot: { appId, secret: Redacted.make(secret), hosts: Bot.ownHosts, session: { jitter: 0 } }
      })
    )
  )

it.scoped("two bots with one set of handlers share nothing", () =>
  Effect.gen(function* () {
    const [troubled, calm] = yield* Effect.all([bot("1001", "secret-of-one"), bot("1002", "secret-of-two")])
    const both = [troubled, calm]
    for (const one of both) yield* Effect.forkScoped(Effect.provide(Gateway.run(Echo), one))
    yield* Bot.advance("1 second")
    const platformOf = (one: typeof calm) => Context.get(one, TestPlatform.TestPlatform)
    const say = (user: string, text: string) =>
      Effect.forEach(both, (one) => platformOf(one).privateMessage({ user, text }), { discard: true })

    yield* say("u", "one")
    yield* Bot.settle
    // the identify with the old token is refused: there is one more
    yield* platformOf(troubled).inject(Fault.tokenRevoked)
    yield* platformOf(troubled).inject(Fault.refuseResumes({ code: 4902 }))
    yield* platformOf(troubled).inject(Fault.drop())
    yield* platformOf(calm).privateMessage({ user: "u", text: "only to the calm one" })
    yield* Bot.advance("2 minutes")
    yield* say("u", "two")
    yield* Bot.settle

    const contents = (one: typeof calm) =>
      Effect.map(platformOf(one).sent, (sent) => sent.map(({ content }) => content))
    assert.deepStrictEqual(yield* contents(troubled), ["echo one", "echo two"])
    assert.deepStrictEqual(yield* contents(calm), ["echo one", "echo only to the calm one", "echo two"])

    const counters = both.map((one) => platformOf(one).model.counters())
    assert.deepStrictEqual(
      counters.map(({ identifies }) => identifies.length),
      [3, 1]
    )
    assert.deepStrictEqual(
      counters.map(({ maxOpenSockets }) => maxOpenSockets),
      [1, 1]
    )
    // the token of one was refused and replaced, that of the other was asked for once
    const fetches = yield* Effect.forEach(both, (one) =>
      Effect.map(Context.get(one, AccessToken.AccessToken).get, (token) => token.fetch)
    )
    assert.isAbove(fetches[0] ?? 0, fetches[1] ?? 0)
    const stored = yield* Effect.forEach(both, (one) =>
      Effect.forEach(["session.1001.0-1", "session.1002.0-1"], (key) =>
        Context.get(one, KeyValueStore.KeyValueStore).has(key)
      )
    )
    assert.deepStrictEqual(stored, [
      [true, false],
      [false, true]
    ])
  })
)
