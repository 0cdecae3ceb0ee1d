/** One PostgreSQL for the tests of this project, where this machine has it. */
import type { TestProject } from "vitest/node"
import * as Postgres from "./postgres.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The port of the server; `0`: there is none. */
    readonly postgres: number
  }
}

export default async (project: TestProject): Promise<(() => Promise<void>) | undefined> => {
  if (Postgres.binaries() === undefined) {
    if (process.env["EFFECT_QQ_NEEDS_POSTGRES"] === "1") {
      throw new Error("the tests of packages/cluster need PostgreSQL: apt-get install postgresql")
    }
    process.stdout.write("skipped: the tests of packages/cluster, which need PostgreSQL (apt-get install postgresql)\n")
    project.provide("postgres", 0)
    return undefined
  }
  const server = await Postgres.create()
  project.provide("postgres", server.port)
  return () => server.remove()
}
