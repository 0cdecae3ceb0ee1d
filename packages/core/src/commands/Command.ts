/**
 * Commands: `/mute @somebody 10m spam` becomes a call with typed arguments. Who may call it, where and how often is said with
 * the command; what is wrong with a call is said to the user, once; and a help is made of it all.
 *
 * @example
 * ```ts
 * import { Argument, Command, Gateway, Message, Messenger } from "@effect-qq/core"
 * import { Duration, Option } from "effect"
 *
 * const Mute = Command.make(
 *   "mute",
 *   {
 *     description: "mutes a member",
 *     aliases: ["禁言"],
 *     arguments: {
 *       member: Argument.mention,
 *       length: Argument.duration.pipe(Argument.withDefault(Duration.minutes(10))),
 *       reason: Argument.optional(Argument.rest)
 *     },
 *     permission: "admin",
 *     scenes: ["group"],
 *     cooldown: { every: "5 seconds", per: "user" }
 *   },
 *   ({ args, event }) =>
 *     Messenger.reply(
 *       event,
 *       Message.text(
 *         `muted for ${Duration.format(args.length)}: ${Option.getOrElse(args.reason, () => "no reason given")}`
 *       )
 *     )
 * )
 *
 * const program = Gateway.run(Command.layer([Mute]))
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { HandlerRegistry } from "../delivery/Handlers.ts"
import * as OnMessage from "../delivery/OnMessage.ts"
import type * as Event from "../events/Event.ts"
import type * as MessageView from "../events/MessageView.ts"
import type { Scene } from "../events/Scene.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import * as Message from "../messages/Message.ts"
import * as Messenger from "../messages/Messenger.ts"
import type * as SendError from "../messages/SendError.ts"
import * as Argument from "./Argument.ts"
import * as CommandHelp from "./CommandHelp.ts"
import * as CommandRouter from "./CommandRouter.ts"
import * as CommandTexts from "./CommandTexts.ts"
import * as Limits from "./Limits.ts"
import * as Origin from "./Origin.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Per,
  /**
   * @since 0.1.0
   * @category models
   */
  Subject
} from "./Origin.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Scene
} from "../events/Scene.ts"

/**
 * A call of a command.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call<out A> {
  readonly args: A
  readonly message: MessageView.MessageView
  readonly event: Event.MessageEvent
  /** As the command is written, with its prefix: `/role add`. */
  readonly path: string
}

/**
 * Who may call a command: administrators of the group or guild and its owner; the owner; or whom a function lets. A message
 * that does not say which role its author has, as in private chats, comes from neither an administrator nor an owner.
 *
 * @since 0.1.0
 * @category models
 */
export type Permission<E = never, R = never> =
  | "admin"
  | "owner"
  | ((message: MessageView.MessageView) => boolean | Effect.Effect<boolean, E, R>)

/**
 * How often a command may be called.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cooldown {
  /** Within this time. */
  readonly every: Duration.DurationInput
  /** Calls within that time. Default 1. */
  readonly times?: number | undefined
  /** Whose calls count together. Default `user`. */
  readonly per?: Origin.Per | undefined
}

/**
 * How a command is called.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<F extends Argument.Fields, E, R> {
  /** For the help, in a few words. */
  readonly description?: string | undefined
  /** Other names. Upper and lower case, and full width, do not matter in names. */
  readonly aliases?: ReadonlyArray<string> | undefined
  /** In the order in which they are written. Default: none. */
  readonly arguments?: F | undefined
  /** Default: everybody. That of a group holds for all of it. */
  readonly permission?: Permission<E, R> | undefined
  /** Only calls that are carried out count. Default: none. */
  readonly cooldown?: Cooldown | undefined
  /** Default: everywhere. */
  readonly scenes?: ReadonlyArray<Scene> | undefined
}

/**
 * A command, whatever it fails with and needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Any {
  readonly _tag: "Command"
  readonly name: string
  readonly aliases: ReadonlyArray<string>
  readonly description: string | undefined
  readonly fields: Argument.Fields
  readonly cooldown: Cooldown | undefined
  readonly scenes: ReadonlyArray<Scene> | undefined
}

/**
 * A command.
 *
 * @since 0.1.0
 * @category models
 */
export interface Command<out E = never, out R = never> extends Any {
  readonly permission: Permission<E, R> | undefined
  readonly subcommands: ReadonlyArray<Command<E, R>>
  /** Takes what {@link fields} have read. `undefined` for a group. */
  readonly run: ((call: Call<never>) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * What a command fails with.
 *
 * @since 0.1.0
 * @category models
 */
export type ErrorOf<C> = C extends Command<infer E, infer _R> ? E : never

/**
 * What a command needs.
 *
 * @since 0.1.0
 * @category models
 */
export type ContextOf<C> = C extends Command<infer _E, infer R> ? R : never

const describe = <E, R>(
  name: string,
  options: Options<Argument.Fields, E, R>,
  more: Pick<Command<E, R>, "subcommands" | "run">
): Command<E, R> => ({
  _tag: "Command",
  name,
  aliases: options.aliases ?? [],
  description: options.description,
  fields: options.arguments ?? {},
  permission: options.permission,
  cooldown: options.cooldown,
  scenes: options.scenes,
  ...more
})

/**
 * A command and what it does. The handler has the values of the arguments, by their names.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <F extends Argument.Fields = {}, E = never, R = never, E2 = never, R2 = never>(
  name: string,
  options: Options<F, E2, R2>,
  handler: (call: Call<Argument.ValuesOf<F>>) => Effect.Effect<unknown, E, R>
): Command<E | E2, R | R2> => describe<E | E2, R | R2>(name, options, { subcommands: [], run: handler })

/**
 * Commands under a common name: `/role add`, `/role remove`. Its permission, scenes and cooldown hold for all of them, besides
 * their own.
 *
 * @example
 * ```ts
 * import { Argument, Command, Message, Messenger } from "@effect-qq/core"
 *
 * const add = Command.make("add", { arguments: { member: Argument.mention } }, ({ args, event }) =>
 *   Messenger.reply(event, Message.text(`added ${args.member.name ?? args.member.id}`))
 * )
 *
 * const Role = Command.group("role", { description: "who is on duty", permission: "admin" }, [add])
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const group = <const C extends ReadonlyArray<Any>, E = never, R = never>(
  name: string,
  options: Omit<Options<{}, E, R>, "arguments">,
  subcommands: C
): Command<ErrorOf<C[number]> | E, ContextOf<C[number]> | R> =>
  describe<ErrorOf<C[number]> | E, ContextOf<C[number]> | R>(name, options, {
    // the types of the list are the union of those of its members
    subcommands: subcommands as unknown as ReadonlyArray<Command<ErrorOf<C[number]>, ContextOf<C[number]>>>,
    run: undefined
  })

/**
 * A list of commands that cannot be used: two have the same name, an argument that takes all that follows is not the last
 * one. It is a mistake of the program, so the layer dies with it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidCommand extends Schema.TaggedError<InvalidCommand>()("InvalidCommand", {
  detail: Schema.String
}) {
  override get message(): string {
    return `a command cannot be used: ${this.detail}`
  }
  get hint(): string {
    return "correct its definition"
  }
}

/**
 * How a group of commands is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface LayerOptions<CE, E, R> extends OnMessage.MessageOptions<NoInfer<CE | E | SendError.SendError>> {
  /** What stands before a command; an empty one is allowed. Default `/`, and `／`. */
  readonly prefix?: string | ReadonlyArray<string> | undefined
  /** What the commands say by themselves. Default: English; `CommandTexts.chinese` is the other. */
  readonly texts?: CommandTexts.CommandTexts | undefined
  /**
   * Whether there is a command that shows the help, under the names of the texts, unless one of the commands has such a name.
   * Default `true`.
   */
  readonly help?: boolean | undefined
  /** Handles what no command matches. Default: nothing does, and other handlers have it. */
  readonly fallback?: ((message: MessageView.MessageView) => Effect.Effect<unknown, E, R>) | undefined
}

const hasRole = ({ author }: MessageView.MessageView, permission: "admin" | "owner"): boolean =>
  author.role === "owner" || (permission === "admin" && author.role === "admin")

const permits = <E, R>(
  permission: Permission<E, R>,
  message: MessageView.MessageView
): Effect.Effect<boolean, E, R> => {
  if (typeof permission === "string") return Effect.succeed(hasRole(message, permission))
  return Effect.suspend(() => {
    const permitted = permission(message)
    return typeof permitted === "boolean" ? Effect.succeed(permitted) : permitted
  })
}

const inputOf = (message: MessageView.MessageView): Argument.Input => ({
  text: message.text,
  mentions: message.mentions,
  spare: Argument.spareMentions(message.text, message.mentions),
  isStrict: message.scene === "channel" || message.scene === "dm"
})

const reply = (
  message: MessageView.MessageView,
  text: string
): Effect.Effect<unknown, SendError.SendError, Messenger.Messenger> =>
  Messenger.reply(message.event, Message.text(text))

/** The command that shows the help. */
const helpOf = <E, R>(
  commands: ReadonlyArray<Command<E, R>>,
  prefix: string,
  texts: CommandTexts.CommandTexts
): Command<SendError.SendError, Messenger.Messenger> => {
  const [name, ...aliases] = texts.help
  return make(
    name,
    { aliases, description: texts.helpDescription, arguments: { command: Argument.optional(Argument.rest) } },
    ({ args, message }) => {
      const isVisible = (command: Command<E, R>): boolean =>
        CommandRouter.isOf(command, message.scene) &&
        (typeof command.permission !== "string" || hasRole(message, command.permission))
      const visible = commands.filter(isVisible)
      if (Option.isNone(args.command)) return reply(message, CommandHelp.list(prefix, visible, texts))
      const wanted = args.command.value
      const bare = wanted.startsWith(prefix) ? wanted.slice(prefix.length) : wanted
      const found = CommandRouter.match(visible, [""], bare, message.scene)
      if (found._tag !== "Matched" && found._tag !== "Incomplete") {
        return reply(message, `${texts.unknown(bare)}\n${CommandHelp.list(prefix, visible, texts)}`)
      }
      const last = found.chain.at(-1) ?? found.chain[0]
      return reply(message, CommandHelp.details(`${prefix}${found.path}`, last, texts))
    }
  )
}

/** What happens with messages, by commands that are known to be usable. */
const dispatcher = <E, R>(
  commands: ReadonlyArray<Command<E, R>>,
  prefixes: ReadonlyArray<string>,
  texts: CommandTexts.CommandTexts,
  limits: Limits.Limits
) => {
  /** The first permission of the chain that is not given. */
  const refusedBy = Effect.fnUntraced(function* (
    chain: ReadonlyArray<Command<E, R>>,
    message: MessageView.MessageView
  ): Effect.fn.Return<Permission<E, R> | undefined, E, R> {
    for (const { permission } of chain) {
      if (permission !== undefined && !(yield* permits(permission, message))) return permission
    }
    return undefined
  })

  /** For how long the call has to wait, and whether that has to be said. */
  const waitOf = (
    chain: ReadonlyArray<Command<E, R>>,
    message: MessageView.MessageView,
    now: number
  ): { readonly wait: number; readonly isNew: boolean } => {
    const id = Origin.idOf(message)
    let path = ""
    for (const { cooldown, name } of chain) {
      path += `${name} `
      if (cooldown === undefined) continue
      const within = Duration.toMillis(cooldown.every)
      const key = `${path}${Origin.keyOf(message, cooldown.per ?? "user")}`
      const wait = limits.claim(key, id, now, { times: cooldown.times ?? 1, within })
      if (wait === 0) continue
      const told = `told ${key} ${Origin.keyOf(message, "member")} ${now + wait}`
      return { wait, isNew: limits.claim(told, id, now, { times: 1, within }) === 0 }
    }
    return { wait: 0, isNew: false }
  }

  const call = Effect.fnUntraced(function* (
    found: Extract<CommandRouter.Match<Command<E, R>>, { readonly _tag: "Matched" }>,
    message: MessageView.MessageView
  ): Effect.fn.Return<unknown, E | SendError.SendError, R | Messenger.Messenger> {
    const { at, chain, path } = found
    const command = chain.at(-1) ?? chain[0]
    const permission = yield* refusedBy(chain, message)
    if (permission !== undefined) {
      return yield* reply(message, texts.notPermitted(typeof permission === "string" ? permission : "other"))
    }
    const args = Argument.readAll(command.fields, inputOf(message), at)
    if (Either.isLeft(args)) return yield* reply(message, CommandHelp.mistake(path, command, args.left, texts))
    const { isNew, wait } = waitOf(chain, message, yield* Monotonic.millis)
    if (wait > 0) {
      // in whole seconds, as people count
      return isNew ? yield* reply(message, texts.cooldown(Duration.seconds(Math.ceil(wait / 1000)))) : undefined
    }
    // the fields of the command have read what its handler takes
    return yield* command.run?.({ args: args.right as never, message, event: message.event, path }) ?? Effect.void
  })

  return (message: MessageView.MessageView, otherwise: () => Effect.Effect<unknown, E, R>) => {
    const found = CommandRouter.match(commands, prefixes, message.text, message.scene)
    switch (found._tag) {
      case "Unmatched":
        return otherwise()
      case "Elsewhere":
        return reply(message, texts.scenes(found.scenes))
      case "Incomplete": {
        const { chain, path } = found
        return Effect.flatMap(refusedBy(chain, message), (permission) =>
          reply(
            message,
            permission === undefined
              ? CommandHelp.unknown(path, chain.at(-1) ?? chain[0], found.found, texts)
              : texts.notPermitted(typeof permission === "string" ? permission : "other")
          )
        )
      }
      case "Matched":
        return call(found, message)
    }
  }
}

/** The scenes whose messages the commands need. */
const scenesOf = (commands: ReadonlyArray<Any>): ReadonlyArray<Scene> | undefined =>
  commands.some(({ scenes }) => scenes === undefined)
    ? undefined
    : [...new Set(commands.flatMap(({ scenes }) => scenes ?? []))]

/**
 * A Layer that registers a group of commands as one handler of messages; in everything else as `Gateway.onMessage`. A message
 * is a call where it begins with the prefix and the name of a command. What is wrong with a call is answered once, with how
 * the command is written; what no command matches goes to the `fallback`.
 *
 * A call that is refused by a cooldown is answered once until the command can be called again, for each user. Cooldowns are
 * kept in memory, for 10 000 users and conversations, and end with the process.
 *
 * Dies with {@link InvalidCommand}. A reply that cannot be sent fails the handler with a `SendError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <const C extends ReadonlyArray<Any>, E = never, R = never>(
  commands: C,
  options: LayerOptions<ErrorOf<C[number]>, E, R> = {}
): Layer.Layer<
  never,
  never,
  Exclude<ContextOf<C[number]> | R | Messenger.Messenger, Scope.Scope> | HandlerRegistry
> => {
  type AllErrors = ErrorOf<C[number]> | E | SendError.SendError
  type AllNeeds = ContextOf<C[number]> | R | Messenger.Messenger
  const { fallback, help = true, prefix = ["/", "／"], texts = CommandTexts.english, ...rest } = options
  const prefixes = typeof prefix === "string" ? [prefix] : prefix
  // the types of the list are the union of those of its members
  const own = commands as unknown as ReadonlyArray<Command<AllErrors, AllNeeds>>
  const taken = new Set(own.flatMap(({ aliases, name }) => [name, ...aliases]))
  const helpCommand = help && !taken.has(texts.help[0]) ? [helpOf(own, prefixes[0] ?? "", texts)] : []
  const all: ReadonlyArray<Command<AllErrors, AllNeeds>> = [
    ...own,
    ...helpCommand.map((command) => ({
      ...command,
      aliases: command.aliases.filter((alias) => !taken.has(alias)),
      scenes: scenesOf(own)
    }))
  ]
  const detail = CommandRouter.problem(all)
  if (detail !== undefined) return Layer.die(new InvalidCommand({ detail }))
  return Layer.unwrapEffect(
    Effect.sync(() => {
      const dispatch = dispatcher(all, prefixes, texts, new Limits.Limits(Limits.defaultCapacity))
      return OnMessage.onMessage((message) => dispatch(message, () => fallback?.(message) ?? Effect.void), {
        ...rest,
        name: rest.name ?? "Command",
        scenes: rest.scenes ?? (fallback === undefined ? scenesOf(own) : undefined)
      })
    })
  )
}
