/**
 * Events that a quarantine skips: the stored session takes them for settled, so that their replay is a duplicate.
 *
 * @since 0.1.0
 */
import { SessionStore } from "@effect-qq/core"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Quarantine from "../Quarantine.ts"
import type { Unit } from "../Unit.ts"

const decodeSession = Schema.decodeUnknownOption(Schema.parseJson(SessionStore.StoredSession))

/**
 * What the keys of a unit's sessions begin with, whatever the number of shards.
 *
 * @since 0.1.0
 * @category lookups
 */
export const sessionPrefix = ({ app, shard }: Unit): string =>
  SessionStore.sessionKey(app, [shard, 0]).replace(/0$/, "")

/**
 * A stored session that takes these events for settled; `undefined` where the record is none of the unit's sessions.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withSkipped = (
  key: string,
  value: string,
  unit: Unit,
  events: ReadonlyArray<Quarantine.Handled>,
  now: number
): string | undefined => {
  if (events.length === 0 || !key.startsWith(sessionPrefix(unit))) return undefined
  const session = decodeSession(value)
  if (Option.isNone(session)) return undefined
  const skipped = events.map(({ key, seq }) => ({ key, sequence: seq, at: Math.round(now) }))
  return JSON.stringify({ ...session.value, settled: [...session.value.settled, ...skipped] })
}
