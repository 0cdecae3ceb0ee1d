/**
 * The events that came through a webhook: each is taken once, and acknowledged as the policy says.
 *
 * @since 0.1.0
 */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Frame from "../gateway/Frame.ts"
import * as ClaimedEvents from "./ClaimedEvents.ts"
import type { EventClaimsShape } from "./EventClaims.ts"
import { count, type Refusal } from "./Refusal.ts"
import type { WebhookIntakeShape } from "./WebhookIntake.ts"
import type { WebhookPolicy } from "./WebhookPolicy.ts"

/** The longest envelope id that is remembered as such; that of the platform has some sixty characters. */
const longestId = 256

/**
 * The answer that acknowledges an event.
 *
 * @since 0.1.0
 * @category constants
 */
export const acknowledgement = HttpServerResponse.unsafeJson({ op: Frame.Opcode.CallbackAck, d: 0 })

type Answer = Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal>

/** An event that was taken; `done` completes when it may be acknowledged. */
interface Taken {
  readonly done: Effect.Effect<void, Refusal>
}

const received: Taken = { done: Effect.void }

/**
 * The events of the last while by name. Two generations, so that forgetting costs nothing per event: each is kept for
 * the window at least, and for twice as long at most.
 */
const makeMemory = (window: number, capacity: number) => {
  let young = new Map<string, Taken>()
  let old = new Map<string, Taken>()
  let since = 0
  return {
    get: (name: string): Taken | undefined => young.get(name) ?? old.get(name),
    add: (name: string, taken: Taken, now: number): void => {
      if (young.size >= capacity / 2 || Math.abs(now - since) >= window) {
        old = young
        young = new Map()
        since = now
      }
      young.set(name, taken)
    },
    forget: (name: string): void => {
      for (const generation of [young, old]) generation.delete(name)
    }
  }
}

/** One that cannot be overlooked when it is repeated; a signature covers its timestamp. */
const nameOf = (event: Frame.Frame, signature: string): string =>
  event.id === undefined || event.id === "" || event.id.length > longestId
    ? `signature:${signature.toLowerCase()}`
    : `event:${event.id}`

const acknowledged = (taken: Taken, outcome: string): Answer =>
  Effect.map(taken.done, () => {
    count(outcome)
    return acknowledgement
  })

/**
 * The events of one webhook.
 *
 * @since 0.1.0
 * @category models
 */
export class WebhookEvents {
  private readonly policy: WebhookPolicy
  private readonly intake: Pick<WebhookIntakeShape, "offer">
  private readonly claims: EventClaimsShape | undefined
  private readonly memory: ReturnType<typeof makeMemory>

  /** `claims`: where other processes may receive the same events. */
  constructor(
    policy: WebhookPolicy,
    intake: Pick<WebhookIntakeShape, "offer">,
    claims: EventClaimsShape | undefined = undefined
  ) {
    this.policy = policy
    this.intake = intake
    this.claims = claims
    const window = Math.max(Duration.toMillis(policy.memory), 2 * Duration.toMillis(policy.tolerance))
    this.memory = makeMemory(window, policy.memoryCapacity)
  }

  /**
   * Takes an event, unless it was taken before. Between the look at the memory and the note in it nothing else happens: of
   * two at once, one is the first. `now`: epoch milliseconds.
   */
  deliver(event: Frame.Frame, size: number, signature: string, now: number): Answer {
    return Effect.suspend(() => {
      const name = nameOf(event, signature)
      const before = this.memory.get(name)
      if (before !== undefined) return acknowledged(before, "duplicate")
      // the sequence number is none of a session that could be resumed
      const numberless = { ...event, s: undefined }
      if (this.claims !== undefined) return this.deliverClaimed(this.claims, numberless, size, name, now)
      const taken = this.offer(numberless, size, name)
      if (typeof taken === "string") return Effect.fail(taken)
      this.memory.add(name, taken, now)
      return acknowledged(taken, "taken")
    })
  }

  /** Delivers an event that other processes may receive too. It is recorded first: a repetition waits for its outcome. */
  private deliverClaimed(
    claims: EventClaimsShape,
    event: Frame.Frame,
    size: number,
    name: string,
    now: number
  ): Answer {
    const outcome = Deferred.unsafeMake<"taken" | "duplicate", Refusal>(FiberId.none)
    this.memory.add(name, { done: Effect.asVoid(Deferred.await(outcome)) }, now)
    const offered = Effect.suspend((): Effect.Effect<void, Refusal> => {
      const taken = this.offer(event, size, name)
      return typeof taken === "string" ? Effect.fail(taken) : taken.done
    })
    const taking = ClaimedEvents.take(claims, name, offered, (reason) => reason === "NotSettled").pipe(
      Effect.onExit((exit) => {
        if (Exit.isFailure(exit)) this.memory.forget(name)
        return Deferred.done(outcome, exit)
      })
    )
    // apart from the request: a client that goes away must not leave an event half taken
    return Effect.zipRight(
      Effect.forkDaemon(Effect.interruptible(taking)),
      Effect.flatMap(Deferred.await(outcome), (what) => acknowledged(received, what))
    )
  }

  private offer(event: Frame.Frame, size: number, name: string): Taken | Refusal {
    if (this.policy.acknowledge === "settled") return this.offerUnsettled(event, size, name)
    const offered = this.intake.offer(event, size)
    return offered === "Taken" ? received : offered
  }

  /** Offers an event that is acknowledged when its handlers are done. */
  private offerUnsettled(event: Frame.Frame, size: number, name: string): Taken | Refusal {
    const settlement = Deferred.unsafeMake<void, Refusal>(FiberId.none)
    const offered = this.intake.offer(event, size, (settled) => {
      // cut off: the next attempt is for the run that takes it then
      if (!settled) this.memory.forget(name)
      Deferred.unsafeDone(settlement, settled ? Exit.void : Exit.fail("Absent"))
    })
    if (offered !== "Taken") return offered
    return {
      done: Effect.timeoutFail(Deferred.await(settlement), {
        duration: this.policy.settleTimeout,
        onTimeout: (): Refusal => "NotSettled"
      })
    }
  }
}
