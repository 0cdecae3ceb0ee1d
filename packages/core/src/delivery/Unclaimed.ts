/**
 * Interactions that no handler and no waiter wanted when they were received, kept for a run of their conversation that may ask
 * for them: a user may press a button before the handler that sent it waits for the press.
 *
 * One is kept until the events that were received before it are handled; it never keeps the watermark longer than they do.
 *
 * @since 0.1.0
 */

/**
 * The unclaimed interactions of one conversation. `Work` is an event in delivery.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unclaimed<Work> {
  /** Keeps one until `last` is handled. Gives back the oldest where there are too many. */
  readonly keep: (work: Work, last: Work) => Work | undefined
  /** Takes the oldest that is accepted. */
  readonly take: (accepts: (work: Work) => boolean) => Work | undefined
  /** This event was handled: gives back what was kept until then. */
  readonly handled: (last: Work) => ReadonlyArray<Work>
  /** Gives back all. */
  readonly clear: () => ReadonlyArray<Work>
}

/**
 * Keeps at most `capacity`, none if that is 0.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Work>(capacity: number): Unclaimed<Work> => {
  let kept: ReadonlyArray<{ readonly work: Work; readonly last: Work }> = []

  const giveBack = (isOver: (last: Work) => boolean): ReadonlyArray<Work> => {
    const over = kept.filter(({ last }) => isOver(last))
    if (over.length > 0) kept = kept.filter(({ last }) => !isOver(last))
    return over.map(({ work }) => work)
  }

  return {
    keep: (work, last) => {
      kept = [...kept, { work, last }]
      if (kept.length <= capacity) return undefined
      const [oldest, ...rest] = kept
      kept = rest
      return oldest?.work
    },
    take: (accepts) => {
      const found = kept.find(({ work }) => accepts(work))
      if (found !== undefined) kept = kept.filter((other) => other !== found)
      return found?.work
    },
    handled: (last) => giveBack((other) => other === last),
    clear: () => giveBack(() => true)
  }
}
