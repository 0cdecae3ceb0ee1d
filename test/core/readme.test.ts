import { assert, it } from "@effect/vitest"
import * as Fs from "node:fs"

const readme = Fs.readFileSync(new URL("../../README.md", import.meta.url), "utf8")

it("the echo bot of the README is the one in examples", () => {
  const example = Fs.readFileSync(new URL("../../examples/echo.mjs", import.meta.url), "utf8")
  assert.include(readme, `\`\`\`ts\n${example}\`\`\``)
})
