/**
 * Scheduled work without a clock: a heap of times and actions. Actions due at the same time run in the order in which they
 * were scheduled.
 *
 * @since 0.1.0
 */

interface Entry {
  readonly at: number
  readonly order: number
  readonly run: (now: number) => void
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/**
 * @since 0.1.0
 * @category models
 */
export interface Timers {
  /** Runs `run` at the first {@link Timers.wake} at or after `at`. Nothing is ever cancelled: `run` checks whether it still applies. */
  readonly schedule: (at: number, run: (now: number) => void) => void
  /** Runs everything that is due, including actions that it schedules for now. */
  readonly wake: (now: number) => void
  readonly next: () => number | undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Timers => {
  const heap: Array<Entry> = []
  let order = 0

  const at = (index: number): Entry => heap[index]!

  const rise = (from: number): void => {
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(at(index), at(parent))) return
      const held = at(index)
      heap[index] = at(parent)
      heap[parent] = held
      index = parent
    }
  }

  const sink = (): void => {
    let index = 0
    for (;;) {
      const left = index * 2 + 1
      if (left >= heap.length) return
      const right = left + 1
      const least = right < heap.length && isBefore(at(right), at(left)) ? right : left
      if (!isBefore(at(least), at(index))) return
      const held = at(index)
      heap[index] = at(least)
      heap[least] = held
      index = least
    }
  }

  const take = (): Entry => {
    const first = at(0)
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      sink()
    }
    return first
  }

  return {
    schedule: (time, run) => {
      heap.push({ at: time, order: order++, run })
      rise(heap.length - 1)
    },
    wake: (now) => {
      while (heap.length > 0 && at(0).at <= now) take().run(now)
    },
    next: () => heap[0]?.at
  }
}
