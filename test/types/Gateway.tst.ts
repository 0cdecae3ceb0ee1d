import {
  type AccessToken,
  type Bot,
  type BotConfig,
  type Event,
  Gateway,
  type GatewayError,
  Message,
  Messenger,
  type SendError
} from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import { type Cause, Context, Data, Effect, Layer, type Scope } from "effect"
import { describe, expect, it } from "tstyche"

class Weather extends Context.Tag("Weather")<Weather, { readonly today: Effect.Effect<string> }>() {}

class Cloudy extends Data.TaggedError("Cloudy")<{}> {}

describe("Gateway.on", () => {
  it("narrows the event to the named type", () => {
    Gateway.on("GROUP_AT_MESSAGE_CREATE", (event) => {
      expect(event).type.toBe<Event.GroupAtMessageCreate>()
      expect(event.group_openid).type.toBe<string>()
      return Effect.void
    })
  })

  it("narrows to a union, told apart by t", () => {
    Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"], (event) => {
      expect(event).type.toBe<Event.C2CMessageCreate | Event.GroupMessageCreate>()
      if (event.t === "C2C_MESSAGE_CREATE") expect(event).type.toBe<Event.C2CMessageCreate>()
      return Effect.void
    })
  })

  it("refuses names that are no events", () => {
    expect(Gateway.on).type.not.toBeCallableWith("NO_SUCH_EVENT", () => Effect.void)
  })

  it("is a Layer that needs the registry and what the handler needs, but no Scope", () => {
    expect(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void)).type.toBe<
      Layer.Layer<never, never, Gateway.HandlerRegistry>
    >()
    const withResource = Gateway.on("C2C_MESSAGE_CREATE", () =>
      Effect.zipRight(
        Effect.acquireRelease(Effect.void, () => Effect.void),
        Effect.flatMap(Weather, ({ today }) => today)
      )
    )
    expect(withResource).type.toBe<Layer.Layer<never, never, Weather | Gateway.HandlerRegistry>>()
  })

  it("tells a failure handler what the handler fails with", () => {
    Gateway.on("C2C_MESSAGE_CREATE", () => new Cloudy(), {
      onFailure: (cause, event) => {
        expect(event).type.toBe<Event.C2CMessageCreate>()
        expect(cause).type.toBe<Cause.Cause<Cause.TimeoutException | Cloudy>>()
        return Effect.void
      }
    })
  })
})

describe("Gateway.run", () => {
  const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))

  it("needs a gateway and what the handlers need, and never succeeds", () => {
    expect(Gateway.run(Echo)).type.toBe<
      Effect.Effect<never, Gateway.AlreadyRunning | GatewayError.GatewayStopped, Gateway.Gateway | Messenger.Messenger>
    >()
  })

  it("fails with what building the handlers fails with", () => {
    const broken = Layer.provide(Echo, Layer.fail(new Cloudy()))
    expect<Effect.Effect.Error<ReturnType<typeof Gateway.run<Cloudy, never>>>>().type.toBe<
      Cloudy | Gateway.AlreadyRunning | GatewayError.GatewayStopped
    >()
    expect(Gateway.run).type.toBeCallableWith(broken)
  })

  it("is complete with a platform for tests", () => {
    expect(Gateway.run(Echo).pipe(Effect.provide(TestPlatform.layer()))).type.toBe<
      Effect.Effect<never, Gateway.AlreadyRunning | GatewayError.GatewayStopped>
    >()
  })
})

describe("Messenger", () => {
  it("replies to messages only", () => {
    expect(Messenger.reply).type.not.toBeCallableWith({} as Event.Ready, Message.text(""))
    expect(Messenger.reply).type.not.toBeCallableWith({} as Event.Unknown, Message.text(""))
  })

  it("fails with the union of send errors", () => {
    expect<Effect.Effect.Error<ReturnType<typeof Messenger.reply>>>().type.toBe<SendError.SendError>()
    expect<SendError.SendError["_tag"]>().type.toBe<
      | "DeliveryUnknown"
      | "MessageInvalid"
      | "MessageRejected"
      | "MsgIdExpired"
      | "PermissionDenied"
      | "PlatformUnavailable"
      | "ProactiveRefused"
      | "QuotaExhausted"
      | "RateLimited"
    >()
  })
})

describe("errors of the gateway", () => {
  it("stop for a reason that a person has to mend", () => {
    expect<GatewayError.GatewayStopped["because"]["_tag"]>().type.toBe<
      "CredentialsRejected" | "GatewayRejected" | "IpNotAllowed"
    >()
    expect<GatewayError.GatewayStopped["hint"]>().type.toBe<string>()
  })
})

describe("the layer of a test", () => {
  it("provides a bot, its configuration and the platform", () => {
    type Provided = Layer.Layer.Success<ReturnType<typeof TestPlatform.layer>>
    expect<
      Bot.Bot | BotConfig.BotConfig | AccessToken.AccessToken | TestPlatform.TestPlatform
    >().type.toBeAssignableTo<Provided>()
    expect<Scope.Scope>().type.not.toBeAssignableTo<Provided>()
  })
})
