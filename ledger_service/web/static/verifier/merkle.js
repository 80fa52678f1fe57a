// @ts-check
/**
 * The RFC 9162 Merkle tree as a verifier needs it: leaf and node hashes, inclusion, and the roots that a consistency
 * proof leads to (SPEC.md, section 5).
 *
 * Promises: every number comes from the caller, never from the proof; a proof of another length is refused before
 * anything is hashed. Sizes and indexes are bigints: a tree may have 2^63 − 1 leaves.
 */

import { concat, equal } from "./bytes.js";
import { InvalidProofError } from "./errors.js";
import { sha256 } from "./hashes.js";

export const HASH_BYTES = 32;
export const SIZE_MAX = 2n ** 63n - 1n;
const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

/** SHA-256(0x00 ‖ entry) (RFC 9162 §2.1.1). @param {Uint8Array} entry */
export const leafHash = (entry) => sha256(concat(LEAF, entry));

/** SHA-256(0x01 ‖ left ‖ right) (RFC 9162 §2.1.1). @param {Uint8Array} left @param {Uint8Array} right */
const nodeHash = (left, right) => sha256(concat(NODE, left, right));

/**
 * Accept only if the proof shows that the leaf is at this index of the tree of this size and root (RFC 9162 §2.1.3.2).
 * @param {Uint8Array} leaf @param {bigint} index
 * @param {{size: bigint, root: Uint8Array}} tree from one signed checkpoint: the proof does not bind the size
 * @param {Uint8Array[]} proof 32 bytes each
 * @throws {InvalidProofError}
 */
export function verifyInclusion(leaf, index, { size, root }, proof) {
  if (index < 0n || index >= size) {
    throw new InvalidProofError(`an index is an integer from 0 and below the size ${size}`);
  }
  const expected = inclusionLength(index, size);
  if (proof.length !== expected) {
    throw new InvalidProofError(
      `the inclusion proof of ${index} in ${size} has ${expected} hashes, got ${proof.length}`,
    );
  }
  requireHashes([leaf, root, ...proof]);
  let fn = index;
  let sn = size - 1n; // step 2
  let r = leaf; // step 3
  for (const p of proof) { // step 4; 4a cannot fail: a proof of the right length never outlives sn
    if (fn & 1n || fn === sn) { // step 4b
      r = nodeHash(p, r); // step 4b i
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n]; // step 4b ii
    } else {
      r = nodeHash(r, p); // step 4b, otherwise
    }
    [fn, sn] = [fn >> 1n, sn >> 1n]; // step 4c
  }
  if (sn !== 0n || !equal(r, root)) { // step 5
    throw new InvalidProofError(`the inclusion proof of ${index} in ${size} leads to another root`);
  }
}

/**
 * The older and the newer root that a consistency proof leads to (RFC 9162 §2.1.4.2).
 * @param {bigint} size1 @param {bigint} size2 1 ≤ size1 < size2
 * @param {Uint8Array[]} path the proof with its first node always there: of an older tree of 2^k leaves its root
 * @throws {InvalidProofError}
 */
export function reconstructRoots(size1, size2, path) {
  if (size1 < 1n || size1 > size2) {
    throw new InvalidProofError(
      `an older size is at least 1 and at most the newer one, got ${size1} and ${size2}`,
    );
  }
  const expected = pathLength(size1, size2);
  if (size1 === size2 || path.length !== expected) {
    throw new InvalidProofError(`the path from ${size1} to ${size2} has ${expected} hashes, got ${path.length}`);
  }
  requireHashes(path);
  let fn = size1 - 1n;
  let sn = size2 - 1n; // step 3
  while (fn & 1n) [fn, sn] = [fn >> 1n, sn >> 1n]; // step 4
  let [fr, sr] = [path[0], path[0]]; // step 5
  for (const c of path.slice(1)) { // step 6; 6a cannot fail, for the same reason as 4a above
    if (fn & 1n || fn === sn) { // step 6b
      fr = nodeHash(c, fr); // step 6b i
      sr = nodeHash(c, sr); // step 6b ii
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n]; // step 6b iii
    } else {
      sr = nodeHash(sr, c); // step 6b, otherwise
    }
    [fn, sn] = [fn >> 1n, sn >> 1n]; // step 6c
  }
  return { older: fr, newer: sr };
}

/** @param {Uint8Array[]} hashes */
function requireHashes(hashes) {
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) {
    throw new InvalidProofError(`a hash is exactly ${HASH_BYTES} bytes`);
  }
}

/** @param {bigint} index @param {bigint} size */
function inclusionLength(index, size) {
  const inner = bitLength(index ^ (size - 1n)); // levels until the leaf's path joins the right edge
  return inner + oneBits(index >> BigInt(inner));
}

/** @param {bigint} size1 @param {bigint} size2 */
function pathLength(size1, size2) {
  const whole = (size1 & (size1 - 1n)) === 0n ? 1 : 0;
  if (size1 === size2) return whole;
  const inner = bitLength((size1 - 1n) ^ (size2 - 1n));
  const shift = bitLength(size1 & -size1) - 1; // trailing zeros: levels that size1 shares with its first node
  return inner - shift + oneBits((size1 - 1n) >> BigInt(inner)) + 1;
}

/** @param {bigint} value */
const bitLength = (value) => (value === 0n ? 0 : value.toString(2).length);

/** @param {bigint} value */
const oneBits = (value) => value.toString(2).replaceAll("0", "").length;
