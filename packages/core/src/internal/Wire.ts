/**
 * Reads fields of values from the wire that no schema has looked at. None of these throws, whatever it is given.
 *
 * @since 0.1.0
 */

/**
 * Something from the wire, to be looked at field by field.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = Readonly<Record<string, unknown>>

/**
 * Whether a value is an object with fields; an array is none.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRecord = (value: unknown): value is Readonly<Record<PropertyKey, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const noFields: Fields = {}

/**
 * The fields of an object; none of anything else.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fieldsOf = (value: unknown): Fields => (isRecord(value) ? value : noFields)

/**
 * An object; `undefined` for anything else.
 *
 * @since 0.1.0
 * @category decoding
 */
export const recordOf = (value: unknown): Fields | undefined => (isRecord(value) ? value : undefined)

/**
 * The items of a list; none of anything else.
 *
 * @since 0.1.0
 * @category decoding
 */
export const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/**
 * A text that is not empty, or a whole number as text unless it is so large that digits are lost: two ids that differ must
 * not become the same one.
 *
 * @since 0.1.0
 * @category decoding
 */
export const textOf = (value: unknown): string | undefined => {
  if (typeof value === "string") return value === "" ? undefined : value
  return Number.isSafeInteger(value) ? String(value) : undefined
}

/**
 * A field of an object; `undefined` for anything without fields.
 *
 * @since 0.1.0
 * @category decoding
 */
export const field = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined)

/**
 * A field that is text, else `""`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const textField = (value: unknown, name: string): string => {
  const found = field(value, name)
  return typeof found === "string" ? found : ""
}

/**
 * A field that is a finite number, else `undefined`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const numberField = (value: unknown, name: string): number | undefined => {
  const found = field(value, name)
  return typeof found === "number" && Number.isFinite(found) ? found : undefined
}

/**
 * A reason from the wire for people to read: at most 123 characters, those that cannot be printed as spaces.
 *
 * @since 0.1.0
 * @category decoding
 */
export const printable = (reason: string): string => reason.replace(/[^\x20-\x7e\u4e00-\u9fff]/g, " ").slice(0, 123)
