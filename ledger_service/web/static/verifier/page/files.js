// @ts-check
// What somebody chose: what each file is taken for, and how much of it a browser takes.

/** @typedef {"proof" | "original" | "trust"} Role */
/** @typedef {{file: File, role: Role}} Chosen */

export const FILE_BYTES_MAX = 1 << 28; // read whole into memory; `rledger verify` has no such limit
export const ALL_BYTES_MAX = 1 << 29;
export const FILES_MAX = 500;
const SEEN_BYTES = 4_096; // of a file's beginning; a trust file names its format within them, or is chosen by hand
const TRUST_BYTES_MAX = 65_536;
const PROOF_NAME = /\.(receipt\.json|completeness\.json|tlog-proof|zip|ndjson)$/i;
const PDF_NAME = /\.pdf$/i; // a receipt to print: what proves is the file that is attached inside of it
const PROOF_START = /^(PK|c2sp\.org\/tlog-proof@v1\n|\s*\{)/;
const TRUST_FORMAT = '"return-ledger/trust@';

/**
 * Returns what a file is taken for, by its name and beginning. It is a proposal: the person may choose another, and a
 * file that is taken for a proof and is none is reported as invalid, never left out.
 * @param {File} file
 * @returns {Promise<Role>}
 */
export async function roleOf(file) {
  const start = new TextDecoder().decode(await file.slice(0, SEEN_BYTES).arrayBuffer());
  if (file.size <= TRUST_BYTES_MAX && start.includes(TRUST_FORMAT) && !PROOF_NAME.test(file.name)) return "trust";
  return PROOF_NAME.test(file.name) || PROOF_START.test(start) ? "proof" : "original";
}

/**
 * Returns the word for why these files cannot be verified, or an empty one.
 * @param {Chosen[]} chosen
 */
export function problemOf(chosen) {
  const sizes = chosen.map(({ file }) => file.size);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  if (all > ALL_BYTES_MAX || sizes.some((size) => size > FILE_BYTES_MAX)) return "too-large";
  if (chosen.length > FILES_MAX) return "too-many";
  if (!chosen.some(({ role }) => role === "proof")) {
    return chosen.some(({ file }) => PDF_NAME.test(file.name)) ? "only-pdf" : "no-proof";
  }
  return chosen.filter(({ role }) => role === "trust").length > 1 ? "two-trusts" : "";
}
