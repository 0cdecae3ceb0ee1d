/** Short messages at the edge of the page, which go away by themselves. */
import { signal } from "@preact/signals"

export interface Toast {
  readonly id: number
  readonly text: string
  readonly tone: "good" | "bad"
}

export const toasts = signal<ReadonlyArray<Toast>>([])

let count = 0

/** How long a message is shown, in milliseconds. */
const shownFor = 5000

export const say = (text: string, tone: Toast["tone"] = "good"): void => {
  count += 1
  const id = count
  toasts.value = [...toasts.value.slice(-3), { id, text, tone }]
  setTimeout(() => {
    toasts.value = toasts.value.filter((toast) => toast.id !== id)
  }, shownFor)
}
