/** One dispatch or more of every type that has been documented or seen, with invented values, and what tests make of them. */
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as fs from "node:fs"
import * as Event from "../../../packages/core/src/events/Event.ts"
import type * as Frame from "../../../packages/core/src/gateway/Frame.ts"

export const lines: ReadonlyArray<string> = fs
  .readFileSync(new URL("envelopes.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")

/** Parsed anew each time: what is done to one must not be seen in another. */
export const parsed = (): ReadonlyArray<Frame.Frame> => lines.map((line) => JSON.parse(line) as Frame.Frame)

export const typesSeen: ReadonlyArray<string> = [...new Set(parsed().map(({ t }) => t ?? ""))]

export const frame = (t: string, d: unknown): Frame.Frame => ({ op: 0, s: 2, t, d, id: `${t}:1` })

export const decoded = <T extends Event.EventType>(t: T, d: unknown): Event.EventOf<T> => {
  const event = Either.getOrThrowWith(Event.decode(frame(t, d)), (error) => error)
  if (event.t !== t) throw new Error(`${event.t} is not ${t}`)
  // the line above says so
  return event as Event.EventOf<T>
}

export const isRefused = (t: string, d: unknown): boolean => Either.isLeft(Event.decode(frame(t, d)))

/** The payload of the first envelope of a type. */
export const payloadOf = (t: string): Readonly<Record<string, unknown>> =>
  parsed().find((envelope) => envelope.t === t)?.d as Readonly<Record<string, unknown>>

const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { msg_elements: value }
  return value
}

const hostileValues: ReadonlyArray<unknown> = [
  null,
  "",
  " ",
  0,
  -1,
  1e308,
  2 ** 60,
  "1789956000",
  true,
  [],
  {},
  [[]],
  [null],
  "\ud800",
  "__proto__",
  '<faceType=1,faceId="",ext="!!">',
  '<faceType=1,faceId="",ext="bnVsbA==">',
  "<@!",
  "&amp;&",
  '[{"type":1}]',
  JSON.parse('{"__proto__":{"id":"x","content":5},"constructor":null,"toString":1}'),
  "x".repeat(5000),
  nested(500)
]

export const hostile: fc.Arbitrary<unknown> = fc.oneof(fc.jsonValue(), fc.constantFrom(...hostileValues))

/** Puts something else at one place of a value, however deep; or takes that place away; or gives it another name. */
const mutate = (
  value: unknown,
  path: ReadonlyArray<number>,
  put: unknown,
  how: "put" | "remove" | "rename" | "wrap"
): unknown => {
  const [step, ...rest] = path
  if (step === undefined || typeof value !== "object" || value === null) return how === "wrap" ? [value] : put
  const entries = Object.entries(value)
  if (entries.length === 0) return put
  const index = step % entries.length
  const changed = entries.flatMap(([key, inner], at): Array<[string, unknown]> => {
    if (at !== index) return [[key, inner]]
    if (rest.length > 0) return [[key, mutate(inner, rest, put, how)]]
    if (how === "remove") return []
    return how === "rename" ? [["__proto__", inner]] : [[key, how === "wrap" ? [inner] : put]]
  })
  return Array.isArray(value) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed)
}

/** The text of a frame that was one of the envelopes before something was done to it. */
export const mutated: fc.Arbitrary<string> = fc
  .record({
    line: fc.constantFrom(...lines),
    t: fc.oneof(
      { weight: 7, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(...typesSeen) },
      { weight: 1, arbitrary: fc.constantFrom("NEW_IN_2027", "") }
    ),
    changes: fc.array(
      fc.record({
        path: fc.array(fc.noBias(fc.nat(20)), { minLength: 1, maxLength: 3 }),
        put: hostile,
        how: fc.constantFrom("put" as const, "put" as const, "remove" as const, "rename" as const, "wrap" as const)
      }),
      { minLength: 1, maxLength: 2 }
    )
  })
  .map(({ changes, line, t }) => {
    let envelope: unknown = JSON.parse(line)
    if (t !== undefined) envelope = { ...(envelope as object), t }
    // as a rule it is the payload that is touched
    for (const { how, path, put } of changes) envelope = mutate(envelope, [path[0] === 0 ? 1 : 4, ...path], put, how)
    return JSON.stringify(envelope)
  })
