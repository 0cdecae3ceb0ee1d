/**
 * How answers are read. The platform's field tables are incomplete and at odds with what is on the wire, and a call that
 * succeeded must not fail for it: a field that is missing, `null` or not of its type is `undefined`; ids and counts may come
 * as text or as numbers; an entry of a list that is no entry is left out; fields that the schema does not name are kept.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as HttpExchange from "./HttpExchange.ts"

/** `undefined` in the place of what makes no sense. */
const orUndefined = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A | undefined, I | undefined> =>
  Schema.UndefinedOr(schema).annotations({ decodingFallback: () => Either.right(undefined) })

/**
 * The schemas of an object's fields.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = Readonly<Record<string, Schema.Schema.AnyNoContext>>

/**
 * An object with these fields, each of which may be missing.
 *
 * @since 0.1.0
 * @category models
 */
export type Partly<Known extends Fields> = {
  readonly [Name in keyof Known]?: Schema.Schema.Type<Known[Name]> | undefined
}

/**
 * A body with fields besides those that are known: they are sent as they are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Open {
  readonly [field: string]: unknown
}

/**
 * An object, each of whose fields may be missing or odd.
 *
 * @since 0.1.0
 * @category schemas
 */
export const record = <Known extends Fields>(fields: Known): Schema.Schema<Partly<Known>, unknown> =>
  // There are many of these, and a program reads few: they are made when they are first read.
  Schema.suspend(
    () =>
      Schema.Struct(
        Object.fromEntries(
          Object.entries(fields).map(([name, schema]) => [name, Schema.optional(orUndefined<unknown, unknown>(schema))])
        )
      ) as unknown as Schema.Schema<Partly<Known>, unknown>
  )

/**
 * A list without its entries that make no sense. `null` and nothing at all are lists without any.
 *
 * @since 0.1.0
 * @category schemas
 */
export const list = <A, I>(entry: Schema.Schema<A, I>): Schema.Schema<ReadonlyArray<A>, unknown> =>
  Schema.transform(Schema.NullishOr(Schema.Array(orUndefined(entry))), Schema.Array(Schema.typeSchema(entry)), {
    strict: true,
    decode: (entries) => (entries ?? []).filter((value) => value !== undefined),
    encode: (entries) => entries
  }) as unknown as Schema.Schema<ReadonlyArray<A>, unknown>

/**
 * Text.
 *
 * @since 0.1.0
 * @category schemas
 */
export const text: Schema.Schema<string> = Schema.String

/**
 * An id, or another number that is only handed on. A number too large to be exact is none: it would be another id.
 *
 * @since 0.1.0
 * @category schemas
 */
export const id: Schema.Schema<string, string | number> = Schema.transform(
  Schema.Union(Schema.String, Schema.Number.pipe(Schema.filter(Number.isSafeInteger))),
  Schema.String,
  { strict: true, decode: String, encode: (value) => value }
)

/**
 * Ids.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ids: Schema.Schema<ReadonlyArray<string>, unknown> = list(id)

/**
 * A whole number.
 *
 * @since 0.1.0
 * @category schemas
 */
export const integer: Schema.Schema<number, string | number> = Schema.transformOrFail(
  Schema.Union(Schema.String, Schema.Number),
  Schema.Number,
  {
    strict: true,
    decode: (value, _, ast) => {
      const whole = HttpExchange.wireInteger(value)
      return whole === undefined ? ParseResult.fail(new ParseResult.Type(ast, value)) : ParseResult.succeed(whole)
    },
    encode: (value) => ParseResult.succeed(value)
  }
)

/**
 * Yes or no, which comes as 1 or 0 too.
 *
 * @since 0.1.0
 * @category schemas
 */
export const flag: Schema.Schema<boolean, boolean | 0 | 1> = Schema.transform(
  Schema.Union(Schema.Boolean, Schema.Literal(0, 1)),
  Schema.Boolean,
  { strict: true, decode: (value) => value === true || value === 1, encode: (value) => value }
)

/**
 * The same schema under the name of an interface.
 *
 * @since 0.1.0
 * @category schemas
 */
export const as = <A>(schema: Schema.Schema<A, unknown>): Schema.Schema<A, unknown> => schema
