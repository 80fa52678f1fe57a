// @ts-check
/**
 * What a verifier asks of a chain, and what a node answered, as values.
 *
 * Promises: an answer that could not be had has a reason, and is never a "no".
 * Does not: ask (`ask_nodes.js`), or judge.
 */

import { toHex } from "./bytes.js";

/** @import { PinnedTarget } from "./trust.js" */

/**
 * What a verifier wants to know of one anchored head, and of the block that it rests on; two questions are the same if
 * their `key` is.
 * @typedef {{pinned: PinnedTarget, sequence: bigint, blockNumber: bigint, key: string}} Question
 */
/**
 * One node's answer. `codeHash` and `commitment` were read at the newest final block (code hash null: no contract
 * there); `blockHash` is that of the claimed block, null if the node has none of that number yet.
 * @typedef {{source: string, question: Question, chainId: bigint, chainGenesis: Uint8Array, finalNumber: bigint,
 *   codeHash: Uint8Array | null, commitment: Uint8Array, blockHash: Uint8Array | null}} TargetFacts
 */
/**
 * No answer, and why; `question` null: it concerns every question.
 * @typedef {{source: string, question: Question | null, reason: string}} Unanswered
 */
/** @typedef {TargetFacts | Unanswered} Answer */

/** @param {PinnedTarget} pinned @param {bigint} sequence @param {bigint} blockNumber @returns {Question} */
export function questionAbout(pinned, sequence, blockNumber) {
  const key = [
    pinned.chainId, toHex(pinned.chainGenesis), toHex(pinned.contract), toHex(pinned.logId), sequence, blockNumber,
    pinned.confirmations,
  ].join(" ");
  return { pinned, sequence, blockNumber, key };
}

/** Whether an answer is one to this question, or to all. @param {Answer} answer @param {Question} question */
export const concerns = (answer, question) => answer.question === null || answer.question.key === question.key;
