/** Says something as the person who was chosen, in the shape that the scene has. */
import { withPayload } from "../../src/sandbox/Api.ts"
import type { Conversation } from "../../src/sandbox/View.ts"
import { api, call } from "./client.ts"
import { nameOf, quoting, speakerOf } from "./store.ts"

/** A file that is sent with a message. */
export interface Staged {
  readonly name: string
  readonly type: string
  readonly size: number
  readonly url: string
}

/** How the platform names the type of an attachment. */
const typeOf = (file: File): string => {
  if (file.type.startsWith("image/") || file.type === "video/mp4") return file.type
  return file.type.startsWith("audio/") ? "voice" : "file"
}

/** Hands a file to the sandbox, where the bot can fetch it. */
export const upload = async (file: File): Promise<Staged | undefined> => {
  const type = typeOf(file)
  const name = file.name === "" ? "file" : file.name.slice(-200)
  const payload = new Uint8Array(await file.arrayBuffer())
  const stored = await call(api.talk.upload({ urlParams: { name, type }, payload }))
  return stored === undefined ? undefined : { name, type, size: stored.size, url: stored.url }
}

const attachmentOf = ({ name, size, type, url }: Staged) => ({
  url,
  filename: name,
  content_type: type,
  size,
  ...(type === "voice" ? { voice_wav_url: url } : {})
})

/** The members that a text mentions by `@` and their names, whose ids take the place of the names. */
const mentionsIn = (of: Conversation, text: string): { readonly text: string; readonly ids: ReadonlyArray<string> } => {
  const ids: Array<string> = []
  const members = of.members.map(({ id }) => ({ id, name: nameOf(id) }))
  let changed = text
  for (const { id, name } of members.toSorted((one, other) => other.name.length - one.name.length)) {
    const found = [`@${name}`, `@${id}`].find((form) => changed.includes(form))
    if (found === undefined) continue
    changed = changed.replaceAll(found, `@${id}`)
    ids.push(id)
  }
  return { text: changed, ids }
}

/** Whether it was said. */
export const sayAs = async (
  of: Conversation,
  text: string,
  options: { readonly at: boolean; readonly files?: ReadonlyArray<Staged> }
): Promise<boolean> => {
  const speaker = speakerOf(of)
  const role = of.members.find(({ id }) => id === speaker)?.role ?? "member"
  const { ids, text: written } = mentionsIn(of, text)
  const files = options.files ?? []
  const common = {
    username: nameOf(speaker),
    ...(quoting.value === undefined ? {} : { quote: quoting.value.id }),
    ...(files.length === 0 ? {} : { attachments: files.map(attachmentOf) }),
    wait: 0
  }
  const mentions = ids.length === 0 ? {} : { mentions: ids.map((id) => ({ id, username: nameOf(id) })) }
  const { at } = options
  const payload =
    of.scene === "c2c"
      ? { scene: "c2c" as const, user: of.id, text, ...common }
      : of.scene === "dm"
        ? { scene: "dm" as const, guild: of.id, user: speaker, text, ...common }
        : of.scene === "group"
          ? {
              scene: "group" as const,
              group: of.id,
              member: speaker,
              role,
              text: written,
              at,
              full: of.full ? ("only" as const) : false,
              ...mentions,
              ...common
            }
          : {
              scene: "channel" as const,
              channel: of.id,
              user: speaker,
              role,
              text: written,
              at,
              full: of.full && !at,
              ...mentions,
              ...common
            }
  const said = await call(api.talk.say(withPayload(payload)))
  if (said === undefined) return false
  quoting.value = undefined
  return true
}
