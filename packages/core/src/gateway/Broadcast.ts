/**
 * Tells listeners of each change, at the cost of one entry in the mailbox of each: most of the time there are none, and a
 * state changes five times in a reconnect.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Broadcast<A> {
  readonly tell: (value: A) => void
  /** What is so now, and then every change. It never ends. */
  readonly from: (now: () => A) => Stream.Stream<A>
}

/**
 * Without listeners.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(): Broadcast<A> => {
  const listeners = new Set<Mailbox.Mailbox<A>>()
  const listen = (now: () => A) =>
    Effect.acquireRelease(
      Effect.map(Mailbox.make<A>(), (mailbox) => {
        mailbox.unsafeOffer(now())
        listeners.add(mailbox)
        return mailbox
      }),
      (mailbox) =>
        Effect.suspend(() => {
          listeners.delete(mailbox)
          return mailbox.shutdown
        })
    )
  return {
    tell: (value) => {
      for (const mailbox of listeners) mailbox.unsafeOffer(value)
    },
    from: (now) => Stream.unwrapScoped(Effect.map(listen(now), Mailbox.toStream))
  }
}
