/**
 * The access tokens: one at a time, replaced in its last minute, during which both are valid.
 *
 * Source: the access token page of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"

/** A request in this last part of a token's life gets a new one. */
const overlap = 60_000

interface Token {
  readonly text: string
  readonly expiresAt: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Tokens {
  /** Answers the token endpoint. Its errors come with HTTP 200. */
  readonly issue: (now: number, body: string) => Reply.Reply
  /** Whether this value, with or without `QQBot ` before it, is good. */
  readonly accepts: (now: number, value: string) => boolean
  readonly revoke: () => void
  readonly issued: () => ReadonlyArray<string>
}

const refusal = (code: number, message: string): Reply.Reply => ({ ...Reply.json(200, { code, message }), code })

const credentials = (body: string): { readonly appId?: unknown; readonly clientSecret?: unknown } => {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === "object" && value !== null ? value : {}
  } catch {
    return {}
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform): Tokens => {
  const { settings } = platform
  let current: Token | undefined
  let previous: Token | undefined
  let minted = 0

  const textOf = (number: number): string =>
    `model-access-token-${settings.appId}-${number.toString().padStart(6, "0")}`

  const living = (now: number): Token => {
    if (current === undefined || current.expiresAt - now <= overlap) {
      minted += 1
      previous = current
      current = { text: textOf(minted), expiresAt: now + settings.tokenLifetime }
    }
    return current
  }

  return {
    issue: (now, body) => {
      const { appId, clientSecret } = credentials(body)
      if (typeof appId !== "string" || !/^\d+$/.test(appId)) return refusal(100007, "appid invalid")
      if (appId !== settings.appId) return refusal(10004, "bot does not exist")
      if (clientSecret !== settings.secret) return refusal(100016, "invalid appid or secret")
      const token = living(now)
      const seconds = Math.floor((token.expiresAt - now) / 1000)
      return Reply.json(200, {
        access_token: token.text,
        expires_in: settings.expiresInAsString ? seconds.toString() : seconds
      })
    },
    accepts: (now, value) => {
      const text = value.startsWith("QQBot ") ? value.slice("QQBot ".length) : value
      return [current, previous].some((token) => token !== undefined && token.text === text && now < token.expiresAt)
    },
    revoke: () => {
      current = undefined
      previous = undefined
    },
    issued: () => Array.from({ length: minted }, (_, index) => textOf(index + 1))
  }
}
