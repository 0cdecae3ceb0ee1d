/**
 * What is heard in the voice channels of guilds, and who is in voice and live channels.
 *
 * Sources: `server-inter/channel/content/audio` of the platform's documentation; the members of voice and live channels from
 * botpy's `audio.py`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./Payload.ts"

const audioFields = {
  guild_id: Schema.String,
  channel_id: Schema.String,
  /** Empty when a microphone was switched. */
  audio_url: optional(Schema.String),
  /** What is shown while it plays. */
  text: optional(Schema.String)
}

/**
 * The payload of AUDIO_START and AUDIO_FINISH: the bot's audio began, or came to its end; and of AUDIO_ON_MIC and
 * AUDIO_OFF_MIC: the bot took the microphone, or left it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Audio: Schema.Schema<Audio> = Schema.Struct(audioFields)

/**
 * The payload of AUDIO_START, AUDIO_FINISH, AUDIO_ON_MIC and AUDIO_OFF_MIC.
 *
 * @since 0.1.0
 * @category models
 */
export interface Audio extends Schema.Struct.Type<typeof audioFields> {}

const listenerFields = {
  guild_id: Schema.String,
  channel_id: Schema.String,
  /** `Guild.ChannelType.Voice`; or 5, a live channel. */
  channel_type: optional(Schema.Number),
  user_id: Schema.String
}

/**
 * The payload of AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER and AUDIO_OR_LIVE_CHANNEL_MEMBER_EXIT.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Listener: Schema.Schema<Listener> = Schema.Struct(listenerFields)

/**
 * The payload of AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER and AUDIO_OR_LIVE_CHANNEL_MEMBER_EXIT.
 *
 * @since 0.1.0
 * @category models
 */
export interface Listener extends Schema.Struct.Type<typeof listenerFields> {}
