// @ts-check
/**
 * Whether an Ed25519 signature verifies (RFC 8032 §5.1.7), by the equation without the cofactor.
 *
 * RFC 8032 leaves open whether both sides are multiplied by 8. Two verifiers that choose differently can be made to
 * disagree by whoever holds the key, so this one computes what OpenSSL does, which the verifier in Python uses: R is
 * compared as bytes.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, equal, toNumber } from "./bytes.js";

const ORDER = ed25519.Point.Fn.ORDER;
const POINT_BYTES = 32;

/** @param {Uint8Array} signature @param {Uint8Array} message @param {Uint8Array} key 32 bytes */
export function verifies(signature, message, key) {
  if (signature.length !== 2 * POINT_BYTES) return false;
  const r = signature.subarray(0, POINT_BYTES);
  const s = toNumber(signature.slice(POINT_BYTES).reverse()); // little-endian
  if (s >= ORDER) return false;
  let a;
  try {
    a = ed25519.Point.fromBytes(key, true);
  } catch {
    return false; // no point of the curve
  }
  const k = toNumber(sha512(concat(r, key, message)).reverse()) % ORDER;
  const found = ed25519.Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k));
  return equal(found.toBytes(), r);
}
