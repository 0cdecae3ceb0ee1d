/**
 * The intents of one session: those it was made with, and the fallbacks for when the gateway refuses them.
 *
 * @since 0.1.0
 */
import type * as Intents from "./Intents.ts"

/**
 * Sets of intents to try in this order.
 *
 * @since 0.1.0
 * @category models
 */
export class IntentSets {
  private readonly sets: readonly [Intents.Intents, ...ReadonlyArray<Intents.Intents>]
  private index = 0

  constructor(intents: Intents.Intents, fallbacks: ReadonlyArray<Intents.Intents>) {
    this.sets = [intents, ...fallbacks]
  }

  /** The set that the next identify asks for. */
  get current(): Intents.Intents {
    return this.sets[this.index] ?? this.sets[0]
  }

  /** Goes on to the next set; `false` where there is none. */
  next(): boolean {
    if (this.index + 1 >= this.sets.length) return false
    this.index++
    return true
  }
}
