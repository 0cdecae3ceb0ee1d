/**
 * Calls of the bot's address, signed, for a bot that is served by webhook.
 *
 * @since 0.1.0
 */
import { BotConfig, Signature } from "@effect-qq/core"
import { type PlatformModel, WebhookClient } from "@effect-qq/core/testing"
import { NodeSignature } from "@effect-qq/node"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Engine } from "./Engine.ts"
import type { Board } from "./Board.ts"
import * as Tracing from "./Tracing.ts"

/** Maximum number of events queued for a slow bot; the oldest are dropped. */
const capacity = 1000

/** Calls at the same time, so that a handler that waits for another event gets it. */
const concurrency = 8

/** The timeout of the check of an address. */
const patience = Duration.seconds(5)

/**
 * @since 0.1.0
 * @category models
 */
export interface Calls {
  /**
   * Checks an address as the console of the platform does, and sends every event there from then on; `null` ends that.
   * Succeeds with the reason why the address cannot be used, or `undefined`.
   */
  readonly use: (url: string | null) => Effect.Effect<string | undefined>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly engine: Engine
  readonly board: Board
  readonly appId: string
  readonly secret: Redacted.Redacted
}): Effect.Effect<Calls, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { appId, board, engine, secret } = options
    const events = yield* Queue.sliding<PlatformModel.Dispatched>(capacity)
    let current:
      | { readonly url: string; readonly client: WebhookClient.WebhookClient<HttpClientError.HttpClientError> }
      | undefined

    engine.observe((step) => {
      if (current === undefined) return
      for (const event of step.events) events.unsafeOffer(event)
    })

    const clientOf = (url: string) =>
      WebhookClient.toUrl(url).pipe(
        Effect.flatMap((target) => WebhookClient.make(target)),
        Effect.provide(FetchHttpClient.layer),
        Effect.provideService(BotConfig.BotConfig, BotConfig.make({ appId, secret })),
        Effect.provideService(Signature.Signature, NodeSignature.make(secret))
      )

    const deliver = (event: PlatformModel.Dispatched): Effect.Effect<void> =>
      Effect.suspend(() => {
        const bot = current
        if (bot === undefined) return Effect.void
        return Effect.map(bot.client.deliver({ id: event.id, t: event.type, d: event.d, s: undefined }), (answers) => {
          const last = answers.at(-1)
          const trace = board.tracing.add(engine.now(), {
            _tag: "Call",
            url: bot.url,
            type: event.type,
            statuses: answers.map(({ status }) => status),
            acknowledged: last?.status === 200,
            body: Tracing.redact(JSON.stringify({ op: 0, id: event.id, t: event.type, d: event.d })),
            answer: Tracing.redact(last?.body ?? "")
          })
          board.publish({ _tag: "Trace", trace: [trace] })
        })
      })

    yield* Effect.forkScoped(
      Effect.all(
        Array.from({ length: concurrency }, () => Effect.forever(Effect.flatMap(Queue.take(events), deliver))),
        { concurrency: "unbounded", discard: true }
      )
    )

    const settle = (url: string | null): void => {
      board.sessions.setWebhook(url)
      const now = engine.now()
      board.publish({ _tag: "Status", status: board.sessions.status(now), now })
    }

    return {
      use: (url) =>
        Effect.gen(function* () {
          if (url === null) {
            current = undefined
            return settle(null)
          }
          if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
            return "the address of a webhook begins with http:// or https://"
          }
          const client = yield* clientOf(url)
          const checked = yield* client.validate("sandbox-check").pipe(Effect.timeout(patience), Effect.either)
          if (checked._tag === "Left") return `${url} cannot be reached: start the bot first`
          if (!checked.right) return `${url} did not answer the check of its address as a bot with this secret does`
          current = { url, client }
          return settle(url)
        }).pipe(Effect.map((problem) => problem ?? undefined))
    }
  })
