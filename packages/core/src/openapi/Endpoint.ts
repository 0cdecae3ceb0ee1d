/**
 * What an endpoint of the API is, as data, and the one interpreter that makes calls of it: the path is filled in, the query
 * checked, the answer read, and what may safely happen twice is tried again. The rows are in `Endpoints.ts`; with
 * {@link make} a program adds rows of its own.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Types from "effect/Types"
import * as ApiError from "./ApiError.ts"
import { type EndpointError, Retries, UnexpectedAnswer } from "./EndpointRetries.ts"
import * as OpenApi from "./OpenApi.ts"
import * as Path from "./Path.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Names
} from "./Path.ts"

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  type EndpointError,
  /**
   * @since 0.1.0
   * @category references
   */
  Retries,
  /**
   * @since 0.1.0
   * @category schedules
   */
  transient,
  /**
   * @since 0.1.0
   * @category errors
   */
  UnexpectedAnswer
} from "./EndpointRetries.ts"

/**
 * A body of this type, sent as JSON. `undefined` in the type makes it optional.
 *
 * @since 0.1.0
 * @category models
 */
export interface Json<Body> {
  readonly _Body?: Types.Invariant<Body>
}

/**
 * Says what the body of a row is. It goes out as the caller gives it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const json = <Body>(): Json<Body> => ({})

/**
 * Kinds of emoji: 1 of the system, 2 of Unicode.
 *
 * @since 0.1.0
 * @category models
 */
export type EmojiType = 1 | 2

/** What stands for a name of a path: ids are text. */
type ValueOf<Name extends string> = Name extends "emojiType" ? EmojiType : string

type BodyOf<Body> = [Body] extends [never]
  ? {}
  : undefined extends Body
    ? { readonly body?: Body }
    : { readonly body: Body }

/**
 * What a caller gives: the ids of the path, the parameters of the query and those of the headers, all by name, and the
 * `body`.
 *
 * @since 0.1.0
 * @category models
 */
export type Input<
  Template extends string,
  Query extends Schema.Struct.Fields,
  Header extends string,
  Body
> = Types.Simplify<
  { readonly [Name in Path.Names<Template>]: ValueOf<Name> } & Schema.Struct.Type<Query> & {
      readonly [Name in Header]: string
    } & BodyOf<Body>
>

/**
 * A row of the table.
 *
 * @since 0.1.0
 * @category models
 */
export interface Row<Template extends string, Query extends Schema.Struct.Fields, Header extends string, Body, A> {
  readonly method: OpenApi.Request["method"]
  /** Ids stand in it as names in braces: `/guilds/{guild}`. */
  readonly path: Template
  readonly query?: Query | undefined
  /** Headers that carry a parameter, by the name of the parameter. */
  readonly headers?: { readonly [Name in Header]: string } | undefined
  readonly body?: Json<Body> | undefined
  /** Default: nothing is read of the answer. */
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever is on the wire
  readonly answer?: Schema.Schema<A, any> | undefined
  /** How long a call may take. Default 15 s. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Where the endpoint is documented, with its kind: `[doc]`, `[sdk]`, `[field]` or `[unsure]`. */
  readonly source: string
}

/**
 * What a call was answered with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer<A> {
  /** What is understood of the body. */
  readonly value: A
  /** The body as it came, with every field; `undefined` when there was none. */
  readonly raw: unknown
  readonly status: number
  readonly traceId?: string | undefined
}

/**
 * How one call is made.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallOptions {
  /** For each attempt. Default: that of the endpoint, which is 15 s unless its documentation says otherwise. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * What a call takes; nothing where the endpoint needs nothing.
 *
 * @since 0.1.0
 * @category models
 */
export type Call<Given> = {} extends Given
  ? [input?: Given, options?: CallOptions]
  : [input: Given, options?: CallOptions]

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("@effect-qq/core/Endpoint")

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * An endpoint: a function that calls it, which fails with `UnexpectedAnswer` and as `OpenApi` does, and the row behind it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Endpoint<Given, A> {
  // no doc comment: an editor would show it in the place of that of the endpoint
  (...call: Call<Given>): Effect.Effect<A, EndpointError, OpenApi.OpenApi>
  /** Calls it, for who wants the body as it came, the status or the trace id beside the value. */
  readonly answer: (...call: Call<Given>) => Effect.Effect<Answer<A>, EndpointError, OpenApi.OpenApi>
  readonly [TypeId]: TypeId
  readonly method: OpenApi.Request["method"]
  readonly path: string
  /** Whether it may safely happen twice, and is therefore tried again after a failure that passes. */
  readonly repeatable: boolean
  readonly source: string
}

/**
 * An endpoint that answers with a page of a list.
 *
 * @since 0.1.0
 * @category models
 */
export interface Paged<Given, A, Item> extends Endpoint<Given, A> {
  /**
   * The whole list from here on. Pages are asked for one by one as the stream is pulled. It ends with the page that says so,
   * or that brings nothing; it fails with `UnexpectedAnswer` where the platform leads it in a circle.
   */
  readonly stream: (...call: Call<Given>) => Stream.Stream<Item, EndpointError, OpenApi.OpenApi>
}

/**
 * Whether this is an endpoint.
 *
 * @since 0.1.0
 * @category guards
 */
export const isEndpoint = (value: unknown): value is Endpoint<never, unknown> =>
  typeof value === "function" && TypeId in value

const notSent = (detail: string): ApiError.ApiUnavailable =>
  new ApiError.ApiUnavailable({ reason: "Malformed", outcome: "not-sent", detail })

const oddityOf = (body: unknown): string => {
  if (body === undefined) return "it has no body"
  if (body === null) return "its body is null"
  if (Array.isArray(body)) return "its body is a list"
  return typeof body === "object" ? "its body lacks what it is about" : `its body is a ${typeof body}`
}

type Fields = Readonly<Record<string, unknown>>

/**
 * An endpoint of a row.
 *
 * @example
 * ```ts
 * import { Endpoint } from "@effect-qq/core"
 * import { Schema } from "effect"
 *
 * // an endpoint that this library does not know yet
 * const getBadges = Endpoint.make({
 *   method: "GET",
 *   path: "/v2/groups/{group}/badges",
 *   query: { limit: Schema.optional(Schema.Number) },
 *   answer: Schema.Struct({ badges: Schema.Array(Schema.String) }),
 *   source: "an announcement of the platform"
 * })
 *
 * const badges = getBadges({ group: "B93F0E62D7A1485CBC20F4E1A97D5368", limit: 10 })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  const Template extends string,
  Query extends Schema.Struct.Fields = {},
  Header extends string = never,
  Body = never,
  A = void
>(
  row: Row<Template, Query, Header, Body, A>
): Endpoint<Input<Template, Query, Header, Body>, A> => {
  const { method, path, source } = row
  const repeatable = method === "GET"
  const endpoint = `${method} ${path}`
  const headers = Object.entries<string>(row.headers ?? {})
  const query = row.query === undefined ? undefined : (Schema.Struct(row.query) as unknown as Schema.Schema<unknown>)
  // Parsers are made when they are first needed, and remembered by their schemas.
  const readQuery = (input: Fields): Either.Either<unknown, unknown> =>
    query === undefined ? Either.right(undefined) : Schema.encodeUnknownEither(query)(input)
  const readAnswer = (body: unknown): Either.Either<A, unknown> =>
    row.answer === undefined
      ? Either.right(undefined as A)
      : Schema.decodeUnknownEither(row.answer, { onExcessProperty: "preserve" })(body)

  const build = (input: Fields, options: CallOptions): Either.Either<OpenApi.Request, ApiError.ApiUnavailable> =>
    Either.gen(function* () {
      const filled = Path.fill(path, input)
      if (filled === undefined) {
        return yield* Either.left(notSent(`an id in the path of ${endpoint} is missing, or is none`))
      }
      const parameters = yield* Either.mapLeft(readQuery(input), () =>
        notSent(`a parameter of ${endpoint} is missing or not of its type`)
      )
      return {
        method,
        path: filled,
        query: parameters as OpenApi.Request["query"],
        body: row.body === undefined ? undefined : input["body"],
        headers: Object.fromEntries(headers.map(([name, header]) => [header, String(input[name] ?? "")])),
        timeout: options.timeout ?? row.timeout
      }
    })

  const understand = (response: OpenApi.Response): Effect.Effect<Answer<A>, UnexpectedAnswer> => {
    const { body: raw, status, traceId } = response
    // What was done is done, whether or not there is anything to say about it.
    const told = repeatable ? raw : (raw ?? {})
    return Either.match(readAnswer(told), {
      onLeft: () => Effect.fail(new UnexpectedAnswer({ endpoint, status, traceId, detail: oddityOf(raw) })),
      onRight: (value) => Effect.succeed({ value, raw, status, traceId })
    })
  }

  const answer = (
    input: Fields = {},
    options: CallOptions = {}
  ): Effect.Effect<Answer<A>, EndpointError, OpenApi.OpenApi> => {
    const attempt = Effect.flatMap(build(input, options), (request) =>
      Effect.flatMap(OpenApi.OpenApi, (api) => api.request(request)).pipe(
        Effect.catchTag("ApiError", (error) =>
          error.class === "idempotent_ok"
            ? Effect.succeed<OpenApi.Response>({ status: error.status, body: undefined, traceId: error.traceId })
            : Effect.fail(error)
        ),
        Effect.flatMap(understand)
      )
    )
    return repeatable ? Effect.flatMap(Retries, (schedule) => Effect.retry(attempt, schedule)) : attempt
  }

  return Object.assign(
    (input?: Fields, options?: CallOptions) => Effect.map(answer(input, options), ({ value }) => value),
    { [TypeId]: TypeId, answer, method, path, repeatable, source } as const
  ) as unknown as Endpoint<Input<Template, Query, Header, Body>, A>
}

/**
 * How one page leads to the next.
 *
 * @since 0.1.0
 * @category models
 */
export interface Paging<Given, A, Item> {
  /** The parameter that says where a page begins. */
  readonly parameter: keyof Given & string
  /** The `limit` of a page unless the caller says otherwise. Default: none is sent. */
  readonly limit?: number | undefined
  readonly items: (answer: A) => ReadonlyArray<Item>
  /** Where the next page begins; `undefined` or empty after the last one. `from` is where this one did. */
  readonly next: (answer: A, from: string | undefined) => string | undefined
  /** What tells items apart, where a page may repeat some of the page before it. */
  readonly key?: ((item: Item) => string | undefined) | undefined
}

/**
 * Pages that are lists, each of which begins after the last item of the one before it. A page that ends where it began is
 * the last.
 *
 * @since 0.1.0
 * @category constructors
 */
export const following = <Item>(
  key: (item: Item) => string | undefined
): Pick<Paging<unknown, ReadonlyArray<Item>, Item>, "items" | "next" | "key"> => ({
  key,
  items: (page) => page,
  next: (page, from) => {
    const last = page.map(key).findLast((name) => name !== undefined)
    return last === from ? undefined : last
  }
})

/** Finds out with one remembered place whether places repeat, however long the circle: Brent's algorithm. */
interface Circle {
  readonly mark: string | undefined
  readonly steps: number
  readonly span: number
}

const walk = ({ mark, span, steps }: Circle, place: string): Circle | undefined => {
  if (place === mark) return undefined
  return steps + 1 === span ? { mark: place, steps: 0, span: span * 2 } : { mark, steps: steps + 1, span }
}

interface Position {
  readonly from: string | undefined
  readonly circle: Circle
  readonly before: ReadonlySet<string>
}

/**
 * An endpoint whose pages make one stream.
 *
 * @since 0.1.0
 * @category constructors
 */
export const paged = <
  const Template extends string,
  Item,
  Query extends Schema.Struct.Fields = {},
  Header extends string = never,
  Body = never,
  A = void
>(
  row: Row<Template, Query, Header, Body, A>,
  paging: Paging<NoInfer<Input<Template, Query, Header, Body>>, NoInfer<A>, Item>
): Paged<Input<Template, Query, Header, Body>, A, Item> => {
  const { items, key, limit, next, parameter } = paging
  const endpoint = make(row)
  const answer = endpoint.answer as unknown as (
    input: Fields,
    options?: CallOptions
  ) => ReturnType<typeof endpoint.answer>
  const stream = (input?: Fields, options?: CallOptions): Stream.Stream<Item, EndpointError, OpenApi.OpenApi> => {
    const page = (
      position: Position
    ): Effect.Effect<readonly [Chunk.Chunk<Item>, Option.Option<Position>], EndpointError, OpenApi.OpenApi> => {
      const given = {
        ...(limit === undefined ? {} : { limit }),
        ...input,
        ...(position.from === undefined ? {} : { [parameter]: position.from })
      }
      return Effect.flatMap(answer(given, options), ({ status, traceId, value }) => {
        const all = items(value)
        const keys = key === undefined ? [] : all.map(key)
        const fresh = key === undefined ? all : all.filter((_, index) => !position.before.has(keys[index] ?? ""))
        const from = next(value, position.from)
        const chunk = Chunk.fromIterable(fresh)
        if (from === undefined || from === "" || all.length === 0) {
          return Effect.succeed([chunk, Option.none()] as const)
        }
        const circle = walk(position.circle, from)
        if (circle === undefined) {
          return new UnexpectedAnswer({
            endpoint: `${endpoint.method} ${endpoint.path}`,
            status,
            traceId,
            detail: "its pages lead in a circle"
          })
        }
        const before = new Set(keys.filter((name) => name !== undefined))
        return Effect.succeed([chunk, Option.some({ from, circle, before })] as const)
      })
    }
    const given = input?.[parameter]
    const from = given === undefined ? undefined : String(given)
    const first: Position = { from, circle: { mark: from, steps: 0, span: 1 }, before: new Set() }
    return Stream.paginateChunkEffect(first, page)
  }
  return Object.assign(endpoint, { stream }) as unknown as Paged<Input<Template, Query, Header, Body>, A, Item>
}
