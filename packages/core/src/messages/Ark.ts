/**
 * Cards that are filled into a template. Bots have to apply for them, and their links have to be registered.
 *
 * Source: the ark pages of the platform's documentation.
 *
 * @since 0.1.0
 */

/**
 * A card.
 *
 * @since 0.1.0
 * @category models
 */
export type Ark = Links | Thumbnail | Picture

/**
 * Template 23: a list of links.
 *
 * @since 0.1.0
 * @category models
 */
export interface Links {
  readonly _tag: "Links"
  readonly description: string
  /** The text of the notification. */
  readonly prompt: string
  readonly items: ReadonlyArray<{ readonly description: string; readonly link?: string | undefined }>
}

/**
 * Template 24: text beside a thumbnail.
 *
 * @since 0.1.0
 * @category models
 */
export interface Thumbnail {
  readonly _tag: "Thumbnail"
  readonly description: string
  readonly prompt: string
  readonly title: string
  readonly details: string
  readonly image: string
  readonly link: string
  readonly subtitle: string
}

/**
 * Template 37: a big picture of 975 × 540 pixels.
 *
 * @since 0.1.0
 * @category models
 */
export interface Picture {
  readonly _tag: "Picture"
  readonly prompt: string
  readonly title: string
  readonly subtitle: string
  readonly cover: string
  readonly url: string
}

/**
 * A list of links.
 *
 * @since 0.1.0
 * @category constructors
 */
export const links = (fields: Omit<Links, "_tag">): Links => ({ _tag: "Links", ...fields })

/**
 * Text beside a thumbnail.
 *
 * @since 0.1.0
 * @category constructors
 */
export const thumbnail = (fields: Omit<Thumbnail, "_tag">): Thumbnail => ({ _tag: "Thumbnail", ...fields })

/**
 * A big picture.
 *
 * @since 0.1.0
 * @category constructors
 */
export const picture = (fields: Omit<Picture, "_tag">): Picture => ({ _tag: "Picture", ...fields })

/**
 * Which field makes a card invalid, and why; `undefined` for a valid one.
 *
 * @since 0.1.0
 * @category validation
 */
export const problem = (ark: Ark): readonly [field: string, detail: string] | undefined => {
  if (ark.prompt === "") return ["ark.prompt", "is empty"]
  return ark._tag === "Links" && ark.items.length === 0 ? ["ark.items", "has no item"] : undefined
}

const pair = (key: string, value: string) => ({ key, value })

/**
 * The `ark` of a request's body.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toBody = (ark: Ark): Readonly<Record<string, unknown>> => {
  switch (ark._tag) {
    case "Links":
      return {
        template_id: 23,
        kv: [
          pair("#DESC#", ark.description),
          pair("#PROMPT#", ark.prompt),
          {
            key: "#LIST#",
            obj: ark.items.map(({ description, link }) => ({
              obj_kv: [pair("desc", description), ...(link === undefined ? [] : [pair("link", link)])]
            }))
          }
        ]
      }
    case "Thumbnail":
      return {
        template_id: 24,
        kv: [
          pair("#DESC#", ark.description),
          pair("#PROMPT#", ark.prompt),
          pair("#TITLE#", ark.title),
          pair("#METADESC#", ark.details),
          pair("#IMG#", ark.image),
          pair("#LINK#", ark.link),
          pair("#SUBTITLE#", ark.subtitle)
        ]
      }
    case "Picture":
      return {
        template_id: 37,
        kv: [
          pair("#PROMPT#", ark.prompt),
          pair("#METATITLE#", ark.title),
          pair("#METASUBTITLE#", ark.subtitle),
          pair("#METACOVER#", ark.cover),
          pair("#METAURL#", ark.url)
        ]
      }
  }
}
