// @ts-check
/**
 * A keccak Merkle-Patricia trie over keys of one length, as a proof shows it (Ethereum yellow paper, appendix D;
 * SPEC.md, section 7.1).
 *
 * A proof is every node on the way to a prefix and below it; what it gives is every key with that prefix, and so also
 * that there is no other. Promises: nodes that have not their one spelling, that are missing, or that nothing refers to
 * are refused. Does not: know what keys and values mean (`case_index.js`).
 */

import { equal, toHex } from "./bytes.js";
import { InvalidProofError, LimitError } from "./errors.js";
import { keccak } from "./hashes.js";
import { decodeList } from "./rlp_items.js";

/** @import { Item } from "./rlp_items.js" */

/** @typedef {{kind: "leaf" | "extension" | "branch", part: string, rest: Uint8Array[]}} Node */

const KEY_NIBBLES = 64;
const VALUE_BYTES_MIN = 32; // so that no node is short enough to stand in another one
export const HASH_BYTES = 32;
export const NODE_BYTES_MAX = 1_024;
export const NODES_MAX = 200_000; // of a proof
const EMPTY_ROOT = keccak(new Uint8Array([0x80])); // of nothing: RLP of no bytes

/**
 * Every key (in hex) with a prefix and its value, in the order of the keys.
 * @param {Uint8Array} root @param {string} prefix nibbles in hex @param {Uint8Array[]} nodes in the order of the walk
 * @throws {InvalidProofError | LimitError}
 */
export function readProof(root, prefix, nodes) {
  if (nodes.length > NODES_MAX) throw new LimitError("the most nodes of a proof", NODES_MAX, nodes.length);
  const shown = /** @type {Map<string, Uint8Array>} */ (new Map());
  const waiting = equal(root, EMPTY_ROOT) ? [] : [{ path: "", wanted: root }];
  let used = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path, wanted } = next;
    const { kind, part, rest } = parseNode(take(nodes, used, wanted));
    used += 1;
    if (kind === "leaf") {
      const key = path + part;
      if (key.length !== KEY_NIBBLES) throw new InvalidProofError(`trie: a key of ${key.length} nibbles`);
      if (key.startsWith(prefix)) shown.set(key, rest[0]);
      continue;
    }
    const below = kind === "extension" ? [{ path: path + part, wanted: rest[0] }] : branchesOf(path, rest);
    for (const child of below.reverse()) {
      if (child.path.length > KEY_NIBBLES - (kind === "extension" ? 1 : 0)) { // below an extension stands a branch
        throw new InvalidProofError("trie: a path is longer than a key");
      }
      if (child.path.startsWith(prefix) || prefix.startsWith(child.path)) waiting.push(child);
    }
  }
  if (used !== nodes.length) throw new InvalidProofError("trie: nothing refers to the nodes at the end of the proof");
  return shown;
}

/**
 * The next node of the proof, if it is the wanted one.
 * @param {Uint8Array[]} nodes @param {number} at @param {Uint8Array} wanted
 */
function take(nodes, at, wanted) {
  if (at >= nodes.length) throw new InvalidProofError("trie: a node is missing at the end of the proof");
  const node = nodes[at];
  if (node.length > NODE_BYTES_MAX) throw new LimitError("the most bytes of a node", NODE_BYTES_MAX, node.length);
  if (equal(keccak(node), wanted)) return node;
  throw new InvalidProofError("trie: a node is not the one that its parent refers to");
}

/** @param {string} path @param {Uint8Array[]} children */
const branchesOf = (path, children) =>
  children.map((wanted, nibble) => ({ path: path + nibble.toString(16), wanted })).filter((one) => one.wanted.length);

/** A node's kind, its part of the path, and its value or references. @param {Uint8Array} data @returns {Node} */
function parseNode(data) {
  const items = decodeList(data).map(toBytes);
  if (items.length === 17) {
    const children = items.slice(0, 16);
    if (items[16].length || children.some((child) => child.length !== 0 && child.length !== HASH_BYTES)) {
      throw new InvalidProofError("trie: a branch refers to something that is no hash, or holds a value");
    }
    if (children.filter((child) => child.length).length < 2) {
      throw new InvalidProofError("trie: a branch with fewer than two ways");
    }
    return { kind: "branch", part: "", rest: children };
  }
  if (items.length !== 2) throw new InvalidProofError(`trie: a node of ${items.length} items`);
  const { leaf, part } = parsePath(items[0]);
  const held = items[1];
  if (leaf) {
    if (held.length < VALUE_BYTES_MIN) throw new InvalidProofError(`trie: a value of ${held.length} bytes`);
    return { kind: "leaf", part, rest: [held] };
  }
  if (!part || held.length !== HASH_BYTES) {
    throw new InvalidProofError("trie: an extension without a path, or to something that is no hash");
  }
  return { kind: "extension", part, rest: [held] };
}

/** @param {Item} item */
function toBytes(item) {
  if (!(item instanceof Uint8Array)) throw new InvalidProofError("trie: a node within a node");
  return item;
}

/**
 * Whether a path ends at a leaf, and its nibbles (yellow paper, appendix C: hex prefix).
 * @param {Uint8Array} encoded
 */
function parsePath(encoded) {
  const digits = toHex(encoded);
  if (!digits || !"0123".includes(digits[0])) throw new InvalidProofError("trie: a path without its prefix");
  const flag = Number(digits[0]);
  if (flag & 1) return { leaf: flag >= 2, part: digits.slice(1) };
  if (digits[1] !== "0") throw new InvalidProofError("trie: a path that is padded with something");
  return { leaf: flag >= 2, part: digits.slice(2) };
}
