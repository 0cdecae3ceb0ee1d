/**
 * What can go wrong, as data. A fault is injected into a model and happens at once or waits for the moment that it names;
 * none is a matter of chance.
 *
 * Faults of connections that are open now do nothing when there is none. Faults that wait (`times`) happen that many times
 * and are then over; `Infinity` lasts until {@link Fault} `Clear`.
 *
 * @since 0.1.0
 */

/**
 * Which HTTP requests a fault strikes: the token endpoint, `GET /gateway` and `GET /gateway/bot`, the sending of messages
 * (not their recall), the upload of files, the parts of streams, recalls, the acknowledgement of interactions, or any request
 * at all. Of an upload in parts: `prepare` is its beginning, `part` the PUT of a part, `finish` the word that a part is there,
 * and `upload` its end.
 *
 * @since 0.1.0
 * @category models
 */
export type Endpoint =
  | "token"
  | "metadata"
  | "send"
  | "upload"
  | "prepare"
  | "part"
  | "finish"
  | "stream"
  | "recall"
  | "interaction"
  | "any"

/**
 * What a message holds or is, for faults that refuse only such messages. `url`: a URL in its text or markdown.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageTrait = "any" | "markdown" | "keyboard" | "url" | "media" | "passive" | "proactive"

/**
 * How an HTTP request goes wrong.
 *
 * - `Status`: an error with the platform's own body; without `code` and `message` the body is empty.
 * - `Body`: this body, whatever it is: HTML of the edge, `null`, `{}`, nothing.
 * - `Reset`: the connection breaks; `accepted` says whether the platform did what was asked before.
 * - `Refused`: there is no connection at all, so the platform surely did nothing.
 * - `Hang`: no answer ever; `accepted` as above.
 * - `Slow`: the right answer, `after` milliseconds late.
 *
 * @since 0.1.0
 * @category models
 */
export type HttpFailure =
  | {
      readonly _tag: "Status"
      readonly status: number
      readonly code?: number
      readonly errCode?: number
      readonly message?: string
      /** The `retry-after` header, in seconds. The real platform was never seen to send it. */
      readonly retryAfter?: number
    }
  | { readonly _tag: "Body"; readonly status: number; readonly body: string; readonly contentType?: string }
  | { readonly _tag: "Reset"; readonly accepted: boolean }
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Hang"; readonly accepted: boolean }
  | { readonly _tag: "Slow"; readonly after: number }

/**
 * A close frame that follows something, `after` milliseconds later (default 0).
 *
 * @since 0.1.0
 * @category models
 */
export interface ThenClose {
  readonly code: number
  readonly reason?: string
  readonly after?: number
}

/**
 * One fault. Where `connection` is absent, all open connections are meant.
 *
 * Connections that are open now:
 * - `Drop`: TCP breaks. The session lives.
 * - `Freeze`: half open. Nothing goes in or out any more, and the platform does not see the client leave.
 * - `StopAcks`: these connections' heartbeats are not answered any more, or not for the next `beats` of them.
 * - `DelayAcks`: every heartbeat of these connections is answered `by` milliseconds late.
 * - `Reconnect`: op 7, and a close frame later if the client is slow to leave.
 * - `InvalidSession`: op 9. `resumable: false` ends the session.
 * - `Close`: a close frame. The session ends if the table of close codes says that it cannot be resumed.
 * - `Raw`: a frame with this text, or these bytes, as it is. See the constructors for the usual ones.
 * - `ServerHeartbeat`: op 1 from the server.
 * - `Deafen`: the living sessions get no event any more, while everything else looks well, resumes included. Source:
 *   bot-docs#191.
 * - `ForgetSessions`: the living sessions end without a word; a resume of them is refused.
 *
 * The next connections:
 * - `RefuseUpgrade`, `Unreachable`, `SilentUpgrade`: no socket.
 * - `AcceptThenClose`: closed with `code`, or broken without one, `after` milliseconds behind a `moment`.
 * - `NoHello`: the socket opens and nothing follows.
 * - `Hello`: HELLO with any value as its interval.
 * - `RefuseResumes`, `RefuseIdentifies`: op 9 `d: false` (unless `invalidSession` is false), then a close frame if `code` is
 *   there. A refused session is gone.
 * - `ReadyForResumes`: READY of another session in answer to a resume; the session asked for is gone, nothing is replayed.
 * - `IgnoreResumes`, `IgnoreIdentifies`: no answer, ever.
 *
 * The next dispatches:
 * - `Duplicate`: sent twice, with the same sequence number or, with `fresh`, a new one.
 * - `Twin`: a group message to the bot comes as GROUP_AT_MESSAGE_CREATE and as GROUP_MESSAGE_CREATE.
 * - `Reorder`: held back until the next one was sent, or for `within` milliseconds.
 * - `SkipSequence`: the sequence number jumps; nothing is lost.
 * - `Swell`: its frame is larger by `size` characters, every time that it is sent.
 * - `ReplayMore`: the next resume replays up to `events` events that the client has had already.
 *
 * HTTP and the rest:
 * - `Http`: see {@link HttpFailure}.
 * - `RefuseMessage`: the next message, or stream, with this trait, and with more than `longerThan` UTF-16 code units of text
 *   where that is given, is refused with this code. Others pass. `status` is 400 unless given.
 * - `DeadLinks`: the next PUT of a part breaks, and the store refuses every address of its upload from then on (403).
 * - `TokenRevoked`: every token handed out so far is void.
 * - `RateLimitMetadata`: the metadata limiter refuses the next `times` requests.
 * - `IpNotAllowed`: the caller's address is not on the allow-list: 11298 for every request but the token's, op 9 and 4924
 *   for an identify or a resume. Until `Clear`.
 * - `Audit`: messages are taken, but wait `after` milliseconds for a decision, which comes as MESSAGE_AUDIT_*, or never does.
 *   `status` is that of the answer: 202 unless given; 200 and 201 were seen too.
 * - `ClockSkew`: every timestamp the platform writes is off by so many milliseconds. Until `Clear`.
 * - `Clear`: takes back whatever waits or lasts. What has happened stays.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault =
  | { readonly _tag: "Drop"; readonly connection?: number }
  | { readonly _tag: "Freeze"; readonly connection?: number }
  | { readonly _tag: "StopAcks"; readonly connection?: number; readonly beats?: number }
  | { readonly _tag: "DelayAcks"; readonly connection?: number; readonly by: number }
  | { readonly _tag: "Reconnect"; readonly connection?: number; readonly thenClose?: ThenClose }
  | {
      readonly _tag: "InvalidSession"
      readonly connection?: number
      readonly resumable: boolean
      readonly thenClose?: ThenClose
    }
  | { readonly _tag: "Close"; readonly connection?: number; readonly code: number; readonly reason?: string }
  | { readonly _tag: "Raw"; readonly connection?: number; readonly payload: string | Uint8Array }
  | { readonly _tag: "ServerHeartbeat"; readonly connection?: number }
  | { readonly _tag: "Deafen" }
  | { readonly _tag: "ForgetSessions" }
  | { readonly _tag: "RefuseUpgrade"; readonly status: number; readonly retryAfter?: number; readonly times?: number }
  | { readonly _tag: "Unreachable"; readonly times?: number }
  | { readonly _tag: "SilentUpgrade"; readonly times?: number }
  | {
      readonly _tag: "AcceptThenClose"
      readonly code?: number
      readonly moment?: "open" | "hello" | "ready"
      readonly after?: number
      readonly times?: number
    }
  | { readonly _tag: "NoHello"; readonly times?: number }
  | { readonly _tag: "Hello"; readonly value: unknown; readonly times?: number }
  | {
      readonly _tag: "RefuseResumes"
      readonly invalidSession?: boolean
      readonly code?: number
      readonly times?: number
    }
  | {
      readonly _tag: "RefuseIdentifies"
      readonly invalidSession?: boolean
      readonly code?: number
      readonly times?: number
    }
  | { readonly _tag: "ReadyForResumes"; readonly times?: number }
  | { readonly _tag: "IgnoreResumes"; readonly times?: number }
  | { readonly _tag: "IgnoreIdentifies"; readonly times?: number }
  | { readonly _tag: "Duplicate"; readonly fresh?: boolean; readonly times?: number }
  | { readonly _tag: "Twin"; readonly times?: number }
  | { readonly _tag: "Reorder"; readonly within?: number; readonly times?: number }
  | { readonly _tag: "SkipSequence"; readonly by?: number; readonly times?: number }
  | { readonly _tag: "Swell"; readonly size: number; readonly times?: number }
  | { readonly _tag: "ReplayMore"; readonly events: number; readonly times?: number }
  | { readonly _tag: "Http"; readonly endpoint: Endpoint; readonly failure: HttpFailure; readonly times?: number }
  | {
      readonly _tag: "RefuseMessage"
      readonly of: MessageTrait
      readonly code: number
      readonly errCode?: number
      readonly status?: number
      readonly message?: string
      readonly longerThan?: number
      readonly times?: number
    }
  | { readonly _tag: "DeadLinks"; readonly times?: number }
  | { readonly _tag: "TokenRevoked" }
  | { readonly _tag: "RateLimitMetadata"; readonly times?: number }
  | { readonly _tag: "IpNotAllowed" }
  | {
      readonly _tag: "Audit"
      readonly outcome: "pass" | "reject" | "never"
      readonly after?: number
      readonly status?: 200 | 201 | 202
      readonly times?: number
    }
  | { readonly _tag: "ClockSkew"; readonly by: number }
  | { readonly _tag: "Clear" }
