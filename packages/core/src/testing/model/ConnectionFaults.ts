/**
 * The faults that take effect on connections and sessions immediately.
 *
 * @since 0.1.0
 */
import * as Frame from "../../gateway/Frame.ts"
import type { Fault } from "../Fault.ts"
import type { Connection, Connections } from "./Connections.ts"
import type { Platform } from "./Platform.ts"

/**
 * The faults of connections and sessions that take effect immediately.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionFault = Extract<
  Fault,
  {
    readonly _tag:
      | "Drop"
      | "Freeze"
      | "StopAcks"
      | "DelayAcks"
      | "Reconnect"
      | "InvalidSession"
      | "Close"
      | "Raw"
      | "ServerHeartbeat"
      | "Deafen"
      | "ForgetSessions"
      | "Clear"
  }
>

/**
 * Injects them into these connections and sessions.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { journal, outputs }: Platform,
  { connections, drop, end, forget, send, sendControl, sessions, thenClose }: Connections
): ((now: number, fault: ConnectionFault) => void) => {
  const targets = (connection: number | undefined): ReadonlyArray<Connection> => {
    const open = [...connections.values()]
    return connection === undefined ? open : open.filter((candidate) => candidate.id === connection)
  }

  const injectInto = (now: number, connection: Connection, fault: ConnectionFault): void => {
    switch (fault._tag) {
      case "Drop":
        return drop(now, connection)
      case "Freeze":
        if (connection.isFrozen) return
        outputs.push({ _tag: "Freeze", connection: connection.id })
        connection.isFrozen = true
        return
      case "StopAcks":
        connection.unansweredBeats = fault.beats ?? Infinity
        return
      case "DelayAcks":
        connection.acknowledgeAfter = fault.by
        return
      case "Reconnect":
        sendControl(now, connection, Frame.Opcode.Reconnect)
        return thenClose(now, connection, fault.thenClose)
      case "InvalidSession":
        sendControl(now, connection, Frame.Opcode.InvalidSession, fault.resumable)
        if (!fault.resumable && connection.session !== undefined) forget(connection.session)
        return thenClose(now, connection, fault.thenClose)
      case "Close":
        return end(now, connection, fault.code, fault.reason)
      case "Raw":
        if (typeof fault.payload === "string") return send(now, connection, fault.payload, {})
        if (connection.isFrozen) return
        outputs.push({ _tag: "Binary", connection: connection.id, bytes: fault.payload })
        journal.push({ at: now, kind: "Sent", connection: connection.id, size: fault.payload.byteLength })
        return
      case "ServerHeartbeat":
        return sendControl(now, connection, Frame.Opcode.Heartbeat, connection.session?.sequence ?? null)
      case "Clear":
        connection.unansweredBeats = 0
        connection.acknowledgeAfter = 0
        connection.ending = undefined
        return
      case "Deafen":
      case "ForgetSessions":
        return
    }
  }

  return (now, fault) => {
    if (fault._tag === "Deafen") {
      for (const session of sessions.values()) session.isDeaf = true
    } else if (fault._tag === "ForgetSessions") {
      for (const session of sessions.values()) forget(session)
    } else {
      const target = fault._tag === "Clear" ? undefined : fault.connection
      for (const connection of targets(target)) injectInto(now, connection, fault)
    }
  }
}
