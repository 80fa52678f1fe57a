// @ts-check
/**
 * Salted commitments, and what a copy of an entry shows or withholds (SPEC.md, section 3).
 *
 * Promises: whoever has salt and value can check the commitment; without the salt guessing does not help.
 */

import { fromHex, toHex } from "./bytes.js";
import { encode } from "./encoding.js";
import { FormatError, LimitError } from "./errors.js";
import { sha256 } from "./hashes.js";
import { quote } from "./quoted.js";

/** @import { Json } from "./encoding.js" */

/**
 * What a copy says of one commitment: its name, and salt and value if it is shown (`shown` null: withheld).
 * @typedef {{name: string, shown: {salt: Uint8Array, value: Json} | null}} Record
 */

const SALT_BYTES = 32;
export const EVIDENCE_PREFIX = "evidence:"; // keeps names of files apart from names of fields
const VALUE_BYTES_MAX = 65_536;

/** The commitment that a shown record opens. @param {string} name @param {{salt: Uint8Array, value: Json}} shown */
export function commitmentOf(name, { salt, value }) {
  const encoded = encode([toHex(salt), name, value]);
  if (encoded.length > VALUE_BYTES_MAX) {
    throw new LimitError("the most bytes of a committed value", VALUE_BYTES_MAX, encoded.length);
  }
  return sha256(encoded);
}

/**
 * Say of each name whether its value is shown, withheld or erased; the last is the ledger's word alone.
 * @param {Record[]} records each shown value checked before @param {Json} unprotected what stands beside them
 */
export function describeRecords(records, unprotected) {
  const shown = count(records.filter((one) => one.shown).map((one) => one.name));
  const withheld = count(records.filter((one) => !one.shown).map((one) => one.name));
  const erased = unprotected instanceof Map ? unprotected.get("erased") : null;
  const named = count(Array.isArray(erased) ? erased.filter((name) => typeof name === "string") : []);
  const gone = new Map();
  for (const [name, times] of named) {
    const both = Math.min(times, withheld.get(name) ?? 0);
    if (both) gone.set(name, both);
  }
  for (const [name, times] of gone) {
    const left = (withheld.get(name) ?? 0) - times;
    if (left) withheld.set(name, left);
    else withheld.delete(name);
  }
  const total = records.filter((one) => one.shown).length;
  const told = [`${total} of ${records.length} committed values shown, each opens`];
  const groups = { shown, withheld, "erased, as the ledger says": gone };
  for (const [words, names] of Object.entries(groups)) {
    if (!names.size) continue;
    told.push(`${words}: ${Array.from(names, ([name, n]) => (n === 1 ? name : `${name} (${n})`)).join(", ")}`);
  }
  return told.join("; ");
}

/** @param {string[]} names @returns {Map<string, number>} */
function count(names) {
  const counted = new Map();
  for (const name of names) counted.set(name, (counted.get(name) ?? 0) + 1);
  return counted;
}

/** A record of a file: `name` alone, or `name`, `salt` and `value`. @param {Json} value @returns {Record} */
export function parseRecord(value) {
  const name = value instanceof Map ? value.get("name") : null;
  if (!(value instanceof Map) || typeof name !== "string") throw new FormatError("a record is an object with a name");
  if (value.size === 1) return { name, shown: null };
  const salt = value.get("salt");
  if (value.size !== 3 || typeof salt !== "string" || !value.has("value")) {
    throw new FormatError(`the record ${quote(name)} has either a salt and a value, or neither`);
  }
  const raw = fromHex(salt);
  if (raw?.length !== SALT_BYTES) {
    throw new FormatError(`the salt of ${quote(name)} is not ${SALT_BYTES} bytes of lower-case hex`);
  }
  return { name, shown: { salt: raw, value: value.get("value") ?? null } };
}
