/**
 * Where users talk to a simulated bot, and which shard hears of it: of several shards each is in a guild with one channel;
 * the first one has the private chats and the groups, too.
 *
 * @since 0.1.0
 */

/**
 * A guild that this shard hears of, of any number of shards.
 *
 * @since 0.1.0
 * @category conversions
 */
export const guildOf = (shard: number): string => String((BigInt(shard) << 22n) + 7n)

/**
 * The channel of the guild of a shard.
 *
 * @since 0.1.0
 * @category conversions
 */
export const channelOf = (shard: number): string => `channel${shard}`

/**
 * Which shard hears of a conversation.
 *
 * @since 0.1.0
 * @category conversions
 */
export const shardOfConversation = (conversation: string): number =>
  Number(/^channel(\d+)$/.exec(conversation)?.[1] ?? 0)

/**
 * The wire does not say which shard a new socket is for; of several, the simulation puts it behind the path.
 *
 * @since 0.1.0
 * @category decoding
 */
export const shardOfPath = (path: string): { readonly index: number; readonly name: string } => {
  const name = /[?&]shard=(\d+\/\d+)$/.exec(path)?.[1] ?? "0/1"
  return { index: Number(name.split("/")[0]), name }
}
