/**
 * Which shards of a bot run in this process. The platform parts the guilds of a bot among its shards,
 * `(guild_id >> 22) % count`; what happens in private chats and groups is taken to come to shard 0.
 *
 * Each shard is a session of its own, with its own socket, sequence numbers and stored record. They share the token, the
 * metadata and the limit of identifies.
 *
 * Source: `wss/shard_url_get.md` of the platform's documentation; nothing is said about private chats and groups.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Ladder from "../internal/Ladder.ts"
import * as RetryAfter from "../openapi/RetryAfter.ts"
import { BotConfig, type Shards as Wanted } from "../BotConfig.ts"
import { GatewayRejected, GatewayStopped } from "./GatewayError.ts"
import { GatewayMetadata, type MetadataError } from "./GatewayMetadata.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * One shard, and the number of all of them.
 *
 * @since 0.1.0
 * @category models
 */
export type Shard = readonly [index: number, count: number]

/**
 * The shard that the events of a guild come to.
 *
 * @since 0.1.0
 * @category lookups
 */
export const ofGuild = (guildId: bigint, count: number): number => Number((guildId >> 22n) % BigInt(count))

/**
 * When the platform is asked again how many shards it recommends: on the ladder of the start, and not before it says.
 *
 * @since 0.1.0
 * @category schedules
 */
export const retries = (policy: SessionPolicy): Schedule.Schedule<unknown, MetadataError> =>
  Ladder.climbing(policy.startupLadder).pipe(Ladder.atLeast((error: MetadataError) => RetryAfter.askedBy(error)))

const recommended = Effect.gen(function* () {
  const { session: policy } = yield* BotConfig
  const metadata = yield* GatewayMetadata
  const { shards } = yield* metadata.get.pipe(
    Effect.tapError((error) =>
      Effect.logWarning(`the recommended number of shards cannot be read: ${error.message}; trying again`)
    ),
    Effect.retry({ schedule: retries(policy), while: (error) => error._tag === "GatewayUnavailable" }),
    // a secret may be changed at this very moment
    Effect.retry({
      schedule: Schedule.intersect(retries(policy), Schedule.recurs(policy.credentialAttempts - 1)),
      while: (error) => error._tag === "CredentialsRejected"
    }),
    Effect.catchTags({
      CredentialsRejected: (because) => new GatewayStopped({ because }),
      IpNotAllowed: (because) => new GatewayStopped({ because }),
      // retried for ever
      GatewayUnavailable: Effect.die
    })
  )
  return shards
})

const all = (count: number): ReadonlyArray<Shard> =>
  Array.from({ length: count }, (_, index) => [index, count] as const)

/**
 * The shards of a configuration, where this many are recommended.
 *
 * @since 0.1.0
 * @category constructors
 */
export const list = (shards: Wanted, recommended: number): ReadonlyArray<Shard> => {
  if (shards === "recommended") return all(recommended)
  if (typeof shards === "number") return all(Math.max(1, Math.floor(shards)))
  return shards.run.map((index) => [index, shards.of] as const)
}

/**
 * The platform is asked anew, on a ladder that starts over, each time that `again` completes; not within `spacing` of the
 * last such time.
 */
const recommendedNow = (
  again: Effect.Effect<void>,
  spacing: Duration.Duration
): Effect.Effect<number, GatewayStopped, BotConfig | GatewayMetadata> => {
  const ask = (notWithin: Duration.Duration): Effect.Effect<number, GatewayStopped, BotConfig | GatewayMetadata> => {
    const impatient = Effect.all([again, Effect.sleep(notWithin)], { concurrency: "unbounded" })
    const asked = Effect.asSome(recommended)
    return Effect.raceFirst(asked, Effect.as(impatient, Option.none<number>())).pipe(
      Effect.flatMap(Option.match({ onNone: () => ask(spacing), onSome: Effect.succeed }))
    )
  }
  return ask(Duration.zero)
}

const tooMany = (count: number, maximum: number, isRecommended: boolean): GatewayStopped =>
  new GatewayStopped({
    because: new GatewayRejected({
      detail: `${count} shards are ${isRecommended ? "recommended by the platform" : "configured"}, and one process runs ${maximum} at most`,
      hint: `set the number of shards, or which of them this process runs, with the option "shards" or QQ_SHARDS; raise the session policy's maximumShards if there really are that many`
    })
  })

/**
 * The shards that the configuration asks for. Waits for the platform where it is to say how many there are, each time that
 * `again` completes no longer, and fails with `GatewayStopped` when it refuses the bot, or where there are more shards than
 * the session policy's `maximumShards`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const plan = (
  again: Effect.Effect<void> = Effect.never
): Effect.Effect<ReadonlyArray<Shard>, GatewayStopped, BotConfig | GatewayMetadata> =>
  Effect.gen(function* () {
    const { session: policy, shards } = yield* BotConfig
    const isRecommended = shards === "recommended"
    const recommended = isRecommended ? yield* recommendedNow(again, policy.reconnectNowSpacing) : 1
    const count = isRecommended ? recommended : typeof shards === "number" ? shards : shards.run.length
    // a number that is none is no number of shards either
    if (!(count <= policy.maximumShards)) return yield* tooMany(count, policy.maximumShards, isRecommended)
    return list(shards, recommended)
  })
