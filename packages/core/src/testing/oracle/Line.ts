/**
 * A shard as the wire shows it.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "../model/Journal.ts"

/**
 * What is known of one shard: its connections one after another, and the session that they carry.
 *
 * @since 0.1.0
 * @category models
 */
export interface Line {
  readonly shard: string
  current: Attempt | undefined
  state: string
  stateAt: number
  sessionStartedAt: number
  firstSessionAt: number
  /** How far the wall clock of the bot was ahead then. */
  sessionAhead: number
  sessionDoubted: boolean
  /** The same before the last op 9. */
  sessionDoubtedBefore: boolean
  unconfirmed: number
  /** A frame of the session was too large. */
  skips: boolean
  unconfirmedOfSession: number
  rung: number
  startupRung: number
  everGreeted: boolean
  quick: number
  requestedBefore: number
  invalids: number
  required: { readonly from: number; readonly wait: number; readonly because: string } | undefined
  resuming: string | undefined
  readonly resumedAt: Array<number>
  /** Sessions that the bot had good reason to give up: what only they could bring is not waited for. */
  readonly abandoned: Set<string>
}

/**
 * A shard that has not dialled.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (shard: string): Line => ({
  shard,
  current: undefined,
  state: "Disconnected",
  stateAt: 0,
  sessionStartedAt: 0,
  firstSessionAt: Number.POSITIVE_INFINITY,
  sessionAhead: 0,
  sessionDoubted: false,
  sessionDoubtedBefore: false,
  unconfirmed: 0,
  skips: false,
  unconfirmedOfSession: 0,
  rung: 0,
  startupRung: 0,
  everGreeted: false,
  quick: 0,
  requestedBefore: Number.NEGATIVE_INFINITY,
  invalids: 0,
  required: undefined,
  resuming: undefined,
  resumedAt: [],
  abandoned: new Set()
})

/**
 * An ended or living connection attempt, as the platform saw it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attempt {
  readonly line: Line
  readonly dialledAt: number
  readonly connection: number | undefined
  opened: boolean
  /** HELLO, READY or RESUMED. */
  greetedAt: number | undefined
  readyAt: number | undefined
  introduced: "identify" | "resume" | undefined
  beatAt: number | undefined
  /** The last beat that the platform did not ask for. */
  ownBeatAt: number
  /** The longest time between two beats, in milliseconds. */
  interval: number
  /** The beats that the platform asked for. */
  beatsAsked: number
  /** The platform has answered a beat since READY. */
  answered: boolean
  frozenAt: number | undefined
  endedAt: number | undefined
  /** The last sign of it. */
  lastAt: number
  /** op 7 or 4009 came first. */
  requestedAt: number | undefined
  /** op 9 came. */
  invalidAt: number | undefined
  closeCode: number | undefined
  /** The HTTP status of a refused upgrade. */
  status: number | undefined
  /** A frame came that is larger than anything is read. */
  tooLarge: boolean
  /** Something but the client did something to it. */
  disturbed: boolean
}

/**
 * An attempt that has just been made.
 *
 * @since 0.1.0
 * @category constructors
 */
export const attempt = (
  line: Line,
  entry: Extract<JournalEntry, { readonly kind: "Upgrade" }>,
  interval: number
): Attempt => ({
  line,
  dialledAt: entry.at,
  connection: entry.connection,
  opened: false,
  greetedAt: undefined,
  readyAt: undefined,
  introduced: undefined,
  beatAt: undefined,
  ownBeatAt: Number.NEGATIVE_INFINITY,
  interval,
  beatsAsked: 0,
  answered: false,
  frozenAt: undefined,
  endedAt: entry.outcome === "Accept" ? undefined : entry.at,
  lastAt: entry.at,
  requestedAt: undefined,
  invalidAt: undefined,
  closeCode: undefined,
  status: entry.status,
  tooLarge: false,
  disturbed: false
})

/**
 * A process that begins knows nothing of the connections of the last one.
 *
 * @since 0.1.0
 * @category models
 */
export const forgetProcess = (line: Line, now: number): void => {
  line.rung = 0
  line.startupRung = 0
  line.everGreeted = false
  line.quick = 0
  line.requestedBefore = Number.NEGATIVE_INFINITY
  line.invalids = 0
  line.required = undefined
  line.unconfirmed = 0
  line.skips = false
  line.current = undefined
  line.resumedAt.length = 0
  line.state = "Disconnected"
  line.stateAt = now
}
