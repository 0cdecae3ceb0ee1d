/**
 * The gateway: connections, the sessions on them, and what is dispatched.
 *
 * Source: `docs/develop/api-v2/dev-prepare/interface-framework/reference.md`, `opcode.md` and `websocket.md` of the platform's
 * documentation; how refusals look in practice from openclaw-qqbot#18 and bot-node-sdk#94.
 *
 * @since 0.1.0
 */
import * as Frame from "../../gateway/Frame.ts"
import * as Attachments from "./Attachments.ts"
import * as ConnectionFaults from "./ConnectionFaults.ts"
import * as Connections from "./Connections.ts"
import * as Dispatching from "./Dispatching.ts"
import * as IdentifyPace from "./IdentifyPace.ts"
import * as Introductions from "./Introductions.ts"
import type { Metadata } from "./Metadata.ts"
import type { Upgrade, UpgradeRequest } from "./Model.ts"
import type { Platform } from "./Platform.ts"
import * as Session from "./Session.ts"
import * as Settings from "./Settings.ts"
import type { Tokens } from "./Tokens.ts"

/**
 * A session as the platform sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionView {
  readonly id: string
  readonly shard: readonly [index: number, count: number]
  readonly intents: number
  /** The last sequence number given out. */
  readonly sequence: number
  /** Events that a resume can still replay. */
  readonly buffered: number
  /** Whether it receives no more events. */
  readonly isDeaf: boolean
  /** Its connection, if any; a frozen one counts until the platform closes it. */
  readonly connection?: number
}

/**
 * Counters since the model was created.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counters {
  /** The identifies, accepted or not; times in epoch milliseconds. The newest `journalLimit`. */
  readonly identifies: ReadonlyArray<{ readonly at: number; readonly shard: string; readonly accepted: boolean }>
  readonly resumesAccepted: number
  readonly resumesRefused: number
  /** Sockets that neither side has ended. A frozen one counts until the client ends it. */
  readonly openSockets: number
  readonly maxOpenSockets: number
  /** The most identified or resumed connections that a shard (`"0/1"`) ever had at the same time. */
  readonly maxConnections: ReadonlyMap<string, number>
  readonly violations: number
  /** Journal entries dropped by the size limit. */
  readonly journalDropped: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface GatewaySide {
  readonly upgrade: (now: number, request: UpgradeRequest) => Upgrade
  readonly opened: (now: number, connection: number) => void
  readonly received: (now: number, connection: number, payload: string | Uint8Array) => void
  readonly closed: (now: number, connection: number, code: number | undefined) => void
  readonly dispatch: (now: number, event: Session.Event, d: unknown) => void
  readonly inject: (now: number, fault: ConnectionFaults.ConnectionFault) => void
  readonly counters: () => Omit<Counters, "violations" | "journalDropped">
  readonly violations: () => number
  readonly sessions: (now: number) => ReadonlyArray<SessionView>
  readonly connections: () => ReadonlyArray<number>
  /** Whether any session is connected, as far as the platform can see. */
  readonly isOnline: () => boolean
}

/** Sockets as they open and close. */
const socketsOf = (platform: Platform, room: Connections.Connections, { reach }: Attachments.Attachments) => {
  const { armed, journal, settings, timers } = platform
  const { close, connections, forget, isOpen, remove, send, sockets } = room
  let maxOpenSockets = 0

  const upgrade: GatewaySide["upgrade"] = (now, request) => {
    const path = Settings.pathOf(request.path)
    const answer = ((): Upgrade => {
      if (armed.take("Unreachable") !== undefined) return { _tag: "Unreachable" }
      if (armed.take("SilentUpgrade") !== undefined) return { _tag: "Silence" }
      const refused = armed.take("RefuseUpgrade")
      if (refused !== undefined) {
        const headers = refused.retryAfter === undefined ? {} : { "retry-after": refused.retryAfter.toString() }
        return { _tag: "Refuse", status: refused.status, headers }
      }
      if (path !== settings.gatewayPath) return { _tag: "Refuse", status: 404, headers: {} }
      const connection = platform.count("connection")
      connections.set(connection, {
        id: connection,
        state: "Opening",
        session: undefined,
        isFrozen: false,
        isAbandoned: false,
        interval: settings.heartbeatInterval,
        lastBeat: now,
        unansweredBeats: 0,
        acknowledgeAfter: 0,
        held: undefined,
        ending: undefined
      })
      sockets.add(connection)
      maxOpenSockets = Math.max(maxOpenSockets, sockets.size)
      return { _tag: "Accept", connection }
    })()
    journal.push({
      at: now,
      kind: "Upgrade",
      path: request.path.slice(0, 512),
      outcome: answer._tag,
      ...(answer._tag === "Accept" ? { connection: answer.connection } : {}),
      ...(answer._tag === "Refuse" ? { status: answer.status } : {})
    })
    return answer
  }

  const opened: GatewaySide["opened"] = (now, id) => {
    const connection = connections.get(id)
    if (connection === undefined || connection.state !== "Opening") return
    journal.push({ at: now, kind: "Opened", connection: id })
    connection.ending = armed.take("AcceptThenClose")
    if (reach(now, connection, "open")) return
    if (armed.take("NoHello") !== undefined) {
      connection.state = "Silent"
      return
    }
    connection.state = "Greeted"
    const fault = armed.take("Hello")
    const interval = fault === undefined ? settings.heartbeatInterval : fault.value
    // The platform expects the interval it announced, if that is a usable number.
    if (typeof interval === "number" && interval > 0 && interval < Infinity) connection.interval = interval
    send(now, connection, JSON.stringify({ op: Frame.Opcode.Hello, d: { heartbeat_interval: interval } }), {
      op: Frame.Opcode.Hello,
      interval: typeof interval === "number" && Number.isFinite(interval) ? interval : null
    })
    timers.schedule(now + settings.identifyTimeout, (due) => {
      if (isOpen(connection) && connection.state === "Greeted") close(due, connection, 4009, "identify timed out")
    })
    reach(now, connection, "hello")
  }

  const closed: GatewaySide["closed"] = (now, id, code) => {
    const isHeld = sockets.delete(id)
    const connection = connections.get(id)
    if (connection === undefined || !isHeld) return
    if (connection.isFrozen) {
      connection.isAbandoned = true
      return
    }
    const { session } = connection
    remove(now, connection)
    if (session !== undefined && (code === 1000 || code === 1001)) forget(session)
    journal.push({
      at: now,
      kind: "Closed",
      connection: id,
      by: "client",
      ...(code === undefined ? {} : { code })
    })
  }

  return { upgrade, opened, closed, maxOpenSockets: () => maxOpenSockets }
}

/** Frames that come from clients. */
const framesOf = (
  { journal }: Platform,
  { close, connections, later, sendControl }: Connections.Connections,
  { identify, resume }: Introductions.Introductions
): GatewaySide["received"] => {
  const heartbeat = (now: number, connection: Connections.Connection): void => {
    connection.lastBeat = now
    if (connection.unansweredBeats > 0) {
      connection.unansweredBeats -= 1
      return
    }
    later(now, connection, connection.acknowledgeAfter, (due) =>
      sendControl(due, connection, Frame.Opcode.HeartbeatAck)
    )
  }

  return (now, id, payload) => {
    const connection = connections.get(id)
    if (connection === undefined || connection.isFrozen || connection.state === "Opening") return
    const frame = Frame.parse(payload)
    const size = typeof payload === "string" ? payload.length : payload.byteLength
    const common = { at: now, kind: "Received" as const, connection: id }
    if (Frame.isMalformed(frame)) {
      journal.push({ ...common, size })
      if (connection.state !== "Refused" && connection.state !== "Ignored") close(now, connection, 4002)
      return
    }
    const wantsSession = frame.op === Frame.Opcode.Identify || frame.op === Frame.Opcode.Resume
    const toIdentify = frame.op === Frame.Opcode.Identify ? Introductions.readIdentify(frame.d) : undefined
    const toResume = frame.op === Frame.Opcode.Resume ? Introductions.readResume(frame.d) : undefined
    const beat = frame.op === Frame.Opcode.Heartbeat && (typeof frame.d === "number" || frame.d === null)
    journal.push({
      ...common,
      op: frame.op,
      ...(beat ? { d: frame.d as number | null } : {}),
      ...(toIdentify === undefined
        ? {}
        : { intents: toIdentify.intents, shard: Attachments.shardKey(toIdentify.shard) }),
      ...(toResume === undefined ? {} : { session: toResume.sessionId.slice(0, 128), d: toResume.sequence }),
      size
    })
    switch (connection.state) {
      case "Silent":
      case "Refused":
      case "Ignored":
        return
      case "Greeted":
        if (toIdentify !== undefined) return identify(now, connection, toIdentify)
        if (toResume !== undefined) return resume(now, connection, toResume)
        return close(now, connection, wantsSession ? 4002 : 4003)
      case "Ready":
        if (wantsSession) return close(now, connection, 4005)
        if (frame.op === Frame.Opcode.Heartbeat) return heartbeat(now, connection)
        return close(now, connection, 4001)
    }
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, tokens: Tokens, metadata: Metadata): GatewaySide => {
  const room = Connections.make(platform)
  const pace = IdentifyPace.make(platform)
  const attachments = Attachments.make(platform, room, pace)
  const introductions = Introductions.make({ platform, tokens, metadata, pace }, room, attachments)
  const { maxOpenSockets, ...sides } = socketsOf(platform, room, attachments)
  const { connections, sessions, sockets } = room
  return {
    ...sides,
    received: framesOf(platform, room, introductions),
    dispatch: Dispatching.make(platform, room, attachments),
    inject: ConnectionFaults.make(platform, room),
    counters: () => ({
      identifies: pace.identifies,
      ...introductions.counters(),
      openSockets: sockets.size,
      maxOpenSockets: maxOpenSockets(),
      maxConnections: attachments.maxConnections
    }),
    violations: pace.violations,
    sessions: (now) => {
      attachments.prune(now)
      return [...sessions.values()].map((session) => ({
        id: session.id,
        shard: session.shard,
        intents: session.intents,
        sequence: session.sequence,
        buffered: Session.buffered(session),
        isDeaf: session.isDeaf,
        ...(session.connection === undefined ? {} : { connection: session.connection })
      }))
    },
    connections: () => [...connections.keys()],
    isOnline: () => [...connections.values()].some((connection) => connection.state === "Ready")
  }
}
