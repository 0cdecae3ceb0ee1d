/**
 * `effect-qq send`: one message from the command line, as the bot that the environment names.
 *
 * It needs no gateway session of its own and keeps no state, so a bot that runs elsewhere with the same credentials is not
 * disturbed. Channels and direct messages of guilds need that other bot: the platform takes messages for them only while
 * some session of the bot is connected.
 *
 * @since 0.1.0
 */
import {
  AccessToken,
  Anchor,
  AuditOutcomes,
  BotConfig,
  Conversation,
  Media,
  MediaSource,
  Message,
  Messenger,
  OpenApi,
  RateLimit,
  ReplyLedger,
  type SendError,
  SessionAvailability
} from "@effect-qq/core"
import { NodeContentHash, NodeHttp, NodeMedia } from "@effect-qq/node"
import * as Command from "@effect/cli/Command"
import * as CliOptions from "@effect/cli/Options"
import type * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * The options conflict, or name something that does not exist.
 *
 * @since 0.1.0
 * @category errors
 */
export class Misused extends Schema.TaggedError<Misused>()("Misused", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/**
 * The exit code for each reason why a message was not sent, or its outcome is unknown. Other errors exit with 1.
 *
 * @since 0.1.0
 * @category constants
 */
export const exitCodes: { readonly [Tag in SendError.SendError["_tag"]]: number } = {
  MsgIdExpired: 10,
  RateLimited: 11,
  QuotaExhausted: 12,
  MessageRejected: 13,
  PermissionDenied: 14,
  ProactiveRefused: 15,
  DeliveryUnknown: 16,
  PlatformUnavailable: 17,
  MessageInvalid: 18
}

const meanings: { readonly [Tag in keyof typeof exitCodes]: string } = {
  MsgIdExpired: "the message can no longer be replied to",
  RateLimited: "too many messages; try again later",
  QuotaExhausted: "the quota of the message or of the period is spent",
  MessageRejected: "the platform refuses what the message holds",
  PermissionDenied: "the bot may not do this: credentials, allow-list, permissions, a ban",
  ProactiveRefused: "the bot may not write there unasked",
  DeliveryUnknown: "it may have been delivered and may not have been",
  PlatformUnavailable: "the platform cannot be reached; nothing was delivered",
  MessageInvalid: "the message cannot be sent as it is; the platform was not asked"
}

/**
 * Whether a failure is one of {@link exitCodes}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSendError = (error: unknown): error is SendError.SendError =>
  error instanceof Error && "_tag" in error && typeof error._tag === "string" && Object.hasOwn(exitCodes, error._tag)

/**
 * The exit code of a failed command.
 *
 * @since 0.1.0
 * @category lookups
 */
export const exitCode = (error: unknown): number => (isSendError(error) ? exitCodes[error._tag] : 1)

/** Each UTF-16 code unit as JSON escapes it. */
const escaped = (character: string): string =>
  character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

/**
 * Text from elsewhere with its control, format, bidirectional and line separator characters and its lone surrogates escaped
 * as `\\uXXXX`, so that it can neither steer the terminal nor reorder or hide text. Line feeds and tabs are kept. JSON stays
 * the same JSON.
 *
 * @since 0.1.0
 * @category formatting
 */
export const printable = (text: string): string => text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped)

/**
 * Text from elsewhere as one line.
 *
 * @since 0.1.0
 * @category formatting
 */
export const line = (text: string): string => printable(text).replaceAll(/\s*\n\s*/g, " ")

const table = (rows: ReadonlyArray<readonly [name: string, value: unknown]>): ReadonlyArray<string> =>
  rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(10)}${line(String(value))}`]))

interface Facts {
  readonly code?: number | undefined
  readonly errCode?: number | undefined
  readonly traceId?: string | undefined
  readonly hint: string
}

/**
 * The outcome of a message that was not sent, the reason and the hint, in lines.
 *
 * @since 0.1.0
 * @category formatting
 */
export const describeError = (error: SendError.SendError): string => {
  const { code, errCode, hint, traceId }: Facts = error
  return [
    `effect-qq: ${line(error.message)}`,
    ...table([
      ["error", `${error._tag} (exit code ${exitCodes[error._tag]})`],
      ["code", code],
      ["err_code", errCode === code ? undefined : errCode],
      ["trace", traceId],
      ["hint", hint]
    ])
  ].join("\n")
}

/** The changes with which the platform accepted a message, in words. */
const changes: { readonly [Change in Messenger.Receipt["fallbacks"][number]]: string } = {
  "plain-text": "as plain text, for the bot may not send markdown here",
  "without-keyboard": "without its keyboard, which the bot may not send here",
  masked: "with addresses that are no links, for the bot may not send them here",
  split: "in parts, for it was too long",
  "uploaded-again": "after a second upload of its file",
  "as-file": "as a file, for the platform does not take it as what it is"
}

const describeReceipt = (receipt: Messenger.Receipt, wantedReply: boolean): string => {
  const { attempts, audit, conversation, deduplicated, fallbacks, id, parts, timestamp, via } = receipt
  const how = via === "passive" ? "as a reply" : wantedReply ? "unasked, for it could no longer be a reply" : "unasked"
  const notes = [
    ...fallbacks.map((change) => `sent ${changes[change]}`),
    ...(deduplicated ? ["the platform had it already: an earlier attempt had arrived"] : []),
    ...(audit === undefined
      ? []
      : [`users see it once moderation has passed it (audit ${audit.auditId ?? "not named"})`])
  ]
  return [
    `sent to ${line(Conversation.toKey(conversation))} ${how}`,
    ...table([
      ["id", id ?? "not known"],
      ["time", timestamp],
      ["attempts", attempts],
      ["parts", parts.length > 0 ? parts.length : undefined],
      ...notes.map((note) => ["note", note] as const)
    ])
  ].join("\n")
}

const facts = ({ attempts, audit, deduplicated, fallbacks, id, timestamp, via }: Messenger.Receipt) => ({
  id,
  timestamp,
  via,
  attempts,
  deduplicated,
  fallbacks,
  audit: audit === undefined ? undefined : { id: audit.auditId }
})

const receiptAsJson = (receipt: Messenger.Receipt): string =>
  printable(
    JSON.stringify({
      sent: { to: Conversation.toKey(receipt.conversation), ...facts(receipt), parts: receipt.parts.map(facts) }
    })
  )

const errorAsJson = (error: SendError.SendError): string => {
  const { code, errCode, hint, traceId }: Facts = error
  return printable(
    JSON.stringify({
      error: { tag: error._tag, exitCode: exitCodes[error._tag], message: error.message, code, errCode, traceId, hint }
    })
  )
}

interface Wanted {
  readonly text: Option.Option<string>
  readonly markdownFile: Option.Option<readonly [path: string, content: string]>
  readonly image: Option.Option<string>
}

const imageFrom = (from: string): Effect.Effect<MediaSource.MediaSource, Misused> =>
  /^https?:\/\//i.test(from)
    ? Effect.succeed(MediaSource.fromUrl("image", from))
    : Effect.mapError(
        NodeMedia.fromFile("image", from),
        (error) => new Misused({ detail: `--image is no URL, and no file that can be read: ${error.message}` })
      )

const messageOf = ({ image, markdownFile, text }: Wanted): Effect.Effect<Message.Message, Misused> => {
  const content = Option.getOrUndefined(text)
  if (Option.isSome(markdownFile)) {
    return content === undefined && Option.isNone(image)
      ? Effect.succeed(Message.markdown(markdownFile.value[1]))
      : new Misused({ detail: "--markdown-file goes with neither --text nor --image" })
  }
  if (Option.isSome(image)) {
    return Effect.map(imageFrom(image.value), (from) => Message.media(from, { content }))
  }
  return content === undefined
    ? new Misused({ detail: "name what to send: --text, --markdown-file or --image" })
    : Effect.succeed(Message.text(content))
}

/**
 * The sender of the bot that the environment names: without a gateway, and with a ledger in memory: the ledger on disk
 * belongs to the bot that listens.
 */
const sender = (onExpired: "fail" | "proactive"): Layer.Layer<Messenger.Messenger, ConfigError.ConfigError> =>
  Messenger.layer.pipe(
    Layer.provide(Media.layer),
    Layer.provide(NodeContentHash.layer),
    Layer.provide(
      Layer.mergeAll(AuditOutcomes.layer, RateLimit.layer, ReplyLedger.layerMemory, SessionAvailability.layer)
    ),
    Layer.provide(OpenApi.layer),
    Layer.provide(AccessToken.layer),
    Layer.provide(NodeHttp.layer()),
    Layer.provide(BotConfig.layerConfig({ sending: { onExpired } }))
  )

/**
 * Logs go to standard error, so that they do not mix with the output.
 *
 * @since 0.1.0
 * @category layers
 */
export const notes: Layer.Layer<never> = Logger.replace(
  Logger.defaultLogger,
  Logger.withConsoleError(
    Logger.make<unknown, string>(({ message }) => {
      const [text]: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
      return `effect-qq: ${line(String(text))}`
    })
  )
)

/** Beside an option: what stands in a command's description for more than one line is left out of the list of commands. */
const codes = [
  "Exit codes, with it and without it:",
  " 0 sent",
  ...Object.entries(exitCodes).map(([tag, code]) => `${code} ${tag}: ${meanings[tag as keyof typeof exitCodes]}`),
  " 1 anything else"
].join("\n")

const to = CliOptions.text("to").pipe(
  CliOptions.withDescription(
    "Where to: c2c:USER, group:GROUP, channel:CHANNEL or dm:GUILD, each with its id; the last two while the bot is online"
  )
)

const conversationOf = (text: string): Effect.Effect<Conversation.Conversation, Misused> =>
  Option.match(Conversation.fromKey(text), {
    onNone: () =>
      new Misused({ detail: "--to must be c2c:USER, group:GROUP, channel:CHANNEL or dm:GUILD, each with its id" }),
    onSome: Effect.succeed
  })

/**
 * What a command does, and how it is called.
 *
 * @since 0.1.0
 * @category formatting
 */
export const withExamples = (description: string, examples: ReadonlyArray<string>): string =>
  [description, "", "Examples:", ...examples.map((example) => `  ${example}`)].join("\n")

/**
 * The command. Prints a receipt, or fails with what happened; `--json` prints one line of JSON in both cases.
 *
 * @since 0.1.0
 * @category commands
 */
export const send = Command.make(
  "send",
  {
    to,
    text: CliOptions.text("text").pipe(
      CliOptions.withDescription("What to say; with --image, what to say beside it"),
      CliOptions.optional
    ),
    markdownFile: CliOptions.fileText("markdown-file").pipe(
      CliOptions.withDescription("A file of markdown to send"),
      CliOptions.optional
    ),
    image: CliOptions.text("image").pipe(
      CliOptions.withDescription("A picture to send: a file, or a URL that the platform can reach"),
      CliOptions.optional
    ),
    replyTo: CliOptions.text("reply-to").pipe(
      CliOptions.withDescription("The id of the message to reply to; without it the message is proactive"),
      CliOptions.optional
    ),
    ifExpired: CliOptions.choice("if-expired", ["fail", "proactive"]).pipe(
      CliOptions.withDescription(
        "What to do when that message can no longer be replied to: fail, or send unasked (default: fail)"
      ),
      CliOptions.withDefault("fail")
    ),
    json: CliOptions.boolean("json").pipe(CliOptions.withDescription(`Print one line of JSON\n\n${codes}`))
  },
  Effect.fnUntraced(function* ({ ifExpired, json, replyTo, to, ...wanted }) {
    const conversation = yield* conversationOf(to)
    const message = yield* messageOf(wanted)
    const sent = Option.match(replyTo, {
      onNone: () => Messenger.send(conversation, message),
      onSome: (id) => Messenger.reply(Anchor.make({ kind: "msg_id", id, conversation }), message)
    })
    const receipt = yield* sent.pipe(
      Effect.provide(sender(ifExpired)),
      Effect.tapError((error) => (json && isSendError(error) ? Console.log(errorAsJson(error)) : Effect.void)),
      Effect.provide(notes)
    )
    yield* Console.log(json ? receiptAsJson(receipt) : describeReceipt(receipt, Option.isSome(replyTo)))
  })
).pipe(
  Command.withDescription(
    withExamples(
      "Sends one message as the bot of QQ_APP_ID and QQ_APP_SECRET (and QQ_API_URL and QQ_TOKEN_URL, for a sandbox)",
      [
        "effect-qq send --to group:OPENID --text hello",
        "effect-qq send --to c2c:OPENID --image photo.png --reply-to MESSAGE_ID --json"
      ]
    )
  )
)
