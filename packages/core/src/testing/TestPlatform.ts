/**
 * The platform for tests of one's own bot: no network, no credentials, and only virtual time. It stands where a program
 * provides its runtime, and speaks with the bot over the same sockets and the same HTTP as the real one.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Bot from "../Bot.ts"
import * as BotConfig from "../BotConfig.ts"
import * as MemorySocket from "./MemorySocket.ts"
import type { Fault } from "./Fault.ts"
import type { JournalEntry, Scene, SentMessage } from "./model/Journal.ts"
import type * as PlatformModel from "./model/PlatformModel.ts"
import * as ModelRunner from "./ModelRunner.ts"
import * as PlatformClient from "./PlatformClient.ts"
import * as WallClock from "./WallClock.ts"

/**
 * What a message may have in every scene.
 *
 * @since 0.1.0
 * @category models
 */
export interface Besides {
  readonly username?: string | undefined
  /** The id of the message that it quotes. */
  readonly quote?: string | undefined
  /** As in the payload: `url`, `content_type`, `filename` and so on. */
  readonly attachments?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestPlatformShape {
  /** A user writes to the bot in private. Returns the message id. */
  readonly privateMessage: (said: { readonly user: string; readonly text: string } & Besides) => Effect.Effect<string>
  /** A member of a group addresses the bot; with `at: false` the bot hears it only if it hears everything. */
  readonly groupMessage: (
    said: {
      readonly group: string
      readonly text: string
      /** Default `member`. */
      readonly member?: string | undefined
      /** Default `true`. */
      readonly at?: boolean | undefined
      /**
       * Whether the group lets the bot receive everything: `true` sends what addresses the bot as two events, `only` as
       * GROUP_MESSAGE_CREATE alone. Default: `only` in the model's `fullGroups`, elsewhere the opposite of `at`.
       */
      readonly full?: boolean | "only" | undefined
      /** Whether the member is a bot. Default `false`. */
      readonly bot?: boolean | undefined
      /** What the member is in the group. Default `member`. */
      readonly role?: "member" | "admin" | "owner" | undefined
      /** Others who are named with an `@`: see {@link PlatformModel.Said}. */
      readonly mentions?: ReadonlyArray<PlatformModel.Mentioned> | undefined
    } & Besides
  ) => Effect.Effect<string>
  /** A member of a guild addresses the bot in a channel. `at` and `full` as in {@link TestPlatformShape.groupMessage}. */
  readonly channelMessage: (
    said: {
      readonly channel: string
      readonly text: string
      /** Default `member`. */
      readonly user?: string | undefined
      /** Default: one guild for all channels. */
      readonly guild?: string | undefined
      /** Default `true`. */
      readonly at?: boolean | undefined
      /** Whether the bot hears everything in the guild. Default: the opposite of `at`. */
      readonly full?: boolean | undefined
      /** Whether the user is a bot. Default `false`. */
      readonly bot?: boolean | undefined
      /** What the user is in the guild. Default `member`. */
      readonly role?: "member" | "admin" | "owner" | undefined
      /** Others who are named with an `@`: see {@link PlatformModel.Said}. */
      readonly mentions?: ReadonlyArray<PlatformModel.Mentioned> | undefined
    } & Besides
  ) => Effect.Effect<string>
  /** A member of a guild writes to the bot in private. `guild` is that of the direct conversation. Returns the message id. */
  readonly directMessage: (
    said: {
      readonly guild: string
      readonly text: string
      /** Default `member`. */
      readonly user?: string | undefined
    } & Besides
  ) => Effect.Effect<string>
  /**
   * A user presses a button below a message of the bot: one that is named by its id, its data or its label. What comes of it
   * depends on the kind of button and on who may press it.
   */
  readonly press: (press: PlatformModel.Press) => Effect.Effect<PlatformModel.Pressed>
  /** Any event. Returns the event id. */
  readonly dispatch: (type: string, payload: unknown) => Effect.Effect<string>
  /** Everything of the bot that users can see, oldest first. */
  readonly sent: Effect.Effect<ReadonlyArray<SentMessage>>
  /**
   * Waits until users can see this many messages of the bot. Dies with `NotSent`, which says what was sent, once `timeout` has
   * passed on the clock of the test. Default 1 h.
   */
  readonly awaitSent: (
    count: number,
    options?: { readonly timeout?: Duration.DurationInput | undefined }
  ) => Effect.Effect<ReadonlyArray<SentMessage>>
  /** Says whether a conversation takes proactive messages; a refusal is 40034105, in a direct conversation 304031. */
  readonly allowProactive: (scene: Scene, target: string, allowed: boolean) => Effect.Effect<void>
  /**
   * Sets the clock of the bot's machine forward by this many milliseconds, or back by a negative number; the platform keeps
   * its time, and timers do not notice. Needs `VirtualTime` or `WallClock.steppable`.
   */
  readonly stepWallClock: (millis: number) => Effect.Effect<void>
  /** Lets something go wrong. */
  readonly inject: (fault: Fault) => Effect.Effect<void>
  /** Everything that crossed the wire. */
  readonly journal: Effect.Effect<ReadonlyArray<JournalEntry>>
  /** Waits until something that crossed the wire answers to `look`. */
  readonly until: <A>(look: (model: PlatformModel.PlatformModel) => Option.Option<A>) => Effect.Effect<A>
  /** The platform itself. */
  readonly model: PlatformModel.PlatformModel
}

/**
 * A bot has sent fewer messages than a test waited for.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotSent extends Schema.TaggedError<NotSent>()("NotSent", {
  expected: Schema.Number,
  waited: Schema.DurationFromSelf,
  /** What was sent, oldest first: where, and what it says. */
  sent: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const said = this.sent.length === 0 ? "" : `: ${this.sent.join(", ")}`
    return `the bot sent ${this.sent.length} of ${this.expected} messages within ${Duration.format(this.waited)}${said}`
  }
}

const describe = ({ content, msgType, scene, target }: SentMessage): string =>
  `${scene}:${target} ${content === "" ? `(message type ${msgType})` : JSON.stringify(content)}`

/**
 * The platform of one test.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestPlatform extends Context.Tag("@effect-qq/core/testing/TestPlatform")<
  TestPlatform,
  TestPlatformShape
>() {}

const make: Effect.Effect<TestPlatformShape, never, ModelRunner.ModelRunner> = Effect.map(
  ModelRunner.ModelRunner,
  (runner) =>
    TestPlatform.of({
      privateMessage: (said) => runner.say({ scene: "c2c", ...said }),
      groupMessage: ({ at = true, member = "member", ...said }) => runner.say({ scene: "group", member, at, ...said }),
      channelMessage: ({ user = "member", ...said }) => runner.say({ scene: "channel", user, ...said }),
      directMessage: ({ user = "member", ...said }) => runner.say({ scene: "dm", user, ...said }),
      press: (press) => runner.call((model, now) => model.press(now, press)),
      dispatch: runner.dispatch,
      sent: Effect.sync(() => [...runner.model.sent]),
      awaitSent: (count, options) => {
        const waited = Duration.decode(options?.timeout ?? "1 hour")
        return runner
          .until((model) => (model.sent.length >= count ? Option.some([...model.sent]) : Option.none()))
          .pipe(
            Effect.timeoutFail({
              duration: waited,
              onTimeout: () => new NotSent({ expected: count, waited, sent: runner.model.sent.map(describe) })
            }),
            Effect.orDie
          )
      },
      allowProactive: (scene, target, allowed) => runner.call((model) => model.allowProactive(scene, target, allowed)),
      stepWallClock: WallClock.step,
      inject: runner.inject,
      journal: Effect.sync(() => [...runner.model.journal]),
      until: runner.until,
      model: runner.model
    })
)

/**
 * What a bot finds on a {@link layerPlatform}, besides the platform itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Runtime = HttpClient.HttpClient | KeyValueStore.KeyValueStore | Socket.WebSocketConstructor

/**
 * A platform and a runtime on it, for tests that start a bot more than once, or more than one bot. The store lives as long
 * as the platform.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPlatform = (options?: PlatformModel.Options): Layer.Layer<TestPlatform | Runtime> =>
  Layer.mergeAll(Layer.effect(TestPlatform, make), MemorySocket.layer, PlatformClient.layer).pipe(
    Layer.provide(ModelRunner.layer(options)),
    Layer.merge(KeyValueStore.layerMemory)
  )

/**
 * A bot on a {@link layerPlatform}. Default: the bot the model knows.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBot = (
  options?: Partial<BotConfig.Options>
): Layer.Layer<Bot.Bot | BotConfig.BotConfig, never, Runtime | TestPlatform> =>
  Bot.layer.pipe(
    Layer.provideMerge(
      Layer.effect(
        BotConfig.BotConfig,
        Effect.map(TestPlatform, ({ model }) =>
          BotConfig.make({ appId: model.appId, secret: Redacted.make("model-secret"), ...options })
        )
      )
    )
  )

/**
 * A platform and a bot on it: what a test provides where the program provides `NodeBot`.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import { TestPlatform } from "@effect-qq/core/testing"
 * import { Effect } from "effect"
 *
 * const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))
 *
 * const test = Effect.gen(function* () {
 *   const platform = yield* TestPlatform.TestPlatform
 *   yield* Effect.forkScoped(Gateway.run(Echo))
 *   yield* Gateway.ready
 *   yield* platform.privateMessage({ user: "u1", text: "hi" })
 *   return yield* platform.awaitSent(1)
 * }).pipe(Effect.scoped, Effect.provide(TestPlatform.layer()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: {
  readonly platform?: PlatformModel.Options | undefined
  readonly bot?: Partial<BotConfig.Options> | undefined
}): Layer.Layer<Bot.Bot | BotConfig.BotConfig | Runtime | TestPlatform> =>
  Layer.provideMerge(layerBot(options?.bot), layerPlatform(options?.platform))
