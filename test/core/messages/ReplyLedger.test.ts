import { assert, describe, it } from "@effect/vitest"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import * as BotConfig from "../../../packages/core/src/BotConfig.ts"
import * as Anchor from "../../../packages/core/src/messages/Anchor.ts"
import * as Conversation from "../../../packages/core/src/events/Conversation.ts"
import * as ReplyLedger from "../../../packages/core/src/messages/ReplyLedger.ts"
import * as ReplyWindow from "../../../packages/core/src/messages/ReplyWindow.ts"

const user = Conversation.c2c("u")
const group = Conversation.group("g")
const message = (id: string, conversation: Conversation.Conversation = user) =>
  Anchor.make({ kind: "msg_id", id, conversation })
const event = (id: string) => Anchor.make({ kind: "event_id", id, conversation: user })

const config = BotConfig.layer({ appId: "1", secret: Redacted.make("s") })

/** The ledger of one run of a program. */
const run = <A, E>(
  store: KeyValueStore.KeyValueStore,
  body: (ledger: ReplyLedger.ReplyLedgerShape) => Effect.Effect<A, E>,
  options: Partial<ReplyLedger.Options> = {}
) =>
  Effect.scoped(Effect.flatMap(ReplyLedger.make(options), body)).pipe(
    Effect.provide(config),
    Effect.provideService(KeyValueStore.KeyValueStore, store)
  )

const memory = Effect.map(
  Layer.build(Layer.fresh(KeyValueStore.layerMemory)),
  (context) =>
    // a Layer of one service
    context.unsafeMap.get(KeyValueStore.KeyValueStore.key) as KeyValueStore.KeyValueStore
)

interface Page {
  readonly version: number
  readonly page: number
  readonly entries: ReadonlyArray<{ readonly id: string }>
}

/** The pages in the store, in their order. */
const storedPages = (store: KeyValueStore.KeyValueStore) =>
  Effect.map(
    Effect.forEach(Array.from({ length: 16 }).keys(), (place) => store.get(`ledger.1.0-1.${place}`)),
    (texts) =>
      texts
        .flatMap(Option.toArray)
        .map((text) => JSON.parse(text) as Page)
        .toSorted((a, b) => a.page - b.page)
  )

const storedIds = (store: KeyValueStore.KeyValueStore) =>
  Effect.map(storedPages(store), (pages) => pages.flatMap(({ entries }) => entries.map(({ id }) => id)))

const stored = (id: string, at: number) => ({ scene: "c2c", target: "u", kind: "msg_id", id, at })

const idOf = Option.map(({ id }: Anchor.Anchor) => id)

describe("the windows", () => {
  it("are those of the documentation", () => {
    const told = Object.entries(ReplyWindow.table).map(
      ([scene, { duration, replies }]) => `${scene} ${Duration.toMinutes(duration)} ${replies}`
    )
    assert.deepStrictEqual(told, ["c2c 60 4", "group 5 5", "channel 5 Infinity", "dm 5 Infinity"])
  })

  it.effect("close two seconds early by this machine's clock", () =>
    Effect.gen(function* () {
      const ledger = yield* ReplyLedger.makeMemory()
      ledger.receive(message("m"))
      ledger.receive(message("n", group))
      yield* TestClock.adjust("297999 millis")
      assert.isFalse((yield* ledger.standing(message("n", group))).isClosed)
      yield* TestClock.adjust("1 millis")
      assert.isTrue((yield* ledger.standing(message("n", group))).isClosed)
      assert.isFalse((yield* ledger.standing(message("m"))).isClosed)
      yield* TestClock.adjust(Duration.minutes(55))
      assert.isTrue((yield* ledger.standing(message("m"))).isClosed)
    })
  )

  it.effect("do not open again for a message that comes again, or by its twin", () =>
    Effect.gen(function* () {
      const ledger = yield* ReplyLedger.makeMemory()
      ledger.receive(message("n", group))
      yield* TestClock.adjust("4 minutes")
      ledger.receive(message("n", group))
      assert.strictEqual((yield* ledger.standing(message("n", group))).closesAt, 298_000)
    })
  )

  it.effect("are not known for what was not received", () =>
    Effect.gen(function* () {
      const ledger = yield* ReplyLedger.makeMemory()
      yield* ledger.begin(message("m"), 1)
      const standing = yield* ledger.standing(message("m"))
      assert.isUndefined(standing.closesAt)
      assert.isFalse(standing.isClosed)
      assert.isTrue(Option.isNone(yield* ledger.newest(user)))
    })
  )
})

describe("the newest anchor", () => {
  it.effect("has replies left and has not expired", () =>
    Effect.gen(function* () {
      const ledger = yield* ReplyLedger.makeMemory()
      for (const id of ["a", "b", "c"]) ledger.receive(message(id))
      assert.deepStrictEqual(idOf(yield* ledger.newest(user)), Option.some("c"))
      for (const sequence of [1, 2, 3, 4]) yield* ledger.begin(message("c"), sequence)
      assert.deepStrictEqual(idOf(yield* ledger.newest(user)), Option.some("b"))
      yield* ledger.close(message("b"))
      assert.deepStrictEqual(idOf(yield* ledger.newest(user)), Option.some("a"))
      yield* ledger.exhaust(message("a"))
      assert.isTrue(Option.isNone(yield* ledger.newest(user)))
      yield* ledger.refused(message("c"), 2)
      assert.deepStrictEqual(idOf(yield* ledger.newest(user)), Option.some("c"))
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Option.isNone(yield* ledger.newest(user)))
    })
  )

  it.effect("may be asked for by kind, and belongs to the conversation", () =>
    Effect.gen(function* () {
      const ledger = yield* ReplyLedger.makeMemory()
      ledger.receive(event("e"))
      ledger.receive(message("m"))
      ledger.receive(message("n", group))
      assert.deepStrictEqual(idOf(yield* ledger.newest(user, "event_id")), Option.some("e"))
      assert.deepStrictEqual(idOf(yield* ledger.newest(user)), Option.some("m"))
      assert.isTrue(Option.isNone(yield* ledger.newest(Conversation.c2c("v"))))
    })
  )
})

describe("replies", () => {
  it.effect("are new, then open, then delivered; one is counted once however often it is begun", () =>
    Effect.gen(function* () {
      const ledger = yield* ReplyLedger.makeMemory()
      ledger.receive(message("m"))
      assert.strictEqual(yield* ledger.begin(message("m"), 7), "new")
      assert.strictEqual(yield* ledger.begin(message("m"), 7), "open")
      assert.strictEqual((yield* ledger.standing(message("m"))).repliesLeft, 3)
      yield* ledger.delivered(message("m"), 7)
      assert.strictEqual(yield* ledger.begin(message("m"), 7), "delivered")
      assert.strictEqual((yield* ledger.standing(message("m"))).repliesLeft, 3)
    })
  )

  it.effect("that were refused cost nothing", () =>
    Effect.gen(function* () {
      const ledger = yield* ReplyLedger.makeMemory()
      ledger.receive(message("m"))
      yield* ledger.begin(message("m"), 7)
      yield* ledger.refused(message("m"), 7)
      assert.strictEqual((yield* ledger.standing(message("m"))).repliesLeft, 4)
      assert.strictEqual(yield* ledger.begin(message("m"), 7), "new")
    })
  )
})

describe("the ledger is bounded", () => {
  it.effect("by messages in all, of one conversation, and in the store", () =>
    Effect.gen(function* () {
      const store = yield* memory
      yield* run(
        store,
        (ledger) =>
          Effect.gen(function* () {
            for (let n = 0; n < 1000; n++)
              ledger.receive(message(`m${n}`, n % 2 === 0 ? user : Conversation.c2c(`u${n}`)))
            assert.strictEqual(yield* ledger.size, 100)
            assert.deepStrictEqual(idOf(yield* ledger.newest(user)), Option.some("m998"))
            assert.isTrue(Option.isNone(yield* ledger.newest(Conversation.c2c("u1"))))
            for (let n = 0; n < 8; n++) yield* ledger.close(message(`m${998 - 2 * n}`))
            assert.isTrue(Option.isNone(yield* ledger.newest(user)))
          }),
        { capacity: 100, perConversation: 8, stored: 32 }
      )
      assert.isAtMost((yield* storedIds(store)).length, 32)
      assert.includeMembers(yield* storedIds(store), ["m999", "m998", "m984"])
      assert.strictEqual(yield* store.size, 16)
    }).pipe(Effect.scoped)
  )

  it.effect("by replies to one message", () =>
    Effect.gen(function* () {
      const ledger = yield* ReplyLedger.makeMemory()
      const channel = message("m", Conversation.channel("c"))
      ledger.receive(channel)
      for (let sequence = 1; sequence <= 1000; sequence++) yield* ledger.delivered(channel, sequence)
      assert.strictEqual((yield* ledger.replies(channel)).size, 128)
      assert.strictEqual(yield* ledger.begin(channel, 1000), "delivered")
    })
  )
})

describe("an id", () => {
  it.effect("that several anchors share does not mix them up", () =>
    Effect.gen(function* () {
      const store = yield* memory
      const anchors = [message("x"), message("x", group), message("x", Conversation.c2c("g")), event("x")]
      yield* run(
        store,
        (ledger) =>
          Effect.gen(function* () {
            for (const anchor of anchors) ledger.receive(anchor)
            assert.strictEqual(yield* ledger.size, 4)
            for (const [index, anchor] of anchors.entries()) yield* ledger.begin(anchor, index)
          }),
        { capacity: 4 }
      )
      yield* run(
        store,
        (ledger) =>
          Effect.gen(function* () {
            for (const [index, anchor] of anchors.entries()) {
              assert.deepStrictEqual([...(yield* ledger.replies(anchor)).keys()], [index])
              assert.deepStrictEqual(
                yield* ledger.newest(anchor.conversation, anchor.kind),
                Option.some(anchor),
                Conversation.toKey(anchor.conversation)
              )
            }
            // the first of them is forgotten, and takes none of the others with it
            ledger.receive(message("another"))
            const left = yield* Effect.forEach(anchors, (anchor) => ledger.replies(anchor))
            assert.deepStrictEqual(
              left.map(({ size }) => size),
              [0, 1, 1, 1]
            )
            ledger.receive(message("x"))
            assert.strictEqual(yield* ledger.size, 4)
            assert.deepStrictEqual(idOf(yield* ledger.newest(user, "msg_id")), Option.some("x"))
          }),
        { capacity: 4 }
      )
    }).pipe(Effect.scoped)
  )

  /** What is known in an order of its own: the newest of a conversation first, and never more than the capacity. */
  it.effect("is found for as long as it is known, whatever else is received, replied to and forgotten", () => {
    const conversations = [user, Conversation.c2c("v"), group, Conversation.channel("g")] as const
    const anchor = fc.record({
      kind: fc.constantFrom("msg_id" as const, "event_id" as const),
      id: fc.constantFrom("a", "b", "c"),
      conversation: fc.constantFrom(...conversations)
    })
    const step = fc.tuple(anchor, fc.constantFrom("receive", "receive", "begin", "close"))
    const keyOf = ({ conversation, id, kind }: Anchor.Anchor) => JSON.stringify([kind, id, conversation])
    return Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 80 }), (steps) =>
          Effect.gen(function* () {
            const ledger = yield* ReplyLedger.makeMemory({ capacity: 6, perConversation: 6 })
            /** In the order in which they became known. */
            const known = new Map<
              string,
              { anchor: Anchor.Anchor; received: boolean; begun: boolean; closed: boolean }
            >()
            for (const [parts, what] of steps) {
              const one = Anchor.make(parts)
              const key = keyOf(one)
              const before = known.get(key)
              if (what === "receive") ledger.receive(one)
              else yield* what === "begin" ? ledger.begin(one, 1) : ledger.close(one)
              const after = before ?? { anchor: one, received: false, begun: false, closed: false }
              if (what === "begin") after.begun = true
              else if (what === "close") after.closed = true
              else if (!after.received) {
                after.received = true
                known.delete(key)
              }
              known.set(key, after)
              for (const oldest of known.keys()) if (known.size > 6) known.delete(oldest)
              assert.strictEqual(yield* ledger.size, known.size)
            }
            for (const kind of ["msg_id", "event_id"] as const) {
              for (const conversation of conversations) {
                const newest = [...known.values()].findLast(
                  ({ anchor: each, closed, received }) =>
                    received && !closed && each.kind === kind && each.conversation === conversation
                )
                assert.deepStrictEqual(yield* ledger.newest(conversation, kind), Option.fromNullable(newest?.anchor))
                for (const id of ["a", "b", "c"]) {
                  const one = Anchor.make({ kind, id, conversation })
                  const own = known.get(keyOf(one))
                  const standing = yield* ledger.standing(one)
                  assert.strictEqual(standing.isClosed, own?.closed === true)
                  assert.strictEqual(standing.closesAt !== undefined, own?.received === true)
                  assert.strictEqual((yield* ledger.replies(one)).has(1), own?.begun === true)
                }
              }
            }
          }).pipe(Effect.runPromise)
        ),
        { numRuns: 300 }
      )
    )
  })
})

describe("the store", () => {
  it.effect("brings everything back after a restart", () =>
    Effect.gen(function* () {
      const store = yield* memory
      yield* run(store, (ledger) =>
        Effect.gen(function* () {
          ledger.receive(message("old"))
          ledger.receive(message("new"))
          ledger.receive(message("n", group))
          yield* ledger.begin(message("new"), 64)
          yield* ledger.begin(message("new"), 65)
          yield* ledger.delivered(message("new"), 65)
          yield* ledger.close(message("n", group))
          yield* ledger.begin(message("unseen"), 9)
        })
      )
      yield* TestClock.adjust("10 minutes")
      yield* run(store, (ledger) =>
        Effect.gen(function* () {
          const standing = yield* ledger.standing(message("new"))
          assert.strictEqual(standing.closesAt, 3_598_000)
          assert.strictEqual(standing.repliesLeft, 2)
          assert.strictEqual(yield* ledger.begin(message("new"), 64), "open")
          assert.strictEqual(yield* ledger.begin(message("new"), 65), "delivered")
          assert.strictEqual(yield* ledger.begin(message("unseen"), 9), "open")
          assert.isUndefined((yield* ledger.standing(message("unseen"))).closesAt)
          assert.isTrue((yield* ledger.standing(message("n", group))).isClosed)
          assert.deepStrictEqual(idOf(yield* ledger.newest(user)), Option.some("new"))
          // a replay is no new message
          ledger.receive(message("old"))
          assert.strictEqual((yield* ledger.standing(message("old"))).closesAt, 3_598_000)
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect("is written at most once a second, and at the end", () =>
    Effect.gen(function* () {
      const store = yield* memory
      const writes: Array<number> = []
      const counting = {
        ...store,
        set: (key: string, value: string | Uint8Array) =>
          Effect.zipRight(
            Effect.flatMap(TestClock.currentTimeMillis, (now) => Effect.sync(() => writes.push(now))),
            store.set(key, value)
          )
      } as KeyValueStore.KeyValueStore
      yield* run(counting, (ledger) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual(writes, [])
          for (let n = 0; n < 30; n++) {
            ledger.receive(message(`m${n}`))
            yield* TestClock.adjust("100 millis")
          }
          assert.deepStrictEqual(writes, [5000, 6000, 7000, 8000])
          ledger.receive(message("last"))
        })
      )
      assert.deepStrictEqual(writes, [5000, 6000, 7000, 8000, 8000])
      yield* run(counting, () => TestClock.adjust("5 seconds"))
      assert.strictEqual(writes.length, 5)
    }).pipe(Effect.scoped)
  )

  const unreadable = [
    ["ledger.1.0-1", ["", "{", "[]", '{"version":2}', '{"version":1,"entries":[{"scene":"moon"}]}']],
    ["ledger.1.0-1.3", ["", "[]", '{"version":1,"entries":[]}', '{"version":2,"page":4,"entries":[]}']]
  ] as const
  for (const [key, texts] of unreadable) {
    for (const text of texts) {
      it.effect(`that holds ${JSON.stringify(text)} as ${key} is set aside, and the rest of it used`, () =>
        Effect.gen(function* () {
          const store = yield* memory
          yield* store.set(key, text)
          yield* store.set("ledger.1.0-1.5", JSON.stringify({ version: 2, page: 21, entries: [stored("m", 0)] }))
          yield* run(store, (ledger) =>
            Effect.gen(function* () {
              assert.strictEqual(yield* ledger.size, 1)
              assert.isTrue(Option.isNone(yield* store.get(key)))
              assert.deepStrictEqual(yield* store.get(`${key}.corrupt`), Option.some(text))
            })
          )
        }).pipe(Effect.scoped)
      )
    }
  }

  it.effect("that fails is retried", () =>
    Effect.gen(function* () {
      const store = yield* memory
      let broken = true
      const failure = new PlatformError.SystemError({
        reason: "PermissionDenied",
        module: "KeyValueStore",
        method: "set"
      })
      const failing = {
        ...store,
        set: (key: string, value: string | Uint8Array) =>
          Effect.suspend(() => (broken ? Effect.fail(failure) : store.set(key, value)))
      } as KeyValueStore.KeyValueStore
      yield* run(failing, (ledger) =>
        Effect.gen(function* () {
          ledger.receive(message("a"))
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(yield* storedIds(store), [])
          broken = false
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(yield* storedIds(store), ["a"])
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect("is written one page at a time, however much there is of it", () =>
    Effect.gen(function* () {
      const store = yield* memory
      const written: Array<string> = []
      const counting = {
        ...store,
        set: (key: string, value: string | Uint8Array) =>
          Effect.zipRight(
            Effect.sync(() => written.push(key)),
            store.set(key, value)
          )
      } as KeyValueStore.KeyValueStore
      yield* run(counting, (ledger) =>
        Effect.gen(function* () {
          for (let n = 0; n < 2048; n++) ledger.receive(message(`m${n}`))
          yield* TestClock.adjust("2 seconds")
          assert.strictEqual((yield* storedIds(store)).length, 2048)
          written.length = 0
          yield* ledger.delivered(message("m5"), 1)
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual(written, ["ledger.1.0-1.0"])
          ledger.receive(message("m2048"))
          yield* TestClock.adjust("2 seconds")
          // the 17th page takes the place of the first
          assert.deepStrictEqual(written, ["ledger.1.0-1.0", "ledger.1.0-1.0"])
          assert.deepStrictEqual((yield* storedIds(store)).slice(-2), ["m2047", "m2048"])
          // a reply to what has lost its place brings it back
          yield* ledger.delivered(message("m6"), 1)
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual((yield* storedIds(store)).slice(-2), ["m2048", "m6"])
        })
      )
      yield* run(counting, (ledger) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* ledger.begin(message("m6"), 1), "delivered")
          assert.deepStrictEqual(idOf(yield* ledger.newest(user)), Option.some("m2048"))
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect("knows what a crash left on two pages as the later one has it", () =>
    Effect.gen(function* () {
      const store = yield* memory
      const page = (number: number, ...entries: ReadonlyArray<object>) =>
        store.set(`ledger.1.0-1.${number % 16}`, JSON.stringify({ version: 2, page: number, entries }))
      yield* page(15, stored("a", 1), stored("b", 1))
      yield* page(16, { ...stored("a", 1), delivered: [7] })
      yield* run(store, (ledger) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* ledger.size, 2)
          assert.strictEqual(yield* ledger.begin(message("a"), 7), "delivered")
        })
      )
      assert.deepStrictEqual(yield* storedIds(store), ["b", "a"])
    }).pipe(Effect.scoped)
  )

  it.effect("of an earlier version, which had no pages, is put into pages", () =>
    Effect.gen(function* () {
      const store = yield* memory
      const entries = [stored("a", 0), { ...stored("b", 0), open: [3] }]
      yield* store.set("ledger.1.0-1", JSON.stringify({ version: 1, entries }))
      yield* run(store, (ledger) => ledger.delivered(message("a"), 5))
      assert.isTrue(Option.isNone(yield* store.get("ledger.1.0-1")))
      // it came to its end before the old record was gone
      yield* store.set("ledger.1.0-1", JSON.stringify({ version: 1, entries }))
      yield* run(store, (ledger) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* ledger.size, 2)
          assert.strictEqual(yield* ledger.begin(message("a"), 5), "delivered")
          assert.strictEqual(yield* ledger.begin(message("b"), 3), "open")
        })
      )
      assert.deepStrictEqual(yield* storedIds(store), ["a", "b"])
    }).pipe(Effect.scoped)
  )

  it.effect("is written by a shutdown that comes in the middle of a write", () =>
    Effect.gen(function* () {
      const store = yield* memory
      let slow = true
      const hanging = {
        ...store,
        set: (key: string, value: string | Uint8Array) =>
          Effect.suspend(() => (slow ? Effect.never : store.set(key, value)))
      } as KeyValueStore.KeyValueStore
      yield* run(hanging, (ledger) =>
        Effect.gen(function* () {
          ledger.receive(message("a"))
          yield* TestClock.adjust("2 seconds")
          slow = false
        })
      )
      assert.deepStrictEqual(yield* storedIds(store), ["a"])
    }).pipe(Effect.scoped)
  )

  for (const [how, never] of [
    ["", Effect.never],
    [" and cannot be interrupted", Effect.uninterruptible(Effect.never)]
  ] as const) {
    it.effect(`that never answers${how} delays a flush by five seconds at most, and holds up no shutdown`, () =>
      Effect.gen(function* () {
        const hanging = { ...(yield* memory), set: () => never }
        let flushed = 0
        const fiber = yield* run(hanging, (ledger) => {
          ledger.receive(message("a"))
          const flush = Effect.zipRight(
            ledger.flush,
            Effect.sync(() => flushed++)
          )
          return Effect.all([flush, flush, flush], { concurrency: "unbounded" })
        }).pipe(Effect.fork)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(flushed, 3)
        yield* TestClock.adjust("5 seconds")
        assert.isNotNull(fiber.unsafePoll())
      }).pipe(Effect.scoped)
    )
  }

  it.effect("that is being written to is waited for by a flush", () =>
    Effect.gen(function* () {
      const store = yield* memory
      const gate = yield* Effect.makeLatch(false)
      const slow = {
        ...store,
        set: (key: string, value: string | Uint8Array) => Effect.zipRight(gate.await, store.set(key, value))
      }
      yield* run(slow, (ledger) =>
        Effect.gen(function* () {
          ledger.receive(message("a"))
          // the save of once a second has taken the page
          yield* TestClock.adjust("1 millis")
          const flush = yield* Effect.fork(ledger.flush)
          yield* TestClock.adjust("1 millis")
          assert.isNull(flush.unsafePoll())
          yield* gate.open
          yield* flush.await
          assert.deepStrictEqual(yield* storedIds(store), ["a"])
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect("of a clock that was set back keeps no window open for longer than it is", () =>
    Effect.gen(function* () {
      const store = yield* memory
      const entry = { scene: "group", target: "g", kind: "msg_id", id: "n", at: 9_000_000 }
      yield* store.set("ledger.1.0-1", JSON.stringify({ version: 1, entries: [entry] }))
      yield* run(store, (ledger) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* ledger.standing(message("n", group))).closesAt, 298_000)
        })
      )
    }).pipe(Effect.scoped)
  )
})
