/**
 * Moments under one limit, as an array that a database keeps.
 *
 * @since 0.1.0
 */

/** Whether no more than `limit` moments, this one included, lie in any stretch around it that is shorter than `length`. */
const isFree = (moments: ReadonlyArray<number>, moment: number, limit: number, length: number): boolean => {
  const around = [...moments.filter((other) => Math.abs(other - moment) < length), moment].toSorted((a, b) => a - b)
  for (let first = 0; first + limit < around.length; first++) {
    const from = around[first] ?? 0
    const to = around[first + limit] ?? 0
    if (to - from < length && from <= moment && moment <= to) return false
  }
  return true
}

/**
 * The first free moment from `from` on. Moments and lengths are in milliseconds, in any order.
 *
 * @since 0.1.0
 * @category lookups
 */
export const firstFree = (moments: ReadonlyArray<number>, from: number, limit: number, length: number): number => {
  const later = moments.map((moment) => moment + length).filter((moment) => moment > from)
  return [from, ...later.toSorted((a, b) => a - b)].find((moment) => isFree(moments, moment, limit, length)) ?? from
}
