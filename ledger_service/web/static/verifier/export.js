// @ts-check
/**
 * The export: cases of a log as lines of canonical JSON (SPEC.md, section 15): a header, one line an entry, a trailer.
 *
 * Promises: one spelling of each line. Does not: say whether it is true (`verify_export.js`).
 */

import { fromUtf8, toUtf8 } from "./bytes.js";
import { parseRecord } from "./disclosure.js";
import { encode, parseCanonical } from "./encoding.js";
import { ENTRY_BYTES_MAX, ROLES } from "./entry.js";
import { HASH } from "./log_entry.js";
import { form, Reader } from "./members.js";
import { parseReceipt, RECEIPT_BYTES_MAX, RECORDS_MAX } from "./receipt.js";
import { parseHashes } from "./receipt_state.js";

/** @import { Record } from "./disclosure.js" */
/** @import { Json } from "./encoding.js" */
/** @import { Receipt } from "./receipt.js" */

/**
 * Which cases: countries, and when they were opened; null: any.
 * @typedef {{buyerCountry: string | null, sellerCountry: string | null, openedFrom: string | null,
 *   openedUntil: string | null}} Filters
 */
/**
 * What was asked for, by a reader of which role, and a receipt of the genesis entry in the tree head.
 * @typedef {{filters: Filters, reader: string, cases: number, head: Receipt}} Header
 */
/**
 * An entry of a case.
 * @typedef {{entry: Uint8Array, index: bigint, records: Record[], inclusion: Uint8Array[]}} Line
 */
/**
 * How many lines stand before it, and the SHA-256 of all of them.
 * @typedef {{lines: number, sha256: Uint8Array}} Trailer
 */

const FORMAT = "return-ledger/export@v1";
export const LINE_BYTES_MAX = RECEIPT_BYTES_MAX;
const CASES_MAX = 100_000;
const COUNTRY = form("[A-Z]{2}");
const TEXT = form("[^\\x00]{1,262140}");
const BEGINNING = '{"cases":';

/** Whether a file begins as the first line of an export does. @param {Uint8Array} data */
export const beginsExport = (data) => fromUtf8(data.subarray(0, BEGINNING.length)) === BEGINNING;

/**
 * The header of the first line.
 * @param {Uint8Array} data @returns {Header} @throws {import("./errors.js").FormatError}
 */
export function parseHeader(data) {
  const read = new Reader("header");
  const value = parseLineOf(read, data);
  if (!(value instanceof Map) || value.get("format") !== FORMAT) throw read.fail(`the format '${FORMAT}' is expected`);
  const m = read.members(value, ["cases", "filters", "format", "head", "reader"]);
  const names = ["buyer_country", "opened_from", "opened_until", "seller_country"];
  const f = read.at("filters").members(m.get("filters"), names);
  const country = (/** @type {Json} */ v) => read.at("filters.country").text(v, COUNTRY);
  const instant = (/** @type {Json} */ v) => read.at("filters.opened").instant(v);
  const filters = {
    buyerCountry: read.nullable(f.get("buyer_country"), country),
    sellerCountry: read.nullable(f.get("seller_country"), country),
    openedFrom: read.nullable(f.get("opened_from"), instant),
    openedUntil: read.nullable(f.get("opened_until"), instant),
  };
  const reader = read.at("reader").choice(m.get("reader"), ROLES);
  const cases = read.at("cases").integer(m.get("cases"), { most: CASES_MAX });
  return { filters, reader, cases, head: parseReceipt(encode(m.get("head") ?? null)) };
}

/** What a line after the first says. @param {Uint8Array} data @returns {Line | Trailer} */
export function parseLine(data) {
  const read = new Reader("line");
  const value = parseLineOf(read, data);
  if (value instanceof Map && value.has("lines")) {
    const m = read.members(value, ["lines", "sha256"]);
    const lines = read.at("lines").integer(m.get("lines"));
    return { lines, sha256: read.at("sha256").hexadecimal(m.get("sha256"), HASH) };
  }
  const m = read.members(value, ["entry", "inclusion", "index", "records"]);
  const entry = toUtf8(read.at("entry").text(m.get("entry"), TEXT));
  if (entry.length > ENTRY_BYTES_MAX) throw read.at("entry").fail(`at most ${ENTRY_BYTES_MAX} bytes are expected`);
  return {
    entry,
    index: read.at("index").count(m.get("index")),
    records: read.at("records").items(m.get("records"), RECORDS_MAX, parseRecord),
    inclusion: parseHashes(read.at("inclusion"), m.get("inclusion")),
  };
}

/** @param {Reader} read @param {Uint8Array} data a line with its line feed */
function parseLineOf(read, data) {
  if (data.at(-1) !== 0x0a) throw read.fail("it ends with a line feed");
  return read.within(() => parseCanonical(data.subarray(0, -1), { bytesMax: LINE_BYTES_MAX }));
}
