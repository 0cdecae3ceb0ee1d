/**
 * What kind of thing an attachment is.
 *
 * Pictures, films and voice messages that a user sends as a file come with the type `file` and a name: then the extension
 * tells. Types from the message pages of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */

/**
 * The kinds of attachments.
 *
 * @since 0.1.0
 * @category models
 */
export type AttachmentKind = "image" | "video" | "voice" | "file"

/**
 * The kinds of file name extensions, in lower case. Every other extension is a file.
 *
 * @since 0.1.0
 * @category constants
 */
export const extensions: ReadonlyMap<string, AttachmentKind> = new Map(
  (
    [
      ["image", "png apng jpg jpeg jpe jfif gif webp bmp dib heic heif avif tif tiff svg ico"],
      ["video", "mp4 m4v mov qt avi mkv webm flv f4v wmv asf 3gp 3g2 mpg mpeg m2ts mts rm rmvb vob ogv"],
      ["voice", "silk slk amr mp3 wav wave ogg oga opus m4a aac flac wma aif aiff ape caf"]
    ] as const
  ).flatMap(([kind, names]) => names.split(" ").map((name) => [name, kind] as const))
)

/** Types that say only that there are bytes. */
const silent = /^(?:|\*\/\*|file|files|unknown|binary|[^/]*\/(?:octet-stream|x-octet-stream|unknown|x-unknown))$/

const kindOfType = (type: string): AttachmentKind => {
  if (type.startsWith("image")) return "image"
  if (type.startsWith("video")) return "video"
  return type.startsWith("voice") || type.startsWith("audio") ? "voice" : "file"
}

/** Characters of a name that are looked at: an extension is its end. */
const lastCharacters = 32

const kindOfName = (name: string): AttachmentKind | undefined => {
  const end = name.slice(-lastCharacters).trim().toLowerCase()
  const dot = end.lastIndexOf(".")
  return dot < 0 ? undefined : extensions.get(end.slice(dot + 1))
}

const pathOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? ""

/**
 * The kind of an attachment, by its type; where that says nothing, by its name, else by the path of its address.
 *
 * @since 0.1.0
 * @category lookups
 */
export const of = (attachment: {
  readonly contentType: string | undefined
  readonly name: string | undefined
  readonly url: string | undefined
  readonly wavUrl: string | undefined
}): AttachmentKind => {
  const type = (attachment.contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? ""
  if (!silent.test(type)) return kindOfType(type)
  if (attachment.wavUrl !== undefined) return "voice"
  return kindOfName(attachment.name ?? pathOf(attachment.url ?? "")) ?? "file"
}
