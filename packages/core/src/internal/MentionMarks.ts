/**
 * The characters that a mention is made of inside a text: noncharacters of Unicode, which no text that is interchanged has.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category constants
 */
export const marks = { begin: "\uFDD0", middle: "\uFDD1", end: "\uFDD2", everyone: "\uFDD3" } as const

/**
 * A text from outside, which may not have them: else its author could mention somebody through a bot that repeats it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const strip = (text: string): string =>
  /[\uFDD0-\uFDD3]/.test(text) ? text.replaceAll(/[\uFDD0-\uFDD3]/g, "") : text
