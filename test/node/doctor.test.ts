/** Each way for a bot not to come online, made to happen, and what is said about it. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert } from "vitest"
import { Intents, SessionStore } from "@effect-qq/core"
import type { Fault } from "@effect-qq/core/testing"
import { Doctor } from "@effect-qq/cli"
import type { Sandbox } from "@effect-qq/cli/sandbox"
import * as DoctorCommand from "../../packages/cli/src/commands/Doctor.ts"
import * as Commands from "../../packages/cli/src/commands/Commands.ts"
import { commandLine, start, told } from "./support/child.ts"
import { inject, sandbox, temporaryDirectory } from "./support/live.ts"

const hidden = "not-for-anybodys-eyes"

interface Case {
  readonly name: string
  readonly platform?: Sandbox.Options
  readonly faults?: ReadonlyArray<Fault.Fault>
  readonly environment?: (platform: Sandbox.SandboxShape) => Readonly<Record<string, string | undefined>>
  readonly options?: Doctor.Options
  /** The check that is not ok, how it stands, what kind of trouble it is and words of what is said. */
  readonly expected: ReadonlyArray<readonly [of: Doctor.Subject, status: Doctor.Check["status"], found: RegExp]>
  readonly exitCode: number
  readonly advice?: RegExp
}

const http = (endpoint: Fault.Endpoint, failure: Fault.HttpFailure): Fault.Fault => ({
  _tag: "Http",
  endpoint,
  failure,
  times: Infinity
})

const body = (status: number, text: string): Fault.HttpFailure => ({ _tag: "Body", status, body: text })

const noToken = (["allow-list", "gateway", "identifies", "socket", "intents"] as const).map(
  (of) => [of, "skipped", /no access token/] as const
)

const noGateway = (["identifies", "socket", "intents"] as const).map(
  (of) => [of, "skipped", /no usable answer of \/gateway\/bot/] as const
)

const unasked = ["intents", "skipped", /--identify/] as const
const withoutSocket = [["intents", "skipped", /does not get as far/]] as const
const identify = { identify: true } as const
const group = Intents.Intent.GROUP_AND_C2C_EVENT

const minutes = (count: number): number => Duration.toMillis(Duration.minutes(count))

const cases: ReadonlyArray<Case> = [
  { name: "nothing is wrong", expected: [unasked], exitCode: 0 },
  { name: "nothing is wrong, and the intents are granted", options: identify, expected: [], exitCode: 0 },
  {
    name: "no variable is set",
    environment: () => ({ QQ_APP_ID: undefined, QQ_APP_SECRET: undefined }),
    expected: [
      ["configuration", "failure", /QQ_APP_ID is not set; QQ_APP_SECRET is not set/],
      ["token", "skipped", /the configuration/],
      ["clock", "skipped", /the configuration/],
      ...(["allow-list", "gateway", "identifies", "socket", "intents", "state"] as const).map(
        (of) => [of, "skipped", /the configuration/] as const
      )
    ],
    exitCode: 20
  },
  {
    name: "a variable cannot be used",
    environment: () => ({ QQ_INTENTS: hidden, QQ_TOKEN_URL: undefined }),
    expected: [
      ["configuration", "failure", /QQ_TOKEN_URL must be set too.*QQ_INTENTS must be a number/],
      ...(["token", "clock", "allow-list", "gateway", "identifies", "socket", "intents", "state"] as const).map(
        (of) => [of, "skipped", /the configuration/] as const
      )
    ],
    exitCode: 20
  },
  {
    name: "the proxy cannot be used",
    environment: () => ({ HTTPS_PROXY: `ftp://${hidden}` }),
    expected: [
      ["configuration", "failure", /HTTPS_PROXY must be/],
      ...(["token", "clock", "allow-list", "gateway", "identifies", "socket", "intents", "state"] as const).map(
        (of) => [of, "skipped", /the configuration/] as const
      )
    ],
    exitCode: 20
  },
  {
    name: "the secret is wrong",
    environment: () => ({ QQ_APP_SECRET: hidden }),
    expected: [["token", "failure", /the app id or the secret is wrong.*100016/], ...noToken],
    exitCode: 21,
    advice: /QQ_APP_SECRET/
  },
  {
    name: "the app id is banned",
    faults: [http("token", { _tag: "Status", status: 200, code: 100007, message: "appid invalid" })],
    expected: [["token", "failure", /banned or deleted.*100007/], ...noToken],
    exitCode: 21
  },
  {
    name: "the token endpoint is asked too often",
    faults: [http("token", { _tag: "Status", status: 200, code: 100001, message: "frequency limit" })],
    expected: [["token", "failure", /asked too often/], ...noToken],
    exitCode: 23
  },
  {
    name: "the token endpoint answers 500",
    faults: [http("token", body(500, "<html>"))],
    expected: [["token", "failure", /did not answer in JSON.*HTTP 500/], ...noToken],
    exitCode: 25
  },
  {
    name: "the token endpoint is somewhere else",
    environment: ({ apiUrl }) => ({ QQ_TOKEN_URL: `${apiUrl}/no/such/path` }),
    expected: [["token", "failure", /the token endpoint refused.*HTTP 4/], ...noToken],
    exitCode: 25,
    advice: /QQ_TOKEN_URL/
  },
  {
    name: "nothing listens at the token endpoint",
    // a port where no program of today listens
    environment: () => ({ QQ_TOKEN_URL: "http://127.0.0.1:9/token" }),
    expected: [
      ["token", "failure", /cannot be reached.*ECONNREFUSED/],
      ["clock", "skipped", /no answer with a date/],
      ...noToken
    ],
    exitCode: 24
  },
  {
    name: "this machine is not on the allow-list",
    faults: [{ _tag: "IpNotAllowed" }],
    expected: [
      ["allow-list", "failure", /this address is not allowed \(11298\)/],
      ...(["gateway", "identifies", "socket", "intents"] as const).map(
        (of) => [of, "skipped", /address is not allowed/] as const
      )
    ],
    exitCode: 22,
    advice: /public IPv4 address/
  },
  {
    name: "the platform names the address that is not on the allow-list",
    faults: [
      http("metadata", {
        _tag: "Status",
        status: 401,
        code: 11298,
        errCode: 40023002,
        message: "ip 203.0.113.7 is not in the allow list"
      })
    ],
    expected: [
      ["allow-list", "failure", /203\.0\.113\.7/],
      ...(["gateway", "identifies", "socket", "intents"] as const).map(
        (of) => [of, "skipped", /address is not allowed/] as const
      )
    ],
    exitCode: 22,
    advice: /^add 203\.0\.113\.7 to/
  },
  ...[body(200, "null"), body(200, `{"url":"https://example.com"}`), body(200, "<html>")].map((failure): Case => ({
    name: `the gateway's address is ${"body" in failure ? failure.body : ""}`,
    faults: [http("metadata", failure)],
    expected: [["allow-list", "skipped", /no usable/], ["gateway", "failure", /malformed|not JSON/], ...noGateway],
    exitCode: 25
  })),
  {
    name: "the gateway's address cannot be had: 500",
    faults: [http("metadata", { _tag: "Status", status: 500, code: 500000, message: "internal" })],
    expected: [["allow-list", "skipped", /no usable/], ["gateway", "failure", /HTTP 500/], ...noGateway],
    exitCode: 25
  },
  {
    name: "the gateway's address is asked for too often",
    faults: [{ _tag: "RateLimitMetadata", times: Infinity }],
    expected: [["allow-list", "skipped", /no usable/], ["gateway", "failure", /asked too often/], ...noGateway],
    exitCode: 23
  },
  {
    name: "the API does not answer",
    faults: [http("metadata", { _tag: "Reset", accepted: false })],
    expected: [["allow-list", "skipped", /no usable/], ["gateway", "failure", /connection broke/], ...noGateway],
    exitCode: 24
  },
  {
    name: "nothing listens at the gateway",
    faults: [http("metadata", body(200, `{"url":"ws://127.0.0.1:9/websocket"}`))],
    expected: [["socket", "failure", /ECONNREFUSED/], unasked],
    exitCode: 24
  },
  {
    name: "the upgrade is answered with 401",
    faults: [{ _tag: "RefuseUpgrade", status: 401 }],
    options: identify,
    expected: [["socket", "failure", /HTTP 401/], ...withoutSocket],
    exitCode: 28
  },
  {
    name: "the upgrade is answered with 503",
    faults: [{ _tag: "RefuseUpgrade", status: 503 }],
    expected: [["socket", "failure", /HTTP 503/], unasked],
    exitCode: 28
  },
  {
    name: "the upgrade is not answered",
    faults: [{ _tag: "SilentUpgrade" }],
    expected: [["socket", "failure", /OpenTimeout/], unasked],
    exitCode: 24
  },
  {
    name: "no HELLO comes",
    faults: [{ _tag: "NoHello" }],
    expected: [["socket", "failure", /no HELLO within 500ms/], unasked],
    exitCode: 28
  },
  {
    name: "HELLO has no usable interval",
    faults: [{ _tag: "Hello", value: "soon" }],
    expected: [["socket", "warning", /no usable heartbeat interval; a bot would send a heartbeat every 45s/], unasked],
    exitCode: 0
  },
  {
    name: "the gateway closes with 4915",
    faults: [{ _tag: "AcceptThenClose", code: 4915, moment: "open" }, { _tag: "NoHello" }],
    expected: [["socket", "failure", /4915.*banned/], unasked],
    exitCode: 28
  },
  {
    name: "the intents are refused with 4014",
    platform: { platform: { grantedIntents: 0 } },
    options: { identify: true, intents: group },
    expected: [["intents", "failure", /refuses GROUP_AND_C2C_EVENT$/]],
    exitCode: 29,
    advice: /permission/
  },
  {
    name: "the intents are refused with an op 9 and no word more",
    faults: [{ _tag: "RefuseIdentifies" }],
    environment: () => ({ QQ_INTENTS: "INTERACTION" }),
    options: identify,
    expected: [["intents", "failure", /refuses INTERACTION$/]],
    exitCode: 29
  },
  {
    name: "one of two intents is refused",
    platform: { platform: { grantedIntents: group } },
    options: { identify: true, intents: group | Intents.Intent.GUILD_MESSAGES },
    expected: [
      ["intents", "failure", /this set.*alone it refuses GUILD_MESSAGES; alone it accepts GROUP_AND_C2C_EVENT$/]
    ],
    exitCode: 29
  },
  {
    name: "intents are refused while there are few identifies to find out which",
    platform: { platform: { grantedIntents: group, sessionLimit: { remaining: 5 } } },
    options: { identify: true, intents: group | Intents.Intent.GUILD_MESSAGES },
    expected: [
      ["identifies", "warning", /^5 of 1000/],
      ["intents", "failure", /this set of intents; not tried alone: GUILD_MESSAGES, GROUP_AND_C2C_EVENT$/]
    ],
    exitCode: 29
  },
  {
    name: "an identify is not answered",
    faults: [{ _tag: "IgnoreIdentifies" }],
    options: identify,
    expected: [["intents", "failure", /ReadyTimeout/]],
    exitCode: 28
  },
  {
    name: "no identify is left",
    platform: { platform: { sessionLimit: { remaining: 0, resetAfter: minutes(90) } } },
    options: identify,
    expected: [
      ["identifies", "failure", /^0 of 1000 identifies are left; all are back in 1h 30m/],
      ["intents", "skipped", /no identify is left/]
    ],
    exitCode: 27
  },
  {
    name: "few identifies are left",
    platform: { platform: { sessionLimit: { remaining: 3 } } },
    expected: [["identifies", "warning", /^3 of 1000/], unasked],
    exitCode: 0
  },
  {
    name: "the clock is three minutes ahead",
    faults: [{ _tag: "ClockSkew", by: -minutes(3) }],
    expected: [["clock", "warning", /3m ahead of the platform's/], unasked],
    exitCode: 0
  },
  {
    name: "the clock is an hour behind",
    faults: [{ _tag: "ClockSkew", by: minutes(60) }],
    expected: [["clock", "failure", /1h behind the platform's/], unasked],
    exitCode: 26
  },
  {
    name: "the state directory cannot be made",
    environment: () => ({ QQ_STATE_DIR: Path.join(process.execPath, "state") }),
    expected: [unasked, ["state", "failure", /cannot be used/]],
    exitCode: 30,
    advice: /QQ_STATE_DIR/
  }
]

const environmentOf = (
  { environment }: Pick<Case, "environment">,
  platform: Sandbox.SandboxShape,
  stateDirectory: string
): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...told(platform, stateDirectory), ...environment?.(platform) }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]]
    )
  )

const provided = (environment: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))

/** All that the examination finds in a sandbox where this is so. */
const examined = (
  one: Omit<Case, "name" | "expected" | "exitCode">
): Effect.Effect<ReadonlyArray<Doctor.Check>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const platform = yield* Effect.orDie(sandbox(one.platform))
    const directory = yield* temporaryDirectory
    yield* inject(platform, ...(one.faults ?? []))
    const checks = yield* Doctor.examine({ patience: "500 millis", ...one.options }).pipe(
      provided(environmentOf(one, platform, directory))
    )
    const text = JSON.stringify(checks)
    for (const secret of [Redacted.value(platform.secret), hidden, ...platform.model.issuedTokens()]) {
      assert.notInclude(text, secret, "a secret is told")
    }
    return checks
  })

describe("effect-qq doctor", () => {
  for (const one of cases) {
    it.scopedLive(
      one.name,
      () =>
        Effect.gen(function* () {
          const checks = yield* examined(one)
          const conspicuous = checks.filter(({ status }) => status !== "ok")
          assert.deepStrictEqual(
            conspicuous.map(({ of, status }) => `${of} ${status}`),
            one.expected.map(([of, status]) => `${of} ${status}`),
            JSON.stringify(checks, undefined, 1)
          )
          one.expected.forEach(([, , found], index) => assert.match(conspicuous[index]?.found ?? "", found))
          assert.strictEqual(DoctorCommand.exitCode(checks), one.exitCode)
          for (const { advice, status } of checks) {
            assert.strictEqual(advice !== undefined, status === "failure" || status === "warning")
          }
          if (one.advice !== undefined) {
            assert.match(checks.find(({ status }) => status === "failure")?.advice ?? "", one.advice)
          }
        }),
      30_000
    )
  }

  it.scopedLive("has another exit code for each kind of trouble", () =>
    Effect.sync(() => {
      const codes = Object.values(DoctorCommand.exitCodes)
      assert.strictEqual(new Set(codes).size, codes.length)
      const met = new Set(cases.map(({ exitCode }) => exitCode))
      assert.deepStrictEqual(
        codes.filter((code) => !met.has(code)),
        [],
        "a kind of trouble that no case above has"
      )
    })
  )

  it.scopedLive("what a bot has stored is told, and left as it is", () =>
    Effect.gen(function* () {
      const platform = yield* sandbox()
      const directory = yield* temporaryDirectory
      const file = Path.join(directory, SessionStore.sessionKey(platform.appId, [0, 1]))
      const at = Date.UTC(2026, 10, 24)
      const session: SessionStore.StoredSession = {
        appId: platform.appId,
        intents: group,
        shard: [0, 1],
        sessionId: hidden,
        sequence: 7,
        startedAt: at,
        savedAt: at,
        settled: []
      }
      const state = Effect.map(Doctor.examine().pipe(provided(environmentOf({}, platform, directory))), (checks) =>
        checks.at(-1)
      )
      for (const [text, status, found] of [
        [JSON.stringify(session), "ok", /a session of shard 0 of 1, saved at 2026-11-24T00:00:00/],
        ["{", "warning", /cannot be read/]
      ] as const) {
        Fs.writeFileSync(file, text)
        const check = yield* state
        assert.strictEqual(check?.status, status)
        assert.match(check?.found ?? "", found)
        assert.notInclude(check?.found ?? "", hidden)
        assert.strictEqual(Fs.readFileSync(file, "utf8"), text)
        assert.deepStrictEqual(Fs.readdirSync(directory), [Path.basename(file)])
      }
    })
  )

  it.scopedLive("costs an identify only when it is asked to, and leaves no session behind", () =>
    Effect.gen(function* () {
      const platform = yield* sandbox()
      const directory = yield* temporaryDirectory
      const identifies = () =>
        platform.model.journal.filter((entry) => entry.kind === "Received" && entry.op === 2).length
      const environment = environmentOf({}, platform, directory)
      yield* provided(environment)(Doctor.examine())
      assert.strictEqual(identifies(), 0)
      yield* provided(environment)(Doctor.examine({ identify: true }))
      assert.strictEqual(identifies(), 1)
      assert.deepStrictEqual(platform.model.sessions(yield* Clock.currentTimeMillis), [])
    })
  )

  it.scopedLive("prints a line for each check and what to do", () =>
    Effect.gen(function* () {
      const platform = yield* sandbox()
      const directory = yield* temporaryDirectory
      yield* inject(platform, { _tag: "IpNotAllowed" })
      const out: Array<string> = []
      const base = yield* Console.consoleWith(Effect.succeed)
      const console: Console.Console = {
        ...base,
        log: (...values) => Effect.sync(() => void out.push(values.map(String).join(" ")))
      }
      const error = yield* Commands.run({ version: "1.2.3", demo: Effect.void })(["node", "effect-qq", "doctor"]).pipe(
        provided(environmentOf({}, platform, directory)),
        Effect.withConsole(console),
        Effect.provide(Layer.merge(NodeContext.layer, NodeHttpClient.layerUndici)),
        Effect.flip
      )
      assert.deepInclude(error, { _tag: "Unwell", exitCode: 22 })
      const lines = out.join("\n").split("\n")
      assert.strictEqual(lines.length, 10, lines.join("\n"))
      assert.match(lines[0] ?? "", /^ok {7}configuration {2}every variable can be used/)
      assert.match(lines[3] ?? "", /^failure {2}allow-list {5}this address is not allowed/)
      assert.match(lines[4] ?? "", /^ {24}-> add this machine's public IPv4 address/)
      assert.match(lines[5] ?? "", /^skipped {2}gateway {8}skipped because/)
    })
  )

  it.scopedLive(
    "the bin ends with the code and prints one object",
    () =>
      Effect.gen(function* () {
        const platform = yield* sandbox()
        const environment = told(platform, yield* temporaryDirectory)
        for (const [changes, code] of [
          [{}, 0],
          [{ QQ_APP_SECRET: hidden }, 21]
        ] as const) {
          const child = yield* start(commandLine, {
            words: ["doctor", "--json"],
            environment: { ...environment, ...changes }
          })
          const ended = yield* child.ended
          assert.strictEqual(ended.code, code, child.printed())
          const { checks, ...rest } = JSON.parse(child.printed()) as { readonly checks: ReadonlyArray<Doctor.Check> }
          assert.deepStrictEqual<unknown>(rest, { ok: code === 0, exitCode: code })
          assert.strictEqual(checks.length, 9)
          assert.notInclude(child.printed(), hidden)
        }
      }),
    60_000
  )
})
