/**
 * The answers to identifies and resumes.
 *
 * @since 0.1.0
 */
import * as Frame from "../../gateway/Frame.ts"
import { type Attachments, shardKey } from "./Attachments.ts"
import type { Connection, Connections } from "./Connections.ts"
import * as Content from "./Content.ts"
import type { IdentifyPace } from "./IdentifyPace.ts"
import type { Metadata } from "./Metadata.ts"
import type { Platform } from "./Platform.ts"
import * as Session from "./Session.ts"
import * as Settings from "./Settings.ts"
import type { Tokens } from "./Tokens.ts"

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value >= 0

/**
 * An IDENTIFY.
 *
 * @since 0.1.0
 * @category models
 */
export interface Identify {
  readonly token: string
  readonly intents: number
  readonly shard: readonly [index: number, count: number]
}

/**
 * Reads one; `undefined` where it is none.
 *
 * @since 0.1.0
 * @category decoding
 */
export const readIdentify = (d: unknown): Identify | undefined => {
  if (!Content.isRecord(d)) return undefined
  const { intents, shard = [0, 1], token } = d
  if (typeof token !== "string" || !isCount(intents) || !Array.isArray(shard) || shard.length !== 2) return undefined
  const [index, count]: ReadonlyArray<unknown> = shard
  return isCount(index) && isCount(count) ? { token, intents, shard: [index, count] } : undefined
}

/**
 * A RESUME.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resume {
  readonly token: string
  readonly sessionId: string
  readonly sequence: number
}

/**
 * Reads one; `undefined` where it is none.
 *
 * @since 0.1.0
 * @category decoding
 */
export const readResume = (d: unknown): Resume | undefined => {
  if (!Content.isRecord(d)) return undefined
  const { seq, session_id: sessionId, token } = d
  return typeof token === "string" && typeof sessionId === "string" && isCount(seq)
    ? { token, sessionId, sequence: seq }
    : undefined
}

/**
 * The answers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Introductions {
  readonly identify: (now: number, connection: Connection, wanted: Identify) => void
  readonly resume: (now: number, connection: Connection, wanted: Resume) => void
  readonly counters: () => { readonly resumesAccepted: number; readonly resumesRefused: number }
}

/**
 * What they depend on.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sides {
  readonly platform: Platform
  readonly tokens: Tokens
  readonly metadata: Metadata
  readonly pace: IdentifyPace
}

/** The refusal of an identify, if any. Every identify with a valid token spends a session start. */
const refusalOf = (
  { metadata, pace, platform, tokens }: Sides,
  now: number,
  identify: Identify
): number | undefined => {
  const { settings } = platform
  const [index, count] = identify.shard
  if (platform.ipNotAllowed) return 4924
  if (!tokens.accepts(now, identify.token)) return 4004
  if (!metadata.start(now)) {
    pace.violate(now, "LateIdentify", shardKey(identify.shard))
    return 4903
  }
  if (settings.refusesPace && pace.isSpent(now)) return 4903
  if (count < 1 || index >= count) return 4010
  // Bitwise operators lose bit 31 and above; no intent has them.
  if (identify.intents > 0x7fffffff || (identify.intents & ~Settings.allIntents) !== 0) return 4013
  if ((identify.intents & ~settings.grantedIntents) !== 0) return settings.refusedIntentsCode
  return undefined
}

/**
 * Introductions on these connections.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  sides: Sides,
  { carrying, close, forget, later, sendControl, sendEvent, sendOwn, sessions }: Connections,
  { attach, begin, prune, reach }: Attachments
): Introductions => {
  const { metadata, pace, platform, tokens } = sides
  const { armed, settings } = platform
  let resumesAccepted = 0
  let resumesRefused = 0

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

  const identify = (now: number, connection: Connection, wanted: Identify): void => {
    const key = shardKey(wanted.shard)
    if (armed.take("IgnoreIdentifies") !== undefined) {
      connection.state = "Ignored"
      pace.note(now, key, false)
      return
    }
    const fault = armed.take("RefuseIdentifies")
    if (fault !== undefined) {
      metadata.start(now)
      pace.note(now, key, false)
      refuse(now, connection, { invalidSession: fault.invalidSession ?? true, code: fault.code })
      return
    }
    const code = refusalOf(sides, now, wanted)
    pace.note(now, key, code === undefined)
    if (code !== undefined) {
      refuse(now, connection, { invalidSession: true, code })
      return
    }
    prune(now)
    begin(now, connection, wanted)
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
    // No op 9: a resume with another token may still succeed.
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
    const older = carrying(session)
    attach(now, connection, session)
    if (older !== undefined) {
      // The session continues on the new connection: this 4902 must not end it.
      older.session = undefined
      close(now, older, 4902, "reset by resume")
    }
    const more = armed.take("ReplayMore")?.events ?? 0
    for (const [s, event] of Session.after(session, sequence, more)) sendEvent(now, connection, s, event)
    sendOwn(now, connection, session, "RESUMED", "")
    reach(now, connection, "ready")
  }

  return { identify, resume, counters: () => ({ resumesAccepted, resumesRefused }) }
}
