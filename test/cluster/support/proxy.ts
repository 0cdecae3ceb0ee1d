/** A wire to a PostgreSQL that can be cut, or go mute while it stays open. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

export interface Wire {
  readonly port: number
  /** Nothing goes through any more, in either direction, and neither end is told. */
  readonly freeze: () => void
  /** The same, for the connections there are whose first bytes hold this text: the name of an application, say. */
  readonly freezeOnly: (text: string) => void
  /** What was frozen is dropped, and new connections go through. */
  readonly heal: () => void
}

interface Pair {
  readonly inside: Net.Socket
  readonly outside: Net.Socket | undefined
  startup: string | undefined
  isFrozen: boolean
}

/** What a wire consists of. */
class Pairs {
  readonly all = new Set<Pair>()
  isFrozen = false
  readonly #to: number

  constructor(to: number) {
    this.#to = to
  }

  accept(inside: Net.Socket): void {
    inside.on("error", () => {})
    if (this.isFrozen) {
      this.all.add({ inside, outside: undefined, startup: undefined, isFrozen: true })
      return
    }
    const outside = Net.connect(this.#to, "127.0.0.1")
    const pair: Pair = { inside, outside, startup: undefined, isFrozen: false }
    this.all.add(pair)
    const isOpen = (): boolean => !this.isFrozen && !pair.isFrozen
    outside.on("error", () => inside.destroy())
    inside.on("close", () => outside.destroy())
    // a connection that is frozen does not say that it has ended either
    outside.on("close", () => {
      if (isOpen()) inside.destroy()
    })
    inside.on("data", (bytes) => {
      pair.startup ??= bytes.toString("latin1")
      if (isOpen()) outside.write(bytes)
    })
    outside.on("data", (bytes) => {
      if (isOpen()) inside.write(bytes)
    })
  }

  destroy(): void {
    for (const { inside, outside } of this.all) {
      inside.destroy()
      outside?.destroy()
    }
    this.all.clear()
  }
}

export const make = (to: number): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Net.Server; readonly pairs: Pairs; readonly wire: Wire }>((resume) => {
      const pairs = new Pairs(to)
      const server = Net.createServer((inside) => pairs.accept(inside))
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as Net.AddressInfo
        const wire: Wire = {
          port,
          freeze: () => {
            pairs.isFrozen = true
          },
          freezeOnly: (text) => {
            for (const pair of pairs.all) pair.isFrozen ||= pair.startup?.includes(text) === true
          },
          heal: () => {
            pairs.isFrozen = false
            pairs.destroy()
          }
        }
        resume(Effect.succeed({ server, pairs, wire }))
      })
    }),
    ({ pairs, server }) =>
      Effect.sync(() => {
        server.close()
        pairs.destroy()
      })
  ).pipe(Effect.map(({ wire }) => wire))
