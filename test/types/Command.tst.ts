import {
  Argument,
  Command,
  type Event,
  type Gateway,
  Message,
  type MessageView,
  Messenger,
  type SendError
} from "@effect-qq/core"
import { type Cause, Context, Data, Duration, Effect, type Layer, type Option, Schema, type Scope } from "effect"
import { describe, expect, it } from "tstyche"

class Records extends Context.Tag("Records")<Records, { readonly add: (id: string) => Effect.Effect<void> }>() {}

class Staff extends Context.Tag("Staff")<Staff, { readonly has: (id: string) => Effect.Effect<boolean, Closed> }>() {}

class Closed extends Data.TaggedError("Closed")<{}> {}

class Full extends Data.TaggedError("Full")<{}> {}

const mute = Command.make(
  "mute",
  {
    arguments: {
      member: Argument.mention,
      length: Argument.duration.pipe(Argument.withDefault(Duration.minutes(10))),
      mode: Argument.choice(["soft", "hard"]).pipe(Argument.withDescription("how"), Argument.optional),
      times: Argument.schema(Schema.NumberFromString),
      reason: Argument.optional(Argument.rest)
    },
    permission: ({ author }) => Effect.flatMap(Staff, (staff) => staff.has(author.id))
  },
  ({ args, event, message }) => {
    expect(args).type.toBe<{
      readonly member: MessageView.Mention
      readonly length: Duration.Duration
      readonly mode: Option.Option<"soft" | "hard">
      readonly times: number
      readonly reason: Option.Option<string>
    }>()
    expect(event).type.toBe<Event.MessageEvent>()
    expect(message).type.toBe<MessageView.MessageView>()
    return Effect.flatMap(Records, (records) => records.add(args.member.id)).pipe(Effect.zipRight(new Full()))
  }
)

const ping = Command.make("ping", {}, ({ args, event }) => {
  expect(args).type.toBe<{}>()
  return Effect.scoped(Messenger.reply(event, Message.text("pong")))
})

describe("Command", () => {
  it("knows what its handler and its permission fail with and need", () => {
    expect(mute).type.toBe<Command.Command<Full | Closed, Records | Staff>>()
    expect(ping).type.toBe<Command.Command<SendError.SendError, Messenger.Messenger>>()
    expect(Command.make("x", { permission: "admin" }, () => Effect.void)).type.toBe<Command.Command>()
    expect(Command.make("x", { permission: () => true }, () => Effect.void)).type.toBe<Command.Command>()
  })

  it("of a group has what its parts have", () => {
    expect(Command.group("all", {}, [mute, ping])).type.toBe<
      Command.Command<Full | Closed | SendError.SendError, Records | Staff | Messenger.Messenger>
    >()
  })

  it("is a Layer that needs what its handlers need, the registry, and no Scope", () => {
    expect(Command.layer([mute, ping])).type.toBe<
      Layer.Layer<never, never, Records | Staff | Messenger.Messenger | Gateway.HandlerRegistry>
    >()
    expect(Command.layer([Command.make("x", {}, () => Effect.addFinalizer(() => Effect.void))])).type.toBe<
      Layer.Layer<never, never, Messenger.Messenger | Gateway.HandlerRegistry>
    >()
  })

  it("tells onFailure all that may go wrong", () => {
    Command.layer([mute], {
      fallback: (message) => {
        expect(message).type.toBe<MessageView.MessageView>()
        return Effect.fail("lost" as const)
      },
      onFailure: (cause) => {
        expect<
          Cause.Cause<Full | Closed | "lost" | SendError.SendError | Cause.TimeoutException>
        >().type.toBeAssignableFrom(cause)
        return Effect.void
      }
    })
    expect<Scope.Scope>().type.not.toBe<Command.ContextOf<typeof mute>>()
  })

  it("refuses arguments that are none", () => {
    expect(Command.make).type.not.toBeCallableWith("x", { arguments: { n: Schema.String } }, () => Effect.void)
    expect(Command.make).type.not.toBeCallableWith("x", { scenes: ["nowhere"] }, () => Effect.void)
    expect(Command.group).type.not.toBeCallableWith("x", {}, [{}])
  })
})
