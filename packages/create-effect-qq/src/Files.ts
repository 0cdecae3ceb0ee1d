/**
 * The files of a new project, as text. Pure: the same project gives the same files.
 *
 * @since 0.1.0
 */
import type { Project, Scene } from "./Project.ts"
import { texts } from "./Texts.ts"

/**
 * Versions that a new project is made for. `own` is that of the packages of effect-qq, which are released together.
 *
 * @since 0.1.0
 * @category models
 */
export interface Versions {
  readonly own: string
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** As a literal of the generated source. */
const quoted = (text: string): string => JSON.stringify(text)

const hasWebhook = ({ transport }: Project): boolean => transport !== "websocket"

const manifest = (project: Project, versions: Versions): string =>
  json({
    name: project.name,
    version: "0.0.0",
    private: true,
    type: "module",
    engines: { node: ">=20.19.0" },
    scripts: {
      dev: "tsx watch --env-file=.env src/main.ts",
      sandbox: "effect-qq sandbox",
      doctor: "node --env-file=.env node_modules/@effect-qq/cli/bin/effect-qq.mjs doctor",
      "dev:sandbox": "tsx watch --env-file=.env.sandbox src/main.ts",
      check: "tsc --noEmit",
      test: "vitest run",
      build: "tsc -p tsconfig.build.json",
      start: "node --env-file=.env dist/main.js"
    },
    dependencies: {
      "@effect-qq/core": `^${versions.own}`,
      "@effect-qq/node": `^${versions.own}`,
      "@effect/platform": "^0.97.2",
      "@effect/platform-node": "^0.108.2",
      effect: "^3.22.4"
    },
    devDependencies: {
      "@effect-qq/cli": `^${versions.own}`,
      "@effect/vitest": "^0.30.0",
      "@types/node": "^20.19.25",
      tsx: "^4.23.0",
      typescript: "^5.9.3",
      vitest: "^3.2.7"
    }
  })

const compilerOptions = json({
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023"],
    module: "NodeNext",
    moduleDetection: "force",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noFallthroughCasesInSwitch: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: true,
    noEmit: true,
    skipLibCheck: true
  },
  include: ["src", "test"]
})

const buildOptions = json({
  extends: "./tsconfig.json",
  compilerOptions: { noEmit: false, rootDir: "src", outDir: "dist", sourceMap: true },
  include: ["src"]
})

const bot = ({ language, scenes }: Project): string => {
  const say = texts[language]
  const welcomes = scenes.includes("c2c")
  const welcome = `
/** ${say.welcomeDoc} */
const Welcome = Gateway.on("FRIEND_ADD", (event) => Messenger.reply(event, Message.text(${quoted(say.hello)})))
`
  return `import { Gateway, Message, Messenger } from "@effect-qq/core"
import { Layer } from "effect"

/** ${say.answerDoc} */
export const answerTo = (text: string): string => (text === "/ping" ? "pong" : \`${say.youSaid("${text}")}\`)

/** ${say.handlerDoc} */
const Answer = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(answerTo(text))), {
  name: "answer",
  scenes: [${scenes.map(quoted).join(", ")}]
})
${welcomes ? welcome : ""}
export const Bot = Layer.mergeAll(${welcomes ? "Answer, Welcome" : "Answer"})
`
}

const main = (project: Project): string => {
  if (!hasWebhook(project)) {
    return `import { Gateway } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { Bot } from "./bot.ts"

NodeRuntime.runMain(Gateway.run(Bot).pipe(Effect.provide(NodeBot.layerConfig())))
`
  }
  return `import { Gateway } from "@effect-qq/core"
import { NodeBot, NodeWebhook } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Effect, Layer } from "effect"
import { Bot } from "./bot.ts"

/** ${texts[project.language].transportDoc} */
const transport = Config.literal("websocket", "webhook", "both")("BOT_TRANSPORT").pipe(
  Config.withDefault(${quoted(project.transport)} as const)
)

const Platform = Layer.unwrapEffect(
  Effect.map(transport, (transport) => {
    const Connection = NodeBot.layerConfig({ transport })
    return transport === "websocket" ? Connection : Layer.provideMerge(NodeWebhook.layerConfig(), Connection)
  })
)

NodeRuntime.runMain(Gateway.run(Bot).pipe(Effect.provide(Platform)))
`
}

const said: { readonly [S in Scene]: (text: string) => string } = {
  c2c: (text) => `privateMessage({ user: "u1", text: ${quoted(text)} })`,
  group: (text) => `groupMessage({ group: "g1", text: ${quoted(text)} })`,
  channel: (text) => `channelMessage({ channel: "100", text: ${quoted(text)} })`,
  dm: (text) => `directMessage({ guild: "200", text: ${quoted(text)} })`
}

const test = ({ language, scenes }: Project): string => {
  const say = texts[language]
  const [first = "c2c"] = scenes
  const answers = scenes.map(
    (scene) => `
it.effect(${quoted(say.answersIn(say.scenes[scene]))}, () =>
  Effect.gen(function* () {
    const platform = yield* TestPlatform.TestPlatform
    yield* Effect.forkScoped(Gateway.run(Bot))
    yield* Gateway.ready
    yield* platform.${said[scene]("hi")}
    const [answer] = yield* platform.awaitSent(1)
    assert.strictEqual(answer?.content, ${quoted(say.youSaid("hi"))})
  }).pipe(Effect.scoped, Effect.provide(TestPlatform.layer()))
)
`
  )
  return `import { Gateway } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import { assert, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { answerTo, Bot } from "../src/bot.ts"

it(${quoted(say.pings)}, () => {
  assert.strictEqual(answerTo("/ping"), "pong")
})
${answers.join("")}
it.effect(${quoted(say.loses)}, () =>
  Effect.gen(function* () {
    const platform = yield* TestPlatform.TestPlatform
    yield* Effect.forkScoped(Gateway.run(Bot))
    yield* Gateway.ready
    yield* platform.inject(Fault.drop())
    yield* platform.${said[first]("still there?")}
    yield* TestClock.adjust("2 seconds")
    const [answer] = yield* platform.awaitSent(1)
    assert.strictEqual(answer?.content, ${quoted(say.youSaid("still there?"))})
  }).pipe(Effect.scoped, Effect.provide(TestPlatform.layer()))
)
`
}

const dockerfile = (project: Project): string => `FROM node:22-slim AS build
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:22-slim
ENV NODE_ENV=production QQ_STATE_DIR=/state
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir /state && chown node:node /state
USER node
VOLUME /state
${hasWebhook(project) ? "EXPOSE 8080\n" : ""}CMD ["node", "dist/main.js"]
`

const environment = (project: Project): string =>
  [
    "QQ_APP_ID=",
    "QQ_APP_SECRET=",
    "# QQ_STATE_DIR=/var/lib/my-bot",
    "# HTTPS_PROXY=http://127.0.0.1:7890",
    ...(hasWebhook(project)
      ? [`BOT_TRANSPORT=${project.transport}`, "QQ_WEBHOOK_PORT=8080", "QQ_WEBHOOK_PATH=/webhook"]
      : []),
    ""
  ].join("\n")

const sandboxEnvironment = (project: Project): string =>
  [
    `# ${texts[project.language].sandboxDoc}`,
    "QQ_API_URL=http://127.0.0.1:8787",
    "QQ_TOKEN_URL=http://127.0.0.1:8787/app/getAppAccessToken",
    "QQ_APP_ID=1905000001",
    "QQ_APP_SECRET=sandbox-secret",
    "QQ_STATE_DIR=.state",
    ...(hasWebhook(project) ? ["BOT_TRANSPORT=websocket"] : []),
    ""
  ].join("\n")

/**
 * Path → text, with `/` between directories.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (project: Project, versions: Versions): ReadonlyMap<string, string> =>
  new Map([
    ["package.json", manifest(project, versions)],
    ["tsconfig.json", compilerOptions],
    ["tsconfig.build.json", buildOptions],
    ["src/bot.ts", bot(project)],
    ["src/main.ts", main(project)],
    ["test/bot.test.ts", test(project)],
    ["Dockerfile", dockerfile(project)],
    [".dockerignore", "node_modules\ndist\n.env\n.env.*\n.state\n.git\n"],
    [".env.example", environment(project)],
    [".env.sandbox", sandboxEnvironment(project)],
    [".gitignore", "node_modules/\ndist/\n.env\n.state/\n*.log\n"],
    ["README.md", texts[project.language].readme(project.name)]
  ])
