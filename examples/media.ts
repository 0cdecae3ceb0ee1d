// Pictures and files: `/stripes` draws a picture, `/table` sends a file that is made while it is uploaded, and whatever a
// user sends is listed.
import { Gateway, MediaSource, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Stream } from "effect"
import { crc32, deflateSync } from "node:zlib"

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const bytes = Buffer.alloc(body.length + 8)
  bytes.writeUInt32BE(data.length, 0)
  body.copy(bytes, 4)
  bytes.writeUInt32BE(crc32(body), body.length + 4)
  return bytes
}

/** A PNG of coloured stripes. */
const stripes = (width: number, height: number): Uint8Array => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const pixels = Buffer.alloc(height * (1 + width * 3))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (1 + width * 3) + 1 + x * 3
      pixels.set([(x * 255) / width, (y * 255) / height, (x >> 4) % 2 === 0 ? 200 : 80], at)
    }
  }
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0))
  ])
}

/** A table of squares as CSV. It can be read again, and so is never held in memory as a whole. */
const table = MediaSource.fromStream(
  "file",
  Stream.range(1, 5000).pipe(
    Stream.map((n) => `${n},${n * n}\n`),
    Stream.grouped(500),
    Stream.map((lines) => new TextEncoder().encode([...lines].join("")))
  ),
  { repeatable: true, name: "squares.csv" }
)

const Media = Gateway.onMessage(
  ({ attachments, event, text }) => {
    if (text === "/stripes") return Messenger.reply(event, Message.image(stripes(320, 160), { content: "stripes" }))
    if (text === "/table") return Messenger.reply(event, Message.media(table))
    if (attachments.length === 0) return Effect.void
    const lines = attachments.map(({ kind, name, size }) => `${kind} ${name ?? "without a name"}: ${size ?? "?"} bytes`)
    return Messenger.reply(event, Message.text(lines.join("\n")))
  },
  { name: "media", scenes: ["c2c", "group"] }
)

NodeRuntime.runMain(Gateway.run(Media).pipe(Effect.provide(NodeBot.layerConfig())))
