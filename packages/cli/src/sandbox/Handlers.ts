/**
 * The handlers of the sandbox's API.
 *
 * @since 0.1.0
 */
import type { Fault } from "@effect-qq/core/testing"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Api, Refused } from "./Api.ts"
import type { Access } from "./Access.ts"
import type { Answers } from "./Answers.ts"
import type { Board } from "./Board.ts"
import type { Calls } from "./Calls.ts"
import { keyOf, placeOf, speakerOf } from "./Directory.ts"
import type { Engine } from "./Engine.ts"
import type { Files } from "./Files.ts"

/**
 * The parts of a sandbox that requests reach.
 *
 * @since 0.1.0
 * @category models
 */
export interface Desk {
  readonly engine: Engine
  readonly board: Board
  readonly answers: Answers
  readonly files: Files
  readonly calls: Calls
  readonly access: Access
  readonly inject: (fault: Fault.Fault) => Effect.Effect<void>
  /** The address of the page with a token that is good once. */
  readonly pageUrl: () => string
}

/** Entries of the journal unless the request asks for another number. */
const defaultJournalLength = 1000

const refuse = (error: string): Effect.Effect<never, Refused> => Effect.fail(new Refused({ error }))

const orRefuse = <A>(value: A | undefined | false, error: string): Effect.Effect<A, Refused> =>
  value === undefined || value === false ? refuse(error) : Effect.succeed(value)

const talk = ({ answers, board, engine, files }: Desk) =>
  HttpApiBuilder.group(Api, "talk", (handlers) =>
    handlers
      .handle("say", ({ payload: { wait, ...said } }) =>
        Effect.gen(function* () {
          const [scene, place] = placeOf(said)
          const speaker = speakerOf(said)
          const muted = board.directory.find(keyOf(scene, place))?.members.find(({ id }) => id === speaker)?.mutedUntil
          if (muted !== undefined) return yield* refuse(`${speaker} is muted until ${muted}`)
          const { answers: given, id } = yield* answers.ask(said, wait)
          return { id, answers: given.map((answer) => ({ ...answer })) }
        })
      )
      .handle("press", ({ payload }) =>
        Effect.sync(() => {
          const label = board.conversing
            .find(payload.message)
            ?.buttons.flat()
            .find(({ id, label }) => id === payload.button || label === payload.button)?.label
          const pressed = engine.step((now) => engine.model.press(now, payload))
          if (pressed._tag === "Interaction") {
            const { interaction } = pressed
            const { button, message, user } = payload
            board.conversing.pressButton(engine.now(), interaction, message, user, label ?? button)
          }
          return pressed
        })
      )
      .handle("upload", ({ payload, urlParams: { name } }) =>
        Effect.sync(() => ({ url: files.put(name, payload), size: payload.length }))
      )
  )

const encoder = new TextEncoder()

const look = ({ board, engine }: Desk) =>
  HttpApiBuilder.group(Api, "look", (handlers) =>
    handlers
      .handle("journal", ({ urlParams: { last = "" } }) =>
        Effect.sync(() => {
          const length = /^\d{1,6}$/.test(last) ? Number(last) : defaultJournalLength
          const tail = <A>(all: ReadonlyArray<A>): ReadonlyArray<A> => all.slice(Math.max(0, all.length - length))
          return { journal: tail(engine.model.journal), sent: tail(engine.model.sent) }
        })
      )
      .handle("state", () => Effect.sync(board.snapshot))
      .handleRaw("feed", () =>
        Effect.succeed(
          HttpServerResponse.stream(
            Stream.map(board.feed, (change) => encoder.encode(`data: ${JSON.stringify(change)}\n\n`)),
            { contentType: "text/event-stream", headers: { "cache-control": "no-store" } }
          )
        )
      )
  )

const arrange = ({ board: { directory }, calls, inject, pageUrl }: Desk) =>
  HttpApiBuilder.group(Api, "arrange", (handlers) =>
    handlers
      .handle("fault", ({ payload }) => Effect.as(inject(payload), {}))
      .handle("person", ({ path: { id }, payload: { name } }) =>
        Effect.sync(() => {
          directory.putPerson(id, name)
          return {}
        })
      )
      .handle("removePerson", ({ path: { id } }) =>
        Effect.as(orRefuse(directory.removePerson(id), `there is no ${id}`), {})
      )
      .handle("conversation", ({ path: { key }, payload: { full, name } }) =>
        orRefuse(directory.putConversation(key, name, full), "a conversation is c2c:…, group:…, channel:… or dm:…")
      )
      .handle("removeConversation", ({ path: { key } }) =>
        Effect.as(orRefuse(directory.removeConversation(key), `there is no ${key}`), {})
      )
      .handle("member", ({ path: { id, key }, payload: { role } }) =>
        Effect.as(orRefuse(directory.putMember(key, id, role), `there is no ${key}`), {})
      )
      .handle("removeMember", ({ path: { id, key } }) =>
        Effect.as(orRefuse(directory.removeMember(key, id), `${id} is not in ${key}`), {})
      )
      .handle("webhook", ({ payload: { url } }) =>
        Effect.flatMap(calls.use(url), (problem) => (problem === undefined ? Effect.succeed({}) : refuse(problem)))
      )
      .handle("invite", () => Effect.sync(() => ({ url: pageUrl() })))
  )

/** What is wrong with a request, in one line. */
const lineOf = ({ issues: [issue] }: HttpApiDecodeError): string => {
  if (issue === undefined) return "the request is not understood"
  const [where, message] = [issue.path.map(String).join("."), issue.message.split("\n")[0] ?? ""]
  return where === "" ? `the request is not understood: ${message}` : `${where}: ${message}`
}

const failed = (status: number, error: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson({ error }, { status })

/** Errors are one line: the schema of a request does not help with a mistyped field. */
const plainErrors = HttpApiBuilder.middleware<never, never>((app) =>
  Effect.catchAllCause(app, (cause) => {
    const error = Cause.squash(cause)
    if (error instanceof HttpApiDecodeError) return Effect.succeed(failed(400, lineOf(error)))
    if (Predicate.isTagged(error, "RouteNotFound")) {
      return Effect.succeed(failed(404, "there is no such path; see the documentation of the sandbox"))
    }
    if (Predicate.isTagged(error, "RequestError")) return Effect.succeed(failed(400, "the body is not JSON"))
    return Effect.failCause(cause)
  })
)

/**
 * The API as an app.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (desk: Desk): Effect.Effect<HttpApp.Default, never, Scope.Scope> =>
  Effect.gen(function* () {
    const api = HttpApiBuilder.api(Api).pipe(
      Layer.provide(Layer.mergeAll(talk(desk), look(desk), arrange(desk))),
      Layer.merge(plainErrors),
      Layer.provideMerge(Layer.mergeAll(HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer))
    )
    const services = yield* Layer.build(NodeHttpServer.layerContext)
    const context = yield* Layer.build(api)
    const app: HttpApp.Default<never, HttpRouter.HttpRouter.DefaultServices> = yield* Effect.provide(
      HttpApiBuilder.httpApp,
      context
    )
    return Effect.provide(app, services)
  })
