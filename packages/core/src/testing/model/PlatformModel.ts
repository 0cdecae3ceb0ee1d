/**
 * The QQ platform as a pure state machine: tokens, metadata and its limiter, sessions with replay buffers, messages in all
 * four scenes with their windows, budgets, quotas, deduplication and audits, files, streams, guilds and groups and what their
 * admins can do, close codes and faults.
 *
 * Every method takes the time first, in epoch milliseconds; the model has no clock. Scheduled work of the platform
 * (a close some time after op 7, the end of an idle connection) is due at {@link PlatformModel.nextWake}. Outputs for the
 * sockets are collected by {@link PlatformModel.drain}. A skin therefore does the same after each call: apply what
 * `drain` returns, then sleep until `nextWake` and call `wake`.
 *
 * Ids come from counters and nothing is random: the same calls give the same answers, byte for byte.
 *
 * Where the platform's documentation is silent, the choices made here are marked "chosen".
 *
 * @since 0.1.0
 */
import * as Anchors from "./Anchors.ts"
import * as Console from "./Console.ts"
import type { Fault } from "../Fault.ts"
import * as GatewaySide from "./GatewaySide.ts"
import * as Groups from "./Groups.ts"
import * as Guilds from "./Guilds.ts"
import * as Heard from "./Heard.ts"
import * as Http from "./Http.ts"
import type { JournalEntry, Scene, SentMessage } from "./Journal.ts"
import * as Messages from "./Messages.ts"
import * as Metadata from "./Metadata.ts"
import type { Answer, Output, Request, Upgrade, UpgradeRequest } from "./Model.ts"
import * as Payloads from "./Payloads.ts"
import * as Platform from "./Platform.ts"
import * as Presses from "./Presses.ts"
import * as Routes from "./Routes.ts"
import * as Session from "./Session.ts"
import * as Settings from "./Settings.ts"
import * as Tokens from "./Tokens.ts"

export type { Replies } from "./Anchors.ts"
export type { GroupView, MemberFields } from "./Groups.ts"
export type { Press, Pressed } from "./Presses.ts"
export type { Counters, SessionView } from "./GatewaySide.ts"
export type { JournalEntry, Scene, SentMessage, Violation } from "./Journal.ts"
export type { Mentioned, Said } from "./Payloads.ts"
export type { Dispatched, Options, Window } from "./Settings.ts"

/**
 * The model.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlatformModel {
  readonly appId: string
  readonly gatewayUrl: string
  readonly bot: { readonly id: string; readonly username: string; readonly openid: string }
  /** Answers an HTTP request. Its effects are complete when this returns; `after` delays only the answer. */
  readonly request: (now: number, request: Request) => Answer
  /** Answers an upgrade request. After `Accept` the skin calls `opened` once the socket is up. */
  readonly upgrade: (now: number, request: UpgradeRequest) => Upgrade
  /** The socket of an accepted upgrade is up: HELLO follows. */
  readonly opened: (now: number, connection: number) => void
  /** A frame came from the client: text, or bytes for a binary frame. */
  readonly received: (now: number, connection: number, payload: string | Uint8Array) => void
  /**
   * The client closed with this code, or vanished without one. 1000 and 1001 end the session; a close without a status and
   * any other code keep it. For a connection that the platform has ended already this does nothing.
   */
  readonly closed: (now: number, connection: number, code?: number) => void
  /** Runs the work that is due. Every other method does so first. */
  readonly wake: (now: number) => void
  /** When the next work is due, in epoch milliseconds. May be too early: `wake` then does nothing. */
  readonly nextWake: () => number | undefined
  /** What the clock of the platform shows, in epoch milliseconds: `ClockSkew` puts it wrong. */
  readonly wallClock: (now: number) => number
  /** Returns the pending outputs for the sockets, in order, and clears them. */
  readonly drain: () => ReadonlyArray<Output>
  /** A user says something. Returns the message id, the `msg_id` of a passive reply. */
  readonly say: (now: number, said: Payloads.Said) => string
  /**
   * Any event, for the sessions whose intents ask for it (event types that no intent is known for go to all). Returns the
   * event id, which is the `event_id` of a passive reply.
   */
  readonly dispatch: (now: number, type: string, d: unknown) => string
  /** A user presses a button below a message of the bot. */
  readonly press: (now: number, press: Presses.Press) => Presses.Pressed
  /** The replies used and left of a message or an event; `undefined` for one that cannot be answered. */
  readonly replies: (id: string) => Anchors.Replies | undefined
  /** A group as its members see it; `undefined` for an unknown group. */
  readonly group: (now: number, group: string) => Groups.GroupView | undefined
  /** Adds a member to a group or updates one, without an event. */
  readonly setMember: (now: number, group: string, member: string, fields: Groups.MemberFields) => void
  /** The pending faults, and the faults that last until cleared. */
  readonly faults: () => {
    readonly armed: ReadonlyArray<{ readonly fault: Fault; readonly left: number }>
    readonly clockSkew: number
    readonly ipNotAllowed: boolean
  }
  /** Injects a fault. */
  readonly inject: (now: number, fault: Fault) => void
  /** Says whether a conversation takes proactive messages; a refusal is 40034105, in a direct conversation 304031. */
  readonly allowProactive: (scene: Scene, target: string, allowed: boolean) => void
  /** Everything that crossed the wire, oldest first. The array lives: copy it to keep it. */
  readonly journal: ReadonlyArray<JournalEntry>
  /** The bot's messages, oldest first, without typing notices. The array lives: copy it to keep it. */
  readonly sent: ReadonlyArray<SentMessage>
  readonly counters: () => GatewaySide.Counters
  /** The sessions that could be resumed or are connected at this time. */
  readonly sessions: (now: number) => ReadonlyArray<GatewaySide.SessionView>
  /** The numbers of the open connections, oldest first. */
  readonly connections: () => ReadonlyArray<number>
  /** Every access token handed out so far: for tests that search for leaked ones. */
  readonly issuedTokens: () => ReadonlyArray<string>
}

/** A fault may contain megabytes; the journal keeps the first characters. */
const abridged = (fault: Fault): Fault => {
  if (fault._tag === "Raw") return { ...fault, payload: fault.payload.slice(0, 64) }
  if (fault._tag !== "Http" || fault.failure._tag !== "Body") return fault
  return { ...fault, failure: { ...fault.failure, body: fault.failure.body.slice(0, 64) } }
}

/**
 * A new platform without any events yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Settings.Options = {}): PlatformModel => {
  const settings = Settings.fromOptions(options)
  const platform = Platform.make(settings)
  const tokens = Tokens.make(platform)
  const metadata = Metadata.make(platform)
  const anchors = Anchors.make(platform)
  const gateway = GatewaySide.make(platform, tokens, metadata)

  const dispatch = (now: number, type: string, d: unknown, text?: string): string => {
    const id = `${type}:${platform.count("event").toString(16).padStart(12, "0")}-4c5e-8a1b-000bbdd9ccda`
    const place = anchors.remember(now, { id, type, d })
    guilds.remember(type, d)
    groups.remember(now, type, d)
    const payloadId = typeof d === "object" && d !== null ? (d as { readonly id?: unknown }).id : undefined
    platform.journal.push({
      at: now,
      kind: "Said",
      type,
      event: id,
      ...(typeof payloadId === "string" ? { id: payloadId } : {}),
      ...place,
      ...(text === undefined ? {} : { text })
    })
    settings.onDispatch?.({ id, type, d })
    gateway.dispatch(now, Session.event(id, type, d), d)
    return id
  }

  const heard = Heard.make(platform)
  const messages = Messages.make(platform, anchors, gateway, heard, dispatch)
  const guilds = Guilds.make(platform, dispatch)
  const groups = Groups.make(platform, dispatch)
  const administration = Routes.make([guilds.table, groups.table, Console.make(platform)])
  const http = Http.make(platform, tokens, metadata, messages, administration)

  const inject = (now: number, fault: Fault): void => {
    platform.journal.push({ at: now, kind: "Fault", fault: abridged(fault) })
    switch (fault._tag) {
      case "Drop":
      case "Freeze":
      case "StopAcks":
      case "DelayAcks":
      case "Reconnect":
      case "InvalidSession":
      case "Close":
      case "Raw":
      case "ServerHeartbeat":
      case "Deafen":
      case "ForgetSessions":
        return gateway.inject(now, fault)
      case "TokenRevoked":
        return tokens.revoke()
      case "IpNotAllowed":
        platform.ipNotAllowed = true
        return
      case "ClockSkew":
        platform.clockSkew = fault.by
        return
      case "Clear":
        platform.armed.clear()
        platform.ipNotAllowed = false
        platform.clockSkew = 0
        return gateway.inject(now, fault)
      default:
        return platform.armed.arm(fault)
    }
  }

  /** Runs the work that is due before the call. */
  const after = <A>(now: number, run: () => A): A => {
    platform.timers.wake(now)
    return run()
  }

  return {
    appId: settings.appId,
    gatewayUrl: settings.gatewayUrl,
    bot: settings.bot,
    request: (now, request) => after(now, () => http(now, request)),
    upgrade: (now, request) => after(now, () => gateway.upgrade(now, request)),
    opened: (now, connection) => after(now, () => gateway.opened(now, connection)),
    received: (now, connection, payload) => after(now, () => gateway.received(now, connection, payload)),
    closed: (now, connection, code) => after(now, () => gateway.closed(now, connection, code)),
    wake: platform.timers.wake,
    nextWake: platform.timers.next,
    wallClock: (now) => now + platform.clockSkew,
    drain: () => platform.outputs.splice(0),
    say: (now, said) =>
      after(now, () => {
        const message = Payloads.make(platform, now, said, heard.quotation)
        const { d, id, scene, target } = message
        heard.remember({ id, scene, target, at: now, text: said.text, d })
        for (const { d, type } of message.events) dispatch(now, type, d, said.text)
        return message.id
      }),
    dispatch: (now, type, d) => after(now, () => dispatch(now, type, d)),
    press: (now, press) => after(now, () => Presses.press(platform, anchors.guildOf, dispatch, now, press)),
    faults: () => ({
      armed: platform.armed.waiting(),
      clockSkew: platform.clockSkew,
      ipNotAllowed: platform.ipNotAllowed
    }),
    replies: anchors.replies,
    group: groups.view,
    setMember: groups.setMember,
    inject: (now, fault) => after(now, () => inject(now, fault)),
    allowProactive: messages.allowProactive,
    journal: platform.journal.entries,
    sent: platform.sent.entries,
    counters: () => ({
      ...gateway.counters(),
      violations: gateway.violations(),
      journalDropped: platform.journal.dropped()
    }),
    sessions: (now) => after(now, () => gateway.sessions(now)),
    connections: gateway.connections,
    issuedTokens: tokens.issued
  }
}
