/**
 * The dispatches that the feeder sends: about 630 bytes of JSON with CJK text each, every one with an id and a sequence
 * number of its own, from as many users as there are to be conversations. A flavour differs from another only in the event type.
 */

/** What the events are, by the name of the flavour. */
export const flavours = {
  /** A type that the library has no schema for. */
  unknown: "BENCH_MESSAGE_CREATE",
  /** A message in a private chat: decoded and deduplicated. */
  known: "C2C_MESSAGE_CREATE"
}

const sentences = [
  "你好，今天的天气怎么样？帮我看看明天要不要带伞。",
  "/roll 2d6+3 敏捷检定，失败就从房顶上掉下来。",
  "把上周的会议纪要整理成三点发到群里，谢谢！",
  "这首歌叫什么名字？副歌部分一直在我脑子里转。"
]

const hexadecimal = (number, length) => number.toString(16).toUpperCase().padStart(length, "0")

/** Spreads users over the events without a pattern, and the same in every run. */
const userOf = (index) => Math.imul(index + 1, 0x9e3779b1) >>> 0

const dispatch = (type, index, conversations) => {
  const user = hexadecimal((userOf(index) % conversations) + 0x10000000, 32)
  return {
    op: 0,
    // READY has 1
    s: index + 2,
    t: type,
    id: `${type}:${hexadecimal(index, 26)}`,
    d: {
      id: `ROBOT1.0_QmFzZTY0LWlkLXBhZGRpbmctb2YtYS1tZXNzYWdl.${hexadecimal(index, 12)}!`,
      content: `${sentences[index % sentences.length]} #${index}`,
      timestamp: "2026-01-02T03:04:05+08:00",
      author: { id: user, user_openid: user, union_openid: user },
      message_type: 0,
      message_scene: { source: "default", ext: ["", `msg_idx=REFIDX_${hexadecimal(index, 16)}`] },
      attachments: []
    }
  }
}

/** One unmasked text frame of the WebSocket protocol, as a server sends it. */
const encode = (text) => {
  const payload = Buffer.from(text)
  const header = Buffer.alloc(4)
  header[0] = 0x81
  header[1] = 126
  header.writeUInt16BE(payload.length, 2)
  return Buffer.concat([header, payload])
}

/** What one write to the socket holds: few enough frames for a chunk of the size that a network delivers. */
const framesInBlock = 100

/** `count` dispatches of a flavour in that many conversations, ready to be written one block after another. */
export const blocks = ({ conversations, count, flavour }) => {
  const written = []
  for (let from = 0; from < count; from += framesInBlock) {
    const frames = []
    for (let index = from; index < Math.min(from + framesInBlock, count); index++) {
      frames.push(encode(JSON.stringify(dispatch(flavours[flavour], index, conversations))))
    }
    written.push(Buffer.concat(frames))
  }
  return written
}
