/**
 * Standard output and standard error of a runner. Node.js ends a process whose output fails and is not listened to: a full
 * disk, or a reader of logs that has gone, would take down every bot of every runner at once. What cannot be written is
 * counted instead, for it cannot be logged.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ClusterMetrics from "../ClusterMetrics.ts"

/**
 * Listens to the failures of both outputs until its scope closes.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never> = Layer.scopedDiscard(
  Effect.acquireRelease(
    Effect.sync(() => {
      const count = (): void => ClusterMetrics.logFailures.unsafeUpdate(1, [])
      for (const output of [process.stdout, process.stderr]) output.on("error", count)
      return count
    }),
    (count) =>
      Effect.sync(() => {
        for (const output of [process.stdout, process.stderr]) output.off("error", count)
      })
  )
)
