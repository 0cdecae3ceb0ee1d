/**
 * The API of the sandbox for the page: the same typed client as that of the command line.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Api, Refused } from "../../src/sandbox/Api.ts"
import { say } from "./notices.ts"

export const api = Effect.runSync(
  HttpApiClient.make(Api, { baseUrl: location.origin }).pipe(Effect.provide(FetchHttpClient.layer))
)

/** What went wrong, in one line. */
const lineOf = (error: unknown): string => {
  if (error instanceof Refused) return error.error
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)
}

/** Calls the API. What goes wrong is shown, and gives nothing. */
export const call = async <A, E>(effect: Effect.Effect<A, E>): Promise<A | undefined> => {
  const exit = await Effect.runPromiseExit(effect)
  if (Exit.isSuccess(exit)) return exit.value
  say(lineOf(Cause.squash(exit.cause)), "bad")
  return undefined
}
