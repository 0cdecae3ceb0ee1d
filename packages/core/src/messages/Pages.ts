/**
 * Values in a ring of pages that are stored separately, so that a change writes one page whatever the number of values.
 *
 * A value stays on the page that it was put on: a crash between two writes leaves each page old or new, and loses no value. A
 * new page replaces the oldest one.
 *
 * @since 0.1.0
 */

/**
 * One page.
 *
 * @since 0.1.0
 * @category models
 */
export interface Page<A> {
  /** Pages are counted from 0. */
  readonly number: number
  /** In insertion order. */
  readonly values: ReadonlyArray<A>
}

/**
 * Where it is kept on which page each value is: the number of a page, which a newer one may have replaced, or `-1`.
 *
 * @since 0.1.0
 * @category models
 */
export interface PageNumbers<A> {
  readonly pageOf: (value: A) => number
  readonly setPage: (value: A, page: number) => void
}

interface MutablePage<A> extends Page<A> {
  readonly values: Array<A>
}

/**
 * The number of pages: more pages need more reads at the start, and fewer bytes written at a change.
 *
 * @since 0.1.0
 * @category constants
 */
export const count = 16

/**
 * The place of a page in the ring.
 *
 * @since 0.1.0
 * @category lookups
 */
export const placeOf = (page: number): number => page % count

/**
 * The pages of at most `capacity` values, or {@link count} where that is more.
 *
 * @since 0.1.0
 * @category models
 */
export class Pages<A> {
  private readonly perPage: number
  private readonly numbers: PageNumbers<A>
  private readonly ring: Array<MutablePage<A> | undefined> = Array.from({ length: count }, () => undefined)
  private readonly changed = new Set<MutablePage<A>>()
  private newest: MutablePage<A> | undefined

  constructor(capacity: number, numbers: PageNumbers<A>) {
    this.perPage = Math.max(1, Math.floor(capacity / count))
    this.numbers = numbers
  }

  /** A value is new or has changed. If its page was replaced, it is put on the newest page. */
  touch(value: A): void {
    const known = this.of(value)
    if (known !== undefined) {
      this.changed.add(known)
      return
    }
    const { newest } = this
    const page =
      newest === undefined || newest.values.length >= this.perPage
        ? this.open(newest === undefined ? 0 : newest.number + 1)
        : newest
    this.put(value, page)
    this.changed.add(page)
  }

  remove(value: A): void {
    const page = this.of(value)
    this.numbers.setPage(value, -1)
    if (page === undefined) return
    page.values.splice(page.values.indexOf(value), 1)
    this.changed.add(page)
  }

  /** Loads a stored page with its values. Pages are loaded in order, before anything is touched. */
  restore(number: number, values: ReadonlyArray<A>): void {
    const page = this.open(number)
    for (const value of values) this.put(value, page)
  }

  /**
   * The pages that have changed since they were last taken, newest first: if only some are stored, a value that has moved to
   * another page is stored twice rather than not at all.
   */
  take(): ReadonlyArray<Page<A>> {
    const taken = [...this.changed].toSorted((a, b) => b.number - a.number)
    this.changed.clear()
    return taken
  }

  /** Marks pages as changed that were taken and could not be stored. */
  putBack(pages: ReadonlyArray<{ readonly number: number }>): void {
    for (const { number } of pages) {
      const page = this.at(number)
      if (page !== undefined) this.changed.add(page)
    }
  }

  /** The page of this number, unless it was replaced. */
  private at(number: number): MutablePage<A> | undefined {
    const page = number < 0 ? undefined : this.ring[placeOf(number)]
    return page?.number === number ? page : undefined
  }

  /** A value holds only the number of its page, because it may outlive the page. */
  private of(value: A): MutablePage<A> | undefined {
    return this.at(this.numbers.pageOf(value))
  }

  private open(number: number): MutablePage<A> {
    const page: MutablePage<A> = { number, values: [] }
    const place = placeOf(number)
    const old = this.ring[place]
    if (old !== undefined) this.changed.delete(old)
    this.ring[place] = page
    this.newest = page
    return page
  }

  private put(value: A, page: MutablePage<A>): void {
    this.numbers.setPage(value, page.number)
    page.values.push(value)
  }
}
