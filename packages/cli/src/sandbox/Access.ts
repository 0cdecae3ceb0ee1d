/**
 * Who may use the page and the API of a sandbox.
 *
 * Programs on this machine need no credentials, as they send neither `Origin` nor `Sec-Fetch-Site`, as browsers
 * do. A page in a browser can reach 127.0.0.1 too, by a request from another site or by DNS rebinding. A browser therefore
 * needs a session, which it gets for a one-time token, and a `Host` and an `Origin` of this sandbox.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"
import type * as Http from "node:http"

/** Browsers with a session, and tokens that are not used yet: beyond these the oldest are forgotten. */
const maximum = 100

/**
 * What a request may do.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict = "Allowed" | "NoSession" | "Foreign"

const isHere = (host: string | undefined): host is string =>
  /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host ?? "")

/** Removes the oldest entries of a set above its limit. */
const add = (set: Set<string>, value: string): void => {
  set.add(value)
  for (const oldest of set) {
    if (set.size <= maximum) break
    set.delete(oldest)
  }
}

const secret = (): string => Crypto.randomBytes(24).toString("base64url")

/**
 * The tokens and sessions of one sandbox.
 *
 * @since 0.1.0
 * @category models
 */
export class Access {
  private readonly tokens = new Set<string>()
  private readonly sessions = new Set<string>()
  /** The port is part of the name: cookies are shared by all ports of a host. */
  private readonly cookie: string
  private readonly redeemed: () => void

  /** `redeemed` is called when a token was used. */
  constructor(port: number, redeemed: () => void) {
    this.redeemed = redeemed
    this.cookie = `effect_qq_sandbox_${port}`
  }

  /** A new one-time token. */
  readonly invite = (): string => {
    const token = secret()
    add(this.tokens, token)
    return token
  }

  /** The `set-cookie` header of a new session, for a token that was not used before. */
  readonly redeem = (token: string): string | undefined => {
    if (!this.tokens.delete(token)) return undefined
    const session = secret()
    add(this.sessions, session)
    this.redeemed()
    return `${this.cookie}=${session}; HttpOnly; SameSite=Strict; Path=/`
  }

  /** Whether a request was made to this machine by one of its names. */
  readonly isLocal = ({ headers }: Http.IncomingMessage): boolean => isHere(headers.host)

  /** Whether a request to the API may be answered. */
  readonly judge = ({ headers }: Http.IncomingMessage): Verdict => {
    const { host, origin } = headers
    if (!isHere(host)) return "Foreign"
    const site = headers["sec-fetch-site"]
    if (origin === undefined && site === undefined) return "Allowed"
    if (origin !== undefined && origin !== `http://${host}`) return "Foreign"
    if (site !== undefined && site !== "same-origin" && site !== "none") return "Foreign"
    return this.hasSession(headers.cookie) ? "Allowed" : "NoSession"
  }

  private hasSession(cookies: string | undefined): boolean {
    return (cookies ?? "").split(";").some((pair) => {
      const [name, value = ""] = pair.trim().split("=")
      return name === this.cookie && this.sessions.has(value)
    })
  }
}
