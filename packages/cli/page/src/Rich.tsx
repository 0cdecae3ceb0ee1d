/**
 * Text from users and bots. Everything becomes text nodes: nothing of it is ever read as HTML. Characters that would reorder or
 * hide text are shown as what they are.
 */
import type { ComponentChildren, JSX } from "preact"
import type { Person } from "../../src/sandbox/View.ts"
import { t } from "./text.ts"

type Nodes = ReadonlyArray<ComponentChildren>

/** Controls of direction, invisible characters, and the tags block, which can carry hidden text. */
const invisible = /[\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF\u{E0000}-\u{E007F}]/gu

const split = (text: string, pattern: RegExp, make: (match: RegExpMatchArray) => ComponentChildren): Nodes => {
  const nodes: Array<ComponentChildren> = []
  let from = 0
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) nodes.push(text.slice(from, match.index))
    nodes.push(make(match))
    from = match.index + match[0].length
  }
  if (from < text.length) nodes.push(text.slice(from))
  return nodes
}

const visible = (text: string): Nodes =>
  split(text, invisible, ([character]) => (
    <span class="invisible" title={t("invisible")}>
      U+{(character?.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}
    </span>
  ))

const escape = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")

/** Plain text with its mentions. */
export const plain = (text: string, mentions: ReadonlyArray<Person>): Nodes => {
  const known = mentions.toSorted((one, other) => other.id.length - one.id.length).map(({ id }) => escape(id))
  if (known.length === 0) return visible(text)
  const pattern = new RegExp(`<@!?(${known.join("|")})>|@(${known.join("|")})(?!\\w)`, "g")
  return split(text, pattern, ([, one, other]) => (
    <span class="mention">@{mentions.find(({ id }) => id === (one ?? other))?.name}</span>
  )).flatMap((node) => (typeof node === "string" ? visible(node) : [node]))
}

const isWeb = (url: string): boolean => /^https?:\/\//i.test(url)

const Link = ({ children, href }: { readonly href: string; readonly children: ComponentChildren }) =>
  isWeb(href) ? (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
      {children}
    </a>
  ) : (
    <span class="no-link" title={href}>
      {children}
    </span>
  )

/** QQ's form of a picture: `![text #208px #320px](url)`. */
const sized = /^(.*?)\s*#(\d+)px\s*#(\d+)px$/s

const Picture = ({ alt, url }: { readonly alt: string; readonly url: string }) => {
  const [, text = alt, width, height] = sized.exec(alt) ?? []
  const size = width === undefined ? {} : { width: Number(width), height: Number(height) }
  if (url.startsWith(`${location.origin}/files/`)) return <img class="picture" src={url} alt={text} {...size} />
  return (
    <span class="external">
      <b>{text === "" ? url : text}</b>
      <small>
        {width === undefined ? "" : `${width} × ${height} · `}
        {t("external")}
      </small>
      <Link href={url}>{visible(url)}</Link>
    </span>
  )
}

const inlineRules: ReadonlyArray<
  readonly [pattern: RegExp, make: (match: RegExpExecArray, inner: (text: string) => Nodes) => ComponentChildren]
> = [
  [/^\\([\\`*_{}[\]()#+\-.!~>])/, ([, character]) => character],
  [/^`([^`\n]+)`/, ([, code = ""]) => <code>{visible(code)}</code>],
  [/^!\[([^\]\n]*)\]\(([^)\s]+)\)/, ([, alt = "", url = ""]) => <Picture alt={alt} url={url} />],
  [/^\[([^\]\n]+)\]\(([^)\s]+)\)/, ([, text = "", url = ""], inner) => <Link href={url}>{inner(text)}</Link>],
  [/^<(https?:\/\/[^>\s]+)>/, ([, url = ""]) => <Link href={url}>{visible(url)}</Link>],
  [/^https?:\/\/[^\s<>)\]，。！？、]+/, ([url]) => <Link href={url}>{visible(url)}</Link>],
  [/^\*\*(?=\S)([^]+?\S)\*\*/, ([, text = ""], inner) => <strong>{inner(text)}</strong>],
  [/^__(?=\S)([^]+?\S)__/, ([, text = ""], inner) => <strong>{inner(text)}</strong>],
  [/^~~(?=\S)([^]+?\S)~~/, ([, text = ""], inner) => <del>{inner(text)}</del>],
  [/^\*(?=[^\s*])([^*\n]*[^\s*])\*/, ([, text = ""], inner) => <em>{inner(text)}</em>],
  [/^_(?=[^\s_])([^_\n]*[^\s_])_(?!\w)/, ([, text = ""], inner) => <em>{inner(text)}</em>]
]

/** Where something other than text may begin. */
const special = /[\\`!*_~[<]|https?:/

/** How deep emphasis may nest: deeper text is text. */
const maximumDepth = 12

const inline = (text: string, mentions: ReadonlyArray<Person>, depth = 0): Nodes => {
  const nodes: Array<ComponentChildren> = []
  if (depth >= maximumDepth) return plain(text, mentions)
  let rest = text
  let pending = ""
  const flush = (): void => {
    if (pending !== "") nodes.push(...plain(pending, mentions))
    pending = ""
  }
  while (rest !== "") {
    const at = rest.search(special)
    if (at === -1) break
    const word = rest.slice(0, at)
    pending += word
    rest = rest.slice(at)
    // an underscore inside of a word is an underscore
    const isInside = rest.startsWith("_") && /\w$/.test(pending)
    let taken = false
    for (const [pattern, make] of isInside ? [] : inlineRules) {
      const match = pattern.exec(rest)
      if (match === null) continue
      flush()
      nodes.push(make(match, (inner) => inline(inner, mentions, depth + 1)))
      rest = rest.slice(match[0].length)
      taken = true
      break
    }
    if (taken) continue
    pending += rest.slice(0, 1)
    rest = rest.slice(1)
  }
  pending += rest
  flush()
  return nodes
}

interface Block {
  readonly kind: "heading" | "quote" | "bullet" | "number" | "rule" | "code" | "text"
  readonly level: number
  readonly lines: Array<string>
}

const blockOf = (line: string): Block => {
  const heading = /^(#{1,6})\s+(.*)$/.exec(line)
  if (heading !== null) return { kind: "heading", level: heading[1]?.length ?? 1, lines: [heading[2] ?? ""] }
  if (/^\s*(?:\*\s*){3,}$|^\s*(?:-\s*){3,}$|^\s*(?:_\s*){3,}$/.test(line)) return { kind: "rule", level: 0, lines: [] }
  const bullet = /^(\s*)[-*+]\s+(.*)$/.exec(line)
  if (bullet !== null)
    return { kind: "bullet", level: Math.floor((bullet[1]?.length ?? 0) / 2), lines: [bullet[2] ?? ""] }
  const numbered = /^(\s*)(\d{1,9}[.)])\s+(.*)$/.exec(line)
  if (numbered !== null) {
    const level = Math.floor((numbered[1]?.length ?? 0) / 2)
    return { kind: "number", level, lines: [`${numbered[2]} ${numbered[3]}`] }
  }
  const quoted = /^>\s?(.*)$/.exec(line)
  if (quoted !== null) return { kind: "quote", level: 0, lines: [quoted[1] ?? ""] }
  return { kind: "text", level: 0, lines: [line] }
}

const blocksOf = (source: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let code: Block | undefined
  for (const line of source.split(/\r\n?|\n/)) {
    if (/^\s*```/.test(line)) {
      if (code === undefined) {
        code = { kind: "code", level: 0, lines: [] }
        blocks.push(code)
      } else code = undefined
      continue
    }
    if (code !== undefined) {
      code.lines.push(line)
      continue
    }
    const block = blockOf(line)
    const last = blocks.at(-1)
    const joins = last !== undefined && last.kind === block.kind && (block.kind === "text" || block.kind === "quote")
    if (joins) last.lines.push(...block.lines)
    else blocks.push(block)
  }
  return blocks
}

const Block = ({ block, mentions }: { readonly block: Block; readonly mentions: ReadonlyArray<Person> }) => {
  const joined = block.lines.join("\n")
  const text = block.kind === "text" ? joined.replaceAll(/^(?:[ \t]*\n)+|\s+$/g, "") : joined
  const content = block.kind === "code" ? visible(text) : inline(text, mentions)
  switch (block.kind) {
    case "heading":
      return <p class={`heading h${Math.min(block.level, 3)}`}>{content}</p>
    case "quote":
      return <blockquote>{content}</blockquote>
    case "bullet":
      return (
        <p class="item" style={{ "--level": block.level }}>
          <span>•</span>
          <span>{content}</span>
        </p>
      )
    case "number":
      return (
        <p class="item" style={{ "--level": block.level }}>
          <span>{content}</span>
        </p>
      )
    case "rule":
      return <hr />
    case "code":
      return <pre>{content}</pre>
    case "text":
      return text.trim() === "" ? null : <p>{content}</p>
  }
}

/** Markdown as QQ shows it. */
export const Markdown = ({
  mentions,
  source
}: {
  readonly source: string
  readonly mentions: ReadonlyArray<Person>
}): JSX.Element => (
  <div class="markdown">
    {blocksOf(source).map((block, index) => (
      <Block key={index} block={block} mentions={mentions} />
    ))}
  </div>
)
