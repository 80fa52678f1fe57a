// @ts-check
/**
 * The contradiction file: what a log signed, set side by side, where an honest log could not have signed both (SPEC.md,
 * section 16).
 *
 * Promises: one spelling of each file, white space between tokens aside. Does not: say whether it is one
 * (`verify_contradiction.js`).
 */

import { compare, fromUtf8 } from "./bytes.js";
import { parseCheckpoint } from "./checkpoint.js";
import { parseDocument } from "./encoding.js";
import { ENTRY_BYTES_MAX } from "./entry.js";
import { FormatError } from "./errors.js";
import { HASH } from "./log_entry.js";
import { Reader } from "./members.js";
import { parseKeyChanges } from "./receipt.js";
import { parseHashes, PROOF_MAX } from "./receipt_state.js";

/** @import { Checkpoint } from "./checkpoint.js" */
/** @import { Json } from "./encoding.js" */
/** @import { KeyChange } from "./receipt.js" */

/** @typedef {"two_roots" | "rewritten" | "two_leaves"} Kind */
/**
 * A signed note, the tree head in it, and what leads to its key.
 * @typedef {{note: Uint8Array, checkpoint: Checkpoint, keyChanges: KeyChange[]}} SignedHead
 */
/**
 * A leaf in the tree of a head; `entry` null: not shown.
 * @typedef {{leafHash: Uint8Array, inclusion: Uint8Array[], entry: Uint8Array | null}} ShownLeaf
 */
/**
 * Two signed heads, and what sets them against each other; `leaves` has one for each head, or none.
 * @typedef {{kind: Kind, heads: SignedHead[], path: Uint8Array[], index: bigint, leaves: ShownLeaf[]}} Contradiction
 */

const FORMAT = "return-ledger/contradiction@v1";
const CONTRADICTION_BYTES_MAX = 1024 * 1024;
const PATH_MAX = 64;
const MEMBERS = { two_roots: [], rewritten: ["path"], two_leaves: ["index", "leaves"] };

/**
 * Whether a file calls itself one; a receipt may hold the name of the format, under `unprotected`.
 * @param {Uint8Array} data
 */
export function isContradiction(data) {
  if (!fromUtf8(data)?.includes(FORMAT)) return false;
  try {
    const value = parseDocument(data, CONTRADICTION_BYTES_MAX);
    return value instanceof Map && value.get("format") === FORMAT;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/** The contradiction of a file. @param {Uint8Array} data @returns {Contradiction} @throws {FormatError} */
export function parseContradiction(data) {
  const read = new Reader("contradiction");
  const value = read.document(() => parseDocument(data, CONTRADICTION_BYTES_MAX), FORMAT);
  const kind = read.at("kind").choice(value.get("kind"), /** @type {Kind[]} */ (Object.keys(MEMBERS)));
  const m = read.members(value, ["format", "heads", "kind", "unprotected", ...MEMBERS[kind]]);
  read.at("unprotected").object(m.get("unprotected"));
  const notes = read.at("heads").items(m.get("heads"), 2, (v) => parseHead(read.at("heads"), v));
  if (notes.length !== 2) throw read.at("heads").fail("two heads are expected");
  const leaves = kind === "two_leaves" ? parseLeaves(read.at("leaves"), m.get("leaves")) : [];
  const path = kind === "rewritten" ? parseHashes(read.at("path"), m.get("path"), read.at("path"), PATH_MAX) : [];
  const index = kind === "two_leaves" ? read.at("index").count(m.get("index")) : 0n;
  const heads = notes.map((one) => ({ ...one, checkpoint: read.at("heads").within(() => headOf(one.note)) }));
  const found = { kind, heads, path, index, leaves };
  requireOrder(read, found);
  return found;
}

/** @param {Uint8Array} note */
const headOf = (note) => parseCheckpoint(note).checkpoint;

/** @param {Reader} read @param {Contradiction} found */
function requireOrder(read, { kind, heads: [first, second], leaves }) {
  if (kind === "rewritten" && first.checkpoint.size >= second.checkpoint.size) {
    throw read.at("heads").fail("the smaller head stands first");
  }
  if (kind === "two_roots" && compare(first.checkpoint.root, second.checkpoint.root) >= 0) {
    throw read.at("heads").fail("two roots are expected, the smaller first");
  }
  if (kind === "two_leaves" && compare(leaves[0].leafHash, leaves[1].leafHash) >= 0) {
    throw read.at("leaves").fail("two leaf hashes are expected, the smaller first");
  }
}

/** @param {Reader} read @param {Json} value */
function parseHead(read, value) {
  const m = read.members(value, ["checkpoint", "key_changes"]);
  return {
    note: read.at("checkpoint").utf8(m.get("checkpoint"), CONTRADICTION_BYTES_MAX),
    keyChanges: parseKeyChanges(read.at("key_changes"), m.get("key_changes")),
  };
}

/** @param {Reader} read @param {Json | undefined} value */
function parseLeaves(read, value) {
  const leaves = read.items(value, 2, (v) => parseLeaf(read, v));
  if (leaves.length !== 2) throw read.fail("two leaves are expected");
  return leaves;
}

/** @param {Reader} read @param {Json} value @returns {ShownLeaf} */
function parseLeaf(read, value) {
  const m = read.members(value, ["entry", "inclusion", "leaf_hash"]);
  return {
    leafHash: read.at("leaf_hash").hexadecimal(m.get("leaf_hash"), HASH),
    inclusion: parseHashes(read.at("inclusion"), m.get("inclusion"), read.at("inclusion"), PROOF_MAX),
    entry: read.nullable(m.get("entry"), (v) => read.at("entry").utf8(v, ENTRY_BYTES_MAX)),
  };
}
