/** Pictures of the sandbox page, for the documentation. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Page } from "playwright-core"
import { act, launch, visit } from "./browser.ts"
import * as Live from "./live.ts"
import * as PageBot from "./pageBot.ts"

const directory = process.env["EFFECT_QQ_SCREENSHOTS"] ?? "docs/images"

const choose = (page: Page, name: string) =>
  act(() => page.locator(".entry", { has: page.locator("b", { hasText: name }) }).click())

const write = (page: Page, text: string) =>
  act(async () => {
    await page.locator("textarea").fill(text)
    await page.keyboard.press("Enter")
  })

const sees = (page: Page, text: string | RegExp) => act(() => page.locator(".stream").getByText(text).first().waitFor())

const speakAs = (page: Page, label: string) => act(() => page.locator(".speaker select").selectOption({ label }))

const openTab = (page: Page, name: string) => act(() => page.locator(`#tab-${name}`).click())

const shoot = (page: Page, name: string) =>
  act(async () => {
    await page.mouse.move(0, 0)
    await page.evaluate("document.activeElement?.blur?.()")
    await page.screenshot({ path: Path.join(directory, `${name}.png`), animations: "disabled" })
  })

it.scopedLive("pictures of the page", () =>
  Effect.gen(function* () {
    Fs.mkdirSync(directory, { recursive: true })
    const sandbox = yield* Live.sandbox()
    const bot = yield* PageBot.start(sandbox)
    const browser = yield* launch
    const open = (locale: string, colorScheme: "light" | "dark") =>
      Effect.gen(function* () {
        const { page } = yield* visit(browser, yield* sandbox.pageUrl, {
          locale,
          colorScheme,
          viewport: { width: 1360, height: 860 },
          timezoneId: "Asia/Shanghai"
        })
        yield* act(() => page.locator(".pill.good").waitFor())
        return page
      })
    const page = yield* open("en-GB", "light")

    yield* choose(page, "Tea room")
    yield* write(page, "good morning, is anyone up for tea?")
    yield* sees(page, "you said: good morning")
    yield* speakAs(page, "Bo (admin)")
    yield* act(() => page.locator(".chip", { hasText: "@demo-bot" }).click())
    yield* write(page, "@Ann in ten minutes!")
    yield* sees(page, "in ten minutes!")
    yield* act(() => page.locator(".chip", { hasText: "@demo-bot" }).click())
    yield* speakAs(page, "Ann (owner)")
    yield* write(page, "menu")
    yield* sees(page, "What shall we drink?")
    yield* act(() => page.locator(".key", { hasText: "Green tea" }).click())
    yield* sees(page, "you chose green")
    yield* shoot(page, "sandbox-buttons")

    yield* choose(page, "Ann")
    yield* write(page, "hello")
    yield* sees(page, "you said: hello")
    yield* write(page, "picture")
    yield* sees(page, "a picture of tea")
    yield* openTab(page, "journal")
    yield* act(() => page.locator(".lines .line", { hasText: "POST /v2/users/u1/messages" }).first().click())
    yield* shoot(page, "sandbox-chat")

    yield* choose(page, "Bo")
    yield* openTab(page, "session")
    yield* write(page, "stream")
    yield* act(() => page.locator(".typing").waitFor())
    yield* bot.write("Steep the leaves for three minutes at 80 °C, then pour. ")
    yield* sees(page, "Steep the leaves")
    yield* bot.write("A second infusion takes a little longer, and a third ")
    yield* sees(page, "and a third")
    yield* shoot(page, "sandbox-stream")
    yield* bot.write(undefined)
    yield* act(() => page.locator(".growing").waitFor({ state: "detached" }))

    yield* openTab(page, "faults")
    yield* act(() => page.locator(".often label").nth(2).click())
    yield* act(() => page.getByRole("button", { name: "Expire msg_id" }).click())
    yield* act(() => page.locator(".armed").waitFor())
    yield* write(page, "are you still there?")
    yield* sees(page, /Refused · 40034005/)
    yield* act(() => page.locator(".toast").waitFor({ state: "detached" }))
    yield* shoot(page, "sandbox-faults")
    yield* act(() => page.locator(".armed .danger").click())

    const dark = yield* open("zh-CN", "dark")
    yield* choose(dark, "Tea room")
    yield* openTab(dark, "faults")
    yield* shoot(dark, "sandbox-dark-zh")
    const chinese = yield* open("zh-CN", "light")
    yield* choose(chinese, "Tea room")
    yield* openTab(chinese, "session")
    yield* shoot(chinese, "sandbox-zh")
    if (process.env["EFFECT_QQ_SCREENSHOTS"] !== undefined) {
      yield* act(() => chinese.locator(".bar .icon").click())
      yield* shoot(chinese, "sandbox-members-zh")
      yield* act(() => page.setViewportSize({ width: 430, height: 860 }))
      yield* act(() => page.locator(".top .icon").last().click())
      yield* shoot(page, "sandbox-narrow")
    }
  })
)
