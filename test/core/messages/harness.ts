/** A bot that writes down what it is told, on a platform whose journal says what users see. */
import { type BotConfig, type Event, Gateway, type GatewayError, type Messenger, type SendError } from "@effect-qq/core"
import type { PlatformModel, TestPlatform } from "@effect-qq/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Bot from "../../support/bot.ts"

export type Services = Layer.Layer.Success<ReturnType<typeof TestPlatform.layer>> | Scope.Scope

export const bot: Partial<BotConfig.Options> = {
  hosts: Bot.ownHosts,
  // no test here is about handlers that take too long, or about the end of a bot
  session: { jitter: 0 },
  delivery: { handlerTimeout: Duration.hours(3), drainTimeout: Duration.zero }
}

/** Beats are far apart: the tests go through hours. */
export const platform: PlatformModel.Options = { heartbeatInterval: 600_000 }

export const on = (
  options?: PlatformModel.Options,
  botOptions?: Partial<BotConfig.Options>
): (<A, E>(effect: Effect.Effect<A, E, Services>) => Effect.Effect<A, E>) =>
  Bot.on({ platform: { ...platform, ...options }, bot: { ...bot, ...botOptions } })

export const { inject, sent, visible, world } = Bot

/** Requests that could show a message to somebody. */
export const requests = Effect.map(Bot.entries("Request"), (all) => all.filter(({ path }) => path.endsWith("messages")))

/** Runs in the background for so long, and says how it ended. */
export const within =
  (duration: Duration.DurationInput) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Either.Either<A, E>, never, R> =>
    Effect.gen(function* () {
      let outcome: Either.Either<A, E> | undefined
      yield* Effect.fork(
        Effect.map(Effect.either(effect), (ended) => {
          outcome = ended
        })
      )
      yield* Bot.advance(duration)
      if (outcome === undefined) throw new Error(`not done within ${Duration.format(duration)}`)
      return outcome
    })

export const receiptOf = (outcome: Either.Either<Messenger.Receipt, unknown> | undefined): Messenger.Receipt => {
  if (outcome === undefined) throw new Error("there is no outcome")
  return Either.getOrThrowWith(outcome, (error) => error)
}

export const errorOf = <E = SendError.SendError>(outcome: Either.Either<unknown, E> | undefined): E => {
  if (outcome === undefined) throw new Error("there is no outcome")
  if (Either.isRight(outcome)) throw new Error(`delivered: ${JSON.stringify(outcome.right)}`)
  return outcome.left
}

/** Something happens; the event that comes of it. */
type Happening<A, Args extends ReadonlyArray<string>> = (
  ...args: Partial<Args>
) => Effect.Effect<A, never, TestPlatform.TestPlatform>

export interface Listening {
  /** A user writes. */
  readonly privately: Happening<Event.MessageEvent, [text: string, user: string]>
  /** A member of a group writes. */
  readonly inGroup: Happening<Event.MessageEvent, [text: string, group: string]>
  /** Something else happens. */
  readonly happens: (type: string, payload: unknown) => Effect.Effect<Event.Event, never, TestPlatform.TestPlatform>
  /** The last of what is neither a private message nor one in a group. */
  readonly newestOther: Effect.Effect<Event.Event>
}

const otherTypes = [
  "AT_MESSAGE_CREATE",
  "DIRECT_MESSAGE_CREATE",
  "FRIEND_ADD",
  "C2C_MSG_RECEIVE",
  "INTERACTION_CREATE",
  "MESSAGE_REACTION_ADD"
] as const

/** A bot that is online and only listens: the test answers. */
export const listening: Effect.Effect<Listening, GatewayError.GatewayStopped, Gateway.Gateway | Scope.Scope> =
  Effect.gen(function* () {
    const messages: Array<Event.MessageEvent> = []
    const others: Array<Event.Event> = []
    yield* Effect.forkScoped(
      Gateway.run(
        Layer.mergeAll(
          Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event) =>
            Effect.sync(() => messages.push(event))
          ),
          Gateway.on([...otherTypes], (event) => Effect.sync(() => others.push(event)))
        )
      )
    )
    yield* Gateway.ready
    yield* Bot.settle
    const newest = <A>(all: ReadonlyArray<A>) =>
      Effect.map(Bot.settle, () => {
        const last = all.at(-1)
        if (last === undefined) throw new Error("nothing was received")
        return last
      })
    return {
      privately: (text = "hi", user = "u1") =>
        Effect.flatMap(world, (p) => Effect.zipRight(p.privateMessage({ user, text }), newest(messages))),
      inGroup: (text = "hi", group = "g1") =>
        Effect.flatMap(world, (p) => Effect.zipRight(p.groupMessage({ group, text }), newest(messages))),
      happens: (type: string, payload: unknown) =>
        Effect.flatMap(world, (p) => Effect.zipRight(p.dispatch(type, payload), newest(others))),
      newestOther: newest(others)
    }
  })
