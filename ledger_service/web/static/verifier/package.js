// @ts-check
/**
 * The package of a case: which files an archive holds, the manifest that lists them, and its detached signature
 * (SPEC.md, section 14.2).
 *
 * Promises: one spelling of a manifest and of its note; a note of a package is never a checkpoint, nor the other way
 * round. Does not: say whether they are true (`verify_package.js`).
 */

import { equal, fromBase64, fromUtf8, startsWith, toBase64, toHex, toUtf8 } from "./bytes.js";
import { MEMBERS_MAX } from "./archive.js";
import { ORIGIN, verifySignature } from "./checkpoint.js";
import { parseDocument } from "./encoding.js";
import { RETURN_ID_BYTES } from "./entry.js";
import { FormatError, InvalidProofError } from "./errors.js";
import { sha256 } from "./hashes.js";
import { HASH } from "./log_entry.js";
import { byCodePoint, form, Reader } from "./members.js";
import { cut } from "./quoted.js";

/** @import { VerifierKey } from "./checkpoint.js" */
/** @import { Json } from "./encoding.js" */

/** A file of the package. @typedef {{name: string, size: number, sha256: Uint8Array}} FileSum */
/**
 * What a package holds, and of what; `head` is the leaf hash of the last entry on the case's chain.
 * @typedef {{origin: string, returnId: string, generatedAt: string, entries: number, chain: number, head: Uint8Array,
 *   size: bigint, root: Uint8Array, files: FileSum[]}} Manifest
 */

const FORMAT = "return-ledger/package@v1";
export const [MANIFEST, NOTE] = ["manifest.json", "manifest.note"];
export const [HEAD_RECEIPT, TRUST] = ["head.receipt.json", "ledger.trust.json"];
export const COMPLETENESS = "completeness.json"; // there as soon as a seal covers the case
const VERIFIER = "verifier.html"; // a page that verifies without this ledger
export const EVENTS = "events.jsonl";
export const REPORTS = ["report.html", "report.pdf", "report.zh.html"];
const LATER = [EVENTS, ...REPORTS, VERIFIER]; // what the first packages did not have: they still verify without
export const NOTE_BYTES_MAX = 1_024;
export const PAGES = [
  "README.txt", "access.csv", "balances.json", "case.json", "clocks.csv", "clocks.json", "dispute_form.json",
  "evidence.csv", "findings.txt", "findings.zh.txt", "integrity.json", "issues.json", "limits.txt", "timeline.csv",
  "timeline.json", "timeline.txt", "timeline.zh.txt",
];
const FIXED = [...PAGES, HEAD_RECEIPT, TRUST, MANIFEST, NOTE];
const RECEIPT_NAME = /^receipts\/([0-9]{8,16})\.receipt\.json$/;
const EVIDENCE_NAME = /^evidence\/([0-9]{8,16})-([0-9]{2})-[a-z][a-z0-9_]{0,63}\.[a-z0-9]{2,5}$/;
const FILE_NAME = form("[A-Za-z0-9_./-]{1,128}");
const MEMBERS = ["chain", "entries", "files", "format", "generated_at", "head", "origin", "return_id", "root", "size"];

/** The index of the entry whose receipt has this name, null where it is no such name. @param {string} name */
export function receiptIndex(name) {
  const found = RECEIPT_NAME.exec(name);
  return found && String(BigInt(found[1])).padStart(8, "0") === found[1] ? BigInt(found[1]) : null;
}

/**
 * The entry and the position of the original that has this name, null where it is no such name.
 * @param {string} name
 */
export function evidencePlace(name) {
  const found = EVIDENCE_NAME.exec(name);
  return found && { index: BigInt(found[1]), position: Number(found[2]) };
}

/**
 * Accept only names of a package: each fixed one, receipts, originals, and maybe what not all have.
 * @param {string[]} names
 */
export function requireLayout(names) {
  const missing = FIXED.filter((name) => !names.includes(name)).sort();
  if (missing.length) throw new FormatError(`${missing[0]} is missing`);
  for (const name of names.toSorted()) {
    if (FIXED.includes(name) || LATER.includes(name) || name === COMPLETENESS) continue;
    if (receiptIndex(name) === null && evidencePlace(name) === null) {
      throw new FormatError(`${cut(name, 80)} is no file of a package`);
    }
  }
}

/** The manifest of a manifest file. @param {Uint8Array} data @returns {Manifest} @throws {FormatError} */
export function parseManifest(data) {
  const read = new Reader("manifest");
  const m = read.members(read.document(() => parseDocument(data), FORMAT), MEMBERS);
  const files = read.at("files").items(m.get("files"), MEMBERS_MAX, (v) => parseFile(read.at("files"), v));
  if (files.some((one, at) => at > 0 && byCodePoint(files[at - 1].name, one.name) >= 0)) {
    throw read.at("files").fail("files stand in the order of their names, each once");
  }
  return {
    origin: read.at("origin").text(m.get("origin"), ORIGIN),
    returnId: toHex(read.at("return_id").hexadecimal(m.get("return_id"), RETURN_ID_BYTES)),
    generatedAt: read.at("generated_at").instant(m.get("generated_at")),
    entries: read.at("entries").integer(m.get("entries"), { least: 1 }),
    chain: read.at("chain").integer(m.get("chain"), { least: 1 }),
    head: read.at("head").hexadecimal(m.get("head"), HASH),
    size: read.at("size").count(m.get("size"), { least: 2 }),
    root: read.at("root").hexadecimal(m.get("root"), HASH),
    files,
  };
}

/** @param {Reader} read @param {Json} value @returns {FileSum} */
function parseFile(read, value) {
  const m = read.members(value, ["name", "sha256", "size"]);
  return {
    name: read.at("name").text(m.get("name"), FILE_NAME),
    size: read.at("size").integer(m.get("size")),
    sha256: read.at("sha256").hexadecimal(m.get("sha256"), HASH),
  };
}

/**
 * Accept only the one note that one of these keys made for these bytes.
 * @param {Uint8Array} note @param {Uint8Array} data of the manifest @param {VerifierKey[]} keys
 * @param {Manifest} manifest @throws {InvalidProofError}
 */
export function verifyManifest(note, data, keys, { origin, returnId }) {
  const text = toUtf8(`${origin}\n${FORMAT}\n${returnId}\n${toBase64(sha256(data))}\n`);
  if (!startsWith(note, text)) throw new InvalidProofError("the note is not about this manifest");
  for (const key of keys) {
    const signature = signatureOf(note.subarray(text.length), key);
    if (signature !== null) return verifySignature(key, signature, text);
  }
  throw new InvalidProofError("the note bears no signature by a key of the log");
}

/**
 * The signature of the one line that a note has, if it claims this key.
 * @param {Uint8Array} line @param {VerifierKey} key
 */
function signatureOf(line, key) {
  const start = `\n— ${key.name} `;
  const told = line.length > NOTE_BYTES_MAX ? null : fromUtf8(line);
  const raw = told?.startsWith(start) ? fromBase64(told.slice(start.length, -1)) : null;
  const spelled = raw !== null && equal(raw.subarray(0, 4), key.id) && `${start}${toBase64(raw)}\n` === told;
  return spelled ? raw.subarray(4) : null;
}
