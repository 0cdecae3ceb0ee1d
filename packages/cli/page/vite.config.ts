/**
 * Builds the page into `packages/cli/assets/page`, which is committed: nothing is built where the package is installed. Names
 * have no hash, so that a build of the same sources is the same files.
 */
import { fileURLToPath } from "node:url"
import { defineConfig } from "vite"

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  logLevel: "warn",
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2022",
    outDir: "../assets/page",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        inlineDynamicImports: true,
        entryFileNames: "page.js",
        assetFileNames: "page[extname]"
      }
    }
  },
  experimental: {
    renderBuiltUrl: (name) => `/assets/${name}`
  }
})
