/** The icons of the page, drawn in the colour of the text. */
import type { JSX } from "preact"

const paths = {
  menu: "M4 7h16M4 12h16M4 17h16",
  logo: "M12 3c4.6 0 8.2 3 8.2 7s-3.6 7-8.2 7c-.9 0-1.8-.1-2.6-.3L5.600 19l.7-3.400C4.700 14.300 3.800 12.300 3.800 10c0-4 3.600-7 8.200-7Zm-3.200 7h.01M12 10h.01M15.200 10h.01",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1",
  sun: "M12 4V2M12 22v-2M4 12H2M22 12h-2M6.300 6.300 4.900 4.900M19.100 19.100l-1.400-1.400M6.300 17.700l-1.400 1.400M19.100 4.900l-1.400 1.400M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z",
  moon: "M20 14.500A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500Z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  panel: "M4 5h16v14H4zM14.500 5v14",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  plus: "M12 5v14M5 12h14",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20c.6-3.6 3.7-6 7.5-6s6.9 2.4 7.5 6",
  group:
    "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM3 19c0-3 2.700-5 6-5s6 2 6 5M16 5.500a3 3 0 0 1 0 5.500M17.500 14.300c2 .7 3.500 2.400 3.500 4.700",
  hash: "M5 9h15M4 15h15M10 4 8 20M16 4l-2 16",
  mail: "M4 6h16v12H4zM4 7l8 6 8-6",
  settings: "M4 8h10M18 8h2M4 16h2M10 16h10M16 6v4M8 14v4",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
  close: "M6 6l12 12M18 6 6 18",
  send: "M4 12 20 4l-5 16-3.500-6.500L4 12Z",
  clip: "M20 11.500 12.500 19a5 5 0 0 1-7-7L13 4.500a3.300 3.300 0 0 1 4.700 4.700L10 17a1.700 1.700 0 0 1-2.400-2.400L14.500 8",
  at: "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Zm0-4v5.500a2.500 2.500 0 0 0 5 0V12a9 9 0 1 0-3.500 7.100",
  quote: "M9 8 5 12l4 4M5 12h9a5 5 0 0 1 5 5v1",
  ban: "M19 12a7 7 0 1 1-14 0 7 7 0 0 1 14 0ZM7 7l10 10",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M9 9.500h.01",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  voice: "M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3ZM6 11.500a6 6 0 0 0 12 0M12 17.500V21",
  external: "M14 5h5v5M19 5l-8 8M17 13v6H5V7h6",
  up: "M12 19V6M6 11l6-6 6 6",
  down: "M12 5v13M6 13l6 6 6-6",
  copy: "M9 9h10v10H9zM15 9V5H5v10h4",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6l1-7Z"
} as const

export type IconName = keyof typeof paths

export const Icon = ({ name }: { readonly name: IconName }): JSX.Element => (
  <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" class="svg">
    <path
      d={paths[name]}
      fill="none"
      stroke="currentColor"
      stroke-width="1.7"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>
)

/** A colour for a name, the same every time: names that differ little get colours that differ much. */
const hueOf = (id: string): number => {
  const hash = [...id].reduce((sum, letter) => (sum * 33 + (letter.codePointAt(0) ?? 0)) % 9973, 5381)
  return Math.round((hash * 137.508) % 360)
}

export const Avatar = ({
  id,
  isBot,
  name
}: {
  readonly id: string
  readonly isBot?: boolean
  readonly name: string
}): JSX.Element => (
  <span class={isBot === true ? "avatar bot" : "avatar"} style={{ "--hue": hueOf(id) }} aria-hidden="true">
    {isBot === true ? <Icon name="logo" /> : ([...name][0] ?? "?").toUpperCase()}
  </span>
)
