// @ts-check
/**
 * RLP read strictly: what trie nodes and block headers are made of (Ethereum yellow paper, appendix B).
 *
 * Promises: each value has one spelling; a length with a leading zero, a long form where a short one would do, a single
 * byte below 0x80 with a prefix, and bytes after the value are refused. Does not: know what an item means.
 */

import { toNumber } from "./bytes.js";
import { InvalidProofError } from "./errors.js";

/** @typedef {Uint8Array | Item[]} Item */

const DEPTH_MAX = 4; // a node that is embedded in a node holds at most lists in lists; headers hold none
const SHORT = 55; // bytes of the longest content whose length stands in the prefix itself

/** The one item that the bytes are. @param {Uint8Array} data @returns {Item} @throws {InvalidProofError} */
export function decodeItem(data) {
  const { item, end } = read(data, 0, data.length, 0);
  if (end !== data.length) throw new InvalidProofError(`RLP: ${data.length - end} bytes stand after the item`);
  return item;
}

/** The items of the list that the bytes are. @param {Uint8Array} data @throws {InvalidProofError} */
export function decodeList(data) {
  const item = decodeItem(data);
  if (item instanceof Uint8Array) throw new InvalidProofError("RLP: a list is expected");
  return item;
}

/** The number of at most so many bits that an item holds. @param {Item} item @param {number} [bits] */
export function decodeNumber(item, bits = 64) {
  if (!(item instanceof Uint8Array) || item[0] === 0 || item.length * 8 > bits) {
    throw new InvalidProofError(`RLP: a number of at most ${bits} bits without leading zeros is expected`);
  }
  return toNumber(item);
}

/** How many bytes the RLP of an item has. @param {Item} item @returns {number} */
export function encodedLength(item) {
  if (item instanceof Uint8Array) return item.length === 1 && item[0] < 0x80 ? 1 : prefixed(item.length);
  return prefixed(item.reduce((length, one) => length + encodedLength(one), 0));
}

/** @param {number} length of the content */
const prefixed = (length) => length + 1 + (length <= SHORT ? 0 : Math.ceil(length.toString(16).length / 2));

/**
 * The item that begins at `start`, and where it ends, which is at most `end`.
 * @param {Uint8Array} data @param {number} start @param {number} end @param {number} depth
 * @returns {{item: Item, end: number}}
 */
function read(data, start, end, depth) {
  if (start >= end) throw new InvalidProofError("RLP: an item is cut off");
  const first = data[start];
  if (first < 0x80) return { item: data.subarray(start, start + 1), end: start + 1 };
  const base = first < 0xc0 ? 0x80 : 0xc0;
  const [content, stop] = bounds(data, start, end, first - base);
  if (base === 0x80) {
    if (stop - content === 1 && data[content] < 0x80) {
      throw new InvalidProofError("RLP: a byte below 0x80 stands for itself, without a prefix");
    }
    return { item: data.subarray(content, stop), end: stop };
  }
  if (depth === DEPTH_MAX) throw new InvalidProofError(`RLP: lists are nested deeper than ${DEPTH_MAX}`);
  /** @type {Item[]} */
  const items = [];
  for (let at = content; at < stop; ) {
    const found = read(data, at, stop, depth + 1);
    items.push(found.item);
    at = found.end;
  }
  return { item: items, end: stop };
}

/**
 * Where the content of the item at `start` begins and ends; `kind` is its first byte above the base.
 * @param {Uint8Array} data @param {number} start @param {number} end @param {number} kind
 */
function bounds(data, start, end, kind) {
  let content = start + 1;
  let length = BigInt(kind);
  if (kind > SHORT) {
    content = start + 1 + kind - SHORT;
    const digits = data.subarray(start + 1, Math.min(content, end));
    if (digits.length < kind - SHORT) throw new InvalidProofError("RLP: a length is cut off");
    length = toNumber(digits);
    if (digits[0] === 0 || length <= SHORT) throw new InvalidProofError("RLP: a length is not in its shortest form");
  }
  if (length > end - content) throw new InvalidProofError("RLP: an item is cut off");
  return [content, content + Number(length)];
}
