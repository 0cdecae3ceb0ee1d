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
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Bot from "../../Bot.ts"
import * as BotConfig from "../../BotConfig.ts"
import * as Gateway from "../../Gateway.ts"
import { GatewayStopped } from "../../gateway/GatewayError.ts"
import * as Message from "../../messages/Message.ts"
import * as Messenger from "../../messages/Messenger.ts"
import type { SendError } from "../../messages/SendError.ts"
import type * as MemorySocket from "../MemorySocket.ts"
import type { ModelRunnerShape } from "../ModelRunner.ts"
import type { Oracle } from "../Oracle.ts"
import * as WallClock from "../WallClock.ts"
import * as Script from "./Script.ts"
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
  readonly shards: number
  readonly bot: Partial<BotConfig.Options> | undefined
  /** The handlers of a user, in place of the one that answers every message. */
  readonly handlers: Handlers | undefined
}

/**
 * Handlers as for `Gateway.run`. What their layer fails with ends the bot, which is a violation.
 *
 * @since 0.1.0
 * @category models
 */
export type Handlers = Layer.Layer<never, Error | string | { readonly _tag: string }, HandlerServices>

/**
 * What the handlers of a simulated bot may use: the bot's own services.
 *
 * @since 0.1.0
 * @category models
 */
export type HandlerServices = Gateway.HandlerRegistry | Bot.Bot

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
  /** Sets the wall clock of the bot by so many milliseconds. */
  readonly step: (millis: number) => void
  /** Puts the store into trouble, or ends it. */
  readonly trouble: (trouble: Store.Trouble | undefined) => void
  readonly isRunning: () => boolean
}

/** A process that has crashed is dead to the world, although its fibers take a moment to end. */
interface Life {
  isAlive: boolean
  isLeaving: boolean
  leavingSince: number
  wasReady: boolean
  readonly sockets: Set<MemorySocket.MemorySocket>
}

interface Process {
  readonly life: Life
  readonly fiber: Fiber.RuntimeFiber<never, unknown>
}

const openSocket = (life: Life, construct: Options["construct"], url: string): MemorySocket.MemorySocket => {
  // what is left of a crashed process does not notice, and may want to connect again
  if (!life.isAlive) throw new Error("the process is gone")
  const socket = construct(url)
  life.sockets.add(socket)
  socket.addEventListener("close", () => life.sockets.delete(socket))
  return {
    url,
    protocol: "",
    extensions: "",
    bufferedAmount: 0,
    get readyState() {
      return socket.readyState
    },
    get binaryType() {
      return socket.binaryType
    },
    set binaryType(type) {
      socket.binaryType = type
    },
    addEventListener: (type, listener, options) =>
      socket.addEventListener(type, (event) => (life.isAlive ? listener(event) : undefined), options),
    removeEventListener: socket.removeEventListener,
    send: (data) => (life.isAlive ? socket.send(data) : undefined),
    close: (code, reason) => (life.isAlive ? socket.close(code, reason) : undefined),
    terminate: () => (life.isAlive ? socket.terminate() : undefined)
  }
}

/** What is not asked by this simulation has no number. */
const askIn = (text: string): Script.Ask => Script.read(text) ?? { number: Number.NaN, work: 0, isStreamed: false }

/** A reply that is written over the time that its handler works; the next time it is there at once. */
const writing = (ask: Script.Ask): Stream.Stream<string> => {
  const pieces = Script.pieces(ask)
  const written = new Set<number>()
  return Stream.mapEffect(Stream.fromIterable([...pieces.keys()]), (index) =>
    Effect.suspend(() => {
      const sleep = written.has(index) ? Effect.void : Effect.sleep(ask.work / pieces.length)
      written.add(index)
      return Effect.as(sleep, pieces[index] ?? "")
    })
  )
}

const types = ["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"] as const

/** Which shard the fiber that runs belongs to: a session says so in its logs. */
const currentShard = (): string =>
  Option.getOrElse(
    Option.flatMap(Fiber.getCurrentFiber(), (fiber) =>
      HashMap.get(fiber.getFiberRef(FiberRef.currentLogAnnotations), "shard")
    ),
    () => ""
  ) as string

/** A reply that could not be sent is tried again for five minutes, as a careful program would. */
const again = Schedule.spaced("15 seconds").pipe(Schedule.intersect(Schedule.recurs(20)))

/** What was used up stays so. */
const isWorthAnother = ({ _tag }: SendError): boolean => _tag !== "DeliveryUnknown" && _tag !== "QuotaExhausted"

type Event = Parameters<Messenger.MessengerShape["reply"]>[0]

/** The work is done once, however often the reply is tried. */
const plain = (event: Event, { number }: Script.Ask) =>
  Messenger.reply(event, Message.text(Script.reply(number)), { key: "reply" })

const streamed = (event: Event, ask: Script.Ask) => Messenger.replyStream(event, writing(ask), { key: "reply" })

/** Tells the model's hosts from real ones; there is nothing to fall back on. */
const hosts = { api: "https://platform.test", token: "https://platform.test/app/getAppAccessToken" } as const

/**
 * A client that has not been started.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Client => {
  const { oracle, runner } = options
  const wallClock = WallClock.make(options.clock)
  const millis = (): number => options.clock.unsafeCurrentTimeMillis()
  const now = Effect.sync(millis)
  const store = Store.make()
  let processes = 0
  let current: Process | undefined
  /** Whether someone wants a process to run, which is what a supervisor goes by. */
  let isWanted = false

  const typesHeard = [...types, ...(options.shards > 1 ? (["AT_MESSAGE_CREATE"] as const) : [])]

  const httpOf = (life: Life): HttpClient.HttpClient =>
    HttpClient.transform(options.http, (answer) =>
      Effect.suspend(() =>
        life.isAlive
          ? Effect.filterOrElse(
              answer,
              () => life.isAlive,
              () => Effect.never
            )
          : Effect.never
      )
    )

  const handlersOf = (life: Life) =>
    Layer.mergeAll(
      Gateway.on("Gap", ({ from, shard, to }) =>
        Effect.sync(() => {
          if (!life.isAlive) return
          const ahead = wallClock.unsafeCurrentTimeMillis() - millis()
          oracle.gap(shard.join("/"), from - ahead, to - ahead, millis())
        })
      ),
      options.handlers === undefined ? messagesOf(life) : Layer.merge(observerOf(life), options.handlers)
    )

  /** Notes which messages reach the handlers of a user. */
  const observerOf = (life: Life) =>
    Gateway.on(typesHeard, (event) =>
      Effect.sync(() => {
        if (!life.isAlive) return
        const { number } = askIn(event.content)
        oracle.began(millis(), number)
        oracle.done(millis(), number, "observed")
      })
    )

  const messagesOf = (life: Life) =>
    Gateway.on(typesHeard, (event) =>
      Effect.gen(function* () {
        const ask = askIn(event.content)
        const { number } = ask
        if (life.isAlive) oracle.began(millis(), number)
        if (!ask.isStreamed) yield* Effect.sleep(ask.work)
        const outcome = yield* (ask.isStreamed ? streamed(event, ask) : plain(event, ask)).pipe(
          Effect.as("sent" as const),
          Effect.catchTag("DeliveryUnknown", () => Effect.succeed("unknown" as const)),
          Effect.tapError(() => Effect.sync(() => (life.isAlive ? oracle.again(millis(), number) : undefined))),
          Effect.retry({ schedule: again, while: isWorthAnother }),
          Effect.orElseSucceed(() => "failed" as const)
        )
        if (life.isAlive) oracle.done(millis(), number, outcome)
      }).pipe(
        Effect.onInterrupt(() =>
          Effect.map(now, (at) => {
            if (life.isAlive) oracle.cut(at, askIn(event.content).number, at - life.leavingSince)
          })
        )
      )
    )

  const program = (life: Life) =>
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
      return yield* gateway.run(handlersOf(life))
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Bot.layer.pipe(
          Layer.provide(
            BotConfig.layer({
              hosts,
              appId: runner.model.appId,
              secret: Redacted.make("model-secret"),
              shards: options.shards,
              ...options.bot
            })
          ),
          Layer.provide(Layer.succeed(HttpClient.HttpClient, httpOf(life))),
          Layer.provide(
            Layer.succeed(
              KeyValueStore.KeyValueStore,
              store.of(() => life.isAlive)
            )
          ),
          Layer.provide(
            Layer.succeed(Socket.WebSocketConstructor, ((url: string) =>
              openSocket(
                life,
                options.construct,
                options.shards > 1 ? `${url}?shard=${currentShard()}` : url
              )) as unknown as Context.Tag.Service<typeof Socket.WebSocketConstructor>)
          )
        )
      ),
      Effect.withRandom(Random.make(`${options.seed}/${processes}`)),
      Effect.withClock(wallClock)
    )

  const gone = (life: Life, crashed: boolean): void => {
    life.isAlive = false
    current = undefined
    oracle.stopped(millis(), crashed)
  }

  const ended = (life: Life, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void, never, Scope.Scope> =>
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
    const life: Life = { isAlive: true, isLeaving: false, leavingSince: 0, wasReady: false, sockets: new Set() }
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
    // what is left of it ends when it can: nobody hears it any more
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

/** So long after it ended, in milliseconds, a supervisor starts a process again. */
const untilStartedAgain = 60_000

/** A process that was never Ready ends where its address is refused: whoever deployed it has to see that. */
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
