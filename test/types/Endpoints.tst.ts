import { Endpoint, Endpoints, type OpenApi } from "@effect-qq/core"
import { type Effect, Schema, type Stream } from "effect"
import { describe, expect, it } from "tstyche"

describe("Endpoints", () => {
  it("take the ids of their path by name, all of them", () => {
    expect(Endpoints.getMember({ guild: "1", user: "2" })).type.toBe<
      Effect.Effect<Endpoints.Member, Endpoint.EndpointError, OpenApi.OpenApi>
    >()
    expect(Endpoints.getMember).type.not.toBeCallableWith({ guild: "1" })
    expect(Endpoints.getMember).type.not.toBeCallableWith({ guild: "1", user: 2 })
    expect(Endpoints.getMember).type.not.toBeCallableWith({ guild: "1", user: "2", role: "3" })
    expect(Endpoints.getMember).type.not.toBeCallableWith()
  })

  it("take nothing where they need nothing", () => {
    expect(Endpoints.getMe()).type.toBe<Effect.Effect<Endpoints.User, Endpoint.EndpointError, OpenApi.OpenApi>>()
    expect(Endpoints.listMyGuilds).type.toBeCallableWith({ limit: 10 })
    expect(Endpoints.listPanels).type.not.toBeCallableWith()
    expect(Endpoints.listPanels).type.not.toBeCallableWith({ scope: "everywhere" })
  })

  it("know the fields of a body, and let others pass", () => {
    expect(Endpoints.createRole).type.toBeCallableWith({ guild: "1", body: { name: "tea", invented: true } })
    expect(Endpoints.createRole).type.not.toBeCallableWith({ guild: "1", body: { name: 7 } })
    expect(Endpoints.createRole).type.not.toBeCallableWith({ guild: "1" })
    expect(Endpoints.removeMember).type.toBeCallableWith({ guild: "1", user: "2" })
    expect(Endpoints.decideJoinRequest).type.not.toBeCallableWith({ group: "1", member: "2", body: { op: "maybe" } })
  })

  it("know the kinds of emoji", () => {
    const reaction = { channel: "1", message: "2", emoji: "277" }
    expect(Endpoints.addReaction).type.toBeCallableWith({ ...reaction, emojiType: 1 as const })
    expect(Endpoints.addReaction).type.not.toBeCallableWith({ ...reaction, emojiType: 3 as const })
  })

  it("answer with fields of which each may be missing, and with nothing where there is nothing", () => {
    expect<Endpoints.Guild["member_count"]>().type.toBe<number | undefined>()
    expect<Endpoints.Member["user"]>().type.toBeAssignableTo<Endpoints.User | undefined>()
    expect(Endpoints.deleteRole({ guild: "1", role: "2" })).type.toBe<
      Effect.Effect<void, Endpoint.EndpointError, OpenApi.OpenApi>
    >()
    expect(Endpoints.getGuild.answer({ guild: "1" })).type.toBe<
      Effect.Effect<Endpoint.Answer<Endpoints.Guild>, Endpoint.EndpointError, OpenApi.OpenApi>
    >()
  })

  it("stream their items", () => {
    expect(Endpoints.listGroupMembers.stream({ group: "1" })).type.toBe<
      Stream.Stream<Endpoints.GroupMember, Endpoint.EndpointError, OpenApi.OpenApi>
    >()
    expect(Endpoints.getGuild).type.not.toHaveProperty("stream")
  })

  it("can be added to", () => {
    const getTea = Endpoint.make({
      method: "GET",
      path: "/teas/{tea}",
      query: { hot: Schema.Boolean },
      answer: Schema.Struct({ minutes: Schema.Number }),
      source: "[unsure]"
    })
    expect(getTea({ tea: "green", hot: true })).type.toBe<
      Effect.Effect<{ readonly minutes: number }, Endpoint.EndpointError, OpenApi.OpenApi>
    >()
    expect(getTea).type.not.toBeCallableWith({ tea: "green" })
  })
})
