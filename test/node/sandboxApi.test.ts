/** The API of the sandbox, who may use it, its feed, and the webhook that it calls. */
import { describe, it } from "@effect/vitest"
import type { Sandbox } from "@effect-qq/cli/sandbox"
import { NodeSignature } from "@effect-qq/node"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import type * as Net from "node:net"
import { assert } from "vitest"
import * as Live from "./support/live.ts"
import { eventually } from "./support/patience.ts"

interface Asked {
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

interface Answered {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

/** A request with any headers: `fetch` has its own mind about `host` and `origin`. */
const ask = (sandbox: Sandbox.SandboxShape, { body, headers, method = "GET", path }: Asked): Effect.Effect<Answered> =>
  Effect.async((resume) => {
    const request = Http.request(
      { host: "127.0.0.1", port: sandbox.port, path, method, ...(headers === undefined ? {} : { headers }) },
      (response) => {
        const chunks: Array<Uint8Array> = []
        response.on("data", (chunk: Uint8Array) => chunks.push(chunk))
        response.on("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString()
            })
          )
        )
      }
    )
    request.end(body)
  })

const say = JSON.stringify({ scene: "c2c", user: "u1", text: "hi" })
const posted = (headers: Record<string, string>): Asked => ({
  method: "POST",
  path: "/sandbox/say",
  body: say,
  headers
})

const errorOf = ({ body }: Answered): unknown => (JSON.parse(body) as Record<string, unknown>)["error"]

describe("who may use a sandbox", () => {
  it.scopedLive("a token is good once, and a session is needed by browsers alone", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const origin = sandbox.apiUrl
      const { searchParams } = new URL(yield* sandbox.pageUrl)
      const path = `/?token=${searchParams.get("token")}`
      assert.strictEqual((yield* ask(sandbox, posted({ origin }))).status, 401)
      assert.strictEqual(
        (yield* ask(sandbox, { path: "/sandbox/state", headers: { "sec-fetch-site": "same-origin" } })).status,
        401
      )
      const opened = yield* ask(sandbox, { path })
      assert.strictEqual(opened.status, 303)
      assert.strictEqual(opened.headers.location, "/")
      const [set = ""] = opened.headers["set-cookie"] ?? []
      assert.match(set, /; HttpOnly; SameSite=Strict; Path=\/$/)
      const [cookie = ""] = set.split(";")
      assert.isUndefined((yield* ask(sandbox, { path })).headers["set-cookie"])
      assert.strictEqual((yield* ask(sandbox, posted({ origin, cookie }))).status, 200)
      assert.strictEqual((yield* ask(sandbox, posted({}))).status, 200)
    })
  )

  it.scopedLive("other origins, other sites and other names of this machine are refused, with a session too", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const { search } = new URL(yield* sandbox.pageUrl)
      const opened = yield* ask(sandbox, { path: `/${search}` })
      const [cookie = ""] = (opened.headers["set-cookie"]?.[0] ?? "").split(";")
      for (const headers of [
        { origin: "https://example.org" },
        { origin: `http://127.0.0.1:${sandbox.port + 1}` },
        { origin: "null" },
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        { host: "example.org" },
        { host: "example.org", origin: "http://example.org" }
      ]) {
        const answered = yield* ask(sandbox, posted({ cookie, ...headers }))
        assert.strictEqual(answered.status, 403, JSON.stringify(headers))
      }
      assert.strictEqual((yield* ask(sandbox, { path: "/", headers: { host: "example.org" } })).status, 403)
      assert.isFalse(sandbox.model.journal.some(({ kind }) => kind === "Said"))
    })
  )

  it.scopedLive("the page runs nothing of other hosts; without a page there is none", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const page = yield* ask(sandbox, { path: "/" })
      assert.strictEqual(page.status, 200)
      assert.match(String(page.headers["content-security-policy"]), /^default-src 'none'; script-src 'self'; /)
      assert.notMatch(page.body, /https?:\/\//)
      assert.strictEqual((yield* ask(sandbox, { path: "/assets/page.js" })).status, 200)
      const bare = yield* Live.sandbox({ page: false })
      assert.strictEqual((yield* ask(bare, { path: "/assets/page.js" })).status, 401)
      assert.strictEqual((yield* ask(bare, posted({}))).status, 200)
    })
  )

  it.scopedLive("a file is fetched by its name alone, as what its bytes are", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const upload = (name: string, body: string) =>
        Effect.map(
          ask(sandbox, { method: "POST", path: `/sandbox/files?name=${name}&type=image/png`, body }),
          (answered) => new URL((JSON.parse(answered.body) as { readonly url: string }).url).pathname
        )
      const page = yield* ask(sandbox, { path: yield* upload("a.html", "<script>alert(1)</script>") })
      assert.strictEqual(page.headers["content-type"], "application/octet-stream")
      assert.strictEqual(page.headers["content-disposition"], "attachment")
      assert.strictEqual(page.headers["x-content-type-options"], "nosniff")
      const image = yield* ask(sandbox, { path: yield* upload("b.png", "\u0089PNG") })
      assert.strictEqual(image.status, 200)
      assert.strictEqual((yield* ask(sandbox, { path: "/files/unknown/b.png" })).status, 401)
    })
  )
})

describe("the API of a sandbox", () => {
  it.scopedLive("says in one line what is wrong with a request", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const put = (path: string, body: unknown, method = "POST") =>
        ask(sandbox, { method, path, body: typeof body === "string" ? body : JSON.stringify(body) })
      for (const [answered, said] of [
        [yield* put("/sandbox/say", { scene: "group", text: "hi" }), "group: is missing"],
        [yield* put("/sandbox/say", "{"), "the body is not JSON"],
        [yield* put("/sandbox/fault", { _tag: "Close", code: 7 }), "code: "],
        [yield* put("/sandbox/webhook", { url: "ftp://x" }, "PUT"), "http:// or https://"],
        [yield* put("/sandbox/webhook", { url: "http://127.0.0.1:1/" }, "PUT"), "cannot be reached"],
        [yield* put("/sandbox/conversations/x", { name: "x", full: false }, "PUT"), "a conversation is"],
        [yield* put("/sandbox/people/nobody", "", "DELETE"), "there is no nobody"]
      ] as const) {
        assert.strictEqual(answered.status, 400, said)
        assert.include(String(errorOf(answered)), said)
        assert.notInclude(String(errorOf(answered)), "\n")
      }
    })
  )

  it.scopedLive("a body without a length is bounded too", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const status = yield* Effect.async<number | "cut">((resume) => {
        const request = Http.request(
          { host: "127.0.0.1", port: sandbox.port, path: "/sandbox/say", method: "POST" },
          (response) => resume(Effect.succeed(response.statusCode ?? 0))
        )
        request.on("error", () => resume(Effect.succeed("cut")))
        const part = Buffer.alloc(1024 * 1024, "x")
        let written = 0
        const more = (): void => {
          while (written < 40) {
            written += 1
            if (!request.write(part)) return void request.once("drain", more)
          }
          request.end()
        }
        more()
      })
      assert.include([400, 413, "cut"], status)
      assert.isFalse(sandbox.model.journal.some(({ kind }) => kind === "Said"))
    })
  )

  it.scopedLive("a member whom the bot has muted cannot say anything, and says so", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const token = JSON.parse(
        (yield* ask(sandbox, {
          method: "POST",
          path: "/app/getAppAccessToken",
          body: JSON.stringify({ appId: sandbox.appId, clientSecret: "sandbox-secret" })
        })).body
      ) as { readonly access_token: string }
      const until = "2999-01-01T00:00:00+08:00"
      const muted = yield* ask(sandbox, {
        method: "POST",
        path: "/v2/groups/g1/restrict_chat_setting",
        headers: { authorization: `QQBot ${token.access_token}` },
        body: JSON.stringify({ members: [{ op: "add", member_openid: "u3", mute_expire_at: until }] })
      })
      assert.strictEqual(muted.status, 200, muted.body)
      const saying = (member: string) =>
        ask(sandbox, {
          method: "POST",
          path: "/sandbox/say",
          body: JSON.stringify({ scene: "group", group: "g1", member, text: "hi" })
        })
      assert.strictEqual(errorOf(yield* saying("u3")), `u3 is muted until ${until}`)
      assert.strictEqual((yield* saying("u1")).status, 200)
    })
  )

  it.scopedLive("the feed begins with everything, and every change follows in order", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      yield* sandbox.say({ scene: "c2c", user: "u7", text: "before" })
      const changes = yield* Stream.toPull(sandbox.feed)
      const [first] = Chunk.toReadonlyArray(yield* changes)
      assert.strictEqual(first?._tag, "Snapshot")
      if (first?._tag !== "Snapshot") return
      assert.deepStrictEqual(
        first.snapshot.items.flatMap((item) => (item._tag === "Message" ? [item.text] : [])),
        ["before"]
      )
      const texts: Array<string> = []
      const reading = yield* Effect.fork(
        Effect.repeat(
          Effect.map(changes, (chunk) => {
            for (const change of chunk) {
              if (change._tag === "Item" && change.item._tag === "Message") texts.push(change.item.text)
            }
          }),
          { until: () => texts.length >= 300 }
        )
      )
      for (let n = 0; n < 300; n++) yield* sandbox.say({ scene: "c2c", user: "u7", text: `${n}` })
      yield* Fiber.join(reading)
      assert.deepStrictEqual(
        texts,
        Array.from({ length: 300 }, (_, n) => `${n}`)
      )
    })
  )

  it.scopedLive("no credential is in what the page is shown", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.bot(sandbox)
      yield* bot.online
      const { body } = yield* ask(sandbox, { path: "/sandbox/state" })
      assert.include(body, "getAppAccessToken")
      assert.notInclude(body, "sandbox-secret")
      for (const token of sandbox.model.issuedTokens()) assert.notInclude(body, token)
    })
  )

  it.scopedLive("the bot's address is checked, and then called with every event, signed", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const signatures = NodeSignature.make(sandbox.secret)
      const run = yield* FiberSet.makeRuntime<never, void, never>()
      const called: Array<{ readonly t: string; readonly isSigned: boolean }> = []
      const server = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const listening = Http.createServer((request, response) => {
            const chunks: Array<Uint8Array> = []
            request.on("data", (chunk: Uint8Array) => chunks.push(chunk))
            request.on("end", () => {
              const body = Buffer.concat(chunks)
              const frame = JSON.parse(body.toString()) as {
                readonly op: number
                readonly t: string
                readonly d: { readonly plain_token: string; readonly event_ts: string }
              }
              const timestamp = String(request.headers["x-signature-timestamp"])
              const signature = String(request.headers["x-signature-ed25519"])
              run(
                frame.op === 13
                  ? Effect.map(signatures.sign(`${frame.d.event_ts}${frame.d.plain_token}`), (signed) => {
                      response.end(JSON.stringify({ plain_token: frame.d.plain_token, signature: signed }))
                    })
                  : Effect.map(signatures.verify({ timestamp, body, signature }), (isSigned) => {
                      called.push({ t: frame.t, isSigned })
                      response.end(JSON.stringify({ op: 12, d: 0 }))
                    })
              )
            })
          })
          listening.listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
        }),
        (listening) => Effect.sync(() => listening.close().closeAllConnections())
      )
      const url = `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}/bot`
      assert.isUndefined(yield* sandbox.webhook(url))
      yield* sandbox.say({ scene: "c2c", user: "u1", text: "hi" })
      yield* eventually("the call", () => called.length === 1)
      assert.deepStrictEqual(called, [{ t: "C2C_MESSAGE_CREATE", isSigned: true }])
      yield* sandbox.webhook(null)
      yield* sandbox.say({ scene: "c2c", user: "u1", text: "unheard" })
      assert.isUndefined(yield* sandbox.webhook(url))
      yield* sandbox.say({ scene: "group", group: "g1", member: "u1", text: "heard" })
      yield* eventually("the second call", () => called.length === 2)
      assert.strictEqual(called[1]?.t, "GROUP_AT_MESSAGE_CREATE")
    })
  )
})
