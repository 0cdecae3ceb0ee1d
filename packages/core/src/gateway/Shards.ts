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
import * as Schedule from "effect/Schedule"
import { BotConfig, type Shards as Wanted } from "../BotConfig.ts"
import { GatewayStopped } from "./GatewayError.ts"
import { GatewayMetadata, type MetadataError } from "./GatewayMetadata.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * One shard of so many.
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
export const retries = (policy: SessionPolicy): Schedule.Schedule<unknown, MetadataError> => {
  const [first = Duration.seconds(5), ...rest] = policy.startupLadder
  const ladder = Schedule.fromDelays(first, ...rest).pipe(Schedule.andThen(Schedule.spaced(rest.at(-1) ?? first)))
  return Schedule.identity<MetadataError>().pipe(
    Schedule.intersect(ladder),
    Schedule.modifyDelay(([error], wait) =>
      error._tag === "GatewayUnavailable" ? Duration.max(error.retryAfter ?? Duration.zero, wait) : wait
    )
  )
}

const recommended = Effect.gen(function* () {
  const { session: policy } = yield* BotConfig
  const metadata = yield* GatewayMetadata
  const { shards } = yield* metadata.get.pipe(
    Effect.tapError((error) => Effect.logWarning(`how many shards are recommended is not known: ${error.message}`)),
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

/** The platform is asked anew, on a ladder that starts over, each time that `again` completes. */
const recommendedNow = (
  again: Effect.Effect<void>
): Effect.Effect<number, GatewayStopped, BotConfig | GatewayMetadata> =>
  Effect.flatMap(Effect.raceFirst(recommended, Effect.as(again, undefined)), (count) =>
    count === undefined ? recommendedNow(again) : Effect.succeed(count)
  )

/**
 * The shards that the configuration asks for. Waits for the platform where it is to say how many there are, each time that
 * `again` completes no longer, and fails with `GatewayStopped` when it refuses the bot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const plan = (
  again: Effect.Effect<void> = Effect.never
): Effect.Effect<ReadonlyArray<Shard>, GatewayStopped, BotConfig | GatewayMetadata> =>
  Effect.flatMap(BotConfig, ({ shards }) =>
    Effect.map(shards === "recommended" ? recommendedNow(again) : Effect.succeed(1), (count) => list(shards, count))
  )
