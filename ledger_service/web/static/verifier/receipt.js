// @ts-check
/**
 * The receipt: one file that carries an entry and everything that proves its place (SPEC.md, section 9).
 *
 * Promises: one spelling of each receipt, white space between tokens aside; whatever verification does not cover stands
 * under `unprotected`. Does not: say whether it is true (`verify.js`).
 */

import { compare, startsWith } from "./bytes.js";
import { parseRecord } from "./disclosure.js";
import { parseDocument } from "./encoding.js";
import { COMMITMENTS_MAX, ENTRY_BYTES_MAX, EVIDENCE_MAX } from "./entry.js";
import { ADDRESS, HASH } from "./log_entry.js";
import { Reader } from "./members.js";
import { parseAfter, parseHashes, parseState } from "./receipt_state.js";

/** @import { Record } from "./disclosure.js" */
/** @import { Json } from "./encoding.js" */
/** @import { AfterProof } from "./receipt_state.js" */
/** @import { Placed } from "./registry.js" */
/** @import { StateProof } from "./state_proof.js" */

/**
 * Where a head stands. `state` proves its slot in the state of that or a later block; `blockHash` is null then, because
 * nothing would bind it.
 * @typedef {Placed & {chainId: number, contract: Uint8Array, blockHash: Uint8Array | null,
 *   state: StateProof | null}} AnchorProof
 */
/**
 * A key entry with its place in the receipt's tree.
 * @typedef {{entry: Uint8Array, index: bigint, inclusion: Uint8Array[]}} KeyChange
 */
/**
 * One entry and its proofs. `entry` is the exact bytes that were hashed, `checkpoint` a signed note.
 * @typedef {{entry: Uint8Array, index: bigint, records: Record[], inclusion: Uint8Array[], checkpoint: Uint8Array,
 *   anchors: AnchorProof[], keyChanges: KeyChange[], unprotected: Map<string, Json>, after: AfterProof | null}} Receipt
 */

const FORMAT = "return-ledger/receipt@v1";
export const RECEIPT_BYTES_MAX = 1024 * 1024;
const PDF = new Uint8Array([0x25, 0x50, 0x44, 0x46, 0x2d]); // "%PDF-": the paper, handed in in place of the receipt
const ANCHORS_MAX = 16;
export const KEY_CHANGES_MAX = 64;
export const RECORDS_MAX = EVIDENCE_MAX + COMMITMENTS_MAX;
const MEMBERS = [
  "after", "anchors", "checkpoint", "entry", "format", "inclusion", "index", "key_changes", "records", "unprotected",
];
const ANCHOR_MEMBERS = [
  "block_hash", "block_number", "chain_id", "contract", "log_id", "parent_hash", "sequence", "state", "time",
];

/**
 * The receipt of a receipt file.
 * @param {Uint8Array} data @returns {Receipt} @throws {import("./errors.js").FormatError}
 */
export function parseReceipt(data) {
  const read = new Reader("receipt");
  if (startsWith(data, PDF)) {
    throw read.fail("a PDF is for reading: the receipt is the file that is attached inside it");
  }
  const value = read.document(() => parseDocument(data, RECEIPT_BYTES_MAX), FORMAT);
  const m = read.members(value, MEMBERS);
  const unprotected = read.at("unprotected").object(m.get("unprotected"));
  const anchors = read.at("anchors").items(m.get("anchors"), ANCHORS_MAX, (v) => parseAnchor(read.at("anchors"), v));
  if (anchors.some((one, place) => place > 0 && compare(anchors[place - 1].logId, one.logId) >= 0)) {
    throw read.at("anchors").fail("anchors stand in ascending order of their log ids, each log id once");
  }
  return {
    entry: read.at("entry").utf8(m.get("entry"), ENTRY_BYTES_MAX),
    index: read.at("index").count(m.get("index")),
    records: read.at("records").items(m.get("records"), RECORDS_MAX, parseRecord),
    inclusion: parseHashes(read.at("inclusion"), m.get("inclusion")),
    checkpoint: read.at("checkpoint").utf8(m.get("checkpoint"), RECEIPT_BYTES_MAX),
    anchors,
    keyChanges: parseKeyChanges(read.at("key_changes"), m.get("key_changes")),
    unprotected,
    after: read.nullable(m.get("after"), (v) => parseAfter(read.at("after"), v)),
  };
}

/** @param {Reader} read @param {Json} value @returns {AnchorProof} */
function parseAnchor(read, value) {
  const m = read.members(value, ANCHOR_MEMBERS);
  if ((m.get("block_hash") === null) === (m.get("state") === null)) {
    throw read.fail("one of block_hash and state is null, and the other is not");
  }
  return {
    chainId: read.at("chain_id").integer(m.get("chain_id"), { least: 1 }),
    contract: read.at("contract").hexadecimal(m.get("contract"), ADDRESS, "0x"),
    logId: read.at("log_id").hexadecimal(m.get("log_id"), HASH, "0x"),
    sequence: read.at("sequence").count(m.get("sequence")),
    time: read.at("time").count(m.get("time")),
    blockNumber: read.at("block_number").count(m.get("block_number"), { least: 1 }),
    blockHash: read.nullable(m.get("block_hash"), (v) => read.at("block_hash").hexadecimal(v, HASH, "0x")),
    parentHash: read.at("parent_hash").hexadecimal(m.get("parent_hash"), HASH, "0x"),
    state: read.nullable(m.get("state"), (v) => parseState(read.at("state"), v)),
  };
}

/** Key changes in the tree of a checkpoint. @param {Reader} read @param {Json | undefined} value */
export const parseKeyChanges = (read, value) => read.items(value, KEY_CHANGES_MAX, (v) => parseKeyChange(read, v));

/** @param {Reader} read @param {Json} value @returns {KeyChange} */
function parseKeyChange(read, value) {
  const m = read.members(value, ["entry", "inclusion", "index"]);
  return {
    entry: read.at("entry").utf8(m.get("entry"), ENTRY_BYTES_MAX),
    index: read.at("index").count(m.get("index")),
    inclusion: parseHashes(read.at("inclusion"), m.get("inclusion")),
  };
}
