/** A database of its own for each test. */
import { Database } from "@effect-qq/cluster"
import type * as SqlClient from "@effect/sql/SqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import { inject } from "vitest"

const port = inject("postgres")

/** Whether this machine has PostgreSQL. */
export const isThere = port !== 0

/** The URL of a database that has just been created. */
export const create: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function* () {
  const name = `test_${Crypto.randomUUID().replaceAll("-", "")}`
  const sql = yield* PgClient.make({
    url: Redacted.make(`postgres://postgres@127.0.0.1:${port}/postgres`),
    maxConnections: 1
  })
  yield* sql.unsafe(`CREATE DATABASE ${name}`)
  return `postgres://postgres@127.0.0.1:${port}/${name}`
}).pipe(Effect.provide(Reactivity.layer), Effect.orDie)

/** The migrated database behind a URL. */
export const layer = (url: string): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, Database.DatabaseRejected> =>
  Database.layer({ url: Redacted.make(url) })
