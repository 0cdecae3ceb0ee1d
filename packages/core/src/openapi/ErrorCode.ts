/**
 * The error codes of the OpenAPI and of the token endpoint as data: code → meaning → class → source, and for each class
 * what a caller should do. Programs decide by class; a new code is a new row.
 *
 * A row's source is the page or the report that names the code, with its kind: `[doc]` the platform's documentation,
 * `[sdk]` an official SDK, `[field]` reports and other clients, `[unsure]` an inference. Close codes of the gateway are in
 * `gateway/CloseCode.ts`.
 *
 * @since 0.1.0
 */

/**
 * What a caller should do about each class of error, in words. Its keys are the classes.
 *
 * @since 0.1.0
 * @category constants
 */
export const hints = {
  ok: "nothing to do: the call was accepted",
  token_refresh: "fetch another access token and send the same request once more",
  retry_once: "the platform failed inside; send the same request once more, not oftener",
  auth_fatal:
    "stop: check QQ_APP_ID and QQ_APP_SECRET, and that the bot is neither banned nor deleted, in the QQ open platform's console",
  ip_not_allowed:
    "add this machine's public IPv4 address to the bot's IP allow-list in the QQ open platform's console; another token does not help",
  permission:
    "the bot lacks the permission for this call: ask for it in the QQ open platform's console, or leave the call out",
  not_found: "what the call names does not exist or is gone: check the id",
  bad_target: "the conversation, channel or account does not exist or is closed to the bot: stop addressing it",
  bot_banned: "the bot is banned: see the QQ open platform's console",
  bot_offline: "the bot was taken offline: see the QQ open platform's console",
  bot_muted: "the bot is muted there: wait until it is unmuted",
  bot_not_member: "the bot is not, or no longer, a member there: wait until it is added again",
  not_reachable: "this user cannot be written to: wait until the user writes first",
  rate_limited: "wait, then send the same request again: as long as the platform says, else 1, 2, 4 s up to 60 s",
  quota_exhausted: "the quota of this period is spent: wait for the next period, a retry cannot succeed before",
  msg_id_expired:
    "the window or count of replies to this message is over: send proactively if that is allowed, never with the same id again",
  msg_id_invalid:
    "this id cannot be replied to: use the id of a message or event that the bot received in this conversation",
  proactive_refused: "the bot may not write here unasked: wait for the next message or event and reply to it",
  duplicate:
    "the platform has this reply already: a repeated request was delivered before, a new message needs another msg_seq",
  too_long: "split the content and send its parts, each with its own msg_seq",
  url_blocked:
    "this address is not registered for the bot: register it in the QQ open platform's console, or leave it out",
  content_blocked: "moderation refused the content: do not send the same text again",
  markdown_refused:
    "send the text without markdown, or ask for the markdown permission in the QQ open platform's console",
  keyboard_refused: "send the message without its keyboard, or correct the keyboard",
  audit_pending: "accepted and waiting for moderation: a MESSAGE_AUDIT_* event brings the outcome",
  media_retry: "the media could not be transferred: retry two or three times with pauses, then upload it again",
  media_invalid: "the platform does not take this file: check its format and size",
  upload_part_retry: "finish the part again until the time that the upload was given is over",
  stream_prefix_conflict: "text that was streamed may not change: end the stream and send the rest as a message",
  recall_expired: "the message is too old to be recalled",
  idempotent_ok: "what was asked for is so already: take it as success",
  gateway_offline: "the bot has no gateway session: wait for READY, then send again",
  transient: "the platform failed: try again later, and after an unknown outcome only what may safely happen twice",
  bad_request: "the request is wrong: correct it, a retry cannot succeed"
} as const

/**
 * What an error means for the caller: the keys of {@link hints}.
 *
 * @since 0.1.0
 * @category models
 */
export type ErrorClass = keyof typeof hints

/**
 * Every class.
 *
 * @since 0.1.0
 * @category constants
 */
export const classes: ReadonlyArray<ErrorClass> = Object.keys(hints) as Array<ErrorClass>

/**
 * One row of the table.
 *
 * @since 0.1.0
 * @category models
 */
export interface ErrorCodeRow {
  /** Appears as `err_code` or as `code` in a body; the two may differ. */
  readonly code: number
  /** The HTTP status it came with, where that is known. Information only: no decision rests on it. */
  readonly http?: number | undefined
  readonly meaning: string
  readonly class: ErrorClass
  readonly source: string
}

const documented = "openapi.md (bot-docs 2025-04) + api-call-guide (docs 2026-09) [doc]"
const documentedFamily =
  "openapi.md (bot-docs 2025-04) + api-call-guide (docs 2026-09) [doc]; http inferred from the family [unsure]"
const messagesFamily = "v2_users/v2_groups *_messages.post (docs 2026-09) [doc]; http inferred from the family [unsure]"
const messages = "v2_users/v2_groups *_messages.post (docs 2026-09) [doc]"
const files = "files / upload_prepare / upload_part_finish (docs 2026-09) [doc]"
const qqBotNet = "QQBotErrorCode.cs [field]"
const accessToken = "access-token.html (docs 2026-09) [doc]"
const menusAndPanels = "pages of menus and panels (docs 2026-08) [field]"
const recall = "recall endpoints (docs 2026-09) [doc]"
const stream = "v2_users_stream_messages.post (docs 2026-09) [doc]; LangBot#2454 [field]"
const send = "send.md [doc]"

const row = (
  code: number,
  errorClass: ErrorClass,
  meaning: string,
  source: string,
  http?: number
): readonly [number, ErrorCodeRow] => [
  code,
  { code, ...(http === undefined ? {} : { http }), meaning, class: errorClass, source }
]

/**
 * Every code that is documented or has been seen. 10004 is listed with its meaning at the token endpoint; elsewhere
 * {@link classify} reads it as `not_found`.
 *
 * @since 0.1.0
 * @category constants
 */
export const table: ReadonlyMap<number, ErrorCodeRow> = new Map([
  row(0, "ok", "success", accessToken, 200),
  row(10000, "bad_request", "unsupported operation", files),
  row(10001, "bad_target", "account does not exist / is abnormal", documented),
  row(10003, "bad_target", "channel (sub-channel) does not exist / is abnormal", documented),
  row(
    10004,
    "auth_fatal",
    "token endpoint: bot does not exist; on OpenAPI the same number means guild does not exist",
    accessToken,
    200
  ),
  row(10013, "bad_request", "user id missing", qqBotNet),
  row(11241, "token_refresh", "token missing from the request", documentedFamily, 401),
  row(11242, "retry_once", "platform failed while checking the token; docs: retry at most once", documentedFamily, 401),
  row(11243, "token_refresh", "token check failed: the supplied token is wrong", documentedFamily, 401),
  row(
    11244,
    "token_refresh",
    "token does not exist or has expired",
    "botgo errs; qqpd-bot-java#39; Octop#425 [field]",
    401
  ),
  row(11245, "auth_fatal", "legacy fixed token disabled; must use access token", "satori#381 [field]", 401),
  row(11251, "auth_fatal", "wrong appid / token cannot be mapped to an appid", documentedFamily, 401),
  row(11252, "retry_once", "platform failed while checking app privileges; docs: retry at most once", documented),
  row(11253, "permission", "app was not granted this API", documented),
  row(11254, "permission", "API granted but this API is blocked for the bot", documented),
  row(
    11255,
    "auth_fatal",
    "invalid request (token of another bot / malformed auth)",
    "qqbot CHANGELOG 1.5.4; QQBotErrorCode.cs [sdk]"
  ),
  row(11261, "auth_fatal", "appid missing (same family as 11251)", documentedFamily, 401),
  row(11262, "permission", "API cannot be called with a bot token", documented),
  row(11263, "retry_once", "platform failed while checking guild permission; docs: retry at most once", documented),
  row(11264, "permission", "guild did not grant this API, or wrong guild id", documented),
  row(11265, "bot_banned", "bot is banned", documented),
  row(11273, "permission", "user-authorisation check failed; Bearer token not supported on this API", documented),
  row(11274, "permission", "user did not grant this API in OAuth", documented),
  row(11275, "auth_fatal", "no appid (same family as 11251)", documentedFamily, 401),
  row(11281, "retry_once", "platform failed while checking admin status; docs: retry at most once", documented),
  row(11282, "permission", "API needs admin rights the bot was not granted", documented),
  row(
    11298,
    "ip_not_allowed",
    "source IP is not on the bot's allow-list (do NOT refresh the token)",
    "botpy#189; Yunzai-QQBot-Plugin#17 [field]",
    401
  ),
  row(11301, "bad_request", "HTTP header invalid", documented),
  row(11302, "bad_request", "HTTP header (uin) invalid", documented),
  row(11303, "transient", "could not fetch nickname", documented),
  row(11304, "transient", "could not fetch avatar", documented),
  row(11305, "bad_target", "could not resolve guild id", documented),
  row(11306, "transient", "could not fetch guild info", documented),
  row(12001, "bad_request", "openid/id substitution failed", documented),
  row(12002, "bad_request", "request body malformed", documented),
  row(12003, "transient", "upstream response malformed", documented),
  row(20028, "rate_limited", "channel message write rate limit hit", documented),
  row(22006, "bad_request", "msg_type and content do not match", messagesFamily, 400),
  row(
    22009,
    "rate_limited",
    "message quota exceeded (passive count above limit, or old monthly proactive quota)",
    "send.md [doc]; openclaw PR#104634 [field]",
    400
  ),
  row(
    40007,
    "stream_prefix_conflict",
    "already delivered stream prefix may not change (err_code 40113003 in the field)",
    stream,
    404
  ),
  row(50001, "transient", "stream: internal error", stream),
  row(50002, "rate_limited", "stream: rate limited", stream),
  row(50006, "bad_request", "message is empty", documented, 400),
  row(50035, "bad_request", "form-data malformed", documented),
  row(50037, "bad_request", "a markdown message may only carry markdown and/or keyboard", documented),
  row(50038, "bad_request", "not the same guild/channel", documented),
  row(50039, "transient", "could not load the (referenced) message", documented),
  row(50040, "bad_request", "wrong template type", documented),
  row(50041, "bad_request", "markdown template parameter empty", documented),
  row(50042, "bad_request", "markdown list parameter too long", documented),
  row(50043, "bad_request", "guild_id conversion failed", documented),
  row(50045, "msg_id_invalid", "cannot reply to a message produced by the bot itself", documented),
  row(50046, "msg_id_invalid", "not an @bot message", documented),
  row(50047, "msg_id_invalid", "neither a bot message nor an @bot message", documented),
  row(50048, "bad_request", "message id missing", documented),
  row(50049, "bad_request", "only messages with a keyboard can be edited", documented),
  row(50050, "bad_request", "edit without keyboard element", documented),
  row(50051, "permission", "only own messages can be edited", documented),
  row(50053, "transient", "edit failed", documented),
  row(50054, "markdown_refused", "markdown template parameter error", documented),
  row(50055, "markdown_refused", "invalid markdown content", documented),
  row(50056, "markdown_refused", "bot may not send custom markdown", documented),
  row(50057, "bad_request", "markdown content and template are mutually exclusive", documented),
  row(50059, "bad_request", "input_notify type wrong", messages),
  row(100001, "rate_limited", "token endpoint: too many requests", accessToken, 200),
  row(100007, "auth_fatal", "token endpoint: appid invalid, or bot banned/deleted", accessToken, 200),
  row(100016, "auth_fatal", "token endpoint: wrong appid or secret", accessToken, 200),
  row(
    100017,
    "rate_limited",
    "API call frequency exceeded; typically GET /gateway (2/min, burst 10)",
    "hermes-agent PR#18172; DeepSeek-Reasonix#7816 [field]",
    400
  ),
  row(130008, "transient", "modifying a channel category failed", qqBotNet),
  row(200011, "content_blocked", "channel creation hit moderation", qqBotNet),
  row(200013, "transient", "channel created but info lookup failed", qqBotNet),
  row(200016, "bad_request", "channel name empty", qqBotNet),
  row(200017, "bad_request", "channel position invalid", qqBotNet),
  row(200019, "bad_request", "channel category invalid", qqBotNet),
  row(301000, "bad_request", "channel-permission API: bad parameter", documented),
  row(301001, "transient", "channel-permission API: channel lookup failed", documented),
  row(301002, "transient", "channel-permission API: permission lookup failed", documented),
  row(301003, "transient", "channel-permission API: permission change failed", documented),
  row(301004, "quota_exhausted", "private channel has reached its member limit", documented),
  row(301005, "transient", "channel-permission API: internal rpc failed", documented),
  row(301006, "permission", "non-members may not query", documented),
  row(301007, "bad_request", "too many items in a parameter", documented),
  row(302000, "bad_request", "schedule: bad parameter", documented),
  row(302001, "transient", "schedule: channel lookup failed", documented),
  row(302002, "transient", "schedule: list failed", documented),
  row(302003, "transient", "schedule: read failed", documented),
  row(302004, "transient", "schedule: update failed", documented),
  row(302005, "transient", "schedule: delete failed", documented),
  row(302006, "transient", "schedule: create failed", documented),
  row(302007, "transient", "schedule: creator lookup failed", documented),
  row(302008, "bad_request", "schedule: channel id missing", documented),
  row(302009, "transient", "schedule: guild system error", documented),
  row(302010, "permission", "schedule: no permission to modify", documented),
  row(302011, "not_found", "schedule: already deleted", documented),
  row(302012, "quota_exhausted", "schedule: at most 10 creations per day", documented),
  row(302013, "content_blocked", "schedule: creation hit moderation", documented),
  row(302014, "bad_request", "schedule: duration above 7 days", documented),
  row(302015, "bad_request", "schedule: start is in the past", documented),
  row(302016, "bad_request", "schedule: end before start", documented),
  row(302017, "bad_request", "schedule: object empty", documented),
  row(302018, "bad_request", "schedule: type conversion failed", documented),
  row(302019, "transient", "schedule: downstream failed", documented),
  row(302020, "content_blocked", "schedule: content/account violation", documented),
  row(302021, "quota_exhausted", "schedule: guild daily activity limit", documented),
  row(302022, "bad_request", "schedule: cannot bind a channel of another guild", documented),
  row(302023, "bad_request", "schedule: cannot jump to a schedule channel at start", documented),
  row(302024, "not_found", "schedule: bound channel does not exist", documented),
  row(304003, "url_blocked", "URL not registered/allowed for this bot", documentedFamily, 403),
  row(304004, "permission", "no permission to send ark (this template)", documented),
  row(304005, "too_long", "embed too long", documented),
  row(304006, "transient", "platform configuration error", documented),
  row(304007, "transient", "guild lookup failed", documented),
  row(304008, "transient", "bot lookup failed", documented),
  row(304009, "transient", "channel lookup failed", documented),
  row(304010, "media_retry", "image re-hosting failed", documented),
  row(304011, "bad_request", "template does not exist", documented),
  row(304012, "transient", "template load failed", documented),
  row(304014, "permission", "no permission for the template", documented),
  row(304016, "transient", "generic send error", documented),
  row(304017, "media_retry", "image upload failed", documented),
  row(304018, "gateway_offline", "bot has no live gateway session (guild sends need one)", documented),
  row(304019, "quota_exhausted", "@everyone quota used up", documented),
  row(304020, "media_invalid", "file too large", documented),
  row(304021, "media_retry", "file download failed", documented),
  row(304022, "quota_exhausted", "proactive message not allowed at this time of day", documented),
  row(
    304023,
    "audit_pending",
    "proactive message accepted, waiting for audit (data.message_audit.audit_id)",
    documented,
    202
  ),
  row(
    304024,
    "audit_pending",
    "passive message accepted, waiting for audit (data.message_audit.audit_id)",
    documented,
    202
  ),
  row(304025, "content_blocked", "message blocked by moderation", documented),
  row(304026, "msg_id_invalid", "msg_id of the reply is wrong", documented),
  row(304027, "msg_id_expired", "message to reply to has expired", documented),
  row(304028, "msg_id_invalid", "replying to a message that did not @ the bot is not allowed", documented),
  row(304029, "transient", "corpus service failed", documented),
  row(304030, "content_blocked", "content does not match the approved corpus", documented),
  row(304031, "not_reachable", "DM closed by the user", documented),
  row(304032, "not_found", "DM session does not exist", documented),
  row(304033, "transient", "opening the DM session failed", documented),
  row(304034, "not_reachable", "not a member of the DM", documented),
  row(304035, "quota_exhausted", "proactive push exceeds number of channels", documented),
  row(304036, "markdown_refused", "no permission for markdown (template)", documented),
  row(304037, "keyboard_refused", "no permission for this keyboard template", documented, 500),
  row(304038, "keyboard_refused", "keyboard component does not exist", documented),
  row(304039, "keyboard_refused", "keyboard component cannot be parsed", documented),
  row(304040, "keyboard_refused", "keyboard component content error", documented),
  row(304041, "markdown_refused", "passive reply may not be markdown", "nonebot/adapter-qq#96,#154 [field]", 500),
  row(304044, "transient", "message settings lookup failed", documented),
  row(304045, "quota_exhausted", "proactive quota of this channel used up", documented),
  row(304046, "permission", "proactive messages not allowed in this channel", documented, 500),
  row(304047, "quota_exhausted", "proactive push to too many channels of the guild", documented),
  row(304048, "permission", "proactive messages not allowed in this guild", documented),
  row(304049, "quota_exhausted", "DM proactive quota (per user) used up", documented),
  row(304050, "quota_exhausted", "DM proactive quota (total) used up", documented),
  row(304051, "bad_request", "setting-guide request malformed", documented),
  row(304052, "rate_limited", "setting-guide sent too often", documented),
  row(
    304057,
    "keyboard_refused",
    "custom keyboard not allowed",
    "QQBot.Net QQBotErrorCode.cs; openclaw-qqbot#260 [field]"
  ),
  row(304061, "bad_request", "message content invalid", messages),
  row(304062, "bad_request", "too many subscribe buttons", messages),
  row(304064, "permission", "subscribe message not authorised by the user", messages),
  row(304080, "media_invalid", "file_info invalid (wrong scene / expired)", messages),
  row(304082, "media_retry", "rich media fetch failed, retry", send),
  row(304083, "media_retry", "rich media conversion failed, retry", send),
  row(
    304103,
    "msg_id_expired",
    "msg_id expired, cannot reply [doc]; ALSO seen as HTTP 500 'security risk, group message interface temporarily banned' [field, openclaw-china test data]",
    messages
  ),
  row(305007, "keyboard_refused", "keyboard style parameter error", messages),
  row(306001, "bad_request", "recall: bad parameter", documented),
  row(306002, "bad_request", "recall: bad message id", documented),
  row(306003, "transient", "recall: message lookup failed (documented retryable)", documented),
  row(306004, "permission", "recall: no permission", documented),
  row(306005, "transient", "recall: failed (documented retryable)", documented),
  row(306006, "transient", "recall: channel lookup failed (documented retryable)", documented),
  row(306007, "bad_request", "recall: message is not from this group", documented),
  row(306008, "permission", "recall: message was not sent by this bot", documented),
  row(306009, "bad_request", "recall: message was not exchanged with this user / openid invalid", documented),
  row(306010, "transient", "recall: internal error", documented),
  row(306011, "recall_expired", "recall: past the recall window", documented),
  row(340067, "transient", "bot info lookup failed", messages),
  row(340069, "bad_request", "msg_type invalid", messages),
  row(501000, "transient", "announcement error range 501000-501999", documented),
  row(501001, "bad_request", "announcement: bad parameter", documented),
  row(501002, "transient", "announcement: create (channel) failed, retryable", documented),
  row(501003, "transient", "announcement: delete (channel) failed, retryable", documented),
  row(501004, "transient", "announcement: guild lookup failed, retryable", documented),
  row(501005, "bad_request", "announcement: bad message id", documented),
  row(501006, "transient", "announcement: create (guild) failed, retryable", documented),
  row(501007, "transient", "announcement: delete (guild) failed, retryable", documented),
  row(501008, "not_found", "announcement: message does not exist", documented),
  row(501009, "bad_request", "announcement: message id cannot be parsed", documented),
  row(501010, "bad_request", "announcement: message is not from this channel", documented),
  row(501011, "transient", "pin: create failed, retryable", documented),
  row(501012, "transient", "pin: delete failed, retryable", documented),
  row(501013, "quota_exhausted", "pin: maximum reached", documented),
  row(501014, "content_blocked", "announcement: moderation", documented),
  row(501015, "bad_request", "announcement: message may not be used", documented),
  row(501016, "quota_exhausted", "announcement: too many recommended channels", documented),
  row(501017, "permission", "announcement: caller is not owner/admin", documented),
  row(501018, "bad_request", "announcement: recommended channel id invalid", documented),
  row(501019, "bad_request", "announcement: wrong type", documented),
  row(501020, "transient", "announcement: creating recommended-channel announcement failed", documented),
  row(502000, "transient", "mute error range 502000-502099", documented),
  row(502001, "bad_request", "mute: guild id invalid", documented),
  row(502002, "bad_request", "mute: guild id missing", documented),
  row(502003, "bad_request", "mute: user id invalid", documented),
  row(502004, "bad_request", "mute: user id missing", documented),
  row(502005, "bad_request", "mute: timestamp malformed", documented),
  row(502006, "bad_request", "mute: timestamp invalid", documented),
  row(502007, "bad_request", "mute: parameter conversion failed", documented),
  row(502008, "transient", "mute: internal rpc failed", documented),
  row(502009, "content_blocked", "mute: moderation", documented),
  row(502010, "bad_request", "mute: request header error", documented),
  row(503001, "bad_request", "forum: guild/channel id invalid", documented),
  row(503002, "bad_request", "forum: guild/channel id missing", documented),
  row(503003, "transient", "forum: channel lookup failed", documented),
  row(503004, "rate_limited", "forum: posting too often", documented),
  row(503005, "bad_request", "forum: title empty", documented),
  row(503006, "bad_request", "forum: content empty", documented),
  row(503007, "bad_request", "forum: post id empty", documented),
  row(503008, "transient", "forum: X-Uin lookup failed", documented),
  row(503009, "bad_request", "forum: post id invalid", documented),
  row(503010, "transient", "forum: uin to tinyid failed", documented),
  row(503011, "bad_request", "forum: timestamp inside post id invalid", documented),
  row(503012, "not_found", "forum: post missing or deleted", documented),
  row(503013, "transient", "forum: internal error", documented),
  row(503014, "bad_request", "forum: JSON content cannot be parsed", documented),
  row(503015, "bad_request", "forum: content conversion failed", documented),
  row(503016, "too_long", "forum: too many links", documented),
  row(503017, "too_long", "forum: too many characters", documented),
  row(503018, "too_long", "forum: too many images", documented),
  row(503019, "too_long", "forum: too many videos", documented),
  row(503020, "too_long", "forum: title too long", documented),
  row(504000, "transient", "message-setting error range 504000-504999", documented),
  row(504001, "bad_request", "message setting: bad parameter", documented),
  row(504002, "transient", "message setting: header lookup failed", documented),
  row(504003, "transient", "message setting: bot uin lookup failed", documented),
  row(504004, "transient", "message setting: lookup failed", documented),
  row(610000, "permission", "guild-permission error range 610000-619999", documented),
  row(610001, "bad_request", "api_permission: guild id lookup failed", documented),
  row(610002, "transient", "api_permission: header lookup failed", documented),
  row(610003, "transient", "api_permission: bot number lookup failed", documented),
  row(610004, "transient", "api_permission: bot role lookup failed", documented),
  row(610005, "transient", "api_permission: bot role internal error", documented),
  row(610006, "transient", "api_permission: list failed", documented),
  row(610007, "bot_not_member", "api_permission: bot is not in the guild", documented),
  row(610008, "bad_request", "api_permission: bad parameter", documented),
  row(610009, "transient", "api_permission: API details lookup failed", documented),
  row(610010, "idempotent_ok", "api_permission: API already granted", documented),
  row(610011, "transient", "api_permission: bot info lookup failed", documented),
  row(610012, "transient", "api_permission: rate limiter failed", documented),
  row(610013, "rate_limited", "api_permission: rate limited", documented),
  row(610014, "transient", "api_permission: demand link could not be sent", documented),
  row(620001, "bad_request", "reaction: bad parameter", documented),
  row(620002, "quota_exhausted", "reaction: too many reaction kinds on the message", documented),
  row(620003, "idempotent_ok", "reaction: already set", documented),
  row(620004, "idempotent_ok", "reaction: was not set", documented),
  row(620005, "permission", "reaction: no permission", documented),
  row(620006, "rate_limited", "reaction: rate limited", documented),
  row(620007, "transient", "reaction: failed, documented retryable", documented),
  row(630001, "bad_request", "interaction ack: bad parameter", documented),
  row(630002, "auth_fatal", "interaction ack: appid lookup failed", documented),
  row(630003, "permission", "interaction ack: appid mismatch", documented),
  row(630004, "transient", "interaction ack: storage error", documented),
  row(630005, "transient", "interaction ack: storage read error", documented),
  row(630006, "bad_request", "interaction ack: appid of the request unreadable (header missing)", documented),
  row(630007, "too_long", "interaction ack: data too large", documented),
  row(
    850012,
    "bad_request",
    "call inner proxy error; seen when upload_prepare gets sha1='' or numeric file_size",
    "AstrBot#9443 [field]"
  ),
  row(850018, "bot_muted", "group or bot is muted", files),
  row(850019, "media_invalid", "file format not supported (err_code 40034002 in the field)", files, 400),
  row(850026, "media_retry", "platform could not download the url (err_code 40034001 in the field)", files, 400),
  row(850027, "media_retry", "data transfer timed out", files),
  row(850031, "media_invalid", "file above size limit", files),
  row(1000000, "transient", "send-message error range 1000000-2999999", documented),
  row(1100100, "rate_limited", "moderation: message rate limited", documented),
  row(1100101, "content_blocked", "moderation: sensitive content", documented),
  row(1100102, "permission", "moderation: not eligible for the feature", documented),
  row(1100103, "content_blocked", "moderation block", documented),
  row(1100104, "bad_target", "moderation: group invalid or gone", documented),
  row(1100300, "transient", "system internal error", documented),
  row(1100301, "bot_not_member", "caller is not a group member", documented),
  row(1100302, "transient", "guild name lookup failed", documented),
  row(1100303, "permission", "homepage channel: only admins may send", documented),
  row(1100304, "quota_exhausted", "@ quota authorisation failed", documented),
  row(1100305, "transient", "tinyid to uin conversion failed", documented),
  row(1100306, "permission", "not a member of the private guild", documented),
  row(1100307, "permission", "application channel not allow-listed", documented),
  row(1100308, "rate_limited", "rate limit inside the guild", documented),
  row(1100499, "transient", "other send error", documented),
  row(2000004, "transient", "send failed with empty message (guild DM)", "AstrBot#91 [field]", 500),
  row(3000000, "transient", "edit-message error range 3000000-3999999", documented),
  row(3300006, "content_blocked", "edit blocked by moderation", documented),
  row(
    40023001,
    "rate_limited",
    "err_code paired with code 100017 (API call frequency exceeded)",
    "logs of clients in the field [field]",
    400
  ),
  row(40023002, "ip_not_allowed", "err_code paired with code 11298", "botpy#189; openclaw-qqbot#240 [field]", 401),
  row(40030008, "bad_request", "menu or panel: link is not https", menusAndPanels),
  row(40030009, "transient", "panel is being changed", menusAndPanels),
  row(40030011, "bad_request", "panel: scope invalid", menusAndPanels),
  row(40030012, "bad_request", "panel: target_type invalid", menusAndPanels),
  row(40030013, "bad_request", "menu or panel: too many items or panels", menusAndPanels),
  row(40030014, "bad_request", "menu: type of an item invalid", menusAndPanels),
  row(40030015, "bad_request", "panel: type of an item invalid", menusAndPanels),
  row(40030016, "bad_request", "menu or panel: a field is missing", menusAndPanels),
  row(40030018, "bad_request", "panel: targets are not supported in this scene", menusAndPanels),
  row(40030020, "content_blocked", "menu or panel: content refused by moderation", menusAndPanels),
  row(40030021, "bad_request", "panel target cannot be set on an all-target panel", "docs 2026 panels [doc]"),
  row(40034001, "media_retry", "err_code paired with code 850026 (download failed)", "botpy#172 [field]", 400),
  row(
    40034002,
    "media_invalid",
    "err_code paired with code 850019 (format unsupported)",
    "logs of clients in the field [field]",
    400
  ),
  row(40034004, "media_retry", "rich media transfer failed, retry", messagesFamily, 400),
  row(40034005, "msg_id_expired", "msg_id of the reply has expired", messagesFamily, 400),
  row(40034006, "content_blocked", "content violates policy", messagesFamily, 400),
  row(40034008, "markdown_refused", "markdown parameter empty", messagesFamily, 400),
  row(40034009, "markdown_refused", "markdown parameter contains a newline", messagesFamily, 400),
  row(40034010, "markdown_refused", "template parameter contains markdown syntax", messagesFamily, 400),
  row(40034011, "markdown_refused", "invalid (also: empty) markdown content", messagesFamily, 400),
  row(
    40034012,
    "markdown_refused",
    "bot may not send custom (native) markdown",
    "openclaw-qqbot#57,#75,#83 [field]",
    400
  ),
  row(
    40034024,
    "msg_id_invalid",
    "msg_id invalid or belongs to someone else (also: bot's own message id, other scene)",
    messages,
    400
  ),
  row(40034025, "msg_id_invalid", "event_id invalid", messagesFamily, 400),
  row(40034026, "msg_id_expired", "event_id expired", messagesFamily, 400),
  row(40034027, "msg_id_invalid", "this event type cannot be replied to", messagesFamily, 400),
  row(40034029, "keyboard_refused", "keyboard rows/columns above limit", messagesFamily, 400),
  row(40034090, "markdown_refused", "markdown not permitted", "qqbot-nodejs USAGE.md [sdk]"),
  row(40034100, "rate_limited", "proactive message rate limit", messagesFamily, 400),
  row(40034101, "bot_not_member", "bot is not a member of the group", messagesFamily, 400),
  row(
    40034102,
    "proactive_refused",
    "proactive message refused, no permission (2025-04-21 .. early 2026 spelling of 40034105)",
    "openclaw-qqbot#43,#52; nanobot#1307 [field]",
    400
  ),
  row(40034105, "proactive_refused", "proactive message refused: no permission", messages, 400),
  row(
    40034106,
    "bad_request",
    "command tag type not supported in this scene (cmd-enter in groups)",
    messagesFamily,
    400
  ),
  row(40034108, "too_long", "command tag parameter too long", messagesFamily, 400),
  row(40034109, "bad_request", "command tag parameter cannot be parsed", messagesFamily, 400),
  row(40034122, "quota_exhausted", "wake-up message already used in this period", messagesFamily, 400),
  row(40034123, "proactive_refused", "wake-up message not supported here", messagesFamily, 400),
  row(40034124, "markdown_refused", "markdown message parameter error", messagesFamily, 400),
  row(40034127, "markdown_refused", "no markdown template permission", messagesFamily, 400),
  row(40034128, "msg_id_expired", "passive reply window or count exceeded", messagesFamily, 400),
  row(40054002, "bot_muted", "bot is muted in the group", messagesFamily, 400),
  row(40054003, "bot_not_member", "bot is not in the group", messagesFamily, 400),
  row(40054004, "not_reachable", "no friend relation with the user", messagesFamily, 400),
  row(40054005, "duplicate", "message de-duplicated: (msg_id,msg_seq) already used", messages, 400),
  row(40054006, "transient", "friend-relation check failed, retry", messagesFamily, 400),
  row(40054007, "too_long", "message too long", messagesFamily, 400),
  row(40054010, "url_blocked", "URLs not allowed in this message", messagesFamily, 400),
  row(40054013, "not_reachable", "user refuses messages from the bot", messagesFamily, 400),
  row(40054016, "bot_offline", "bot is taken offline (delisted)", messagesFamily, 400),
  row(40054018, "too_long", "message too long or malformed", messagesFamily, 400),
  row(40061001, "bad_request", "recall: request parameter invalid", recall),
  row(40061002, "bad_request", "recall: message id invalid", recall),
  row(40062003, "permission", "recall: no permission (bot not admin, or target is admin)", recall),
  row(40064004, "recall_expired", "recall: sent more than 2 minutes ago", recall),
  row(40093001, "upload_part_retry", "chunk upload channel error: retry until retry_timeout", files),
  row(40093002, "quota_exhausted", "daily upload volume exceeded", files),
  row(40113003, "stream_prefix_conflict", "err_code paired with code 40007", "LangBot#2454 [field]", 404),
  row(50055001, "transient", "group send error, retry later", messagesFamily, 500),
  row(50055002, "transient", "C2C send error, retry later", messagesFamily, 500),
  row(50055006, "transient", "group ark send error, retry later", messagesFamily, 500),
  row(50065001, "transient", "recall: failed, retry later", recall)
])

/**
 * The row of a code; `undefined` for a code that is not in the table.
 *
 * @since 0.1.0
 * @category lookups
 */
export const lookup = (code: number): ErrorCodeRow | undefined => table.get(code)

/**
 * Where an answer came from, as far as its meaning depends on that: the token endpoint, a call that sends a message, or
 * anything else.
 *
 * @since 0.1.0
 * @category models
 */
export type Endpoint = "token" | "send" | "other"

/**
 * What is known of an answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Facts {
  /** The HTTP status. */
  readonly status: number
  /** `code` of the body; 0 means none. */
  readonly code?: number | undefined
  /** `err_code` of the body; 0 means none. */
  readonly errCode?: number | undefined
  /** `message` of the body. */
  readonly message?: string | undefined
  /** Default `other`. */
  readonly endpoint?: Endpoint | undefined
}

const guildDoesNotExist = 10004

const known = (code: number | undefined, endpoint: Endpoint): ErrorClass | undefined => {
  if (code === undefined || code === 0) return undefined
  if (code === guildDoesNotExist && endpoint !== "token") return "not_found"
  return table.get(code)?.class
}

const tooOften = /频率限制|too many requests/i
const expired = /已过期/

const unknown = ({ code, endpoint, errCode, message = "", status }: Facts): ErrorClass => {
  const success = status >= 200 && status < 300
  if (success && (code ?? 0) === 0 && (errCode ?? 0) === 0) return "ok"
  if (tooOften.test(message)) return "rate_limited"
  if (endpoint === "send" && expired.test(message)) return "msg_id_expired"
  if (status === 429) return "rate_limited"
  if (status === 401) return "token_refresh"
  return success || (status >= 400 && status < 500) ? "bad_request" : "transient"
}

/**
 * The class of an answer. `err_code` decides where it is in the table, then `code`. For codes that are not: a message
 * that speaks of frequency is `rate_limited`, one that speaks of expiry on a send is `msg_id_expired`, and else the HTTP
 * status decides: 429 `rate_limited`, 401 `token_refresh`, other 4xx `bad_request`, 5xx and 3xx `transient`. A 2xx
 * without any code is `ok`.
 *
 * The message is looked at only under unknown codes: the documentation asks not to decide by it.
 *
 * @since 0.1.0
 * @category lookups
 */
export const classify = (facts: Facts): ErrorClass => {
  const endpoint = facts.endpoint ?? "other"
  return known(facts.errCode, endpoint) ?? known(facts.code, endpoint) ?? unknown(facts)
}
