import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** A console that writes down what is printed. */
export const record = Effect.gen(function* () {
  const base = yield* Console.consoleWith(Effect.succeed)
  const out: Array<string> = []
  const error: Array<string> = []
  const write =
    (lines: Array<string>) =>
    (...values: ReadonlyArray<unknown>) =>
      void lines.push(values.map(String).join(" "))
  const unsafe = { ...base.unsafe, log: write(out), error: write(error) }
  const console: Console.Console = {
    ...base,
    log: (...values) => Effect.sync(() => unsafe.log(...values)),
    error: (...values) => Effect.sync(() => unsafe.error(...values)),
    unsafe
  }
  return { console, out, error }
})
