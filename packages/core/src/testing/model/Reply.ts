/**
 * Answers of the HTTP side, and the errors it knows, as data.
 *
 * Source of codes and meanings: `docs/develop/api-v2/openapi/error/error.md` and the pages of 2026 of the platform's
 * documentation; 11298 and 100017 with their `err_code` from openclaw-qqbot#240 and hermes-agent#18172.
 *
 * @since 0.1.0
 */

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
}

const rows = {
  11241: { status: 401, message: "token is missing" },
  11244: { status: 401, message: "token not exist or expire" },
  11298: { status: 401, message: "ip is not in the allow list", errCode: 40023002 },
  12002: { status: 400, message: "request body is malformed" },
  22006: { status: 400, message: "msg_type and content do not match" },
  50006: { status: 400, message: "message is empty" },
  100017: { status: 400, message: "API call frequency exceeded", errCode: 40023001 },
  630001: { status: 400, message: "interaction parameter error" },
  40034011: { status: 400, message: "invalid markdown content" },
  40034024: { status: 400, message: "reply message id is invalid" },
  40034005: { status: 400, message: "回复消息msg_id已过期" },
  40034025: { status: 400, message: "event_id is invalid" },
  40034026: { status: 400, message: "event_id is expired" },
  40034027: { status: 400, message: "this event does not support reply" },
  40034100: { status: 400, message: "proactive messages are sent too often" },
  40034105: { status: 400, message: "proactive message refused: no permission" },
  40034123: { status: 400, message: "wake-up messages are not supported" },
  40034128: { status: 400, message: "passive replies are used up" },
  40054005: { status: 400, message: "消息被去重，请检查请求msgseq" },
  40054007: { status: 400, message: "message is too long" },
  40061002: { status: 400, message: "message id to recall is invalid" },
  40064004: { status: 400, message: "message was sent more than two minutes ago" }
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
  return errorOf(traceId, { status: row.status, code, errCode: row.errCode, message: row.message })
}
