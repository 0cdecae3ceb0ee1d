/** A process of its own: what it prints, how it ends. */
import type { Sandbox } from "@effect-qq/cli/sandbox"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as Url from "node:url"
import { within } from "./patience.ts"

const root = Path.resolve(Path.dirname(Url.fileURLToPath(import.meta.url)), "..", "..", "..")

export const echoBot: string = Path.join(root, "examples", "echo.mjs")
export const testBot: string = Path.join(root, "test", "node", "support", "bot.mjs")
export const mortalBot: string = Path.join(root, "test", "node", "support", "mortalBot.mjs")
export const burstBot: string = Path.join(root, "test", "node", "support", "burstBot.mjs")
export const commandLine: string = Path.join(root, "packages", "cli", "dist", "main.js")

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** When, in milliseconds of `performance.now`. */
  readonly at: number
}

export interface Child {
  /** All that it has printed so far, on standard output and standard error. */
  readonly printed: () => string
  /** Completes once it has printed this text. */
  readonly until: (text: string) => Effect.Effect<void>
  /** Sends a signal, and says when, in milliseconds of `performance.now`. */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<number>
  /** Kills it in this very moment. */
  readonly kill: () => void
  readonly ended: Effect.Effect<Ended>
}

/** Only what Node.js itself may need: nothing that this process was told about bots or proxies. */
const surroundings = (): Record<string, string> => {
  const kept = ["PATH", "HOME", "TMPDIR", "SystemRoot", "TEMP", "USERPROFILE"]
  return Object.fromEntries(
    kept.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  )
}

/** What the environment of a bot is told about a sandbox. */
export const told = (
  platform: Pick<Sandbox.SandboxShape, "apiUrl" | "tokenUrl" | "appId" | "secret">,
  stateDirectory: string
): Record<string, string> => ({
  QQ_API_URL: platform.apiUrl,
  QQ_TOKEN_URL: platform.tokenUrl,
  QQ_APP_ID: platform.appId,
  QQ_APP_SECRET: Redacted.value(platform.secret),
  QQ_STATE_DIR: stateDirectory
})

/** Starts a script under Node.js. It is killed when the scope closes, should it still run. */
export const start = (
  script: string,
  options: {
    readonly words?: ReadonlyArray<string>
    readonly environment?: Readonly<Record<string, string>>
    /** Default: that of this process. */
    readonly cwd?: string
    /** How long a test waits for something of it. Default 40 s: it may have to start on a busy machine. */
    readonly patience?: Duration.DurationInput
  } = {}
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = ChildProcess.spawn(process.execPath, [script, ...(options.words ?? [])], {
          cwd: options.cwd,
          env: { ...surroundings(), ...options.environment },
          stdio: ["ignore", "pipe", "pipe"]
        })
        const listeners = new Set<() => void>()
        const state: { printed: string; ended: Ended | undefined } = { printed: "", ended: undefined }
        const tell = (): void => {
          for (const listener of listeners) listener()
        }
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding("utf8")
          stream.on("data", (text: string) => {
            state.printed += text
            tell()
          })
        }
        // "close" comes after "exit", once all that was printed has arrived
        const exit: { at: number } = { at: 0 }
        child.on("exit", () => {
          exit.at = performance.now()
        })
        child.on("close", (code, signal) => {
          state.ended = { code, signal, at: exit.at }
          tell()
        })
        return { child, listeners, state }
      }),
      ({ child, state }) => Effect.sync(() => void (state.ended === undefined && child.kill("SIGKILL")))
    ),
    ({ child, listeners, state }): Child => {
      const when = <A>(what: string, look: () => A | undefined): Effect.Effect<A> =>
        Effect.async<A>((resume) => {
          const listener = (): void => {
            const found = look()
            if (found === undefined) return
            listeners.delete(listener)
            resume(Effect.succeed(found))
          }
          listeners.add(listener)
          listener()
          return Effect.sync(() => listeners.delete(listener))
        }).pipe(within(options.patience ?? "40 seconds", `the child process: ${what}`, () => state.printed))
      const dead = Effect.suspend(() => Effect.dieMessage(`the child process has ended already\n${state.printed}`))
      return {
        printed: () => state.printed,
        until: (text) =>
          Effect.flatten(
            when(`"${text}"`, () =>
              state.printed.includes(text) ? Effect.void : state.ended === undefined ? undefined : dead
            )
          ),
        signal: (signal) =>
          Effect.sync(() => {
            const at = performance.now()
            child.kill(signal)
            return at
          }),
        kill: () => void child.kill("SIGKILL"),
        ended: when("its end", () => state.ended)
      }
    }
  )
