// @ts-check
/**
 * Verify a tlog-proof (c2sp.org/tlog-proof@v1): a report of named checks, as of a receipt.
 *
 * Promises: at best inconclusive, because valid means final on a chain and nothing here says so. A checkpoint that no
 * pinned key claims to have signed is unknown and not a contradiction: a log that changed its key shows the change in
 * the receipt, which has a place for it.
 */

import { claims, verifyCheckpoint } from "./checkpoint.js";
import { InvalidProofError, LedgerError } from "./errors.js";
import { fail, pass, unknown } from "./report.js";
import { parseTlogProof } from "./tlog_proof.js";
import { checkEntry, checkInclusion } from "./verify.js";
import { countWitnesses } from "./witness_check.js";

/** @import { Check } from "./report.js" */
/** @import { TlogProof } from "./tlog_proof.js" */
/** @import { Trust } from "./trust.js" */

/** The checks of a tlog-proof. @param {Uint8Array} data @param {Trust | null} trust @returns {Check[]} */
export function verifyTlogProof(data, trust) {
  let proof;
  try {
    proof = parseTlogProof(data);
  } catch (error) {
    if (error instanceof LedgerError) return [fail("format", error.message)];
    throw error;
  }
  const named = trust === null
    ? unknown("trust", "no trust file: nothing says which log and keys are meant")
    : pass("trust", `pinned to the log ${trust.origin}`);
  const entry = proof.extra === null
    ? unknown("entry", "it has no extra data, so it does not say of which entry it is")
    : checkEntry(proof.extra, trust).check;
  const inclusion = proof.extra === null
    ? unknown("inclusion", "no entry to compute the leaf hash of")
    : checkInclusion(proof.extra, proof, proof.checkpoint, trust);
  return [
    pass("format", "a tlog-proof in its one spelling"),
    named,
    entry,
    checkCheckpoint(proof, trust),
    ...(trust === null ? [] : countWitnesses(proof.signatures, proof.checkpoint, trust)),
    inclusion,
    unknown("anchor", "a tlog-proof names no anchor: whether the head is final, the entry's receipt shows"),
  ];
}

/** @param {TlogProof} proof @param {Trust | null} trust */
function checkCheckpoint({ note, checkpoint, signatures }, trust) {
  if (trust === null) return unknown("checkpoint", "no pinned key to verify the signature with");
  const claimed = signatures.filter((line) => trust.keys.some((key) => claims(line, key))).length;
  if (checkpoint.origin === trust.origin && !claimed) {
    const reason = "no pinned key claims it; where the log changed its key, the entry's receipt shows the change";
    return unknown("checkpoint", reason);
  }
  try {
    verifyCheckpoint(note, trust.keys, trust.origin);
  } catch (error) {
    if (error instanceof InvalidProofError) return fail("checkpoint", error.message);
    throw error;
  }
  const others = signatures.length - claimed;
  const ignored = others ? `; ${others} signatures of other keys ignored` : "";
  return pass("checkpoint", `signed by ${trust.origin}: ${checkpoint.size} entries${ignored}`);
}
