import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig, type DefaultTheme } from "vitepress"

const repository = "https://github.com/effect-qq/effect-qq"

const site = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")

/** Entry of the reference → its modules, once the reference has been made. */
const modulesOf = (entry: string): Array<DefaultTheme.SidebarItem> => {
  const directory = path.join(site, "api", entry)
  if (!fs.existsSync(directory)) return []
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(".md") && name !== "index.md")
    .map((name) => name.slice(0, -".md".length))
    .toSorted()
    .map((name) => ({ text: name, link: `/api/${entry}/${name}` }))
}

/** A page that comes with a package of its own, where that is there. */
const pageOf = (text: string, link: string): Array<DefaultTheme.SidebarItem> =>
  fs.existsSync(path.join(site, `${link}.md`)) ? [{ text, link }] : []

const reference: Array<DefaultTheme.SidebarItem> = [
  ...["core", "core/testing", "node", "cli", "cli/sandbox", "cluster"]
    .map((entry) => ({ text: `@effect-qq/${entry}`, collapsed: entry !== "core", items: modulesOf(entry) }))
    .filter(({ items }) => items.length > 0),
  { text: "Guides", link: "/start" },
  { text: "中文指南", link: "/zh/start" }
]

const english: Array<DefaultTheme.SidebarItem> = [
  {
    text: "Begin",
    items: [
      { text: "A bot in ten minutes", link: "/start" },
      { text: "Configuration", link: "/guide/configuration" },
      { text: "Events and handlers", link: "/guide/events" }
    ]
  },
  {
    text: "Guides",
    items: [
      { text: "Messages", link: "/guide/messages" },
      { text: "Streams and LLMs", link: "/guide/streams" },
      { text: "Images, video and files", link: "/guide/media" },
      { text: "Commands", link: "/guide/commands" },
      { text: "Keyboards", link: "/guide/keyboards" },
      { text: "Dialogues", link: "/guide/dialogues" },
      { text: "Groups that share every message", link: "/guide/groups" },
      { text: "The rest of the API", link: "/guide/endpoints" }
    ]
  },
  {
    text: "In production",
    items: [
      { text: "Webhook", link: "/guide/webhook" },
      { text: "Deployment", link: "/guide/deployment" },
      { text: "Several bots and shards", link: "/guide/several-bots" },
      ...pageOf("More than one machine", "/guide/cluster"),
      { text: "Metrics, spans and logs", link: "/guide/metrics" },
      { text: "Tools", link: "/guide/tools" }
    ]
  },
  {
    text: "Tests",
    items: [
      { text: "The sandbox", link: "/guide/sandbox" },
      { text: "Test your bot", link: "/guide/testing" },
      { text: "Simulate your bot", link: "/guide/simulation" }
    ]
  },
  {
    text: "Reference",
    items: [
      { text: "What goes wrong, what happens", link: "/troubles" },
      { text: "Close codes and API codes", link: "/codes" },
      { text: "Moving from another library", link: "/migration" },
      { text: "Effect 3 and Effect 4", link: "/effect-versions" },
      { text: "Questions", link: "/faq" },
      { text: "API", link: "/api/" }
    ]
  }
]

const chinese: Array<DefaultTheme.SidebarItem> = [
  {
    text: "入门",
    items: [
      { text: "十分钟写一个机器人", link: "/zh/start" },
      { text: "配置", link: "/zh/guide/configuration" },
      { text: "事件与处理器", link: "/zh/guide/events" }
    ]
  },
  {
    text: "指南",
    items: [
      { text: "消息", link: "/zh/guide/messages" },
      { text: "流式回复与大模型", link: "/zh/guide/streams" },
      { text: "图片、视频和文件", link: "/zh/guide/media" },
      { text: "命令", link: "/zh/guide/commands" },
      { text: "按钮", link: "/zh/guide/keyboards" },
      { text: "多轮对话", link: "/zh/guide/dialogues" },
      { text: "接收全部消息的群", link: "/zh/guide/groups" },
      { text: "其他接口", link: "/zh/guide/endpoints" }
    ]
  },
  {
    text: "上线",
    items: [
      { text: "Webhook", link: "/zh/guide/webhook" },
      { text: "部署", link: "/zh/guide/deployment" },
      { text: "多个机器人与分片", link: "/zh/guide/several-bots" },
      ...pageOf("多台机器", "/zh/guide/cluster"),
      { text: "指标、链路与日志", link: "/zh/guide/metrics" },
      { text: "命令行工具", link: "/zh/guide/tools" }
    ]
  },
  {
    text: "测试",
    items: [
      { text: "沙箱", link: "/zh/guide/sandbox" },
      { text: "测试你的机器人", link: "/zh/guide/testing" },
      { text: "仿真", link: "/zh/guide/simulation" }
    ]
  },
  {
    text: "参考",
    items: [
      { text: "出了问题会怎样", link: "/zh/troubles" },
      { text: "关闭码与错误码", link: "/zh/codes" },
      { text: "从其他框架迁移", link: "/zh/migration" },
      { text: "Effect 3 与 Effect 4", link: "/zh/effect-versions" },
      { text: "常见问题", link: "/zh/faq" },
      { text: "API 文档（英文）", link: "/api/" }
    ]
  }
]

export default defineConfig({
  title: "effect-qq",
  description: "QQ official bots as Effect programs",
  base: "/effect-qq/",
  cleanUrls: true,
  lastUpdated: false,
  metaChunk: true,
  markdown: { theme: { light: "github-light", dark: "github-dark" } },
  themeConfig: {
    search: {
      provider: "local",
      options: {
        // the reference is found by its sidebar; its thousand headings would bury the guides
        _render: (source, env, md) => (env.relativePath.startsWith("api/") ? "" : md.render(source, env)),
        locales: {
          zh: {
            translations: {
              button: { buttonText: "搜索", buttonAriaLabel: "搜索" },
              modal: {
                noResultsText: "没有结果",
                resetButtonTitle: "清除",
                footer: { selectText: "打开", navigateText: "切换", closeText: "关闭" }
              }
            }
          }
        }
      }
    },
    socialLinks: [{ icon: "github", link: repository }]
  },
  locales: {
    root: {
      label: "English",
      lang: "en",
      themeConfig: {
        nav: [
          { text: "Start", link: "/start" },
          { text: "Guides", link: "/guide/messages" },
          { text: "API", link: "/api/" }
        ],
        sidebar: { "/api/": reference, "/": english },
        editLink: { pattern: `${repository}/edit/main/docs/:path`, text: "Edit this page" }
      }
    },
    zh: {
      label: "简体中文",
      lang: "zh-CN",
      description: "用 Effect 编写 QQ 官方机器人",
      themeConfig: {
        nav: [
          { text: "入门", link: "/zh/start" },
          { text: "指南", link: "/zh/guide/messages" },
          { text: "API", link: "/api/" }
        ],
        sidebar: { "/zh/": chinese },
        outline: { label: "本页目录" },
        docFooter: { prev: "上一页", next: "下一页" },
        darkModeSwitchLabel: "外观",
        lightModeSwitchTitle: "切换到浅色",
        darkModeSwitchTitle: "切换到深色",
        sidebarMenuLabel: "目录",
        returnToTopLabel: "回到顶部",
        langMenuLabel: "语言",
        editLink: { pattern: `${repository}/edit/main/docs/:path`, text: "编辑此页" }
      }
    }
  }
})
