/**
 * The options of a model with every default filled in.
 *
 * @since 0.1.0
 */
import * as Intents from "../../gateway/Intents.ts"

/**
 * How long and how often a message may be answered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Window {
  /** In milliseconds from the message. */
  readonly duration: number
  readonly replies: number
}

/**
 * An event as the platform reports it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dispatched {
  readonly id: string
  readonly type: string
  readonly d: unknown
}

/**
 * What kind of platform it is. Everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Default `1905000001`. */
  readonly appId?: string | undefined
  /** The AppSecret of the bot. Default `model-secret`. It enters neither journal nor answer. */
  readonly secret?: string | undefined
  /** What the metadata says; its path is the one that `upgrade` accepts. Default `wss://api.bot.qq.com/websocket`. */
  readonly gatewayUrl?: string | undefined
  /**
   * The ids of events, messages and sessions are counted from here. Default 0. A platform that takes the place of another
   * should begin beyond its ids: a bot with a stored state knows those.
   */
  readonly idsFrom?: number | undefined
  /** In milliseconds. Default 41 250, as seen in production. */
  readonly heartbeatInterval?: number | undefined
  /** A connection without a heartbeat for this many intervals is closed with 4009. Default 1.5 (chosen). */
  readonly heartbeatTolerance?: number | undefined
  /** Time to identify or resume after HELLO, in milliseconds; then 4009. Default 30 000 (chosen). */
  readonly identifyTimeout?: number | undefined
  /** In milliseconds. Default 7 200 000. */
  readonly tokenLifetime?: number | undefined
  /** Whether `expires_in` is a string, as on the wire, or a number, as documented. Default true. */
  readonly expiresInAsString?: boolean | undefined
  /** The intents the bot may ask for. Default all. */
  readonly grantedIntents?: number | undefined
  /** The close code behind the op 9 for intents that are not granted: 4014 or 4903 were both seen. Default 4014. */
  readonly refusedIntentsCode?: number | undefined
  /** How long after an op 9 the close frame that explains it comes, in milliseconds; `Infinity` for never. Default 0. */
  readonly explainAfter?: number | undefined
  /** The recommended number of shards. Default 1. */
  readonly shards?: number | undefined
  /** How many sessions may be made. `resetAfter` in milliseconds from the first call. Default 1000, all remaining, 24 h, 1. */
  readonly sessionLimit?:
    | {
        readonly total?: number | undefined
        readonly remaining?: number | undefined
        readonly resetAfter?: number | undefined
        readonly maxConcurrency?: number | undefined
        /**
         * Whether an identify within 5 s of `maxConcurrency` accepted ones is refused with op 9 and 4903, as when several
         * processes collide; otherwise it is only counted as a violation. Default false.
         */
        readonly refusesPace?: boolean | undefined
      }
    | undefined
  /** Events kept per session for a resume. Default 10 000. */
  readonly replayLimit?: number | undefined
  /** How long events, and sessions without a connection, are kept, in milliseconds. Default 1 800 000 (chosen). */
  readonly replayAge?: number | undefined
  /** The limiter of the metadata, or `false` for none. Default 2 a minute, burst 10. */
  readonly metadataLimit?: false | { readonly perMinute: number; readonly burst: number } | undefined
  /**
   * Default C2C 60 min × 4, group 5 min × 5, channel and direct message 5 min without a count. Events that can be answered
   * have the window of their scene.
   */
  readonly windows?:
    | {
        readonly c2c?: Window | undefined
        readonly group?: Window | undefined
        readonly channel?: Window | undefined
        readonly dm?: Window | undefined
      }
    | undefined
  /** What a passive message over the count is refused with: both were seen. Default 40034128. */
  readonly exhaustedCode?: 22009 | 40034128 | undefined
  /**
   * Proactive messages per user and per group. Default 20 a minute, 1000 a day; more gives `code`, by default 40034100
   * (22009 is what the monthly quota gave).
   */
  readonly proactiveLimit?:
    | { readonly perMinute: number; readonly perDay: number; readonly code?: 22009 | 40034100 | undefined }
    | undefined
  /**
   * Proactive messages of guilds, a day: per channel (default 20; 304045), channels of one guild (2; 304047), per direct
   * conversation (2; 304049), all direct conversations (200; 304050).
   */
  readonly guildProactiveLimit?:
    | {
        readonly perChannel?: number | undefined
        readonly channelsPerGuild?: number | undefined
        readonly perUser?: number | undefined
        readonly direct?: number | undefined
      }
    | undefined
  /** Messages a second that one channel takes; more gives 20028. Default 5. */
  readonly channelRate?: number | undefined
  /** Whether sends to channels and direct messages need a connected session; without one 304018. Default true. */
  readonly guildNeedsSession?: boolean | undefined
  /**
   * Which markdown the bot may send. Custom markdown is refused with 40034012 (guilds: 50056), templates with 40034127
   * (guilds: 304036). Default `all`.
   */
  readonly markdown?: "all" | "templates" | "none" | undefined
  /** Whether the bot may send keyboards; refused with 304057. Default true. */
  readonly keyboards?: boolean | undefined
  /** Whether the bot may send arks; refused with 304004. Default true. */
  readonly arks?: boolean | undefined
  /** Whether texts may hold URLs; refused with 40054010 (guilds: 304003 with HTTP 403). Default true. */
  readonly urls?: boolean | undefined
  /** Texts that hold one of these are refused with 40034006 (guilds: 304025). Default none. */
  readonly blockedTexts?: ReadonlyArray<string> | undefined
  /** How long an uploaded file can be sent, in milliseconds; `Infinity` for ever (`ttl` 0). Default 86 400 000 (chosen). */
  readonly mediaLifetime?: number | undefined
  /** The largest file inside a request, in bytes; more gets HTML and 413 from the edge. Default 10 MiB. */
  readonly maximumInlineFile?: number | undefined
  /** The largest file of all, in bytes; more gives 850031. Default 200 MiB. */
  readonly maximumFile?: number | undefined
  /** Bytes that may be uploaded a day; more gives 40093002. Default 2 GB. */
  readonly uploadQuota?: number | undefined
  /** Where the parts of files are put: what the URLs of the parts begin with. Default `https://store.qq.com`. */
  readonly storeUrl?: string | undefined
  /** How files are taken in parts. Every answer here was seen or documented. */
  readonly chunks?:
    | {
        /** Bytes of a part but the last. Default 10 MiB. */
        readonly blockSize?: number | undefined
        /** The number of the first part: documented is 0, seen is 1. Default 1. */
        readonly firstIndex?: 0 | 1 | undefined
        /** Whether sizes are numbers instead of decimal strings. Default false. */
        readonly sizesAsNumbers?: boolean | undefined
        /** Whether the answer is inside a `data`. Default false. */
        readonly wrapped?: boolean | undefined
        /** Whether `concurrency` and the times of retries are beside the rest instead of in `upload_config`. Default false. */
        readonly flat?: boolean | undefined
        /** Default 1. */
        readonly concurrency?: number | undefined
        /** How long a part may be confirmed again, in seconds. Default 300. */
        readonly retryTimeout?: number | undefined
        /** In seconds. Default 1. */
        readonly retryDelay?: number | undefined
        /** Whether a file that the scene has already is answered for at once, without an upload. Default false. */
        readonly instant?: boolean | undefined
      }
    | undefined
  /**
   * Groups that let the bot receive all their messages, and send those that address it only as GROUP_MESSAGE_CREATE too; or
   * `all`. Default: none.
   */
  readonly fullGroups?: "all" | ReadonlyArray<string> | undefined
  /**
   * How long after a message of the bot to a group the group sends it back to the bot, without `author.bot`, in milliseconds.
   * Default: it never does.
   */
  readonly echoAfter?: number | undefined
  /** Whether proactive messages are allowed where `allowProactive` said nothing. Default true. */
  readonly proactive?: boolean | undefined
  /** The longest text, markdown or stream, in UTF-16 code units; more gives 40054007. Default 10 000 (chosen). */
  readonly maximumContent?: number | undefined
  /**
   * How long after its last part a stream that is not finished still takes another one, in milliseconds; then it shows its
   * first part for good. Default 10 min (chosen).
   */
  readonly streamLifetime?: number | undefined
  /** Default `demo-bot` with a numeric id. */
  readonly bot?: { readonly id: string; readonly username: string; readonly openid: string } | undefined
  /** Called with every event before it is sent to sessions, also if no session receives it. Default: no callback. */
  readonly onDispatch?: ((event: Dispatched) => void) | undefined
  /** Entries kept in `journal` and in `sent`, each. Default 100 000. */
  readonly journalLimit?: number | undefined
  /** Messages, events and interactions whose ids are still known. Default 100 000. */
  readonly anchorLimit?: number | undefined
}

/**
 * See {@link Options} for what each one means.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  readonly appId: string
  readonly secret: string
  readonly gatewayUrl: string
  /** The path of the gateway URL, without a slash at its end. */
  readonly gatewayPath: string
  readonly idsFrom: number
  readonly heartbeatInterval: number
  readonly heartbeatTolerance: number
  readonly identifyTimeout: number
  readonly tokenLifetime: number
  readonly expiresInAsString: boolean
  readonly grantedIntents: number
  readonly refusedIntentsCode: number
  readonly explainAfter: number
  readonly shards: number
  readonly sessionTotal: number
  readonly sessionRemaining: number
  readonly sessionResetAfter: number
  readonly maxConcurrency: number
  readonly refusesPace: boolean
  readonly replayLimit: number
  readonly replayAge: number
  readonly metadataLimit: false | { readonly perMinute: number; readonly burst: number }
  readonly windows: { readonly c2c: Window; readonly group: Window; readonly channel: Window; readonly dm: Window }
  readonly exhaustedCode: 22009 | 40034128
  readonly proactiveLimit: { readonly perMinute: number; readonly perDay: number; readonly code: 22009 | 40034100 }
  readonly guildProactiveLimit: {
    readonly perChannel: number
    readonly channelsPerGuild: number
    readonly perUser: number
    readonly direct: number
  }
  readonly channelRate: number
  readonly guildNeedsSession: boolean
  readonly markdown: "all" | "templates" | "none"
  readonly keyboards: boolean
  readonly arks: boolean
  readonly urls: boolean
  readonly blockedTexts: ReadonlyArray<string>
  readonly mediaLifetime: number
  readonly maximumInlineFile: number
  readonly maximumFile: number
  readonly uploadQuota: number
  readonly storeUrl: string
  readonly chunks: {
    readonly blockSize: number
    readonly firstIndex: 0 | 1
    readonly sizesAsNumbers: boolean
    readonly wrapped: boolean
    readonly flat: boolean
    readonly concurrency: number
    readonly retryTimeout: number
    readonly retryDelay: number
    readonly instant: boolean
  }
  readonly fullGroups: "all" | ReadonlyArray<string>
  readonly echoAfter: number | undefined
  readonly proactive: boolean
  readonly maximumContent: number
  readonly streamLifetime: number
  readonly bot: { readonly id: string; readonly username: string; readonly openid: string }
  readonly onDispatch: ((event: Dispatched) => void) | undefined
  readonly journalLimit: number
  readonly anchorLimit: number
}

/**
 * Every known intent.
 *
 * @since 0.1.0
 * @category constants
 */
export const allIntents: number = Object.values(Intents.Intent).reduce((set, bit) => set | bit, 0)

const minute = 60_000

/**
 * The path of a URL or of a request target, without its query and without a slash at its end.
 *
 * @since 0.1.0
 * @category parsing
 */
export const pathOf = (url: string): string => {
  const path = url.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "")
  return path.endsWith("/") ? path.slice(0, -1) : path
}

/**
 * Fills in the defaults.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromOptions = (options: Options): Settings => {
  const gatewayUrl = options.gatewayUrl ?? "wss://api.bot.qq.com/websocket"
  const limit = options.sessionLimit
  const total = limit?.total ?? 1000
  return {
    appId: options.appId ?? "1905000001",
    secret: options.secret ?? "model-secret",
    gatewayUrl,
    gatewayPath: pathOf(gatewayUrl),
    idsFrom: options.idsFrom ?? 0,
    heartbeatInterval: options.heartbeatInterval ?? 41_250,
    heartbeatTolerance: options.heartbeatTolerance ?? 1.5,
    identifyTimeout: options.identifyTimeout ?? 30_000,
    tokenLifetime: options.tokenLifetime ?? 120 * minute,
    expiresInAsString: options.expiresInAsString ?? true,
    grantedIntents: options.grantedIntents ?? allIntents,
    refusedIntentsCode: options.refusedIntentsCode ?? 4014,
    explainAfter: options.explainAfter ?? 0,
    shards: options.shards ?? 1,
    sessionTotal: total,
    sessionRemaining: limit?.remaining ?? total,
    sessionResetAfter: limit?.resetAfter ?? 24 * 60 * minute,
    maxConcurrency: limit?.maxConcurrency ?? 1,
    refusesPace: limit?.refusesPace ?? false,
    replayLimit: options.replayLimit ?? 10_000,
    replayAge: options.replayAge ?? 30 * minute,
    metadataLimit: options.metadataLimit ?? { perMinute: 2, burst: 10 },
    windows: {
      c2c: options.windows?.c2c ?? { duration: 60 * minute, replies: 4 },
      group: options.windows?.group ?? { duration: 5 * minute, replies: 5 },
      channel: options.windows?.channel ?? { duration: 5 * minute, replies: Infinity },
      dm: options.windows?.dm ?? { duration: 5 * minute, replies: Infinity }
    },
    exhaustedCode: options.exhaustedCode ?? 40034128,
    proactiveLimit: {
      perMinute: options.proactiveLimit?.perMinute ?? 20,
      perDay: options.proactiveLimit?.perDay ?? 1000,
      code: options.proactiveLimit?.code ?? 40034100
    },
    guildProactiveLimit: {
      perChannel: options.guildProactiveLimit?.perChannel ?? 20,
      channelsPerGuild: options.guildProactiveLimit?.channelsPerGuild ?? 2,
      perUser: options.guildProactiveLimit?.perUser ?? 2,
      direct: options.guildProactiveLimit?.direct ?? 200
    },
    channelRate: options.channelRate ?? 5,
    guildNeedsSession: options.guildNeedsSession ?? true,
    markdown: options.markdown ?? "all",
    keyboards: options.keyboards ?? true,
    arks: options.arks ?? true,
    urls: options.urls ?? true,
    blockedTexts: options.blockedTexts ?? [],
    mediaLifetime: options.mediaLifetime ?? 24 * 60 * minute,
    maximumInlineFile: options.maximumInlineFile ?? 10 * 1024 * 1024,
    maximumFile: options.maximumFile ?? 200 * 1024 * 1024,
    uploadQuota: options.uploadQuota ?? 2_000_000_000,
    storeUrl: options.storeUrl ?? "https://store.qq.com",
    chunks: {
      blockSize: options.chunks?.blockSize ?? 10 * 1024 * 1024,
      firstIndex: options.chunks?.firstIndex ?? 1,
      sizesAsNumbers: options.chunks?.sizesAsNumbers ?? false,
      wrapped: options.chunks?.wrapped ?? false,
      flat: options.chunks?.flat ?? false,
      concurrency: options.chunks?.concurrency ?? 1,
      retryTimeout: options.chunks?.retryTimeout ?? 300,
      retryDelay: options.chunks?.retryDelay ?? 1,
      instant: options.chunks?.instant ?? false
    },
    fullGroups: options.fullGroups ?? [],
    echoAfter: options.echoAfter,
    proactive: options.proactive ?? true,
    maximumContent: options.maximumContent ?? 10_000,
    streamLifetime: options.streamLifetime ?? 10 * minute,
    bot: options.bot ?? {
      id: "13309745218860471125",
      username: "demo-bot",
      openid: "2AA0F7C4E1D94B53B86FD1E07A93C5B2"
    },
    onDispatch: options.onDispatch,
    journalLimit: options.journalLimit ?? 100_000,
    anchorLimit: options.anchorLimit ?? 100_000
  }
}
