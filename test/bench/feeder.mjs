/**
 * The platform of the benchmark, in a process of its own: tokens, metadata, messages and gateway sessions on loopback.
 *
 * Told `{ flood: { flavour, conversations, count } }`, it writes `count` prebuilt frames to the session that was identified last, as fast
 * as they are read. Told `{ prepare: … }`, it builds them; told `{ forget }`, it forgets
 * all of them.
 */
import * as http from "node:http"
import { WebSocketServer } from "ws"
import { blocks } from "./frames.mjs"

/** Longer than any stage: the beats of idle sessions are not part of what is measured. */
const heartbeatInterval = 600_000

const prepared = new Map()
let latest
let sessions = 0

const prepare = (flood) => {
  const name = JSON.stringify(flood)
  if (!prepared.has(name)) prepared.set(name, blocks(flood))
  return prepared.get(name)
}

const flood = (socket, frames) => {
  let next = 0
  const write = () => {
    while (next < frames.length && !socket.destroyed) {
      if (!socket.write(frames[next++])) return void socket.once("drain", write)
    }
  }
  write()
}

const answers = {
  "POST /token": () => ({ access_token: "bench-access-token-0123456789abcdef", expires_in: "7200" }),
  "GET /gateway/bot": (port) => ({
    url: `ws://127.0.0.1:${port}/websocket`,
    shards: 1,
    session_start_limit: { total: 100_000, remaining: 100_000, reset_after: 86_400_000, max_concurrency: 100_000 }
  })
}

const sent = JSON.stringify({ id: "ROBOT1.0_c2VudC1ieS10aGUtYmVuY2htYXJr!", timestamp: "2026-01-02T03:04:05+08:00" })

const server = http.createServer((request, response) => {
  request.resume()
  request.on("end", () => {
    const answer = answers[`${request.method} ${request.url}`]
    if (answer !== undefined) {
      const text = JSON.stringify(answer(server.address().port))
      // an idle session keeps no HTTP connection
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": text.length,
        connection: "close"
      })
      return response.end(text)
    }
    const isMessage = request.method === "POST" && request.url.endsWith("/messages")
    const text = isMessage ? sent : "{}"
    response.writeHead(isMessage ? 200 : 404, {
      "content-type": "application/json",
      "content-length": text.length,
      "x-tps-trace-id": "bench-trace-id"
    })
    response.end(text)
  })
})

const gateway = new WebSocketServer({ noServer: true, perMessageDeflate: false })

const reply = {
  1: (session) => session.send(JSON.stringify({ op: 11 })),
  2: (session, socket) => {
    latest = socket
    const d = { version: 1, session_id: `session-${++sessions}`, user: { id: "1", username: "bench" }, shard: [0, 1] }
    session.send(JSON.stringify({ op: 0, s: 1, t: "READY", id: `READY:${sessions}`, d }))
  }
}

server.on("upgrade", (request, socket, head) => {
  socket.setNoDelay(true)
  gateway.handleUpgrade(request, socket, head, (session) => {
    session.on("error", () => session.terminate())
    session.on("message", (data) => reply[JSON.parse(data.toString()).op]?.(session, socket))
    session.send(JSON.stringify({ op: 10, d: { heartbeat_interval: heartbeatInterval } }))
  })
})

process.on("message", (command) => {
  if (command.prepare !== undefined) {
    const bytes = prepare(command.prepare).reduce((sum, block) => sum + block.length, 0)
    process.send({ prepared: bytes / command.prepare.count })
  }
  if (command.flood !== undefined) flood(latest, prepare(command.flood))
  if (command.forget !== undefined) prepared.clear()
})
process.on("disconnect", () => process.exit(0))

server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }))
