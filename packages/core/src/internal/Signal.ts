/**
 * A flag that a callback raises and a fiber waits for. What a `Latch` does, for objects of which a process has thousands: an
 * idle one is two fields, and a wait has nothing to undo.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/**
 * A flag, not raised at first.
 *
 * @since 0.1.0
 * @category models
 */
export class Signal {
  private raised = false
  /** A wait that was interrupted stays here until the flag is raised; resuming it does nothing. */
  private waiting: Array<(exit: Effect.Effect<void>) => void> | undefined

  get isRaised(): boolean {
    return this.raised
  }

  /** Raises the flag: every wait completes. */
  raise(): void {
    this.raised = true
    const { waiting } = this
    if (waiting === undefined) return
    this.waiting = undefined
    for (const resume of waiting) resume(Exit.void)
  }

  /** Lowers the flag: the next wait waits for the next time that it is raised. */
  lower(): void {
    this.raised = false
  }

  /** Waits until the flag is raised; completes at once where it is. */
  get wait(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (this.raised) resume(Exit.void)
      else (this.waiting ??= []).push(resume)
    })
  }

  /** Waits until the flag is raised, and lowers it. For one fiber. */
  get take(): Effect.Effect<void> {
    return Effect.map(this.wait, () => this.lower())
  }
}
