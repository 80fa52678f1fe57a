// @ts-check
/**
 * Verify when an entry was recorded, from both sides: after one anchor's block, no later than another's (SPEC.md,
 * section 11, checks 14 and 15).
 *
 * Not earlier: the last seal before the entry quotes the commitment of an anchor, which takes in the hash of the block
 * before the anchor's own; nobody knew it before that block existed. Not later: the entry stands in the tree of a head
 * that the chain held by the time of its block. Does not: show when the thing happened that was recorded.
 */

import { equal } from "./bytes.js";
import { parseEntry } from "./entry.js";
import { InvalidProofError, LedgerError } from "./errors.js";
import { questionAbout } from "./facts.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { computeCommitment, computeCommitmentSlot } from "./registry.js";
import { fail, indecisive, pass, unknown } from "./report.js";
import { proveSlot } from "./state_proof.js";
import { targetOf } from "./trust.js";
import { storageRoot } from "./verify_state.js";

/** @import { Checkpoint } from "./checkpoint.js" */
/** @import { Answer, TargetFacts } from "./facts.js" */
/** @import { AnchorProof, Receipt } from "./receipt.js" */
/** @import { AfterProof } from "./receipt_state.js" */
/** @import { Check } from "./report.js" */
/** @import { PinnedTarget, Trust } from "./trust.js" */

const SECONDS_MAX = 253_402_300_799n; // the last second of the year 9999

/**
 * What must be asked of a chain to know that it holds the quoted anchor; null where the file proves it.
 * @param {Receipt} receipt @param {Trust} trust
 */
export function questionAfter({ after }, trust) {
  const pinned = after === null ? null : targetOf(trust, after.logId);
  if (after === null || pinned === null || after.storage !== null) return null;
  return questionAbout(pinned, after.sequence, after.blockNumber);
}

/**
 * The checks of the earlier bound; none where the receipt has no such proof.
 * @param {Receipt} receipt @param {Checkpoint} checkpoint @param {Trust} trust @param {Answer[]} answers
 * @returns {Check[]}
 */
export function checkAfter(receipt, checkpoint, trust, answers) {
  const { after } = receipt;
  if (after === null) return [];
  let found;
  try {
    found = quoted(after, receipt, checkpoint, trust);
    if (after.storage !== null) return [checkStorage(after, after.storage, receipt, found)];
  } catch (error) {
    if (error instanceof LedgerError) return [fail("after", error.message)];
    throw error;
  }
  const { pinned, commitment } = found;
  const asked = questionAfter(receipt, trust);
  const checks = [];
  for (const answer of answers) {
    if ("reason" in answer || answer.question.key !== asked?.key) continue;
    checks.push(checkAnswer(answer, after, pinned, commitment));
  }
  if (checks.some((check) => check.outcome !== "unknown")) return checks;
  const what = "the contract holds the head that the seal before the entry quotes";
  return [...checks, unknown("after", `no node of ${pinned.name} said that ${what}`)];
}

/**
 * When the entry was recorded, once all else holds.
 * @param {Receipt} receipt @param {AnchorProof[]} final at least `required` @param {number} required
 */
export function checkTime({ after }, final, required) {
  const last = final.toSorted((one, other) => Number(one.time - other.time))[required - 1];
  const until = `no later than ${utc(last.time)} (block ${last.blockNumber})`;
  if (after === null) {
    const why = "no seal before it in this file quotes an anchor, as for the first entries of a log";
    return pass("time", `recorded ${until}; not known since when: ${why}`);
  }
  const since = `after ${utc(after.time)} (block ${after.blockNumber}, or the block just before it)`;
  return pass("time", `recorded ${since} and ${until}`);
}

/**
 * The target and the commitment that the seal quotes.
 * @param {AfterProof} after @param {Receipt} receipt @param {Checkpoint} checkpoint @param {Trust} trust
 * @throws {LedgerError} the seal is none, stands elsewhere, or quotes another anchor than the receipt shows
 */
function quoted(after, receipt, checkpoint, trust) {
  const seal = parseEntry(after.seal);
  if (seal.kind !== "seal" || seal.origin !== trust.origin || seal.after === null) {
    throw new InvalidProofError("it is no seal of this log that quotes an anchor");
  }
  if (after.index >= receipt.index) throw new InvalidProofError("the seal does not stand before the entry");
  verifyInclusion(leafHash(after.seal), after.index, checkpoint, after.inclusion);
  const pinned = targetOf(trust, after.logId);
  if (pinned === null) {
    throw new InvalidProofError("the seal quotes an anchor of a log that the trust file does not pin");
  }
  const commitment = computeCommitment(after, after);
  const same =
    seal.after.chainId === pinned.chainId &&
    equal(seal.after.logId, after.logId) &&
    seal.after.sequence === after.sequence &&
    equal(seal.after.commitment, commitment);
  if (!same) throw new InvalidProofError("the seal quotes another anchor than the receipt shows");
  return { pinned, commitment };
}

/**
 * Whether the quoted anchor stands in the state that the receipt's anchor of the same log id shows.
 * @param {AfterProof} after @param {Uint8Array[]} storage of it @param {Receipt} receipt
 * @param {{pinned: PinnedTarget, commitment: Uint8Array}} found @throws {InvalidProofError}
 */
function checkStorage(after, storage, receipt, { pinned, commitment }) {
  const state = receipt.anchors.find((one) => one.state !== null && equal(one.logId, after.logId))?.state ?? null;
  if (state === null) throw new InvalidProofError("a storage proof without the state that it belongs to");
  const slot = computeCommitmentSlot(pinned.logId, after.sequence);
  if (!equal(proveSlot(storageRoot(state, pinned), slot, storage), commitment)) {
    throw new InvalidProofError("the contract does not hold the head that the seal quotes");
  }
  return passed(after, "the same state");
}

/** @param {TargetFacts} answer @param {AfterProof} after @param {PinnedTarget} pinned @param {Uint8Array} commitment */
function checkAnswer(answer, after, pinned, commitment) {
  if (answer.chainId !== BigInt(pinned.chainId) || !equal(answer.chainGenesis, pinned.chainGenesis)) {
    const reason = `serves chain ${answer.chainId}, which is not the pinned ${pinned.name}`;
    return indecisive(unknown("after", `${answer.source}: ${reason}`));
  }
  if (answer.finalNumber < after.blockNumber) {
    const reason = "the head that the seal before the entry quotes is not final there yet";
    return indecisive(unknown("after", `${answer.source}: ${reason}`));
  }
  if (!equal(answer.codeHash, pinned.codeHash) || !equal(answer.commitment, commitment)) {
    const reason = "the pinned contract does not hold the head that the seal before the entry quotes";
    return fail("after", `${answer.source}: ${reason}`);
  }
  return passed(after, answer.source);
}

/** @param {AfterProof} after @param {string} source */
function passed({ index, sequence, blockNumber }, source) {
  return pass("after", `the seal at index ${index} quotes head ${sequence} of block ${blockNumber}: by ${source}`);
}

/** @param {bigint} seconds */
function utc(seconds) {
  if (seconds > SECONDS_MAX) return `${seconds} seconds after 1970`;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
