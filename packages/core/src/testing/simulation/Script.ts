/**
 * What users ask a simulated bot, and what its default handler answers: `#7/1200` asks for a reply to message 7 after 1200 ms
 * of work, `#7/1200/stream` for one that is streamed over 1200 ms.
 *
 * The words of a streamed reply hold the number of their message, so that each part of it can be told from the parts of others.
 *
 * @since 0.1.0
 */

/**
 * What a user asks.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ask {
  /** Of the message, counted from 1. */
  readonly number: number
  /** How long the handler works on it, in milliseconds. */
  readonly work: number
  readonly isStreamed: boolean
}

/**
 * What a user says to ask that.
 *
 * @since 0.1.0
 * @category encoding
 */
export const say = ({ isStreamed, number, work }: Ask): string => `#${number}/${work}${isStreamed ? "/stream" : ""}`

/**
 * The question in what a user said.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (text: string): Ask | undefined => {
  const [found, number, work, streamed] = /#(\d+)\/(\d+)(\/stream)?/.exec(text) ?? []
  return found === undefined
    ? undefined
    : { number: Number(number), work: Number(work), isStreamed: streamed !== undefined }
}

/**
 * The reply that is not streamed.
 *
 * @since 0.1.0
 * @category encoding
 */
export const reply = (number: number): string => `reply ${number}`

/** Words of a streamed reply: one for each second of work and one more, 24 at most. */
const wordsOf = ({ number, work }: Ask): ReadonlyArray<string> =>
  Array.from({ length: Math.min(24, 1 + Math.floor(work / 1000)) }, (_, index) => `😀(${number}-${index}) `)

/**
 * The pieces in which a streamed reply is written. They are cut in the middle of a character, as a model's output may be.
 *
 * @since 0.1.0
 * @category encoding
 */
export const pieces = (ask: Ask): ReadonlyArray<string> => {
  const text = whole(ask)
  const cuts = [...text.matchAll(/😀/g)].map(({ index }) => index + 1)
  return [0, ...cuts].map((cut, index) => text.slice(cut, cuts[index]))
}

/**
 * All of a streamed reply.
 *
 * @since 0.1.0
 * @category encoding
 */
export const whole = (ask: Ask): string => wordsOf(ask).join("")

/**
 * The number of the message that a text, or a part of one, replies to.
 *
 * @since 0.1.0
 * @category decoding
 */
export const numberOf = (content: string): number =>
  Number(/^reply (\d+)$|\((\d+)-\d+\)/.exec(content)?.slice(1).find(Boolean))
