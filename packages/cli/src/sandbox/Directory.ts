/**
 * The people and conversations of a sandbox. Who is in a group is known to the model, which the bot asks too; the rest is
 * kept here.
 *
 * @since 0.1.0
 */
import type { PlatformModel } from "@effect-qq/core/testing"
import type { Engine } from "./Engine.ts"
import type { Conversation, Member, Person, Role, Scene } from "./View.ts"

/** People and conversations, each: beyond this the oldest are forgotten. */
const maximum = 1000

/** The channel that the model has from the beginning. */
const firstChannel = "664100231"

interface Place {
  readonly scene: Scene
  readonly id: string
  name: string
  full: boolean
  /** Roles of those who were seen or added in a guild; in groups those whom the model may not know yet. */
  readonly members: Map<string, Role>
}

const remember = <A>(map: Map<string, A>, key: string, value: A): void => {
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= maximum) break
    map.delete(oldest)
  }
}

/** The key of a conversation. */
export const keyOf = (scene: Scene, id: string): string => `${scene}:${id}`

/** Where something is said. */
export const placeOf = (said: PlatformModel.Said): readonly [scene: Scene, id: string] => {
  switch (said.scene) {
    case "c2c":
      return ["c2c", said.user]
    case "group":
      return ["group", said.group]
    case "channel":
      return ["channel", said.channel]
    case "dm":
      return ["dm", said.guild]
  }
}

/** Who says it. */
export const speakerOf = (said: PlatformModel.Said): string => (said.scene === "group" ? said.member : said.user)

const isRole = (role: string): role is Role => role === "member" || role === "admin" || role === "owner"

const parse = (key: string): readonly [scene: Scene, id: string] | undefined => {
  const [, scene, id] = /^(c2c|group|channel|dm):(.+)$/s.exec(key) ?? []
  return scene === undefined || id === undefined ? undefined : [scene as Scene, id]
}

/**
 * @since 0.1.0
 * @category models
 */
export class Directory {
  private readonly people = new Map<string, string>()
  private readonly places = new Map<string, Place>()
  private readonly engine: Engine
  private readonly changed: { readonly people: () => void; readonly conversations: () => void }

  constructor(engine: Engine, changed: { readonly people: () => void; readonly conversations: () => void }) {
    this.engine = engine
    this.changed = changed
  }

  /** Adds a few users to talk with. The bot receives no events of them. */
  readonly populate = (): void => {
    for (const [id, name] of [
      ["u1", "Ann"],
      ["u2", "Bo"],
      ["u3", "陈晨"]
    ] as const) {
      this.people.set(id, name)
      const role = id === "u1" ? "owner" : id === "u2" ? "admin" : "member"
      this.engine.step((now) => this.engine.model.setMember(now, "g1", id, { role, username: name }))
    }
    this.place("c2c", "u1")
    this.place("c2c", "u2")
    this.place("group", "g1").name = "Tea room 茶室"
    const channel = this.place("channel", firstChannel)
    channel.name = "general"
    for (const id of ["u1", "u2", "u3"]) channel.members.set(id, id === "u1" ? "owner" : "member")
  }

  readonly allPeople = (): ReadonlyArray<Person> => [...this.people].map(([id, name]) => ({ id, name }))

  readonly nameOf = (id: string): string => this.people.get(id) ?? id

  readonly conversations = (): ReadonlyArray<Conversation> =>
    [...this.places.values()].map((place) => this.viewOf(place))

  readonly find = (key: string): Conversation | undefined => {
    const place = this.places.get(key)
    return place === undefined ? undefined : this.viewOf(place)
  }

  /** Records the user and the conversation of a message. */
  readonly noteSaid = (said: PlatformModel.Said): void => {
    const [scene, id] = placeOf(said)
    const speaker = speakerOf(said)
    if (!this.people.has(speaker) || (said.username !== undefined && said.username !== this.people.get(speaker))) {
      remember(this.people, speaker, said.username ?? this.people.get(speaker) ?? speaker)
      this.changed.people()
    }
    const isNew = !this.places.has(keyOf(scene, id))
    const place = this.place(scene, id)
    const role = said.scene === "group" || said.scene === "channel" ? said.role : undefined
    const before = place.members.get(speaker)
    const member = role ?? before ?? "member"
    remember(place.members, speaker, member)
    if (isNew || before !== member) this.changed.conversations()
  }

  /** The bot writes somewhere. */
  readonly noteSent = (scene: Scene, id: string): void => {
    if (this.places.has(keyOf(scene, id))) return
    this.place(scene, id)
    this.changed.conversations()
  }

  /** Adds a user, who adds the bot as a friend, or changes a name. */
  readonly putPerson = (id: string, name: string): void => {
    const isNew = !this.people.has(id)
    remember(this.people, id, name === "" ? id : name)
    this.changed.people()
    if (!isNew) return
    this.place("c2c", id)
    this.changed.conversations()
    this.dispatch("FRIEND_ADD", { openid: id, scene: 1000, author: { union_openid: "" } })
  }

  readonly removePerson = (id: string): boolean => {
    if (!this.people.delete(id)) return false
    this.places.delete(keyOf("c2c", id))
    this.changed.people()
    for (const place of this.places.values()) this.leave(place, id)
    this.changed.conversations()
    this.dispatch("FRIEND_DEL", { openid: id })
    return true
  }

  /** Adds a conversation, to which the bot is thereby added, or changes it. `undefined` for a key that is none. */
  readonly putConversation = (key: string, name: string, full: boolean): Conversation | undefined => {
    const parsed = parse(key)
    if (parsed === undefined) return undefined
    const [scene, id] = parsed
    const isNew = !this.places.has(key)
    const place = this.place(scene, id)
    place.name = name === "" ? id : name
    place.full = full
    if (isNew && scene === "group") this.dispatch("GROUP_ADD_ROBOT", { group_openid: id, op_member_openid: "" })
    if (isNew && scene === "channel") this.dispatchChannel("CHANNEL_CREATE", place)
    this.changed.conversations()
    return this.viewOf(place)
  }

  readonly removeConversation = (key: string): boolean => {
    const place = this.places.get(key)
    if (place === undefined) return false
    this.places.delete(key)
    if (place.scene === "group") this.dispatch("GROUP_DEL_ROBOT", { group_openid: place.id, op_member_openid: "" })
    if (place.scene === "channel") this.dispatchChannel("CHANNEL_DELETE", place)
    this.changed.conversations()
    return true
  }

  /** Adds a member, or changes its role. `undefined` for a conversation that is not there. */
  readonly putMember = (key: string, id: string, role: Role): true | undefined => {
    const place = this.places.get(key)
    if (place === undefined) return undefined
    const isNew = !this.viewOf(place).members.some((member) => member.id === id)
    remember(place.members, id, role)
    if (!this.people.has(id)) {
      remember(this.people, id, id)
      this.changed.people()
    }
    if (place.scene === "group") {
      const username = this.nameOf(id)
      this.engine.step((now) => this.engine.model.setMember(now, place.id, id, { role, username }))
      if (isNew) this.dispatch("GROUP_MEMBER_ADD", { group_openid: place.id, member_openid: id, user_openid: "" })
    }
    this.changed.conversations()
    return true
  }

  readonly removeMember = (key: string, id: string): boolean => {
    const place = this.places.get(key)
    if (place === undefined || !this.leave(place, id)) return false
    this.changed.conversations()
    return true
  }

  private leave(place: Place, id: string): boolean {
    const wasMember = this.viewOf(place).members.some((member) => member.id === id)
    place.members.delete(id)
    if (wasMember && place.scene === "group") {
      this.dispatch("GROUP_MEMBER_REMOVE", { group_openid: place.id, member_openid: id, user_openid: "" })
    }
    return wasMember
  }

  private dispatchChannel(type: string, place: Place): void {
    const { engine } = this
    engine.step((now) =>
      engine.model.dispatch(now, type, {
        id: place.id,
        guild_id: "5821904417736650213",
        name: place.name,
        type: 0,
        sub_type: 0,
        owner_id: "4419902817733620015",
        op_user_id: "4419902817733620015"
      })
    )
  }

  private dispatch(type: string, d: Readonly<Record<string, unknown>>): void {
    const { engine } = this
    engine.step((now) => engine.model.dispatch(now, type, { timestamp: Math.floor(now / 1000), ...d }))
  }

  private place(scene: Scene, id: string): Place {
    const key = keyOf(scene, id)
    const known = this.places.get(key)
    if (known !== undefined) return known
    const name = scene === "c2c" ? this.nameOf(id) : id
    const place: Place = { scene, id, name, full: false, members: new Map() }
    remember(this.places, key, place)
    return place
  }

  private viewOf(place: Place): Conversation {
    const { full, id, name, scene } = place
    const common = { key: keyOf(scene, id), scene, id, full }
    if (scene === "c2c") return { ...common, name: this.nameOf(id), members: [{ id, role: "member" }] }
    if (scene !== "group") {
      return { ...common, name, members: [...place.members].map(([member, role]) => ({ id: member, role })) }
    }
    const group = this.engine.model.group(this.engine.now(), id)
    const members = (group?.members ?? []).flatMap((member): ReadonlyArray<Member> =>
      member.bot
        ? []
        : [
            {
              id: member.id,
              role: isRole(member.role) ? member.role : "member",
              ...(member.mutedUntil === undefined ? {} : { mutedUntil: member.mutedUntil })
            }
          ]
    )
    return { ...common, name, members }
  }
}
