/**
 * Attaches sessions to connections: a session starts with READY, its heartbeats are watched, and it is removed some time
 * after its connection closed.
 *
 * @since 0.1.0
 */
import type { Connection, Connections } from "./Connections.ts"
import type { IdentifyPace } from "./IdentifyPace.ts"
import type { Platform } from "./Platform.ts"
import * as Session from "./Session.ts"

/**
 * What makes sessions live.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attachments {
  readonly attach: (now: number, connection: Connection, session: Session.Session) => void
  /** Begins a session. */
  readonly begin: (now: number, connection: Connection, wanted: Pick<Session.Session, "shard" | "intents">) => void
  /** Removes sessions and events that are too old for a resume. */
  readonly prune: (now: number) => void
  /** Whether an injected end has come: the connection may be gone afterwards. */
  readonly reach: (now: number, connection: Connection, moment: "open" | "hello" | "ready") => boolean
  /** The most living connections that a shard ever had at the same time. */
  readonly maxConnections: ReadonlyMap<string, number>
}

/**
 * A shard as the journal writes it.
 *
 * @since 0.1.0
 * @category encoding
 */
export const shardKey = (shard: readonly [index: number, count: number]): string => `${shard[0]}/${shard[1]}`

/**
 * No session yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  platform: Platform,
  { close, connections, end, forget, isOpen, later, sendOwn, sessions }: Connections,
  { violate }: Pick<IdentifyPace, "violate">
): Attachments => {
  const { settings, timers } = platform
  const maxConnections = new Map<string, number>()

  /** Whether an injected end has come: the connection may be gone afterwards. */
  const reach = (now: number, connection: Connection, moment: "open" | "hello" | "ready"): boolean => {
    const { ending } = connection
    if (ending === undefined || (ending.moment ?? "hello") !== moment) return false
    connection.ending = undefined
    const { code } = ending
    later(now, connection, ending.after ?? 0, (due) => end(due, connection, code))
    return !isOpen(connection)
  }

  const watch = (now: number, connection: Connection): void => {
    const patience = connection.interval * settings.heartbeatTolerance
    connection.lastBeat = now
    const look = (at: number): void => {
      if (!isOpen(connection)) return
      const due = connection.lastBeat + patience
      if (at >= due) close(at, connection, 4009, "heartbeat timed out")
      else timers.schedule(due, look)
    }
    timers.schedule(now + patience, look)
  }

  const attach = (now: number, connection: Connection, session: Session.Session): void => {
    session.connection = connection.id
    connection.session = session
    connection.state = "Ready"
    const key = shardKey(session.shard)
    let together = 0
    for (const other of connections.values()) {
      if (other.state === "Ready" && !other.isAbandoned && other.session !== undefined) {
        if (shardKey(other.session.shard) === key) together += 1
      }
    }
    maxConnections.set(key, Math.max(together, maxConnections.get(key) ?? 0))
    if (together > 1) violate(now, "SecondConnection", key)
    watch(now, connection)
  }

  const prune = (now: number): void => {
    for (const session of sessions.values()) {
      if (session.connection === undefined && now - session.disconnectedAt > settings.replayAge) forget(session)
      else Session.expire(session, now, settings.replayAge)
    }
  }

  const begin = (now: number, connection: Connection, wanted: Pick<Session.Session, "shard" | "intents">): void => {
    const number = platform.count("session").toString(16).padStart(12, "0")
    const session = Session.make({
      id: `6f0b7c1e-91d4-4a58-b0f2-${number}`,
      shard: wanted.shard,
      intents: wanted.intents,
      now
    })
    sessions.set(session.id, session)
    attach(now, connection, session)
    sendOwn(now, connection, session, "READY", {
      version: 1,
      session_id: session.id,
      user: { id: settings.bot.id, username: settings.bot.username, bot: true, status: 1 },
      shard: wanted.shard
    })
    reach(now, connection, "ready")
  }

  return { attach, begin, prune, reach, maxConnections }
}
