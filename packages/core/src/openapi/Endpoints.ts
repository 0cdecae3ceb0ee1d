/**
 * The endpoints of the API that a bot needs, besides those that the rest of the library calls for it: tokens, the gateway,
 * messages and files.
 *
 * Each is a row of data (`Endpoint.make`) and at the same time the function that calls it. Ids go in by name and are
 * encoded, the body of a request is `body`, in the platform's own field names; fields that are not known here are sent as
 * they are. What comes back is read leniently: a field that is missing or odd is `undefined`, whatever it was is in
 * `answer(…).raw`. What only reads is tried again on `Endpoint.transient`; nothing else is sent twice.
 *
 * @example
 * ```ts
 * import { Endpoints } from "@effect-qq/core"
 * import { Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const guild = yield* Endpoints.getGuild({ guild: "5821904417736650213" })
 *   yield* Effect.log(`${guild.name}: ${guild.member_count} members`)
 *
 *   const bots = yield* Endpoints.listMembers.stream({ guild: "5821904417736650213" }).pipe(
 *     Stream.filter((member) => member.user?.bot === true),
 *     Stream.runCount
 *   )
 *   yield* Effect.log(`${bots} of them are bots`)
 *
 *   yield* Endpoints.muteMember({ guild: "5821904417736650213", user: "42", body: { mute_seconds: "600" } })
 * })
 * ```
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * from "./endpoints/Bots.ts"
/**
 * @since 0.1.0
 */
export * from "./endpoints/Channels.ts"
/**
 * @since 0.1.0
 */
export * from "./endpoints/Groups.ts"
/**
 * @since 0.1.0
 */
export * from "./endpoints/Guilds.ts"
/**
 * @since 0.1.0
 */
export * from "./endpoints/Menus.ts"
export type {
  /**
   * @since 0.1.0
   * @category guilds
   */
  Guild,
  /**
   * @since 0.1.0
   * @category members
   */
  Member,
  /**
   * @since 0.1.0
   * @category users
   */
  User
} from "./endpoints/Entities.ts"
