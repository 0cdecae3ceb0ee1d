/**
 * Answers of the HTTP side, and the errors it knows, as data.
 *
 * Source of codes and meanings: `docs/develop/api-v2/openapi/error/error.md` and the pages of 2026 of the platform's
 * documentation; 11298 and 100017 with their `err_code` from openclaw-qqbot#240 and hermes-agent#18172, 40007 with its own
 * from LangBot#2454, 40113002 from Octop#731. The endpoints of guilds answer business errors with HTTP 500 and without
 * `err_code` (adapter-qq#154).
 *
 * @since 0.1.0
 */
import type { Fault } from "../Fault.ts"

/**
 * An answer before its headers. `code` is what the journal keeps of the body.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  readonly status: number
  readonly body: string
  readonly contentType: string
  readonly code?: number
  readonly retryAfter?: number
}

interface Row {
  readonly status: number
  readonly message: string
  readonly errCode?: number
  /** Answered in the older shape, with `code` and `message` alone. */
  readonly isOld?: true
}

const rows = {
  10001: { status: 500, message: "account does not exist", isOld: true },
  10003: { status: 500, message: "channel does not exist", isOld: true },
  10004: { status: 500, message: "guild does not exist", isOld: true },
  11241: { status: 401, message: "token is missing" },
  11244: { status: 401, message: "token not exist or expire" },
  11253: { status: 400, message: "no permission for this interface" },
  11298: { status: 401, message: "ip is not in the allow list", errCode: 40023002 },
  12001: { status: 400, message: "parameter is invalid" },
  12002: { status: 400, message: "request body is malformed" },
  20028: { status: 429, message: "too many messages to this channel", isOld: true },
  22006: { status: 400, message: "msg_type and content do not match" },
  22009: { status: 400, message: "msg limit exceed" },
  40007: { status: 404, message: "streamed text may not change", errCode: 40113003 },
  50006: { status: 400, message: "message is empty" },
  50037: { status: 400, message: "a markdown message carries markdown and keyboard only", isOld: true },
  50056: { status: 500, message: "custom markdown is not allowed", isOld: true },
  301000: { status: 500, message: "parameter is invalid", isOld: true },
  302000: { status: 500, message: "parameter is invalid", isOld: true },
  302011: { status: 500, message: "schedule is deleted", isOld: true },
  302014: { status: 500, message: "schedule is too long", isOld: true },
  302015: { status: 500, message: "schedule begins in the past", isOld: true },
  302016: { status: 500, message: "schedule ends before it begins", isOld: true },
  302017: { status: 500, message: "schedule is empty", isOld: true },
  304003: { status: 403, message: "url not allowed", isOld: true },
  304004: { status: 500, message: "ark is not allowed", isOld: true },
  304005: { status: 500, message: "embed is too long", isOld: true },
  304018: { status: 500, message: "bot has no session", isOld: true },
  304025: { status: 500, message: "message is blocked", isOld: true },
  304026: { status: 500, message: "reply message id is invalid", isOld: true },
  304027: { status: 500, message: "reply message id is expired", isOld: true },
  304031: { status: 500, message: "direct messages are closed", isOld: true },
  304036: { status: 500, message: "markdown template is not allowed", isOld: true },
  304045: { status: 500, message: "proactive messages of this channel are used up", isOld: true },
  304047: { status: 500, message: "proactive messages to too many channels of this guild", isOld: true },
  304049: { status: 500, message: "proactive direct messages to this user are used up", isOld: true },
  304050: { status: 500, message: "proactive direct messages are used up", isOld: true },
  304057: { status: 400, message: "keyboard is not allowed" },
  304080: { status: 400, message: "file_info is invalid" },
  306004: { status: 500, message: "no permission to recall this message", isOld: true },
  306011: { status: 500, message: "message is too old to be recalled", isOld: true },
  850012: { status: 400, message: "upload parameter error" },
  501001: { status: 500, message: "parameter is invalid", isOld: true },
  501008: { status: 500, message: "message does not exist", isOld: true },
  501013: { status: 500, message: "too many pinned messages", isOld: true },
  502005: { status: 500, message: "time is malformed", isOld: true },
  503005: { status: 500, message: "title is empty", isOld: true },
  503006: { status: 500, message: "content is empty", isOld: true },
  503012: { status: 500, message: "thread does not exist", isOld: true },
  610008: { status: 500, message: "parameter is invalid", isOld: true },
  610010: { status: 500, message: "permission is granted already", isOld: true },
  620001: { status: 500, message: "parameter is invalid", isOld: true },
  620002: { status: 500, message: "too many kinds of reactions", isOld: true },
  620003: { status: 500, message: "reaction is set already", isOld: true },
  620004: { status: 500, message: "reaction is not set", isOld: true },
  850019: { status: 400, message: "file format is not supported", errCode: 40034002 },
  850026: { status: 400, message: "url cannot be downloaded", errCode: 40034001 },
  850031: { status: 400, message: "file is too large" },
  100017: { status: 400, message: "API call frequency exceeded", errCode: 40023001 },
  630001: { status: 400, message: "interaction parameter error" },
  630003: { status: 400, message: "interaction appid is invalid" },
  40030009: { status: 400, message: "panel is being changed" },
  40030011: { status: 400, message: "scope is invalid" },
  40030012: { status: 400, message: "target_type is invalid" },
  40030013: { status: 400, message: "too many of them" },
  40030014: { status: 400, message: "type of menu item is invalid" },
  40030015: { status: 400, message: "type of panel item is invalid" },
  40030016: { status: 400, message: "a field is missing" },
  40030018: { status: 400, message: "not supported in this scene" },
  40030021: { status: 400, message: "a panel for all has no targets" },
  40034011: { status: 400, message: "invalid markdown content" },
  40034024: { status: 400, message: "reply message id is invalid" },
  40034006: { status: 400, message: "content violates the rules" },
  40034012: { status: 400, message: "不允许发送原生 markdown" },
  40034029: { status: 400, message: "keyboard has too many rows or columns" },
  40034127: { status: 400, message: "markdown template is not allowed" },
  40034005: { status: 400, message: "回复消息msg_id已过期" },
  40034025: { status: 400, message: "event_id is invalid" },
  40034026: { status: 400, message: "event_id is expired" },
  40034027: { status: 400, message: "this event does not support reply" },
  40034100: { status: 400, message: "proactive messages are sent too often" },
  40034101: { status: 400, message: "bot is not a member of the group" },
  40034105: { status: 400, message: "proactive message refused: no permission" },
  40034123: { status: 400, message: "wake-up messages are not supported" },
  40034128: { status: 400, message: "passive replies are used up" },
  40054005: { status: 400, message: "消息被去重，请检查请求msgseq" },
  40054007: { status: 400, message: "message is too long" },
  40054010: { status: 400, message: "url is not allowed" },
  40061002: { status: 400, message: "message id to recall is invalid" },
  40062003: { status: 400, message: "no permission to recall this message" },
  40064004: { status: 400, message: "message was sent more than two minutes ago" },
  40093001: { status: 400, message: "upload channel error" },
  40093002: { status: 400, message: "uploads of this day are used up" },
  40113002: { status: 400, message: "stream index must grow" }
} as const satisfies Readonly<Record<number, Row>>

/**
 * A code that the model answers with.
 *
 * @since 0.1.0
 * @category models
 */
export type ErrorCode = keyof typeof rows

/**
 * A JSON body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const json = (status: number, value: unknown): Reply => ({
  status,
  body: JSON.stringify(value),
  contentType: "application/json"
})

/**
 * A body of plain text, or none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const text = (status: number, body: string): Reply => ({
  status,
  body,
  contentType: "text/plain; charset=utf-8"
})

/**
 * An error of the platform in its own shape, with a code that need not be in the table.
 *
 * @since 0.1.0
 * @category constructors
 */
export const errorOf = (
  traceId: string,
  options: {
    readonly status: number
    readonly code: number
    readonly errCode?: number | undefined
    readonly message: string
    readonly data?: unknown
  }
): Reply => ({
  ...json(options.status, {
    message: options.message,
    code: options.code,
    err_code: options.errCode ?? options.code,
    trace_id: traceId,
    data: options.data
  }),
  code: options.code
})

/**
 * The error of a code of the table.
 *
 * @since 0.1.0
 * @category constructors
 */
export const error = (traceId: string, code: ErrorCode): Reply => {
  const row: Row = rows[code]
  if (row.isOld === true) return { ...json(row.status, { code, message: row.message }), code }
  return errorOf(traceId, { status: row.status, code, errCode: row.errCode, message: row.message })
}

/**
 * The error of an injected refusal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refused = (traceId: string, fault: Extract<Fault, { readonly _tag: "RefuseMessage" }>): Reply =>
  errorOf(traceId, {
    status: fault.status ?? 400,
    code: fault.code,
    errCode: fault.errCode,
    message: fault.message ?? "injected refusal"
  })

/**
 * The error page of the edge in front of the platform, which never saw the request.
 *
 * @since 0.1.0
 * @category constructors
 */
export const edge = (status: number, title: string): Reply => ({
  status,
  body: `<html><head><title>${status} ${title}</title></head><body><center>stgw</center></body></html>`,
  contentType: "text/html"
})
