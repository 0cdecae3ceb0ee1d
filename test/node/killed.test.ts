import type { Journal, PlatformModel } from "@effect-qq/core/testing"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { PCGRandom } from "effect/Utils"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert } from "vitest"
import { overhear } from "../support/journal.ts"
import * as Child from "./support/child.ts"
import * as Live from "./support/live.ts"
import { eventually } from "./support/patience.ts"

type Entry = Journal.JournalEntry

/** What a process may have come to when it is killed. */
const landmarks = {
  begun: undefined,
  resuming: (entry: Entry) => entry.kind === "Received" && entry.op === 6,
  resumed: (entry: Entry) => entry.kind === "Sent" && entry.t === "RESUMED",
  told: (entry: Entry) => entry.kind === "Sent" && entry.t?.endsWith("_MESSAGE_CREATE") === true,
  answered: (entry: Entry) => entry.kind === "Accepted"
} as const

/**
 * When a process is killed: so many steps of the platform after it has come to a landmark for the `count`th time, or in the
 * midst of a step of its own work with files.
 */
type Moment =
  | { readonly at: keyof typeof landmarks; readonly count: number; readonly further: number }
  | { readonly at: "file"; readonly step: number }

/** Each kind of moment in turn, and within its kind a random one. */
const moments = (random: PCGRandom, count: number): ReadonlyArray<Moment> => {
  const within = (least: number, most: number): number => least + random.integer(most - least + 1)
  const kinds: ReadonlyArray<() => Moment> = [
    () => ({ at: "answered", count: within(1, 30), further: within(0, 8) }),
    () => ({ at: "file", step: within(1, 24) }),
    () => ({ at: "told", count: within(1, 20), further: within(0, 8) }),
    () => ({ at: "begun", count: 0, further: within(0, 10) }),
    () => ({ at: "resuming", count: 1, further: within(0, 8) }),
    () => ({ at: "resumed", count: 1, further: within(0, 40) })
  ]
  return Array.from({ length: count }, (_, index) => kinds[index % kinds.length]?.()).flatMap((moment) =>
    moment === undefined ? [] : [moment]
  )
}

const group = (name: string, more: { readonly full?: true }) => (text: string) =>
  ({ scene: "group", group: name, member: "m1", text, at: true, ...more }) as const

const privately = (user: string) => (text: string) => ({ scene: "c2c", user, text }) as const

/** Of the last one, each message comes twice: under two types. */
const conversations: ReadonlyArray<(text: string) => PlatformModel.Said> = [
  privately("u1"),
  privately("u2"),
  privately("u3"),
  group("g1", {}),
  group("g2", {}),
  group("g3", { full: true })
]

interface Said {
  readonly id: string
  readonly conversation: number
  readonly text: string
}

const answersTo = ({ text }: Said): ReadonlyArray<string> => [`first: ${text}`, `second: ${text}`]

describe("kill -9, fifty times", () => {
  it.scopedLive(
    "at random moments, while users go on: each message has each of its answers once, in order",
    () =>
      Effect.gen(function* () {
        const seed = Number(process.env["TEST_SEED"] ?? 9)
        const random = new PCGRandom(seed)
        const sandbox = yield* Live.sandbox()
        const { journal, sent } = sandbox.model
        const stateDirectory = yield* Live.temporaryDirectory

        const said: Array<Said> = []
        const answers = new Map<string, number>()
        /** Messages that are asked for: the number of the conversation, and whether an answered one is to be followed. */
        const wanted = yield* Queue.unbounded<{ readonly conversation: number; readonly goesOn: boolean }>()
        const follow = new Map<string, number>()
        let talking = false
        let asked = 0
        const ask = (conversation: number, goesOn: boolean): void => {
          asked++
          wanted.unsafeOffer({ conversation, goesOn })
        }
        yield* Queue.take(wanted).pipe(
          Effect.flatMap(({ conversation, goesOn }) =>
            Effect.suspend(() => {
              const text = `${said.length}`
              const say = conversations[conversation]
              return say === undefined
                ? Effect.void
                : Effect.map(sandbox.say(say(text)), (id) => {
                    said.push({ id, conversation, text })
                    if (goesOn) follow.set(id, conversation)
                  })
            })
          ),
          Effect.forever,
          Effect.forkScoped
        )
        /** Some say something, without waiting for an answer. */
        const chatter = (most: number): void => {
          for (let count = random.integer(most + 1); count > 0; count--) {
            ask(random.integer(conversations.length), false)
          }
        }

        let atStep: ((entry: Entry) => void) | undefined
        yield* overhear(journal, (entry) => {
          if (entry.kind === "Accepted" && entry.msgId !== undefined) {
            const count = (answers.get(entry.msgId) ?? 0) + 1
            answers.set(entry.msgId, count)
            const conversation = follow.get(entry.msgId)
            if (talking && count === 2 && conversation !== undefined) ask(conversation, true)
          }
          if (talking && (entry.kind === "Upgrade" || landmarks.resuming(entry))) chatter(3)
          atStep?.(entry)
        })

        const deaths = new Map<string, number>()
        const figures = (): string => {
          const dispatched = journal.flatMap((entry) => (landmarks.told(entry) && "id" in entry ? [entry.id] : []))
          const repeated = journal.filter((entry) => entry.kind === "Request" && entry.code === 40054005).length
          const { maxOpenSockets, resumesAccepted, resumesRefused } = sandbox.model.counters()
          return [
            `seed ${seed}; deaths: ${[...deaths].map(([at, count]) => `${count} ${at}`).join(", ")}`,
            `${said.length} messages, ${sent.length} answers, ${repeated} repeated answers that nobody saw`,
            `${resumesAccepted} resumes, ${resumesRefused} refused, ${dispatched.length - new Set(dispatched).size} events replayed`,
            `at most ${maxOpenSockets} sockets at once`
          ].join("\n")
        }

        const start = (environment: Readonly<Record<string, string>> = {}) =>
          Child.start(Child.mortalBot, { environment: { ...Child.told(sandbox, stateDirectory), ...environment } })

        /** One process, from its start to its death. */
        const live = (moment: Moment, whenReady: Effect.Effect<void> | undefined) =>
          Effect.scoped(
            Effect.gen(function* () {
              const child = yield* start(
                moment.at === "file" ? { TEST_DIE_AT_FILE_STEP: String(moment.step) } : undefined
              )
              if (moment.at !== "file") {
                const isThere = landmarks[moment.at]
                let { count, further } = moment
                const kill = (): void => {
                  atStep = undefined
                  child.kill()
                  chatter(4)
                }
                atStep = (entry) => {
                  if (count > 0) {
                    if (isThere?.(entry) === true) count--
                  } else further--
                  if (count === 0 && further <= 0) kill()
                }
                if (count === 0 && further === 0) kill()
              }
              if (whenReady !== undefined) yield* Effect.zipRight(child.until("the session is ready"), whenReady)
              const { signal } = yield* child.ended
              assert.strictEqual(signal, "SIGKILL", `${child.printed()}\n${figures()}`)
              if (moment.at === "file") chatter(4)
              deaths.set(moment.at, (deaths.get(moment.at) ?? 0) + 1)
            })
          )

        // what is said to a bot that has no stored session yet, nobody could bring again
        const begin = Effect.gen(function* () {
          yield* eventually("a stored session", () =>
            Fs.existsSync(Path.join(stateDirectory, `session.${sandbox.appId}.0-1`))
          )
          talking = true
          for (const conversation of conversations.keys()) ask(conversation, true)
        })
        for (const [index, moment] of moments(random, 50).entries()) {
          yield* live(moment, index === 0 ? begin : undefined)
        }
        talking = false
        const last = yield* start()
        yield* last.until("the session is ready")
        yield* eventually(
          "the answers to every message",
          () => said.length === asked && said.every(({ id }) => answers.get(id) === 2),
          () => `${figures()}\n${last.printed()}`
        )
        yield* last.signal("SIGTERM")
        yield* last.ended

        for (const message of said) {
          const seen = sent.filter(({ msgId }) => msgId === message.id).map(({ content }) => content)
          assert.deepStrictEqual(seen, answersTo(message), `${message.id}\n${figures()}`)
        }
        for (const conversation of conversations.keys()) {
          const own = said.filter((message) => message.conversation === conversation)
          const ids = new Set(own.map(({ id }) => id))
          const seen = sent.filter(({ msgId }) => msgId !== undefined && ids.has(msgId)).map(({ content }) => content)
          assert.deepStrictEqual(
            seen,
            own.flatMap(answersTo),
            `the order of conversation ${conversation}\n${figures()}`
          )
        }
        assert.strictEqual(sent.length, said.length * 2, figures())
        const { journalDropped, maxOpenSockets, resumesRefused } = sandbox.model.counters()
        assert.strictEqual(maxOpenSockets, 1, figures())
        assert.strictEqual(resumesRefused, 0, figures())
        assert.strictEqual(journalDropped, 0)
        // it never had to begin anew, and it broke no rule of the platform
        assert.deepStrictEqual(
          Live.introductions(sandbox).filter((what) => what === "identify"),
          ["identify"],
          figures()
        )
        assert.deepStrictEqual(
          journal.filter(({ kind }) => kind === "Violation"),
          [],
          figures()
        )
        // it was put to the test: handlers were repeated, and nobody saw it
        assert.isTrue(
          journal.some((entry) => entry.kind === "Request" && entry.code === 40054005),
          figures()
        )
      }),
    900_000
  )
})
