/**
 * The moments reserved under one limit, in a form that answers "when is the next free moment" without a scan of them.
 *
 * A full group is a run of `limit` moments within less than the length of the window. A moment is free unless a full group
 * and this moment lie within one window, so each full group blocks an open interval. The union of these intervals is kept,
 * and changes only around a moment that is reserved or released.
 *
 * @since 0.1.0
 */

/** The moments between the two, without the two themselves. */
interface Interval {
  after: number
  before: number
}

/** The first of `count` indexes for which this holds, where it holds for all behind that one; `count` if for none. */
const firstIndex = (count: number, holds: (index: number) => boolean): number => {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * At most `limit` moments in any stretch that is shorter than `length`. Moments and lengths are in milliseconds.
 *
 * Searching costs the logarithm of what is reserved. Reserving and releasing look in addition at the moments within two
 * lengths, of which there are at most four times the limit.
 *
 * @since 0.1.0
 * @category models
 */
export class SlidingWindow {
  private readonly limit: number
  private readonly length: number
  /** Oldest first. */
  private readonly moments: Array<number> = []
  /** Oldest first, apart from one another. */
  private readonly blocked: Array<Interval> = []

  constructor(limit: number, length: number) {
    this.limit = Math.max(1, Math.floor(limit))
    this.length = length
  }

  /** The first free moment from `from` on. */
  firstFree(from: number): number {
    const { blocked } = this
    // most searches begin in the last interval, or behind it
    const last = blocked.at(-1)
    if (last === undefined || from >= last.before) return from
    const interval = from > last.after ? last : blocked[this.intervalEndingAfter(from)]
    return interval !== undefined && interval.after < from ? interval.before : from
  }

  /** Reserves a moment, which must be free. */
  reserve(moment: number): void {
    const { limit, moments } = this
    const place = this.placeAfter(moment)
    if (place === moments.length) moments.push(moment)
    else moments.splice(place, 0, moment)
    // the full groups that hold the moment block intervals that all contain it: together they block one
    const lowest = Math.max(0, place - limit + 1)
    const highest = Math.min(place, moments.length - limit)
    let first = lowest
    while (first <= highest && !this.isFull(first)) first += 1
    if (first > highest) return
    let last = highest
    while (!this.isFull(last)) last -= 1
    this.block(this.intervalFrom(first, last))
  }

  /** Releases a moment that was reserved. */
  release(moment: number): void {
    const { length, limit, moments } = this
    const place = this.placeAfter(moment) - 1
    if (moments[place] !== moment) return
    moments.splice(place, 1)
    if (!this.unblock({ after: moment - length, before: moment + length })) return
    // what other groups block there
    const first = this.placeAfter(moment - 2 * length)
    for (let group = first; group + limit <= moments.length; group += 1) {
      if (moments[group + limit - 1]! >= moment + 2 * length) return
      if (this.isFull(group)) this.block(this.intervalFrom(group, group))
    }
  }

  /** Forgets the moments that no stretch from `now` on can hold, once they are half of all: each is moved once. */
  forgetBefore(now: number): void {
    const { blocked, length, moments } = this
    const gone = this.placeAfter(now - length)
    if (gone === 0 || gone * 2 < moments.length) return
    moments.splice(0, gone)
    blocked.splice(0, this.intervalEndingAfter(now))
  }

  /** Whether no moment counts any more. */
  isOver(now: number): boolean {
    const newest = this.moments.at(-1)
    return newest === undefined || newest <= now - this.length
  }

  private placeAfter(moment: number): number {
    const { moments } = this
    const newest = moments.at(-1)
    if (newest === undefined || newest <= moment) return moments.length
    return firstIndex(moments.length, (index) => moments[index]! > moment)
  }

  private isFull(group: number): boolean {
    return this.moments[group + this.limit - 1]! - this.moments[group]! < this.length
  }

  private intervalFrom(first: number, last: number): Interval {
    const { length, limit, moments } = this
    return { after: moments[first + limit - 1]! - length, before: moments[last]! + length }
  }

  private intervalEndingAfter(moment: number): number {
    const { blocked } = this
    return firstIndex(blocked.length, (index) => blocked[index]!.before > moment)
  }

  /** The intervals that share a moment with this one: from the first index up to the second. */
  private touching({ after, before }: Interval): readonly [from: number, to: number] {
    const { blocked } = this
    const from = this.intervalEndingAfter(after)
    let to = from
    while (to < blocked.length && blocked[to]!.after < before) to += 1
    return [from, to]
  }

  private block(interval: Interval): void {
    const { blocked } = this
    const [from, to] = this.touching(interval)
    if (to === from) {
      blocked.splice(from, 0, interval)
      return
    }
    const joined = blocked[from]!
    joined.after = Math.min(joined.after, interval.after)
    joined.before = Math.max(blocked[to - 1]!.before, interval.before)
    if (to > from + 1) blocked.splice(from + 1, to - from - 1)
  }

  /** Whether any of it was blocked. */
  private unblock(interval: Interval): boolean {
    const { blocked } = this
    const [from, to] = this.touching(interval)
    if (to === from) return false
    const rest: Array<Interval> = []
    const { after } = blocked[from]!
    const { before } = blocked[to - 1]!
    if (after < interval.after) rest.push({ after, before: interval.after })
    if (before > interval.before) rest.push({ after: interval.before, before })
    blocked.splice(from, to - from, ...rest)
    return true
  }
}
