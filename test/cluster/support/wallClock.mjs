/** The wall clock of a runner, which a test sets. Imported first: nothing has read the clock before. */
const { clockOffset = 0 } = JSON.parse(process.env.TEST_RUNNER)
const RealDate = globalThis.Date

let offset = clockOffset

/** Moves the wall clock so far from the right time, in milliseconds. */
export const setWallClock = (to) => {
  offset = to
}

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + offset)
    else super(...parts)
  }
  static now() {
    return RealDate.now() + offset
  }
}
