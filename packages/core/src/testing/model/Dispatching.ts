/**
 * Events on their way to the sessions that asked for them.
 *
 * @since 0.1.0
 */
import * as Intents from "../../gateway/Intents.ts"
import type { Fault } from "../Fault.ts"
import type { Attachments } from "./Attachments.ts"
import type { Connection, Connections } from "./Connections.ts"
import * as Content from "./Content.ts"
import type { Platform } from "./Platform.ts"
import * as Session from "./Session.ts"

/** How long a reordered dispatch waits for another one, in milliseconds. */
const reorderWithin = 1000

const guildOf = (type: string, d: unknown): string | undefined => {
  if (!Content.isRecord(d)) return undefined
  const message = Content.isRecord(d["message"]) ? d["message"] : {}
  const guild =
    d["guild_id"] ?? message["guild_id"] ?? (/^GUILD_(?:CREATE|UPDATE|DELETE)$/.test(type) ? d["id"] : undefined)
  const text = typeof guild === "number" ? guild.toFixed(0) : guild
  return typeof text === "string" && /^\d{1,20}$/.test(text) ? text : undefined
}

/** Shards part the guilds; what has no guild goes to shard 0 (chosen). */
const shardOf = (guild: string | undefined, count: number): number =>
  guild === undefined ? 0 : Number((BigInt(guild) >> 22n) % BigInt(count))

/**
 * What dispatches an event.
 *
 * @since 0.1.0
 * @category models
 */
export type Dispatch = (now: number, event: Session.Event, d: unknown) => void

/**
 * Dispatches to these sessions.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { armed, settings, timers }: Platform,
  { carrying, connections, isOpen, sendEvent, sessions }: Connections,
  { prune }: Pick<Attachments, "prune">
): Dispatch => {
  const releaseHeld = (now: number, connection: Connection): void => {
    const { held } = connection
    if (held === undefined) return
    connection.held = undefined
    sendEvent(now, connection, held.s, held.event)
  }

  const deliver = (
    now: number,
    session: Session.Session,
    event: Session.Event,
    faults: {
      readonly skip: number
      readonly duplicate: Extract<Fault, { readonly _tag: "Duplicate" }> | undefined
      readonly reorder: Extract<Fault, { readonly _tag: "Reorder" }> | undefined
    }
  ): void => {
    const s = Session.append(session, now, event, settings.replayLimit, faults.skip)
    const again = faults.duplicate?.fresh === true ? Session.append(session, now, event, settings.replayLimit, 0) : s
    const connection = carrying(session)
    if (connection === undefined) return
    if (faults.reorder !== undefined && connection.held === undefined) {
      const held = { s, event }
      connection.held = held
      timers.schedule(now + (faults.reorder.within ?? reorderWithin), (due) => {
        if (isOpen(connection) && connection.held === held) releaseHeld(due, connection)
      })
    } else {
      sendEvent(now, connection, s, event)
      releaseHeld(now, connection)
    }
    if (faults.duplicate !== undefined) sendEvent(now, connection, again, event)
  }

  return (now, event, d) => {
    prune(now)
    const bit = Intents.forEventTypes([event.type])
    const guild = guildOf(event.type, d)
    const isHolding = [...connections.values()].some((connection) => connection.held !== undefined)
    const faults = {
      skip: armed.take("SkipSequence")?.by ?? 0,
      duplicate: armed.take("Duplicate"),
      reorder: isHolding ? undefined : armed.take("Reorder")
    }
    const swollen = armed.take("Swell")
    const sent = swollen === undefined ? event : Session.swell(event, swollen.size)
    for (const session of sessions.values()) {
      const wants = bit === Intents.none || (session.intents & bit) !== 0
      if (!wants || session.isDeaf || shardOf(guild, session.shard[1]) !== session.shard[0]) continue
      deliver(now, session, sent, faults)
    }
  }
}
