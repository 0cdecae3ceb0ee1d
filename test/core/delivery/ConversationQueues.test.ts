import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  type ConversationQueue,
  ConversationQueues,
  turn
} from "../../../packages/core/src/delivery/ConversationQueues.ts"

interface Item {
  readonly place: "group" | "c2c"
  readonly target: string
  readonly seq: number
}

const item = (target: string, seq: number, place: Item["place"] = "c2c"): Item => ({ place, target, seq })

const takeOne = (queues: ConversationQueues<Item>, current?: ConversationQueue<Item>, handled = 0) => {
  const queue = queues.next(current, handled)
  return { queue, seq: queue?.waiting.shift()?.seq }
}

describe("conversation queues", () => {
  it("agree with a naive model: each conversation in order, none handled twice at a time, none forgotten", () => {
    const operation = fc.oneof(
      fc.record({ what: fc.constant("add" as const), target: fc.constantFrom("a", "b", "c", "d") }),
      fc.record({ what: fc.constantFrom("take" as const, "release" as const), worker: fc.nat({ max: 2 }) }),
      fc.record({ what: fc.constant("remove" as const), at: fc.nat({ max: 20 }) })
    )
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const queues = new ConversationQueues<Item>()
        const workers: Array<{ queue: ConversationQueue<Item> | undefined; handled: number }> = [0, 1, 2].map(() => ({
          queue: undefined,
          handled: 0
        }))
        const waiting = new Map<string, Array<Item>>()
        const all = (): ReadonlyArray<Item> => [...waiting.values()].flat()
        let seq = 0
        const take = (index: number): boolean => {
          const worker = workers[index] ?? { queue: undefined, handled: 0 }
          const queue = queues.next(worker.queue, worker.handled)
          worker.handled = queue === worker.queue ? worker.handled + 1 : 1
          worker.queue = queue
          if (queue === undefined) return false
          assert.strictEqual(workers.filter((other) => other.queue === queue).length, 1, "one worker per conversation")
          assert.strictEqual(queue.waiting.shift(), waiting.get(queue.key)?.shift(), "in order")
          return true
        }
        for (const one of operations) {
          if (one.what === "add") {
            const added = item(one.target, ++seq)
            queues.add(added)
            waiting.set(one.target, [...(waiting.get(one.target) ?? []), added])
          } else if (one.what === "take") take(one.worker)
          else if (one.what === "release") {
            const worker = workers[one.worker]
            if (worker?.queue !== undefined) queues.release(worker.queue)
            if (worker !== undefined) worker.queue = undefined
          } else {
            const removed = all()[one.at]
            if (removed === undefined) continue
            assert.isTrue(queues.remove(removed))
            assert.isFalse(queues.remove(removed))
            waiting.set(
              removed.target,
              (waiting.get(removed.target) ?? []).filter((other) => other !== removed)
            )
          }
        }
        for (let index = 0; index < 3; index++) while (take(index));
        assert.deepStrictEqual(all(), [])
        assert.strictEqual(queues.size, 0)
        assert.isFalse(queues.isReady)
      }),
      { numRuns: 200 }
    )
  })

  it("give the next conversation its turn after so many events of one, where one is ready", () => {
    const queues = new ConversationQueues<Item>()
    for (let seq = 1; seq <= 2 * turn + 1; seq++) queues.add(item("long", seq))
    let queue: ConversationQueue<Item> | undefined
    const seqs: Array<number | undefined> = []
    for (let handled = 0; handled < turn + 1; handled++) {
      const one = takeOne(queues, queue, handled)
      queue = one.queue
      seqs.push(one.seq)
    }
    assert.strictEqual(seqs.at(-1), turn + 1, "alone it goes on")
    queues.add(item("short", 1))
    const other = takeOne(queues, queue, turn + 1)
    assert.strictEqual(other.queue?.key, "short")
    assert.strictEqual(takeOne(queues, other.queue, 1).seq, turn + 2)
  })

  it("tell places of different kinds apart, whose ids are equal", () => {
    const queues = new ConversationQueues<Item>()
    queues.add(item("x", 1, "group"))
    queues.add(item("x", 2, "c2c"))
    assert.strictEqual(queues.size, 2)
  })

  it("put an event at the position that is asked for", () => {
    const queues = new ConversationQueues<Item>()
    for (const seq of [1, 2, 4]) queues.add(item("a", seq))
    queues.add(item("a", 3), (waiting) => waiting.findIndex(({ seq }) => seq > 3))
    const { queue } = takeOne(queues)
    assert.deepStrictEqual(
      queue?.waiting.map(({ seq }) => seq),
      [2, 3, 4]
    )
  })

  it("keep unclaimed events for as long as something of their conversation waits or is handled, the newest", () => {
    const forgotten: Array<number> = []
    const queues = new ConversationQueues<Item>((unclaimed) => forgotten.push(...unclaimed.map(({ seq }) => seq)))
    assert.isUndefined(queues.keepUnclaimed(item("a", 1), 2), "nothing of the conversation is handled")
    queues.add(item("a", 2))
    assert.isUndefined(queues.keepUnclaimed(item("a", 3), 0), "none are to be kept")
    assert.deepStrictEqual(queues.keepUnclaimed(item("a", 4), 2), [])
    assert.deepStrictEqual(queues.keepUnclaimed(item("a", 5), 2), [])
    assert.deepStrictEqual(
      queues.keepUnclaimed(item("a", 6), 2)?.map(({ seq }) => seq),
      [4]
    )
    const { queue } = takeOne(queues)
    assert.deepStrictEqual(forgotten, [])
    assert.isUndefined(queues.next(queue, 1))
    assert.deepStrictEqual(forgotten, [5, 6])
  })
})
