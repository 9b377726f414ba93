// SHA-256 of files.js against the examples of FIPS 180-4, and against Node's.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { hexOf } from "../files/format.js";
import { Sha256 } from "../files/sha256.js";

function hexOfPieces(...pieces) {
  const hash = new Sha256();
  for (const piece of pieces) hash.update(Buffer.from(piece));
  return hexOf(hash.digest());
}

test("the examples of the standard", () => {
  const of = {
    "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    abc: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu:
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ["a".repeat(1_000_000)]: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  };
  for (const [message, hash] of Object.entries(of)) assert.equal(hexOfPieces(message), hash);
});

test("every length, in pieces of any length", () => {
  const bytes = randomBytes(1 << 16);
  for (let n = 0; n <= 260; n++) {
    const all = bytes.subarray(n, 2 * n);
    const want = createHash("sha256").update(all).digest("hex");
    assert.equal(hexOfPieces(all), want);
    for (const at of [1, 63, 64, 65]) assert.equal(hexOfPieces(all.subarray(0, at), all.subarray(at)), want, `${n} B`);
  }
  const hash = new Sha256();
  for (let at = 0, n = 1; at < bytes.length; at += n, n = (n * 5) % 257) {
    hash.update(bytes.subarray(at, at + n));
    const want = createHash("sha256").update(bytes.subarray(0, at + n)).digest("hex");
    assert.equal(hexOf(hash.digest()), want, "asking for the hash does not change it");
  }
});
