// SHA-256 (FIPS 180-4) of bytes that arrive in pieces. The browser's crypto.subtle takes only content that is in memory as a
// whole.

const blockSize = 64; // bytes

// The first 32 bits of the fractions of the cube roots of the first 64 primes.
const k = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

// The first 32 bits of the fractions of the square roots of the first 8 primes.
const initial = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

const w = new Int32Array(64); // the message schedule of the block that is hashed

export class Sha256 {
  #state = initial.slice();
  #block = new Uint8Array(blockSize); // its first #size % blockSize bytes wait for the rest of their block
  #size = 0; // bytes, of all pieces

  /** @param {Uint8Array} bytes */
  update(bytes) {
    const had = this.#size % blockSize;
    this.#size += bytes.length;
    let at = 0;
    if (had > 0) {
      at = Math.min(blockSize - had, bytes.length);
      this.#block.set(bytes.subarray(0, at), had);
      if (had + at < blockSize) return;
      compress(this.#state, this.#block, 0);
    }
    for (; at + blockSize <= bytes.length; at += blockSize) compress(this.#state, bytes, at);
    this.#block.set(bytes.subarray(at));
  }

  /** Returns the hash of all bytes so far. More bytes may follow. */
  digest() {
    const state = this.#state.slice();
    const had = this.#size % blockSize;
    const end = new Uint8Array(had < blockSize - 8 ? blockSize : 2 * blockSize);
    end.set(this.#block.subarray(0, had));
    end[had] = 0x80;
    new DataView(end.buffer).setBigUint64(end.length - 8, 8n * BigInt(this.#size));
    for (let at = 0; at < end.length; at += blockSize) compress(state, end, at);
    const hash = new DataView(new ArrayBuffer(32));
    state.forEach((word, i) => hash.setInt32(4 * i, word));
    return new Uint8Array(hash.buffer);
  }
}

/**
 * Hashes the block of bytes that begins at the offset at.
 *
 * @param {Int32Array} state
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function compress(state, bytes, at) {
  for (let i = 0; i < 16; i++, at += 4) {
    w[i] = (n(bytes[at]) << 24) | (n(bytes[at + 1]) << 16) | (n(bytes[at + 2]) << 8) | n(bytes[at + 3]);
  }
  for (let i = 16; i < 64; i++) {
    const x = n(w[i - 15]);
    const y = n(w[i - 2]);
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = n(w[i - 16]) + s0 + n(w[i - 7]) + s1;
  }
  let a = n(state[0]);
  let b = n(state[1]);
  let c = n(state[2]);
  let d = n(state[3]);
  let e = n(state[4]);
  let f = n(state[5]);
  let g = n(state[6]);
  let h = n(state[7]);
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + n(k[i]) + n(w[i])) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = n(state[0]) + a;
  state[1] = n(state[1]) + b;
  state[2] = n(state[2]) + c;
  state[3] = n(state[3]) + d;
  state[4] = n(state[4]) + e;
  state[5] = n(state[5]) + f;
  state[6] = n(state[6]) + g;
  state[7] = n(state[7]) + h;
}

/** Asserts to the type checker that an array has the element. @param {number | undefined} v */
const n = (v) => /** @type {number} */ (v);
