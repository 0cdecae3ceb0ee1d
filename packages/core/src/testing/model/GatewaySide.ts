/**
 * The gateway: connections, the sessions on them, and what is dispatched.
 *
 * Source: `docs/develop/api-v2/dev-prepare/interface-framework/reference.md`, `opcode.md` and `websocket.md` of the platform's
 * documentation; how refusals look in practice from openclaw-qqbot#18 and bot-node-sdk#94.
 *
 * @since 0.1.0
 */
import * as CloseCode from "../../gateway/CloseCode.ts"
import * as Frame from "../../gateway/Frame.ts"
import * as Intents from "../../gateway/Intents.ts"
import type { Fault, ThenClose } from "../Fault.ts"
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
  /** Events that a resume could still bring. */
  readonly buffered: number
  /** Whether it gets no event any more. */
  readonly isDeaf: boolean
  /** The connection that carries it, if any; a frozen one counts until the platform gives it up. */
  readonly connection?: number
}

/**
 * What was counted since the model was made.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counters {
  /** When identifies came, accepted or not, in epoch milliseconds; the newest `journalLimit`. */
  readonly identifies: ReadonlyArray<{ readonly at: number; readonly shard: string; readonly accepted: boolean }>
  readonly resumesAccepted: number
  readonly resumesRefused: number
  /** Sockets that neither side has ended. A frozen one counts until the client ends it. */
  readonly openSockets: number
  readonly maxOpenSockets: number
  /** The most identified or resumed connections that a shard (`"0/1"`) ever had at the same time. */
  readonly maxConnections: ReadonlyMap<string, number>
  readonly violations: number
  /** Journal entries that were forgotten. */
  readonly journalDropped: number
}

/** `max_concurrency` is per so many milliseconds. */
const identifyWindow = 5000

/** How long a reordered dispatch waits for another one, in milliseconds. */
const reorderWithin = 1000

interface Connection {
  readonly id: number
  /** `Refused` waits for the close frame that explains an op 9; `Ignored` gets no answer any more. */
  state: "Opening" | "Silent" | "Greeted" | "Refused" | "Ignored" | "Ready"
  session: Session.Session | undefined
  isFrozen: boolean
  /** The client has left a frozen connection, which the platform cannot see. */
  isAbandoned: boolean
  /** The interval that HELLO named, in milliseconds. */
  interval: number
  lastBeat: number
  unansweredBeats: number
  acknowledgeAfter: number
  /** A dispatch that waits to be overtaken. */
  held: { readonly s: number; readonly event: Session.Event } | undefined
  ending: Extract<Fault, { readonly _tag: "AcceptThenClose" }> | undefined
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
  readonly inject: (now: number, fault: ConnectionFault) => void
  readonly counters: () => Omit<Counters, "violations" | "journalDropped">
  readonly violations: () => number
  readonly sessions: (now: number) => ReadonlyArray<SessionView>
  readonly connections: () => ReadonlyArray<number>
  /** Whether any session is connected, as far as the platform can see. */
  readonly isOnline: () => boolean
}

/**
 * The faults of connections and sessions that happen at once.
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

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value >= 0

/** After these the documentation allows a resume, or says nothing against it. */
const keepsSession = (code: number): boolean => {
  const { recovery, skipsFrame } = CloseCode.lookup(code)
  // what was too large is replayed to whoever resumes
  if (skipsFrame === true) return true
  return recovery === "resume" || recovery === "expired" || recovery === "slow-down" || recovery === "refresh-token"
}

const guildOf = (type: string, d: unknown): string | undefined => {
  if (!isRecord(d)) return undefined
  const message = isRecord(d["message"]) ? d["message"] : {}
  const guild =
    d["guild_id"] ?? message["guild_id"] ?? (/^GUILD_(?:CREATE|UPDATE|DELETE)$/.test(type) ? d["id"] : undefined)
  const text = typeof guild === "number" ? guild.toFixed(0) : guild
  return typeof text === "string" && /^\d{1,20}$/.test(text) ? text : undefined
}

/** Shards part the guilds; what has no guild goes to shard 0 (chosen). */
const shardOf = (guild: string | undefined, count: number): number =>
  guild === undefined ? 0 : Number((BigInt(guild) >> 22n) % BigInt(count))

const shardKey = (shard: readonly [index: number, count: number]): string => `${shard[0]}/${shard[1]}`

interface Identify {
  readonly token: string
  readonly intents: number
  readonly shard: readonly [index: number, count: number]
}

const readIdentify = (d: unknown): Identify | undefined => {
  if (!isRecord(d)) return undefined
  const { intents, shard = [0, 1], token } = d
  if (typeof token !== "string" || !isCount(intents) || !Array.isArray(shard) || shard.length !== 2) return undefined
  const [index, count]: ReadonlyArray<unknown> = shard
  return isCount(index) && isCount(count) ? { token, intents, shard: [index, count] } : undefined
}

interface Resume {
  readonly token: string
  readonly sessionId: string
  readonly sequence: number
}

const readResume = (d: unknown): Resume | undefined => {
  if (!isRecord(d)) return undefined
  const { seq, session_id: sessionId, token } = d
  return typeof token === "string" && typeof sessionId === "string" && isCount(seq)
    ? { token, sessionId, sequence: seq }
    : undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, tokens: Tokens, metadata: Metadata): GatewaySide => {
  const { armed, journal, outputs, settings, timers } = platform
  const connections = new Map<number, Connection>()
  const sessions = new Map<string, Session.Session>()
  /** What the client side still holds open. */
  const sockets = new Set<number>()
  const identifies: Array<{ readonly at: number; readonly shard: string; readonly accepted: boolean }> = []
  const maxConnections = new Map<string, number>()
  let maxOpenSockets = 0
  let resumesAccepted = 0
  let resumesRefused = 0
  let violations = 0

  const violate = (now: number, of: "IdentifyPace" | "SecondConnection" | "LateIdentify", shard: string): void => {
    violations += 1
    journal.push({ at: now, kind: "Violation", of, shard })
  }

  const isOpen = (connection: Connection): boolean => connections.get(connection.id) === connection

  const send = (
    now: number,
    connection: Connection,
    text: string,
    note: {
      readonly op?: number
      readonly s?: number
      readonly t?: string
      readonly id?: string
      readonly interval?: number | null
    }
  ): void => {
    if (connection.isFrozen) return
    outputs.push({ _tag: "Frame", connection: connection.id, text })
    journal.push({ at: now, kind: "Sent", connection: connection.id, ...note, size: text.length })
  }

  const sendControl = (now: number, connection: Connection, op: number, d?: unknown): void =>
    send(now, connection, JSON.stringify({ op, d }), { op })

  const sendEvent = (now: number, connection: Connection, s: number, event: Session.Event): void =>
    send(now, connection, Session.frame(s, event), { op: Frame.Opcode.Dispatch, s, t: event.type, id: event.id })

  /** READY and RESUMED have no event id, and are not kept: nobody resumes to see them again. */
  const sendOwn = (now: number, connection: Connection, session: Session.Session, t: string, d: unknown): void => {
    session.sequence += 1
    const s = session.sequence
    send(now, connection, JSON.stringify({ op: Frame.Opcode.Dispatch, s, t, d }), { op: Frame.Opcode.Dispatch, s, t })
  }

  const forget = (session: Session.Session): void => {
    sessions.delete(session.id)
    const connection = session.connection === undefined ? undefined : connections.get(session.connection)
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

  const refuse = (
    now: number,
    connection: Connection,
    options: { readonly invalidSession: boolean; readonly code?: number | undefined }
  ): void => {
    const { code, invalidSession } = options
    connection.state = "Refused"
    if (invalidSession) sendControl(now, connection, Frame.Opcode.InvalidSession, false)
    if (code === undefined) return
    later(now, connection, invalidSession ? settings.explainAfter : 0, (due) => close(due, connection, code))
  }

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

  const noteIdentify = (now: number, shard: string, accepted: boolean): void => {
    if (identifies.length >= settings.journalLimit) identifies.splice(0, Math.max(1, settings.journalLimit >> 3))
    identifies.push({ at: now, shard, accepted })
    let lately = 0
    for (let index = identifies.length - 1; index >= 0 && now - identifies[index]!.at < identifyWindow; index--)
      lately += 1
    if (lately > settings.maxConcurrency) violate(now, "IdentifyPace", shard)
  }

  /** Why an identify is refused, if it is; a session start is spent by everyone who has a good token. */
  const refusalOf = (now: number, identify: Identify): number | undefined => {
    const [index, count] = identify.shard
    if (platform.ipNotAllowed) return 4924
    if (!tokens.accepts(now, identify.token)) return 4004
    if (!metadata.start(now)) {
      violate(now, "LateIdentify", shardKey(identify.shard))
      return 4903
    }
    if (settings.refusesPace) {
      const lately = identifies.filter(({ accepted, at }) => accepted && now - at < identifyWindow)
      if (lately.length >= settings.maxConcurrency) return 4903
    }
    if (count < 1 || index >= count) return 4010
    // Bit 31 and above are lost in the operators of this language, and no intent has them.
    if (identify.intents > 0x7fffffff || (identify.intents & ~Settings.allIntents) !== 0) return 4013
    if ((identify.intents & ~settings.grantedIntents) !== 0) return settings.refusedIntentsCode
    return undefined
  }

  const identify = (now: number, connection: Connection, wanted: Identify): void => {
    const key = shardKey(wanted.shard)
    if (armed.take("IgnoreIdentifies") !== undefined) {
      connection.state = "Ignored"
      noteIdentify(now, key, false)
      return
    }
    const fault = armed.take("RefuseIdentifies")
    if (fault !== undefined) {
      metadata.start(now)
      noteIdentify(now, key, false)
      refuse(now, connection, { invalidSession: fault.invalidSession ?? true, code: fault.code })
      return
    }
    const code = refusalOf(now, wanted)
    noteIdentify(now, key, code === undefined)
    if (code !== undefined) {
      refuse(now, connection, { invalidSession: true, code })
      return
    }
    prune(now)
    begin(now, connection, wanted)
  }

  const begin = (now: number, connection: Connection, wanted: Pick<Identify, "shard" | "intents">): void => {
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

  const refuseResume = (
    now: number,
    connection: Connection,
    sessionId: string,
    options: { readonly invalidSession: boolean; readonly code?: number | undefined; readonly keeps?: true }
  ): void => {
    resumesRefused += 1
    const session = sessions.get(sessionId)
    if (session !== undefined && options.keeps !== true) forget(session)
    refuse(now, connection, options)
  }

  const resume = (now: number, connection: Connection, wanted: Resume): void => {
    if (armed.take("IgnoreResumes") !== undefined) {
      connection.state = "Ignored"
      return
    }
    const { sequence, sessionId } = wanted
    const fault = armed.take("RefuseResumes")
    if (fault !== undefined) {
      return refuseResume(now, connection, sessionId, {
        invalidSession: fault.invalidSession ?? true,
        code: fault.code
      })
    }
    if (platform.ipNotAllowed) {
      return refuseResume(now, connection, sessionId, { invalidSession: true, code: 4924, keeps: true })
    }
    // Another token may still resume this session, so there is no op 9, which would deny that.
    if (!tokens.accepts(now, wanted.token)) {
      return refuseResume(now, connection, sessionId, { invalidSession: false, code: 4004, keeps: true })
    }
    prune(now)
    const session = sessions.get(sessionId)
    if (session === undefined) return refuseResume(now, connection, sessionId, { invalidSession: true, code: 4006 })
    if (sequence > session.sequence || sequence < session.lostThrough) {
      return refuseResume(now, connection, sessionId, { invalidSession: true, code: 4007 })
    }
    if (armed.take("ReadyForResumes") !== undefined) {
      forget(session)
      return begin(now, connection, session)
    }
    resumesAccepted += 1
    const older = session.connection === undefined ? undefined : connections.get(session.connection)
    attach(now, connection, session)
    if (older !== undefined) {
      // The session moves on: this 4902 must not end it.
      older.session = undefined
      close(now, older, 4902, "reset by resume")
    }
    const more = armed.take("ReplayMore")?.events ?? 0
    for (const [s, event] of Session.after(session, sequence, more)) sendEvent(now, connection, s, event)
    sendOwn(now, connection, session, "RESUMED", "")
    reach(now, connection, "ready")
  }

  const heartbeat = (now: number, connection: Connection): void => {
    connection.lastBeat = now
    if (connection.unansweredBeats > 0) {
      connection.unansweredBeats -= 1
      return
    }
    later(now, connection, connection.acknowledgeAfter, (due) =>
      sendControl(due, connection, Frame.Opcode.HeartbeatAck)
    )
  }

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
    const connection = session.connection === undefined ? undefined : connections.get(session.connection)
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

  return {
    upgrade: (now, request) => {
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
    },
    opened: (now, id) => {
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
      // The platform expects what it asked for, as far as that makes sense.
      if (typeof interval === "number" && interval > 0 && interval < Infinity) connection.interval = interval
      send(now, connection, JSON.stringify({ op: Frame.Opcode.Hello, d: { heartbeat_interval: interval } }), {
        op: Frame.Opcode.Hello,
        interval: typeof interval === "number" && Number.isFinite(interval) ? interval : null
      })
      timers.schedule(now + settings.identifyTimeout, (due) => {
        if (isOpen(connection) && connection.state === "Greeted") close(due, connection, 4009, "identify timed out")
      })
      reach(now, connection, "hello")
    },
    received: (now, id, payload) => {
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
      const toIdentify = frame.op === Frame.Opcode.Identify ? readIdentify(frame.d) : undefined
      const toResume = frame.op === Frame.Opcode.Resume ? readResume(frame.d) : undefined
      const beat = frame.op === Frame.Opcode.Heartbeat && (typeof frame.d === "number" || frame.d === null)
      journal.push({
        ...common,
        op: frame.op,
        ...(beat ? { d: frame.d as number | null } : {}),
        ...(toIdentify === undefined ? {} : { intents: toIdentify.intents, shard: shardKey(toIdentify.shard) }),
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
    },
    closed: (now, id, code) => {
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
    },
    dispatch: (now, event, d) => {
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
    },
    inject: (now, fault) => {
      if (fault._tag === "Deafen") {
        for (const session of sessions.values()) session.isDeaf = true
      } else if (fault._tag === "ForgetSessions") {
        for (const session of sessions.values()) forget(session)
      } else {
        const target = fault._tag === "Clear" ? undefined : fault.connection
        for (const connection of targets(target)) injectInto(now, connection, fault)
      }
    },
    counters: () => ({
      identifies,
      resumesAccepted,
      resumesRefused,
      openSockets: sockets.size,
      maxOpenSockets,
      maxConnections
    }),
    violations: () => violations,
    sessions: (now) => {
      prune(now)
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
