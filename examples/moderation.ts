/**
 * A bot that mutes members of a group: `/mute @somebody 10m spam`, `/unmute @somebody`, `/muted`, `/help`.
 *
 * Node.js 22.18 or newer runs it as it is: `node examples/moderation.ts`.
 */
import { Argument, Command, DurationText, Endpoints, Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DateTime, Duration, Effect, Option } from "effect"
import { fileURLToPath } from "node:url"

const inGroups = { scenes: ["group"], cooldown: { every: "5 seconds", per: "user" } } as const

const change = (group: string, member: string, until?: DateTime.Utc) =>
  Endpoints.updateRestrictChatSetting({
    group,
    body: {
      members: [
        until === undefined
          ? { op: "del", member_openid: member }
          : { op: "add", member_openid: member, mute_expire_at: DateTime.formatIso(until) }
      ]
    }
  })

const Mute = Command.make(
  "mute",
  {
    ...inGroups,
    description: "mutes a member",
    aliases: ["禁言"],
    permission: "admin",
    arguments: {
      member: Argument.mention,
      length: Argument.duration.pipe(Argument.withDefault(Duration.minutes(10))),
      reason: Argument.optional(Argument.rest)
    }
  },
  Effect.fnUntraced(
    function* ({ args: { length, member, reason }, event, message }) {
      yield* change(message.target, member.id, DateTime.addDuration(yield* DateTime.now, length))
      const why = Option.match(reason, { onNone: () => "", onSome: (text) => `: ${text}` })
      yield* Messenger.reply(
        event,
        Message.text(`${Message.mention(member)} is muted for ${DurationText.format(length)}${why}`)
      )
    },
    // administrators, for instance, cannot be muted
    (mute, { event }) =>
      Effect.catchTag(mute, "ApiError", ({ code }) =>
        Messenger.reply(event, Message.text(`QQ does not allow that (code ${code}).`))
      )
  )
)

const Unmute = Command.make(
  "unmute",
  { ...inGroups, description: "lets a member speak", permission: "admin", arguments: { member: Argument.mention } },
  ({ args: { member }, event, message }) =>
    Effect.zipRight(
      change(message.target, member.id),
      Messenger.reply(event, Message.text(`${Message.mention(member)} may speak`))
    )
)

const Muted = Command.make("muted", { ...inGroups, description: "counts who is muted" }, ({ event, message }) =>
  Effect.flatMap(Endpoints.getRestrictChatSetting({ group: message.target }), ({ members }) =>
    Messenger.reply(event, Message.text(`${members?.length ?? 0} muted`))
  )
)

export const Moderation = Command.layer([Mute, Unmute, Muted])

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  NodeRuntime.runMain(Gateway.run(Moderation).pipe(Effect.provide(NodeBot.layerConfig())))
}
