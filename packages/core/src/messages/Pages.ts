/**
 * Values in a ring of pages that are stored separately, so that a change writes one page whatever the number of values.
 *
 * A value stays on the page that it was put on: a crash between two writes leaves each page old or new, and loses no value. A
 * new page replaces the oldest one.
 *
 * @since 0.1.0
 */

/**
 * What can be kept in pages.
 *
 * @since 0.1.0
 * @category models
 */
export interface Paged {
  /** The number of its page, which a newer page may have replaced. */
  page: number | undefined
}

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
  readonly values: Array<A>
}

/**
 * The pages.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pages<A extends Paged> {
  /** A value is new or has changed. If its page was replaced, it is put on the newest page. */
  readonly touch: (value: A) => void
  readonly remove: (value: A) => void
  /** Loads a stored page with its values. Pages are loaded in order, before anything is touched. */
  readonly restore: (number: number, values: ReadonlyArray<A>) => void
  /**
   * The pages that have changed since they were last taken, newest first: if only some are stored, a value that has moved to
   * another page is stored twice rather than not at all.
   */
  readonly take: () => ReadonlyArray<Page<A>>
  /** Marks pages as changed that were taken and could not be stored. */
  readonly putBack: (pages: ReadonlyArray<Page<A>>) => void
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
 * Empty pages for at most `capacity` values, or {@link count} where that is more.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A extends Paged>(capacity: number): Pages<A> => {
  const perPage = Math.max(1, Math.floor(capacity / count))
  const ring: Array<Page<A> | undefined> = Array.from({ length: count }, () => undefined)
  const changed = new Set<Page<A>>()
  let newest: Page<A> | undefined

  const hasPlace = (page: Page<A>): boolean => ring[placeOf(page.number)] === page

  /** None if it was replaced. A value holds only the number of its page, because it may outlive the page. */
  const pageOf = (value: A): Page<A> | undefined => {
    const page = value.page === undefined ? undefined : ring[placeOf(value.page)]
    return page?.number === value.page ? page : undefined
  }

  const open = (number: number): Page<A> => {
    const page: Page<A> = { number, values: [] }
    const place = placeOf(number)
    const old = ring[place]
    if (old !== undefined) changed.delete(old)
    ring[place] = page
    newest = page
    return page
  }

  const put = (value: A, page: Page<A>): void => {
    value.page = page.number
    page.values.push(value)
  }

  return {
    touch: (value) => {
      const known = pageOf(value)
      if (known !== undefined) {
        changed.add(known)
        return
      }
      const page =
        newest === undefined || newest.values.length >= perPage
          ? open(newest === undefined ? 0 : newest.number + 1)
          : newest
      put(value, page)
      changed.add(page)
    },
    remove: (value) => {
      const page = pageOf(value)
      value.page = undefined
      if (page === undefined) return
      page.values.splice(page.values.indexOf(value), 1)
      changed.add(page)
    },
    restore: (number, values) => {
      const page = open(number)
      for (const value of values) put(value, page)
    },
    take: () => {
      const taken = [...changed].toSorted((a, b) => b.number - a.number)
      changed.clear()
      return taken
    },
    putBack: (pages) => {
      for (const page of pages) if (hasPlace(page)) changed.add(page)
    }
  }
}
