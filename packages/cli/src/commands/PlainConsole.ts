/**
 * A console without colours, for pipes, files and `NO_COLOR`.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import type * as Effect from "effect/Effect"
import { stripVTControlCharacters } from "node:util"

/**
 * The properties of an output that decide about colours.
 *
 * @since 0.1.0
 * @category models
 */
export interface Output {
  readonly isTTY?: boolean | undefined
  /** Heeds `NO_COLOR`, `FORCE_COLOR` and `TERM`; terminals only. */
  readonly hasColors?: ((count?: number) => boolean) | undefined
}

/**
 * Whether an output takes colours: a terminal that has some, unless `NO_COLOR` says otherwise.
 *
 * @since 0.1.0
 * @category lookups
 */
export const takesColours = (output: Output): boolean => output.isTTY === true && output.hasColors?.() !== false

const plain = (values: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  values.map((value) => (typeof value === "string" ? stripVTControlCharacters(value) : value))

/**
 * The console of an effect, without colours where its outputs take none.
 *
 * @since 0.1.0
 * @category combinators
 */
export const heeding =
  (outputs: { readonly out: Output; readonly error: Output }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Console.consoleWith((console) => {
      const log = takesColours(outputs.out)
        ? console.log
        : (...values: ReadonlyArray<unknown>) => console.log(...plain(values))
      const error = takesColours(outputs.error)
        ? console.error
        : (...values: ReadonlyArray<unknown>) => console.error(...plain(values))
      return Console.withConsole(effect, { ...console, log, error })
    })
