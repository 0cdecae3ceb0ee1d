/**
 * The connection that there is right now, as the rooms of a session see it: its handle, and whether everything that the
 * platform said on it was heard.
 *
 * @since 0.1.0
 */
import type { ConnectionHandle } from "./Connection.ts"

/**
 * At most one connection, at any time.
 *
 * @since 0.1.0
 * @category models
 */
export class ActiveConnection {
  /** `undefined` while there is none. */
  handle: ConnectionHandle | undefined
  /** Whether READY or RESUMED came, and nothing was missed since. */
  isComplete = false
  /** Whether the inbox was full: dispatches are let pass, for the resume that follows brings them again. */
  isPaused = false

  /** A connection is about to be dialled. */
  open(handle: ConnectionHandle): void {
    this.handle = handle
    this.isComplete = false
    this.isPaused = false
  }

  /** READY or RESUMED came. */
  begin(): void {
    this.isComplete = true
  }

  /** There was no room for a dispatch. */
  pause(): void {
    this.isComplete = false
    this.isPaused = true
  }

  /** The connection is over. */
  close(): void {
    this.handle = undefined
    this.isComplete = false
  }

  /** Until when, in epoch milliseconds, everything was heard; `undefined` where some of it was missed. */
  heardUntil(): number | undefined {
    return this.isComplete ? this.handle?.heardUntil() : undefined
  }
}
