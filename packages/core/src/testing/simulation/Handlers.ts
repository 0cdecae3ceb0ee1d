/**
 * The handlers of a simulated bot: one that answers every message as it is asked to, or those of a user, watched. Both tell
 * the oracle what reaches them.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Bot from "../../Bot.ts"
import * as Gateway from "../../Gateway.ts"
import * as Message from "../../messages/Message.ts"
import * as Messenger from "../../messages/Messenger.ts"
import type { SendError } from "../../messages/SendError.ts"
import type { Oracle } from "../Oracle.ts"
import type { Life } from "./Life.ts"
import * as Script from "./Script.ts"

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
 * What the handlers of a process need.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly life: Life
  readonly oracle: Oracle
  /** The clock of the world, and the one of the bot, whose wall time can be set. */
  readonly clock: Clock.Clock
  readonly wallClock: Clock.Clock
  /** Whether the bot is in guilds. */
  readonly hasGuilds: boolean
  readonly handlers: Handlers | undefined
}

const types = ["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"] as const

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

/** A reply that could not be sent is tried again for five minutes, as a careful program would. */
const again = Schedule.spaced("15 seconds").pipe(Schedule.intersect(Schedule.recurs(20)))

/** What was used up stays so. */
const isWorthAnother = ({ _tag }: SendError): boolean => _tag !== "DeliveryUnknown" && _tag !== "QuotaExhausted"

type Event = Parameters<Messenger.MessengerShape["reply"]>[0]

const plain = (event: Event, { number }: Script.Ask) =>
  Messenger.reply(event, Message.text(Script.reply(number)), { key: "reply" })

const streamed = (event: Event, ask: Script.Ask) => Messenger.replyStream(event, writing(ask), { key: "reply" })

/**
 * The handlers of one process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ clock, handlers, hasGuilds, life, oracle, wallClock }: Options): Handlers => {
  const now = (): number => clock.unsafeCurrentTimeMillis()
  const heard = [...types, ...(hasGuilds ? (["AT_MESSAGE_CREATE"] as const) : [])]
  /** A dead process tells nothing. */
  const tell = (what: () => void): Effect.Effect<void> => Effect.sync(() => (life.isAlive ? what() : undefined))

  const gaps = Gateway.on("Gap", ({ from, shard, to }) =>
    tell(() => {
      const ahead = wallClock.unsafeCurrentTimeMillis() - now()
      oracle.gap(shard.join("/"), from - ahead, to - ahead, now())
    })
  )

  /** Which messages reach the handlers of a user. */
  const observer = Gateway.on(heard, (event) =>
    tell(() => {
      const { number } = askIn(event.content)
      oracle.began(now(), number)
      oracle.done(now(), number, "observed")
    })
  )

  const answering = Gateway.on(heard, (event) =>
    Effect.gen(function* () {
      const ask = askIn(event.content)
      const { number } = ask
      yield* tell(() => oracle.began(now(), number))
      if (!ask.isStreamed) yield* Effect.sleep(ask.work)
      const outcome = yield* (ask.isStreamed ? streamed(event, ask) : plain(event, ask)).pipe(
        Effect.as("sent" as const),
        Effect.catchTag("DeliveryUnknown", () => Effect.succeed("unknown" as const)),
        Effect.tapError(() => tell(() => oracle.again(now(), number))),
        Effect.retry({ schedule: again, while: isWorthAnother }),
        Effect.orElseSucceed(() => "failed" as const)
      )
      yield* tell(() => oracle.done(now(), number, outcome))
    }).pipe(
      Effect.onInterrupt(() => tell(() => oracle.cut(now(), askIn(event.content).number, now() - life.leavingSince)))
    )
  )

  return Layer.merge(gaps, handlers === undefined ? answering : Layer.merge(observer, handlers))
}
