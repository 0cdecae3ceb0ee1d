/** Takes the pictures of the sandbox page that stand in the documentation: `npm run screenshots`. */
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const resolve = { conditions: ["effect-qq-source"] }

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  resolve,
  ssr: { resolve },
  test: { include: ["test/node/support/screenshots.ts"], testTimeout: 180_000 }
})
