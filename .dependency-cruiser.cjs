/**
 * Who may import whom, as data. The rules below are made from these tables; a new room is a new row.
 *
 * @type {import("dependency-cruiser").IConfiguration}
 */

const core = "^packages/core/src/"
const node = "^packages/node/src/"
const cli = "^packages/cli/src/"
const cluster = "^packages/cluster/src/"

/** Files that every room may import. */
const common = `${core}((BotConfig|StoredText)[.]ts$|internal/)`

/**
 * Rooms of core → what they may import besides themselves and the common files. A name with a slash is one file, without its
 * extension; `*` is every room but testing, and every file of the root.
 */
const rooms = {
  openapi: [],
  gateway: ["openapi"],
  events: ["gateway/Frame"],
  delivery: ["gateway", "events", "openapi"],
  messages: ["openapi", "events", "gateway/Ownership"],
  commands: ["delivery", "messages", "events", "openapi"],
  webhook: ["delivery", "gateway", "events", "openapi"],
  internal: [],
  testing: ["*"]
}

/** Files of core with a shorter list than their place would give them. */
const files = {
  BotConfig: ["gateway/SessionPolicy", "delivery/DeliveryPolicy", "gateway/Intents", "messages/SendPolicy"],
  StoredText: []
}

/**
 * The pure model of the platform: wire types and tables, nothing that runs; and digests, which it computes of what it is
 * sent. They are plain TypeScript too, and tests hold them against those of the runtime. Of faults it has the types.
 */
const model = [
  "gateway/Frame",
  "gateway/CloseCode",
  "gateway/Intents",
  "messages/Digest",
  "messages/Address",
  "testing/Fault"
]

const production = Object.keys(rooms).filter((room) => room !== "testing")

const pathOf = (target) => {
  if (target === "*") return `${core}((${production.join("|")})/|[^/]+[.]ts$)`
  return target.includes("/") ? `${core}${target}[.]ts$` : `${core}${target}/`
}

const onlyTo = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: "error",
  from,
  to: { path: core, pathNot: allowed }
})

const roomRules = Object.entries(rooms).map(([room, targets]) =>
  onlyTo(
    `core-${room}`,
    `${room} may import ${["itself", "internal/", "BotConfig.ts", "StoredText.ts", ...targets].join(", ")}`,
    { path: `${core}${room}/`, ...(room === "testing" ? { pathNot: `${core}testing/model/` } : {}) },
    [`${core}${room}/`, common, ...targets.map(pathOf)]
  )
)

const fileRules = Object.entries(files).map(([file, targets]) =>
  onlyTo(
    `core-${file}`,
    `${file}.ts may import ${targets.join(", ")}`,
    { path: `${core}${file}[.]ts$` },
    targets.map(pathOf)
  )
)

module.exports = {
  forbidden: [
    ...roomRules,
    ...fileRules,
    onlyTo(
      "core-testing-model",
      `the model may import itself and ${model.join(", ")}`,
      { path: `${core}testing/model/` },
      [`${core}testing/model/`, ...model.map(pathOf)]
    ),
    {
      name: "core-testing-model-pure",
      comment: "the model is plain TypeScript: no package at all",
      severity: "error",
      from: { path: `${core}testing/model/` },
      to: { pathNot: core }
    },
    onlyTo(
      "core-root",
      "files at the root compose every room, but never testing",
      { path: `${core}[^/]+[.]ts$`, pathNot: common },
      [pathOf("*")]
    ),
    {
      name: "core-packages",
      comment: "core runs anywhere: of all packages it imports effect and @effect/platform",
      severity: "error",
      from: { path: core },
      to: { pathNot: [core, "node_modules/effect/", "node_modules/@effect/platform/"] }
    },
    {
      name: "no-index",
      comment: "no module imports the index of its own package",
      severity: "error",
      from: { path: "^packages/([^/]+)/src/" },
      to: { path: ["^packages/$1/src/(index|protocol)[.]ts$", "^packages/$1/src/.+/index[.]ts$"] }
    },
    {
      name: "package-exports",
      comment: "a package imports another by the names of its exports, never by path",
      severity: "error",
      from: { path: "^packages/([^/]+)/src/" },
      to: {
        path: "^packages/",
        pathNot: [
          "^packages/$1/",
          `${core}(index|protocol|testing/index)[.]ts$`,
          `${node}index[.]ts$`,
          `${cluster}index[.]ts$`
        ]
      }
    },
    {
      name: "node-library",
      comment: "what a bot runs never loads the command line or core's testing",
      severity: "error",
      from: { path: node },
      to: { path: [cli, `${core}testing/`], reachable: true }
    },
    {
      name: "cluster-library",
      comment: "what a runner loads is core and node, never the command line or core's testing",
      severity: "error",
      from: { path: cluster },
      to: { path: [cli, `${core}testing/`] }
    },
    {
      name: "cluster-optional",
      comment:
        "who runs no cluster installs none: core and node do not know it, and the command line loads it on demand",
      severity: "error",
      from: { path: [core, node, `${cli}(?!commands/Cluster[.]ts$)`] },
      to: { path: [cluster, "node_modules/@effect/(cluster|rpc|sql|sql-pg|workflow|experimental)/"] }
    },
    {
      name: "cli-sandbox",
      comment: "the sandbox does not know the commands",
      severity: "error",
      from: { path: `${cli}sandbox/` },
      to: { path: cli, pathNot: `${cli}sandbox/` }
    },
    {
      name: "cli-packages",
      comment: "@effect/cli and its printers belong to the commands",
      severity: "error",
      from: { path: "^packages/", pathNot: `${cli}(commands/|main[.]ts$)` },
      to: { path: "node_modules/@effect/(cli|printer|printer-ansi)/" }
    },
    {
      name: "packages-not-test",
      comment: "what is published does not import what is not",
      severity: "error",
      from: { path: "^packages/" },
      to: { path: "^(test|scripts)/" }
    },
    { name: "no-cycle", comment: "no cycles", severity: "error", from: { path: "^packages/" }, to: { circular: true } },
    {
      name: "no-unresolved",
      comment: "every import leads somewhere",
      severity: "error",
      from: {},
      to: { couldNotResolve: true }
    }
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    doNotFollow: { path: ["node_modules"] },
    exclude: { path: ["^packages/[^/]+/dist/"] },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["effect-qq-source", "types", "import", "node", "default"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json", ".d.ts"]
    }
  }
}
