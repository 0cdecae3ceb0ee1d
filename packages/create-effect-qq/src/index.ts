/**
 * A new project as a value: its choices, and the files that follow from them.
 *
 * @since 0.1.0
 */
export * as Files from "./Files.ts"
export * as Project from "./Project.ts"
