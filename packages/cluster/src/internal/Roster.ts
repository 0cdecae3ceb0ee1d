/**
 * The bots that are to run, as this process knows them: what a list that is read again and again says, and who is told when
 * the entry of a bot changes.
 *
 * @since 0.1.0
 */
import type { BotConfig } from "@effect-qq/core"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Redacted from "effect/Redacted"

/**
 * A bot, with the number of its shards.
 *
 * @since 0.1.0
 * @category models
 */
export interface BotSpec extends Omit<BotConfig.Options, "shards" | "transport"> {
  /**
   * How many shards it has, each of which may run on another machine. Default 1. A number: `"recommended"` and lists of
   * shards, which a `BotConfig` of one process may have, are refused with {@link BotRefused}.
   */
  readonly shards?: number | undefined
}

/**
 * An entry of the list of bots that the cluster cannot run. It is logged once, and left out; the other bots run.
 *
 * @since 0.1.0
 * @category errors
 */
export class BotRefused extends Data.TaggedError("BotRefused")<{
  readonly appId: string
  readonly reason: "ShardsRecommended" | "ShardsInvalid"
  readonly detail: string
}> {
  override get message(): string {
    return `bot ${this.appId} is left out: ${this.detail}`
  }
  /** What can be done about it. */
  get hint(): string {
    return this.reason === "ShardsRecommended"
      ? "read the number from GET /gateway/bot, and set `shards` to it"
      : `set \`shards\` to a whole number from 1 to ${maximumShards}`
  }
}

/** The platform's numbers of shards are far below it, and each shard is a row. */
const maximumShards = 10_000

/**
 * Why an entry cannot be run. Entries come from the program's own list, which may hold what the type forbids.
 *
 * @since 0.1.0
 * @category lookups
 */
export const refusal = (spec: BotSpec): BotRefused | undefined => {
  const { appId } = spec
  const shards: unknown = spec.shards
  if (shards === undefined) return undefined
  if (shards === "recommended") {
    const detail = "runners of a cluster cannot agree on a recommended number of shards, which may change at any time"
    return new BotRefused({ appId, reason: "ShardsRecommended", detail })
  }
  if (typeof shards === "number" && Number.isInteger(shards) && shards >= 1 && shards <= maximumShards) return undefined
  return new BotRefused({ appId, reason: "ShardsInvalid", detail: `${JSON.stringify(shards)} is no number of shards` })
}

/** What decides whether a bot has to begin again: everything that can be written down. */
const fingerprint = (spec: BotSpec): string => JSON.stringify([spec, Redacted.value(spec.secret)])

/**
 * The bots that are to run.
 *
 * @since 0.1.0
 * @category models
 */
export class Roster {
  readonly #loaded = Deferred.unsafeMake<void>(FiberId.none)
  #specs: ReadonlyMap<string, { readonly spec: BotSpec; readonly print: string }> = new Map()
  readonly #waiters = new Map<string, Set<Deferred.Deferred<void>>>()

  /** Completes when the list was read for the first time. */
  readonly loaded: Effect.Effect<void> = Deferred.await(this.#loaded)

  get bots(): ReadonlyArray<BotSpec> {
    return Array.from(this.#specs.values(), ({ spec }) => spec)
  }

  get(app: string): BotSpec | undefined {
    return this.#specs.get(app)?.spec
  }

  /** Takes a list for what is true now. */
  update(bots: ReadonlyArray<BotSpec>): void {
    const before = this.#specs
    const now = new Map<string, { readonly spec: BotSpec; readonly print: string }>()
    for (const spec of bots) {
      const print = fingerprint(spec)
      const known = before.get(spec.appId)
      // the same entry keeps its identity
      now.set(spec.appId, known?.print === print ? known : { spec, print })
    }
    this.#specs = now
    for (const [app, waiters] of this.#waiters) {
      if (before.get(app) === now.get(app)) continue
      this.#waiters.delete(app)
      for (const waiter of waiters) Deferred.unsafeDone(waiter, Effect.void)
    }
    Deferred.unsafeDone(this.#loaded, Effect.void)
  }

  /** Completes when the entry of a bot is another than this one. */
  changed(app: string, spec: BotSpec | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.get(app) !== spec) return Effect.void
      const waiter = Deferred.unsafeMake<void>(FiberId.none)
      const waiters = this.#waiters.get(app) ?? new Set()
      this.#waiters.set(app, waiters)
      waiters.add(waiter)
      return Effect.ensuring(
        Deferred.await(waiter),
        Effect.sync(() => waiters.delete(waiter))
      )
    })
  }
}
