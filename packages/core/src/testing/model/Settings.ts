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
  /** In milliseconds. Default 41 250, as seen in production. */
  readonly heartbeatInterval?: number | undefined
  /** So many intervals without a heartbeat end a connection with 4009. Default 1.5 (chosen). */
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
      }
    | undefined
  /** Events kept per session for a resume. Default 10 000. */
  readonly replayLimit?: number | undefined
  /** How long events, and sessions without a connection, are kept, in milliseconds. Default 1 800 000 (chosen). */
  readonly replayAge?: number | undefined
  /** The limiter of the metadata, or `false` for none. Default 2 a minute, burst 10. */
  readonly metadataLimit?: false | { readonly perMinute: number; readonly burst: number } | undefined
  /** Default C2C 60 min × 4, group 5 min × 5. */
  readonly windows?: { readonly c2c?: Window | undefined; readonly group?: Window | undefined } | undefined
  /** Proactive messages per conversation. Default 20 a minute, 1000 a day; more gives 40034100. */
  readonly proactiveLimit?: { readonly perMinute: number; readonly perDay: number } | undefined
  /** Whether proactive messages are allowed where `allowProactive` said nothing. Default true. */
  readonly proactive?: boolean | undefined
  /** The longest text or markdown, in UTF-16 code units; more gives 40054007. Default 10 000 (chosen). */
  readonly maximumContent?: number | undefined
  /** Default `demo-bot` with a numeric id. */
  readonly bot?: { readonly id: string; readonly username: string; readonly openid: string } | undefined
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
  readonly replayLimit: number
  readonly replayAge: number
  readonly metadataLimit: false | { readonly perMinute: number; readonly burst: number }
  readonly windows: { readonly c2c: Window; readonly group: Window }
  readonly proactiveLimit: { readonly perMinute: number; readonly perDay: number }
  readonly proactive: boolean
  readonly maximumContent: number
  readonly bot: { readonly id: string; readonly username: string; readonly openid: string }
  readonly journalLimit: number
  readonly anchorLimit: number
}

/**
 * Every intent there is.
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
    replayLimit: options.replayLimit ?? 10_000,
    replayAge: options.replayAge ?? 30 * minute,
    metadataLimit: options.metadataLimit ?? { perMinute: 2, burst: 10 },
    windows: {
      c2c: options.windows?.c2c ?? { duration: 60 * minute, replies: 4 },
      group: options.windows?.group ?? { duration: 5 * minute, replies: 5 }
    },
    proactiveLimit: options.proactiveLimit ?? { perMinute: 20, perDay: 1000 },
    proactive: options.proactive ?? true,
    maximumContent: options.maximumContent ?? 10_000,
    bot: options.bot ?? {
      id: "13309745218860471125",
      username: "demo-bot",
      openid: "2AA0F7C4E1D94B53B86FD1E07A93C5B2"
    },
    journalLimit: options.journalLimit ?? 100_000,
    anchorLimit: options.anchorLimit ?? 100_000
  }
}
