/**
 * Numbers on the command line, with one line about an invalid one.
 *
 * @since 0.1.0
 */
import * as CliOptions from "@effect/cli/Options"
import * as Option from "effect/Option"

/**
 * What a number is, and which are taken.
 *
 * @since 0.1.0
 * @category models
 */
export interface Range {
  /** In a message: `seconds`. Default: nothing. */
  readonly unit?: string | undefined
  readonly from: number
  /** Default: no limit. */
  readonly to?: number | undefined
}

/**
 * A whole number of a range.
 *
 * @since 0.1.0
 * @category options
 */
export const whole = (name: string, { from, to, unit }: Range): CliOptions.Options<number> => {
  const of = unit === undefined ? "a whole number" : `a whole number of ${unit}`
  const range = to === undefined ? `, ${from} at least` : ` from ${from} to ${to}`
  return CliOptions.text(name).pipe(
    CliOptions.withPseudoName("integer"),
    CliOptions.filterMap((text) => {
      const number = /^\d{1,15}$/.test(text.trim()) ? Number(text) : -1
      return number >= from && number <= (to ?? Number.MAX_SAFE_INTEGER) ? Option.some(number) : Option.none()
    }, `--${name} must be ${of}${range}`)
  )
}
