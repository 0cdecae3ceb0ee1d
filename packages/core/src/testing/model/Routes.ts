/**
 * Endpoints of the model as rows: a method, a path template with names in braces, and what the platform does.
 *
 * @since 0.1.0
 */
import * as Content from "./Content.ts"
import type { Request } from "./Model.ts"
import type * as Reply from "./Reply.ts"

/**
 * A request to an endpoint.
 *
 * @since 0.1.0
 * @category models
 */
export interface Asked {
  readonly now: number
  readonly traceId: string
  /** The path segment at this name of the template. */
  readonly id: (name: string) => string
  /** A parameter of the query; `undefined` when it is not there. */
  readonly query: (name: string) => string | undefined
  /** The object of the body; empty for anything else. */
  readonly body: Content.Body
}

/**
 * Handles a request.
 *
 * @since 0.1.0
 * @category models
 */
export type Run = (asked: Asked) => Reply.Reply

/**
 * Rows by template and method.
 *
 * @since 0.1.0
 * @category models
 */
export interface Table {
  readonly [template: string]: { readonly [method: string]: Run }
}

/**
 * A route of a path, ready to run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Match {
  readonly method: string
  readonly run: (now: number, traceId: string, request: Request) => Reply.Reply
}

/**
 * Decodes a percent-encoded text.
 *
 * @since 0.1.0
 * @category parsing
 */
export const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not an escape: the text is used as it is.
    return text
  }
}

/**
 * The page size: the `limit` of the query, up to `maximum`.
 *
 * @since 0.1.0
 * @category paging
 */
export const limitOf = ({ query }: Asked, usual: number, maximum: number): number => {
  const limit = Number(query("limit") ?? usual)
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, maximum) : usual
}

/**
 * A page of a list whose cursor, a parameter of the query, is how many items were before it. `next` is empty after the last.
 *
 * @since 0.1.0
 * @category paging
 */
export const page = <A>(
  asked: Asked,
  parameter: string,
  all: ReadonlyArray<A>,
  usual: number,
  maximum: number = usual
): { readonly items: ReadonlyArray<A>; readonly next: string } => {
  const cursor = Number(asked.query(parameter) ?? 0)
  const begin = Number.isInteger(cursor) && cursor > 0 ? cursor : 0
  const end = begin + limitOf(asked, usual, maximum)
  return { items: all.slice(begin, end), next: end >= all.length ? "" : end.toString() }
}

const queryOf = (path: string): ReadonlyMap<string, string> => {
  const pairs = (/\?([^#]*)/.exec(path)?.[1] ?? "").split("&").filter((pair) => pair !== "")
  return new Map(
    pairs.map((pair) => {
      const [name = "", ...value] = pair.replaceAll("+", " ").split("=")
      return [decode(name), decode(value.join("="))]
    })
  )
}

/**
 * Looks a path up in these tables.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (tables: ReadonlyArray<Table>): ((path: string) => ReadonlyArray<Match>) => {
  const rows = tables.flatMap((table) =>
    Object.entries(table).map(([template, methods]) => ({
      names: [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!),
      pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, "([^/]+)")}$`),
      methods: Object.entries(methods)
    }))
  )
  return (path) =>
    rows.flatMap(({ methods, names, pattern }) => {
      const found = pattern.exec(path)
      if (found === null) return []
      const ids = new Map(names.map((name, index) => [name, decode(found[index + 1]!)]))
      return methods.map(([method, run]): Match => ({
        method,
        run: (now, traceId, request) => {
          const query = queryOf(request.path)
          return run({
            now,
            traceId,
            id: (name) => ids.get(name) ?? "",
            query: (name) => query.get(name),
            body: Content.parse(request.body) ?? {}
          })
        }
      }))
    })
}

/**
 * The items after the one with this id, or all.
 *
 * @since 0.1.0
 * @category getters
 */
export const after = <A extends { readonly id: string }>(
  items: ReadonlyArray<A>,
  id: string | undefined
): ReadonlyArray<A> => {
  const index = items.findIndex((item) => item.id === id)
  return items.slice(index + 1)
}
