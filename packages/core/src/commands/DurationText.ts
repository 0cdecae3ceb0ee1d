/**
 * Durations as people write them: `90s`, `10m`, `1h30m`, `2 days`, `10分钟`, `1小时30分`, `半小时`, `两天`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

interface Unit {
  readonly millis: number
  /** As it is written; the others are read. */
  readonly symbol: string
  readonly names: ReadonlyArray<string>
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** Largest first: the parts of a duration come in this order. */
const units: ReadonlyArray<Unit> = [
  { millis: 7 * day, symbol: "w", names: ["w", "week", "weeks", "周", "星期", "礼拜"] },
  { millis: day, symbol: "d", names: ["d", "day", "days", "天", "日"] },
  { millis: hour, symbol: "h", names: ["h", "hr", "hrs", "hour", "hours", "小时", "时", "钟头"] },
  { millis: minute, symbol: "m", names: ["m", "min", "mins", "minute", "minutes", "分钟", "分"] },
  { millis: second, symbol: "s", names: ["s", "sec", "secs", "second", "seconds", "秒钟", "秒"] },
  { millis: 1, symbol: "ms", names: ["ms", "毫秒"] }
]

const unitOf = new Map(units.flatMap((unit) => unit.names.map((name) => [name, unit] as const)))

const longestFirst = [...unitOf.keys()].toSorted((one, other) => other.length - one.length)

/** Digits, or a Chinese number up to ninety-nine; `半` is a half. */
const amount = "(?:\\d{1,9}(?:\\.\\d{1,3})?|[零一二两三四五六七八九十]{1,3}|半)"

/** One part; a Chinese unit may have 个 before it and 半 behind it. */
const part = new RegExp(`(${amount})[ \\t]?个?(${longestFirst.join("|")})(半?)`, "iy")

const digits: ReadonlyMap<string, number> = new Map(
  [..."零一二三四五六七八九"].map((digit, value) => [digit, value] as const).concat([["两", 2]])
)

/** A Chinese number below a hundred; `undefined` for one that is not well formed. */
const chinese = (text: string): number | undefined => {
  const [tens, ones, ...more] = text.split("十")
  if (more.length > 0 || tens === undefined) return undefined
  if (ones === undefined) return digits.get(tens)
  const ten = tens === "" ? 1 : digits.get(tens)
  const one = ones === "" ? 0 : digits.get(ones)
  return ten === undefined || one === undefined || ten === 0 || (ones !== "" && one === 0) ? undefined : ten * 10 + one
}

const amountOf = (text: string): number | undefined => {
  if (text === "半") return 0.5
  return /^\d/.test(text) ? Number(text) : chinese(text)
}

/**
 * A duration that was read, and where reading goes on behind it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Read {
  readonly duration: Duration.Duration
  readonly next: number
}

/** The widths of full-width digits and letters do not matter, and neither does their case. */
const plain = (text: string): string =>
  text.replaceAll(/[\uFF01-\uFF5E]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0)).toLowerCase()

/**
 * Reads the duration that begins at `from`: amounts with their units, larger units first, each unit once. It has to end with
 * the word. `undefined` where there is none.
 *
 * @since 0.1.0
 * @category reading
 */
export const readAt = (whole: string, from: number): Read | undefined => {
  const text = plain(whole)
  let millis = 0
  let smallest = Number.POSITIVE_INFINITY
  let next = from
  for (;;) {
    part.lastIndex = next
    const found = part.exec(text)
    if (found === null) break
    const value = amountOf(found[1] ?? "")
    const unit = unitOf.get(found[2] ?? "")
    if (value === undefined || unit === undefined || unit.millis >= smallest) return undefined
    millis += (value + (found[3] === "半" ? 0.5 : 0)) * unit.millis
    smallest = unit.millis
    next = part.lastIndex
  }
  const ends = next > from && (next >= text.length || /\s/.test(text.charAt(next)))
  return ends ? { duration: Duration.millis(Math.round(millis)), next } : undefined
}

const beginning = new RegExp(`(?:\\d|半[个小天]|[零一二两三四五六七八九十]{1,3}个?(?:${longestFirst.join("|")}))`, "iy")

/**
 * Whether text looks as if a duration were meant: it begins with an amount.
 *
 * @since 0.1.0
 * @category guards
 */
export const looksLike = (text: string, from: number): boolean => {
  beginning.lastIndex = from
  return beginning.test(plain(text))
}

/**
 * Writes a duration in its units: `1h30m`, `10m`, `500ms`, `0s`. Fractions of a millisecond are left out; an infinite one is
 * written as `Infinity`, which is never read.
 *
 * @since 0.1.0
 * @category writing
 */
export const format = (duration: Duration.Duration): string => {
  let left = Math.round(Duration.toMillis(duration))
  if (!Number.isFinite(left)) return "Infinity"
  let written = ""
  for (const { millis, symbol } of units) {
    const count = Math.floor(left / millis)
    if (count === 0) continue
    written += `${count}${symbol}`
    left -= count * millis
  }
  return written === "" ? "0s" : written
}

/**
 * A duration in the form of {@link readAt}, with nothing around it but space.
 *
 * @since 0.1.0
 * @category schemas
 */
export const DurationText: Schema.Schema<Duration.Duration, string> = Schema.transformOrFail(
  Schema.String,
  Schema.DurationFromSelf,
  {
    strict: true,
    decode: (text, _, ast) => {
      const trimmed = text.trim()
      const read = readAt(trimmed, 0)
      return read?.next === trimmed.length
        ? ParseResult.succeed(read.duration)
        : ParseResult.fail(new ParseResult.Type(ast, text, "a duration is written as 10m, 1h30m or 10分钟"))
    },
    encode: (duration, _, ast) =>
      Duration.isFinite(duration)
        ? ParseResult.succeed(format(duration))
        : ParseResult.fail(new ParseResult.Type(ast, duration, "an infinite duration cannot be written"))
  }
)
