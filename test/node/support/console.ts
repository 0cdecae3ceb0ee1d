import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

export interface Recorded {
  readonly console: Console.Console
  readonly out: Array<string>
  readonly error: Array<string>
  /** Completes with the first line on standard output that holds this text. */
  readonly until: (text: string) => Effect.Effect<string>
}

/** A console that writes down what is printed. */
export const record = Effect.gen(function* () {
  const base = yield* Console.consoleWith(Effect.succeed)
  const out: Array<string> = []
  const error: Array<string> = []
  const waiting: Array<{ readonly text: string; readonly line: Deferred.Deferred<string> }> = []
  const write =
    (lines: Array<string>) =>
    (...values: ReadonlyArray<unknown>) => {
      const line = values.map(String).join(" ")
      lines.push(line)
      for (const { line: deferred, text } of waiting) {
        if (line.includes(text)) Deferred.unsafeDone(deferred, Effect.succeed(line))
      }
    }
  const unsafe = { ...base.unsafe, log: write(out), error: write(error) }
  const console: Console.Console = {
    ...base,
    log: (...values) => Effect.sync(() => unsafe.log(...values)),
    error: (...values) => Effect.sync(() => unsafe.error(...values)),
    unsafe
  }
  const recorded: Recorded = {
    console,
    out,
    error,
    until: (text) =>
      Effect.gen(function* () {
        const line = yield* Deferred.make<string>()
        const found = out.find((line) => line.includes(text))
        if (found === undefined) waiting.push({ text, line })
        else yield* Deferred.succeed(line, found)
        return yield* Effect.orDie(Effect.timeout(Deferred.await(line), "10 seconds"))
      })
  }
  return recorded
})
