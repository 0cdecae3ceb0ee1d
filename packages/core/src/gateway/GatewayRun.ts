/**
 * A run of the gateway as a Layer: it begins when the Layer is built, ends with the Layer's scope, and says when it has ended
 * for good.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import { GatewayStopped } from "./GatewayError.ts"

/**
 * A gateway that runs in the background.
 *
 * @since 0.1.0
 * @category tags
 */
export class GatewayRun extends Context.Tag("@effect-qq/core/GatewayRun")<
  GatewayRun,
  {
    /**
     * Fails once the gateway has stopped for good, restarts included; never succeeds. Dies with a defect of the run, and with
     * what handlers fail with when they are built again.
     */
    readonly stopped: Effect.Effect<never, GatewayStopped>
  }
>() {}

/**
 * How a run in the background is kept up.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions<R = never> {
  /**
   * Builds the handlers and runs the gateway again after it has stopped for good, for as long as the schedule says. Default:
   * never, for what stops a gateway is mostly for the operator to mend.
   */
  readonly restart?: Schedule.Schedule<unknown, GatewayStopped, R> | undefined
}

/** What a run has ended with, for those who wait for its end: anything but a stop is a defect by then. */
const asStop = <E>(cause: Cause.Cause<E>): Cause.Cause<GatewayStopped> =>
  Cause.flatMap(cause, (error) => (error instanceof GatewayStopped ? Cause.fail(error) : Cause.die(error)))

/**
 * The Layer of a run. It is built once the handlers are, and fails with what they fail with.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E0, R0, E, R, R2 = never>(
  handlers: Layer.Layer<never, E0, R0>,
  run: (handlers: Layer.Layer<never, E0, R0>) => Effect.Effect<never, E, R>,
  options: RunOptions<R2> = {}
): Layer.Layer<GatewayRun, E, R | R2> =>
  Layer.scoped(
    GatewayRun,
    Effect.gen(function* () {
      const built = yield* Deferred.make<void, E>()
      const stopped = yield* Deferred.make<never, GatewayStopped>()
      const once = run(Layer.tap(handlers, () => Deferred.succeed(built, undefined)))
      const { restart } = options
      const kept: Effect.Effect<never, E, R | R2> =
        restart === undefined
          ? once
          : Effect.retry(once, {
              schedule: restart as Schedule.Schedule<unknown, E, R2>,
              while: (error) => error instanceof GatewayStopped
            })
      const ended = (cause: Cause.Cause<E>): Effect.Effect<void> =>
        Effect.gen(function* () {
          const isFirst = yield* Deferred.failCause(built, cause)
          yield* Deferred.failCause(stopped, asStop(cause))
          if (!isFirst && !Cause.isInterruptedOnly(cause)) {
            yield* Effect.logFatal("the gateway has stopped for good", cause)
          }
        })
      yield* Effect.forkScoped(Effect.catchAllCause(kept, ended))
      yield* Deferred.await(built)
      return { stopped: Deferred.await(stopped) }
    })
  )

/**
 * Builds a program that has a run in the background, and fails once that has stopped for good: for `runMain`, in the place of
 * `Layer.launch`, which would go on without its bot.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import { Schedule } from "effect"
 *
 * const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(text)))
 *
 * const Service = Gateway.layerRun(Echo, { restart: Schedule.spaced("10 minutes") })
 *
 * const program = Gateway.launch(Service)
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const launch = <E, R>(app: Layer.Layer<GatewayRun, E, R>): Effect.Effect<never, E | GatewayStopped, R> =>
  Effect.scopedWith((scope) =>
    Effect.flatMap(Layer.buildWithScope(app, scope), (context) => Context.get(context, GatewayRun).stopped)
  )

/**
 * Fails once the gateway that runs in the background has stopped for good.
 *
 * @since 0.1.0
 * @category accessors
 */
export const stopped: Effect.Effect<never, GatewayStopped, GatewayRun> = Effect.flatMap(
  GatewayRun,
  ({ stopped }) => stopped
)
