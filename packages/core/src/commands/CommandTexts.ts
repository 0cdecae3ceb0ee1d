/**
 * What commands say by themselves: their help, and the reply to what is wrong.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as MessageView from "../events/MessageView.ts"
import type * as Argument from "./Argument.ts"
import * as DurationText from "./DurationText.ts"

/**
 * The texts of one language. What users wrote comes in shortened, on one line.
 *
 * @since 0.1.0
 * @category models
 */
export interface CommandTexts {
  /** The name of the command that shows the help, and its aliases. */
  readonly help: readonly [name: string, ...aliases: Array<string>]
  readonly helpDescription: string
  /** Above the list of commands. */
  readonly commands: string
  readonly usage: (usage: string) => string
  readonly aliases: (names: ReadonlyArray<string>) => string
  readonly expected: (expected: Argument.Expected) => string
  readonly missing: (name: string, expected: string) => string
  readonly wrong: (name: string, found: string, expected: string) => string
  readonly tooMany: (found: string) => string
  readonly unknown: (found: string) => string
  /** The command has parts, and none was named. */
  readonly incomplete: string
  readonly notPermitted: (permission: "admin" | "owner" | "other") => string
  readonly scenes: (scenes: ReadonlyArray<MessageView.MessageView["scene"]>) => string
  readonly cooldown: (wait: Duration.Duration) => string
}

const englishScenes = { c2c: "private chats", group: "groups", channel: "channels", dm: "direct messages" } as const

const chineseScenes = { c2c: "私聊", group: "群聊", channel: "频道", dm: "频道私信" } as const

/**
 * English.
 *
 * @since 0.1.0
 * @category constants
 */
export const english: CommandTexts = {
  help: ["help", "帮助"],
  helpDescription: "shows the commands, or how to use one",
  commands: "Commands:",
  usage: (usage) => `Usage: ${usage}`,
  aliases: (names) => `Also: ${names.join(", ")}`,
  expected: (expected) => {
    switch (expected._tag) {
      case "Text":
        return "text"
      case "Mention":
        return "somebody, with an @"
      case "Duration":
        return "a duration such as 10m, 1h30m or 10分钟"
      case "Integer":
        return "a whole number"
      case "Number":
        return "a number"
      case "Choice":
        return `one of ${expected.options.join(", ")}`
      case "Custom":
        return expected.text
    }
  },
  missing: (name, expected) => `${name} is missing: ${expected}.`,
  wrong: (name, found, expected) => `${name} cannot be "${found}": ${expected}.`,
  tooMany: (found) => `"${found}" is too much.`,
  unknown: (found) => `There is no "${found}".`,
  incomplete: "Something is missing.",
  notPermitted: (permission) => {
    switch (permission) {
      case "admin":
        return "Only administrators may do that."
      case "owner":
        return "Only the owner may do that."
      case "other":
        return "You may not do that."
    }
  },
  scenes: (scenes) => `This works only in ${scenes.map((scene) => englishScenes[scene]).join(", ")}.`,
  cooldown: (wait) => `Please wait ${DurationText.format(wait)}.`
}

/**
 * Chinese.
 *
 * @since 0.1.0
 * @category constants
 */
export const chinese: CommandTexts = {
  help: ["帮助", "help"],
  helpDescription: "查看全部命令或某个命令的用法",
  commands: "命令列表：",
  usage: (usage) => `用法：${usage}`,
  aliases: (names) => `别名：${names.join("、")}`,
  expected: (expected) => {
    switch (expected._tag) {
      case "Text":
        return "一段文字"
      case "Mention":
        return "用 @ 指定一个人"
      case "Duration":
        return "时长，例如 10分钟、1小时30分 或 10m"
      case "Integer":
        return "一个整数"
      case "Number":
        return "一个数字"
      case "Choice":
        return `以下之一：${expected.options.join("、")}`
      case "Custom":
        return expected.text
    }
  },
  missing: (name, expected) => `缺少参数 ${name}：${expected}。`,
  wrong: (name, found, expected) => `参数 ${name} 不能是“${found}”：应为${expected}。`,
  tooMany: (found) => `多余的内容：“${found}”。`,
  unknown: (found) => `没有“${found}”这一项。`,
  incomplete: "命令不完整。",
  notPermitted: (permission) => {
    switch (permission) {
      case "admin":
        return "只有管理员可以使用这个命令。"
      case "owner":
        return "只有群主可以使用这个命令。"
      case "other":
        return "你没有使用这个命令的权限。"
    }
  },
  scenes: (scenes) => `这个命令只能在${scenes.map((scene) => chineseScenes[scene]).join("、")}中使用。`,
  cooldown: (wait) => `请等待 ${DurationText.format(wait)} 后再试。`
}
