/**
 * What users send with their messages: pictures, voice messages, films and files, downloaded with limits.
 *
 * The addresses of attachments come from the wire and are signed for a short time: fetch them when the message comes. Only
 * `https:` is fetched, and only from hosts of the platform unless others are named, so that no user can make a bot ask a
 * machine of its own network; a redirect is held to the same.
 *
 * @example
 * ```ts
 * import { Attachments, Gateway, Message, Messenger } from "@effect-qq/core"
 * import { Effect } from "effect"
 *
 * const Keep = Gateway.onMessage(({ attachments, event }) =>
 *   Effect.forEach(attachments, (attachment) =>
 *     Attachments.download(attachment, { maximumBytes: 5_000_000 }).pipe(
 *       Effect.flatMap(({ hash, size }) => Messenger.reply(event, Message.text(`${size} bytes, ${hash.slice(0, 8)}`))),
 *       Effect.catchTag("DownloadError", (error) => Messenger.reply(event, Message.text(error.message)))
 *     )
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Url from "@effect/platform/Url"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as MessageView from "../events/MessageView.ts"
import * as Ladder from "../internal/Ladder.ts"
import * as ContentHash from "./ContentHash.ts"

/**
 * An attachment could not be downloaded. Nothing of it was kept.
 *
 * @since 0.1.0
 * @category errors
 */
export class DownloadError extends Schema.TaggedError<DownloadError>()("DownloadError", {
  /**
   * - `NoAddress`: the attachment has none, or none in this form.
   * - `NotAllowed`: the address is not `https:`, or its host is none that may be asked.
   * - `TooLarge`: it is larger than `maximumBytes`.
   * - `TimedOut`: it took longer than `timeout`, retries included.
   * - `Refused`: the host answered with a status that says no; signed addresses expire.
   * - `Unavailable`: the host could not be reached, failed or broke off, after all retries.
   */
  reason: Schema.Literal("NoAddress", "NotAllowed", "TooLarge", "TimedOut", "Refused", "Unavailable"),
  /** The host, where there is one; never the address, which is signed. */
  host: Schema.optional(Schema.String),
  /** The HTTP status, where there is one. */
  status: Schema.optional(Schema.Number),
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    const host = this.host === undefined ? "" : ` from ${this.host}`
    switch (this.reason) {
      case "NoAddress":
        return "the attachment has no address"
      case "NotAllowed":
        return `the attachment may not be fetched${host}`
      case "TooLarge":
        return `the attachment${host} is too large`
      case "TimedOut":
        return `the attachment${host} did not arrive in time`
      case "Refused":
        return `the attachment was refused${host} (HTTP ${this.status})`
      case "Unavailable":
        return `the attachment is not available${host}`
    }
  }
  get hint(): string {
    switch (this.reason) {
      case "NoAddress":
        return "check what the message has; a voice message may have no WAV"
      case "NotAllowed":
        return "name the host in `hosts` if it is to be trusted; only https: is fetched"
      case "TooLarge":
        return "raise `maximumBytes`, or tell the user how large a file may be"
      case "TimedOut":
        return "raise `timeout`, or ask the user to send it again"
      case "Refused":
        return "fetch attachments when their message comes: their addresses expire"
      case "Unavailable":
        return "try again later"
    }
  }
}

/**
 * The hosts that attachments are fetched from, and all below them.
 *
 * Source: the event pages of the platform's documentation [doc]; AstrBot, satori and openclaw-qqbot [field].
 *
 * @since 0.1.0
 * @category constants
 */
export const platformHosts: ReadonlyArray<string> = ["qq.com", "qq.com.cn", "qpic.cn", "qlogo.cn"]

/**
 * How an attachment is downloaded.
 *
 * @since 0.1.0
 * @category models
 */
export interface DownloadOptions {
  /** Bytes. What is larger is given up as soon as that is known. Default 32 MiB. */
  readonly maximumBytes?: number | undefined
  /** How long it may take, retries included. Default 60 s. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Hosts that may be asked, each with all below it; `any` for all, also those of one's own network. Default {@link platformHosts}. */
  readonly hosts?: ReadonlyArray<string> | "any" | undefined
  /** Retries of what may pass. A stream is not begun again once it has given anything. Default 0.5, 1, 2 s. */
  readonly retries?: Schedule.Schedule<unknown, DownloadError> | undefined
  /**
   * A voice message as it came, which is mostly silk, or as the WAV that the platform has made of it. Default `original`.
   */
  readonly voice?: "original" | "wav" | undefined
}

/**
 * What was downloaded, apart from its bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Description {
  readonly kind: MessageView.Attachment["kind"]
  /** As the message names it. Not to be used as a path. */
  readonly name: string | undefined
  /** As the host says, else the message. */
  readonly contentType: string | undefined
  /** Bytes. */
  readonly size: number
  /** The SHA-256 of the bytes, in hexadecimal. */
  readonly hash: string
  /** What the platform heard in a voice message. */
  readonly transcript: string | undefined
}

/**
 * An attachment in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Downloaded extends Description {
  readonly bytes: Uint8Array
}

/**
 * An attachment in a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface Saved extends Description {
  readonly path: string
}

const defaultMaximum = 32 * 1024 * 1024

const defaultTimeout = Duration.seconds(60)

/** Redirects that are followed. */
const maximumRedirects = 3

const defaultRetries: Schedule.Schedule<unknown, DownloadError> = Ladder.climbingOnce([
  "500 millis",
  "1 second",
  "2 seconds"
])

const isTransient = ({ reason }: DownloadError): boolean => reason === "Unavailable"

const retriesOf = (options: DownloadOptions): Schedule.Schedule<unknown, DownloadError> =>
  (options.retries ?? defaultRetries).pipe(Schedule.whileInput(isTransient))

interface Address {
  readonly url: string
  readonly host: string
}

const isAllowed = (host: string, hosts: DownloadOptions["hosts"] = platformHosts): boolean =>
  hosts === "any" || hosts.some((known) => host === known || host.endsWith(`.${known}`))

/** An address that may be asked. `base` is where it was found. */
const checked = (
  text: string | undefined,
  options: DownloadOptions,
  base?: string
): Effect.Effect<Address, DownloadError> => {
  if (text === undefined) return new DownloadError({ reason: "NoAddress" })
  return Either.match(Url.fromString(text, base), {
    onLeft: () => new DownloadError({ reason: "NoAddress" }),
    onRight: ({ hostname, href, protocol }): Effect.Effect<Address, DownloadError> =>
      protocol === "https:" && isAllowed(hostname, options.hosts)
        ? Effect.succeed({ url: href, host: hostname })
        : new DownloadError({ reason: "NotAllowed", host: hostname })
  })
}

const maximumOf = ({ maximumBytes }: DownloadOptions): number => maximumBytes ?? defaultMaximum

type Response = { readonly address: Address; readonly response: HttpClientResponse.HttpClientResponse }

/** What a status that is no success says. */
const failureOf = ({ host }: Address, status: number): DownloadError => {
  const mayPass = status === 408 || status === 429 || status >= 500
  return new DownloadError({ reason: mayPass ? "Unavailable" : "Refused", host, status })
}

/** Asks for an address, and for those that it leads to. */
const open = (
  address: Address,
  options: DownloadOptions,
  redirects = maximumRedirects
): Effect.Effect<Response, DownloadError, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const unavailable = (cause: unknown) => new DownloadError({ reason: "Unavailable", host: address.host, cause })
    const response = yield* client.execute(HttpClientRequest.get(address.url)).pipe(
      // a client that follows redirects by itself would follow them anywhere
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
      Effect.mapError(unavailable)
    )
    const { headers, status } = response
    const location = headers["location"]
    if (status >= 300 && status < 400 && location !== undefined) {
      if (redirects === 0) return yield* failureOf(address, status)
      return yield* open(yield* checked(location, options, address.url), options, redirects - 1)
    }
    if (status < 200 || status >= 300) return yield* failureOf(address, status)
    const length = Number(headers["content-length"])
    if (length > maximumOf(options)) return yield* new DownloadError({ reason: "TooLarge", host: address.host })
    return { address, response }
  })

/** The body, as far as it is not too large. */
const bodyOf = (
  { address: { host }, response }: Response,
  options: DownloadOptions
): Stream.Stream<Uint8Array, DownloadError> => {
  const maximum = maximumOf(options)
  let size = 0
  return response.stream.pipe(
    Stream.mapError((cause) => new DownloadError({ reason: "Unavailable", host, cause })),
    Stream.mapEffect((bytes) => {
      size += bytes.length
      return size > maximum ? new DownloadError({ reason: "TooLarge", host }) : Effect.succeed(bytes)
    })
  )
}

const addressOf = (attachment: MessageView.Attachment, options: DownloadOptions) =>
  checked(options.voice === "wav" && attachment.kind === "voice" ? attachment.wavUrl : attachment.url, options)

const timedOut = () => new DownloadError({ reason: "TimedOut" })

/** One attempt after another, each of which reads the whole body and gives it to `take`. */
const whole = <A, E, R>(
  attachment: MessageView.Attachment,
  options: DownloadOptions,
  take: (body: Stream.Stream<Uint8Array, DownloadError>) => Effect.Effect<A, E | DownloadError, R>
): Effect.Effect<Description & { readonly taken: A }, E | DownloadError, HttpClient.HttpClient | R> => {
  const attempt = Effect.gen(function* () {
    const response = yield* Effect.flatMap(addressOf(attachment, options), (address) => open(address, options))
    const digest = (yield* ContentHash.ContentHash)("sha256")
    let size = 0
    const body = Stream.tap(bodyOf(response, options), (bytes) => {
      size += bytes.length
      return ContentHash.update([digest], bytes)
    })
    const taken = yield* take(body)
    return {
      taken,
      kind: attachment.kind,
      name: attachment.name,
      contentType: response.response.headers["content-type"] ?? attachment.contentType,
      size,
      hash: digest.hex(),
      transcript: attachment.transcript
    }
  }).pipe(Effect.scoped)
  const isDownloadError = (error: E | DownloadError): error is DownloadError => error instanceof DownloadError
  return attempt.pipe(
    Effect.retry(
      retriesOf(options).pipe(
        Schedule.mapInput((error: E | DownloadError) => (isDownloadError(error) ? error : timedOut()))
      )
    ),
    Effect.timeoutFail({ duration: options.timeout ?? defaultTimeout, onTimeout: timedOut })
  )
}

/**
 * Downloads an attachment into memory. Fails with {@link DownloadError}.
 *
 * @since 0.1.0
 * @category downloading
 */
export const download = (
  attachment: MessageView.Attachment,
  options: DownloadOptions = {}
): Effect.Effect<Downloaded, DownloadError, HttpClient.HttpClient> =>
  Effect.map(whole(attachment, options, Stream.runCollect), ({ taken, ...description }) => {
    const bytes = new Uint8Array(description.size)
    let at = 0
    for (const piece of taken) {
      bytes.set(piece, at)
      at += piece.length
    }
    return { ...description, bytes }
  })

/**
 * An attachment as a stream of its bytes, for what is too large for memory. It is asked for when the stream is run; `timeout`
 * is for all of it. Fails with {@link DownloadError}.
 *
 * @since 0.1.0
 * @category downloading
 */
export const stream = (
  attachment: MessageView.Attachment,
  options: DownloadOptions = {}
): Stream.Stream<Uint8Array, DownloadError, HttpClient.HttpClient> =>
  Stream.unwrapScoped(
    Effect.flatMap(addressOf(attachment, options), (address) =>
      Effect.map(Effect.retry(open(address, options), retriesOf(options)), (response) => bodyOf(response, options))
    )
  ).pipe(Stream.interruptWhen(Effect.delay(Effect.failSync(timedOut), options.timeout ?? defaultTimeout)))

/**
 * Downloads an attachment into a file, which is there only once it is whole: it is written beside it under a name that ends
 * in `.part`. A file that was there is replaced. Fails with {@link DownloadError}, or with the error of the file system.
 *
 * @since 0.1.0
 * @category downloading
 */
export const save = (
  attachment: MessageView.Attachment,
  path: string,
  options: DownloadOptions = {}
): Effect.Effect<Saved, DownloadError | PlatformError, FileSystem.FileSystem | HttpClient.HttpClient> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => {
    const part = `${path}.part`
    return whole(attachment, options, (body) => Effect.as(Stream.run(body, files.sink(part, { flag: "w" })), {})).pipe(
      Effect.zipLeft(files.rename(part, path)),
      Effect.map(({ taken, ...description }) => ({ ...description, path, ...taken })),
      Effect.onExit((exit) =>
        Exit.isSuccess(exit) ? Effect.void : Effect.ignoreLogged(files.remove(part, { force: true }))
      )
    )
  })
