/**
 * Bots on a cluster: each shard of a bot is an entity that one runner at a time runs, and that another runner takes up when
 * the first one dies, is cut off, or is shut down. Bots come and go while the cluster runs.
 *
 * @example
 * ```ts
 * import { ClusterBot, ClusterRuntime } from "@effect-qq/cluster"
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))
 *
 * const Bots = ClusterBot.layer({
 *   bots: Effect.succeed([{ appId: "1903000001", secret: Redacted.make("…") }]),
 *   handlers: Echo
 * })
 *
 * const Runtime = ClusterRuntime.layerPostgres({ url: Redacted.make("postgres://…"), host: "10.0.0.7", port: 34431 })
 *
 * NodeRuntime.runMain(Layer.launch(Layer.provide(Bots, Runtime)))
 * ```
 *
 * @since 0.1.0
 */
import { type Bot, type BotConfig, type Gateway, type Messenger, SendError } from "@effect-qq/core"
import * as ClusterSchema from "@effect/cluster/ClusterSchema"
import * as Entity from "@effect/cluster/Entity"
import * as Sharding from "@effect/cluster/Sharding"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Socket from "@effect/platform/Socket"
import * as Rpc from "@effect/rpc/Rpc"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as ClusterStore from "./ClusterStore.ts"
import * as Orders from "./internal/Orders.ts"
import { type BotSpec, refusal, Roster } from "./internal/Roster.ts"
import * as UnitRun from "./internal/UnitRun.ts"
import { Leases } from "./Leases.ts"
import * as RunnerPolicy from "./RunnerPolicy.ts"
import * as Unit from "./Unit.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  BotSpec
} from "./internal/Roster.ts"

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  BotRefused
} from "./internal/Roster.ts"

/**
 * What {@link layer} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E, R, HE, HR> {
  /**
   * The bots that are to run, read every `refreshEvery` by every runner: a bot that is new starts, one that is gone ends, one
   * that has changed begins again. While it fails, the last list counts. An entry that cannot be run is left out, with a
   * `BotRefused` in the log.
   */
  readonly bots: Effect.Effect<ReadonlyArray<BotSpec>, E, R>
  /** Built for each bot; the bot's own services and its `BotConfig` are in their context. */
  readonly handlers: Layer.Layer<never, HE, HR>
  readonly policy?: Partial<RunnerPolicy.RunnerPolicy> | undefined
}

/**
 * Sends for a bot from any runner: the runner that has the bot does it, with its ledger and within its rates. A message that
 * holds a stream cannot be sent so, and fails with `MessageInvalid`. Where that runner dies meanwhile the send fails with
 * `DeliveryUnknown`; nothing is sent twice.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClusterMessenger {
  /** See `Messenger.send`. */
  readonly send: Messenger.MessengerShape["send"]
  /** See `Messenger.reply`. */
  readonly reply: Messenger.MessengerShape["reply"]
  /** See `Messenger.recall`. */
  readonly recall: Messenger.MessengerShape["recall"]
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClusterBotShape {
  /** Lets a bot run again that was stopped. It has to be in the list of bots. */
  readonly start: (appId: string) => Effect.Effect<void, ClusterStore.StoreUnavailable>
  /** Ends a bot on whichever runner it runs, until it is started: its session is left so that it can be resumed. */
  readonly stop: (appId: string) => Effect.Effect<void, ClusterStore.StoreUnavailable>
  /** How every shard of every bot is, whichever runner has it. */
  readonly status: Effect.Effect<ReadonlyArray<Unit.UnitStatus>, ClusterStore.StoreUnavailable>
  /** The units that this process runs now. */
  readonly local: Effect.Effect<ReadonlyArray<string>>
  readonly messenger: (appId: string) => ClusterMessenger
}

/**
 * The bots of a cluster, from any of its runners.
 *
 * @since 0.1.0
 * @category tags
 */
export class ClusterBot extends Context.Tag("@effect-qq/cluster/ClusterBot")<ClusterBot, ClusterBotShape>() {}

/**
 * The entity of a shard of a bot. `Run` is persisted and never returns while the bot is wanted: whichever runner gets the
 * entity runs it. Its key is a generation, which begins when a bot is wanted again.
 *
 * @since 0.1.0
 * @category models
 */
export const QqBot = Entity.make("QqBot", [
  Rpc.make("Run", {
    payload: { generation: Schema.Int },
    primaryKey: ({ generation }) => String(generation)
  }).annotate(ClusterSchema.Persisted, true),
  Rpc.make("Order", {
    payload: { id: Schema.String, text: Schema.String },
    success: Schema.String,
    error: Orders.Failure
  })
])

type Runtime = HttpClient.HttpClient | Socket.WebSocketConstructor

/** What the services of a bot give to its handlers. */
type OfBot = Bot.Bot | BotConfig.BotConfig | Gateway.HandlerRegistry

const unavailable = (detail: string, cause?: unknown): SendError.PlatformUnavailable =>
  new SendError.PlatformUnavailable({
    detail,
    hint: "nothing was sent; try again once a runner has the bot",
    cause
  })

const shardsOf = ({ appId, shards }: BotSpec): ReadonlyArray<Unit.Unit> =>
  Array.from({ length: shards ?? 1 }, (_, shard) => ({ app: appId, shard }))

/** Reads the list, and asks the cluster to run what is new in it. */
const makeRefresh = <E, R>(
  bots: Effect.Effect<ReadonlyArray<BotSpec>, E, R>,
  roster: Roster,
  store: ClusterStore.ClusterStoreShape,
  run: (unit: Unit.Unit, generation: number) => Effect.Effect<void>
): Effect.Effect<void, never, R> => {
  /** The units that were asked for. */
  const asked = new Set<string>()
  let failing = false
  /** The refusals of the last list. */
  let refused: ReadonlySet<string> = new Set()
  /** The entries that can be run. */
  const accept = (list: ReadonlyArray<BotSpec>): Effect.Effect<ReadonlyArray<BotSpec>> => {
    const [accepted, errors] = Arr.partitionMap(list, (spec) => {
      const error = refusal(spec)
      return error === undefined ? Either.left(spec) : Either.right(error)
    })
    const before = refused
    refused = new Set(errors.map(({ message }) => message))
    return Effect.forEach(
      errors.filter(({ message }) => !before.has(message)),
      (error) => Effect.logError(`${error.message}; ${error.hint}`, error)
    ).pipe(Effect.as(accepted))
  }
  const once = Effect.gen(function* () {
    const [list, stopped] = yield* Effect.zip(Effect.flatMap(bots, accept), store.stopped, { concurrent: true })
    roster.update(list.filter(({ appId }) => !stopped.has(appId)))
    const wanted = roster.bots.flatMap(shardsOf)
    const ids = new Set(wanted.map(Unit.idOf))
    for (const id of asked) if (!ids.has(id)) asked.delete(id)
    const fresh = wanted.filter((unit) => !asked.has(Unit.idOf(unit)))
    const generations = yield* store.want(fresh)
    yield* Effect.forEach(
      fresh,
      (unit) => {
        const generation = generations.get(Unit.idOf(unit))
        // another runner has just let it run: its generation is known at the next look
        if (generation === undefined) return Effect.void
        return Effect.map(run(unit, generation), () => void asked.add(Unit.idOf(unit)))
      },
      { concurrency: 16, discard: true }
    )
    if (failing) yield* Effect.logInfo("the list of bots can be read again")
    failing = false
  })
  const attempt = Effect.catchAllCause(once, (cause) => {
    const isFirst = !failing
    failing = true
    return isFirst ? Effect.logWarning("the list of bots cannot be read; the last one counts", cause) : Effect.void
  })
  // one after another: a list that was read before a bot was stopped or started must not be applied after it
  return Effect.unsafeMakeSemaphore(1).withPermits(1)(attempt)
}

/** Carries out what another runner asks a bot of this one to send. */
const makeOrder =
  (running: UnitRun.Running, store: ClusterStore.ClusterStoreShape, patience: Duration.Duration) =>
  (unit: string, id: string, text: string): Effect.Effect<string, Orders.Failure> =>
    Effect.gen(function* () {
      const bot = yield* running
        .get(unit)
        .pipe(Effect.timeoutFail({ duration: patience, onTimeout: () => unavailable("the bot is not connected") }))
      const app = Option.match(Unit.fromId(unit), { onNone: () => "", onSome: ({ app }) => app })
      // a request that comes again was begun by a runner which has died since
      const isFirst = yield* Effect.mapError(store.once(app, id), (cause) =>
        unavailable("whether this was sent before cannot be asked", cause)
      )
      if (!isFirst) {
        return yield* new SendError.DeliveryUnknown({
          detail: "the runner that was to send it has died meanwhile",
          hint: "look at the conversation before sending it again"
        })
      }
      return yield* Effect.withClock(Orders.perform(bot.messenger, Orders.orderFrom(text)), bot.clock)
    })

type Client = Effect.Effect.Success<typeof QqBot.client>

/** Asks the runner that has a bot to send. */
const makeMessenger =
  (client: Client, patience: Duration.Duration) =>
  (appId: string): ClusterMessenger => {
    const send = (order: Orders.Order): Effect.Effect<unknown, Orders.Failure> =>
      Effect.gen(function* () {
        const text = Orders.encode(order)
        if (text === undefined) {
          return yield* new SendError.MessageInvalid({
            field: "media",
            detail: "holds a stream, which cannot be sent by another runner",
            hint: "give its bytes or its URL"
          })
        }
        const id = yield* Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 4)
        // private chats and groups come to shard 0; of which guild a channel is, its conversation does not say
        const answer = yield* client(Unit.idOf({ app: appId, shard: 0 }))
          .Order({ id: id.map((part) => part.toString(36)).join("-"), text })
          .pipe(
            Effect.timeoutFail({
              duration: Duration.sum(patience, "30 seconds"),
              onTimeout: () =>
                new SendError.DeliveryUnknown({
                  detail: "the runner that has the bot did not answer",
                  hint: "look at the conversation before sending it again"
                })
            }),
            Effect.catchTags({
              MailboxFull: (cause) => unavailable("the bot has too many messages to send", cause),
              AlreadyProcessingMessage: (cause) => unavailable("the message is being sent already", cause),
              PersistenceError: (cause) => unavailable("the cluster's storage does not answer", cause)
            })
          )
        return Orders.decode(answer)
      })
    /** What `Messenger.send` and `Messenger.reply` give, from a runner of the same version. */
    const receipt = (
      sent: Effect.Effect<unknown, Orders.Failure>
    ): Effect.Effect<Messenger.Receipt, SendError.SendError> =>
      Effect.map(
        // only a recall fails so
        Effect.catchTag(sent, "RecallExpired", Effect.die),
        (answer) => answer as Messenger.Receipt
      )
    return {
      send: (conversation, message, options) => receipt(send({ _tag: "Send", conversation, message, options })),
      reply: (event, message, options) =>
        Effect.flatMap(UnitRun.anchorOf(event), (anchor) => receipt(send({ _tag: "Reply", anchor, message, options }))),
      recall: (message) => Effect.asVoid(send({ _tag: "Recall", message }))
    }
  }

/**
 * Runs bots on the cluster of the context, and tells of them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R, HE, HR>(
  options: Options<E, R, HE, HR>
): Layer.Layer<
  ClusterBot,
  never,
  R | Exclude<HR, OfBot> | Runtime | Sharding.Sharding | Leases | ClusterStore.ClusterStore
> =>
  Layer.scoped(
    ClusterBot,
    Effect.gen(function* () {
      const policy = { ...RunnerPolicy.defaults, ...options.policy }
      const store = yield* ClusterStore.ClusterStore
      const sharding = yield* Sharding.Sharding
      const leases = yield* Leases
      const services = yield* Effect.context<Exclude<HR, OfBot> | Runtime>()
      const roster = new Roster()
      const running = new UnitRun.Running()
      const runner = yield* UnitRun.make({
        policy,
        store,
        leases,
        roster,
        running,
        // only the bot's own services are left, though the type system cannot see that HR without both of its parts is none
        handlers: Layer.provide(options.handlers, Layer.succeedContext(services)) as unknown as Layer.Layer<
          never,
          HE,
          OfBot
        >,
        services
      })
      const order = makeOrder(running, store, policy.sendPatience)
      const handlers = QqBot.toLayer(
        Effect.map(Effect.zip(Entity.CurrentAddress, Entity.CurrentRunnerAddress), ([address, machine]) =>
          QqBot.of({
            Run: ({ payload }) =>
              Option.match(Unit.fromId(address.entityId), {
                onNone: () => Effect.logWarning(`no unit: ${address.entityId}`),
                onSome: (unit) =>
                  runner.run(unit, payload.generation, address.shardId.toString(), `${machine.host}:${machine.port}`)
              }),
            Order: ({ payload }) => order(address.entityId, payload.id, payload.text)
          })
        ),
        { concurrency: "unbounded", maxIdleTime: Duration.infinity }
      )
      const client = yield* QqBot.client
      const run = (unit: Unit.Unit, generation: number): Effect.Effect<void> =>
        client(Unit.idOf(unit))
          .Run({ generation }, { discard: true })
          .pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)
      const refresh = yield* Effect.map(Effect.context<R>(), (context) =>
        Effect.provide(makeRefresh(options.bots, roster, store, run), context)
      )
      const seen = Effect.suspend(() => {
        const name = leases.runner()
        return name === undefined ? Effect.void : store.seen(name)
      })
      yield* Effect.ignore(seen).pipe(
        Effect.zipRight(Effect.sleep(policy.seenEvery)),
        Effect.forever,
        Effect.forkScoped
      )
      yield* refresh.pipe(Effect.zipRight(Effect.sleep(policy.refreshEvery)), Effect.forever, Effect.forkScoped)
      yield* Layer.build(Layer.provide(handlers, Layer.succeed(Sharding.Sharding, sharding)))
      return ClusterBot.of({
        start: (appId) => Effect.zipRight(store.setStopped(appId, false), refresh),
        stop: (appId) => Effect.zipRight(store.setStopped(appId, true), refresh),
        status: store.status(Duration.times(policy.seenEvery, 3)),
        local: Effect.sync(() => running.ids),
        messenger: makeMessenger(client, policy.sendPatience)
      })
    })
  )
