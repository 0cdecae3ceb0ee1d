/** Chromium, for tests of the page. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"
import type * as Scope from "effect/Scope"

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

/** Where Chromium is on this machine. */
export const executable = [process.env["CHROMIUM_PATH"], ...places].find(
  (path) => path !== undefined && path !== "" && Fs.existsSync(path)
)

/** Whether a missing browser is a failure, and no reason to skip: where the checks of a change run. */
export const isRequired = process.env["EFFECT_QQ_CHROMIUM"] === "required"

export const isSkipped = executable === undefined && !isRequired

if (isSkipped) {
  process.stderr.write(
    "The tests of the sandbox page are skipped: there is no Chromium; install it with `apt-get install chromium`, or name it in CHROMIUM_PATH\n"
  )
}

/** A promise of the browser. */
export const act = <A>(what: () => Promise<A>): Effect.Effect<A> => Effect.promise(what)

/** A browser of its own. */
export const launch: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  act(() =>
    chromium.launch({
      ...(executable === undefined ? {} : { executablePath: executable }),
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    })
  ),
  (browser) => act(() => browser.close())
)

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** The addresses on other hosts that the page asked for. */
  readonly strangers: ReadonlyArray<string>
  /** What the console of the page said was wrong. */
  readonly complaints: ReadonlyArray<string>
}

/** A fresh profile that opens an address. */
export const visit = (
  browser: Browser,
  url: string,
  options: Parameters<Browser["newContext"]>[0] = {}
): Effect.Effect<Visit, never, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.acquireRelease(
      act(() => browser.newContext({ locale: "en-GB", viewport: { width: 1360, height: 860 }, ...options })),
      (opened) => act(() => opened.close())
    )
    const page = yield* act(() => context.newPage())
    page.setDefaultTimeout(20_000)
    const strangers: Array<string> = []
    const complaints: Array<string> = []
    const { host } = new URL(url)
    page.on("request", (request) => {
      const asked = new URL(request.url())
      if (asked.protocol !== "data:" && asked.protocol !== "blob:" && asked.host !== host) strangers.push(request.url())
    })
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text())
    })
    yield* act(() => page.goto(url))
    return { page, context, strangers, complaints }
  })
