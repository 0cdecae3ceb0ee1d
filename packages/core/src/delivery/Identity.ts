/**
 * What is known of one received event while it is in flight: by which id the platform knows it, and under which types it came.
 *
 * @since 0.1.0
 */
import type * as Facts from "../events/Facts.ts"
import { hashOf, type Keyed } from "../internal/KeyTable.ts"

/**
 * Where events come from: a session, which numbers and replays them, or a webhook, which does neither.
 *
 * @since 0.1.0
 * @category models
 */
export interface Source {
  /** What lies above it may be replayed. */
  readonly watermark: () => number
}

/**
 * What an id is unique in; `""` for a key that says so itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Namespace = Facts.Namespace | ""

/**
 * An event that was received, under one type or several, and is not settled under all of them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Identity extends Keyed {
  /** The id as it is on the wire. */
  readonly key: string
  readonly namespace: Namespace
  /** The type under which it came first. */
  readonly type: string
  /** Those under which it came besides, in order. */
  twins: ReadonlyArray<string> | undefined
  /** A bit for each type whose event is settled, the first type's being the lowest. */
  settled: number
  /** Whose sequence number it has. */
  source: Source
  sequence: number
  /** When the last of its events was settled, in epoch milliseconds; means nothing before. */
  settledAt: number
  /** Names of handlers that declined it under an earlier type: its twin may be theirs. */
  declined: ReadonlySet<string> | undefined
}

const none: ReadonlyArray<string> = []

/** Maximum number of types per id: the platform sends at most two, and a hostile sender gets no more than this. */
const mostTypes = 31

const seeds: Readonly<Record<Namespace, number>> = { "": 0, c2c: 1, group: 2, channel: 3, dm: 4, event: 5 }

const isNamespace = (text: string): text is Namespace => Object.hasOwn(seeds, text)

/**
 * The hash by which an id is found.
 *
 * @since 0.1.0
 * @category lookups
 */
export const hash = (key: string, namespace: Namespace): number => hashOf(key, seeds[namespace])

/**
 * One that was received under a first type.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  key: string,
  namespace: Namespace,
  hash: number,
  type: string,
  source: Source,
  sequence: number
): Identity => ({
  key,
  namespace,
  hash,
  index: -1,
  type,
  twins: undefined,
  settled: 0,
  source,
  sequence,
  settledAt: 0,
  declined: undefined
})

/**
 * The types of an id, in the order in which they came.
 *
 * @since 0.1.0
 * @category lookups
 */
export const typesOf = (first: string, twins: ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  twins === undefined ? [first] : [first, ...twins]

/**
 * The types under which the event was received, this one not among them.
 *
 * @since 0.1.0
 * @category lookups
 */
export const before = (id: Identity, type: string): ReadonlyArray<string> =>
  id.twins === undefined && id.type === type ? none : typesOf(id.type, id.twins).filter((other) => other !== type)

const indexOf = (first: string, twins: ReadonlyArray<string> | undefined, type: string): number => {
  if (type === first) return 0
  return twins === undefined ? -1 : twins.indexOf(type) + 1 || -1
}

/**
 * The event came under one more type. `false`: it came under this type before, or under too many.
 *
 * @since 0.1.0
 * @category transitions
 */
export const addTwin = (id: Identity, type: string): boolean => {
  const { twins, type: first } = id
  if (indexOf(first, twins, type) >= 0 || (twins?.length ?? 0) + 1 >= mostTypes) return false
  id.twins = [...(twins ?? none), type]
  return true
}

/**
 * A number that can be replayed is the one to remember.
 *
 * @since 0.1.0
 * @category transitions
 */
export const renumber = (id: Identity, source: Source, sequence: number): void => {
  if (sequence <= id.sequence) return
  id.source = source
  id.sequence = sequence
}

const allOf = (twins: ReadonlyArray<string> | undefined): number => 2 ** ((twins?.length ?? 0) + 1) - 1

/**
 * An id of which everything so far is settled.
 *
 * @since 0.1.0
 * @category transitions
 */
export const settleAll = (id: Identity): void => {
  id.settled = allOf(id.twins)
}

/**
 * The event of one type is settled. `undefined`: it was before, or never came. Else whether all are now.
 *
 * @since 0.1.0
 * @category transitions
 */
export const settle = (id: Identity, type: string, now: number): boolean | undefined => {
  const index = indexOf(id.type, id.twins, type)
  const bit = 1 << index
  if (index < 0 || (id.settled & bit) !== 0) return undefined
  id.settled |= bit
  id.settledAt = now
  return id.settled === allOf(id.twins)
}

/**
 * The types whose events are settled, up to the first that is not: a twin of one whose handlers still run had none of them,
 * and alone it would pass for both after a restart.
 *
 * @since 0.1.0
 * @category lookups
 */
export const settledTypes = ({ settled, twins, type }: Identity): ReadonlyArray<string> => {
  const types = typesOf(type, twins)
  const open = types.findIndex((_, index) => (settled & (1 << index)) === 0)
  return open < 0 ? types : types.slice(0, open)
}

/** No event type has a space in it. */
const separator = " "

/**
 * An id under one of its types, as it is stored: `c2c:ID TYPE`, or `ID TYPE` outside of namespaces.
 *
 * @since 0.1.0
 * @category encoding
 */
export const nameOf = (key: string, namespace: Namespace, type: string): string =>
  `${namespace === "" ? key : `${namespace}:${key}`}${separator}${type}`

/**
 * Reads a key that names its namespace.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parseKey = (name: string): readonly [key: string, namespace: Namespace] => {
  const cut = name.indexOf(":")
  const namespace = name.slice(0, Math.max(0, cut))
  return namespace !== "" && isNamespace(namespace) ? [name.slice(cut + 1), namespace] : [name, ""]
}

/**
 * Reads what {@link nameOf} writes; `undefined` for anything else.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parseName = (name: string): readonly [key: string, namespace: Namespace, type: string] | undefined => {
  const cut = name.lastIndexOf(separator)
  return cut < 0 ? undefined : [...parseKey(name.slice(0, cut)), name.slice(cut + separator.length)]
}
