/** A webhook without a network, what it hands on, and a platform that calls it. */
import { BotConfig, type Signature, Webhook, WebhookIntake, WebhookMetrics, type WebhookPolicy } from "@effect-qq/core"
import { WebhookClient } from "@effect-qq/core/testing"
import { NodeSignature } from "@effect-qq/node"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { Frame } from "../../../packages/core/src/gateway/Frame.ts"

export const appId = "1905000001"
export const secret = Redacted.make("naOC0ocQE3shWLAfffVLB1rhYPG7")

export const now = 1_760_000_000_000

export type Services = BotConfig.BotConfig | Signature.Signature | WebhookIntake.WebhookIntake

/** The services of one bot, which is silent unless somebody listens; no handlers run yet. */
export const services = (
  options: { readonly appId?: string; readonly secret?: Redacted.Redacted } = {}
): Layer.Layer<Services> =>
  Layer.mergeAll(NodeSignature.layer, WebhookIntake.layer, Logger.remove(Logger.defaultLogger)).pipe(
    Layer.provideMerge(BotConfig.layer({ appId: options.appId ?? appId, secret: options.secret ?? secret }))
  )

export interface Offer {
  readonly event: Frame
  readonly size: number
  readonly settled: () => void
}

export interface World extends Webhook.WebhookShape {
  readonly platform: WebhookClient.WebhookClient<never>
  /** What was taken, oldest first. */
  readonly offers: Array<Offer>
  readonly state: { full: boolean }
}

/** A webhook behind which events are written down. */
export const make = (
  policy?: Partial<WebhookPolicy.WebhookPolicy>
): Effect.Effect<World, never, Services | Scope.Scope> =>
  Effect.gen(function* () {
    yield* TestClock.setTime(now)
    const offers: Array<Offer> = []
    const state = { full: false }
    const intake = yield* WebhookIntake.WebhookIntake
    yield* intake.open({
      offer: (event, size, settled) => {
        if (!state.full) offers.push({ event, size, settled: () => settled?.(true) })
        return !state.full
      }
    })
    const webhook = yield* Webhook.make(policy)
    const platform = yield* WebhookClient.make(WebhookClient.toApp(webhook.app))
    return { ...webhook, platform, offers, state }
  })

export const hello = {
  id: "C2C_MESSAGE_CREATE:hello",
  t: "C2C_MESSAGE_CREATE",
  s: 7,
  d: { id: "m1", author: { user_openid: "u1" }, content: "hi" }
}

/** The body of an event. */
export const body = (event: object = hello): string => JSON.stringify({ op: 0, ...event })

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** How often a request had this outcome since the effect before it began. */
export const counted = <A, E, R>(outcome: string, effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.gen(function* () {
    const value = Effect.map(
      Metric.value(Metric.taggedWithLabels(WebhookMetrics.requests, [MetricLabel.make("outcome", outcome)])),
      ({ count }) => count
    )
    const before = yield* value
    yield* effect
    return (yield* value) - before
  })

export interface Line {
  readonly at: number
  readonly level: string
  readonly text: string
}

/** Writes down what is logged meanwhile, annotations and all. */
export const logged = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<ReadonlyArray<Line>, E, R> =>
  Effect.gen(function* () {
    const lines: Array<Line> = []
    const clock = yield* Effect.clock
    const logger = Logger.make(({ annotations, cause, logLevel, message }) => {
      const text = JSON.stringify([message, cause, Object.fromEntries(HashMap.toEntries(annotations))])
      lines.push({ at: clock.unsafeCurrentTimeMillis(), level: logLevel.label, text })
    })
    yield* Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger))
    return lines
  })
