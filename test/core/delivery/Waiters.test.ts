import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Waiters from "../../../packages/core/src/delivery/Waiters.ts"
import type * as Event from "../../../packages/core/src/events/Event.ts"

const said = (t: "C2C_MESSAGE_CREATE" | "DIRECT_MESSAGE_CREATE", d: object): Waiters.Candidate => ({
  event: { t, _tag: t, envelope: { op: 0, t, d }, ...d } as Event.MessageEvent,
  conversations: undefined
})

const by = (user: string) => said("C2C_MESSAGE_CREATE", { author: { user_openid: user } })

const waiter = (conversation: string, matches: (event: Event.Event) => boolean = () => true) =>
  Waiters.waiter<string>({ conversation, matches })

const outcome = ({ event }: Waiters.Waiter<string>) =>
  Effect.map(
    Effect.flatten(
      Effect.map(
        Deferred.poll(event),
        Option.getOrElse(() => Effect.never)
      )
    ).pipe(Effect.exit),
    (exit) => (Exit.isFailure(exit) ? Option.getOrUndefined(Cause.dieOption(exit.cause)) : undefined)
  )

describe("waiters", () => {
  it("are found by conversation, the first first, until they are removed", () => {
    const waiters = Waiters.make<string>()
    assert.isTrue(waiters.isEmpty())
    const [one, two, other] = [waiter("c2c:a"), waiter("c2c:a"), waiter("c2c:b")]
    for (const each of [one, two, other]) waiters.add(each)
    assert.strictEqual(waiters.find(by("a")), one)
    waiters.remove(one)
    waiters.remove(one)
    assert.strictEqual(waiters.find(by("a")), two)
    assert.isUndefined(waiters.find(by("c")))
    for (const each of [two, other]) waiters.remove(each)
    assert.isTrue(waiters.isEmpty())
  })

  it("are found by each key that an event's conversation may have", () => {
    const waiters = Waiters.make<string>()
    const one = waiter("dm:1")
    const direct = said("DIRECT_MESSAGE_CREATE", { guild_id: "1", channel_id: "2" })
    waiters.add(one)
    assert.strictEqual(waiters.find(direct), one)
    assert.deepStrictEqual(direct.conversations, ["dm:1", "channel:2"], "computed once and kept")
    assert.isTrue(waiters.accepts(one, direct))
    assert.isFalse(waiters.accepts(one, by("1")))
    waiters.remove(one)
    const other = waiter("channel:2")
    waiters.add(other)
    assert.strictEqual(waiters.find(direct), other)
  })

  it.effect("whose predicate throws fail with that defect, and are asked no more; the event goes to the next", () =>
    Effect.gen(function* () {
      const waiters = Waiters.make<string>()
      let asked = 0
      const broken = waiter("c2c:a", () => {
        asked++
        throw new Error("not for me")
      })
      const sound = waiter("c2c:a")
      waiters.add(broken)
      waiters.add(sound)
      assert.strictEqual(waiters.find(by("a")), sound)
      assert.strictEqual(waiters.find(by("a")), sound)
      assert.isFalse(waiters.accepts(broken, by("a")))
      assert.strictEqual(asked, 1)
      assert.strictEqual(((yield* outcome(broken)) as Error).message, "not for me")
      waiters.remove(sound)
      assert.isTrue(waiters.isEmpty())
    })
  )
})
