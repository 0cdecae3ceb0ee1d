/**
 * What goes wrong in a simulation: a table of mishaps, from which chance draws. A mishap strikes at once and is over after
 * a while: then whatever still waits is taken back, so that the bot can be asked to be well again.
 *
 * @since 0.1.0
 */
import * as Fault from "../Fault.ts"
import type { Dice } from "./Dice.ts"
import type * as Store from "./Store.ts"

/**
 * The kinds of mishaps.
 *
 * - `network`: connections that break, freeze or cannot be made; frames that are none.
 * - `gateway`: op 7, op 9, close codes, refused and ignored resumes and identifies, sessions that are forgotten.
 * - `delivery`: duplicates, twins, reordering, skipped and repeated sequence numbers.
 * - `http`: tokens, metadata and messages that fail before or after they were accepted.
 * - `refusal`: a first reply that is refused as if all were used, identifies refused several times in a row while the bot was
 *   online, replies that wait for moderation, timestamps that are off.
 * - `oddity`: READY in answer to a resume, strange heartbeat intervals.
 * - `deafness`: the session gets no event any more, while everything else looks well.
 * - `address`: the address of the bot is not on the allow-list, for some minutes.
 * - `clock`: the wall clock of the bot is set.
 * - `store`: the store fails, hangs or is slow, perhaps while the bot ends and comes back.
 * - `frame`: a frame that is larger than anything is read.
 * - `stream`: a user asks for a streamed reply, and while it is written its pieces fail or are refused, or the bot ends.
 * - `restart`: the bot is told to leave and comes back.
 * - `crash`: the bot ends without a word and comes back with what it had stored.
 *
 * @since 0.1.0
 * @category models
 */
export type FaultKind =
  | "network"
  | "gateway"
  | "delivery"
  | "http"
  | "refusal"
  | "oddity"
  | "deafness"
  | "address"
  | "clock"
  | "store"
  | "frame"
  | "stream"
  | "restart"
  | "crash"

/**
 * Every kind there is.
 *
 * @since 0.1.0
 * @category constants
 */
export const faultKinds: readonly [FaultKind, ...ReadonlyArray<FaultKind>] = [
  "network",
  "gateway",
  "delivery",
  "http",
  "refusal",
  "oddity",
  "deafness",
  "address",
  "clock",
  "store",
  "frame",
  "stream",
  "restart",
  "crash"
]

/**
 * One mishap.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mishap {
  readonly name: string
  /** Injected together, in this order. */
  readonly faults: ReadonlyArray<Fault.Fault>
  /** Milliseconds until whatever still waits is taken back. */
  readonly lasts: number
  /** Injected when it is over. */
  readonly ends: ReadonlyArray<Fault.Fault>
  /** By how many milliseconds the wall clock of the bot is set, at the beginning and at the end. */
  readonly steps: readonly [first: number, last: number]
  /** What the store does meanwhile. With a process that ends, it ends when this has lasted. */
  readonly store: Store.Trouble | undefined
  /** A user asks first for a reply that is streamed over `work` ms; the rest happens `after` milliseconds. */
  readonly stream: { readonly work: number; readonly after: number } | undefined
  /** Which process of several is struck by what strikes one: at least 0, below 1. */
  readonly which: number
  /** What happens to the process of the bot, and for how many milliseconds it is away. */
  readonly process: { readonly _tag: "Restart" | "Crash"; readonly away: number } | undefined
}

type Draw = (dice: Dice) => Pick<Mishap, "faults"> & Partial<Mishap>

const second = 1000

const closes = (...codes: readonly [number, ...ReadonlyArray<number>]): Draw => {
  return (dice) => ({ faults: [Fault.close(dice.pick(codes))] })
}

/** Breaks the connection after something was prepared for the next one. */
const thenDrop = (prepare: (dice: Dice) => ReadonlyArray<Fault.Fault>): Draw => {
  return (dice) => ({ faults: [...prepare(dice), dice.chance(0.5) ? Fault.drop() : Fault.close(1011)] })
}

/** A session that is gone makes the next connection identify. */
const thenIdentify = (prepare: (dice: Dice) => ReadonlyArray<Fault.Fault>): Draw => {
  return (dice) => ({ faults: [...prepare(dice), Fault.forgetSessions, Fault.drop()] })
}

/** Strikes while a reply is written. */
const midStream = (draw: Draw): Draw => {
  return (dice) => {
    const work = dice.between(4000, 24_000)
    return { ...draw(dice), stream: { work, after: dice.between(0, work) } }
  }
}

const httpFailure = (dice: Dice, ...more: ReadonlyArray<Fault.HttpFailure>): Fault.HttpFailure =>
  dice.pick([
    Fault.status(500),
    Fault.status(502),
    Fault.html(504),
    Fault.status(503, { code: 50_055_001, message: "injected failure" }),
    Fault.body(200, "null"),
    Fault.body(200, ""),
    Fault.reset({ accepted: false }),
    Fault.reset({ accepted: true }),
    Fault.hang({ accepted: false }),
    Fault.hang({ accepted: true }),
    Fault.refused,
    Fault.slow(dice.between(1, 8) * second),
    ...more
  ])

/** Answers of the right form without what was asked for. */
const hollow = [Fault.body(200, "{}"), Fault.body(200, "[]")] as const

/** A message is sent five times at most, so four failures in a row are the most that a reply survives. */
const sendFailures = (dice: Dice): ReadonlyArray<Fault.Fault> =>
  Array.from({ length: dice.between(1, 4) }, () =>
    Fault.http("send", dice.chance(0.15) ? Fault.status(429) : httpFailure(dice))
  )

/** What a HELLO may have as its heartbeat interval, in milliseconds; `undefined`: it has none. */
const intervals = [
  undefined,
  null,
  "",
  "soon",
  "41250",
  true,
  [],
  {},
  -41_250,
  -1,
  0,
  1e300,
  4_294_967_296,
  86_400_000,
  900_000,
  120_000.5,
  5000
] as const

/** A slow store answers before anyone gives up. */
const storeTrouble = (dice: Dice): Store.Trouble =>
  dice.pick<Store.Trouble>([{ _tag: "Fails" }, { _tag: "Hangs" }, { _tag: "Slow", after: dice.between(200, 3000) }])

const table: { readonly [Kind in FaultKind]: Readonly<Record<string, Draw>> } = {
  network: {
    drop: () => ({ faults: [Fault.drop()] }),
    freeze: () => ({ faults: [Fault.freeze()] }),
    stopAcks: () => ({ faults: [Fault.stopAcks()] }),
    missedAck: () => ({ faults: [Fault.stopAcks({ beats: 1 })] }),
    delayAcks: (dice) => ({ faults: [Fault.delayAcks(dice.between(1, 20) * second)] }),
    unreachable: thenDrop((dice) => [Fault.unreachable({ times: dice.between(1, 6) })]),
    refuseUpgrade: thenDrop((dice) => [
      Fault.refuseUpgrade(dice.pick([429, 500, 502, 503]), { times: dice.between(1, 4) })
    ]),
    silentUpgrade: thenDrop((dice) => [Fault.silentUpgrade({ times: dice.between(1, 3) })]),
    noHello: thenDrop((dice) => [Fault.noHello({ times: dice.between(1, 3) })]),
    acceptThenClose: thenDrop((dice) => [
      Fault.acceptThenClose({
        moment: dice.pick(["open", "hello", "ready"]),
        after: dice.pick([0, 100, 4000, 6000]),
        times: dice.between(1, 6),
        ...(dice.chance(0.5) ? { code: dice.pick([1000, 1011, 1006]) } : {})
      })
    ]),
    garbage: (dice) => ({
      faults: [
        dice.pick([Fault.notJson, Fault.notAFrame, Fault.emptyFrame, Fault.binaryFrame, Fault.unknownOpcode]),
        Fault.serverHeartbeat()
      ]
    })
  },
  gateway: {
    reconnect: () => ({ faults: [Fault.reconnect()] }),
    reconnectThenClose: (dice) => ({
      faults: [Fault.reconnect({ thenClose: { code: 4009, after: dice.between(0, 3) * second } })]
    }),
    expire: closes(4009),
    resumableInvalid: (dice) => ({
      faults: [Fault.invalidSession(true, dice.chance(0.5) ? { thenClose: { code: 4009 } } : {})]
    }),
    invalid: (dice) => ({
      faults: [Fault.invalidSession(false, dice.chance(0.5) ? { thenClose: { code: 4006, after: 500 } } : {})]
    }),
    closeAndResume: closes(1000, 1001, 1006, 1011, 1012),
    closeAndIdentify: closes(4003, 4005, 4006, 4007, 4900, 4902, 4906, 4913, 4999),
    slowDown: closes(4008),
    badToken: () => ({ faults: [Fault.tokenRevoked, Fault.close(4004)] }),
    forget: () => ({ faults: [Fault.forgetSessions, Fault.drop()] }),
    refuseResume: thenDrop((dice) => [
      Fault.refuseResumes({
        invalidSession: dice.chance(0.7),
        ...(dice.chance(0.6) ? { code: dice.pick([4902, 4006, 4900]) } : { invalidSession: true }),
        times: dice.between(1, 2)
      })
    ]),
    ignoreResume: thenDrop((dice) => [Fault.ignoreResumes({ times: dice.between(1, 4) })]),
    refuseIdentify: thenIdentify((dice) => [
      Fault.refuseIdentifies({ times: dice.between(1, 2), ...(dice.chance(0.5) ? { code: 4903 } : {}) })
    ]),
    ignoreIdentify: thenIdentify((dice) => [Fault.ignoreIdentifies({ times: dice.between(1, 2) })])
  },
  delivery: {
    duplicate: (dice) => ({ faults: [Fault.duplicate({ fresh: dice.chance(0.5), times: dice.between(1, 5) })] }),
    twin: (dice) => ({ faults: [Fault.twin({ times: dice.between(1, 5) })] }),
    reorder: (dice) => ({ faults: [Fault.reorder({ times: dice.between(1, 3) })] }),
    skipSequence: (dice) => ({ faults: [Fault.skipSequence({ by: dice.between(1, 100) })] }),
    replayMore: thenDrop((dice) => [Fault.replayMore(dice.between(1, 5))])
  },
  http: {
    send: (dice) => ({ faults: sendFailures(dice) }),
    token: (dice) => ({
      faults: [
        Fault.http("token", httpFailure(dice, ...hollow), { times: dice.between(1, 3) }),
        Fault.tokenRevoked,
        ...(dice.chance(0.5) ? [Fault.drop()] : [])
      ]
    }),
    metadata: thenDrop((dice) => [
      dice.chance(0.3) ? Fault.rateLimitMetadata() : Fault.http("metadata", httpFailure(dice, ...hollow), { times: 2 }),
      Fault.unreachable({ times: 4 })
    ]),
    revoke: () => ({ faults: [Fault.tokenRevoked] })
  },
  refusal: {
    spentReply: (dice) => ({
      faults: [Fault.refuseMessage("passive", { code: 22009, status: 429, times: dice.between(1, 3) })]
    }),
    invalidBurst: thenIdentify((dice) => [
      Fault.refuseIdentifies({ times: dice.between(3, 5), ...(dice.chance(0.5) ? { code: 4903 } : {}) })
    ]),
    audit: (dice) => ({
      faults: [
        Fault.audit(dice.pick(["pass", "reject", "never"]), {
          after: dice.between(0, 60) * second,
          status: dice.pick([200, 201, 202]),
          times: dice.between(1, 3)
        })
      ]
    }),
    clockSkew: (dice) => ({ faults: [Fault.clockSkew(dice.between(-600, 600) * second)] })
  },
  oddity: {
    // what was said while the bot could not connect is not replayed to the new session
    readyForResume: thenDrop((dice) => [
      Fault.readyForResumes({ times: dice.between(1, 2) }),
      Fault.unreachable({ times: dice.between(1, 4) })
    ]),
    // as long as the connection lasts
    hello: thenDrop((dice) => [Fault.hello(dice.pick(intervals))])
  },
  deafness: {
    deaf: (dice) => ({
      faults: [Fault.deafen],
      // a session that nothing ends stays deaf until it is old
      ...(dice.chance(0.5) ? { ends: [Fault.forgetSessions, Fault.drop()] } : {})
    })
  },
  address: {
    // a reply that cannot be sent is tried again for five minutes
    notAllowed: (dice) => ({
      faults: [Fault.ipNotAllowed, ...(dice.chance(0.3) ? [Fault.forgetSessions] : []), Fault.drop()],
      lasts: dice.between(10, 240) * second
    })
  },
  clock: {
    step: (dice) => {
      const by = dice.pick([6, 6, -60, 1, -1]) * 60 * second
      return { faults: [], steps: [by, dice.chance(0.5) ? -by : 0] }
    }
  },
  store: {
    trouble: (dice) => ({
      faults: [],
      store: storeTrouble(dice),
      ...(dice.chance(0.3) ? { lasts: dice.between(3, 15) * 60 * second } : {})
    }),
    endsMeanwhile: (dice) => ({
      faults: [],
      store: storeTrouble(dice),
      process: { _tag: dice.pick(["Restart", "Crash"]), away: dice.between(5, 60) * second }
    })
  },
  frame: {
    tooLarge: (dice) => ({ faults: [Fault.swell()], lasts: dice.between(1, 10) * 60 * second })
  },
  stream: {
    failingPieces: midStream((dice) => ({
      faults: Array.from({ length: dice.between(1, 4) }, () =>
        Fault.http("stream", dice.chance(0.15) ? Fault.status(429) : httpFailure(dice))
      )
    })),
    // ordinary replies are shorter
    refusedPieces: midStream((dice) => ({
      faults: [
        Fault.refuseMessage("any", {
          code: dice.pick([40_054_007, 40_034_006, 50_001]),
          longerThan: dice.between(16, 120),
          times: dice.between(1, 4)
        })
      ]
    })),
    endsMidway: midStream((dice) => ({
      faults: [],
      process: { _tag: dice.pick(["Restart", "Crash", "Crash"]), away: dice.between(5, 60) * second }
    }))
  },
  restart: {
    restart: (dice) => ({
      faults: [],
      process: { _tag: "Restart", away: dice.between(5, 60) * second }
    }),
    // the session may be gone when the bot is back
    longRestart: (dice) => ({
      faults: [],
      process: { _tag: "Restart", away: dice.between(10, 45) * 60 * second }
    })
  },
  crash: {
    crash: (dice) => ({ faults: [], process: { _tag: "Crash", away: dice.between(5, 60) * second } })
  }
}

const isKind = (kinds: ReadonlyArray<FaultKind>, kind: string): kind is FaultKind =>
  (kinds as ReadonlyArray<string>).includes(kind)

/**
 * Draws from the mishaps of these kinds, each kind as likely as any other.
 *
 * @since 0.1.0
 * @category constructors
 */
export const draw = (dice: Dice, kinds: readonly [FaultKind, ...ReadonlyArray<FaultKind>]): Mishap => {
  const kind = dice.pick(kinds)
  const names = Object.keys(table[kind])
  const name = names[dice.between(0, names.length - 1)] ?? ""
  const drawn = table[kind][name]?.(dice)
  return {
    name,
    faults: drawn?.faults ?? [],
    ends: drawn?.ends ?? [],
    steps: drawn?.steps ?? [0, 0],
    lasts: drawn?.lasts ?? dice.between(5, 150) * second,
    store: drawn?.store,
    stream: drawn?.stream,
    // users write to the first one
    which: drawn?.stream === undefined ? dice.next() : 0,
    process: drawn?.process
  }
}

/**
 * The kinds among these names, at least one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const kindsOf = (
  names: ReadonlyArray<FaultKind> | undefined
): readonly [FaultKind, ...ReadonlyArray<FaultKind>] => {
  const [first, ...rest] = (names ?? faultKinds).filter((name) => isKind(faultKinds, name))
  return first === undefined ? faultKinds : [first, ...rest]
}
