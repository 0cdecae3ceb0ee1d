/**
 * `effect-qq listen`: the events of the bot that the environment names, as they come.
 *
 * It makes a session of its own, which costs one identify, and remembers in memory alone. A bot that runs elsewhere with the
 * same credentials gets every event as before: two sessions of one shard both get all. Nothing is answered, not even an
 * interaction, so that it stays with that bot.
 *
 * @since 0.1.0
 */
import { BotConfig, Event, Gateway, type GatewayError, Intents } from "@effect-qq/core"
import { NodeBot, type StateDirectory } from "@effect-qq/node"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as CliOptions from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import type * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { fieldsOf } from "../sandbox/Payload.ts"
import * as Doctor from "./Doctor.ts"
import * as Numbers from "./Numbers.ts"
import * as Send from "./Send.ts"

type Envelope = Event.Event["envelope"]

/**
 * Which events are shown; those that are named nowhere are all shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface Wanted {
  /** Types as on the wire. Of none, all but `READY`, `RESUMED` and `Gap`, which are about the session. */
  readonly types: ReadonlyArray<string>
  readonly group: Option.Option<string>
  readonly user: Option.Option<string>
}

const aboutSession: ReadonlySet<string> = new Set(["READY", "RESUMED", "Gap"])

const field = (value: unknown, name: string): unknown => fieldsOf(value)[name]

const firstText = (...values: ReadonlyArray<unknown>): string | undefined =>
  values.find((value): value is string => typeof value === "string" && value !== "")

/** The user that an event is about, in any of the fields that the platform uses. */
const people = ({ d }: Envelope): ReadonlyArray<unknown> => [
  ...["user_openid", "member_openid", "id"].map((name) => field(field(d, "author"), name)),
  ...["user_openid", "group_member_openid", "member_openid", "op_member_openid", "openid"].map((name) =>
    field(d, name)
  ),
  field(field(d, "user"), "id")
]

/**
 * Whether an event is shown.
 *
 * @since 0.1.0
 * @category lookups
 */
export const isWanted = (envelope: Envelope, { group, types, user }: Wanted): boolean => {
  const type = envelope.t ?? ""
  if (types.length === 0 ? aboutSession.has(type) : !types.includes(type)) return false
  if (Option.isSome(group) && field(envelope.d, "group_openid") !== group.value) return false
  return Option.isNone(user) || people(envelope).includes(user.value)
}

/** UTF-16 code units of a payload that has no text of its own. */
const longest = 300

/** In the place of a payload that cannot be written. */
const nested = "(nested too deeply to be shown)"

/** JSON that could be read may be nested too deeply to be written. */
const written = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value) ?? ""
  } catch {
    return undefined
  }
}

/** The visible part of a payload: its text, else all of it. */
const gist = (d: unknown): string => {
  const text = field(d, "content")
  const attachments = field(d, "attachments")
  const files = Array.isArray(attachments) && attachments.length > 0 ? [`[${attachments.length} attached]`] : []
  if (typeof text === "string") return [text.trim(), ...files].filter((part) => part !== "").join(" ")
  const whole = written(d) ?? nested
  return whole.length > longest ? `${whole.slice(0, longest).replace(/[\uD800-\uDBFF]$/, "")}…` : whole
}

/**
 * An event in one line: when it came, its type, where, who and what. Characters that could steer the terminal are escaped.
 *
 * @since 0.1.0
 * @category formatting
 */
export const describe = (envelope: Envelope, at: DateTime.DateTime): string => {
  const { d } = envelope
  const who = firstText(field(field(d, "author"), "username"), ...people(envelope)) ?? "-"
  const time = DateTime.formatIsoOffset(DateTime.setZone(at, DateTime.zoneMakeLocal())).slice(11, 19)
  return Send.line([time, envelope.t ?? "?", Event.orderKey(envelope), who, gist(d)].join("  ")).trimEnd()
}

/**
 * The frame of an event as a line of JSON; the payload of one that is nested too deeply to be written is a text that says so.
 * JSON leaves control and format characters beyond ASCII as they are, which are escaped here.
 *
 * @since 0.1.0
 * @category formatting
 */
export const asJson = (envelope: Envelope): string =>
  Send.printable(written(envelope) ?? JSON.stringify({ ...envelope, d: nested }))

/** The edit distance of two texts. */
const distance = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1]
    for (let index = 0; index < other.length; index++) {
      const swapped = (row[index] ?? 0) + (letter === other[index] ? 0 : 1)
      next.push(Math.min(swapped, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}

/** Every name of an event. */
const knownTypes: ReadonlyArray<string> = [...Object.keys(Event.payloads), "RESUMED", "Gap"]

/**
 * The hint for an unknown type: the nearest known name.
 *
 * @since 0.1.0
 * @category formatting
 */
export const unknownType = (text: string): string => {
  const [nearest = ""] = knownTypes
    .map((known) => [distance(text.toUpperCase(), known.toUpperCase()), known] as const)
    .reduce((best, one) => (one[0] < best[0] ? one : best))
    .slice(1) as ReadonlyArray<string>
  return `there is no event type ${JSON.stringify(Send.printable(text.slice(0, 60)))}: did you mean ${nearest}? Without --type all are shown`
}

const types = CliOptions.text("type").pipe(
  CliOptions.withDescription(
    "Show only events of this type, such as GROUP_AT_MESSAGE_CREATE; may be repeated (default: all types)"
  ),
  CliOptions.repeated,
  CliOptions.mapEffect((named) => {
    const unknown = named.find((text) => !knownTypes.includes(text))
    return unknown === undefined
      ? Effect.succeed(named)
      : Effect.fail(ValidationError.invalidValue(HelpDoc.p(unknownType(unknown))))
  })
)

/** The intents of the named types; without any, the intents that every bot may have. */
const intentsFor = (types: ReadonlyArray<string>): Intents.Intents => {
  const needed = Intents.forEventTypes(types)
  return needed === Intents.none ? Intents.Intent.GROUP_AND_C2C_EVENT : needed
}

type Failure =
  | ConfigError.ConfigError
  | Gateway.AlreadyRunning
  | GatewayError.GatewayStopped
  | StateDirectory.StateDirectoryError

/**
 * The command. Prints one line for each event until it is interrupted, or has printed as many as it was asked for.
 *
 * @since 0.1.0
 * @category commands
 */
export const listen = Command.make(
  "listen",
  {
    types,
    group: CliOptions.text("group").pipe(
      CliOptions.withDescription("Show only events of the group with this openid"),
      CliOptions.optional
    ),
    user: CliOptions.text("user").pipe(
      CliOptions.withDescription("Show only events of the user or member with this openid"),
      CliOptions.optional
    ),
    intents: Doctor.intents.pipe(
      CliOptions.withDescription(
        "The intents to identify with (default: QQ_INTENTS, else what the types need, else GROUP_AND_C2C_EVENT)"
      )
    ),
    count: Numbers.whole("count", { from: 1, unit: "events" }).pipe(
      CliOptions.withDescription("End after this many events (default: go on until Ctrl-C)"),
      CliOptions.optional
    ),
    json: CliOptions.boolean("json").pipe(
      CliOptions.withDescription("Print the frame of each event, a line of JSON each")
    )
  },
  Effect.fnUntraced(function* ({ count, intents, json, ...wanted }): Effect.fn.Return<void, Failure> {
    const show = ({ envelope }: Event.Event): Effect.Effect<void> =>
      json ? Console.log(asJson(envelope)) : Effect.flatMap(DateTime.now, (now) => Console.log(describe(envelope, now)))
    const environment = yield* BotConfig.fromEnvironment
    const bot = NodeBot.layer({
      ...environment,
      intents: Option.getOrElse(intents, () => environment.intents ?? intentsFor(wanted.types)),
      session: { onShutdown: "end" },
      inMemory: true
    })
    const shown = Gateway.events.pipe(
      Stream.filter(({ envelope }) => isWanted(envelope, wanted)),
      (events) => (Option.isSome(count) ? Stream.take(events, count.value) : events),
      Stream.runForEach(show)
    )
    const told = Effect.zipRight(
      Gateway.ready,
      Console.error(
        "effect-qq: listening, with a session of its own that is kept in memory; a bot that runs elsewhere is not disturbed"
      )
    )
    // nothing is handled, so nothing is acknowledged or answered
    const running = Effect.raceFirst(Gateway.run(Layer.empty), Effect.zipRight(told, Effect.never))
    yield* Effect.provide(Effect.raceFirst(shown, running), Layer.provideMerge(bot, Send.notes))
  })
).pipe(
  Command.withDescription(
    Send.withExamples(
      "Prints events of the bot of QQ_APP_ID and QQ_APP_SECRET as they come; a bot that runs elsewhere is not disturbed",
      ["effect-qq listen", "effect-qq listen --type C2C_MESSAGE_CREATE --count 1 --json"]
    )
  )
)
