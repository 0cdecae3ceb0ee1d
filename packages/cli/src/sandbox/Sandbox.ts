/**
 * The platform on this machine: the model of `@effect-qq/core/testing` behind real HTTP and real WebSockets on 127.0.0.1,
 * for any client in any language, with a page where a person talks with the bot.
 *
 * Other programs steer it over HTTP: see {@link Api}. Programs on this machine need no credentials for that; a browser needs
 * a session, which it gets at the address that {@link SandboxShape.pageUrl} names.
 *
 * @since 0.1.0
 */
import { type Fault, type Journal, PlatformModel } from "@effect-qq/core/testing"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { Access } from "./Access.ts"
import * as Answers from "./Answers.ts"
import * as Board from "./Board.ts"
import * as Calls from "./Calls.ts"
import * as Engine from "./Engine.ts"
import { Files } from "./Files.ts"
import * as Handlers from "./Handlers.ts"
import * as Server from "./Server.ts"
import { Sockets } from "./Sockets.ts"
import type { Change } from "./View.ts"

export { SandboxError } from "./Server.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Exchange
} from "./Answers.ts"

/**
 * The options of {@link make}. Everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** 0 takes any free port. Default {@link defaultPort}. */
  readonly port?: number | undefined
  /** The app id of the only bot that the sandbox knows. Default `1905000001`. */
  readonly appId?: string | undefined
  /** Its secret. Default `sandbox-secret`. */
  readonly secret?: Redacted.Redacted | undefined
  /** Whether the page is served. Default true. */
  readonly page?: boolean | undefined
  /** The other options of the platform: heartbeat interval, windows, limits. */
  readonly platform?: Omit<PlatformModel.Options, "appId" | "secret" | "gatewayUrl" | "storeUrl"> | undefined
}

/**
 * The port where `effect-qq sandbox` listens and `effect-qq say` asks unless told otherwise.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultPort = 8787

/**
 * The service.
 *
 * @since 0.1.0
 * @category models
 */
export interface SandboxShape {
  readonly port: number
  /** The value of `QQ_API_URL`. */
  readonly apiUrl: string
  /** The value of `QQ_TOKEN_URL`. */
  readonly tokenUrl: string
  /** What `GET /gateway/bot` names. */
  readonly gatewayUrl: string
  readonly appId: string
  readonly secret: Redacted.Redacted
  /** An address of the page for one browser: its token is good once. Another call gives another address. */
  readonly pageUrl: Effect.Effect<string>
  /** An address of the page, and another one whenever a browser was opened with one. */
  readonly pageUrls: Stream.Stream<string>
  /** A user says something. Gives the message id. */
  readonly say: (said: PlatformModel.Said) => Effect.Effect<string>
  /**
   * A user says something and waits for an answer: this long at most, and less when answers came and nothing followed
   * for a quarter of a second. No answers at the end of the wait are no failure; a wait of zero listens for none.
   */
  readonly ask: (said: PlatformModel.Said, wait: Duration.DurationInput) => Effect.Effect<Answers.Exchange>
  /** A user presses a button below a message of the bot. */
  readonly press: (press: PlatformModel.Press) => Effect.Effect<PlatformModel.Pressed>
  /** Any event. Gives the event id. */
  readonly dispatch: (type: string, d: unknown) => Effect.Effect<string>
  readonly inject: (fault: Fault.Fault) => Effect.Effect<void>
  /**
   * Sends every event to this address too, signed, once the bot behind it has answered the check of its address; `null` ends
   * that. Gives why the address cannot be used, or nothing.
   */
  readonly webhook: (url: string | null) => Effect.Effect<string | undefined>
  /**
   * The bot's messages from now on; a stream once it is whole. A reader that is too slow misses the oldest beyond 1024.
   */
  readonly sent: Stream.Stream<Journal.SentMessage>
  /** The feed of the page: the whole state, and then each change. Ends if its reader is too slow. */
  readonly feed: Stream.Stream<Change>
  /** To look at: journal, messages, sessions, counters. To change it, use the effects above. */
  readonly model: PlatformModel.PlatformModel
}

/**
 * The platform on this machine.
 *
 * @since 0.1.0
 * @category tags
 */
export class Sandbox extends Context.Tag("@effect-qq/cli/Sandbox")<Sandbox, SandboxShape>() {}

const defaultAppId = "1905000001"
const defaultSecret = Redacted.make("sandbox-secret")

/**
 * Starts a sandbox. Closing the scope ends the server and every socket at once.
 *
 * Time is that of Effect's `Clock`. Fails if the port is not available.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: Options): Effect.Effect<SandboxShape, Server.SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* FiberSet.makeRuntime<never, void, never>()
    const run = (effect: Effect.Effect<void>): { readonly interrupt: () => void } => {
      const fiber = fork(effect)
      return { interrupt: () => fiber.unsafeInterruptAsFork(fiber.id()) }
    }
    const { cut, port, server } = yield* Server.open(options?.port ?? defaultPort)
    const appId = options?.appId ?? defaultAppId
    const secret = options?.secret ?? defaultSecret
    const apiUrl = `http://${Server.host}:${port}`
    const gatewayUrl = `ws://${Server.host}:${port}/websocket`

    const sockets = new Sockets()
    const engine = yield* Engine.make(
      (onDispatch) =>
        PlatformModel.make({
          ...options?.platform,
          appId,
          secret: Redacted.value(secret),
          gatewayUrl,
          storeUrl: apiUrl,
          onDispatch: (event) => {
            options?.platform?.onDispatch?.(event)
            onDispatch(event)
          }
        }),
      sockets.apply
    )
    const { model, step } = engine
    const files = new Files(apiUrl)
    const opened = yield* Effect.acquireRelease(PubSub.sliding<void>(16), PubSub.shutdown)
    const access = new Access(port, () => void opened.unsafeOffer(undefined))
    const answers = yield* Answers.make(engine)
    const board = yield* Board.make({
      engine,
      files,
      apiUrl,
      bot: { id: model.bot.id, name: model.bot.username, appId }
    })
    board.directory.populate()
    const calls = yield* Calls.make({ engine, board, appId, secret })
    const inject = (fault: Fault.Fault): Effect.Effect<void> =>
      Effect.sync(() => step((now) => model.inject(now, fault)))
    const pageUrl = (): string => `${apiUrl}/?token=${access.invite()}`

    const desk: Handlers.Desk = { engine, board, answers, files, calls, access, inject, pageUrl }
    const api = yield* Handlers.make(desk)
    yield* Server.serve(server, desk, api, { page: options?.page ?? true }, run)
    sockets.accept(server, engine, run)
    // Closed before the services that requests wait for, so that requests are cut off and not answered with an error.
    yield* Effect.addFinalizer(() => cut)

    return {
      port,
      apiUrl,
      tokenUrl: `${apiUrl}/app/getAppAccessToken`,
      gatewayUrl,
      appId,
      secret,
      pageUrl: Effect.sync(pageUrl),
      pageUrls: Stream.concat(Stream.make(undefined), Stream.fromPubSub(opened)).pipe(Stream.map(pageUrl)),
      say: answers.say,
      ask: answers.ask,
      press: (press) => Effect.sync(() => step((now) => model.press(now, press))),
      dispatch: (type, d) => Effect.sync(() => step((now) => model.dispatch(now, type, d))),
      inject,
      webhook: calls.use,
      sent: answers.sent,
      feed: board.feed,
      model
    }
  })

/**
 * A sandbox as a layer. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Sandbox, Server.SandboxError> =>
  Layer.scoped(Sandbox, make(options))
