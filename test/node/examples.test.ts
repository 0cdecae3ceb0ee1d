import type { Sandbox } from "@effect-qq/cli/sandbox"
import { WebhookClient } from "@effect-qq/core/testing"
import { BotConfig } from "@effect-qq/core"
import { NodeSignature } from "@effect-qq/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Path from "node:path"
import * as Url from "node:url"
import { assert } from "vitest"
import { start, told } from "./support/child.ts"
import { sandbox, temporaryDirectory } from "./support/live.ts"
import { eventually } from "./support/patience.ts"
import { closedPort } from "./support/ports.ts"

const root = Path.resolve(Path.dirname(Url.fileURLToPath(import.meta.url)), "..", "..")
const built = (name: string): string => Path.join(root, ".cache", "examples-built", `${name}.js`)

/** A bot of examples/, connected to a sandbox of its own. */
const running = (name: string, environment: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const platform = yield* sandbox()
    const child = yield* start(built(name), {
      environment: { ...told(platform, yield* temporaryDirectory), ...environment }
    })
    yield* child.until("the session is ready")
    const ask = (said: Parameters<Sandbox.SandboxShape["ask"]>[0]) =>
      Effect.map(platform.ask(said, "20 seconds"), ({ answers }) => answers.map(({ content }) => content))
    const inPrivate = (text: string) => ask({ scene: "c2c", user: "u1", text })
    const sent = (count: number) =>
      Effect.as(
        eventually(`message ${count} of the bot`, () => platform.model.sent.length >= count, child.printed),
        platform.model.sent
      )
    /** A user of a private chat presses the button with this label below the newest message that has any. */
    const press = (user: string, label: string) => {
      type Button = { readonly render_data: { readonly label: string }; readonly action: { readonly data: string } }
      type Keyboard = {
        readonly content: { readonly rows: ReadonlyArray<{ readonly buttons: ReadonlyArray<Button> }> }
      }
      const keyboards = platform.model.sent.flatMap(({ body }) =>
        body["keyboard"] ? [body["keyboard"] as Keyboard] : []
      )
      const button = keyboards
        .at(-1)
        ?.content.rows.flatMap(({ buttons }) => buttons)
        .find(({ render_data }) => render_data.label === label)
      assert.isDefined(button, label)
      return platform.dispatch("INTERACTION_CREATE", {
        id: `press-${user}-${label}`,
        application_id: platform.appId,
        type: 11,
        scene: "c2c",
        chat_type: 2,
        timestamp: "2026-09-01T12:00:00+08:00",
        user_openid: user,
        data: { type: 11, resolved: { button_data: button?.action.data ?? "", button_id: "1" } },
        version: 1
      })
    }
    return { platform, child, ask, inPrivate, sent, press }
  })

describe("the examples", () => {
  it("each of them is tested here, or beside itself", () => {
    const files = Fs.readdirSync(Path.join(root, "examples")).filter((name) => /\.(ts|mjs)$/.test(name))
    const tests = ["node", "core"]
      .flatMap((room) =>
        Fs.readdirSync(Path.join(root, "test", room)).map((name) => Path.join(root, "test", room, name))
      )
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => Fs.readFileSync(file, "utf8"))
      .join("\n")
    const named = (file: string): boolean =>
      tests.includes(`("${file.replace(/\.ts$/, "")}"`) || tests.includes(`examples/${file}`) || file === "echo.mjs"
    assert.deepStrictEqual(
      files.filter((file) => !named(file)),
      []
    )
  })

  it.scopedLive("a vote counts each user once", () =>
    Effect.gen(function* () {
      const { inPrivate, press, sent } = yield* running("keyboard-vote")
      assert.deepStrictEqual(yield* inPrivate("/vote Pizza tonight?"), ["**Pizza tonight?**"])
      yield* press("u1", "yes")
      yield* sent(2)
      yield* press("u2", "no")
      yield* sent(3)
      yield* press("u1", "no")
      const all = yield* sent(4)
      assert.deepStrictEqual(
        all.slice(1).map(({ content }) => content),
        ["yes 1, no 0", "yes 1, no 1", "yes 0, no 2"]
      )
    })
  )

  it.scopedLive("a dialogue asks until the answer can be read, and ends with a button", () =>
    Effect.gen(function* () {
      const { inPrivate, press, sent } = yield* running("dialogue")
      assert.deepStrictEqual(yield* inPrivate("/order"), ["what would you like? tea, coffee, water"])
      assert.deepStrictEqual(yield* inPrivate("beer"), ["what would you like? tea, coffee, water"])
      assert.deepStrictEqual(yield* inPrivate("Tea"), ["how many? 1 to 9"])
      assert.deepStrictEqual(yield* inPrivate("2"), ["**2 × tea**: shall I order?"])
      yield* press("u1", "order")
      const all = yield* sent(5)
      assert.strictEqual(all[4]?.content, "ordered: 2 × tea")
    })
  )

  it.scopedLive("pictures and files are uploaded, and what users send is listed", () =>
    Effect.gen(function* () {
      const { inPrivate, platform, sent } = yield* running("media")
      yield* inPrivate("/stripes")
      yield* inPrivate("/table")
      const [picture, file] = yield* sent(2)
      assert.deepStrictEqual([picture?.msgType, picture?.content, file?.msgType], [7, "stripes", 7])
      assert.isDefined(picture?.file)
      assert.notStrictEqual(picture?.file, file?.file)
      const uploads = platform.model.journal.filter((entry) => JSON.stringify(entry).includes("/files"))
      assert.isAtLeast(uploads.length, 2)
      yield* platform.dispatch("C2C_MESSAGE_CREATE", {
        id: "ROBOT1.0_with-a-picture",
        author: { id: "u1", user_openid: "u1" },
        content: "",
        attachments: [
          { content_type: "image/jpeg", filename: "cat.jpg", size: 1234, url: "https://example.com/cat.jpg" }
        ],
        timestamp: "2026-09-01T12:00:00+08:00"
      })
      const all = yield* sent(3)
      assert.strictEqual(all[2]?.content, "image cat.jpg: 1234 bytes")
    })
  )

  it.scopedLive("an announcement goes out when it is due, beside the answers", () =>
    Effect.gen(function* () {
      const { inPrivate, platform, sent } = yield* running("scheduled", {
        ANNOUNCE_TO: "group:g1",
        ANNOUNCE_AT: "*/2 * * * * *"
      })
      assert.include(yield* inPrivate("hi"), "you said: hi")
      yield* eventually("an announcement", () => platform.model.sent.some(({ scene }) => scene === "group"))
      const announced = (yield* sent(2)).find(({ scene }) => scene === "group")
      assert.match(announced?.content ?? "", /^good morning; it is /)
      assert.isUndefined(announced?.msgId)
    })
  )

  it.scopedLive("an API of one's own and the webhook share one server", () =>
    Effect.gen(function* () {
      const port = yield* closedPort
      const { inPrivate, platform } = yield* running("webhook-http-api", {
        BOT_TRANSPORT: "both",
        PORT: String(port)
      })
      const url = `http://127.0.0.1:${port}`
      assert.deepStrictEqual(yield* inPrivate("hi"), ["you said: hi"])
      const call = (path: string, body?: unknown) =>
        Effect.promise(async (signal) => {
          const response = await fetch(`${url}${path}`, {
            signal,
            ...(body === undefined
              ? {}
              : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
          })
          return [response.status, await response.json().catch(() => undefined)] as const
        })
      const [status, health] = yield* call("/health")
      assert.strictEqual(status, 200)
      assert.propertyVal(health, "state", "Ready")
      assert.deepStrictEqual(yield* call("/announcements", { to: "group:g1", text: "news" }), [
        200,
        { via: "proactive" }
      ])
      assert.strictEqual((yield* call("/announcements", { to: "nowhere", text: "news" }))[0], 422)
      assert.strictEqual(platform.model.sent.at(-1)?.content, "news")
      assert.strictEqual((yield* call("/webhook", { op: 0 }))[0], 401)
      const bot = BotConfig.layer({ appId: platform.appId, secret: platform.secret })
      const services = Layer.mergeAll(bot, NodeHttpClient.layerUndici, Layer.provide(NodeSignature.layer, bot))
      const isValid = Effect.flatMap(WebhookClient.toUrl(`${url}/webhook`), WebhookClient.make).pipe(
        Effect.flatMap((client) => client.validate("a-token")),
        Effect.provide(services)
      )
      assert.isTrue(yield* isValid)
    })
  )

  it.scopedLive("a bot whose secret is wrong does not end the others", () =>
    Effect.gen(function* () {
      const platform = yield* sandbox()
      const child = yield* start(built("several-bots"), {
        environment: {
          ...told(platform, yield* temporaryDirectory),
          BOTS: `102000009:wrong,${platform.appId}:sandbox-secret`
        }
      })
      yield* child.until("bot 102000009 has stopped")
      yield* child.until("the session is ready")
      const { answers } = yield* platform.ask({ scene: "c2c", user: "u1", text: "hi" }, "20 seconds")
      assert.strictEqual(answers[0]?.content, `bot ${platform.appId} heard: hi`)
      assert.notInclude(child.printed(), "sandbox-secret")
    })
  )

  it.scopedLive("a service asks where its Layers say", () =>
    Effect.gen(function* () {
      const source = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const server = Http.createServer((request, response) => {
            const body = request.url?.startsWith("/places")
              ? { results: [{ name: "Shenzhen", latitude: 22.5, longitude: 114 }] }
              : { current: { temperature_2m: 28.5 } }
            response.setHeader("content-type", "application/json").end(JSON.stringify(body))
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => void server.close())
      )
      const address = source.address()
      const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
      const { inPrivate } = yield* running("service/main", {
        WEATHER_PLACES_URL: `${url}/places`,
        WEATHER_FORECAST_URL: `${url}/forecast`
      })
      assert.deepStrictEqual(yield* inPrivate("/weather shenzhen"), ["Shenzhen: 28.5 °C"])
    })
  )
})
