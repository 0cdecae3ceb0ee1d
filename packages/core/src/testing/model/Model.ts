/**
 * The interface between the model of the platform and the three skins that wrap it: the model receives each input with its
 * time and returns what the platform does. It has no clock, timer, socket or randomness: the same calls give the same
 * answers, byte for byte.
 *
 * @since 0.1.0
 */

/**
 * An HTTP request as it reached the platform.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly method: string
  /** Path with its query, such as `/gateway/bot`. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The body of a request to the store of files, whose paths begin with {@link storePath}. */
  readonly bytes?: Uint8Array | undefined
}

/**
 * Where the parts of files are put: it takes bytes, and no credentials but those in its URLs.
 *
 * @since 0.1.0
 * @category constants
 */
export const storePath = "/store/"

/**
 * What the platform does about a request, `after` milliseconds from its arrival.
 *
 * `Reply` answers; `Reset` breaks the connection without an answer; `Hang` never answers. The last two may come before or
 * after the platform has done what was asked: the caller cannot tell, and that is the point. `refused` says that there was no
 * connection in the first place; a skin that cannot do that resets.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer =
  | {
      readonly _tag: "Reply"
      readonly after: number
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  | { readonly _tag: "Reset"; readonly after: number; readonly refused?: true }
  | { readonly _tag: "Hang" }

/**
 * What the platform does to a WebSocket connection, in order, at the moment of the call that brought it about.
 *
 * `Frame` sends text; `Binary` sends bytes; `Close` sends a close frame and closes, without a status where the code is
 * 1005; `Drop` breaks TCP (1006 at the client); after `Freeze` the connection stays open and nothing is sent nor read any more (half open).
 *
 * @since 0.1.0
 * @category models
 */
export type Output =
  | { readonly _tag: "Frame"; readonly connection: number; readonly text: string }
  | { readonly _tag: "Binary"; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly _tag: "Close"; readonly connection: number; readonly code: number; readonly reason: string }
  | { readonly _tag: "Drop"; readonly connection: number }
  | { readonly _tag: "Freeze"; readonly connection: number }

/**
 * A request to open a WebSocket, as it reached the platform.
 *
 * @since 0.1.0
 * @category models
 */
export interface UpgradeRequest {
  /** Path with its query, such as `/websocket`. */
  readonly path: string
  /** Names in lower case. Nothing is read from them: the gateway takes its credentials from the identify. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * The answer to an upgrade request: `Accept` with the number of the new connection, or a refusal. `Silence` never answers.
 *
 * @since 0.1.0
 * @category models
 */
export type Upgrade =
  | { readonly _tag: "Accept"; readonly connection: number }
  | { readonly _tag: "Refuse"; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly _tag: "Unreachable" }
  | { readonly _tag: "Silence" }
