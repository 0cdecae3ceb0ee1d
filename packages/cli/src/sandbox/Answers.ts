/**
 * The bot's messages once complete, and the answers to a message.
 *
 * @since 0.1.0
 */
import type { Journal, PlatformModel } from "@effect-qq/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { placeOf } from "./Directory.ts"
import type { Engine } from "./Engine.ts"

/** Messages that are kept for a slow reader. */
const capacity = 1024

/** After an answer, this long without another one means that there are no more. */
const quietAfterAnswer = Duration.millis(250)

/**
 * A message and the answers of the bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exchange {
  /** The id of the message that was said. */
  readonly id: string
  /** Passive replies to it, and what the bot sent to the same conversation by itself meanwhile; oldest first. */
  readonly answers: ReadonlyArray<Journal.SentMessage>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Answers {
  /** A user says something. Gives the message id. */
  readonly say: (said: PlatformModel.Said) => Effect.Effect<string>
  readonly ask: (said: PlatformModel.Said, wait: Duration.DurationInput) => Effect.Effect<Exchange>
  readonly sent: Stream.Stream<Journal.SentMessage>
}

/** Gives the messages of steps to `offer`, a stream once it is whole. */
const publishing = (engine: Engine, offer: (message: Journal.SentMessage) => void): void => {
  /** Streams that are being written. */
  const unfinished = new Set<Journal.SentMessage>()
  engine.observe(({ sent }) => {
    for (const message of unfinished) {
      if (message.stream !== "done") continue
      unfinished.delete(message)
      offer(message)
    }
    for (const message of sent) {
      if (message.stream === "generating") unfinished.add(message)
      else offer(message)
    }
    for (const oldest of unfinished) {
      if (unfinished.size <= capacity) break
      unfinished.delete(oldest)
    }
  })
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (engine: Engine): Effect.Effect<Answers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const published = yield* Effect.acquireRelease(PubSub.sliding<Journal.SentMessage>(capacity), PubSub.shutdown)
    publishing(engine, (message) => void published.unsafeOffer(message))

    const say = (said: PlatformModel.Said): Effect.Effect<string> =>
      Effect.sync(() =>
        engine.step(
          (now) => engine.model.say(now, said),
          (id) => ({ _tag: "Said", said, id })
        )
      )

    const ask: Answers["ask"] = (said, wait) =>
      Effect.scoped(
        Effect.gen(function* () {
          // Subscribed first: the answer may come before `say` has returned.
          const messages = yield* PubSub.subscribe(published)
          const id = yield* say(said)
          const [scene, target] = placeOf(said)
          const isAnswer = (message: Journal.SentMessage): boolean =>
            message.msgId === id ||
            (message.msgId === undefined && message.scene === scene && message.target === target)
          const answers: Array<Journal.SentMessage> = []
          const next: Effect.Effect<void> = Effect.map(
            Effect.repeat(Queue.take(messages), { until: isAnswer }),
            (message) => void answers.push(message)
          )
          const all = Effect.zipRight(
            next,
            Effect.repeat(Effect.timeoutOption(next, quietAfterAnswer), { until: Option.isNone })
          )
          // An answer that is quicker than a timer of 0 ms would make "no wait" a matter of luck.
          if (Duration.greaterThan(wait, Duration.zero)) yield* Effect.timeoutOption(all, wait)
          return { id, answers }
        })
      )

    return { say, ask, sent: Stream.fromPubSub(published) }
  })
