/**
 * The tables of this package, as migrations in order. A migration that was released is never changed; what comes later is
 * another one at the end.
 *
 * @since 0.1.0
 */

/**
 * Statements by version: the first group brings an empty database to version 1.
 *
 * @since 0.1.0
 * @category constants
 */
export const migrations: ReadonlyArray<ReadonlyArray<string>> = [
  [
    // one row for each owner of records: whose writes count
    `CREATE TABLE effect_qq_owners (
      owner text PRIMARY KEY,
      epoch bigint NOT NULL,
      holder text NOT NULL,
      claimed_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
    // sessions and ledgers; room on each page for updates in place
    `CREATE TABLE effect_qq_records (
      owner text NOT NULL,
      key text NOT NULL,
      value text NOT NULL,
      epoch bigint NOT NULL,
      saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (owner, key)) WITH (fillfactor = 50)`,
    // one row for each shard of a bot
    `CREATE TABLE effect_qq_units (
      unit text PRIMARY KEY,
      app text NOT NULL,
      shard int NOT NULL,
      generation bigint NOT NULL DEFAULT 1,
      running boolean NOT NULL DEFAULT true,
      open boolean NOT NULL DEFAULT false,
      starting boolean NOT NULL DEFAULT false,
      ends jsonb NOT NULL DEFAULT '[]',
      handling jsonb NOT NULL DEFAULT '[]',
      strikes int NOT NULL DEFAULT 0,
      quarantined_at timestamptz,
      quarantined_until timestamptz,
      skipped text,
      epoch bigint NOT NULL DEFAULT 0,
      holder text,
      instance text,
      state text NOT NULL DEFAULT 'Waiting',
      detail text,
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp()) WITH (fillfactor = 70)`,
    `CREATE INDEX effect_qq_units_app ON effect_qq_units (app)`,
    // runners, for who asks whether what a unit's row says is still so
    `CREATE TABLE effect_qq_runners (
      address text PRIMARY KEY,
      seen_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
    `CREATE TABLE effect_qq_bots (
      app text PRIMARY KEY,
      secret text NOT NULL,
      options jsonb NOT NULL DEFAULT '{}',
      added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
    `CREATE TABLE effect_qq_stopped (
      app text PRIMARY KEY,
      stopped_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
    // one row for each bucket of identifies
    `CREATE TABLE effect_qq_identifies (
      app text NOT NULL,
      bucket int NOT NULL,
      holder text,
      held_until timestamptz,
      open_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (app, bucket)) WITH (fillfactor = 50)`,
    `CREATE TABLE effect_qq_claims (
      app text NOT NULL,
      key text NOT NULL,
      holder text NOT NULL,
      settled boolean NOT NULL DEFAULT false,
      until timestamptz NOT NULL,
      PRIMARY KEY (app, key))`,
    `CREATE INDEX effect_qq_claims_until ON effect_qq_claims (until)`,
    `CREATE TABLE effect_qq_rates (
      app text NOT NULL,
      key text NOT NULL,
      slots double precision[] NOT NULL DEFAULT '{}',
      idle_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (app, key)) WITH (fillfactor = 50)`
  ]
]
