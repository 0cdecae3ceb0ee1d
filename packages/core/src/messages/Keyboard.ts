/**
 * Buttons below a markdown message.
 *
 * Source: `msg-btn.md` of the platform's documentation.
 *
 * @since 0.1.0
 */

/**
 * A keyboard: a template by its id, or rows of buttons: at most 5 rows of 5. Templates take no variables.
 *
 * @since 0.1.0
 * @category models
 */
export type Keyboard =
  | { readonly _tag: "Template"; readonly id: string }
  | { readonly _tag: "Rows"; readonly rows: ReadonlyArray<ReadonlyArray<Button>> }

/**
 * Who may press a button. Default: all users.
 *
 * @since 0.1.0
 * @category models
 */
export type Permission =
  | { readonly _tag: "Everybody" }
  | { readonly _tag: "Admins" }
  | { readonly _tag: "Users"; readonly ids: readonly [string, ...Array<string>] }
  /** In guilds only. */
  | { readonly _tag: "Roles"; readonly ids: readonly [string, ...Array<string>] }

/**
 * What pressing a button does.
 *
 * - `Open`: opens an address.
 * - `Callback`: sends INTERACTION_CREATE to the bot, with `data`.
 * - `Command`: writes `data` into the input field, addressed to the bot. `enter` sends it at once, in private chats only.
 *
 * @since 0.1.0
 * @category models
 */
export type Action =
  | { readonly _tag: "Open"; readonly url: string }
  | { readonly _tag: "Callback"; readonly data: string }
  | {
      readonly _tag: "Command"
      readonly data: string
      readonly enter?: boolean | undefined
      /** Quotes the message that has the button. */
      readonly reply?: boolean | undefined
    }

/**
 * One button.
 *
 * @since 0.1.0
 * @category models
 */
export interface Button {
  /** Returned in the interaction. */
  readonly id?: string | undefined
  /** About ten characters are shown. */
  readonly label: string
  /** The label once pressed. Default: `label`. */
  readonly visitedLabel?: string | undefined
  /** Default `blue`. */
  readonly style?: "grey" | "blue" | "red" | "filled" | undefined
  readonly action: Action
  readonly permission?: Permission | undefined
  /** Shown by clients that do not support this kind of button. Default: `please update QQ`. */
  readonly unsupported?: string | undefined
}

/**
 * Maximum number of rows, and of buttons in a row: 5.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximum = 5

/**
 * A keyboard of rows.
 *
 * @since 0.1.0
 * @category constructors
 */
export const rows = (...lines: ReadonlyArray<ReadonlyArray<Button>>): Keyboard => ({ _tag: "Rows", rows: lines })

/**
 * A keyboard that is registered in the QQ open platform's console.
 *
 * @since 0.1.0
 * @category constructors
 */
export const template = (id: string): Keyboard => ({ _tag: "Template", id })

/**
 * A button.
 *
 * @since 0.1.0
 * @category constructors
 */
export const button = (label: string, action: Action, options: Omit<Button, "label" | "action"> = {}): Button => ({
  ...options,
  label,
  action
})

/**
 * Opens an address.
 *
 * @since 0.1.0
 * @category actions
 */
export const open = (url: string): Action => ({ _tag: "Open", url })

/**
 * Sends INTERACTION_CREATE to the bot.
 *
 * @since 0.1.0
 * @category actions
 */
export const callback = (data: string): Action => ({ _tag: "Callback", data })

/**
 * Writes into the user's input field.
 *
 * @since 0.1.0
 * @category actions
 */
export const command = (
  data: string,
  options: Pick<Extract<Action, { readonly _tag: "Command" }>, "enter" | "reply"> = {}
): Action => ({ _tag: "Command", data, ...options })

/**
 * Which field makes a keyboard invalid, and why; `undefined` for a valid one.
 *
 * @since 0.1.0
 * @category validation
 */
export const problem = (keyboard: Keyboard): readonly [field: string, detail: string] | undefined => {
  if (keyboard._tag === "Template") return keyboard.id === "" ? ["keyboard.id", "is empty"] : undefined
  const { rows: lines } = keyboard
  if (lines.length === 0) return ["keyboard.rows", "has no row"]
  if (lines.length > maximum) return ["keyboard.rows", `has ${lines.length} rows, of at most ${maximum}`]
  for (const [row, buttons] of lines.entries()) {
    const at = `keyboard.rows[${row}]`
    if (buttons.length === 0) return [at, "has no button"]
    if (buttons.length > maximum) return [at, `has ${buttons.length} buttons, of at most ${maximum}`]
    for (const [column, { action, label }] of buttons.entries()) {
      if (label === "") return [`${at}[${column}].label`, "is empty"]
      if (action._tag === "Open" && action.url === "") return [`${at}[${column}].action.url`, "is empty"]
    }
  }
  return undefined
}

const styles = { grey: 0, blue: 1, red: 3, filled: 4 } as const

const permissionOf = (permission: Permission): Readonly<Record<string, unknown>> => {
  switch (permission._tag) {
    case "Everybody":
      return { type: 2 }
    case "Admins":
      return { type: 1 }
    case "Users":
      return { type: 0, specify_user_ids: permission.ids }
    case "Roles":
      return { type: 3, specify_role_ids: permission.ids }
  }
}

const actionOf = (action: Action): Readonly<Record<string, unknown>> => {
  switch (action._tag) {
    case "Open":
      return { type: 0, data: action.url }
    case "Callback":
      return { type: 1, data: action.data }
    case "Command":
      return {
        type: 2,
        data: action.data,
        ...(action.enter === undefined ? {} : { enter: action.enter }),
        ...(action.reply === undefined ? {} : { reply: action.reply })
      }
  }
}

const buttonOf = (value: Button): Readonly<Record<string, unknown>> => ({
  ...(value.id === undefined ? {} : { id: value.id }),
  render_data: {
    label: value.label,
    visited_label: value.visitedLabel ?? value.label,
    style: styles[value.style ?? "blue"]
  },
  action: {
    ...actionOf(value.action),
    permission: permissionOf(value.permission ?? { _tag: "Everybody" }),
    unsupport_tips: value.unsupported ?? "please update QQ"
  }
})

/**
 * The `keyboard` of a request's body.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toBody = (keyboard: Keyboard): Readonly<Record<string, unknown>> =>
  keyboard._tag === "Template"
    ? { id: keyboard.id }
    : { content: { rows: keyboard.rows.map((buttons) => ({ buttons: buttons.map(buttonOf) })) } }
