/** A client that talks to a model by plain calls, at times that the test makes up. */
import { assert } from "vitest"
import type { Fault } from "../../../packages/core/src/testing/Fault.ts"
import type { Answer, Output } from "../../../packages/core/src/testing/model/Model.ts"
import * as PlatformModel from "../../../packages/core/src/testing/model/PlatformModel.ts"

export const secret = "a-secret-that-nobody-may-see"

export const groupAndC2c = 1 << 25

/** What tests look at in a payload; which of it is there is up to the event. */
export interface Payload {
  readonly id: string
  readonly session_id: string
  readonly user: object
  readonly shard: ReadonlyArray<number>
  readonly content: string
  readonly group_openid: string
  readonly author: { readonly member_openid: string }
  readonly mentions: ReadonlyArray<{ readonly is_you: boolean }>
  readonly audit_id: string
  readonly message_id: string
  readonly channel_id: string
  readonly guild_id: string
}

export interface Frame {
  readonly op: number
  readonly s?: number
  readonly t?: string
  readonly id?: string
  readonly d: Payload
}

/** What tests look at in a body; which of it is there is up to the answer. */
export interface Body {
  readonly code: number
  readonly err_code: number
  readonly message: string
  readonly trace_id: string
  readonly access_token: string
  readonly expires_in: string | number
  readonly url: string
  readonly session_start_limit: { readonly remaining: number }
  readonly id: string
  readonly timestamp: string
  readonly ext_info: { readonly ref_idx: string }
  readonly data: { readonly message_audit: { readonly audit_id: string } }
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Empty where the body is no JSON. */
  readonly body: Body
  readonly text: string
  readonly after: number
}

export const start = Date.UTC(2026, 8, 21, 2, 0, 0)

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface ModelClient {
  readonly model: PlatformModel.PlatformModel
  now: number
  /** Moves the time on, waking the model whenever it asks to be woken. */
  readonly pass: (millis: number) => void
  readonly outputs: () => ReadonlyArray<Output>
  /** What the outputs were: frames parsed, everything else as it is. */
  readonly heard: () => ReadonlyArray<
    Frame | { readonly close: number; readonly on: number } | { readonly other: Output["_tag"]; readonly on: number }
  >
  readonly http: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>
  ) => HttpAnswer
  readonly answer: (method: string, path: string, body?: unknown) => Answer
  /** Puts bytes where a URL says. */
  readonly put: (url: string, bytes: Uint8Array, headers?: Readonly<Record<string, string>>) => HttpAnswer
  readonly token: () => string
  /** Drops the cached token, so that the next call asks for one. */
  readonly forgetToken: () => void
  readonly connect: () => number
  readonly send: (connection: number, frame: unknown) => void
  readonly identify: (connection: number, options?: { readonly intents?: number; readonly shard?: unknown }) => void
  readonly resume: (connection: number, sessionId: string, seq: number) => void
  /** Connects and identifies. */
  readonly ready: (options?: { readonly intents?: number; readonly shard?: readonly [number, number] }) => {
    readonly connection: number
    readonly sessionId: string
  }
  readonly inject: (fault: Fault) => void
  readonly say: (text?: string) => string
  readonly sayInGroup: (options?: { readonly at?: boolean; readonly full?: boolean }) => string
  readonly reply: (msgId: string, seq?: number, more?: object) => HttpAnswer
}

export const make = (options: PlatformModel.Options = {}): ModelClient => {
  const model = PlatformModel.make({ secret, ...options })
  let token: string | undefined

  const answer: ModelClient["answer"] = (method, path, body) =>
    model.request(client.now, {
      method,
      path,
      headers: { authorization: `QQBot ${client.token()}` },
      body: typeof body === "string" ? body : JSON.stringify(body ?? {})
    })

  const read = (reply: Answer): HttpAnswer => {
    assert.strictEqual(reply._tag, "Reply")
    if (reply._tag !== "Reply") throw new Error("unreachable")
    return { ...reply, text: reply.body, body: (parsed(reply.body) ?? {}) as Body }
  }

  const client: ModelClient = {
    model,
    now: start,
    pass: (millis) => {
      const end = client.now + millis
      for (let due = model.nextWake(); due !== undefined && due <= end; due = model.nextWake()) {
        client.now = Math.max(client.now, due)
        model.wake(client.now)
      }
      client.now = end
    },
    outputs: () => model.drain(),
    heard: () =>
      model.drain().map((output) => {
        if (output._tag === "Frame") {
          return (parsed(output.text) as Frame | undefined) ?? { other: "Frame", on: output.connection }
        }
        return output._tag === "Close"
          ? { close: output.code, on: output.connection }
          : { other: output._tag, on: output.connection }
      }),
    http: (method, path, body, headers) =>
      read(
        headers === undefined
          ? answer(method, path, body)
          : model.request(client.now, {
              method,
              path,
              headers,
              body: typeof body === "string" ? body : JSON.stringify(body ?? {})
            })
      ),
    answer,
    put: (url, bytes, headers = {}) => {
      const { pathname, search } = new URL(url)
      return read(model.request(client.now, { method: "PUT", path: `${pathname}${search}`, headers, body: "", bytes }))
    },
    token: () => {
      if (token === undefined) {
        const { body } = read(
          model.request(client.now, {
            method: "POST",
            path: "/app/getAppAccessToken",
            headers: {},
            body: JSON.stringify({ appId: model.appId, clientSecret: secret })
          })
        )
        token = body.access_token
      }
      return token
    },
    forgetToken: () => {
      token = undefined
    },
    connect: () => {
      const upgrade = model.upgrade(client.now, { path: "/websocket" })
      assert.strictEqual(upgrade._tag, "Accept")
      if (upgrade._tag !== "Accept") throw new Error("unreachable")
      model.opened(client.now, upgrade.connection)
      return upgrade.connection
    },
    send: (connection, frame) =>
      model.received(client.now, connection, typeof frame === "string" ? frame : JSON.stringify(frame)),
    identify: (connection, options) =>
      client.send(connection, {
        op: 2,
        d: {
          token: `QQBot ${client.token()}`,
          intents: options?.intents ?? groupAndC2c,
          shard: options?.shard ?? [0, 1],
          properties: {}
        }
      }),
    resume: (connection, sessionId, seq) =>
      client.send(connection, { op: 6, d: { token: `QQBot ${client.token()}`, session_id: sessionId, seq } }),
    ready: (options) => {
      const connection = client.connect()
      client.identify(connection, options)
      const frames = client.heard() as ReadonlyArray<Frame>
      const ready = frames.find((frame) => frame.t === "READY")
      assert.isDefined(ready)
      return { connection, sessionId: ready!.d.session_id }
    },
    inject: (fault) => model.inject(client.now, fault),
    say: (text = "hello") => model.say(client.now, { scene: "c2c", user: "U1", text }),
    sayInGroup: (options) =>
      model.say(client.now, { scene: "group", group: "G1", member: "M1", text: "hi", ...options }),
    reply: (msgId, seq, more) =>
      read(
        answer("POST", "/v2/users/U1/messages", { msg_type: 0, content: "yes", msg_id: msgId, msg_seq: seq, ...more })
      )
  }
  return client
}
