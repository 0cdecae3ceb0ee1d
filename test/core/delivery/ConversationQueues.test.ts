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
  return { queue, seq: queue === undefined ? undefined : queues.take(queue)?.seq }
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
          assert.strictEqual(queues.take(queue), waiting.get(queue.key)?.shift(), "in order")
          return true
        }
        for (const one of operations) {
          if ("target" in one) {
            const added = item(one.target, ++seq)
            queues.add(added)
            waiting.set(one.target, [...(waiting.get(one.target) ?? []), added])
          } else if ("at" in one) {
            const removed = all()[one.at]
            if (removed === undefined) continue
            assert.isTrue(queues.remove(removed))
            assert.isFalse(queues.remove(removed))
            waiting.set(
              removed.target,
              (waiting.get(removed.target) ?? []).filter((other) => other !== removed)
            )
          } else if (one.what === "take") take(one.worker)
          else {
            const worker = workers[one.worker]
            if (worker?.queue !== undefined) queues.release(worker.queue)
            if (worker !== undefined) worker.queue = undefined
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

  it("give the next conversation its turn after 32 events of one, where one is ready", () => {
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

  it("put an event before the first one that is asked for", () => {
    const queues = new ConversationQueues<Item>()
    for (const seq of [1, 2, 4]) queues.add(item("a", seq))
    queues.add(item("a", 3), ({ seq }) => seq > 3)
    const { queue } = takeOne(queues)
    assert.deepStrictEqual(
      queue?.waiting.toArray().map(({ seq }) => seq),
      [2, 3, 4]
    )
  })

  it("keep unclaimed events until what their conversation received before is handled, the newest", () => {
    const forgotten: Array<number> = []
    const queues = new ConversationQueues<Item>((unclaimed) => forgotten.push(...unclaimed.map(({ seq }) => seq)))
    const keep = (seq: number, capacity = 2) =>
      queues.keepUnclaimed(item("a", seq), capacity)?.map((surplus) => surplus.seq)
    assert.isUndefined(keep(1), "nothing of the conversation is handled")
    queues.add(item("a", 2))
    const first = takeOne(queues)
    assert.deepStrictEqual(keep(3), [])
    queues.add(item("a", 4))
    assert.deepStrictEqual(keep(5), [])
    assert.deepStrictEqual(keep(6), [3], "the oldest is too many")
    const handled = (queue: ConversationQueue<Item> | undefined): void => {
      if (queue?.handling !== undefined) queues.handled(queue, queue.handling)
    }
    handled(first.queue)
    assert.deepStrictEqual(forgotten, [], "they came after the second")
    const second = takeOne(queues, first.queue, 1)
    assert.strictEqual(second.seq, 4)
    handled(second.queue)
    assert.deepStrictEqual(forgotten, [5, 6])
    queues.add(item("a", 7))
    assert.deepStrictEqual(keep(8), [])
    const third = takeOne(queues, second.queue, 2)
    assert.isUndefined(queues.next(third.queue, 3))
    assert.deepStrictEqual(forgotten, [5, 6, 8], "nothing of the conversation is handled any more")
  })
})
