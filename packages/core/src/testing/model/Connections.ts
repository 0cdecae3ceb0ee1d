/**
 * The connections of the gateway and the sessions on them: what is sent, and how they end.
 *
 * @since 0.1.0
 */
import * as CloseCode from "../../gateway/CloseCode.ts"
import * as Frame from "../../gateway/Frame.ts"
import type { Fault, ThenClose } from "../Fault.ts"
import type { Platform } from "./Platform.ts"
import * as Session from "./Session.ts"

/**
 * The platform's end of a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  readonly id: number
  /** `Refused` waits for the close frame that explains an op 9; `Ignored` gets no answer any more. */
  state: "Opening" | "Silent" | "Greeted" | "Refused" | "Ignored" | "Ready"
  session: Session.Session | undefined
  isFrozen: boolean
  /** The client closed a frozen connection; the platform cannot see that. */
  isAbandoned: boolean
  /** The interval that HELLO named, in milliseconds. */
  interval: number
  lastBeat: number
  unansweredBeats: number
  acknowledgeAfter: number
  /** A dispatch held back until another one overtakes it. */
  held: { readonly s: number; readonly event: Session.Event } | undefined
  ending: Extract<Fault, { readonly _tag: "AcceptThenClose" }> | undefined
}

/**
 * All connections and sessions.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connections {
  readonly connections: Map<number, Connection>
  readonly sessions: Map<string, Session.Session>
  /** The sockets that the client still holds open. */
  readonly sockets: Set<number>
  readonly isOpen: (connection: Connection) => boolean
  /** The connection that carries a session. */
  readonly carrying: (session: Session.Session) => Connection | undefined
  readonly send: (now: number, connection: Connection, text: string, note: Note) => void
  readonly sendControl: (now: number, connection: Connection, op: number, d?: unknown) => void
  readonly sendEvent: (now: number, connection: Connection, s: number, event: Session.Event) => void
  /** READY and RESUMED, which are not kept: a resume does not bring them again. */
  readonly sendOwn: (now: number, connection: Connection, session: Session.Session, t: string, d: unknown) => void
  /** Ends a session without a frame. */
  readonly forget: (session: Session.Session) => void
  readonly remove: (now: number, connection: Connection) => void
  readonly close: (now: number, connection: Connection, code: number, reason?: string) => void
  readonly drop: (now: number, connection: Connection) => void
  /** Closes with a code, or breaks the connection for 1006 and without one. */
  readonly end: (now: number, connection: Connection, code: number | undefined, reason?: string) => void
  /** Runs an action after some milliseconds, if the connection is still open then. */
  readonly later: (now: number, connection: Connection, after: number, run: (now: number) => void) => void
  readonly thenClose: (now: number, connection: Connection, then: ThenClose | undefined) => void
}

/**
 * What the journal keeps of a frame.
 *
 * @since 0.1.0
 * @category models
 */
export interface Note {
  readonly op?: number
  readonly s?: number
  readonly t?: string
  readonly id?: string
  readonly interval?: number | null
}

/** The documentation allows a resume after these codes, or does not exclude it. */
const keepsSession = (code: number): boolean => {
  const { recovery, skipsFrame } = CloseCode.lookup(code)
  // what was too large is replayed after a resume
  if (skipsFrame === true) return true
  return recovery === "resume" || recovery === "expired" || recovery === "slow-down" || recovery === "refresh-token"
}

/**
 * No connection yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ journal, outputs, timers }: Platform): Connections => {
  const connections = new Map<number, Connection>()
  const sessions = new Map<string, Session.Session>()
  const sockets = new Set<number>()

  const carrying = ({ connection }: Session.Session): Connection | undefined =>
    connection === undefined ? undefined : connections.get(connection)

  const isOpen = (connection: Connection): boolean => connections.get(connection.id) === connection

  const send = (now: number, connection: Connection, text: string, note: Note): void => {
    if (connection.isFrozen) return
    outputs.push({ _tag: "Frame", connection: connection.id, text })
    journal.push({ at: now, kind: "Sent", connection: connection.id, ...note, size: text.length })
  }

  const sendControl = (now: number, connection: Connection, op: number, d?: unknown): void =>
    send(now, connection, JSON.stringify({ op, d }), { op })

  const sendEvent = (now: number, connection: Connection, s: number, event: Session.Event): void =>
    send(now, connection, Session.frame(s, event), { op: Frame.Opcode.Dispatch, s, t: event.type, id: event.id })

  const sendOwn = (now: number, connection: Connection, session: Session.Session, t: string, d: unknown): void => {
    session.sequence += 1
    const s = session.sequence
    send(now, connection, JSON.stringify({ op: Frame.Opcode.Dispatch, s, t, d }), { op: Frame.Opcode.Dispatch, s, t })
  }

  const forget = (session: Session.Session): void => {
    sessions.delete(session.id)
    const connection = carrying(session)
    if (connection !== undefined) connection.session = undefined
  }

  const remove = (now: number, connection: Connection): void => {
    connections.delete(connection.id)
    if (!connection.isFrozen) sockets.delete(connection.id)
    const { session } = connection
    if (session === undefined || session.connection !== connection.id) return
    session.connection = undefined
    session.disconnectedAt = now
  }

  const close = (now: number, connection: Connection, code: number, reason?: string): void => {
    if (!isOpen(connection)) return
    const { session } = connection
    remove(now, connection)
    if (session !== undefined && !keepsSession(code)) forget(session)
    if (connection.isFrozen) return
    const why = reason ?? CloseCode.lookup(code).meaning
    outputs.push({ _tag: "Close", connection: connection.id, code, reason: why })
    journal.push({ at: now, kind: "Closed", connection: connection.id, by: "platform", code })
  }

  const drop = (now: number, connection: Connection): void => {
    if (!isOpen(connection)) return
    remove(now, connection)
    // Even a half-open connection breaks for good when its TCP does.
    if (connection.isFrozen && !sockets.delete(connection.id)) return
    outputs.push({ _tag: "Drop", connection: connection.id })
    journal.push({ at: now, kind: "Closed", connection: connection.id, by: "network" })
  }

  /** 1006 is never on the wire: it is the name for a connection that broke. */
  const end = (now: number, connection: Connection, code: number | undefined, reason?: string): void =>
    code === undefined || code === 1006 ? drop(now, connection) : close(now, connection, code, reason)

  const later = (now: number, connection: Connection, after: number, run: (now: number) => void): void => {
    if (after <= 0) return run(now)
    if (after === Infinity) return
    timers.schedule(now + after, (due) => {
      if (isOpen(connection)) run(due)
    })
  }

  const thenClose = (now: number, connection: Connection, then: ThenClose | undefined): void => {
    if (then === undefined) return
    later(now, connection, then.after ?? 0, (due) => close(due, connection, then.code, then.reason))
  }

  return {
    connections,
    sessions,
    sockets,
    isOpen,
    carrying,
    send,
    sendControl,
    sendEvent,
    sendOwn,
    forget,
    remove,
    close,
    drop,
    end,
    later,
    thenClose
  }
}
