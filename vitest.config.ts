import { defineConfig } from "vitest/config"
import type { Reporter } from "vitest/reporters"

/** One plain closing line that any CI can read. */
const tally: Reporter = {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++
      for (const test of module.children.allTests()) {
        const state = test.result().state
        if (state !== "pending") count[state]++
      }
    }
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)
  }
}

const resolve = { conditions: ["effect-qq-source"] }

export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    pool: "threads",
    // every core: the default leaves one free, and so one of two
    maxWorkers: "100%",
    minWorkers: 1,
    // only here, not in a project, does it decide whether every file starts a thread and loads Effect again
    poolOptions: { threads: { isolate: false } },
    reporters: ["default", tally],
    projects: [
      {
        extends: true,
        test: { name: "core", testTimeout: 180_000, include: ["test/core/**/*.test.ts", "examples/**/*.test.ts"] }
      },
      {
        extends: true,
        test: { name: "node", include: ["test/node/**/*.test.ts"], testTimeout: 180_000, isolate: true }
      },
      // they share a PostgreSQL that they start, and judge processes by the clock: nothing else runs beside them, and what a
      // busy machine made late is tried again
      {
        extends: true,
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          testTimeout: 180_000,
          retry: 1,
          sequence: { groupOrder: 1 },
          globalSetup: ["test/cluster/support/setup.ts"]
        }
      },
      {
        extends: true,
        test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 600_000 }
      }
    ]
  }
})
