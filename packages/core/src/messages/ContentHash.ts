/**
 * Names bytes by their content, so that what was uploaded once need not be uploaded again.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
const constants: Uint32Array = Uint32Array.of(
  0x428a2f98,
  0x71374491,
  0xb5c0fbcf,
  0xe9b5dba5,
  0x3956c25b,
  0x59f111f1,
  0x923f82a4,
  0xab1c5ed5,
  0xd807aa98,
  0x12835b01,
  0x243185be,
  0x550c7dc3,
  0x72be5d74,
  0x80deb1fe,
  0x9bdc06a7,
  0xc19bf174,
  0xe49b69c1,
  0xefbe4786,
  0x0fc19dc6,
  0x240ca1cc,
  0x2de92c6f,
  0x4a7484aa,
  0x5cb0a9dc,
  0x76f988da,
  0x983e5152,
  0xa831c66d,
  0xb00327c8,
  0xbf597fc7,
  0xc6e00bf3,
  0xd5a79147,
  0x06ca6351,
  0x14292967,
  0x27b70a85,
  0x2e1b2138,
  0x4d2c6dfc,
  0x53380d13,
  0x650a7354,
  0x766a0abb,
  0x81c2c92e,
  0x92722c85,
  0xa2bfe8a1,
  0xa81a664b,
  0xc24b8b70,
  0xc76c51a3,
  0xd192e819,
  0xd6990624,
  0xf40e3585,
  0x106aa070,
  0x19a4c116,
  0x1e376c08,
  0x2748774c,
  0x34b0bcb5,
  0x391c0cb3,
  0x4ed8aa4a,
  0x5b9cca4f,
  0x682e6ff3,
  0x748f82ee,
  0x78a5636f,
  0x84c87814,
  0x8cc70208,
  0x90befffa,
  0xa4506ceb,
  0xbef9a3f7,
  0xc67178f2
)

const blockSize = 64

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by))

/** Works one block of 64 bytes into the state (FIPS 180-4, 6.2.2). */
const compress = (state: Int32Array, schedule: Int32Array, bytes: Uint8Array, offset: number): void => {
  for (let t = 0; t < 16; t++) {
    const at = offset + t * 4
    schedule[t] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  }
  for (let t = 16; t < 64; t++) {
    const early = schedule[t - 15]!
    const late = schedule[t - 2]!
    const s0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3)
    const s1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10)
    schedule[t] = (schedule[t - 16]! + s0 + schedule[t - 7]! + s1) | 0
  }
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let f = state[5]!
  let g = state[6]!
  let h = state[7]!
  for (let t = 0; t < 64; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const first = (h + s1 + ((e & f) ^ (~e & g)) + constants[t]! + schedule[t]!) | 0
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + second) | 0
  }
  state[0] = (state[0]! + a) | 0
  state[1] = (state[1]! + b) | 0
  state[2] = (state[2]! + c) | 0
  state[3] = (state[3]! + d) | 0
  state[4] = (state[4]! + e) | 0
  state[5] = (state[5]! + f) | 0
  state[6] = (state[6]! + g) | 0
  state[7] = (state[7]! + h) | 0
}

const begin = (): Int32Array =>
  Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19)

/** The bytes behind the last whole block, with the padding and the length in bits. */
const ending = (bytes: Uint8Array): Uint8Array => {
  const rest = bytes.length % blockSize
  const tail = new Uint8Array(rest + 9 <= blockSize ? blockSize : 2 * blockSize)
  tail.set(bytes.subarray(bytes.length - rest))
  tail[rest] = 0x80
  const view = new DataView(tail.buffer)
  view.setUint32(tail.length - 8, Math.floor(bytes.length / 2 ** 29))
  view.setUint32(tail.length - 4, (bytes.length * 8) >>> 0)
  return tail
}

const hex = (state: Int32Array): string =>
  Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("")

/** Bytes that are worked on before other fibers get their turn: some milliseconds. */
const stretch = 2 ** 20

/**
 * The SHA-256 of bytes in hexadecimal, computed in plain TypeScript. Other fibers get their turn after each mebibyte.
 *
 * Source: FIPS 180-4.
 *
 * @since 0.1.0
 * @category hashing
 */
export const sha256 = (bytes: Uint8Array): Effect.Effect<string> =>
  Effect.suspend(() => {
    const state = begin()
    const schedule = new Int32Array(64)
    const whole = bytes.length - (bytes.length % blockSize)
    let offset = 0
    return Effect.whileLoop({
      while: () => offset < whole,
      body: () => {
        const end = Math.min(offset + stretch, whole)
        for (; offset < end; offset += blockSize) compress(state, schedule, bytes, offset)
        return offset < whole ? Effect.yieldNow() : Effect.void
      },
      step: () => undefined
    }).pipe(
      Effect.map(() => {
        const tail = ending(bytes)
        for (let at = 0; at < tail.length; at += blockSize) compress(state, schedule, tail, at)
        return hex(state)
      })
    )
  })

/**
 * How bytes are named. Default {@link sha256}; a runtime that has a faster one may provide it.
 *
 * @since 0.1.0
 * @category references
 */
export class ContentHash extends Context.Reference<ContentHash>()("@effect-qq/core/ContentHash", {
  defaultValue: (): ((bytes: Uint8Array) => Effect.Effect<string>) => sha256
}) {}
