// @ts-check
/**
 * The case index: the map of every case to how many entries it has and which is the last, as one root (SPEC.md, section
 * 7.1).
 *
 * Key: buyer's country, seller's country, the month in which the case was opened, and the first 26 bytes of
 * keccak256(return_id). Value: RLP of (count, leaf hash of the last entry).
 */

import { fromHex, toHex, toUtf8 } from "./bytes.js";
import { FormatError, InvalidProofError } from "./errors.js";
import { keccak } from "./hashes.js";
import { cut, quote } from "./quoted.js";
import { decodeList, decodeNumber } from "./rlp_items.js";

/**
 * Cases of a country pair, of one month (`YYYY-MM`) or of all (null).
 * @typedef {{buyerCountry: string, sellerCountry: string, month: string | null}} Scope
 */
/** What the index says of a case. @typedef {{count: bigint, last: Uint8Array}} Indexed */

const NAME_BYTES = 26;
const COUNT_BITS = 48;
const MONTHS_MAX = 0xffff;
const COUNTRY = /^[A-Z]{2}$/;
const MONTH = /^([0-9]{4})-([0-9]{2})$/;

/** The nibbles with which the keys of a scope's cases begin, in hex. @param {Scope} scope @throws {FormatError} */
export function prefixOf({ buyerCountry, sellerCountry, month }) {
  if (!COUNTRY.test(buyerCountry) || !COUNTRY.test(sellerCountry)) {
    const named = [buyerCountry, sellerCountry].map((one) => cut(quote(one), 20)).join(", ");
    throw new FormatError(`${named}: a country is two capital letters`);
  }
  return toHex(toUtf8(buyerCountry + sellerCountry)) + (month === null ? "" : monthsOf(month));
}

/** The key of a case, in hex. @param {Scope} scope with the month @param {string} returnId 32 hex digits */
export function keyOf(scope, returnId) {
  const raw = /** @type {Uint8Array} */ (fromHex(returnId));
  return prefixOf(scope) + toHex(keccak(raw).subarray(0, NAME_BYTES));
}

/** What a value says. @param {Uint8Array} value @returns {Indexed} @throws {InvalidProofError} */
export function parseValue(value) {
  const [first, last, ...more] = decodeList(value);
  if (first === undefined || !(last instanceof Uint8Array) || last.length !== 32 || more.length) {
    throw new InvalidProofError("case index: a value is a count and a leaf hash");
  }
  const count = decodeNumber(first, COUNT_BITS);
  if (count < 1n) throw new InvalidProofError("case index: a case has at least one entry");
  return { count, last };
}

/** A month as months since January 1970, two bytes in hex. @param {string} text */
function monthsOf(text) {
  const found = MONTH.exec(text);
  const [year, month] = found ? [Number(found[1]), Number(found[2])] : [0, 0];
  const months = month >= 1 && month <= 12 ? (year - 1970) * 12 + month - 1 : -1;
  if (months < 0 || months > MONTHS_MAX) throw new FormatError(`${cut(quote(text), 20)} is no month`);
  return months.toString(16).padStart(4, "0");
}
