import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Waiters from "../../../packages/core/src/delivery/Waiters.ts"
import type * as Event from "../../../packages/core/src/events/Event.ts"

const event = (t: string): Event.Event => ({ t: "Unknown", _tag: "Unknown", envelope: { op: 0, t, d: {} } })

const make = () => Waiters.make<string>(({ envelope }) => envelope.t?.split(" "))

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
    const waiters = make()
    assert.isTrue(waiters.isEmpty())
    const [one, two, other] = [waiter("a"), waiter("a"), waiter("b")]
    for (const each of [one, two, other]) waiters.add(each)
    assert.strictEqual(waiters.find(event("a")), one)
    waiters.remove(one)
    waiters.remove(one)
    assert.strictEqual(waiters.find(event("a")), two)
    assert.isUndefined(waiters.find(event("c")))
    for (const each of [two, other]) waiters.remove(each)
    assert.isTrue(waiters.isEmpty())
  })

  it("are found by each name that an event's conversation may have", () => {
    const waiters = make()
    const one = waiter("dm")
    waiters.add(one)
    assert.strictEqual(waiters.find(event("channel dm")), one)
    assert.isTrue(waiters.accepts(one, event("channel dm")))
    assert.isFalse(waiters.accepts(one, event("channel")))
  })

  it.effect("whose predicate throws fail with that defect, and are asked no more; the event goes to the next", () =>
    Effect.gen(function* () {
      const waiters = make()
      let asked = 0
      const broken = waiter("a", () => {
        asked++
        throw new Error("not for me")
      })
      const sound = waiter("a")
      waiters.add(broken)
      waiters.add(sound)
      assert.strictEqual(waiters.find(event("a")), sound)
      assert.strictEqual(waiters.find(event("a")), sound)
      assert.isFalse(waiters.accepts(broken, event("a")))
      assert.strictEqual(asked, 1)
      assert.strictEqual(((yield* outcome(broken)) as Error).message, "not for me")
      waiters.remove(sound)
      assert.isTrue(waiters.isEmpty())
    })
  )
})
