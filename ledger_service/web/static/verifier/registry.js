// @ts-check
/**
 * What AnchorRegistry derives with keccak-256, derived again: log ids, anchor commitments and their storage slots
 * (SPEC.md, section 8).
 *
 * Promises: byte for byte what the contract computes. Does not: talk to a chain.
 */

import { concat, fromNumber, toUtf8 } from "./bytes.js";
import { keccak } from "./hashes.js";

/** @import { Target } from "./log_entry.js" */

/**
 * What a commitment takes in of an anchor; with size and root of the head it is all.
 * @typedef {{logId: Uint8Array, sequence: bigint, time: bigint, blockNumber: bigint, parentHash: Uint8Array}} Placed
 */

const WORD_BYTES = 32; // one ABI-encoded static value; also a hash and a storage slot
const COMMITMENTS_SLOT = 0n; // `mapping(bytes32 logId => mapping(uint64 sequence => bytes32))` is the first variable

/** @param {bigint} value */
const number = (value) => fromNumber(value, WORD_BYTES);

/** An address as a word: padded on the left. @param {Uint8Array} address */
export const addressWord = (address) => concat(new Uint8Array(WORD_BYTES - address.length), address);

/** keccak256(abi.encode(chainid, registry, registrar, originHash)). @param {Target} target @param {string} origin */
export const computeLogId = (target, origin) =>
  keccak(concat(
    number(BigInt(target.chainId)), addressWord(target.contract), addressWord(target.registrar),
    computeOriginHash(origin),
  ));

/** keccak-256 of the origin, the form in which the registry knows a ledger's name. @param {string} origin */
export const computeOriginHash = (origin) => keccak(toUtf8(origin));

/**
 * The commitment that the registry stores for one head.
 * @param {Placed} anchor @param {{size: bigint, root: Uint8Array}} head
 */
export const computeCommitment = (anchor, head) =>
  keccak(concat(
    anchor.logId, number(anchor.sequence), number(head.size), head.root, number(anchor.time),
    number(anchor.blockNumber), anchor.parentHash,
  ));

/**
 * The storage slot of a head's commitment, as Solidity places a value of a nested mapping.
 * @param {Uint8Array} logId @param {bigint} sequence
 */
export const computeCommitmentSlot = (logId, sequence) =>
  keccak(concat(number(sequence), keccak(concat(logId, number(COMMITMENTS_SLOT)))));
