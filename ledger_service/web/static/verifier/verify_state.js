// @ts-check
/**
 * Verify that a chain's state holds an anchor: header, account with the pinned code, slot, commitment (SPEC.md, section
 * 11, check 10).
 *
 * Contract, code hash and log id are the pinned ones; nothing is taken from the receipt but bytes that hash to what the
 * step before them names. What is left to know is one line: whether block N of the chain has this hash.
 */

import { equal, toHex } from "./bytes.js";
import { InvalidProofError } from "./errors.js";
import { computeCommitmentSlot } from "./registry.js";
import { fail, pass } from "./report.js";
import { proveAccount, proveSlot, readHeader } from "./state_proof.js";

/** @import { AnchorProof } from "./receipt.js" */
/** @import { Check } from "./report.js" */
/** @import { StateProof } from "./state_proof.js" */
/** @import { PinnedTarget } from "./trust.js" */

/**
 * The block that an anchor rests on, as its receipt claims: its own, or the one whose state holds it.
 * @typedef {{number: bigint, blockHash: Uint8Array | null}} Claim
 */

/** @param {AnchorProof} anchor @returns {Claim} @throws {InvalidProofError} */
export function claimedBlock(anchor) {
  if (anchor.state === null) return { number: anchor.blockNumber, blockHash: anchor.blockHash };
  const { number, blockHash } = readHeader(anchor.state.header);
  return { number, blockHash };
}

/**
 * Whether the state proof of an anchor leads from its header to this commitment.
 * @param {AnchorProof} anchor @param {StateProof} state of it @param {Uint8Array} commitment
 * @param {PinnedTarget} pinned @returns {Check}
 */
export function checkState(anchor, state, commitment, pinned) {
  try {
    const header = readHeader(state.header);
    if (header.number < anchor.blockNumber || header.time < anchor.time) {
      throw new InvalidProofError("the state is older than the anchor's block");
    }
    const slot = computeCommitmentSlot(pinned.logId, anchor.sequence);
    if (!equal(proveSlot(storageRoot(state, pinned), slot, state.storage), commitment)) {
      throw new InvalidProofError(`the contract does not hold this head as number ${anchor.sequence}`);
    }
    const block = `block ${header.number}, 0x${toHex(header.blockHash)}`;
    return pass("state", `the pinned contract holds this head in the state of ${block}`);
  } catch (error) {
    if (error instanceof InvalidProofError) return fail("state", error.message);
    throw error;
  }
}

/**
 * The storage root of the pinned contract in the state that a proof shows.
 * @param {StateProof} state @param {PinnedTarget} pinned @throws {InvalidProofError}
 */
export function storageRoot(state, pinned) {
  const account = proveAccount(readHeader(state.header).stateRoot, pinned.contract, state.account);
  if (!equal(account.codeHash, pinned.codeHash)) {
    throw new InvalidProofError("the code at the pinned contract's address is not the pinned code");
  }
  return account.storageRoot;
}

/** The one line that is not known, and two ways to learn it. @param {Claim} claim @param {PinnedTarget} pinned */
export function missingBlock(claim, pinned) {
  const shown = `0x${toHex(claim.blockHash ?? new Uint8Array())}`;
  return (
    `not known: that block ${claim.number} of ${pinned.name} (chain ${pinned.chainId}) has the hash ${shown}.` +
    ` Look it up with any block explorer of that chain, then give --block-hash ${shown}; or ask a node: --rpc URL`
  );
}
