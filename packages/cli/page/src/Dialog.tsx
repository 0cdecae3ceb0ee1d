/** A dialog above the page, which Escape and a click beside it close. */
import type { ComponentChildren, JSX } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { Icon } from "./Icon.tsx"
import { t } from "./text.ts"

export const Dialog = (props: {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}): JSX.Element => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      aria-label={props.title}
      onClose={props.onClose}
      onClick={(event) => {
        if (event.target === dialog.current) props.onClose()
      }}
    >
      <div class="dialog">
        <h2>
          {props.title}
          <button type="button" class="icon small" aria-label={t("close")} onClick={props.onClose}>
            <Icon name="close" />
          </button>
        </h2>
        {props.children}
      </div>
    </dialog>
  )
}
