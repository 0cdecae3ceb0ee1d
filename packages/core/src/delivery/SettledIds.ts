/**
 * The ids of events that are settled under all their types, in the order in which they were settled: an event whose handlers
 * take long keeps no id behind it from being forgotten.
 *
 * @since 0.1.0
 */
import { doubledNumbers, doubledValues, KeyRing, makeNumbers, makeValues } from "../internal/KeyRing.ts"
import * as Identity from "./Identity.ts"

/** What few ids have. */
interface Rest {
  readonly twins: ReadonlyArray<string>
  readonly declined: ReadonlySet<string> | undefined
}

const nowhere: Identity.Source = { watermark: () => 0 }

/**
 * The ids, as rows.
 *
 * @since 0.1.0
 * @category models
 */
export class SettledIds extends KeyRing {
  private types = makeValues("")
  private namespaces = makeValues<Identity.Namespace>("")
  private sources = makeValues(nowhere)
  private sequences = makeNumbers()
  private times = makeNumbers()
  private readonly rests = new Map<number, Rest>()

  /** Takes an id over. */
  add({ declined, hash, key, namespace, sequence, settledAt, source, twins, type }: Identity.Identity): void {
    const row = this.append(key, hash)
    const place = this.place(row)
    this.types[place] = type
    this.namespaces[place] = namespace
    this.sources[place] = source
    this.sequences[place] = sequence
    this.times[place] = settledAt
    if (twins !== undefined || declined !== undefined) this.rests.set(row, { twins: twins ?? [], declined })
  }

  override remove(row: number): void {
    if (this.rests.size > 0) this.rests.delete(row)
    super.remove(row)
  }

  /** Whether an id can no longer be replayed, and was settled so long ago, in milliseconds, that the platform repeats it no more. */
  isOver(row: number, now: number, window: number): boolean {
    const place = this.place(row)
    return (this.sequences[place] ?? 0) <= this.sourceOf(row).watermark() && now - (this.times[place] ?? 0) >= window
  }

  sourceOf(row: number): Identity.Source {
    return this.sources[this.place(row)] ?? nowhere
  }

  /** The id as it was when it was settled. */
  read(row: number, hash: number): Identity.Identity {
    const place = this.place(row)
    const rest = this.rests.get(row)
    const id = Identity.make(
      this.keyOf(row),
      this.namespaces[place] ?? "",
      hash,
      this.types[place] ?? "",
      this.sourceOf(row),
      this.sequences[place] ?? 0
    )
    id.twins = rest === undefined || rest.twins.length === 0 ? undefined : rest.twins
    id.declined = rest?.declined
    id.settledAt = this.times[place] ?? 0
    Identity.settleAll(id)
    return id
  }

  /** Another number under which it can be replayed; see {@link Identity.renumber}. */
  renumber(row: number, source: Identity.Source, sequence: number): void {
    const place = this.place(row)
    if (sequence <= (this.sequences[place] ?? 0)) return
    this.sources[place] = source
    this.sequences[place] = sequence
  }

  /** The sequence numbers of a source mean nothing any more. */
  forgetNumbers(source: Identity.Source): void {
    this.forEach((row) => {
      if (this.sourceOf(row) === source) this.sequences[this.place(row)] = 0
    })
  }

  protected override doubled(): void {
    this.types = doubledValues(this.types)
    this.namespaces = doubledValues(this.namespaces)
    this.sources = doubledValues(this.sources)
    this.sequences = doubledNumbers(this.sequences)
    this.times = doubledNumbers(this.times)
  }
}
