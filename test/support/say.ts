/** What members of groups say and press, with a role and mentions, and the texts that the bot has answered with. */
import * as Effect from "effect/Effect"
import { TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "./bot.ts"

let count = 0

export interface GroupSaying {
  readonly text: string
  /** Default `bo`. */
  readonly member?: string
  readonly group?: string
  readonly role?: "member" | "admin" | "owner"
  readonly mentions?: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly id?: string
}

/** A member addresses the bot in a group. */
export const inGroup = ({ group = "g", id, member = "bo", mentions = [], role, text }: GroupSaying) =>
  Effect.gen(function* () {
    const { dispatch } = yield* TestPlatform.TestPlatform
    yield* dispatch("GROUP_AT_MESSAGE_CREATE", {
      id: id ?? `say-${++count}`,
      group_openid: group,
      content: ` ${text}`,
      mentions,
      author: { member_openid: member, ...(role === undefined ? {} : { member_role: role }) }
    })
    yield* Bot.settle
  })

/** A user writes in private. */
export const inPrivate = (text: string, user = "u") =>
  Effect.gen(function* () {
    const { privateMessage } = yield* TestPlatform.TestPlatform
    const id = yield* privateMessage({ user, text })
    yield* Bot.settle
    return id
  })

/** A member presses a button. */
export const press = (data: string, options: { readonly user?: string; readonly group?: string } = {}) =>
  Effect.gen(function* () {
    const { dispatch } = yield* TestPlatform.TestPlatform
    const { group, user = "bo" } = options
    yield* dispatch("INTERACTION_CREATE", {
      id: `press-${++count}`,
      type: 11,
      data: { type: 11, resolved: { button_data: data } },
      ...(group === undefined
        ? { scene: "c2c", chat_type: 2, user_openid: user }
        : { scene: "group", chat_type: 1, group_openid: group, group_member_openid: user })
    })
    yield* Bot.settle
  })

export { visible as answers } from "./bot.ts"
