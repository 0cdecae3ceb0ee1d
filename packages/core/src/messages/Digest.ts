/**
 * MD5, SHA-1 and SHA-256 in plain TypeScript, of bytes that come piece by piece: the platform asks for them when a file is
 * uploaded in parts, and uploads and replies are identified by them. None of it protects a secret.
 *
 * Source: RFC 1321, FIPS 180-4.
 *
 * @since 0.1.0
 */

/**
 * A digest algorithm.
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm = "md5" | "sha1" | "sha256"

/**
 * A digest that is being computed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Digest {
  /** Takes the next bytes. They are not kept. */
  readonly update: (bytes: Uint8Array) => void
  /** The digest of all bytes so far, in hexadecimal. Ends it: nothing may be called afterwards. */
  readonly hex: () => string
}

/** Works one block of 64 bytes into the state. */
type Compress = (state: Int32Array, schedule: Int32Array, bytes: Uint8Array, offset: number) => void

const blockSize = 64

const rotateLeft = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by))

/** RFC 1321, 3.4: by how much each of the four rounds rotates. */
const md5Shifts: Uint8Array = Uint8Array.of(7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21)

/** RFC 1321, 3.4: the whole part of 2^32 times the absolute sine of 1 to 64. */
const md5Constants: Int32Array = Int32Array.from({ length: 64 }, (_, t) =>
  Math.floor(Math.abs(Math.sin(t + 1)) * 2 ** 32)
)

/** RFC 1321, 3.4. */
const md5Compress: Compress = (state, schedule, bytes, offset) => {
  for (let t = 0; t < 16; t++) {
    const at = offset + t * 4
    schedule[t] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  }
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  for (let t = 0; t < 64; t++) {
    const round = t >> 4
    let mixed: number
    let word: number
    if (round === 0) {
      mixed = (b & c) | (~b & d)
      word = t
    } else if (round === 1) {
      mixed = (d & b) | (~d & c)
      word = (5 * t + 1) & 15
    } else if (round === 2) {
      mixed = b ^ c ^ d
      word = (3 * t + 5) & 15
    } else {
      mixed = c ^ (b | ~d)
      word = (7 * t) & 15
    }
    const sum = (a + mixed + md5Constants[t]! + schedule[word]!) | 0
    a = d
    d = c
    c = b
    b = (b + rotateLeft(sum, md5Shifts[(round << 2) | (t & 3)]!)) | 0
  }
  state[0] = (state[0]! + a) | 0
  state[1] = (state[1]! + b) | 0
  state[2] = (state[2]! + c) | 0
  state[3] = (state[3]! + d) | 0
}

/** FIPS 180-4, 6.1.2. */
const sha1Compress: Compress = (state, schedule, bytes, offset) => {
  for (let t = 0; t < 16; t++) {
    const at = offset + t * 4
    schedule[t] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  }
  for (let t = 16; t < 80; t++) {
    schedule[t] = rotateLeft(schedule[t - 3]! ^ schedule[t - 8]! ^ schedule[t - 14]! ^ schedule[t - 16]!, 1)
  }
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  for (let t = 0; t < 80; t++) {
    let mixed: number
    if (t < 20) mixed = ((b & c) ^ (~b & d)) + 0x5a827999
    else if (t < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1
    else if (t < 60) mixed = ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc
    else mixed = (b ^ c ^ d) + 0xca62c1d6
    const sum = (rotateLeft(a, 5) + mixed + e + schedule[t]!) | 0
    e = d
    d = c
    c = rotateLeft(b, 30)
    b = a
    a = sum
  }
  state[0] = (state[0]! + a) | 0
  state[1] = (state[1]! + b) | 0
  state[2] = (state[2]! + c) | 0
  state[3] = (state[3]! + d) | 0
  state[4] = (state[4]! + e) | 0
}

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
const sha256Constants: Uint32Array = Uint32Array.of(
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

const sha256Compress: Compress = (state, schedule, bytes, offset) => {
  for (let t = 0; t < 16; t++) {
    const at = offset + t * 4
    schedule[t] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  }
  sha256Rounds(state, schedule)
}

/**
 * Works one block of SHA-256 into the state. The first 16 words of the schedule, which has 64, hold the block.
 *
 * Source: FIPS 180-4, 6.2.2.
 *
 * @since 0.1.0
 * @category hashing
 */
export const sha256Rounds = (state: Int32Array, schedule: Int32Array): void => {
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
    const first = (h + s1 + ((e & f) ^ (~e & g)) + sha256Constants[t]! + schedule[t]!) | 0
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

/**
 * The state in which SHA-256 begins (FIPS 180-4, 5.3.3).
 *
 * @since 0.1.0
 * @category constants
 */
export const sha256Initial: ReadonlyArray<number> = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
]

interface Row {
  readonly compress: Compress
  readonly initial: ReadonlyArray<number>
  readonly isLittleEndian: boolean
}

/** MD5 and SHA-1 begin alike. */
const start = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]

const rows: { readonly [A in Algorithm]: Row } = {
  md5: { compress: md5Compress, initial: start, isLittleEndian: true },
  sha1: { compress: sha1Compress, initial: [...start, 0xc3d2e1f0], isLittleEndian: false },
  sha256: {
    compress: sha256Compress,
    initial: sha256Initial,
    isLittleEndian: false
  }
}

/** Words of the longest schedule, that of SHA-1. */
const scheduleLength = 80

/**
 * Begins a digest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (algorithm: Algorithm): Digest => {
  const { compress, initial, isLittleEndian } = rows[algorithm]
  const state = Int32Array.from(initial)
  const schedule = new Int32Array(scheduleLength)
  const pending = new Uint8Array(blockSize)
  let length = 0

  const update = (bytes: Uint8Array): void => {
    let at = 0
    const held = length % blockSize
    length += bytes.length
    if (held > 0) {
      at = Math.min(blockSize - held, bytes.length)
      pending.set(bytes.subarray(0, at), held)
      if (held + at < blockSize) return
      compress(state, schedule, pending, 0)
    }
    for (; at + blockSize <= bytes.length; at += blockSize) compress(state, schedule, bytes, at)
    pending.set(bytes.subarray(at))
  }

  return {
    update,
    hex: () => {
      const rest = length % blockSize
      // a one, zeros, and the length in bits as the last eight bytes of a block
      const tail = new Uint8Array((rest + 9 <= blockSize ? blockSize : 2 * blockSize) - rest)
      const view = new DataView(tail.buffer)
      const high = Math.floor(length / 2 ** 29)
      const low = (length * 8) >>> 0
      tail[0] = 0x80
      view.setUint32(tail.length - 8, isLittleEndian ? low : high, isLittleEndian)
      view.setUint32(tail.length - 4, isLittleEndian ? high : low, isLittleEndian)
      update(tail)
      const result = new DataView(new ArrayBuffer(state.length * 4))
      state.forEach((word, index) => result.setInt32(index * 4, word, isLittleEndian))
      return Array.from({ length: state.length }, (_, index) =>
        result
          .getUint32(index * 4)
          .toString(16)
          .padStart(8, "0")
      ).join("")
    }
  }
}
