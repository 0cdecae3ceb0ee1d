/**
 * First in, first out, for lists that may grow to tens of thousands: an array of that size would be moved at each shift.
 *
 * @since 0.1.0
 */

/**
 * A list whose first entry is cheap to take. Taking or inserting in the middle looks at all entries.
 *
 * @since 0.1.0
 * @category models
 */
export class Fifo<A> {
  // the places before `first` are empty; the array is moved once half of it is
  private entries: Array<A | undefined> = []
  private first = 0

  get length(): number {
    return this.entries.length - this.first
  }

  /** The entry that was added last. */
  get last(): A | undefined {
    return this.length === 0 ? undefined : this.entries[this.entries.length - 1]
  }

  /** A copy of the entries, the first first. */
  toArray(): ReadonlyArray<A> {
    return this.entries.slice(this.first) as ReadonlyArray<A>
  }

  push(entry: A): void {
    this.entries.push(entry)
  }

  /** Takes the first entry. */
  shift(): A | undefined {
    if (this.length === 0) return undefined
    const entry = this.entries[this.first]
    this.entries[this.first++] = undefined
    if (this.first * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.first)
      this.first = 0
    }
    return entry
  }

  /** Takes the first entry that matches. */
  take(matches: (entry: A) => boolean): A | undefined {
    const place = this.placeOf(matches)
    return place < 0 ? undefined : this.entries.splice(place, 1)[0]
  }

  /** Removes an entry. `false`: it is not in the list. */
  remove(entry: A): boolean {
    const place = this.entries.indexOf(entry, this.first)
    if (place < 0) return false
    this.entries.splice(place, 1)
    return true
  }

  /** Inserts an entry before the first one that matches, at the end where none does. */
  insert(entry: A, before: (entry: A) => boolean): void {
    const place = this.placeOf(before)
    if (place < 0) this.push(entry)
    else this.entries.splice(place, 0, entry)
  }

  private placeOf(matches: (entry: A) => boolean): number {
    for (let place = this.first; place < this.entries.length; place++) {
      // the places from `first` on are filled
      if (matches(this.entries[place] as A)) return place
    }
    return -1
  }
}
