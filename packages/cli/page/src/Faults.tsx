/** The faults, as buttons. */
import type { JSX } from "preact"
import { signal } from "@preact/signals"
import { withPayload } from "../../src/sandbox/Api.ts"
import type { Fault as PlatformFault } from "@effect-qq/core/testing"
import { api, call } from "./client.ts"
import { Icon } from "./Icon.tsx"
import { say } from "./notices.ts"
import { closeCodes, status } from "./store.ts"
import { t, type Word } from "./text.ts"

type Fault = PlatformFault.Fault

/** How often a fault happens. */
const often = signal<"once" | "times" | "until">("once")
const count = signal(3)
const refusalCode = signal("40034105")
const seconds = signal(5)
const hours = signal(24)

const times = (): number => (often.value === "once" ? 1 : often.value === "times" ? count.value : Infinity)

/** Faults in a row: one that happens now, and what repeats it on the next connections. */
interface Choice {
  readonly word: Word
  readonly title?: string
  /** Whether it can happen more than once. */
  readonly repeats: boolean
  readonly faults: () => ReadonlyArray<Fault>
}

/** What ends the connections that come next, as often as is still wanted after the first. */
const again = (code?: number): ReadonlyArray<Fault> =>
  times() > 1
    ? [{ _tag: "AcceptThenClose", moment: "ready", times: times() - 1, ...(code === undefined ? {} : { code }) }]
    : []

const connectionFaults: ReadonlyArray<Choice> = [
  { word: "drop", repeats: true, faults: () => [{ _tag: "Drop" }, ...again()] },
  { word: "halfOpen", repeats: false, faults: () => [{ _tag: "Freeze" }] },
  { word: "op7", repeats: false, faults: () => [{ _tag: "Reconnect" }] },
  { word: "op9", repeats: false, faults: () => [{ _tag: "InvalidSession", resumable: false }] },
  { word: "op9Resumable", repeats: false, faults: () => [{ _tag: "InvalidSession", resumable: true }] },
  {
    word: "noAck",
    repeats: true,
    faults: () => [{ _tag: "StopAcks", ...(times() === Infinity ? {} : { beats: times() }) }]
  },
  { word: "unreachable", repeats: true, faults: () => [{ _tag: "Drop" }, { _tag: "Unreachable", times: times() }] },
  { word: "duplicate", repeats: true, faults: () => [{ _tag: "Duplicate", times: times() }] }
]

const expired = 40034005

const messageFaults: ReadonlyArray<Choice> = [
  {
    word: "expire",
    repeats: true,
    faults: () => [
      { _tag: "RefuseMessage", of: "passive", code: expired, message: "回复消息msg_id已过期", times: times() }
    ]
  },
  {
    word: "tooMany",
    repeats: true,
    faults: () => [
      {
        _tag: "Http",
        endpoint: "send",
        failure: { _tag: "Status", status: 429, code: 20028, message: "too many messages" },
        times: times()
      }
    ]
  },
  {
    word: "serverError",
    repeats: true,
    faults: () => [{ _tag: "Http", endpoint: "send", failure: { _tag: "Status", status: 500 }, times: times() }]
  },
  {
    word: "lostAnswer",
    repeats: true,
    faults: () => [{ _tag: "Http", endpoint: "send", failure: { _tag: "Reset", accepted: true }, times: times() }]
  }
]

const inject = async (faults: ReadonlyArray<Fault>): Promise<void> => {
  for (const payload of faults) {
    if ((await call(api.arrange.fault(withPayload(payload)))) === undefined) return
  }
  say(`${t("injected")}: ${faults[0]?._tag ?? ""}`)
}

const Choices = ({ of }: { readonly of: ReadonlyArray<Choice> }) => (
  <div class="grid">
    {of.map(({ faults, repeats, word }) => (
      <button
        key={word}
        type="button"
        class="fault"
        title={repeats || often.value === "once" ? undefined : t("onlyNow")}
        onClick={() => void inject(faults())}
      >
        {t(word)}
        {!repeats && often.value !== "once" && <small>1×</small>}
      </button>
    ))}
  </div>
)

const HowOften = () => (
  <fieldset class="often">
    <legend>{t("howOften")}</legend>
    {(["once", "times", "until"] as const).map((each) => (
      <label key={each} class={often.value === each ? "chip on" : "chip"}>
        <input
          type="radio"
          name="often"
          class="hidden"
          checked={often.value === each}
          onChange={() => (often.value = each)}
        />
        {each === "times" ? `${count.value} ${t("times")}` : t(each === "once" ? "once" : "untilCleared")}
      </label>
    ))}
    {often.value === "times" && (
      <input
        type="number"
        min={2}
        max={1000}
        aria-label={t("times")}
        value={count.value}
        onInput={(event) => (count.value = Math.max(1, Math.round(Number(event.currentTarget.value)) || 1))}
      />
    )}
  </fieldset>
)

const Numbered = (props: {
  readonly word: Word
  readonly unit: string
  readonly value: number
  readonly set: (value: number) => void
  readonly inject: () => void
}) => (
  <div class="inline">
    <button type="button" class="fault" onClick={props.inject}>
      {t(props.word)}
    </button>
    <input
      type="number"
      aria-label={`${t(props.word)} (${props.unit})`}
      value={props.value}
      onInput={(event) => props.set(Math.round(Number(event.currentTarget.value)) || 0)}
    />
    <span class="dim">{props.unit}</span>
  </div>
)

const Armed = () => {
  const of = status.value
  if (of === undefined || (of.armed.length === 0 && of.clockSkew === 0 && !of.ipNotAllowed)) return null
  return (
    <section class="card armed">
      <h3>
        <Icon name="bolt" />
        {t("armed")}
      </h3>
      <ul>
        {of.armed.map(({ left, name }, index) => (
          <li key={index}>
            {name} <small>{left === null ? "∞" : `× ${left}`}</small>
          </li>
        ))}
        {of.clockSkew !== 0 && (
          <li>
            {t("clock")} <small>{(of.clockSkew / 3_600_000).toFixed(1)} h</small>
          </li>
        )}
      </ul>
      <button type="button" class="text danger" onClick={() => void inject([{ _tag: "Clear" }])}>
        {t("clear")}
      </button>
    </section>
  )
}

export const Faults = (): JSX.Element => (
  <div class="scroll">
    <HowOften />
    <Armed />
    <section class="card">
      <h3>{t("connection")}</h3>
      <Choices of={connectionFaults} />
    </section>
    <section class="card">
      <h3>{t("messages")}</h3>
      <Choices of={messageFaults} />
      <div class="inline">
        <button
          type="button"
          class="fault"
          onClick={() =>
            void inject([{ _tag: "RefuseMessage", of: "any", code: Number(refusalCode.value) || 0, times: times() }])
          }
        >
          {t("refuseSend")}
        </button>
        <input
          inputMode="numeric"
          aria-label={t("code")}
          list="refusals"
          value={refusalCode.value}
          onInput={(event) => (refusalCode.value = event.currentTarget.value)}
        />
        <datalist id="refusals">
          {["22009", "40034105", "40034012", "304057", "40054010", "40034006", "11253", "40034128"].map((code) => (
            <option key={code} value={code} />
          ))}
        </datalist>
      </div>
    </section>
    <section class="card">
      <h3>{t("requestsAndTokens")}</h3>
      <Numbered
        word="slow"
        unit="s"
        value={seconds.value}
        set={(value) => (seconds.value = Math.max(0, value))}
        inject={() =>
          void inject([
            { _tag: "Http", endpoint: "any", failure: { _tag: "Slow", after: seconds.value * 1000 }, times: times() }
          ])
        }
      />
      <Numbered
        word="clock"
        unit="h"
        value={hours.value}
        set={(value) => (hours.value = value)}
        inject={() => void inject([{ _tag: "ClockSkew", by: hours.value * 3_600_000 }])}
      />
      <div class="grid">
        <button type="button" class="fault" onClick={() => void inject([{ _tag: "TokenRevoked" }])}>
          {t("tokenRevoked")}
        </button>
      </div>
    </section>
    <section class="card">
      <h3>{t("closeWith")}</h3>
      <div class="codes">
        {closeCodes.value
          .filter(({ code }) => code !== 1006 && code !== 1015)
          .map(({ code, meaning }) => (
            <button
              key={code}
              type="button"
              class="fault code"
              title={meaning}
              onClick={() => void inject([{ _tag: "Close", code }, ...again(code)])}
            >
              {code}
            </button>
          ))}
      </div>
    </section>
  </div>
)
