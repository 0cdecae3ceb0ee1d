import {
  type AccessToken,
  type Bot,
  type BotConfig,
  type Event,
  Gateway,
  type GatewayError,
  Interaction,
  Message,
  MessageView,
  Messenger,
  Reaction,
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

  it("narrows to every type of the platform", () => {
    Gateway.on("FRIEND_ADD", (event) => {
      expect(event).type.toBe<Event.EventOf<"FRIEND_ADD">>()
      expect(event.openid).type.toBe<string>()
      expect(event.scene).type.toBe<number | null | undefined>()
      return Effect.void
    })
    Gateway.on("MESSAGE_REACTION_ADD", (event) => {
      expect(event.emoji.id).type.toBe<string>()
      expect(Reaction.targetOf(event)).type.toBe<Reaction.Target | undefined>()
      return Effect.void
    })
    Gateway.on(["FORUM_THREAD_CREATE", "OPEN_FORUM_THREAD_CREATE"], (event) => {
      expect(event.channel_id).type.toBe<string>()
      expect(event).type.not.toHaveProperty("thread_info")
      if (event.t === "FORUM_THREAD_CREATE") expect(event.thread_info.thread_id).type.toBe<string>()
      return Effect.void
    })
    Gateway.on("INTERACTION_CREATE", (event) => {
      expect(event).type.toBe<Event.InteractionCreate>()
      expect(event.data?.resolved?.button_data).type.toBe<string | null | undefined>()
      expect(Interaction.view(event).button?.data).type.toBe<string | undefined>()
      return Effect.void
    })
    expect<keyof typeof Event.payloads>().type.toBeAssignableTo<Event.EventType>()
  })

  it("gives messages text, and a view, of all six types", () => {
    Gateway.on(["AT_MESSAGE_CREATE", "MESSAGE_CREATE", "DIRECT_MESSAGE_CREATE"], (event) => {
      expect(event.content).type.toBe<string>()
      expect(MessageView.of(event)).type.toBe<MessageView.MessageView>()
      return Messenger.reply(event, Message.text(event.content))
    })
    expect(MessageView.of).type.not.toBeCallableWith({} as Event.EventOf<"MESSAGE_DELETE">)
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

describe("Gateway.onMessage", () => {
  it("gives a view of each message, and needs what the handler needs", () => {
    const layer = Gateway.onMessage(
      (message) => {
        expect(message).type.toBe<MessageView.MessageView>()
        expect(message.event).type.toBe<Event.MessageEvent>()
        return Effect.zipRight(
          Effect.flatMap(Weather, ({ today }) => today),
          new Cloudy()
        )
      },
      {
        scenes: ["c2c", "dm"],
        addressed: false,
        onFailure: (cause, event) => {
          expect(event).type.toBe<Event.MessageEvent>()
          expect(cause).type.toBe<Cause.Cause<Cause.TimeoutException | Cloudy>>()
          return Effect.void
        }
      }
    )
    expect(layer).type.toBe<Layer.Layer<never, never, Weather | Gateway.HandlerRegistry>>()
    expect(Gateway.onMessage).type.not.toBeCallableWith(() => Effect.void, { scenes: ["elsewhere"] })
  })
})

describe("Gateway.next", () => {
  const message = {} as Event.C2CMessageCreate

  it("gives messages, and what is named", () => {
    type Of<T> = Effect.Effect<T, Cause.TimeoutException, Gateway.Gateway>
    expect(Gateway.next(message)).type.toBe<Of<Event.MessageEvent>>()
    expect(Gateway.next(message, { where: ({ content }) => content === "", timeout: "1 minute" })).type.toBe<
      Of<Event.MessageEvent>
    >()
    expect(Gateway.next(message, { types: "INTERACTION_CREATE" })).type.toBe<Of<Event.InteractionCreate>>()
    expect(
      Gateway.next({} as Event.InteractionCreate, {
        types: ["C2C_MESSAGE_CREATE", "INTERACTION_CREATE"],
        where: (event) => {
          expect(event).type.toBe<Event.C2CMessageCreate | Event.InteractionCreate>()
          return true
        }
      })
    ).type.toBe<Of<Event.C2CMessageCreate | Event.InteractionCreate>>()
  })

  it("refuses other events", () => {
    expect(Gateway.next).type.not.toBeCallableWith(message, { types: "FRIEND_ADD" })
    expect(Gateway.next).type.not.toBeCallableWith({} as Event.EventOf<"FRIEND_ADD">)
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
  it("replies to messages, and to events that can be replied to", () => {
    for (const event of [{} as Event.EventOf<"FRIEND_ADD">, {} as Event.EventOf<"MESSAGE_REACTION_ADD">]) {
      expect(Messenger.reply).type.toBeCallableWith(event, Message.text(""))
    }
    expect(Messenger.reply).type.toBeCallableWith({} as Event.InteractionCreate, Message.text(""))
    expect(Messenger.reply).type.not.toBeCallableWith({} as Event.EventOf<"FRIEND_DEL">, Message.text(""))
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
  it("stop for a reason that a person has to mend, or because another process owns the bot", () => {
    expect<GatewayError.GatewayStopped["because"]["_tag"]>().type.toBe<
      "CredentialsRejected" | "GatewayRejected" | "IpNotAllowed" | "OwnershipLost"
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
