// @ts-check
/**
 * The events of a package: each entry of the case on a line of canonical JSON (SPEC.md, section 14.2).
 *
 * Promises: one spelling of a line; `leaf_hash` is that of its entry. Does not: say whether a line is true
 * (`verify_events.js`).
 */

import { toHex } from "./bytes.js";
import { encode, parseCanonical } from "./encoding.js";
import { FormatError } from "./errors.js";
import { sha256 } from "./hashes.js";
import { byCodePoint } from "./members.js";
import { leafHash } from "./merkle.js";
import { RECEIPT_BYTES_MAX } from "./receipt.js";

/** @import { Json } from "./encoding.js" */

/**
 * What a line says that its receipt says too: the leaf hash of its entry, the SHA-256 of its evidence (hex; null: not
 * shown), and the digest of the other values.
 * @typedef {{index: bigint, leaf: Uint8Array, files: (string | null)[], told: Uint8Array}} Event
 */

export const LINE_BYTES_MAX = RECEIPT_BYTES_MAX;
const MEMBERS = [
  "anchored_at", "entry", "erased", "evidence", "index", "leaf_hash", "receipt", "shown", "state", "withheld",
];

/**
 * One digest of values by name and of the names of what is not shown, so that copies can be compared.
 * @param {Map<string, Json>} shown @param {Iterable<string>} hidden
 */
export const digestOf = (shown, hidden) => sha256(encode([shown, Array.from(new Set(hidden)).sort(byCodePoint)]));

/** What a line says. @param {Uint8Array} line with its line feed @returns {Event} @throws {FormatError} */
export function parseEvent(line) {
  if (line.length > LINE_BYTES_MAX + 1) throw new FormatError(`a line of events has more than ${LINE_BYTES_MAX} bytes`);
  if (line.at(-1) !== 0x0a) throw new FormatError("a line of events ends with a line feed");
  const value = parseCanonical(line.subarray(0, -1), { bytesMax: LINE_BYTES_MAX });
  if (!(value instanceof Map) || value.size !== MEMBERS.length || !MEMBERS.every((name) => value.has(name))) {
    throw new FormatError("a line of events has other members");
  }
  const index = value.get("index");
  if (typeof index !== "number" || index < 0 || value.get("receipt") !== receiptName(index)) {
    throw new FormatError("a line of events names no receipt of its index");
  }
  const leaf = leafHash(encode(value.get("entry") ?? null));
  if (value.get("leaf_hash") !== toHex(leaf)) {
    throw new FormatError(`the line of entry ${index} names another leaf hash than that of its entry`);
  }
  const shown = value.get("shown");
  const evidence = value.get("evidence");
  if (!(shown instanceof Map) || !Array.isArray(evidence)) {
    throw new FormatError(`the line of entry ${index} shows no values`);
  }
  const files = evidence.map(fingerprintOf);
  const hidden = [...namesOf(value.get("erased")), ...namesOf(value.get("withheld"))];
  return { index: BigInt(index), leaf, files, told: digestOf(shown, hidden) };
}

/** @param {number} index */
const receiptName = (index) => `receipts/${String(index).padStart(8, "0")}.receipt.json`;

/** @param {Json} value @returns {string | null} */
function fingerprintOf(value) {
  const found = value instanceof Map ? (value.get("sha256") ?? (value.has("sha256") ? null : "")) : "";
  if (found === null || typeof found === "string") return found;
  throw new FormatError("a file of an event has no fingerprint");
}

/** @param {Json | undefined} value @returns {string[]} */
function namesOf(value) {
  if (!Array.isArray(value)) throw new FormatError("names of an event are texts");
  return value.map((name) => {
    if (typeof name === "string") return name;
    throw new FormatError("names of an event are texts");
  });
}
