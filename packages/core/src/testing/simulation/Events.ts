/**
 * What happens to a simulated bot: users who write, a platform that asks for reconnects, mishaps.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fault from "../Fault.ts"
import type { Said } from "../model/PlatformModel.ts"
import * as Dice from "./Dice.ts"
import * as FaultPlan from "./FaultPlan.ts"
import type { Plan } from "./Options.ts"
import * as Place from "./Place.ts"
import * as Script from "./Script.ts"
import type { SimulatedBot } from "./SimulatedBot.ts"

const minute = 60_000

const day = 24 * 60 * minute

/** How long the end of a simulation waits, in milliseconds, for the bot to be well again and its work to be done. */
const recoveryTime = 20 * minute

/** The oracle is told first: the model may dispatch at once. */
const ask = (bot: SimulatedBot, plan: Plan, question: Script.Ask, conversation: string, said: Said) =>
  Effect.gen(function* () {
    const shard = Place.shardOfConversation(conversation)
    const now = yield* Clock.currentTimeMillis
    bot.processOf(shard).oracle.said(now, question, conversation, `${shard}/${plan.shards}`)
    yield* bot.runner.say(said)
  })

const say = (bot: SimulatedBot, plan: Plan, dice: Dice.Dice) =>
  Effect.suspend(() => {
    const { groups, shards, streams, users, work } = plan
    const place = dice.between(1, users + groups + (shards > 1 ? shards : 0))
    const question: Script.Ask = {
      number: ++bot.said,
      work: dice.chance(0.5) ? 0 : dice.between(1, work),
      isStreamed: dice.chance(streams)
    }
    const text = Script.say(question)
    if (place > users + groups) {
      const shard = place - users - groups - 1
      const channel = Place.channelOf(shard)
      const guild = Place.guildOf(shard)
      return ask(bot, plan, question, channel, { scene: "channel", guild, channel, user: "m1", text })
    }
    if (place <= users) return ask(bot, plan, question, `u${place}`, { scene: "c2c", user: `u${place}`, text })
    const group = `g${place - users}`
    const member = `m${dice.between(1, 3)}`
    return ask(bot, plan, question, group, { scene: "group", group, member, text, at: true })
  })

const traffic = (bot: SimulatedBot, plan: Plan) =>
  Effect.gen(function* () {
    if (plan.perHour <= 0) return yield* Effect.never
    const dice = Dice.fromSeed(`${plan.seed}/traffic/${bot.bot}`)
    for (;;) {
      const gap = (-Math.log(1 - dice.next()) * 60 * minute) / plan.perHour
      yield* Effect.sleep(Math.ceil(gap))
      const several = dice.chance(plan.bursts) ? dice.between(2, 10) : 1
      for (let count = 0; count < several; count++) yield* say(bot, plan, dice)
    }
  })

/** The platform asks every living connection to come back, as it does all day. */
const rotate = (bot: SimulatedBot, every: number) =>
  Effect.gen(function* () {
    if (every <= 0) return yield* Effect.never
    for (let round = 0; ; round++) {
      yield* Effect.sleep(every)
      yield* bot.runner.inject(round % 2 === 0 ? Fault.reconnect() : Fault.close(4009))
    }
  })

const askForStream = (bot: SimulatedBot, plan: Plan, work: number) =>
  Effect.suspend(() => {
    const question: Script.Ask = { number: ++bot.said, work, isStreamed: true }
    return ask(bot, plan, question, "u1", { scene: "c2c", user: "u1", text: Script.say(question) })
  })

const befall = (bot: SimulatedBot, plan: Plan, mishap: FaultPlan.Mishap): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { client } = bot.processes[Math.floor(mishap.which * bot.processes.length)] ?? bot.processes[0]
    bot.faults++
    if (mishap.stream !== undefined) {
      yield* askForStream(bot, plan, mishap.stream.work)
      yield* Effect.sleep(mishap.stream.after)
    }
    if (mishap.store !== undefined) client.trouble(mishap.store)
    if (mishap.process !== undefined) {
      const { _tag, away } = mishap.process
      if (mishap.store !== undefined) yield* Effect.sleep(mishap.lasts)
      if (_tag === "Crash") bot.crashes++
      else bot.restarts++
      yield* _tag === "Crash" ? client.crash : client.stop
      yield* Effect.sleep(away)
      yield* client.start
      if (mishap.store === undefined) return
    }
    if (mishap.store !== undefined) {
      yield* Effect.sleep(mishap.lasts)
      return client.trouble(undefined)
    }
    const until = (yield* Clock.currentTimeMillis) + mishap.lasts
    for (const { oracle } of bot.processes) oracle.troubled(until)
    const [first, last] = mishap.steps
    client.step(first)
    yield* Effect.forEach(mishap.faults, bot.runner.inject, { discard: true })
    yield* Effect.sleep(mishap.lasts)
    yield* Effect.forEach(mishap.ends, bot.runner.inject, { discard: true })
    yield* bot.runner.inject(Fault.clear)
    client.step(last)
  })

const mishaps = (bot: SimulatedBot, plan: Plan) =>
  Effect.gen(function* () {
    if (plan.rate <= 0) return yield* Effect.never
    const dice = Dice.fromSeed(`${plan.seed}/faults/${bot.bot}`)
    for (;;) {
      const gap = (-Math.log(1 - dice.next()) * minute) / plan.rate
      yield* Effect.sleep(Math.ceil(gap))
      yield* befall(bot, plan, FaultPlan.draw(dice, plan.kinds))
    }
  })

/** A timer of more than 24 days never rings. */
const pass = (left: number): Effect.Effect<void> =>
  left <= day
    ? Effect.sleep(left)
    : Effect.zipRight(
        Effect.sleep(day),
        Effect.suspend(() => pass(left - day))
      )

/**
 * The whole life of a bot: online, in trouble for as long as the plan says, then left alone until it is well again.
 *
 * @since 0.1.0
 * @category combinators
 */
export const live = (bot: SimulatedBot, plan: Plan): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clients = bot.processes.map(({ client }) => client)
    const all = (run: (client: (typeof clients)[number]) => Effect.Effect<void, never, Scope.Scope>) =>
      Effect.forEach(clients, run, { discard: true, concurrency: "unbounded" })
    yield* all(({ start }) => start)
    const busy = Effect.all([traffic(bot, plan), rotate(bot, plan.rotateEvery), mishaps(bot, plan)], {
      concurrency: "unbounded"
    })
    yield* Effect.raceFirst(busy, pass(plan.lasts))
    yield* bot.runner.inject(Fault.clear)
    for (const { trouble } of clients) trouble(undefined)
    yield* all(({ start }) => start)
    yield* Effect.sleep(recoveryTime)
    yield* Effect.sync(bot.read)
    yield* all(({ stop }) => stop)
  })
