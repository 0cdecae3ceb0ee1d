/** What an editor shows of an endpoint, asked of the language service of TypeScript. */
import { assert, describe, it } from "@effect/vitest"
import * as Path from "node:path"
import ts from "typescript"

const root = Path.resolve(import.meta.dirname, "../../..")

const file = Path.join(root, "test/core/openapi/hovered.ts")

const text = `import { Endpoints } from "@effect-qq/core"
export const called = Endpoints.muteMember({ guild: "1", user: "2", body: { mute_seconds: "1" } })
export const named = Endpoints.listMyGuilds
export const paged = Endpoints.listMyGuilds.stream({})
`

/** The documentation at the first place of these words. */
const hover = (() => {
  let service: ts.LanguageService | undefined
  return (words: string): string => {
    service ??= ts.createLanguageService({
      getCompilationSettings: () => ({
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        target: ts.ScriptTarget.ES2022,
        strict: true,
        skipLibCheck: true,
        types: [],
        allowImportingTsExtensions: true,
        customConditions: ["effect-qq-source"]
      }),
      getScriptFileNames: () => [file],
      getScriptVersion: () => "1",
      getScriptSnapshot: (name) => {
        const content = name === file ? text : ts.sys.readFile(name)
        return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content)
      },
      getCurrentDirectory: () => root,
      getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
      fileExists: (name) => name === file || ts.sys.fileExists(name),
      readFile: (name) => (name === file ? text : ts.sys.readFile(name)),
      directoryExists: ts.sys.directoryExists,
      realpath: ts.sys.realpath ?? ((name) => name)
    })
    const info = service.getQuickInfoAtPosition(file, text.indexOf(words) + words.length - 1)
    return ts.displayPartsToString(info?.documentation)
  }
})()

describe("the hover of an endpoint", () => {
  it("is the doc of that endpoint, where it is called and where it is named", () => {
    assert.match(hover("= Endpoints.muteMember"), /mute/i)
    assert.match(hover("named = Endpoints.listMyGuilds"), /guilds that the bot is in/)
    assert.match(hover("Endpoints.listMyGuilds.stream"), /whole list/)
  }, 60_000)
})
