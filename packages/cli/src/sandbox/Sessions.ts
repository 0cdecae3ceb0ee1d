/**
 * The state of the bot's sessions, for a person who watches them.
 *
 * @since 0.1.0
 */
import { CloseCode } from "@effect-qq/core"
import type { PlatformModel } from "@effect-qq/core/testing"
import type { Step } from "./Engine.ts"
import type { SessionView, Status } from "./View.ts"

/** Connections whose heartbeats are remembered. */
const maximum = 1000

interface Beats {
  last: number | undefined
  count: number
}

/**
 * @since 0.1.0
 * @category models
 */
export class Sessions {
  private readonly beats = new Map<number, Beats>()
  private interval = 0
  private lastEnd: Status["lastEnd"]
  private webhook: string | null = null
  private readonly model: PlatformModel.PlatformModel

  constructor(model: PlatformModel.PlatformModel) {
    this.model = model
  }

  /** Where events are sent to, besides the sessions. */
  readonly setWebhook = (url: string | null): void => {
    this.webhook = url
  }

  /** Updates the sessions from a step. */
  readonly observe = ({ entries }: Step): void => {
    for (const entry of entries) {
      if (entry.kind === "Received" && entry.op === 1) this.beat(entry.connection, entry.at)
      if (entry.kind === "Sent" && typeof entry.interval === "number") this.interval = entry.interval
      if (entry.kind !== "Closed") continue
      this.beats.delete(entry.connection)
      const { at, by, code } = entry
      this.lastEnd = code === undefined ? { at, by } : { at, by, code, meaning: CloseCode.lookup(code).meaning }
    }
  }

  /** The current state. */
  readonly status = (now: number): Status => {
    const { model } = this
    const { identifies, resumesAccepted, violations } = model.counters()
    const { armed, clockSkew, ipNotAllowed } = model.faults()
    return {
      sessions: model.sessions(now).map((session) => this.view(session)),
      connections: model.connections().length,
      heartbeatInterval: this.interval,
      identifies: identifies.length,
      resumes: resumesAccepted,
      violations,
      ...(this.lastEnd === undefined ? {} : { lastEnd: this.lastEnd }),
      armed: armed.map(({ fault, left }) => ({ name: fault._tag, left: Number.isFinite(left) ? left : null })),
      clockSkew,
      ipNotAllowed,
      webhook: this.webhook
    }
  }

  private beat(connection: number, at: number): void {
    const known = this.beats.get(connection) ?? { last: undefined, count: 0 }
    known.last = at
    known.count += 1
    this.beats.set(connection, known)
    for (const oldest of this.beats.keys()) {
      if (this.beats.size <= maximum) break
      this.beats.delete(oldest)
    }
  }

  private view(session: PlatformModel.SessionView): SessionView {
    const { buffered, connection, id, intents, isDeaf, sequence, shard } = session
    const beats = connection === undefined ? undefined : this.beats.get(connection)
    return {
      id,
      shard: shard.join("/"),
      intents,
      seq: sequence,
      buffered,
      isDeaf,
      beats: beats?.count ?? 0,
      ...(connection === undefined ? {} : { connection }),
      ...(beats?.last === undefined ? {} : { lastBeat: beats.last })
    }
  }
}
