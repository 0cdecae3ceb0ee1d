/** What is written in a new project, by language. */
import type { Language, Scene } from "./Project.ts"

/** The texts of one language. */
export interface Texts {
  readonly answerDoc: string
  readonly handlerDoc: string
  readonly welcomeDoc: string
  readonly transportDoc: string
  readonly youSaid: (text: string) => string
  readonly hello: string
  readonly scenes: { readonly [S in Scene]: string }
  readonly answersIn: (scene: string) => string
  readonly pings: string
  readonly loses: string
  readonly sandboxDoc: string
  readonly readme: (name: string) => string
}

const en: Texts = {
  answerDoc: "What the bot says to a message. Plain functions are the easiest to test.",
  handlerDoc: "Runs for every message that is meant for the bot.",
  welcomeDoc: "Greets a user who adds the bot as a friend.",
  transportDoc: "How events arrive; the sandbox has no webhook, so .env.sandbox says `websocket`.",
  youSaid: (text) => `you said: ${text}`,
  hello: "Hello! Write something to me.",
  scenes: { c2c: "private chats", group: "groups", channel: "channels", dm: "private chats of guilds" },
  answersIn: (scene) => `answers in ${scene}`,
  pings: "answers /ping with pong",
  loses: "answers what was said while the line was down",
  sandboxDoc: "The platform on your own machine: `npm run sandbox`. These are no secrets.",
  readme: (name) => `# ${name}

A QQ bot with [effect-qq](https://github.com/effect-qq/effect-qq).

\`\`\`sh
npm install
npm test               # tests it against a model of the platform
npm run check          # type-checks it
\`\`\`

Without an account, in three terminals:

\`\`\`sh
npm run sandbox
npm run dev:sandbox
npx effect-qq say --user u1 "hi"
\`\`\`

With one: copy \`.env.example\` to \`.env\`, fill in the AppID and the secret from the [console](https://q.qq.com), then

\`\`\`sh
npm run doctor         # says what is wrong, if anything is
npm run dev
\`\`\`

In production: \`npm run build && npm start\`, or the \`Dockerfile\`. Keep the state directory (\`QQ_STATE_DIR\`): with it a restart continues where the last process stopped.
`
}

const zh: Texts = {
  answerDoc: "机器人怎么回答一条消息。纯函数最好测试。",
  handlerDoc: "每一条发给机器人的消息都会运行它。",
  welcomeDoc: "用户加机器人为好友时打个招呼。",
  transportDoc: "事件从哪里来。沙箱没有 webhook，所以 .env.sandbox 里写的是 `websocket`。",
  youSaid: (text) => `你说：${text}`,
  hello: "你好！随便说点什么吧。",
  scenes: { c2c: "单聊", group: "群", channel: "子频道", dm: "频道私信" },
  answersIn: (scene) => `在${scene}里回复`,
  pings: "用 pong 回答 /ping",
  loses: "断线期间的消息恢复之后会回复",
  sandboxDoc: "本机上的平台：npm run sandbox。这里没有秘密。",
  readme: (name) => `# ${name}

用 [effect-qq](https://github.com/effect-qq/effect-qq) 写的 QQ 机器人。

\`\`\`sh
npm install
npm test               # 在平台模型上测试
npm run check          # 类型检查
\`\`\`

没有账号时，开三个终端：

\`\`\`sh
npm run sandbox
npm run dev:sandbox
npx effect-qq say --user u1 "你好"
\`\`\`

有账号时：把 \`.env.example\` 复制成 \`.env\`，填上[控制台](https://q.qq.com)里的 AppID 和密钥，然后

\`\`\`sh
npm run doctor         # 有问题的话，会告诉你是什么问题
npm run dev
\`\`\`

上线：\`npm run build && npm start\`，或使用 \`Dockerfile\`。请保留状态目录（\`QQ_STATE_DIR\`），重启之后才能接着上次的位置继续。
`
}

export const texts: { readonly [L in Language]: Texts } = { en, zh }
