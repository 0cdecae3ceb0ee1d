/**
 * One bot on a model of the platform, as a process that can be ended in an orderly way or cut off without a word, and
 * started again over what it had stored.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Bot from "../../Bot.ts"
import * as BotConfig from "../../BotConfig.ts"
import * as Gateway from "../../Gateway.ts"
import { GatewayStopped } from "../../gateway/GatewayError.ts"
import type * as MemorySocket from "../MemorySocket.ts"
import type { ModelRunnerShape } from "../ModelRunner.ts"
import type { Oracle } from "../Oracle.ts"
import * as WallClock from "../WallClock.ts"
import * as Handlers from "./Handlers.ts"
import * as Life from "./Life.ts"
import * as Store from "./Store.ts"

/**
 * What a client needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly runner: ModelRunnerShape
  readonly construct: (url: string) => MemorySocket.MemorySocket
  readonly http: HttpClient.HttpClient
  readonly oracle: Oracle
  /** The clock of the world. That of the bot is another: its wall time can be set. */
  readonly clock: Clock.Clock
  readonly seed: string
  /** How many shards the bot has, and which of them this process runs. */
  readonly shards: number
  readonly run: ReadonlyArray<number>
  readonly bot: Partial<BotConfig.Options> | undefined
  /** The handlers of a user, in place of the one that answers every message. */
  readonly handlers: Handlers.Handlers | undefined
}

/**
 * The client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /** Starts a process. Nothing happens if one runs. */
  readonly start: Effect.Effect<void, never, Scope.Scope>
  /** Lets the process leave in an orderly way, and waits until it has. */
  readonly stop: Effect.Effect<void>
  /** Ends the process without a word. */
  readonly crash: Effect.Effect<void, never, Scope.Scope>
  /** Sets the wall clock of the bot, by milliseconds. */
  readonly step: (millis: number) => void
  /** Puts the store into trouble, or ends it. */
  readonly trouble: (trouble: Store.Trouble | undefined) => void
  readonly isRunning: () => boolean
}

interface Process {
  readonly life: Life.Life
  readonly fiber: Fiber.RuntimeFiber<never, unknown>
}

/** The hosts of the model; there are none to fall back on. */
const hosts = { api: "https://platform.test", token: "https://platform.test/app/getAppAccessToken" } as const

/** The bot as one process has it. */
const layerOf = (options: Options, life: Life.Life, store: Store.Store): Layer.Layer<Bot.Bot> =>
  Bot.layer.pipe(
    Layer.provide(
      BotConfig.layer({
        hosts,
        appId: options.runner.model.appId,
        secret: Redacted.make("model-secret"),
        shards: options.run.length === options.shards ? options.shards : { of: options.shards, run: options.run },
        ...options.bot
      })
    ),
    Layer.provide(Layer.succeed(HttpClient.HttpClient, Life.httpOf(life, options.http))),
    Layer.provide(
      Layer.succeed(
        KeyValueStore.KeyValueStore,
        store.of(() => life.isAlive)
      )
    ),
    Layer.provide(
      Layer.succeed(Socket.WebSocketConstructor, ((url: string) =>
        Life.openSocket(
          life,
          options.construct,
          options.shards > 1 ? `${url}?shard=${Life.currentShard()}` : url
        )) as unknown as Context.Tag.Service<typeof Socket.WebSocketConstructor>)
    )
  )

/**
 * A client that has not been started.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Client => {
  const { oracle } = options
  const wallClock = WallClock.make(options.clock)
  const millis = (): number => options.clock.unsafeCurrentTimeMillis()
  const now = Effect.sync(millis)
  const store = Store.make()
  let processes = 0
  let current: Process | undefined
  /** Whether someone wants a process to run, which is what a supervisor goes by. */
  let isWanted = false

  const program = (life: Life.Life) =>
    Effect.gen(function* () {
      const gateway = yield* Gateway.Gateway
      yield* Effect.forkScoped(
        Stream.runForEach(gateway.shards.changes, (statuses) =>
          Effect.map(now, (at) => {
            if (!life.isAlive) return
            for (const { shard, state } of statuses) {
              if (state._tag === "Ready") life.wasReady = true
              oracle.status(at, shard.join("/"), state._tag)
            }
          })
        )
      )
      return yield* gateway.run(
        Handlers.make({
          life,
          oracle,
          clock: options.clock,
          wallClock,
          hasGuilds: options.shards > 1,
          handlers: options.handlers
        })
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(layerOf(options, life, store)),
      Effect.withRandom(Random.make(`${options.seed}/${processes}`)),
      Effect.withClock(wallClock)
    )

  const gone = (life: Life.Life, crashed: boolean): void => {
    life.isAlive = false
    current = undefined
    oracle.stopped(millis(), crashed)
  }

  const ended = (life: Life.Life, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void, never, Scope.Scope> =>
    Effect.suspend(() => {
      if (!life.isAlive || life.isLeaving || Exit.isSuccess(exit)) return Effect.void
      if (life.wasReady || !isAddressRefused(exit.cause)) {
        oracle.ended(explain(exit.cause))
        return Effect.void
      }
      oracle.stopping(millis())
      gone(life, false)
      const restart = Effect.suspend(() => (isWanted ? start : Effect.void))
      // the end of a fiber cannot be interrupted, and what it forks would not be either
      const supervised = Effect.interruptible(Effect.zipRight(Effect.sleep(untilStartedAgain), restart))
      return Effect.asVoid(Effect.forkScoped(supervised))
    })

  const start: Client["start"] = Effect.gen(function* () {
    isWanted = true
    if (current !== undefined) return
    const life = Life.make()
    processes++
    oracle.started(millis())
    const fiber = yield* Effect.forkScoped(Effect.onExit(program(life), (exit) => ended(life, exit)))
    current = { life, fiber }
  })

  const stop: Client["stop"] = Effect.gen(function* () {
    isWanted = false
    if (current === undefined) return
    const { fiber, life } = current
    life.isLeaving = true
    life.leavingSince = millis()
    oracle.stopping(millis())
    yield* Fiber.interrupt(fiber)
    gone(life, false)
  })

  const crash: Client["crash"] = Effect.gen(function* () {
    isWanted = false
    if (current === undefined) return
    const { fiber, life } = current
    gone(life, true)
    for (const socket of life.sockets) socket.terminate()
    // what is left of it ends when it can, and is not heard any more
    yield* Effect.forkScoped(Fiber.interrupt(fiber))
  })

  const step: Client["step"] = (by) => {
    if (by === 0) return
    wallClock.unsafeStep(by)
    oracle.stepped(millis(), by)
  }

  const trouble: Client["trouble"] = (next) => {
    store.trouble(next)
    oracle.storeTroubled(millis(), next !== undefined)
  }

  return { start, stop, crash, step, trouble, isRunning: () => current !== undefined }
}

/** After this, in milliseconds, a supervisor starts a process that has ended. */
const untilStartedAgain = 60_000

/** A process that was never Ready ends where its address is refused, so that its operator sees it. */
const isAddressRefused = (cause: Cause.Cause<unknown>): boolean =>
  Option.exists(
    Cause.failureOption(cause),
    (error) => error instanceof GatewayStopped && error.because._tag === "IpNotAllowed"
  )

const explain = (cause: Cause.Cause<unknown>): string => {
  const [error] = [...causeErrors(cause)]
  return error ?? "the bot came to its end"
}

const causeErrors = (cause: Cause.Cause<unknown>): ReadonlyArray<string> => {
  switch (cause._tag) {
    case "Empty":
    case "Interrupt":
      return []
    case "Fail":
      return [String(cause.error)]
    case "Die":
      return [String(cause.defect)]
    case "Sequential":
    case "Parallel":
      return [...causeErrors(cause.left), ...causeErrors(cause.right)]
  }
}
