/**
 * What delivery has to know of a dispatch, read from its payload in one pass before any schema is asked: which events it is
 * the same as, which events it is handled in order with, and whether a bot wrote it.
 *
 * A payload is hostile until it is decoded: nothing here throws, whatever it is given.
 *
 * @since 0.1.0
 */
import type { Frame } from "../gateway/Frame.ts"
import { fieldsOf, textOf } from "../internal/Wire.ts"
import * as Scene from "./Scene.ts"

/**
 * What an id is unique in: the messages of a scene, or events.
 *
 * @since 0.1.0
 * @category models
 */
export type Namespace = Scene.Scene | "event"

/**
 * What a place is, by which events are put in order: a conversation where there is one, else a guild, else the type of the
 * event. A direct message is in order with the other events of its channel.
 *
 * @since 0.1.0
 * @category models
 */
export type Place = Exclude<Scene.Scene, "dm"> | "guild" | "type"

/**
 * The facts of one dispatch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Facts {
  /** Together with `id`: what tells that two dispatches are the same event. */
  namespace: Namespace
  /** The id of the message, so that twins have the same; of anything else that of the event. None: it has no duplicates. */
  id: string | undefined
  /** Together with `target`: events of the same place are handled one after another. */
  place: Place
  target: string
  /** Whether it is a message that a bot wrote. */
  isByBot: boolean
}

/** The fields of payloads that say where something happened and who did it. */
interface Fields {
  readonly id?: unknown
  readonly author?: unknown
  readonly message?: unknown
  readonly bot?: unknown
  readonly group_openid?: unknown
  readonly channel_id?: unknown
  readonly guild_id?: unknown
  readonly user_openid?: unknown
  readonly openid?: unknown
}

const setPlace = (facts: Facts, place: Place, target: string | undefined): boolean => {
  if (target === undefined) return false
  facts.place = place
  facts.target = target
  return true
}

/** The conversation where there is one, else the guild, else the type. */
const readPlace = (type: string, payload: Fields, author: Fields, facts: Facts): void => {
  if (setPlace(facts, "group", textOf(payload.group_openid))) return
  if (setPlace(facts, "channel", textOf(payload.channel_id))) return
  if (setPlace(facts, "guild", textOf(payload.guild_id))) return
  const user = textOf(payload.user_openid) ?? textOf(payload.openid) ?? textOf(author.user_openid) ?? textOf(author.id)
  if (setPlace(facts, "c2c", user)) return
  // of what was deleted, the place is beside the message's id; of a guild, the id is its own
  if (type.endsWith("MESSAGE_DELETE")) {
    if (setPlace(facts, "channel", textOf(fieldsOf(payload.message)["channel_id"]))) return
  } else if (type.startsWith("GUILD_") && setPlace(facts, "guild", textOf(payload.id))) return
  setPlace(facts, "type", type)
}

/**
 * Reads the facts of a dispatch, whose type and scene need not be looked up again where they are known.
 *
 * @since 0.1.0
 * @category lookups
 */
export const read = (
  frame: Frame,
  facts: Facts,
  type = frame.t ?? "",
  scene: Scene.Scene | undefined = Scene.ofMessages.get(type)
): void => {
  const payload: Fields = fieldsOf(frame.d)
  const author: Fields = fieldsOf(payload.author)
  const id = scene === undefined ? undefined : textOf(payload.id)
  facts.namespace = scene === undefined || id === undefined ? "event" : scene
  facts.id = id ?? (frame.id === "" ? undefined : frame.id)
  facts.isByBot = scene !== undefined && author.bot === true
  readPlace(type, payload, author, facts)
}

/**
 * The facts of a dispatch.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (frame: Frame): Facts => {
  const facts: Facts = { namespace: "event", id: undefined, place: "type", target: "", isByBot: false }
  read(frame, facts)
  return facts
}
