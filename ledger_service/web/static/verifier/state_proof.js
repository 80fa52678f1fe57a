// @ts-check
/**
 * Block headers and `eth_getProof` proofs, verified from their bytes: what a state holds, told without a node (Ethereum
 * yellow paper, §4 and appendix D; SPEC.md, section 9.1).
 *
 * Promises: what is returned follows from the block hash, if that is a block's; each proof has one spelling: every node
 * used, in order, nothing beside. Does not: know which block hash is right, or prove that a slot is empty.
 */

import { equal, fromNumber, toHex } from "./bytes.js";
import { InvalidProofError } from "./errors.js";
import { keccak } from "./hashes.js";
import { decodeItem, decodeList, decodeNumber, encodedLength } from "./rlp_items.js";

/** @import { Item } from "./rlp_items.js" */

/**
 * A header and the nodes of both proofs.
 * @typedef {{header: Uint8Array, account: Uint8Array[], storage: Uint8Array[]}} StateProof
 */
/**
 * What a header says.
 * @typedef {{blockHash: Uint8Array, number: bigint, time: bigint, stateRoot: Uint8Array}} Header
 */
/** What an account says. @typedef {{storageRoot: Uint8Array, codeHash: Uint8Array}} Account */

const WORD_BYTES = 32;
const WORD_BITS = 256;
export const HEADER_BYTES_MAX = 4096;
const HEADER_ITEMS_MAX = 32;
export const NODES_MAX = 65; // 64 nibbles of a key, and the leaf
export const NODE_BYTES_MAX = 532; // a branch of sixteen hashes
// The first fifteen items, which every header has had since the first block: bytes of each, null for a number, −1 for
// any number of bytes. What later forks appended is bound by the hash, and not looked at.
const FORMS = [32, 32, 20, 32, 32, 32, 256, null, null, null, null, null, -1, 32, 8];
const [STATE_ROOT, NUMBER, TIME] = [3, 8, 11];
const [BRANCH, SHORT] = [17, 2]; // items of a node

/** What the header of these RLP bytes says. @param {Uint8Array} data @returns {Header} @throws {InvalidProofError} */
export function readHeader(data) {
  if (data.length > HEADER_BYTES_MAX) {
    throw new InvalidProofError(`a block header has at most ${HEADER_BYTES_MAX} bytes`);
  }
  const found = decodeList(data);
  const items = found.filter((item) => item instanceof Uint8Array);
  if (items.length !== found.length || items.length < FORMS.length || items.length > HEADER_ITEMS_MAX) {
    throw new InvalidProofError(
      `a block header is ${FORMS.length} to ${HEADER_ITEMS_MAX} items, none of them a list`,
    );
  }
  FORMS.forEach((bytes, place) => {
    if (bytes === null) decodeNumber(items[place], WORD_BITS);
    else if (bytes >= 0 && items[place].length !== bytes) {
      throw new InvalidProofError("an item of the block header has not its length");
    }
  });
  return {
    blockHash: keccak(data),
    number: decodeNumber(items[NUMBER]),
    time: decodeNumber(items[TIME]),
    stateRoot: items[STATE_ROOT],
  };
}

/**
 * The account that a state holds at an address.
 * @param {Uint8Array} stateRoot @param {Uint8Array} address @param {Uint8Array[]} nodes
 * @returns {Account} @throws {InvalidProofError}
 */
export function proveAccount(stateRoot, address, nodes) {
  const items = decodeList(walk(stateRoot, keccak(address), nodes));
  if (items.length !== 4) throw new InvalidProofError("an account has four items");
  decodeNumber(items[0]);
  decodeNumber(items[1], WORD_BITS);
  return { storageRoot: word(items[2]), codeHash: word(items[3]) };
}

/**
 * The 32 bytes that a storage holds in a slot.
 * @param {Uint8Array} storageRoot @param {Uint8Array} slot @param {Uint8Array[]} nodes @throws {InvalidProofError}
 */
export function proveSlot(storageRoot, slot, nodes) {
  const value = decodeNumber(decodeItem(walk(storageRoot, keccak(slot), nodes)), WORD_BITS);
  if (value === 0n) throw new InvalidProofError("an empty slot stands in no storage");
  return fromNumber(value, WORD_BYTES);
}

/**
 * Follow a key of 32 bytes from a root through nodes, every one of them in order, to the leaf's value.
 * @param {Uint8Array} root @param {Uint8Array} key @param {Uint8Array[]} nodes
 */
function walk(root, key, nodes) {
  if (!nodes.length || nodes.length > NODES_MAX || nodes.some((one) => !one.length || one.length > NODE_BYTES_MAX)) {
    throw new InvalidProofError(`a proof is 1 to ${NODES_MAX} trie nodes of at most ${NODE_BYTES_MAX} bytes`);
  }
  const left = Array.from(nodes);
  let path = toHex(key);
  /** @type {Item} */
  let child = root;
  let branchDue = false; // an extension leads to a branch, or it would be one with what it leads to
  for (;;) {
    const node = resolve(child, left);
    if (node.length === BRANCH) {
      requireBranch(node);
      if (!path) throw new InvalidProofError("the path ends in a branch");
      child = node[Number.parseInt(path[0], 16)];
      path = path.slice(1);
      branchDue = false;
      continue;
    }
    if (node.length !== SHORT || branchDue) {
      throw new InvalidProofError("a trie node is a branch of 17 items, or a leaf or extension of 2");
    }
    const { leaf, part } = readPrefix(node[0]);
    if (!path.startsWith(part)) throw new InvalidProofError("the proof leads to another key");
    path = path.slice(part.length);
    child = node[1];
    if (leaf) {
      if (path || left.length || !(child instanceof Uint8Array)) {
        throw new InvalidProofError("the proof does not end with the leaf of its key");
      }
      return child;
    }
    if (!part) throw new InvalidProofError("an extension without nibbles");
    branchDue = true;
  }
}

/**
 * The node that a reference names: the next one of the proof, by its hash, or one embedded in its parent.
 * @param {Item} child @param {Uint8Array[]} left of the proof
 */
function resolve(child, left) {
  if (!(child instanceof Uint8Array)) {
    requireChild(child);
    return child;
  }
  if (child.length !== WORD_BYTES) throw new InvalidProofError("the proof leads to an empty place");
  const encoded = left.shift();
  if (encoded === undefined) throw new InvalidProofError("a trie node is missing");
  if (!equal(keccak(encoded), child)) {
    throw new InvalidProofError("a trie node has not the hash that its parent names");
  }
  return decodeList(encoded);
}

/** @param {Item[]} node */
function requireBranch(node) {
  node.slice(0, -1).forEach(requireChild);
  if (node[node.length - 1].length || !(node[node.length - 1] instanceof Uint8Array)) {
    throw new InvalidProofError("a branch holds a value, which no key of 32 bytes leads to");
  }
  if (node.filter(isThere).length < 2) throw new InvalidProofError("a branch has at least two children");
}

/** @param {Item} child */
const isThere = (child) => !(child instanceof Uint8Array) || child.length > 0;

/** Accept nothing, a hash, or an embedded node, which is shorter than a hash. @param {Item} child */
function requireChild(child) {
  if (!(child instanceof Uint8Array)) {
    if (encodedLength(child) >= WORD_BYTES) {
      throw new InvalidProofError("an embedded trie node is shorter than 32 bytes");
    }
  } else if (child.length !== 0 && child.length !== WORD_BYTES) {
    throw new InvalidProofError("a branch names its children by 32 bytes");
  }
}

/** Whether a hex-prefix path is a leaf's, and its nibbles (yellow paper, appendix C). @param {Item} item */
function readPrefix(item) {
  if (!(item instanceof Uint8Array) || !item.length) throw new InvalidProofError("a path is bytes");
  const digits = toHex(item);
  const flag = Number.parseInt(digits[0], 16);
  if (flag > 3 || (flag % 2 === 0 && digits[1] !== "0")) {
    throw new InvalidProofError("a path has not the hex-prefix form");
  }
  return { leaf: flag >= 2, part: digits.slice(flag % 2 ? 1 : 2) };
}

/** @param {Item} item */
function word(item) {
  if (!(item instanceof Uint8Array) || item.length !== WORD_BYTES) throw new InvalidProofError("32 bytes are expected");
  return item;
}
