/**
 * The page as it is built, and files that can be fetched, with the headers that keep a browser from trusting them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import type * as Http from "node:http"
import type { Access } from "./Access.ts"
import type { Files } from "./Files.ts"

/** From `src/sandbox` and from `dist/sandbox` alike. */
const directory = new URL("../../assets/page/", import.meta.url)

const assets: { readonly [path: string]: readonly [file: string, type: string] } = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/assets/page.js": ["page.js", "text/javascript; charset=utf-8"],
  "/assets/page.css": ["page.css", "text/css; charset=utf-8"]
}

/** The page loads nothing from any other host. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const headers = {
  "content-security-policy": policy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store"
}

/** Types that a browser shows without running anything in them. */
const shown = /^(?:image\/(?:png|jpeg|gif|webp)|audio\/(?:wav|mpeg|ogg)|video\/(?:mp4|webm))$/

/** Answers for a file of a sandbox: `false` for a path that names none. */
export const serveFile = (files: Files, path: string, response: Http.ServerResponse): boolean => {
  const [, id] = /^\/files\/([\w-]{1,64})\/[^/]*$/.exec(path) ?? []
  const file = id === undefined ? undefined : files.get(id)
  if (file === undefined) return false
  response.writeHead(200, {
    ...headers,
    "content-security-policy": "default-src 'none'; sandbox",
    "content-type": file.type,
    "content-length": file.bytes.length,
    ...(shown.test(file.type) ? {} : { "content-disposition": "attachment" })
  })
  response.end(file.bytes)
  return true
}

/**
 * Serves the page: `false` for a path that does not belong to it. A token in the address of the page is exchanged for a session.
 *
 * @since 0.1.0
 * @category serving
 */
export const serve = (
  access: Access,
  request: Http.IncomingMessage,
  response: Http.ServerResponse
): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1")
    const asset = assets[pathname]
    if (asset === undefined || request.method !== "GET") return Effect.succeed(false)
    if (!access.isLocal(request)) {
      response.writeHead(403, headers).end()
      return Effect.succeed(true)
    }
    const token = searchParams.get("token")
    if (pathname === "/" && token !== null) {
      const cookie = access.redeem(token)
      // The page itself says so where the token was used before.
      response.writeHead(303, { ...headers, location: "/", ...(cookie === undefined ? {} : { "set-cookie": cookie }) })
      response.end()
      return Effect.succeed(true)
    }
    const [file, type] = asset
    return Effect.promise(() => Fs.readFile(new URL(file, directory))).pipe(
      Effect.map((bytes) => {
        response.writeHead(200, { ...headers, "content-type": type }).end(bytes)
        return true
      })
    )
  })
