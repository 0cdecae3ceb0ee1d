/**
 * Times as the platform writes them.
 *
 * @since 0.1.0
 */

/** RFC 3339, and what Go prints: `2023-11-06 13:37:18.5 +0800 CST m=+0.1`. */
const written = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))? ?(?:(Z)|([+-])(\d\d):?(\d\d))(?:$| )/i

const numeric = /^\d{1,15}$/

/** Seconds until the year 5138; milliseconds since 1973. */
const leastMillis = 100_000_000_000

/** The largest number that a date can be. */
const mostMillis = 8_640_000_000_000_000

const ofNumber = (value: number): number | undefined => {
  const millis = value < leastMillis ? value * 1000 : value
  return value > 0 && millis <= mostMillis ? millis : undefined
}

const ofText = (text: string): number | undefined => {
  if (numeric.test(text)) return ofNumber(Number(text))
  const parts = written.exec(text)
  if (parts === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number)
  const offsetHours = Number(parts[10] ?? 0)
  const offsetMinutes = Number(parts[11] ?? 0)
  // the year 1 is Go's word for no time
  if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return undefined
  if (offsetHours > 23 || offsetMinutes > 59) return undefined
  // a day that the month does not have would be one of the next
  if (Date.UTC(year, month - 1, day) > Date.UTC(year, month, 0)) return undefined
  const millis = Number((parts[7] ?? "").padEnd(3, "0").slice(0, 3))
  const offset = (offsetHours * 60 + offsetMinutes) * (parts[9] === "-" ? -60_000 : 60_000)
  return Date.UTC(year, month - 1, day, hour, minute, second, millis) - offset
}

/**
 * Milliseconds since 1970, of all forms that have been seen: RFC 3339, what Go prints of a time, seconds or milliseconds as a
 * number or as digits. `undefined` for anything else. Never throws.
 *
 * Source: satori's QQ adapter for Go's form, which some bots got in 2023.
 *
 * @example
 * ```ts
 * import { Timestamp } from "@effect-qq/core"
 *
 * Timestamp.toMillis("2026-09-21T10:00:01+08:00") // 1789956001000
 * Timestamp.toMillis("2023-11-06 13:37:18 +0800 CST m=+5.1") // 1699249038000
 * Timestamp.toMillis(1789956000) // 1789956000000
 * ```
 *
 * @since 0.1.0
 * @category decoding
 */
export const toMillis = (value: unknown): number | undefined => {
  if (typeof value === "string") return ofText(value)
  return typeof value === "number" ? ofNumber(value) : undefined
}
