/**
 * Chance: what a seed makes of it is the same every time.
 *
 * @since 0.1.0
 */
import * as Utils from "effect/Utils"

/**
 * A source of chance that is drawn from without an Effect.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dice {
  /** At least 0, below 1. */
  readonly next: () => number
  /** A whole number, both ends included. */
  readonly between: (least: number, most: number) => number
  readonly pick: <A>(choices: readonly [A, ...ReadonlyArray<A>]) => A
  readonly chance: (probability: number) => boolean
}

/**
 * The dice of a seed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSeed = (seed: string): Dice => {
  let state = 0x811c9dc5
  for (let index = 0; index < seed.length; index++) state = Math.imul(state ^ seed.charCodeAt(index), 0x01000193)
  const random = new Utils.PCGRandom(state)
  const next = (): number => random.number()
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    between,
    pick: (choices) => choices[between(0, choices.length - 1)] ?? choices[0],
    chance: (probability) => next() < probability
  }
}
