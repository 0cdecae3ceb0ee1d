/**
 * Reactions, threads and sound of channels.
 *
 * @since 0.1.0
 */
import * as Content from "./Content.ts"
import type { Channel, Fields, GuildWorld } from "./GuildWorld.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Asked, Run, Table } from "./Routes.ts"

/** The most kinds of reactions to a message. */
const maximumKinds = 20

const done = Reply.text(204, "")

/**
 * The endpoints of reactions, threads and sound.
 *
 * @since 0.1.0
 * @category constructors
 */
export const table = (
  platform: Platform,
  { guilds, inChannel }: GuildWorld,
  dispatch: (now: number, type: string, d: unknown) => string
): Table => {
  const { bot } = platform.settings

  const react = (
    type: "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE",
    run: (channel: Channel, key: string, asked: Asked) => Reply.ErrorCode | undefined
  ): Run =>
    inChannel((channel, asked) => {
      const emoji = { id: asked.id("emojiId"), type: Number(asked.id("emojiType")) }
      const target = asked.id("message")
      if (emoji.type !== 1 && emoji.type !== 2) return Reply.error(asked.traceId, 620001)
      const wrong = run(channel, `${target}/${emoji.type}/${emoji.id}`, asked)
      if (wrong !== undefined) return Reply.error(asked.traceId, wrong)
      dispatch(asked.now, type, {
        user_id: bot.id,
        guild_id: channel.guild,
        channel_id: channel.id,
        emoji,
        target: { id: target, type: 0 }
      })
      return done
    })

  const withThread = (run: (thread: Fields, channel: Channel, asked: Asked) => Reply.Reply): Run =>
    inChannel((channel, asked) => {
      const thread = channel.threads.get(asked.id("thread"))
      return thread === undefined ? Reply.error(asked.traceId, 503012) : run(thread, channel, asked)
    })

  return {
    "/channels/{channel}/online_nums": {
      GET: inChannel((channel) => Reply.json(200, { online_nums: channel.microphones }))
    },
    "/channels/{channel}/messages/{message}/reactions/{emojiType}/{emojiId}": {
      PUT: react("MESSAGE_REACTION_ADD", (channel, key, asked) => {
        const users = channel.reactions.get(key)
        if (users?.has(bot.id) === true) return 620003
        const prefix = `${asked.id("message")}/`
        if (
          users === undefined &&
          channel.reactions.keys().filter((name) => name.startsWith(prefix)).length >= maximumKinds
        ) {
          return 620002
        }
        channel.reactions.set(key, (users ?? new Set()).add(bot.id))
        return undefined
      }),
      DELETE: react("MESSAGE_REACTION_REMOVE", (channel, key) =>
        channel.reactions.get(key)?.delete(bot.id) === true ? undefined : 620004
      ),
      GET: inChannel((channel, asked) => {
        const key = `${asked.id("message")}/${asked.id("emojiType")}/${asked.id("emojiId")}`
        const all = [...(channel.reactions.get(key) ?? [])]
        const { items, next } = Routes.page(asked, "cookie", all, 50)
        const members = guilds.get(channel.guild)?.members
        return Reply.json(200, {
          users: items.map((id) => ({ username: "", ...members?.get(id)?.fields, id })),
          cookie: next,
          is_end: next === ""
        })
      })
    },
    "/channels/{channel}/threads": {
      GET: inChannel((channel) => Reply.json(200, { threads: channel.threads.values(), is_finish: 1 })),
      PUT: inChannel((channel, { body, now, traceId }) => {
        if (!Content.isFilled(body["title"])) return Reply.error(traceId, 503005)
        if (!Content.isFilled(body["content"])) return Reply.error(traceId, 503006)
        const count = platform.count("thread")
        const thread = {
          guild_id: channel.guild,
          channel_id: channel.id,
          author_id: bot.id,
          thread_info: {
            thread_id: `B_thread${count.toString().padStart(8, "0")}`,
            title: body["title"],
            content: body["content"],
            date_time: platform.timestamp(now)
          }
        }
        channel.threads.set(thread.thread_info.thread_id, thread)
        dispatch(now, "FORUM_THREAD_CREATE", thread)
        return Reply.json(200, { task_id: count.toString(), create_time: Math.floor(now / 1000).toString() })
      })
    },
    "/channels/{channel}/threads/{thread}": {
      GET: withThread((thread) => Reply.json(200, { thread })),
      DELETE: withThread((thread, channel, asked) => {
        channel.threads.delete(asked.id("thread"))
        dispatch(asked.now, "FORUM_THREAD_DELETE", thread)
        return done
      })
    },
    "/channels/{channel}/audio": {
      POST: inChannel((_, { body, traceId }) => {
        const status = body["status"]
        return typeof status === "number" && status >= 0 && status <= 3
          ? Reply.json(200, {})
          : Reply.error(traceId, 12002)
      })
    },
    "/channels/{channel}/mic": {
      PUT: inChannel((channel) => {
        channel.microphones = 1
        return Reply.json(200, {})
      }),
      DELETE: inChannel((channel) => {
        channel.microphones = 0
        return Reply.json(200, {})
      })
    }
  }
}
