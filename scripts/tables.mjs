/**
 * Holds the tables of the documentation that are facts of the source: between `<!-- table: NAME -->` and `<!-- end -->`
 * stands what this script makes of the source's tables, and tables that are written by hand name every metric and every
 * variable of the source. `--write` writes the former. Needs a build.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { filesUnder, packages, pages, root } from "./documents.mjs"
import { classes, closeMeanings, recoveries, scenes } from "./tables-zh.mjs"

const built = (file) => import(new URL(`../packages/core/dist/${file}.js`, import.meta.url))
const CloseCode = await built("gateway/CloseCode")
const ErrorCode = await built("openapi/ErrorCode")
const Intents = await built("gateway/Intents")
const ReplyWindow = await built("messages/ReplyWindow")

/** What follows a close, for the reader of the English table. */
const recoveryHints = {
  resume: "the session lives: reconnect on the ladder and resume it",
  expired: "the connection's time is over: resume at once, not a failure",
  identify: "the session is gone: identify on the identify ladder",
  "refresh-token": "fetch another token, resume once, then identify",
  "slow-down": "wait a minute, then resume",
  "refused-intents": "try the next of `fallbackIntents`, else stop",
  "client-error": "once may be an accident; the second time stop, unless the bot has been online",
  "not-allowed": "stop; a bot that has been online checks again every ten minutes",
  misconfigured: "stop, unless the bot has been online before",
  fatal: "stop: connecting again cannot help"
}

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("{{", "{ {")

const table = (head, rows) =>
  [
    `| ${head.join(" | ")} |`,
    `|${head.map(() => " --- |").join("")}`,
    ...rows.map((row) => `| ${row.join(" | ")} |`)
  ].join("\n")

/** Consecutive codes with the same facts share a row. */
const ranges = (rows) => {
  const found = []
  for (const row of rows) {
    const last = found.at(-1)
    const same = last !== undefined && last.recovery === row.recovery && last.meaning === row.meaning
    if (same && row.code === last.to + 1) last.to = row.code
    else found.push({ ...row, from: row.code, to: row.code })
  }
  return found.map((row) => ({ ...row, codes: row.from === row.to ? String(row.from) : `${row.from}–${row.to}` }))
}

const closeCodes = ranges([...CloseCode.table.values()].toSorted((one, other) => one.code - other.code))
const apiCodes = [...ErrorCode.table.values()].toSorted((one, other) => one.code - other.code)
const window = ({ replies }, unlimited) => (Number.isFinite(replies) ? String(replies) : unlimited)
const minutes = ({ duration }) => Number(duration.value.millis) / 60_000

const complete = (names, texts, what) => {
  const missing = names.filter((name) => texts[name] === undefined)
  if (missing.length > 0) throw new Error(`no text for ${what} ${missing.join(", ")}`)
}
const allRecoveries = [...new Set([...CloseCode.table.values()].map(({ recovery }) => recovery))]
complete(allRecoveries, recoveryHints, "the recoveries")
complete(allRecoveries, recoveries, "the Chinese recoveries")
complete(ErrorCode.classes, classes, "the Chinese classes")
complete([...new Set(closeCodes.map(({ meaning }) => meaning))], closeMeanings, "the Chinese meanings")

const tables = {
  en: {
    windows: () =>
      table(
        ["scene", "window", "replies to one message"],
        Object.entries(ReplyWindow.table).map(([scene, of]) => [
          `\`${scene}\``,
          `${minutes(of)} min`,
          window(of, "no limit")
        ])
      ),
    "close-codes": () =>
      table(
        ["code", "meaning", "recovery", "what you can do"],
        closeCodes.map((row) => [row.codes, cell(row.meaning), `\`${row.recovery}\``, cell(row.hint ?? "")])
      ),
    recoveries: () =>
      table(
        ["recovery", "what the library does"],
        allRecoveries.map((name) => [`\`${name}\``, recoveryHints[name]])
      ),
    classes: () =>
      table(
        ["class", "what it asks for"],
        ErrorCode.classes.map((name) => [`\`${name}\``, cell(ErrorCode.hints[name])])
      ),
    "api-codes": () =>
      table(
        ["code", "class", "meaning"],
        apiCodes.map((row) => [row.code, `\`${row.class}\``, cell(row.meaning)])
      ),
    intents: () =>
      table(
        ["intent", "bit", "events"],
        Object.entries(Intents.eventTypes).map(([name, types]) => [
          `\`${name}\``,
          Math.log2(Intents.Intent[name]),
          types.map((type) => `\`${type}\``).join(" ")
        ])
      )
  },
  zh: {
    windows: () =>
      table(
        ["场景", "时间", "每条消息的回复次数"],
        Object.entries(ReplyWindow.table).map(([scene, of]) => [
          `${scenes[scene]} \`${scene}\``,
          `${minutes(of)} 分钟`,
          window(of, "不限")
        ])
      ),
    "close-codes": () =>
      table(
        ["关闭码", "含义", "恢复方式"],
        closeCodes.map((row) => [row.codes, closeMeanings[row.meaning], `\`${row.recovery}\``])
      ),
    recoveries: () =>
      table(
        ["恢复方式", "库怎么做"],
        allRecoveries.map((name) => [`\`${name}\``, recoveries[name]])
      ),
    classes: () =>
      table(
        ["分类", "怎么办"],
        ErrorCode.classes.map((name) => [`\`${name}\``, classes[name]])
      ),
    "api-codes": () =>
      table(
        ["错误码", "分类", "怎么办"],
        apiCodes.map((row) => [row.code, `\`${row.class}\``, classes[row.class]])
      ),
    intents: () =>
      table(
        ["intent", "位", "事件"],
        Object.entries(Intents.eventTypes).map(([name, types]) => [
          `\`${name}\``,
          Math.log2(Intents.Intent[name]),
          types.map((type) => `\`${type}\``).join(" ")
        ])
      )
  }
}

const write = process.argv.includes("--write")
const problems = []
let count = 0
for (const file of pages) {
  const name = path.relative(path.join(root, "docs"), file).split(path.sep).join("/")
  const language = name.startsWith("zh/") ? "zh" : "en"
  const text = fs.readFileSync(file, "utf8")
  const made = text.replace(/<!-- table: ([\w-]+) -->\n[\s\S]*?<!-- end -->/g, (whole, of) => {
    const make = tables[language][of]
    if (make === undefined) {
      problems.push(`docs/${name}: there is no table ${of}`)
      return whole
    }
    count++
    return `<!-- table: ${of} -->\n\n${make()}\n\n<!-- end -->`
  })
  if (made === text) continue
  if (write) fs.writeFileSync(file, made)
  else problems.push(`docs/${name}: a table is not that of the source; run: node scripts/tables.mjs --write`)
}

/** What a bot is made of; other packages have guides of their own. */
const sources = packages
  .filter((directory) => ["core", "node"].includes(path.basename(directory)))
  .flatMap((directory) => filesUnder(path.join(directory, "src"), ".ts"))
  .map((file) => fs.readFileSync(file, "utf8"))

/** Names of the source that a page has to have, in both languages. */
const mustName = (page, pattern) => {
  const names = new Set(
    sources.flatMap((text) => Array.from(text.matchAll(pattern), ([, name, other]) => name ?? other))
  )
  for (const file of [`docs/${page}`, `docs/zh/${page}`]) {
    const text = fs.readFileSync(path.join(root, file), "utf8")
    for (const name of names) if (!text.includes(`\`${name}\``)) problems.push(`${file} does not name ${name}`)
  }
}
mustName("guide/metrics.md", /"(qq_[a-z][a-z_]+)"/g)
mustName("guide/configuration.md", /Config\.\w+\("((?:QQ_|HTTPS?_PROXY)[A-Z_]*)"\)|setting\("(QQ_[A-Z_]+)"/g)

for (const problem of problems) process.stdout.write(`${problem}\n`)
process.stdout.write(`${count} tables\n`)
process.exitCode = problems.length === 0 ? 0 : 1
