/**
 * The endpoints of the HTTP side, by their paths.
 *
 * @since 0.1.0
 */
import type { Endpoint } from "../Fault.ts"
import type { Scene } from "./Journal.ts"
import type { Messages } from "./Messages.ts"
import type { Metadata } from "./Metadata.ts"
import { type Request, storePath } from "./Model.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Tokens } from "./Tokens.ts"

/**
 * An endpoint.
 *
 * @since 0.1.0
 * @category models
 */
export interface Route {
  readonly endpoint: Endpoint
  readonly method: string
  /** The effect of a refusal by a fault. */
  readonly refuse?: (body: string) => void
  /** Whether it needs no token. */
  readonly isOpen?: true
  readonly run: (now: number, traceId: string, body: string, request: Request) => Reply.Reply
}

/** The beginnings of the paths under which messages are sent. */
const scenes: { readonly [path: string]: Scene } = {
  "v2/users": "c2c",
  "v2/groups": "group",
  channels: "channel",
  dms: "dm"
}

/**
 * What answers the requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sides {
  readonly platform: Platform
  readonly tokens: Tokens
  readonly metadata: Metadata
  readonly messages: Messages
  readonly administration: (path: string) => ReadonlyArray<Routes.Match>
}

const administrative = ({ administration }: Sides, path: string): ReadonlyArray<Route> =>
  administration(path).map(({ method, run }) => ({
    endpoint: "any",
    method,
    run: (now, traceId, _body, request) => run(now, traceId, request)
  }))

/**
 * The endpoints of a path, one for each method; none for an unknown path.
 *
 * @since 0.1.0
 * @category getters
 */
export const routes = (sides: Sides, path: string): ReadonlyArray<Route> => {
  const { messages, metadata, platform, tokens } = sides
  const { settings } = platform
  switch (path) {
    case "/app/getAppAccessToken":
      return [
        { endpoint: "token", method: "POST", isOpen: true, run: (now, _traceId, body) => tokens.issue(now, body) }
      ]
    case "/gateway":
      return [{ endpoint: "metadata", method: "GET", run: (now, traceId) => metadata.get(now, traceId, false) }]
    case "/gateway/bot":
      return [{ endpoint: "metadata", method: "GET", run: (now, traceId) => metadata.get(now, traceId, true) }]
    case "/users/@me":
      return [
        {
          endpoint: "any",
          method: "GET",
          run: () =>
            Reply.json(200, { id: settings.bot.id, username: settings.bot.username, avatar: "", union_openid: "" })
        }
      ]
    default:
      break
  }
  const file = /^\/v2\/(users|groups)\/([^/]+)\/files$/.exec(path)
  if (file !== null) {
    const scene = file[1] === "users" ? "c2c" : "group"
    const target = Routes.decode(file[2]!)
    return [
      {
        endpoint: "upload",
        method: "POST",
        run: (now, traceId, body) => messages.upload(now, traceId, scene, target, body)
      }
    ]
  }
  const chunks = /^\/v2\/(users|groups)\/([^/]+)\/(upload_prepare|upload_part_finish)$/.exec(path)
  if (chunks !== null) {
    const scene = chunks[1] === "users" ? "c2c" : "group"
    const target = Routes.decode(chunks[2]!)
    return [
      chunks[3] === "upload_prepare"
        ? {
            endpoint: "prepare",
            method: "POST",
            run: (now, traceId, body) => messages.chunks.prepare(now, traceId, scene, target, body)
          }
        : {
            endpoint: "finish",
            method: "POST",
            run: (now, traceId, body) => messages.chunks.finish(now, traceId, scene, target, body)
          }
    ]
  }
  if (path.startsWith(storePath)) {
    return [
      { endpoint: "part", method: "PUT", isOpen: true, run: (_now, _traceId, _body, put) => messages.chunks.put(put) }
    ]
  }
  const stream = /^\/v2\/users\/([^/]+)\/stream_messages$/.exec(path)
  if (stream !== null) {
    const target = Routes.decode(stream[1]!)
    return [
      {
        endpoint: "stream",
        method: "POST",
        refuse: (body) => messages.refusePart(target, body),
        run: (now, traceId, body) => messages.stream(now, traceId, target, body)
      }
    ]
  }
  const conversation = /^\/(v2\/users|v2\/groups|channels|dms)\/([^/]+)\/messages(?:\/([^/]+))?$/.exec(path)
  if (conversation !== null) {
    const scene = scenes[conversation[1]!]!
    const target = Routes.decode(conversation[2]!)
    const id = conversation[3]
    return id === undefined
      ? [
          {
            endpoint: "send",
            method: "POST",
            run: (now, traceId, body) => messages.send(now, traceId, scene, target, body)
          }
        ]
      : [
          {
            endpoint: "recall",
            method: "DELETE",
            run: (now, traceId) => messages.recall(now, traceId, scene, target, Routes.decode(id))
          },
          ...administrative(sides, path)
        ]
  }
  const interaction = /^\/interactions\/([^/]+)$/.exec(path)
  if (interaction === null) return administrative(sides, path)
  return [
    {
      endpoint: "interaction",
      method: "PUT",
      run: (now, traceId, body, { headers }) =>
        (headers["x-callback-appid"] ?? settings.appId) === settings.appId
          ? messages.acknowledge(now, traceId, Routes.decode(interaction[1]!), body)
          : Reply.error(traceId, 630003)
    }
  ]
}
