/** The chosen surface: a module that is added or taken away is a decision, and shows here. */
import { assert, it } from "@effect/vitest"
import * as Core from "@effect-qq/core"
import * as Protocol from "@effect-qq/core/protocol"
import * as Testing from "@effect-qq/core/testing"
import * as Node from "@effect-qq/node"
import * as Fs from "node:fs"

const surface = {
  "@effect-qq/core": [
    "AccessToken",
    "Anchor",
    "ApiError",
    "Argument",
    "Ark",
    "Attachments",
    "Audio",
    "AuditOutcomes",
    "Bot",
    "BotConfig",
    "Callback",
    "ChatMessage",
    "CloseCode",
    "Command",
    "CommandTexts",
    "Connection",
    "ContentHash",
    "Conversation",
    "DeliveryMetrics",
    "DeliveryPolicy",
    "Disconnect",
    "DispatchSink",
    "DurationText",
    "Endpoint",
    "Endpoints",
    "ErrorCode",
    "Event",
    "EventClaims",
    "Fallback",
    "Forum",
    "Gateway",
    "GatewayError",
    "GatewayMetadata",
    "GatewayMetrics",
    "GatewayRun",
    "GroupMember",
    "Guild",
    "GuildMessage",
    "Handler",
    "HandlerRun",
    "Heartbeat",
    "History",
    "HttpExchange",
    "IdentifyLimiter",
    "InboundRecorder",
    "Intents",
    "Interaction",
    "Interactions",
    "Keyboard",
    "MarkdownSplit",
    "Media",
    "MediaSource",
    "Message",
    "MessageAudit",
    "MessageMetrics",
    "MessageView",
    "Messenger",
    "OpenApi",
    "OpenApiMetrics",
    "Ownership",
    "RateLimit",
    "Reaction",
    "Ready",
    "ReconnectPolicy",
    "Recovery",
    "Relation",
    "ReplyLedger",
    "ReplyWindow",
    "RetryAfter",
    "SendError",
    "SendPolicy",
    "Session",
    "SessionAvailability",
    "SessionPolicy",
    "SessionStore",
    "Shards",
    "Signature",
    "StreamReply",
    "TextSplit",
    "Timestamp",
    "UserState",
    "Webhook",
    "WebhookIntake",
    "WebhookMetrics",
    "WebhookPolicy"
  ],
  "@effect-qq/core/protocol": [
    "CloseCode",
    "ErrorCode",
    "Event",
    "Frame",
    "Intents",
    "MessageSequence",
    "Recovery",
    "ReplyWindow",
    "SessionPolicy"
  ],
  "@effect-qq/core/testing": [
    "Fault",
    "Journal",
    "MemorySocket",
    "Model",
    "ModelRunner",
    "Oracle",
    "PlatformClient",
    "PlatformModel",
    "Simulation",
    "TestPlatform",
    "VirtualTime",
    "WallClock",
    "WebhookClient"
  ],
  "@effect-qq/node": [
    "NodeBot",
    "NodeContentHash",
    "NodeHttp",
    "NodeMedia",
    "NodeProxy",
    "NodeSignature",
    "NodeStore",
    "NodeWebSocket",
    "NodeWebhook",
    "StateDirectory"
  ]
} as const

const modules = {
  "@effect-qq/core": Core,
  "@effect-qq/core/protocol": Protocol,
  "@effect-qq/core/testing": Testing,
  "@effect-qq/node": Node
}

for (const [name, module] of Object.entries(modules)) {
  it(`${name} exports these modules and no other`, () => {
    assert.deepStrictEqual(Object.keys(module).toSorted(), [...surface[name as keyof typeof surface]])
  })
}

const exportsOf = (name: string): ReadonlyArray<string> =>
  Object.keys(
    JSON.parse(Fs.readFileSync(new URL(`../../packages/${name}/package.json`, import.meta.url), "utf8")).exports
  )

it("each module of core and node has a subpath, and nothing below internal has one", () => {
  const subpaths = { core: exportsOf("core"), node: exportsOf("node") }
  for (const module of surface["@effect-qq/core"]) assert.include(subpaths.core, `./${module}`)
  for (const module of surface["@effect-qq/node"]) assert.include(subpaths.node, `./${module}`)
  assert.deepStrictEqual(
    subpaths.core.filter((subpath) => subpath.startsWith("./internal")),
    ["./internal/*"]
  )
})

it("internal modules cannot be imported", async () => {
  const specifier = "@effect-qq/core/internal/Ladder"
  const error = await import(specifier).then(
    () => undefined,
    (cause: unknown) => cause
  )
  assert.instanceOf(error, Error)
})
