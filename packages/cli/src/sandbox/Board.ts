/**
 * The visible state of a sandbox, and the feed of its changes.
 *
 * @since 0.1.0
 */
import { CloseCode } from "@effect-qq/core"
import type { PlatformModel } from "@effect-qq/core/testing"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Conversing } from "./Conversing.ts"
import { Directory } from "./Directory.ts"
import type { Engine, Step } from "./Engine.ts"
import type { Files } from "./Files.ts"
import { Sessions } from "./Sessions.ts"
import { Tracing } from "./Tracing.ts"
import type { Change, Snapshot } from "./View.ts"

/** Maximum number of changes buffered for a reader; a slower one starts again with the whole state. */
const capacity = 4096

/** Which requests change what members may do. */
const administration = /^\/v2\/groups\/[^/]+\/(?:restrict_chat_setting|batch_remove_members)/

const closeCodes = [...CloseCode.table.values()].map(({ code, meaning }) => ({ code, meaning }))

interface Numbered {
  readonly n: number
  readonly change: Change
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Board {
  readonly directory: Directory
  readonly conversing: Conversing
  readonly tracing: Tracing
  readonly sessions: Sessions
  readonly snapshot: () => Snapshot
  /** Publishes a change to the readers. */
  readonly publish: (change: Change) => void
  /** The whole state, and then each change. Ends if its reader is too slow; a new subscription starts with the whole state. */
  readonly feed: Stream.Stream<Change>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly engine: Engine
  readonly files: Files
  readonly bot: { readonly id: string; readonly name: string; readonly appId: string }
  readonly apiUrl: string
}): Effect.Effect<Board, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { apiUrl, bot, engine, files } = options
    const published = yield* Effect.acquireRelease(PubSub.sliding<Numbered>(capacity), PubSub.shutdown)
    const model: PlatformModel.PlatformModel = engine.model
    let count = 0
    let lastStatus = ""
    /** The status is computed at every step, but only while a reader is subscribed. */
    let readers = 0

    const publish = (change: Change): void => {
      count += 1
      published.unsafeOffer({ n: count, change })
    }

    const directory = new Directory(engine, {
      people: () => publish({ _tag: "People", people: directory.allPeople() }),
      conversations: () => publish({ _tag: "Conversations", conversations: directory.conversations() })
    })
    const conversing = new Conversing({ model, directory, files, bot, publish })
    const tracing = new Tracing()
    const sessions = new Sessions(model)

    const publishStatus = (now: number): void => {
      if (readers === 0) return
      const status = sessions.status(now)
      const text = JSON.stringify(status)
      if (text === lastStatus) return
      lastStatus = text
      publish({ _tag: "Status", status, now })
    }

    engine.observe((step: Step) => {
      files.observe(step)
      sessions.observe(step)
      conversing.observe(step)
      const trace = tracing.observe(step)
      if (trace.length > 0) publish({ _tag: "Trace", trace })
      const { occasion } = step
      if (
        occasion._tag === "Request" &&
        occasion.request.method === "POST" &&
        administration.test(occasion.request.path)
      ) {
        publish({ _tag: "Conversations", conversations: directory.conversations() })
      }
      publishStatus(step.now)
    })

    const snapshot = (): Snapshot => {
      const now = engine.now()
      return {
        bot,
        apiUrl,
        now,
        people: directory.allPeople(),
        conversations: directory.conversations(),
        items: conversing.all(),
        trace: tracing.all(),
        closeCodes,
        status: sessions.status(now)
      }
    }

    const feed: Stream.Stream<Change> = Stream.unwrapScoped(
      Effect.gen(function* () {
        // Subscribed first, so that no change is missed between the snapshot and the feed.
        const changes = yield* PubSub.subscribe(published)
        yield* Effect.acquireRelease(
          Effect.sync(() => void readers++),
          () => Effect.sync(() => void readers--)
        )
        let expected = count + 1
        const everything: Change = { _tag: "Snapshot", snapshot: snapshot() }
        const next = Effect.flatMap(
          Queue.takeBetween(changes, 1, capacity),
          (taken): Effect.Effect<Chunk.Chunk<Change>, Option.Option<never>> => {
            const inOrder = Chunk.takeWhile(taken, ({ n }) => n === expected++)
            return Chunk.isEmpty(inOrder)
              ? Effect.fail(Option.none())
              : Effect.succeed(Chunk.map(inOrder, ({ change }) => change))
          }
        )
        return Stream.concat(Stream.make(everything), Stream.repeatEffectChunkOption(next))
      })
    )

    return { directory, conversing, tracing, sessions, snapshot, publish, feed }
  })
