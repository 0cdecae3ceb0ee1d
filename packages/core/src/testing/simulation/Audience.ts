/**
 * Which process of a bot an entry of the journal concerns: what happens to the connections of a shard concerns the process
 * that runs it, as do the replies to what is said in its conversations.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "../model/Journal.ts"
import * as Place from "./Place.ts"

/**
 * The number of the process, counted from 0; `undefined`: all of them.
 *
 * @since 0.1.0
 * @category models
 */
export type Audience = (entry: JournalEntry) => number | undefined

/**
 * The audience of processes that run these shards.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (processes: ReadonlyArray<ReadonlyArray<number>>): Audience => {
  if (processes.length === 1) return () => undefined
  const connections = new Map<number, number>()
  const processOf = (shard: number): number => processes.findIndex((run) => run.includes(shard))
  return (entry) => {
    switch (entry.kind) {
      case "Upgrade": {
        const process = processOf(Place.shardOfPath(entry.path).index)
        if (entry.connection !== undefined) connections.set(entry.connection, process)
        return process
      }
      case "Opened":
      case "Received":
      case "Sent":
        return connections.get(entry.connection)
      case "Closed": {
        const process = connections.get(entry.connection)
        connections.delete(entry.connection)
        return process
      }
      case "Violation":
        return processOf(Number(entry.shard.split("/")[0]))
      case "Accepted":
        return processOf(Place.shardOfConversation(entry.target))
      case "Said":
      case "Streamed":
      case "Recalled":
      case "Uploaded":
      case "Acknowledged":
      case "Request":
      case "Fault":
        return undefined
    }
  }
}
