/**
 * Buttons with typed callbacks: what a button was made with comes back to one handler as a value.
 *
 * A button carries its value itself, as JSON of a Schema, so it works after a restart too. The platform keeps it, and users
 * cannot change it. Which buttons are still good, and whose they are, is decided when one is pressed, before the press is
 * acknowledged: the user sees at once that it was too late, or not allowed.
 *
 * @example
 * ```ts
 * import { Callback, Gateway, Keyboard, Message, Messenger } from "@effect-qq/core"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const Vote = Callback.make("vote", Schema.Struct({ option: Schema.Literal("tea", "coffee") }), {
 *   expires: "10 minutes"
 * })
 *
 * const Ask = Gateway.onMessage(({ event }) =>
 *   Effect.gen(function* () {
 *     const tea = yield* Vote.button("Tea", { option: "tea" })
 *     const coffee = yield* Vote.button("Coffee", { option: "coffee" })
 *     yield* Messenger.reply(event, Message.markdown("What will it be?", { keyboard: Keyboard.rows([tea, coffee]) }))
 *   })
 * )
 *
 * const Count = Callback.on(Vote, ({ event, value }) => Messenger.reply(event, Message.text(`${value.option} it is`)))
 *
 * const program = Gateway.run(Layer.merge(Ask, Count))
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Handlers from "../delivery/Handlers.ts"
import type * as Event from "../events/Event.ts"
import * as Interaction from "../events/Interaction.ts"
import { hashOf } from "../internal/KeyTable.ts"
import * as Keyboard from "../messages/Keyboard.ts"
import type * as Interactions from "../openapi/Interactions.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Acknowledge,
  /**
   * @since 0.1.0
   * @category models
   */
  HandlerOptions
} from "../delivery/Handlers.ts"

/**
 * UTF-16 code units of a button's data: 128.
 *
 * Source: `callback_data` of the action buttons, botgo and nonebot [sdk][field]; that of a keyboard's buttons has no
 * published limit and is taken to be the same [unsure].
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumData = 128

/**
 * The value of a button does not fit into its data, or is none of the Schema.
 *
 * @since 0.1.0
 * @category errors
 */
export class CallbackInvalid extends Schema.TaggedError<CallbackInvalid>()("CallbackInvalid", {
  callback: Schema.String,
  /** UTF-16 code units that the data would have; 0 where the value cannot be encoded. */
  length: Schema.Number,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return this.length === 0
      ? `a value of the callback ${this.callback} is none of its schema`
      : `the data of a button of ${this.callback} has ${this.length} characters, of at most ${maximumData}`
  }
  get hint(): string {
    return this.length === 0
      ? "correct the value"
      : "keep the value in a UserState and give the button a key of it, or name fewer users"
  }
}

/**
 * What holds for the buttons of a callback.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long a button works after it was made, by the wall clock. Default: for ever. */
  readonly expires?: Duration.DurationInput | undefined
}

/**
 * What one button is like.
 *
 * @since 0.1.0
 * @category models
 */
export interface ButtonOptions extends Omit<Keyboard.Button, "label" | "action"> {
  /**
   * The ids of those who may press it: openids of members in groups. The platform is told, and asked or not, others get "not
   * permitted". Default: what `permission` says, else everybody.
   */
  readonly onlyFor?: string | readonly [string, ...Array<string>] | undefined
  /** As that of the callback. */
  readonly expires?: Duration.DurationInput | undefined
}

/**
 * Buttons whose presses come to one handler.
 *
 * @since 0.1.0
 * @category models
 */
export interface Callback<A> {
  readonly name: string
  /** A button with a value. It works from now on. Fails with {@link CallbackInvalid}. */
  readonly button: (label: string, value: A, options?: ButtonOptions) => Effect.Effect<Keyboard.Button, CallbackInvalid>
  /** What is in the data of a button that was pressed at this time, in epoch milliseconds, by this user. */
  readonly read: (data: string, now: number, user: string | undefined) => Read<A>
}

/**
 * What came of reading the data of a button: another callback's; no value of the Schema, as from an earlier version of the
 * program; too late; another user's; or its value.
 *
 * @since 0.1.0
 * @category models
 */
export type Read<A> =
  | { readonly _tag: "Foreign" | "Malformed" | "Expired" | "NotPermitted" }
  | { readonly _tag: "Valid"; readonly value: A }

/** Short, and hardly ever that of another user; the platform itself is the first to look. */
const markOf = (user: string): string => (hashOf(user, 0x71710b07) >>> 0).toString(36)

/** `name:`, when it expires (base 36, empty for never), `:`, the marks of users joined by `.`, `:`, the JSON of the value. */
const shape = /^([a-z0-9]*):([a-z0-9.]*):(.*)$/s

/** Reads what a callback wrote behind its name. */
const readData = <A>(
  decode: (json: string) => Either.Either<A, unknown>,
  data: string,
  now: number,
  user: string | undefined
): Read<A> => {
  const [, until, marks, json] = shape.exec(data) ?? []
  if (until === undefined || marks === undefined || json === undefined) return { _tag: "Malformed" }
  if (until !== "" && now >= Number.parseInt(until, 36)) return { _tag: "Expired" }
  if (marks !== "" && (user === undefined || !marks.split(".").includes(markOf(user)))) return { _tag: "NotPermitted" }
  return Either.match(decode(json), {
    onLeft: (): Read<A> => ({ _tag: "Malformed" }),
    onRight: (value): Read<A> => ({ _tag: "Valid", value })
  })
}

/**
 * A callback. The name is what its buttons are known by, in this version of the program and the next: a short one leaves more
 * room for the value. It has letters, digits, `-` and `_`, at most 32. Throws a `RangeError` for another one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, I>(name: string, schema: Schema.Schema<A, I>, options: Options = {}): Callback<A> => {
  if (!/^[\w-]{1,32}$/.test(name)) throw new RangeError(`a callback cannot be called ${JSON.stringify(name)}`)
  const json = Schema.parseJson(schema)
  const encode = Schema.encodeEither(json)
  const decode = Schema.decodeEither(json)
  const prefix = `${name}:`
  const button: Callback<A>["button"] = (label, value, given = {}) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const { expires = options.expires, onlyFor, ...rest } = given
      const until = expires === undefined ? "" : (now + Duration.toMillis(expires)).toString(36)
      const users = onlyFor === undefined ? undefined : typeof onlyFor === "string" ? ([onlyFor] as const) : onlyFor
      const written = encode(value)
      if (Either.isLeft(written)) return new CallbackInvalid({ callback: name, length: 0, cause: written.left })
      const data = `${prefix}${until}:${(users ?? []).map(markOf).join(".")}:${written.right}`
      if (data.length > maximumData) return new CallbackInvalid({ callback: name, length: data.length })
      return Effect.succeed(
        Keyboard.button(
          label,
          Keyboard.callback(data),
          users === undefined ? rest : { ...rest, permission: { _tag: "Users", ids: [...users] } }
        )
      )
    })
  return {
    name,
    button,
    read: (data, now, user) =>
      data.startsWith(prefix) ? readData(decode, data.slice(prefix.length), now, user) : { _tag: "Foreign" }
  }
}

/**
 * A press of a button.
 *
 * @since 0.1.0
 * @category models
 */
export interface Press<A> {
  readonly value: A
  /** Who pressed it; `undefined` where the platform does not say. */
  readonly user: string | undefined
  readonly view: Interaction.InteractionView
  readonly event: Event.InteractionCreate
}

/**
 * How presses are handled.
 *
 * @since 0.1.0
 * @category models
 */
export interface PressOptions<E, E2, R2> extends Omit<
  Handlers.HandlerOptions<"INTERACTION_CREATE", NoInfer<E | E2>>,
  "acknowledge"
> {
  /**
   * What else is done about a press that came too late, is not permitted, or whose data cannot be read; the user was told by
   * the acknowledgement. Default: nothing.
   */
  readonly onRefused?:
    | ((
        event: Event.InteractionCreate,
        reason: "Expired" | "NotPermitted" | "Malformed"
      ) => Effect.Effect<unknown, E2, R2>)
    | undefined
}

/** What the client of the user shows, by what came of reading the button. */
const outcomes: { readonly [Tag in Read<unknown>["_tag"]]: Interactions.Outcome | undefined } = {
  Foreign: undefined,
  Malformed: "failed",
  Expired: "failed",
  NotPermitted: "not permitted",
  Valid: "ok"
}

const readPress = <A>(callback: Callback<A>, event: Event.InteractionCreate, now: number): Read<A> => {
  const { button, user } = Interaction.view(event)
  return callback.read(button?.data ?? "", now, user)
}

/**
 * A Layer that registers a handler for the presses of the buttons of a callback; in everything else as `Gateway.on`. Presses of
 * other buttons are left to other handlers. A press is acknowledged as it comes in, with "ok" or with what is wrong with it;
 * whether it came in time is decided once, at that moment.
 *
 * @since 0.1.0
 * @category layers
 */
export const on = <A, E, R, E2 = never, R2 = never>(
  callback: Callback<A>,
  handler: (press: Press<A>) => Effect.Effect<unknown, E, R>,
  options: PressOptions<E, E2, R2> = {}
): Layer.Layer<never, never, Exclude<R | R2, Scope.Scope> | Handlers.HandlerRegistry> => {
  const { onRefused, ...rest } = options
  return Layer.unwrapEffect(
    Effect.sync(() => {
      /** How each press was judged when it came in. */
      const judged = new WeakMap<Event.InteractionCreate, Read<A>>()
      const judge = (event: Event.InteractionCreate, now: number): Read<A> => {
        const read = judged.get(event) ?? readPress(callback, event, now)
        judged.set(event, read)
        return read
      }
      const handle = (event: Event.InteractionCreate): Effect.Effect<unknown, E | E2, R | R2> =>
        Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<unknown, E | E2, R | R2> => {
          const read = judge(event, now)
          const view = Interaction.view(event)
          if (read._tag === "Valid") return handler({ value: read.value, user: view.user, view, event })
          return read._tag === "Foreign" ? Effect.void : (onRefused?.(event, read._tag) ?? Effect.void)
        })
      return Handlers.onAccepted(["INTERACTION_CREATE"], handle, {
        ...rest,
        name: rest.name ?? `Callback ${callback.name}`,
        // it is asked for events of its types only
        accepts: (event) => {
          const { button } = Interaction.view(event as Event.InteractionCreate)
          return button?.data?.startsWith(`${callback.name}:`) === true
        },
        acknowledge: (event, now) => outcomes[judge(event, now)._tag]
      })
    })
  )
}
