/** A bot on the model of the platform, with what tests want to know about it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { Duration } from "effect"
import { type Bot, type BotConfig, type Event, Gateway, type GatewayError } from "@effect-qq/core"
import { type Fault, type Journal, type PlatformModel, TestPlatform } from "@effect-qq/core/testing"

export const settle: Effect.Effect<void> = TestClock.adjust(0)

export const advance = (duration: Duration.DurationInput): Effect.Effect<void> => TestClock.adjust(duration)

/** The platform that the bot is on. */
export const world = TestPlatform.TestPlatform

export const inject = (fault: Fault.Fault) => Effect.flatMap(world, (platform) => platform.inject(fault))

/** A user writes in private. */
export const say = (text: string, user = "u1") =>
  Effect.flatMap(world, (platform) => platform.privateMessage({ user, text }))

/** What the platform has accepted from the bot, oldest first. */
export const sent = Effect.flatMap(world, (platform) => platform.sent)

/** The texts of it. */
export const visible = Effect.map(sent, (all) => all.map(({ content }) => content))

type Entry<K extends Journal.JournalEntry["kind"]> = Extract<Journal.JournalEntry, { readonly kind: K }>

export const entries = <K extends Journal.JournalEntry["kind"]>(
  kind: K
): Effect.Effect<ReadonlyArray<Entry<K>>, never, TestPlatform.TestPlatform> =>
  Effect.flatMap(TestPlatform.TestPlatform, ({ journal }) =>
    Effect.map(journal, (all) => all.filter((entry): entry is Entry<K> => entry.kind === kind))
  )

/** Frames from the client with this opcode. */
export const received = (op: number) =>
  Effect.map(entries("Received"), (frames) => frames.filter((frame) => frame.op === op))

/** What the client sent after each HELLO, in order: `identify` or `resume`. */
export const introductions = Effect.map(entries("Received"), (frames) =>
  frames.flatMap((frame) => (frame.op === 2 ? ["identify"] : frame.op === 6 ? ["resume"] : []))
)

/** When sockets were asked for, in seconds since the test began. */
export const dials = Effect.map(entries("Upgrade"), (upgrades) => upgrades.map(({ at }) => at / 1000))

export const state = Effect.flatMap(Gateway.status, (status) =>
  Effect.map(status.get, ({ state: current }) => current._tag)
)

export const counters = Effect.map(TestPlatform.TestPlatform, ({ model }) => model.counters())

export interface Running {
  readonly fiber: Fiber.RuntimeFiber<never, Gateway.AlreadyRunning | GatewayError.GatewayStopped>
  /** Texts that reached the handler, in order. */
  readonly heard: Effect.Effect<ReadonlyArray<string>>
}

/** A bot that writes down what it hears. */
export const listen: Effect.Effect<Running, never, Gateway.Gateway | Scope.Scope> = Effect.gen(function* () {
  const heard = yield* Ref.make<ReadonlyArray<string>>([])
  const handlers = Gateway.on(
    ["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"],
    (event: Event.MessageEvent) => Ref.update(heard, (texts) => [...texts, event.content.trim()])
  )
  const fiber = yield* Effect.forkScoped(Gateway.run(handlers))
  yield* settle
  return { fiber, heard: Ref.get(heard) }
})

/** Runs handlers in the background, and waits until the bot is online. */
export const start = <E, R>(handlers: Layer.Layer<never, E, R>) =>
  Effect.tap(Effect.forkScoped(Gateway.run(handlers)), () => Effect.zipRight(Gateway.ready, settle))

/** A bot that is online. */
export const online: Effect.Effect<Running, GatewayError.GatewayStopped, Gateway.Gateway | Scope.Scope> = Effect.tap(
  listen,
  () => Effect.zipRight(Gateway.ready, settle)
)

/** What the error that ended a run says. */
export const ending = (running: Running): Effect.Effect<string> =>
  Effect.map(Fiber.await(running.fiber), (exit) =>
    exit._tag === "Failure"
      ? Cause.prettyErrors(exit.cause)
          .map((error) => `${error.name}: ${error.message}`)
          .join()
      : ""
  )

/** Hosts without a preset: there is no URL to fall back on. */
export const ownHosts = {
  api: "https://platform.test",
  token: "https://platform.test/app/getAppAccessToken"
} as const

export const on =
  (options?: { readonly platform?: PlatformModel.Options; readonly bot?: Partial<BotConfig.Options> }) =>
  <A, E>(effect: Effect.Effect<A, E, Services | Scope.Scope>): Effect.Effect<A, E> =>
    effect.pipe(
      Effect.scoped,
      Effect.provide(TestPlatform.layer({ platform: options?.platform, bot: { hosts: ownHosts, ...options?.bot } }))
    )

/** One process of a bot, with layers of its own, on a platform and over a store that outlive it. */
export const process =
  (options?: Partial<BotConfig.Options>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provide(effect, Layer.fresh(TestPlatform.layerBot({ hosts: ownHosts, ...options })))

type Services = TestPlatform.TestPlatform | Bot.Bot | BotConfig.BotConfig | TestPlatform.Runtime
