/**
 * The platform of the cluster's figures, in a process of its own: tokens, metadata, messages and gateway sessions of any
 * number of bots on loopback. It tells its parent when a bot's session begins, how many calls of each kind came in each
 * second, and when it wrote a message to a bot and got the reply.
 */
import * as http from "node:http"
import { WebSocketServer } from "ws"

/** By app id: its session, and the socket on which it is. */
const bots = new Map()
/** By kind of call: the moment of each, in milliseconds since 1970. */
const calls = { token: [], gateway: [], identify: [], resume: [] }
let made = 0

const tell = (line) => process.send({ ...line, at: Date.now() })
const botOf = (app) => {
  if (!bots.has(app)) bots.set(app, { app, session: `session-${app}`, seq: 0, socket: undefined })
  return bots.get(app)
}
const appOf = (token) => /access-(\d+)/.exec(token ?? "")?.[1] ?? ""

const read = (request) =>
  new Promise((resolve) => {
    let text = ""
    request.setEncoding("utf8").on("data", (part) => (text += part))
    request.on("end", () => resolve(text))
  })

const server = http.createServer((request, response) => {
  void read(request).then((body) => {
    const answer = (value) => {
      const text = JSON.stringify(value)
      response.writeHead(200, { "content-type": "application/json", "content-length": text.length })
      response.end(text)
    }
    if (request.url === "/token") {
      calls.token.push(Date.now())
      return answer({ access_token: `access-${JSON.parse(body).appId}`, expires_in: "7200" })
    }
    if (request.url === "/gateway/bot") {
      calls.gateway.push(Date.now())
      return answer({
        url: `ws://127.0.0.1:${server.address().port}/websocket`,
        shards: 1,
        session_start_limit: { total: 100_000, remaining: 100_000, reset_after: 86_400_000, max_concurrency: 1 }
      })
    }
    tell({ what: "reply", app: appOf(request.headers.authorization), id: JSON.parse(body).msg_id })
    answer({ id: `ROBOT1.0_reply${++made}!`, timestamp: "2026-01-02T03:04:05+08:00" })
  })
})

const send = (bot, frame) => bot.socket.send(JSON.stringify(frame))

const take = (bot, socket, kind) => {
  bot.socket?.terminate()
  bot.socket = socket
  calls[kind].push(Date.now())
  bot.seq++
  const d = { version: 1, session_id: bot.session, user: { id: "1", username: "bench" }, shard: [0, 1] }
  if (kind === "identify") send(bot, { op: 0, s: bot.seq, t: "READY", id: `READY:${bot.app}:${bot.seq}`, d })
  else send(bot, { op: 0, s: bot.seq, t: "RESUMED", d: "" })
  tell({ what: "ready", app: bot.app, kind })
}

const gateway = new WebSocketServer({ noServer: true, perMessageDeflate: false })
server.on("upgrade", (request, raw, head) => {
  raw.setNoDelay(true)
  gateway.handleUpgrade(request, raw, head, (socket) => {
    socket.on("error", () => socket.terminate())
    socket.on("message", (data) => {
      const { d, op } = JSON.parse(data.toString())
      if (op === 1) socket.send(JSON.stringify({ op: 11 }))
      if (op === 2) take(botOf(appOf(d.token)), socket, "identify")
      if (op === 6) take(botOf(appOf(d.token)), socket, "resume")
    })
    socket.on("close", () => {
      for (const bot of bots.values()) if (bot.socket === socket) bot.socket = undefined
    })
    socket.send(JSON.stringify({ op: 10, d: { heartbeat_interval: 40_000 } }))
  })
})

/** Writes one message to a bot. */
const say = (app) => {
  const bot = botOf(app)
  if (bot.socket === undefined) return
  const id = `ROBOT1.0_${app}.${++made}!`
  const seq = ++bot.seq
  const user = "0123456789ABCDEF0123456789ABCDEF"
  send(bot, {
    op: 0,
    s: seq,
    t: "C2C_MESSAGE_CREATE",
    id: `C2C_MESSAGE_CREATE:${id}`,
    d: {
      id,
      content: "hello",
      timestamp: "2026-01-02T03:04:05+08:00",
      author: { id: user, user_openid: user, union_openid: user },
      message_type: 0,
      attachments: []
    }
  })
  tell({ what: "said", app, id, seq })
}

process.on("message", ({ app, ask }) => {
  if (ask === "say") say(app)
  if (ask === "calls") process.send({ what: "calls", calls })
  if (ask === "forget") for (const kind of Object.values(calls)) kind.length = 0
})
process.on("disconnect", () => process.exit(0))
server.listen(0, "127.0.0.1", () => process.send({ what: "listening", port: server.address().port }))
