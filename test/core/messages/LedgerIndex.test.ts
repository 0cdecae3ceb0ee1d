/** The synchronous state of the ledger, against a model that keeps everything in one list. */
import { assert, describe, it } from "@effect/vitest"
import { Anchor, Conversation, ReplyWindow } from "@effect-qq/core"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import * as LedgerEntry from "../../../packages/core/src/messages/LedgerEntry.ts"
import { LedgerIndex, type Limits } from "../../../packages/core/src/messages/LedgerIndex.ts"
import * as StoredLedger from "../../../packages/core/src/messages/StoredLedger.ts"

const limits: Limits = { capacity: 6, perConversation: 3, stored: 64, margin: 2000 }

const conversations = [Conversation.c2c("u"), Conversation.group("g"), Conversation.channel("u")]

/** Few ids, so that several conversations and kinds share one. */
const anchors = conversations.flatMap((conversation) =>
  (["msg_id", "event_id"] as const).flatMap((kind) => ["1", "2"].map((id) => Anchor.make({ kind, id, conversation })))
)

type Command =
  | { readonly do: "receive" | "close" | "exhaust"; readonly anchor: Anchor.Anchor }
  | { readonly do: "begin" | "delivered" | "refused"; readonly anchor: Anchor.Anchor; readonly sequence: number }
  | { readonly do: "wait"; readonly millis: number }
  | { readonly do: "restart" }

const anchor = fc.constantFrom(...anchors)

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("receive" as const), anchor }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("close" as const, "exhaust" as const), anchor }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("begin" as const, "delivered" as const, "refused" as const),
      anchor,
      sequence: fc.nat({ max: 6 })
    })
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), millis: fc.nat({ max: 400_000 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) }
)

interface Known {
  readonly anchor: Anchor.Anchor
  readonly since: number | undefined
  closed: boolean
  exhausted: boolean
  readonly replies: Map<number, "open" | "delivered">
}

/** What the index has to know, oldest anchor first, with every rule written out over one list. */
class Model {
  known: Array<Known> = []

  find(wanted: Anchor.Anchor): Known | undefined {
    return this.known.find(
      ({ anchor: own }) => own.id === wanted.id && own.kind === wanted.kind && own.conversation === wanted.conversation
    )
  }

  add(own: Anchor.Anchor, since: number | undefined): Known {
    const added: Known = { anchor: own, since, closed: false, exhausted: false, replies: new Map() }
    this.known.push(added)
    if (this.known.length > limits.capacity) this.known.shift()
    return added
  }

  receive(own: Anchor.Anchor, now: number): void {
    const before = this.find(own)
    if (before?.since !== undefined) return
    this.known = this.known.filter((one) => one !== before)
    const added = this.add(own, now)
    if (before === undefined) return
    added.closed = before.closed
    added.exhausted = before.exhausted
    for (const [sequence, state] of before.replies) added.replies.set(sequence, state)
  }

  of(own: Anchor.Anchor): Known {
    return this.find(own) ?? this.add(own, undefined)
  }

  status(own: Anchor.Anchor, now: number) {
    const known = this.find(own)
    if (known === undefined) return { closesAt: undefined, isClosed: false, repliesLeft: Number.POSITIVE_INFINITY }
    const { duration, replies } = ReplyWindow.table[Conversation.sceneOf(own.conversation)]
    const closesAt = known.since === undefined ? undefined : known.since + Duration.toMillis(duration) - limits.margin
    return {
      closesAt,
      isClosed: known.closed || (closesAt !== undefined && now >= closesAt),
      repliesLeft: known.exhausted ? 0 : Math.max(0, replies - known.replies.size)
    }
  }

  newest(conversation: Conversation.Conversation, now: number): Anchor.Anchor | undefined {
    const recent = this.known.filter((one) => one.anchor.conversation === conversation && one.since !== undefined)
    return recent.slice(-limits.perConversation).findLast((one) => {
      const { isClosed, repliesLeft } = this.status(one.anchor, now)
      return !isClosed && repliesLeft > 0
    })?.anchor
  }
}

/** A process that has stored everything ends, and another one loads it. */
const restarted = (stored: Map<number, string>, now: number): LedgerIndex => {
  const index = new LedgerIndex(limits, () => undefined)
  const pages = [...stored.values()].map((text) => Option.getOrThrow(StoredLedger.decodePage(text)))
  index.restore(
    pages.toSorted((a, b) => a.page - b.page),
    [],
    { epoch: now, monotonic: now }
  )
  return index
}

const save = (index: LedgerIndex, stored: Map<number, string>): void => {
  for (const page of index.takePages()) stored.set(page.number % 16, StoredLedger.encodePage(page))
}

describe("the index of the ledger", () => {
  it("agrees with a list of everything over any history, restarts included", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const stored = new Map<number, string>()
        const model = new Model()
        let index = new LedgerIndex(limits, () => undefined)
        let now = 1_000_000
        for (const step of commands) {
          switch (step.do) {
            case "wait":
              now += step.millis
              break
            case "restart":
              save(index, stored)
              index = restarted(stored, now)
              // of anchors whose time of receipt is unknown, the order in which they were first stored is not known to the list
              model.known.sort(
                (a, b) => (a.since ?? 0) - (b.since ?? 0) || orderIn(stored, a.anchor) - orderIn(stored, b.anchor)
              )
              break
            case "receive":
              now += 1
              index.receive(Anchor.partsOf(step.anchor), now, now)
              model.receive(step.anchor, now)
              break
            case "begin": {
              const known = model.of(step.anchor)
              const before = known.replies.get(step.sequence) ?? "new"
              assert.strictEqual(index.begin(step.anchor, step.sequence, "text"), before)
              if (before === "new") known.replies.set(step.sequence, "open")
              break
            }
            case "delivered":
              index.delivered(step.anchor, step.sequence, undefined)
              model.of(step.anchor).replies.set(step.sequence, "delivered")
              break
            case "refused":
              index.refused(step.anchor, step.sequence)
              model.of(step.anchor).replies.delete(step.sequence)
              break
            case "close":
              index.close(step.anchor)
              model.of(step.anchor).closed = true
              break
            case "exhaust":
              index.exhaust(step.anchor)
              model.of(step.anchor).exhausted = true
              break
          }
          assert.strictEqual(index.size, model.known.length)
          for (const one of anchors) {
            assert.deepStrictEqual(index.status(one, now), model.status(one, now))
            assert.deepStrictEqual(LedgerEntry.statesOf(index.find(one)), model.find(one)?.replies ?? new Map())
          }
          for (const one of conversations) {
            assert.deepStrictEqual(index.newest(one, undefined, now)?.id, model.newest(one, now)?.id)
          }
        }
      }),
      { numRuns: 300 }
    )
  })

  it("says when something has to be stored, and gives only changed pages", () => {
    let changes = 0
    const index = new LedgerIndex({ ...limits, capacity: 100, stored: 16 }, () => {
      changes += 1
    })
    const one = Anchor.make({ kind: "msg_id", id: "a", conversation: Conversation.c2c("u") })
    index.receive(Anchor.partsOf(one), 0, 0)
    const two = Anchor.make({ kind: "msg_id", id: "b", conversation: Conversation.c2c("u") })
    index.receive(Anchor.partsOf(two), 0, 0)
    assert.strictEqual(changes, 2)
    assert.deepStrictEqual(
      index.takePages().map(({ number }) => number),
      [1, 0]
    )
    index.receive(Anchor.partsOf(two), 5, 5)
    assert.strictEqual(changes, 2, "a replay changes nothing")
    index.begin(two, 64, "text")
    const taken = index.takePages()
    assert.deepStrictEqual(
      taken.map(({ number }) => number),
      [1]
    )
    index.begin(two, 64, "text")
    assert.deepStrictEqual(index.takePages(), [], "a reply that was begun before changes nothing")
    index.putBack(taken)
    assert.deepStrictEqual(
      index.takePages().map(({ number }) => number),
      [1]
    )
    assert.strictEqual(changes, 4)
  })

  it("loads what earlier versions have stored", () => {
    const page =
      '{"version":2,"page":3,"entries":[{"scene":"c2c","target":"u","kind":"msg_id","id":"m","at":1000,' +
      '"open":[64],"delivered":[128],"texts":[[64,"0123456789abcdef"]],' +
      '"streams":[[192,{"sequence":7,"format":"text","index":1,"content":"a","isLast":false,"isClosed":false}]]}]}'
    const whole = '{"version":1,"entries":[{"scene":"group","target":"g","kind":"event_id","id":"e","closed":true}]}'
    const index = new LedgerIndex(limits, () => undefined)
    index.restore(
      [Option.getOrThrow(StoredLedger.decodePage(page))],
      Option.getOrThrow(StoredLedger.decodeWhole(whole)).entries,
      { epoch: 2000, monotonic: 50 }
    )
    const message = Anchor.make({ kind: "msg_id", id: "m", conversation: Conversation.c2c("u") })
    assert.deepStrictEqual(
      LedgerEntry.statesOf(index.find(message)),
      new Map<number, "open" | "delivered">([
        [128, "delivered"],
        [64, "open"]
      ])
    )
    assert.deepStrictEqual(LedgerEntry.textsOf(index.find(message)), new Map([[64, "0123456789abcdef"]]))
    assert.strictEqual(index.find(message)?.past?.streams?.get(192)?.sequence, 7)
    assert.strictEqual(index.find(message)?.since, -950)
    const event = Anchor.make({ kind: "event_id", id: "e", conversation: Conversation.group("g") })
    assert.isTrue(index.status(event, 60).isClosed)
    // an anchor is stored as it was read, but for what has changed
    index.close(message)
    const taken = index.takePages().find(({ number }) => number === 3) ?? assert.fail("the page has not changed")
    const [before] = JSON.parse(page).entries
    const [after] = JSON.parse(StoredLedger.encodePage(taken)).entries
    assert.deepStrictEqual(after, { ...before, closed: true })
  })
})

/** Where in the stored pages an anchor comes. */
const orderIn = (stored: Map<number, string>, wanted: Anchor.Anchor): number => {
  const all = [...stored.values()]
    .map((text) => Option.getOrThrow(StoredLedger.decodePage(text)))
    .toSorted((a, b) => a.page - b.page)
    .flatMap(({ entries }) => entries)
  return all.findLastIndex(
    ({ id, kind, scene, target }) =>
      id === wanted.id &&
      kind === wanted.kind &&
      scene === Conversation.sceneOf(wanted.conversation) &&
      target === Conversation.targetOf(wanted.conversation)
  )
}
