// @ts-check
/**
 * What a receipt holds of a chain's state, and the proof that its entry came after an earlier anchor (SPEC.md, sections
 * 9.1 and 9.2): JSON in, values out. Does not: verify (`verify_state.js`, `verify_after.js`).
 */

import { fromHex, toUtf8 } from "./bytes.js";
import { ENTRY_BYTES_MAX } from "./entry.js";
import { HASH } from "./log_entry.js";
import { HEADER_BYTES_MAX, NODE_BYTES_MAX, NODES_MAX } from "./state_proof.js";
import { lengthOf } from "./quoted.js";

/** @import { Json } from "./encoding.js" */
/** @import { Reader } from "./members.js" */
/** @import { Placed } from "./registry.js" */
/** @import { StateProof } from "./state_proof.js" */

/**
 * The last seal before an entry, its place in the receipt's tree, and the anchor that it quotes. `storage` proves the
 * commitment's slot in the state of the receipt's anchor of the same log id; null: a node has to be asked.
 * @typedef {Placed & {seal: Uint8Array, index: bigint, inclusion: Uint8Array[], size: bigint, root: Uint8Array,
 *   storage: Uint8Array[] | null}} AfterProof
 */

export const PROOF_MAX = 63; // hashes of an inclusion proof in the largest tree
const DATA = /^0x(?:[0-9a-f]{2})+$/;

/** @param {Reader} read @param {Json} value @returns {StateProof} */
export function parseState(read, value) {
  const m = read.members(value, ["account", "header", "storage"]);
  return {
    header: parseData(read.at("header"), m.get("header"), HEADER_BYTES_MAX),
    account: parseNodes(read.at("account"), m.get("account")),
    storage: parseNodes(read.at("storage"), m.get("storage")),
  };
}

/** @param {Reader} read @param {Json} value @returns {AfterProof} */
export function parseAfter(read, value) {
  const m = read.members(value, ["anchor", "inclusion", "index", "seal", "storage"]);
  const names = ["block_number", "log_id", "parent_hash", "root", "sequence", "size", "time"];
  const anchor = read.at("anchor").members(m.get("anchor"), names);
  const seal = m.get("seal");
  if (typeof seal !== "string" || lengthOf(seal) > ENTRY_BYTES_MAX) {
    throw read.at("seal").fail("the text of an entry is expected");
  }
  return {
    seal: toUtf8(seal),
    index: read.at("index").count(m.get("index")),
    inclusion: parseHashes(read.at("inclusion"), m.get("inclusion"), read),
    logId: read.at("anchor.log_id").hexadecimal(anchor.get("log_id"), HASH, "0x"),
    sequence: read.at("anchor.sequence").count(anchor.get("sequence")),
    size: read.at("anchor.size").count(anchor.get("size"), { least: 1 }),
    root: read.at("anchor.root").hexadecimal(anchor.get("root"), HASH),
    time: read.at("anchor.time").count(anchor.get("time")),
    blockNumber: read.at("anchor.block_number").count(anchor.get("block_number"), { least: 1 }),
    parentHash: read.at("anchor.parent_hash").hexadecimal(anchor.get("parent_hash"), HASH, "0x"),
    storage: read.nullable(m.get("storage"), (v) => parseNodes(read.at("storage"), v)),
  };
}

/**
 * The hashes of an inclusion proof.
 * @param {Reader} read @param {Json | undefined} value @param {Reader} [each] names one of them @param {number} [most]
 */
export const parseHashes = (read, value, each = read, most = PROOF_MAX) =>
  read.items(value, most, (v) => each.hexadecimal(v, HASH));

/** Trie nodes. @param {Reader} read @param {Json | undefined} value */
const parseNodes = (read, value) => read.items(value, NODES_MAX, (v) => parseData(read, v, NODE_BYTES_MAX));

/** @param {Reader} read @param {Json | undefined} value @param {number} bytesMax */
function parseData(read, value, bytesMax) {
  const given = typeof value === "string" && value.length <= 2 + 2 * bytesMax && DATA.test(value);
  const bytes = given ? fromHex(value.slice(2)) : null;
  if (bytes === null) throw read.fail(`0x and 1 to ${bytesMax} bytes of lower-case hex are expected`);
  return bytes;
}
