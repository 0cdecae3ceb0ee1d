/** The entry of the bin `create-effect-qq`: asks, and writes the files. Exit code 0 when they were written, 1 otherwise. */
import * as prompts from "@clack/prompts"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import * as Files from "./Files.ts"
import * as Project from "./Project.ts"

const usage = `create-effect-qq [NAME] [options]

  --transport websocket|webhook|both   how events arrive (default: websocket)
  --scenes c2c,group,channel,dm        where the bot talks (default: c2c,group)
  --language en|zh                     of questions, comments and the README (default: that of the system)
  --yes                                asks nothing, takes defaults
  --help                               prints this
`

/** Something that the user has to correct. */
class Misused extends Error {}

/** The user has left the questions. */
class Cancelled extends Error {}

const read = (argv: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        transport: { type: "string" },
        scenes: { type: "string" },
        language: { type: "string" },
        yes: { type: "boolean", short: "y", default: false },
        help: { type: "boolean", short: "h", default: false }
      }
    })
  } catch (error) {
    throw new Misused(error instanceof Error ? error.message : String(error))
  }
}

const systemLanguage = (): Project.Language => {
  const named = process.env["LC_ALL"] ?? process.env["LC_MESSAGES"] ?? process.env["LANG"]
  return (named ?? Intl.DateTimeFormat().resolvedOptions().locale).toLowerCase().startsWith("zh") ? "zh" : "en"
}

const questions = {
  en: {
    name: "What is the name of the bot?",
    transport: "How do events arrive?",
    transports: {
      websocket: ["WebSocket", "the bot connects to the platform; no public address is needed"],
      webhook: ["Webhook", "the platform calls the bot by HTTPS"],
      both: ["Both", "each event is handled once"]
    },
    scenes: "Where does the bot talk?",
    places: { c2c: "private chats", group: "groups", channel: "channels of guilds", dm: "private chats of guilds" },
    cancelled: "nothing was written",
    next: "What to do next"
  },
  zh: {
    name: "机器人叫什么名字？",
    transport: "事件怎么来？",
    transports: {
      websocket: ["WebSocket", "机器人主动连接平台，不需要公网地址"],
      webhook: ["Webhook", "平台通过 HTTPS 回调机器人"],
      both: ["两者都要", "每个事件只处理一次"]
    },
    scenes: "在哪些场景说话？",
    places: { c2c: "单聊", group: "群", channel: "子频道", dm: "频道私信" },
    cancelled: "什么都没有写入",
    next: "接下来"
  }
} as const

const answered = <A>(answer: A): Exclude<A, symbol> => {
  if (prompts.isCancel(answer)) throw new Cancelled()
  return answer as Exclude<A, symbol>
}

const ask = async (known: Partial<Project.Project>, language: Project.Language): Promise<Project.Project> => {
  const say = questions[language]
  const name =
    known.name ??
    answered(
      await prompts.text({
        message: say.name,
        initialValue: Project.defaults.name,
        validate: (text) => Project.nameProblem(text ?? "")
      })
    )
  const transport =
    known.transport ??
    answered(
      await prompts.select<Project.Transport>({
        message: say.transport,
        options: Project.transports.map((value) => {
          const [label, hint] = say.transports[value]
          return { value, label, hint }
        })
      })
    )
  const scenes =
    known.scenes ??
    answered(
      await prompts.multiselect<Project.Scene>({
        message: say.scenes,
        options: Project.scenes.map((value) => ({ value, label: say.places[value] })),
        initialValues: [...Project.defaults.scenes],
        required: true
      })
    )
  return { name, transport, scenes: Project.scenes.filter((scene) => scenes.includes(scene)), language }
}

const ownVersion = (): string => {
  const manifest: unknown = JSON.parse(Fs.readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : undefined
  if (typeof version !== "string") throw new Error("the manifest of create-effect-qq has no version")
  return version
}

/** Only what a new repository has: nothing of the user's is overwritten. */
const isEmpty = (directory: string): boolean =>
  !Fs.existsSync(directory) || Fs.readdirSync(directory).every((entry) => entry === ".git")

const write = (project: Project.Project): string => {
  const directory = Path.resolve(project.name)
  if (!isEmpty(directory)) throw new Misused(`${directory} is not empty`)
  for (const [path, text] of Files.of(project, { own: ownVersion() })) {
    const file = Path.join(directory, ...path.split("/"))
    Fs.mkdirSync(Path.dirname(file), { recursive: true })
    Fs.writeFileSync(file, text)
  }
  return directory
}

const given = <A>(name: string, text: string | undefined, from: (text: string) => A | undefined): A | undefined => {
  if (text === undefined) return undefined
  const value = from(text)
  if (value === undefined) throw new Misused(`--${name} cannot be ${JSON.stringify(text)}`)
  return value
}

const run = async (argv: ReadonlyArray<string>): Promise<void> => {
  const { positionals, values } = read(argv)
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const [name, ...more] = positionals
  if (more.length > 0) throw new Misused(`one name is enough: ${positionals.join(" ")}`)
  const problem = name === undefined ? undefined : Project.nameProblem(name)
  if (problem !== undefined) throw new Misused(`the name ${problem}`)
  const language =
    given("language", values.language, (text) => (text === "en" || text === "zh" ? text : undefined)) ??
    systemLanguage()
  const transport = given("transport", values.transport, Project.transportFrom)
  const scenes = given("scenes", values.scenes, Project.scenesFrom)
  const known = {
    ...(name === undefined ? {} : { name }),
    ...(transport === undefined ? {} : { transport }),
    ...(scenes === undefined ? {} : { scenes })
  }
  if (!values.yes && !process.stdin.isTTY) throw new Misused("there is no terminal to ask in: use --yes")
  const project = values.yes ? { ...Project.defaults, language, ...known } : await ask(known, language)
  write(project)
  const steps = [`cd ${project.name}`, "npm install", "npm test", "npm run sandbox"]
  process.stdout.write(`\n${questions[language].next}:\n\n${steps.map((step) => `  ${step}\n`).join("")}\n`)
}

try {
  await run(process.argv.slice(2))
} catch (error) {
  process.exitCode = 1
  if (error instanceof Cancelled) process.stdout.write(`${questions[systemLanguage()].cancelled}\n`)
  else if (error instanceof Misused) process.stderr.write(`create-effect-qq: ${error.message}\n`)
  else throw error
}
