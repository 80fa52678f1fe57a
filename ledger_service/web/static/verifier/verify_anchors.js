// @ts-check
/**
 * Verify where the head of a receipt stands: anchors, what nodes say of them, finality and policy (SPEC.md, section 11,
 * checks 9 to 15).
 *
 * Promises: what no node could say is unknown; one node's silence does not count beside another's answer. An anchor
 * that nobody showed final holds the verdict back even where the policy has enough others: a part of the file that was
 * not compared with anything must not stand in a valid receipt.
 */

import { equal, toHex } from "./bytes.js";
import { InvalidProofError } from "./errors.js";
import { concerns, questionAbout } from "./facts.js";
import { computeCommitment } from "./registry.js";
import { fail, indecisive, pass, unknown } from "./report.js";
import { EMBEDDED_CHAIN_ID, targetOf } from "./trust.js";
import { checkAfter, checkTime, questionAfter } from "./verify_after.js";
import { checkState, claimedBlock, missingBlock } from "./verify_state.js";

/** @import { Checkpoint } from "./checkpoint.js" */
/** @import { Answer, Question } from "./facts.js" */
/** @import { AnchorProof, Receipt } from "./receipt.js" */
/** @import { Check } from "./report.js" */
/** @import { PinnedTarget, Trust } from "./trust.js" */
/** @import { Claim } from "./verify_state.js" */

/**
 * What nodes said, and the hashes (hex) of blocks that the caller knows to be final.
 * @typedef {{answers: Answer[], blockHashes: Set<string>}} Known
 */

const DEMONSTRATION = "a demonstration chain proves nothing against its operator";

/**
 * What must be asked of chains to verify a receipt.
 * @param {Receipt} receipt @param {Trust} trust @returns {Question[]}
 */
export function questionsOfReceipt(receipt, trust) {
  const asked = [questionAfter(receipt, trust)];
  for (const anchor of receipt.anchors) {
    const pinned = targetOf(trust, anchor.logId);
    const claim = tryClaim(anchor);
    if (pinned === null || claim instanceof InvalidProofError) continue; // of a header that is none nothing is asked
    asked.push(questionAbout(pinned, anchor.sequence, claim.number));
  }
  return asked.filter((one) => one !== null);
}

/**
 * @param {Receipt} receipt @param {Checkpoint} checkpoint @param {Trust | null} trust @param {Known} known
 * @returns {Check[]}
 */
export function checkAnchors(receipt, checkpoint, trust, known) {
  const { anchors } = receipt;
  if (trust === null) {
    return anchors.length ? [unknown("anchor", "no pinned contract to compare the anchors with")] : [];
  }
  const checks = /** @type {Check[]} */ ([]);
  const final = /** @type {AnchorProof[]} */ ([]);
  for (const anchor of anchors) {
    const pinned = targetOf(trust, anchor.logId);
    if (pinned?.chainId !== anchor.chainId || !equal(pinned.contract, anchor.contract)) {
      checks.push(fail("anchor", "an anchor is of a log, contract or chain that the trust file does not pin"));
      continue;
    }
    const found = checkTarget(anchor, checkpoint, pinned, known);
    checks.push(...found);
    if (isFinal(found)) final.push(anchor);
  }
  const after = checkAfter(receipt, checkpoint, trust, known.answers);
  if (final.length < trust.required) {
    const wanted = anchors.length ? `${final.length} targets hold this head, final` : "not anchored yet";
    return [...checks, unknown("policy", `${wanted}; ${trust.required} required`), ...after];
  }
  const held = `${final.length} of ${trust.targets.length} targets hold this head, final`;
  checks.push(pass("policy", `${held}; ${trust.required} required`), ...after);
  if (after.some((check) => check.outcome !== "pass" && check.decisive)) return checks;
  return [...checks, checkTime(receipt, final, trust.required)];
}

/**
 * Compare one anchor with its state proof, with the block hashes given, and with what nodes say.
 * @param {AnchorProof} anchor @param {Checkpoint} checkpoint @param {PinnedTarget} pinned @param {Known} known
 */
function checkTarget(anchor, checkpoint, pinned, { answers, blockHashes }) {
  const commitment = computeCommitment(anchor, checkpoint);
  const where = `${pinned.name} (chain ${anchor.chainId}), block ${anchor.blockNumber}`;
  const checks = [pass("anchor", `head ${anchor.sequence} in ${where}`)];
  const claim = tryClaim(anchor);
  if (claim instanceof InvalidProofError) return [...checks, fail("state", claim.message)];
  if (anchor.state !== null) {
    checks.push(checkState(anchor, anchor.state, commitment, pinned));
    if (claim.blockHash !== null && blockHashes.has(toHex(claim.blockHash))) {
      checks.push(pass("finality", `you gave the hash of block ${claim.number}${note(anchor)}`));
    }
  }
  const asked = questionAbout(pinned, anchor.sequence, claim.number);
  const heard = answers.filter((answer) => concerns(answer, asked));
  for (const answer of heard) checks.push(...checkAnswer(answer, claim, anchor, pinned, commitment));
  if (anchor.state !== null && !isFinal(checks)) checks.push(unknown("block", missingBlock(claim, pinned)));
  else if (anchor.state === null && !heard.length) {
    checks.push(unknown("chain", `no node of ${pinned.name} was asked`));
  }
  return isFinal(checks) ? checks : checks.map((check) => ({ ...check, decisive: true }));
}

/** @param {AnchorProof} anchor */
function tryClaim(anchor) {
  try {
    return claimedBlock(anchor);
  } catch (error) {
    if (error instanceof InvalidProofError) return error;
    throw error;
  }
}

/** @param {Check[]} checks */
const isFinal = (checks) => checks.some((check) => check.name === "finality" && check.outcome === "pass");

/**
 * @param {Answer} answer @param {Claim} claim @param {AnchorProof} anchor @param {PinnedTarget} pinned
 * @param {Uint8Array} commitment @returns {Check[]}
 */
function checkAnswer(answer, claim, anchor, pinned, commitment) {
  const { source } = answer;
  if ("reason" in answer) return [indecisive(unknown("chain", `${source}: ${answer.reason}`))];
  if (answer.chainId !== BigInt(pinned.chainId) || !equal(answer.chainGenesis, pinned.chainGenesis)) {
    const reason = `serves chain ${answer.chainId}, which is not the pinned ${pinned.name}`;
    return [indecisive(unknown("chain", `${source}: ${reason}`))];
  }
  if (answer.finalNumber < claim.number) {
    const there = equal(answer.blockHash, claim.blockHash);
    const seen = there ? "in its block" : "that block is not on this node's chain now";
    const reason = `not final yet, ${seen} (final block of ${pinned.name}: ${answer.finalNumber})`;
    return [indecisive(unknown("finality", `${source}: ${reason}`))];
  }
  if (!equal(answer.codeHash, pinned.codeHash)) {
    return [fail("chain", `${source}: the code at the pinned contract's address is not the pinned code`)];
  }
  if (!equal(answer.commitment, commitment)) {
    return [fail("chain", `${source}: the contract does not hold this head as number ${anchor.sequence}`)];
  }
  if (!equal(answer.blockHash, claim.blockHash)) {
    return [fail("chain", `${source}: block ${claim.number} has another hash on the chain`)];
  }
  const holds = `the pinned contract holds this head in block ${anchor.blockNumber}${note(anchor)}`;
  const rule = pinned.confirmations === null ? "finalized" : `${pinned.confirmations} confirmations`;
  const final = `final by the rule '${rule}' (final block ${answer.finalNumber})`;
  return [pass("chain", `${source}: ${holds}`), pass("finality", `${source}: ${final}`)];
}

/** @param {AnchorProof} anchor */
const note = (anchor) => (anchor.chainId === EMBEDDED_CHAIN_ID ? `; ${DEMONSTRATION}` : "");
