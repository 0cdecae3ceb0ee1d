import type { Journal } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Tells of each entry of a model's journal in the very step of the platform that writes it. */
export const overhear = (
  journal: ReadonlyArray<Journal.JournalEntry>,
  hear: (entry: Journal.JournalEntry) => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const value = (entry: Journal.JournalEntry): number => {
        const length = Array.prototype.push.call(journal, entry)
        hear(entry)
        return length
      }
      Object.defineProperty(journal, "push", { value, configurable: true })
    }),
    () => Effect.sync(() => Reflect.deleteProperty(journal, "push"))
  )
