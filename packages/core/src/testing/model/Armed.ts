/**
 * The injected faults that have not happened yet, oldest first.
 *
 * @since 0.1.0
 */
import type { Endpoint, Fault, MessageTrait } from "../Fault.ts"

/**
 * A fault that has not happened yet.
 *
 * @since 0.1.0
 * @category models
 */
export type Waiting = Extract<Fault, { readonly times?: number }>

type Of<Tag extends Waiting["_tag"]> = Extract<Waiting, { readonly _tag: Tag }>

/**
 * @since 0.1.0
 * @category models
 */
export interface Armed {
  readonly arm: (fault: Waiting) => void
  /** Takes the oldest fault with this tag and counts it as happened once. */
  readonly take: <Tag extends Waiting["_tag"]>(tag: Tag) => Of<Tag> | undefined
  /** The oldest fault for an HTTP request to this endpoint. */
  readonly takeHttp: (endpoint: Endpoint) => Of<"Http"> | undefined
  /** The oldest fault that refuses a message with these traits and this many UTF-16 code units of text. */
  readonly takeRefusal: (traits: ReadonlySet<MessageTrait>, length: number) => Of<"RefuseMessage"> | undefined
  readonly clear: () => void
  /** The pending faults, oldest first, and how often each will still happen. */
  readonly waiting: () => ReadonlyArray<{ readonly fault: Waiting; readonly left: number }>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Armed => {
  const waiting: Array<{ readonly fault: Waiting; left: number }> = []

  const takeFirst = (matches: (fault: Waiting) => boolean): Waiting | undefined => {
    const index = waiting.findIndex((armed) => matches(armed.fault))
    const armed = waiting[index]
    if (armed === undefined) return undefined
    armed.left -= 1
    if (armed.left <= 0) waiting.splice(index, 1)
    return armed.fault
  }

  return {
    arm: (fault) => {
      const times = fault.times ?? 1
      if (times > 0) waiting.push({ fault, left: times })
    },
    take: <Tag extends Waiting["_tag"]>(tag: Tag) => takeFirst((fault) => fault._tag === tag) as Of<Tag> | undefined,
    takeHttp: (endpoint) =>
      takeFirst((fault) => fault._tag === "Http" && (fault.endpoint === "any" || fault.endpoint === endpoint)) as
        | Of<"Http">
        | undefined,
    takeRefusal: (traits, length) =>
      takeFirst(
        (fault) =>
          fault._tag === "RefuseMessage" &&
          (fault.of === "any" || traits.has(fault.of)) &&
          length > (fault.longerThan ?? -1)
      ) as Of<"RefuseMessage"> | undefined,
    waiting: () => waiting.map(({ fault, left }) => ({ fault, left })),
    clear: () => {
      waiting.length = 0
    }
  }
}
