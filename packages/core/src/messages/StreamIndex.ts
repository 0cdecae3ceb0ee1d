/**
 * The index of a stream's requests, and what the platform's answers mean for it: plain state, without requests.
 *
 * A piece that the endpoint refused has used up its index, so that the next request takes the next one, also if it is a
 * retry. A piece without an answer is repeated under its own index: the platform answers whether it has it.
 *
 * Source: the page of `stream_messages` of the platform's documentation of 2026; Octop#731 for 40113002.
 *
 * @since 0.1.0
 */
import * as ErrorCode from "../openapi/ErrorCode.ts"
import type { BegunStream } from "./LedgerEntry.ts"
import * as SendError from "./SendError.ts"

/**
 * One request of a stream, as it has to be repeated.
 *
 * @since 0.1.0
 * @category models
 */
export interface Piece {
  /** The whole text so far. */
  readonly content: string
  readonly isLast: boolean
}

/** The index was used before, or the stream has ended. Source: Octop#731 [field]. */
const usedIndexCodes: ReadonlySet<number> = new Set([40113002])

/** The classes of errors that come before the endpoint has processed the request. */
const gate: ReadonlySet<ErrorCode.ErrorClass> = new Set(["auth_fatal", "ip_not_allowed", "token_refresh"])

type Reason = Exclude<SendError.SendError, SendError.MessageInvalid>

/**
 * The error of the last attempt itself, without what earlier attempts have made of it.
 *
 * @since 0.1.0
 * @category lookups
 */
export const reasonOf = (error: SendError.SendError): SendError.SendError =>
  error._tag === "DeliveryUnknown" && SendError.isSendError(error.cause) ? error.cause : error

const codesOf = ({ code, errCode }: Reason): ReadonlyArray<number> =>
  [errCode, code].filter((value) => value !== undefined)

/**
 * Whether the index was used before, or the stream has ended.
 *
 * @since 0.1.0
 * @category guards
 */
export const isUsedIndex = (error: SendError.SendError): boolean => {
  const reason = reasonOf(error)
  return reason._tag !== "MessageInvalid" && codesOf(reason).some((code) => usedIndexCodes.has(code))
}

/** Whether the endpoint itself has refused the piece, which uses up its index. */
const isRefusal = (error: SendError.SendError): boolean => {
  const reason = reasonOf(error)
  if (reason._tag === "MessageInvalid") return false
  // the code is of the token endpoint: the piece was not sent
  if (reason._tag === "PlatformUnavailable" && !isOfEndpoint(reason.cause)) return false
  const codes = codesOf(reason)
  return codes.length > 0 && !codes.some((code) => gate.has(ErrorCode.lookup(code)?.class ?? "ok"))
}

const isOfEndpoint = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "_tag" in cause && cause._tag === "ApiError"

const hasNoAnswer = (error: SendError.SendError): boolean =>
  reasonOf(error)._tag === "DeliveryUnknown" && !isRefusal(error)

/**
 * The index of one stream.
 *
 * @since 0.1.0
 * @category models
 */
export class StreamIndex {
  /** The index of the next request. */
  current: number
  /** The platform's id of the message, once it is known. */
  id: string | undefined
  /** Whether an attempt of the last piece had no answer under this index. */
  isRepeated: boolean
  /** Whether an attempt of a piece before it had none. */
  isContested = false
  private last: Piece | undefined
  /** The texts of ends that had no answer. */
  private readonly unansweredEnds: Set<string>

  /** `left`: the stream of an earlier run, whose last request may have been accepted. */
  constructor(left?: BegunStream) {
    this.current = left?.index ?? 0
    this.id = left?.id
    this.last = left
    this.isRepeated = left !== undefined
    this.unansweredEnds = new Set(left?.isLast === true ? [left.content] : [])
  }

  /** Whether an end was sent that had no answer. */
  get isEndDoubted(): boolean {
    return this.unansweredEnds.size > 0
  }

  /** The text of the end that had no answer; `undefined` if there was none, or if there were several. */
  get onlyUnansweredEnd(): string | undefined {
    const [content, ...others] = this.unansweredEnds
    return others.length === 0 ? content : undefined
  }

  /** A piece is sent next. Another piece than the last one contests its index if that one had no answer. */
  present(piece: Piece): void {
    if (this.last?.content !== piece.content || this.last.isLast !== piece.isLast) {
      this.isContested ||= this.isRepeated
      this.isRepeated = false
    }
    this.last = piece
  }

  /** The index is used up. */
  advance(): void {
    this.current += 1
    this.isRepeated = false
    this.isContested = false
  }

  /** The last piece may have been accepted. */
  doubt(): void {
    this.isRepeated = true
    if (this.last?.isLast === true) this.unansweredEnds.add(this.last.content)
  }

  /** The last piece failed with this error. Before the platform has named the stream, a refusal uses up no index. */
  learn(error: SendError.SendError): void {
    if (isRefusal(error)) {
      if (this.id !== undefined) this.advance()
    } else if (hasNoAnswer(error)) this.doubt()
  }
}
