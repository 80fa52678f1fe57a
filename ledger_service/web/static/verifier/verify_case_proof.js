// @ts-check
/**
 * Verify a completeness file: the checks of the seal's receipt, then `seal` (it holds a case index), `case_index` (the
 * nodes lead from its root to everything below the prefix) and `receipts` (each receipt given beside it is counted: the
 * last entry that the index names leads to it, `case_chain.js`).
 *
 * Promises: what is said of cases comes from the root in the sealed entry alone. Does not: ask a node.
 */

import { toHex } from "./bytes.js";
import { checkLinks } from "./case_chain.js";
import { parseValue } from "./case_index.js";
import { parseCaseProof } from "./case_proof.js";
import { isCaseEntry, parseEntry } from "./entry.js";
import { FormatError, LedgerError } from "./errors.js";
import { leafHash } from "./merkle.js";
import { fail, indecisive, pass, unknown, verdictOf } from "./report.js";
import { readProof } from "./trie.js";
import { verifyReceipt } from "./verify.js";
import { questionsOfReceipt } from "./verify_anchors.js";

/** @import { Link } from "./case_chain.js" */
/** @import { Indexed } from "./case_index.js" */
/** @import { CaseProof } from "./case_proof.js" */
/** @import { Question } from "./facts.js" */
/** @import { Receipt } from "./receipt.js" */
/** @import { Check, Outcome } from "./report.js" */
/** @import { Trust } from "./trust.js" */
/** @import { Known } from "./verify_anchors.js" */

/**
 * What a completeness file of a case says: before the seal at this index, so many entries, the last with this leaf.
 * `sealedAt` is when the seal was recorded; `outcome` is unknown while it is not shown to be final.
 * @typedef {{returnId: string | null, seal: bigint, sealedAt: string, count: bigint, last: Uint8Array | null,
 *   outcome: Outcome}} Counted
 */

/**
 * What must be asked of chains to verify this file: nothing if it is none.
 * @param {Uint8Array} data @param {Trust} trust @returns {Question[]}
 */
export function questionsOfCaseProof(data, trust) {
  const proof = tryParse(data);
  return proof instanceof FormatError ? [] : questionsOfReceipt(proof.seal, trust);
}

/**
 * The checks of a completeness file.
 * @param {Uint8Array} data @param {Trust | null} trust @param {Known} known
 * @param {Receipt[]} [receipts] of entries that should be counted, each verified itself @returns {Check[]}
 */
export function verifyCaseProof(data, trust, known, receipts = []) {
  const proof = tryParse(data);
  if (proof instanceof FormatError) return [fail("format", proof.message)];
  const { checks, shown } = verifyParsed(proof, trust, known);
  if (shown === null) return checks;
  return [...checks, ...checkReceipts(proof, shown[0], receipts)];
}

/**
 * What a completeness file counts, or the check of a package that fails because the file does.
 * @param {Uint8Array} data @param {Trust | null} trust @param {Known} known @returns {Counted | Check}
 */
export function countedBy(data, trust, known) {
  const proof = tryParse(data);
  if (proof instanceof FormatError) return fail("completeness", `format: ${proof.message}`);
  const { checks, shown } = verifyParsed(proof, trust, known);
  const failed = checks.find((check) => check.outcome === "fail");
  if (failed !== undefined) return fail("completeness", `${failed.name}: ${failed.detail}`);
  const held = proof.returnId === null ? undefined : shown?.[0];
  const outcome = verdictOf(checks) === "valid" ? "pass" : "unknown";
  const { returnId, seal } = proof;
  const { recordedAt: sealedAt } = parseEntry(seal.entry);
  return { returnId, seal: seal.index, sealedAt, count: held?.count ?? 0n, last: held?.last ?? null, outcome };
}

/** @param {Uint8Array} data */
function tryParse(data) {
  try {
    return parseCaseProof(data);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}

/**
 * The checks up to `case_index`, and what the index shows; null where a check failed before it was read.
 * @param {CaseProof} proof @param {Trust | null} trust @param {Known} known
 * @returns {{checks: Check[], shown: Indexed[] | null}}
 */
function verifyParsed(proof, trust, known) {
  const [, ...rest] = verifyReceipt(proof.seal, trust, known);
  const checks = [pass("format", "a completeness file in its one spelling"), ...rest];
  if (checks.some((check) => check.outcome === "fail")) return { checks, shown: null };
  const entry = parseEntry(proof.seal.entry);
  if (entry.kind !== "seal" || entry.caseIndex === null) {
    const what = "the receipt is of an entry that is no seal with a case index";
    return { checks: [...checks, fail("seal", what)], shown: null };
  }
  const at = `entry ${proof.seal.index}, recorded ${entry.recordedAt}`;
  checks.push(pass("seal", `a seal with a case index: ${at}`));
  try {
    const shown = Array.from(readProof(entry.caseIndex, proof.prefix, proof.nodes).values(), parseValue);
    return { checks: [...checks, pass("case_index", said(proof, shown))], shown };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { checks: [...checks, fail("case_index", error.message)], shown: null };
  }
}

/** What the index says, in words. @param {CaseProof} proof @param {Indexed[]} shown */
function said({ scope, returnId, seal }, shown) {
  const pair = `${scope.buyerCountry} <- ${scope.sellerCountry}`;
  const until = `before entry ${seal.index}`;
  if (returnId !== null) {
    const [found] = shown;
    if (found === undefined) return `${until} there was no return ${returnId} of ${pair} opened in ${scope.month}`;
    const count = found.count === 1n ? "1 entry" : `${found.count} entries`;
    return `${until} the return ${returnId} had exactly ${count}, the last one ${toHex(found.last)}`;
  }
  const opened = scope.month === null ? "" : ` opened in ${scope.month}`;
  const entries = shown.reduce((sum, one) => sum + one.count, 0n);
  return `${until} there were exactly ${shown.length} returns of ${pair}${opened}, with ${entries} entries together`;
}

/**
 * Compare entries that somebody shows with what the index counts.
 * @param {CaseProof} proof @param {Indexed | undefined} counted @param {Receipt[]} receipts @returns {Check[]}
 */
function checkReceipts({ returnId, seal }, counted, receipts) {
  const links = /** @type {Link[]} */ ([]);
  const told = receipts.map(({ index, entry: data }) => {
    const entry = parseEntry(data);
    if (!isCaseEntry(entry) || entry.seq === null || entry.returnId !== returnId) {
      return indecisive(unknown("receipts", `entry ${index} is not on the chain of this return`));
    }
    if (index >= seal.index) return indecisive(unknown("receipts", `entry ${index} came after the seal`));
    links.push({ index, seq: entry.seq, prev: entry.prev, leaf: leafHash(data) });
    return null; // it is judged beside the others
  });
  const judged = checkLinks(counted, links).values();
  return told.map((check) => check ?? /** @type {Check} */ (judged.next().value));
}
