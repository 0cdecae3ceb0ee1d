/** The page of the sandbox in Chromium, against a bot on this library. */
import { describe, it } from "@effect/vitest"
import type { Sandbox } from "@effect-qq/cli/sandbox"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Browser, Page } from "playwright-core"
import { assert } from "vitest"
import { act, isSkipped, launch, type Visit, visit } from "./support/browser.ts"
import * as Live from "./support/live.ts"
import * as PageBot from "./support/pageBot.ts"
import { eventually } from "./support/patience.ts"

interface Scene extends Visit {
  readonly sandbox: Sandbox.SandboxShape
  readonly bot: PageBot.PageBot
  readonly browser: Browser
}

/** A sandbox, a bot on it, and a browser that opened its page. */
const scene = (options?: Sandbox.Options): Effect.Effect<Scene, Sandbox.SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    const sandbox = yield* Live.sandbox(options)
    const bot = yield* PageBot.start(sandbox)
    const browser = yield* launch
    const visited = yield* visit(browser, yield* sandbox.pageUrl)
    yield* act(() => visited.page.getByText("Bot online").waitFor())
    return { sandbox, bot, browser, ...visited }
  })

const choose = (page: Page, name: string) =>
  act(() =>
    page
      .getByRole("navigation")
      .locator(".entry", { has: page.locator("b", { hasText: name }) })
      .click()
  )

const write = (page: Page, text: string) =>
  act(async () => {
    await page.getByRole("textbox", { name: "Write a message" }).fill(text)
    await page.keyboard.press("Enter")
  })

/** The log of the conversation. */
const log = (page: Page) => page.locator(".stream")

const sees = (page: Page, text: string | RegExp) => act(() => log(page).getByText(text).first().waitFor())

const count = (page: Page, selector: string) => act(() => page.locator(selector).count())

/** Nothing was asked of another host, and nothing was wrong on the page. */
const isClean = ({ complaints, strangers }: Visit): void => {
  assert.deepStrictEqual(strangers, [])
  assert.deepStrictEqual(complaints, [])
}

describe.skipIf(isSkipped)("the page of the sandbox", () => {
  it.scopedLive("a user writes to the bot, and sees the answer, the session and the replies that are left", () =>
    Effect.gen(function* () {
      const visited = yield* scene()
      const { page, sandbox } = visited
      yield* choose(page, "Ann")
      yield* write(page, "hello")
      yield* sees(page, "you said: hello")
      yield* sees(page, /3\/4 · 59:\d\d/)
      yield* choose(page, "Tea room")
      yield* write(page, "in the group")
      yield* sees(page, "you said: in the group")
      const said = sandbox.model.journal.filter((entry) => entry.kind === "Said").map(({ type }) => type)
      assert.deepStrictEqual(said, ["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"])
      isClean(visited)
    })
  )

  it.scopedLive("what does not address the bot is not heard, until the bot reads everything", () =>
    Effect.gen(function* () {
      const { page, sandbox } = yield* scene()
      yield* choose(page, "Tea room")
      yield* act(() => page.getByRole("button", { name: "@demo-bot" }).click())
      yield* write(page, "just talking")
      yield* sees(page, "the bot did not get this")
      yield* act(async () => {
        await page.getByRole("button", { name: "Members and settings" }).click()
        await page.getByRole("switch").check()
        await page.keyboard.press("Escape")
        await page.locator(".bar").getByText("The bot reads everything").waitFor()
      })
      yield* write(page, "still talking")
      yield* eventually("the event", () =>
        sandbox.model.journal.some((entry) => entry.kind === "Said" && entry.type === "GROUP_MESSAGE_CREATE")
      )
    })
  )

  it.scopedLive("an answer that is streamed grows before the eyes, after a notice that the bot is typing", () =>
    Effect.gen(function* () {
      const visited = yield* scene()
      const { bot, page } = visited
      yield* choose(page, "Ann")
      yield* write(page, "stream")
      yield* act(() => page.getByText("is typing…").first().waitFor())
      yield* bot.write("Once upon a time ")
      yield* sees(page, "Once upon a time")
      assert.strictEqual(yield* count(page, ".growing"), 1)
      yield* bot.write("there was a bot.")
      yield* sees(page, "Once upon a time there was a bot.")
      yield* bot.write(undefined)
      yield* act(() => page.locator(".growing").waitFor({ state: "detached" }))
      assert.strictEqual(yield* count(page, ".message.from-bot"), 1)
      isClean(visited)
    })
  )

  it.scopedLive("buttons call the bot back, write commands, and are refused to those they are not for", () =>
    Effect.gen(function* () {
      const visited = yield* scene()
      const { page } = visited
      yield* choose(page, "Tea room")
      yield* write(page, "menu")
      yield* act(() => page.getByRole("button", { name: "Green tea" }).click())
      yield* sees(page, "you chose green")
      yield* sees(page, /acknowledged the button with code 0/)
      yield* act(() => page.getByRole("button", { name: "Green tea ✓" }).waitFor())
      yield* act(() => page.getByRole("button", { name: "Ask again" }).click())
      const written = act(() => page.getByRole("textbox", { name: "Write a message" }).inputValue())
      yield* Effect.repeat(written, { until: (text) => text === "menu" })
      yield* act(() => page.getByRole("combobox", { name: "as" }).selectOption({ label: "陈晨" }))
      yield* act(() => page.getByRole("button", { name: "Only admins" }).click())
      yield* act(() => page.getByText("This button is not for you").waitFor())
      yield* act(() => page.getByRole("combobox", { name: "as" }).selectOption({ label: "Bo (admin)" }))
      yield* act(() => page.getByRole("button", { name: "Only admins" }).click())
      yield* sees(page, "you chose close")
      isClean(visited)
    })
  )

  it.scopedLive("pictures go both ways, and the bot can fetch what was attached", () =>
    Effect.gen(function* () {
      const visited = yield* scene()
      const { page, sandbox } = visited
      yield* choose(page, "Ann")
      const directory = yield* Live.temporaryDirectory
      const file = Path.join(directory, "cup.png")
      Fs.writeFileSync(file, PageBot.picture(40, 30))
      yield* act(() => page.getByLabel("Attach an image, a voice message or a file").setInputFiles(file))
      yield* act(() => page.locator(".staged").getByText("cup.png").waitFor())
      yield* write(page, "look")
      yield* sees(page, "you sent image cup.png")
      yield* write(page, "picture")
      yield* sees(page, "a picture of tea")
      const widths = act(() =>
        page.locator(".image img").evaluateAll((images) => images.map((image) => Reflect.get(image, "naturalWidth")))
      )
      yield* Effect.repeat(widths, { until: (all) => all.length === 2 && all.every((width) => width > 0) })
      assert.deepStrictEqual(yield* widths, [40, 280])
      const url = yield* act(() => page.locator(".image").first().getAttribute("href"))
      const fetched = yield* act(() => fetch(url ?? ""))
      assert.strictEqual(fetched.headers.get("content-type"), "image/png")
      assert.isTrue(sandbox.model.sent.some(({ file: uuid }) => uuid !== undefined))
      isClean(visited)
    })
  )

  it.scopedLive("a message that the platform refuses is shown with why, and the fault is over", () =>
    Effect.gen(function* () {
      const visited = yield* scene()
      const { page } = visited
      yield* choose(page, "Ann")
      yield* act(async () => {
        await page.getByRole("tab", { name: "Faults" }).click()
        await page.getByLabel("Code").fill("40034006")
        await page.getByRole("button", { name: "Refuse sends" }).click()
        await page.getByText("RefuseMessage").first().waitFor()
      })
      yield* write(page, "forbidden")
      yield* sees(page, "Refused · 40034006")
      yield* write(page, "allowed")
      yield* sees(page, "you said: allowed")
      yield* act(async () => {
        await page.getByRole("tab", { name: "Journal" }).click()
        await page.getByRole("searchbox").fill("40034006")
        await page
          .getByRole("button", { name: /POST \/v2\/users\/u1\/messages/ })
          .first()
          .click()
        await page.locator(".detail").getByText("you said: forbidden").waitFor()
      })
      isClean(visited)
    })
  )

  it.scopedLive("a close code ends the connection, the bot comes back, and the page shows both", () =>
    Effect.gen(function* () {
      const { page, sandbox } = yield* scene()
      yield* choose(page, "Ann")
      yield* act(async () => {
        await page.getByRole("tab", { name: "Faults" }).click()
        await page.getByRole("button", { name: "4009", exact: true }).click()
        await page.getByRole("tab", { name: "Session" }).click()
        await page.locator(".panel").getByText("4009 by the platform").waitFor()
        await page.locator(".panel").getByText("Ready").waitFor()
      })
      yield* eventually("the resume", () => sandbox.model.counters().resumesAccepted === 1)
      yield* write(page, "back again")
      yield* sees(page, "you said: back again")
    })
  )

  it.scopedLive("a page that is reloaded keeps its session, its conversation and what was said", () =>
    Effect.gen(function* () {
      const visited = yield* scene()
      const { page } = visited
      yield* choose(page, "Bo")
      yield* write(page, "remember me")
      yield* sees(page, "you said: remember me")
      yield* act(() => page.reload())
      yield* sees(page, "you said: remember me")
      assert.notInclude(page.url(), "token")
      isClean(visited)
    })
  )

  it.scopedLive("the address opens one browser; a page makes the address for another, and both see the same", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      yield* PageBot.start(sandbox)
      const browser = yield* launch
      const url = yield* sandbox.pageUrl
      const { page: first, context } = yield* visit(browser, url, {
        permissions: ["clipboard-read", "clipboard-write"]
      })
      yield* act(() => first.getByText("Bot online").waitFor())
      const { page: stranger } = yield* visit(browser, url)
      yield* act(() => stranger.getByText("This browser has no session").waitFor())
      yield* act(() => first.getByRole("button", { name: "Another browser" }).click())
      yield* act(() => first.getByText("An address for one more browser was copied").waitFor())
      const address = yield* act(() => first.evaluate<string>("navigator.clipboard.readText()"))
      yield* act(() => stranger.goto(address))
      yield* act(() => stranger.getByText("Bot online").waitFor())
      const second = yield* act(() => context.newPage())
      yield* act(() => second.goto(sandbox.apiUrl))
      for (const page of [first, second, stranger]) yield* choose(page, "Ann")
      yield* write(first, "everybody sees this")
      for (const page of [first, second, stranger]) yield* sees(page, "you said: everybody sees this")
    })
  )

  it.scopedLive("whom the bot mentions is shown by name", () =>
    Effect.gen(function* () {
      const { page } = yield* scene()
      yield* choose(page, "Tea room")
      yield* write(page, "who")
      yield* act(() => log(page).locator(".mention", { hasText: /^@Bo$/ }).waitFor())
      yield* act(() => page.getByRole("navigation").getByText("demo-bot: @Bo knows").waitFor())
    })
  )

  it.scopedLive("hostile text stays text, in messages, names and markdown, and marks of direction are shown", () =>
    Effect.gen(function* () {
      const visited = yield* scene()
      const { page, sandbox } = visited
      const hostile = '<img src=x onerror="document.title=1"> \u202Egnp.exe\u202C <script>alert(1)</script>'
      yield* sandbox.say({ scene: "c2c", user: "u9", username: "<b>Mallory</b>\u202E", text: hostile })
      yield* choose(page, "<b>Mallory</b>")
      yield* sees(page, /^you said: <img src=x onerror="document\.title=1">/)
      yield* choose(page, "Tea room")
      yield* write(page, "menu")
      yield* sees(page, /<img src=x onerror=alert\(1\)>/)
      yield* choose(page, "<b>Mallory</b>")
      assert.strictEqual(yield* count(page, ".stream img, .stream script, .stream b > b"), 0)
      assert.isAtLeast(yield* count(page, ".invisible"), 2)
      assert.strictEqual(yield* act(() => page.locator(".invisible").first().innerText()), "U+202E")
      assert.strictEqual(yield* act(() => page.title()), "effect-qq sandbox")
      isClean(visited)
    })
  )

  it.scopedLive("what the bot recalls is marked as recalled", () =>
    Effect.gen(function* () {
      const { page } = yield* scene()
      yield* choose(page, "Ann")
      yield* write(page, "recall")
      yield* act(() => page.locator(".message.gone").getByText("recalled").waitFor())
    })
  )

  it.scopedLive("the page speaks Chinese and is dark where that is asked for, and is used by keyboard", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const browser = yield* launch
      const { page } = yield* visit(browser, yield* sandbox.pageUrl, { locale: "zh-CN", colorScheme: "dark" })
      yield* act(() => page.getByText("机器人离线").waitFor())
      assert.strictEqual(yield* act(() => page.evaluate<string>("document.documentElement.lang")), "zh-CN")
      const background = "getComputedStyle(document.body).backgroundColor"
      assert.strictEqual(yield* act(() => page.evaluate<string>(background)), "rgb(15, 18, 24)")
      yield* act(async () => {
        await page.getByRole("tab", { name: "会话" }).focus()
        await page.keyboard.press("ArrowRight")
        await page.getByRole("searchbox", { name: "筛选" }).waitFor()
        await page.getByRole("button", { name: "添加群" }).focus()
        await page.keyboard.press("Enter")
        await page.locator("dialog input[name=name]:focus").waitFor()
        await page.keyboard.type("新群")
        await page.keyboard.press("Enter")
        await page.locator(".bar").getByText("新群").waitFor()
      })
      assert.isTrue(sandbox.model.journal.some((entry) => entry.kind === "Said" && entry.type === "GROUP_ADD_ROBOT"))
    })
  )
})
