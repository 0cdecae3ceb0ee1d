/** A bot that has something of everything that a page can show. */
import { Gateway, Interaction, Keyboard, MediaSource, Message, type MessageView, Messenger } from "@effect-qq/core"
import type { Sandbox } from "@effect-qq/cli/sandbox"
import { NodeBot } from "@effect-qq/node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Zlib from "node:zlib"
import * as Live from "./live.ts"
import { within } from "./patience.ts"

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(Zlib.crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

/** A picture of a gradient. */
export const picture = (width: number, height: number): Uint8Array => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const rows = Buffer.alloc(height * (width * 3 + 1))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (width * 3 + 1) + 1 + x * 3
      rows[at] = 60 + Math.round((150 * x) / width)
      rows[at + 1] = 110 + Math.round((80 * y) / height)
      rows[at + 2] = 235 - Math.round((90 * x * y) / (width * height))
    }
  }
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", Zlib.deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0))
  ])
}

const choices = Keyboard.rows(
  [
    Keyboard.button("Green tea", Keyboard.callback("green"), { id: "green", visitedLabel: "Green tea ✓" }),
    Keyboard.button("Oolong 乌龙", Keyboard.callback("oolong"), { id: "oolong", style: "filled" })
  ],
  [
    Keyboard.button("Only admins", Keyboard.callback("close"), {
      id: "close",
      permission: { _tag: "Admins" },
      style: "red"
    }),
    Keyboard.button("Ask again", Keyboard.command("menu"), { id: "again", style: "grey" })
  ]
)

const menu = [
  "# What shall we drink?",
  "",
  "Today's *tea room* has **three** kinds, see [the list](https://example.org/tea):",
  "",
  "- green tea, `80 °C`",
  "- oolong 乌龙",
  "> ~~coffee~~ is sold out",
  "<img src=x onerror=alert(1)>"
].join("\n")

export interface PageBot {
  /** Lets the answer that is being streamed go on by this text; `undefined` ends it. */
  readonly write: (text: string | undefined) => Effect.Effect<void>
}

/** Starts the bot on a sandbox, and waits until it is online. */
export const start = (sandbox: Sandbox.SandboxShape): Effect.Effect<PageBot, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pieces = yield* Queue.unbounded<string | undefined>()
    const written = Stream.fromQueue(pieces).pipe(Stream.takeWhile((piece): piece is string => piece !== undefined))
    const answer = (view: MessageView.MessageView) => {
      const { attachments, event, text } = view
      switch (text.trim()) {
        case "who":
          return Messenger.reply(event, Message.text(`${Message.mention("u2")} knows`))
        case "menu":
          return Messenger.reply(event, Message.markdown(menu, { keyboard: choices }))
        case "stream":
          return Effect.zipRight(
            Effect.ignore(Messenger.reply(event, Message.inputNotify(30))),
            Messenger.replyStream(event, written, { every: "20 millis" })
          )
        case "picture":
          return Messenger.reply(
            event,
            Message.media(MediaSource.fromBytes("image", picture(280, 180)), { content: "a picture of tea" })
          )
        case "recall":
          return Effect.flatMap(Messenger.reply(event, Message.text("a slip of the tongue")), (receipt) =>
            Effect.ignore(Messenger.recall(receipt))
          )
        default:
          return Messenger.reply(
            event,
            Message.text(
              attachments.length === 0
                ? `you said: ${text}`
                : `you sent ${attachments.map(({ kind, name }) => `${kind} ${name}`).join(", ")}`
            )
          )
      }
    }
    const handlers = Layer.mergeAll(
      Gateway.onMessage((view) => Effect.ignore(answer(view))),
      Gateway.on("INTERACTION_CREATE", (event) =>
        Effect.ignore(
          Messenger.reply(event, Message.text(`you chose ${Interaction.view(event).button?.data ?? "nothing"}`))
        )
      )
    )
    yield* Effect.gen(function* () {
      yield* Effect.forkScoped(Gateway.run(handlers))
      yield* within("20 seconds", "the bot")(Gateway.ready)
    }).pipe(
      Effect.provide(
        yield* Layer.build(
          NodeBot.layer({
            appId: sandbox.appId,
            secret: sandbox.secret,
            hosts: { api: sandbox.apiUrl, token: sandbox.tokenUrl },
            session: Live.quick,
            stateDirectory: yield* Live.temporaryDirectory
          })
        )
      ),
      Effect.provide(Logger.remove(Logger.defaultLogger))
    )
    return { write: (text: string | undefined) => Effect.asVoid(Queue.offer(pieces, text)) }
  }).pipe(Effect.orDie)
