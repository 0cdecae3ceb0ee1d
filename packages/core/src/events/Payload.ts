/**
 * How a payload becomes the fields of an event.
 *
 * A payload that is as its schema says, as nearly all are, is looked at and its fields are taken as they are: that costs a
 * fraction of what parsing by Schema does, and makes nothing but the event itself. What is nested in the event is therefore
 * the payload's own, which is never changed. Any other payload is read leniently by Schema: an optional field must not
 * cost the event. There a number stands for text where text belongs, decimal digits stand for a number where a number
 * belongs, and an optional field of any other wrong type is `null`.
 *
 * JSON numbers above 2^53 have lost their last digits before anybody can look at them. Forum events are known to bring ids
 * in this form: such an id is text here, and still the wrong one.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as Wire from "../internal/Wire.ts"

/**
 * A field that may be missing. Absent, `null` and present are all seen on the wire.
 *
 * @since 0.1.0
 * @category schemas
 */
export const optional = <A, I>(schema: Schema.Schema<A, I>): Schema.optional<Schema.NullOr<Schema.Schema<A, I>>> =>
  Schema.optional(Schema.NullOr(schema))

/**
 * Gives an event, which is new, the fields of its payload. Says what is wrong where it cannot.
 *
 * @since 0.1.0
 * @category models
 */
export type Reader = (payload: unknown, event: object) => ParseResult.ParseError | undefined

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === "string"
const isNumber: Check = (value) => typeof value === "number"
const isBoolean: Check = (value) => typeof value === "boolean"
const isAnything: Check = () => true
const isNothing: Check = () => false

const membersOf = (ast: AST.AST): ReadonlyArray<AST.AST> => (AST.isUnion(ast) ? ast.types.flatMap(membersOf) : [ast])

const checkOfUnion = (ast: AST.Union): Check => {
  const members = membersOf(ast)
  const isNullable = members.includes(AST.null)
  const isOptional = members.some(AST.isUndefinedKeyword)
  const [first = isNothing, ...others] = members
    .filter((member) => member !== AST.null && !AST.isUndefinedKeyword(member))
    .map(checkOf)
  const check: Check = others.length === 0 ? first : (value) => first(value) || others.some((other) => other(value))
  return (value) => (value === null ? isNullable : value === undefined ? isOptional : check(value))
}

const checkOfArray = (ast: AST.TupleType): Check => {
  const [rest, ...more] = ast.rest
  if (rest === undefined || more.length > 0 || ast.elements.length > 0) return isNothing
  const check = checkOf(rest.type)
  return (value) => {
    if (!Array.isArray(value)) return false
    for (const element of value) if (!check(element)) return false
    return true
  }
}

interface Field {
  readonly name: PropertyKey
  readonly check: Check
}

const fieldsOfStruct = (ast: AST.TypeLiteral): ReadonlyArray<Field> =>
  ast.propertySignatures.map(({ name, type }) => ({ name, check: checkOf(type) }))

const checkOfStruct = (ast: AST.TypeLiteral): Check => {
  const fields = fieldsOfStruct(ast)
  return (value) => {
    if (!Wire.isRecord(value)) return false
    for (const field of fields) if (!field.check(value[field.name])) return false
    return true
  }
}

/** Whether a value is as a schema says. Of a kind of schema that is not used for payloads: never, so Schema decides. */
const checkOf = (ast: AST.AST): Check => {
  switch (ast._tag) {
    case "StringKeyword":
      return isText
    case "NumberKeyword":
      return isNumber
    case "BooleanKeyword":
      return isBoolean
    case "UnknownKeyword":
      return isAnything
    case "Union":
      return checkOfUnion(ast)
    case "TupleType":
      return checkOfArray(ast)
    case "TypeLiteral":
      return checkOfStruct(ast)
    default:
      return isNothing
  }
}

const textOrNumber = Schema.Union(
  Schema.String,
  Schema.transform(Schema.Number, Schema.String, { strict: true, decode: String, encode: Number })
).ast

/** At most fifteen digits: more could be an id, which a number could not hold. */
const digits = Schema.String.pipe(Schema.pattern(/^-?\d{1,15}$/))

const numberOrDigits = Schema.Union(
  Schema.Number,
  Schema.transform(digits, Schema.Number, { strict: true, decode: Number, encode: String })
).ast

/** Where both text and numbers are expected, each is what it is. */
const lenientUnion = (ast: AST.Union): AST.AST => {
  const members = membersOf(ast)
  const isMixed = members.some(AST.isStringKeyword) && members.some(AST.isNumberKeyword)
  return AST.Union.make(
    members.map((member) =>
      isMixed && (AST.isStringKeyword(member) || AST.isNumberKeyword(member)) ? member : lenient(member)
    )
  )
}

const orNull = (ast: AST.AST): AST.AST =>
  AST.annotations(ast, { [AST.DecodingFallbackAnnotationId]: () => Either.right(null) })

const lenient = (ast: AST.AST): AST.AST => {
  switch (ast._tag) {
    case "StringKeyword":
      return textOrNumber
    case "NumberKeyword":
      return numberOrDigits
    case "Union":
      return lenientUnion(ast)
    case "TupleType":
      return new AST.TupleType(
        ast.elements,
        ast.rest.map(({ annotations, type }) => new AST.Type(lenient(type), annotations)),
        ast.isReadonly
      )
    case "TypeLiteral":
      return new AST.TypeLiteral(
        ast.propertySignatures.map(({ annotations, isOptional, isReadonly, name, type }) => {
          const read = lenient(type)
          return new AST.PropertySignature(name, isOptional ? orNull(read) : read, isOptional, isReadonly, annotations)
        }),
        ast.indexSignatures
      )
    default:
      return ast
  }
}

/** Of what is no struct: Schema decides. */
const undecided: ReadonlyArray<Field> = [{ name: "", check: isNothing }]

/** Takes what is as its schema says, field by field. An event that gets all its fields from a copy costs many times more. */
const take = (fields: ReadonlyArray<Field>, payload: unknown, event: object): boolean => {
  if (!Wire.isRecord(payload)) return false
  const target = event as Record<PropertyKey, unknown>
  for (const { check, name } of fields) {
    const value = payload[name]
    if (!check(value)) return false
    if (value !== undefined) target[name] = value
  }
  return true
}

/**
 * A reader of payloads of this schema. Nothing is compiled before the first payload comes, and nothing of
 * the lenient reading before the first that needs it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reader = (schema: { readonly ast: AST.AST }): Reader => {
  let fields: ReadonlyArray<Field> | undefined
  let decodeLeniently: ((payload: unknown) => Either.Either<object, ParseResult.ParseError>) | undefined
  return (payload, event) => {
    fields ??= AST.isTypeLiteral(schema.ast) ? fieldsOfStruct(schema.ast) : undecided
    if (take(fields, payload, event)) return undefined
    decodeLeniently ??= Schema.decodeUnknownEither(Schema.make<object, unknown>(lenient(schema.ast)))
    const decoded = decodeLeniently(payload)
    if (Either.isLeft(decoded)) return decoded.left
    Object.assign(event, decoded.right)
    return undefined
  }
}
