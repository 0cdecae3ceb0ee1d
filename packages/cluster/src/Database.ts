/**
 * The PostgreSQL database of a cluster: how it is reached, and the tables of this package, which a runner creates and
 * migrates by itself, under a lock. A database that is away is waited for; one that refuses the runner is an error.
 *
 * @since 0.1.0
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Net from "node:net"
import { migrations } from "./internal/Migrations.ts"

/**
 * Which database, and how it is used.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** `postgres://user:password@host:5432/database`. One database for each cluster. */
  readonly url: Redacted.Redacted
  /** The name of the cluster; a database that belongs to another one is refused. Default `effect-qq`. */
  readonly name?: string | undefined
  /** Maximum number of connections of this process, without the one that holds locks. Default 8. */
  readonly maxConnections?: number | undefined
  /** How long one attempt to connect may take. Default 5 s. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * A connection on which nothing was sent or received for this long is closed, and replaced once one is needed: the network
   * may have forgotten it without a word. Default 15 s; that of the connection for locks, the expiration of the locks.
   */
  readonly maximumSilence?: Duration.DurationInput | undefined
}

/**
 * The database cannot be used by this runner, and waiting does not help.
 *
 * @since 0.1.0
 * @category errors
 */
export class DatabaseRejected extends Schema.TaggedError<DatabaseRejected>()("DatabaseRejected", {
  reason: Schema.Literal(
    "UrlInvalid",
    "CredentialsRejected",
    "DatabaseMissing",
    "PermissionDenied",
    "SchemaTooNew",
    "OtherCluster"
  ),
  /** Never holds the password. */
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `the database cannot be used: ${this.detail}`
  }
  /** What can be done about it. */
  get hint(): string {
    switch (this.reason) {
      case "UrlInvalid":
        return "set DATABASE_URL to postgres://user:password@host:5432/database"
      case "CredentialsRejected":
        return "check the user and the password in DATABASE_URL"
      case "DatabaseMissing":
        return "create the database, or name another one in DATABASE_URL"
      case "PermissionDenied":
        return "let the user of DATABASE_URL create tables in the database's schema"
      case "SchemaTooNew":
        return "a newer version of @effect-qq/cluster has migrated the database; upgrade this runner"
      case "OtherCluster":
        return "use one database for each cluster, or give this runner the name of the cluster it belongs to"
    }
  }
}

/** SQLSTATE codes that waiting does not help against. */
const fatal: ReadonlyMap<string, { readonly reason: DatabaseRejected["reason"]; readonly detail: string }> = new Map([
  ["28P01", { reason: "CredentialsRejected", detail: "the password is wrong" }],
  ["28000", { reason: "CredentialsRejected", detail: "the user may not log in" }],
  ["3D000", { reason: "DatabaseMissing", detail: "the database does not exist" }],
  ["42501", { reason: "PermissionDenied", detail: "the user lacks a permission" }],
  ["3F000", { reason: "PermissionDenied", detail: "the user has no schema to create tables in" }]
])

const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  const { cause, code } = error as { readonly code?: unknown; readonly cause?: unknown }
  return typeof code === "string" ? code : codeOf(cause)
}

/**
 * What a failure of the database stands for, where waiting does not help.
 *
 * @since 0.1.0
 * @category errors
 */
export const rejection = (error: unknown): DatabaseRejected | undefined => {
  const known = fatal.get(codeOf(error) ?? "")
  return known === undefined ? undefined : new DatabaseRejected({ ...known, cause: error })
}

/** Where a database is, without its password. */
const addressOf = (url: URL): string => `${url.hostname || "localhost"}:${url.port || "5432"}`

const parse = (url: Redacted.Redacted): Effect.Effect<URL, DatabaseRejected> =>
  Effect.flatMap(
    Effect.option(Effect.try(() => new URL(Redacted.value(url)))),
    Option.match({
      onNone: () => new DatabaseRejected({ reason: "UrlInvalid", detail: "DATABASE_URL is not a URL" }),
      onSome: (parsed) =>
        /^postgres(ql)?:$/.test(parsed.protocol)
          ? Effect.succeed(parsed)
          : new DatabaseRejected({
              reason: "UrlInvalid",
              detail: `DATABASE_URL begins with ${parsed.protocol}// instead of postgres://`
            })
    })
  )

/** Sockets that end when they are silent; TCP alone would wait for an answer for a quarter of an hour. */
const socketsWith = (maximumSilence: Duration.DurationInput) => (): Net.Socket => {
  const socket = new Net.Socket()
  return socket.setTimeout(Duration.toMillis(maximumSilence), () =>
    socket.destroy(new Error(`the database was silent for ${Duration.format(maximumSilence)}`))
  )
}

/** When a database that is away is asked again: after 0.25, 0.5 and then every 1 s. */
const reconnects = Schedule.union(Schedule.exponential("250 millis"), Schedule.spaced("1 second"))

/** How often the wait for the database is logged. */
const reminder = Duration.seconds(30)

/**
 * Repeats an effect while the database is away, with one line in the log at first and another every 30 s. Fails with
 * `DatabaseRejected` for a refusal that waiting does not help against.
 *
 * @since 0.1.0
 * @category combinators
 */
export const whileAway =
  (where: string) =>
  <A, R>(effect: Effect.Effect<A, SqlError, R>): Effect.Effect<A, DatabaseRejected, R> =>
    Effect.suspend(() => {
      let told = Number.NEGATIVE_INFINITY
      const tell = (error: SqlError) =>
        Effect.flatMap(Effect.clock, (clock) => {
          const now = Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
          if (now - told < Duration.toMillis(reminder)) return Effect.void
          told = now
          return Effect.logWarning(`cannot reach the database at ${where} (${codeOf(error) ?? error.message}); waiting`)
        })
      return effect.pipe(
        Effect.tapError((error) => (rejection(error) === undefined ? tell(error) : Effect.void)),
        Effect.retry({ schedule: reconnects, while: (error) => rejection(error) === undefined }),
        Effect.tap(() =>
          told === Number.NEGATIVE_INFINITY ? Effect.void : Effect.logInfo("the database is reachable")
        ),
        // retried for ever but for what is a rejection
        Effect.catchAll((error) => rejection(error) ?? Effect.die(error))
      )
    })

/**
 * A client of the database. Waits until it can be reached. `settings` are set for each of its sessions.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = (
  options: Options & { readonly settings?: Readonly<Record<string, string>> | undefined; readonly purpose?: string }
): Effect.Effect<PgClient.PgClient, DatabaseRejected, Scope.Scope | Reactivity.Reactivity> =>
  Effect.gen(function* () {
    const url = yield* parse(options.url)
    const settings = Object.entries(options.settings ?? {})
    if (settings.length > 0) {
      url.searchParams.set("options", settings.map(([name, value]) => `-c ${name}=${value}`).join(" "))
    }
    return yield* PgClient.make({
      // URLSearchParams writes a space as +, which the driver does not read
      url: Redacted.make(url.href.replaceAll("+", "%20")),
      maxConnections: options.maxConnections ?? 8,
      connectTimeout: options.connectTimeout ?? "5 seconds",
      stream: socketsWith(options.maximumSilence ?? "15 seconds"),
      applicationName: `effect-qq${options.purpose === undefined ? "" : ` ${options.purpose}`}`
    }).pipe(whileAway(addressOf(url)))
  })

/** Serialises migrations; another number space than that of shard locks. */
const migrationLock = 1_903_001

/**
 * Runs an effect while no other runner migrates this database. The lock belongs to a transaction on a connection of its own,
 * which holds behind pgbouncer too; it ends with the effect, or with the process. The effect may use other connections.
 *
 * @since 0.1.0
 * @category combinators
 */
export const whileMigrating =
  (sql: SqlClient.SqlClient) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> => {
    const lock = Effect.flatMap(sql.reserve, (connection) => {
      const run = (statement: string) => connection.executeUnprepared(statement, [], undefined)
      return Effect.acquireRelease(run("BEGIN"), () => Effect.ignore(run("COMMIT"))).pipe(
        Effect.zipRight(run(`SELECT pg_advisory_xact_lock(${migrationLock}, 1)`))
      )
    })
    return Effect.acquireUseRelease(
      Scope.make(),
      (scope) => Effect.zipRight(Scope.extend(lock, scope), effect),
      (scope, exit) => Scope.close(scope, exit)
    )
  }

/** Creates what is missing, in one transaction: of several runners that start at once, one does it. */
const migrate = (sql: SqlClient.SqlClient, name: string): Effect.Effect<void, SqlError | DatabaseRejected> =>
  sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`SELECT pg_advisory_xact_lock(${migrationLock}, 1)`
      yield* sql`CREATE TABLE IF NOT EXISTS effect_qq_meta (
        id int PRIMARY KEY CHECK (id = 1), version int NOT NULL, cluster text NOT NULL)`
      const [meta] = yield* sql<{ version: number; cluster: string }>`SELECT version, cluster FROM effect_qq_meta`
      const version = meta?.version ?? 0
      if (version > migrations.length) {
        return yield* new DatabaseRejected({
          reason: "SchemaTooNew",
          detail: `its schema has version ${version}, this runner knows versions up to ${migrations.length}`
        })
      }
      if (meta !== undefined && meta.cluster !== name) {
        return yield* new DatabaseRejected({
          reason: "OtherCluster",
          detail: `it belongs to the cluster "${meta.cluster}", not to "${name}"`
        })
      }
      for (const statements of migrations.slice(version)) {
        for (const statement of statements) yield* sql.unsafe(statement)
      }
      yield* sql`INSERT INTO effect_qq_meta (id, version, cluster) VALUES (1, ${migrations.length}, ${name})
        ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version`
    })
  )

/**
 * The database, migrated. Waits while it cannot be reached, and fails with `DatabaseRejected` when it must not be used.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, DatabaseRejected> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const url = yield* parse(options.url)
      const sql = yield* connect(options)
      const name = options.name ?? "effect-qq"
      yield* migrate(sql, name).pipe(
        Effect.catchTag("DatabaseRejected", (error) => Effect.succeed(error)),
        whileAway(addressOf(url)),
        Effect.flatMap((error) => error ?? Effect.void)
      )
      return Context.make(PgClient.PgClient, sql).pipe(Context.add(SqlClient.SqlClient, sql))
    })
  ).pipe(Layer.provide(Reactivity.layer))
