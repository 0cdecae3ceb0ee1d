import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Endpoint from "../../../packages/core/src/openapi/Endpoint.ts"
import * as Endpoints from "../../../packages/core/src/openapi/Endpoints.ts"
import * as OpenApi from "../../../packages/core/src/openapi/OpenApi.ts"
import * as Path from "../../../packages/core/src/openapi/Path.ts"
import * as FakeHttp from "./FakeHttp.ts"

const provided = (http: FakeHttp.FakeHttp) =>
  Effect.provide(Layer.provide(OpenApi.layer, Layer.mergeAll(http.layer, FakeHttp.config(), FakeHttp.tokens().layer)))

const answering = (body: unknown, status = 200) => provided(FakeHttp.make(() => ({ status, body })))

const getGuild = Endpoints.getGuild({ guild: "1" })

/** Lets virtual time pass until a call has ended, and tells at which times it was sent. */
const times = <A, E>(http: FakeHttp.FakeHttp, call: Effect.Effect<A, E, OpenApi.OpenApi>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.exit(call))
    yield* TestClock.adjust("1 hour")
    const exit = yield* Fiber.join(fiber)
    return { exit, sent: http.asked.map(({ at }) => at) }
  }).pipe(provided(http))

describe("the path of a call", () => {
  it.effect("holds an id whatever it is, and leads nowhere else", () => {
    const http = FakeHttp.make(() => ({ body: {} }))
    return Effect.gen(function* () {
      yield* Endpoints.getMember({ guild: "../users/@me", user: "a?b#c/d%2e" })
      assert.strictEqual(http.asked[0]?.url, "https://api.test/guilds/..%2Fusers%2F%40me/members/a%3Fb%23c%2Fd%252e")
    }).pipe(provided(http))
  })

  it.effect.each(["", ".", ".."])("is not built of the id %j: nothing is sent", (guild) => {
    const http = FakeHttp.make(() => ({ body: {} }))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Endpoints.getGuild({ guild }))
      assert.deepInclude(error, { _tag: "ApiUnavailable", reason: "Malformed", outcome: "not-sent" })
      assert.lengthOf(http.asked, 0)
    }).pipe(provided(http))
  })

  it("has the segments of its template and decodes to the ids, or does not exist", () => {
    const anyText = FastCheck.oneof(
      FastCheck.string({ unit: "binary" }),
      FastCheck.constantFrom("..", ".", "", "/", "%2e%2e", "..\\", "\ud800", "@me", "a/../../b", " ", "\n")
    )
    FastCheck.assert(
      FastCheck.property(anyText, anyText, (guild, user) => {
        const path = Path.fill("/guilds/{guild}/members/{user}", { guild, user })
        if (path === undefined) return /^\.{0,2}$/.test(guild) || /^\.{0,2}$/.test(user)
        const [, first, second, third, fourth, ...rest] = new URL(path, "https://api.test").pathname.split("/")
        assert.deepStrictEqual([first, third, rest], ["guilds", "members", []])
        assert.deepStrictEqual(
          [second, fourth].map((segment) => decodeURIComponent(segment ?? "")),
          [guild, user].map((id) => id.replaceAll(/\p{Surrogate}/gu, "\ufffd"))
        )
        return true
      })
    )
  })

  it.effect("carries the query, and nothing that is no parameter of it", () => {
    const http = FakeHttp.make(() => ({ body: [] }))
    return Effect.gen(function* () {
      const input = { guild: "1", after: "2", limit: 3, other: "4" }
      yield* Endpoints.listMembers(input)
      assert.strictEqual(http.asked[0]?.url, "https://api.test/guilds/1/members?after=2&limit=3")
      const wrong = yield* Effect.flip(Endpoints.listMembers({ guild: "1", limit: "many" as unknown as number }))
      assert.deepInclude(wrong, { _tag: "ApiUnavailable", outcome: "not-sent" })
      assert.lengthOf(http.asked, 1)
    }).pipe(provided(http))
  })

  it.effect("goes with a body as it was given", () => {
    const http = FakeHttp.make(() => ({ status: 204 }))
    return Effect.gen(function* () {
      yield* Endpoints.muteGuild({ guild: "1", body: { mute_seconds: "60", invented: [1] } })
      yield* Endpoints.removeMember({ guild: "1", user: "2" })
      assert.deepStrictEqual(
        http.asked.map(({ body }) => body),
        ['{"mute_seconds":"60","invented":[1]}', ""]
      )
    }).pipe(provided(http))
  })
})

describe("an answer", () => {
  it.effect("has the decoded fields beside the raw body", () =>
    Effect.gen(function* () {
      const body = {
        id: 42,
        name: { odd: true },
        icon: null,
        owner: 1,
        member_count: "17",
        max_members: 1.5,
        owner_id: 2 ** 60,
        invented: ["kept"]
      }
      const { raw, status, value } = yield* Endpoints.getGuild.answer({ guild: "1" })
      assert.deepStrictEqual<unknown>(value, {
        id: "42",
        name: undefined,
        icon: undefined,
        owner: true,
        member_count: 17,
        max_members: undefined,
        owner_id: undefined,
        invented: ["kept"]
      })
      assert.deepStrictEqual([raw, status], [body, 200])
    }).pipe(
      answering({
        id: 42,
        name: { odd: true },
        icon: null,
        owner: 1,
        member_count: "17",
        max_members: 1.5,
        owner_id: 2 ** 60,
        invented: ["kept"]
      })
    )
  )

  it.effect("leaves out the entries of a list that are none", () =>
    Effect.gen(function* () {
      const members = yield* Endpoints.listMembers({ guild: "1" })
      assert.deepStrictEqual(
        members.map(({ nick, user }) => [user?.id, nick]),
        [
          ["1", "one"],
          [undefined, "two"]
        ]
      )
    }).pipe(answering([{ user: { id: 1 }, nick: "one" }, null, 7, "eight", { user: "odd", nick: "two" }]))
  )

  it.effect("is an empty list where the platform says null", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Endpoints.listChannels({ guild: "1" }), [])
    }).pipe(answering(null))
  )

  it.effect.each([[[]], ['"text"'], ["null"], [7], [undefined]])("to a question that is %j makes no sense", ([body]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(getGuild)
      assert.strictEqual(error._tag, "UnexpectedAnswer")
      assert.include(error.message, "GET /guilds/{guild}")
      assert.isNotEmpty(error.hint)
    }).pipe(answering(body))
  )

  it.effect.each([[undefined], [null], [{}]])("to a command may be %j", ([body]) =>
    Effect.gen(function* () {
      const role = yield* Endpoints.createRole({ guild: "1", body: { name: "tea" } })
      assert.isUndefined(role.role_id)
      yield* Endpoints.deleteRole({ guild: "1", role: "2" })
    }).pipe(answering(body))
  )

  it.effect.each([
    [{ url: "https://u" }],
    [{ url_link: "https://u" }],
    [{ retcode: 0, data: { url: "https://u" } }],
    [{ data: { url_link: "https://u" } }]
  ])("with a link may be %j", ([body]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Endpoints.generateUrlLink({ body: {} })).url, "https://u")
    }).pipe(answering(body))
  )

  it.effect("without the link that was asked for makes no sense", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Endpoints.generateUrlLink({ body: {} }))
      assert.strictEqual(error._tag, "UnexpectedAnswer")
    }).pipe(answering({ retcode: 1, msg: "no" }))
  )

  it.effect("that is an error is that of OpenApi", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(getGuild)
      assert.deepInclude(error, { _tag: "ApiError", code: 10004, class: "not_found", status: 500 })
    }).pipe(answering({ code: 10004, message: "guild does not exist" }, 500))
  )

  it.effect.prop(
    "of whatever kind is a value or one typed error, never a defect",
    [FastCheck.jsonValue(), FastCheck.constantFrom("getGuild", "listMembers", "listRoles", "getMenu", "setMenu")],
    ([body, name]) => {
      const calls = {
        getGuild,
        listMembers: Endpoints.listMembers({ guild: "1" }),
        listRoles: Endpoints.listRoles({ guild: "1" }),
        getMenu: Endpoints.getMenu(),
        setMenu: Endpoints.setMenu({ body: { menu: { items: [] } } })
      }
      return Effect.gen(function* () {
        const call: Effect.Effect<unknown, Endpoint.EndpointError, OpenApi.OpenApi> = calls[name as keyof typeof calls]
        const exit = yield* Effect.exit(Effect.provideService(call, Endpoint.Retries, Schedule.stop))
        if (Exit.isFailure(exit)) assert.strictEqual(exit.cause._tag, "Fail")
      }).pipe(answering(body))
    }
  )
})

describe("a call that failed", () => {
  const failing = (status: number, body?: unknown, headers?: Record<string, string>) =>
    FakeHttp.make(() => ({
      status,
      ...(body === undefined ? {} : { body }),
      ...(headers === undefined ? {} : { headers })
    }))

  it.effect("is retried after 0.5, 1, 2 and 5 s if it only reads", () => {
    const http = failing(502)
    return Effect.gen(function* () {
      const { exit, sent } = yield* times(http, getGuild)
      assert.deepStrictEqual(sent, [0, 500, 1500, 3500, 8500])
      assert.isTrue(Exit.isFailure(exit))
    })
  })

  it.effect("succeeds once the platform does", () => {
    const http = FakeHttp.make((_, index) => (index < 2 ? new FakeHttp.Broken("ECONNRESET") : { body: { id: "1" } }))
    return Effect.gen(function* () {
      const { exit, sent } = yield* times(http, getGuild)
      assert.deepStrictEqual(exit, Exit.succeed({ id: "1" }))
      assert.deepStrictEqual(sent, [0, 500, 1500])
    })
  })

  it.effect("waits longer where there are too many, and as long as the platform says", () =>
    Effect.gen(function* () {
      const many = { code: 100017, err_code: 40023001, message: "" }
      assert.deepStrictEqual((yield* times(failing(400, many), getGuild)).sent, [0, 2000, 7000, 17_000, 47_000])
      const told = failing(429, undefined, { "retry-after": "20" })
      assert.deepStrictEqual(
        (yield* times(told, getGuild)).sent,
        [0, 20_000, 40_000, 60_000, 90_000].map((at) => at + 3_600_000)
      )
    })
  )

  it.effect("is not retried if the platform asks for more than a minute", () => {
    const http = failing(429, undefined, { "retry-after": "61" })
    return Effect.gen(function* () {
      const { exit, sent } = yield* times(http, getGuild)
      assert.deepStrictEqual(sent, [0])
      const error = yield* Effect.flip(exit)
      assert.deepStrictEqual(error._tag === "ApiError" ? error.retryAfter : undefined, Duration.seconds(61))
    })
  })

  it.effect.each([
    ["a refusal", 400, { code: 12001, message: "" }],
    ["an unknown guild", 500, { code: 10004, message: "" }],
    ["nonsense", 200, []]
  ] as const)("for %s is not made again", ([, status, body]) => {
    const http = failing(status, body)
    return Effect.map(times(http, getGuild), ({ sent }) => assert.deepStrictEqual(sent, [0]))
  })

  it.effect("is not retried if it writes", () => {
    const http = failing(502)
    return Effect.gen(function* () {
      const { sent } = yield* times(http, Endpoints.muteGuild({ guild: "1", body: { mute_seconds: "60" } }))
      assert.deepStrictEqual(sent, [0])
    })
  })

  it.effect("is retried by the schedule of the program", () => {
    const http = failing(502)
    const patient = Schedule.spaced("10 seconds").pipe(Schedule.intersect(Schedule.recurs(2)))
    return Effect.gen(function* () {
      const { sent } = yield* times(http, Effect.provideService(getGuild, Endpoint.Retries, patient))
      assert.deepStrictEqual(sent, [0, 10_000, 20_000])
    })
  })

  it.effect("has the time that it is given", () => {
    const http = FakeHttp.make(() => "never")
    return Effect.gen(function* () {
      const call = Endpoints.muteGuild({ guild: "1", body: {} }, { timeout: "2 seconds" })
      const fiber = yield* Effect.fork(Effect.flip(call))
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "ApiUnavailable", reason: "TimedOut" })
      assert.strictEqual(yield* Clock.currentTimeMillis, 2000)
    }).pipe(provided(http))
  })
})

describe("a stream of pages", () => {
  const numbers = Endpoint.paged(
    {
      method: "GET",
      path: "/numbers",
      query: { cursor: Schema.optional(Schema.String), limit: Schema.optional(Schema.Number) },
      answer: Schema.Struct({ items: Schema.Array(Schema.Number), next: Schema.optional(Schema.String) }),
      source: "[unsure]"
    },
    { parameter: "cursor", limit: 2, items: ({ items }) => items, next: ({ next }) => next }
  )

  /** Pages by the cursor that leads to them. */
  const serving = (pages: Readonly<Record<string, unknown>>) =>
    FakeHttp.make(({ url }) => ({ body: pages[new URL(url).searchParams.get("cursor") ?? ""] }))

  const collected = <A, E>(stream: Stream.Stream<A, E, OpenApi.OpenApi>, http: FakeHttp.FakeHttp) =>
    Effect.map(Stream.runCollect(stream), (chunk) => [...chunk]).pipe(provided(http))

  it.effect("has them one after another, each as large as may be", () => {
    const http = serving({
      "": { items: [1, 2], next: "b" },
      b: { items: [3, 4], next: "c" },
      c: { items: [5], next: "" }
    })
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* collected(numbers.stream(), http), [1, 2, 3, 4, 5])
      assert.deepStrictEqual(
        http.asked.map(({ url }) => new URL(url).search),
        ["?limit=2", "?cursor=b&limit=2", "?cursor=c&limit=2"]
      )
    })
  })

  it.effect("asks for no more than is pulled", () => {
    const http = serving({ "": { items: [1, 2], next: "b" }, b: { items: [3, 4], next: "c" } })
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* collected(Stream.take(numbers.stream(), 2), http), [1, 2])
      assert.lengthOf(http.asked, 1)
    })
  })

  it.effect("begins where it is told to", () => {
    const http = serving({ b: { items: [3, 4] } })
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* collected(numbers.stream({ cursor: "b", limit: 9 }), http), [3, 4])
      assert.strictEqual(new URL(http.asked[0]?.url ?? "").search, "?cursor=b&limit=9")
    })
  })

  it.effect("ends with a page that brings nothing", () => {
    const http = serving({ "": { items: [1], next: "b" }, b: { items: [], next: "c" } })
    return Effect.map(collected(numbers.stream(), http), (all) => assert.deepStrictEqual(all, [1]))
  })

  it.effect.each(["a", "ab", "abcdefg"])("fails where the cursors %s lead in a circle", (circle) => {
    const http = FakeHttp.make(({ url }) => {
      const cursor = new URL(url).searchParams.get("cursor")
      const index = cursor === null ? 0 : circle.indexOf(cursor) + 1
      return { body: { items: [index], next: circle[index % circle.length] } }
    })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(collected(numbers.stream(), http))
      assert.deepInclude(error, { _tag: "UnexpectedAnswer", detail: "its pages lead in a circle" })
      assert.isAtMost(http.asked.length, 3 * circle.length + 2)
    })
  })

  it.effect("leaves out what a page repeats of the one before, and ends where nothing new comes", () => {
    const ids = (...all: ReadonlyArray<number>) => all.map((id) => ({ user: { id: String(id) } }))
    const pages = [ids(1, 2), ids(2, 3), ids(3)]
    const http = FakeHttp.make((_, index) => ({ body: pages[index] ?? ids(3) }))
    return Effect.gen(function* () {
      const all = yield* collected(Endpoints.listMembers.stream({ guild: "1" }), http)
      assert.deepStrictEqual(
        all.map(({ user }) => user?.id),
        ["1", "2", "3"]
      )
      assert.deepStrictEqual(
        http.asked.map(({ url }) => new URL(url).search),
        ["?limit=400", "?after=2&limit=400", "?after=3&limit=400"]
      )
    })
  })

  it.effect("tries a page again, and fails with what a page fails with", () => {
    const http = FakeHttp.make((_, index) =>
      index === 0
        ? { body: { items: [1], next: "b" } }
        : index < 3
          ? { status: 502 }
          : { status: 400, body: { code: 12001 } }
    )
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(collected(numbers.stream(), http)))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "ApiError", code: 12001 })
      assert.lengthOf(http.asked, 4)
    })
  })
})
