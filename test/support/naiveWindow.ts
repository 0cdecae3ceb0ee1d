/** Sliding windows by their definition alone: every stretch is counted again for every question. */

/** At most `limit` of the reserved moments in any stretch that is shorter than `length`. */
export interface Window {
  readonly limit: number
  readonly length: number
  readonly reserved: ReadonlyArray<number>
}

/** Whether no stretch holds more than the limit. */
export const isWithin = ({ length, limit, reserved }: Window): boolean =>
  reserved.every((start) => reserved.filter((other) => other >= start && other - start < length).length <= limit)

/** The first whole moment from `from` on that can be reserved in all of these windows. */
export const firstFree = (windows: ReadonlyArray<Window>, from: number): number => {
  for (let at = from; ; at++) {
    if (windows.every((window) => isWithin({ ...window, reserved: [...window.reserved, at] }))) return at
  }
}
