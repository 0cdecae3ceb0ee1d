/**
 * Civil dates from epoch milliseconds by arithmetic alone, so that the model needs no clock and no time zone of its host.
 *
 * Source of the algorithm: H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
 *
 * @since 0.1.0
 */

const pad = (value: number, width: number): string => value.toString().padStart(width, "0")

/**
 * `2026-09-21T10:00:01+08:00`: the platform's own form, always in the time of China, without fractions of a second.
 *
 * @since 0.1.0
 * @category formatting
 */
export const rfc3339 = (epochMillis: number): string => {
  const seconds = Math.floor(epochMillis / 1000) + 8 * 3600
  const days = Math.floor(seconds / 86_400)
  const ofDay = seconds - days * 86_400
  // The years of this calendar begin in March, so that the leap day is a year's last.
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const time = [Math.floor(ofDay / 3600), Math.floor((ofDay % 3600) / 60), ofDay % 60]
    .map((part) => pad(part, 2))
    .join(":")
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${time}+08:00`
}
