// @ts-check
/**
 * Verify a receipt: a report of named checks; nothing is thrown because the evidence is bad (SPEC.md, section 11).
 *
 * Promises: every number is taken from the pinned file or the signed note, none from a proof. Does not: ask a node
 * (`questions` says what to ask) or read a file. What stands on chains: `verify_anchors.js`.
 */

import { equal } from "./bytes.js";
import { parseCheckpoint, sameKey, verifyCheckpoint, verifySignature } from "./checkpoint.js";
import { commitmentOf, describeRecords, EVIDENCE_PREFIX } from "./disclosure.js";
import { describeEntry, isCaseEntry, parseEntry } from "./entry.js";
import { FormatError, InvalidProofError, LedgerError } from "./errors.js";
import { keyChangeMessage } from "./log_entry.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { parseReceipt } from "./receipt.js";
import { fail, pass, unknown } from "./report.js";
import { checkStatement } from "./statement_check.js";
import { policyOf } from "./trust.js";
import { checkAnchors, questionsOfReceipt } from "./verify_anchors.js";
import { checkWitnesses } from "./witness_check.js";

/** @import { Checkpoint, VerifierKey } from "./checkpoint.js" */
/** @import { Entry } from "./entry.js" */
/** @import { Question } from "./facts.js" */
/** @import { KeyChange, Receipt } from "./receipt.js" */
/** @import { Check } from "./report.js" */
/** @import { Trust } from "./trust.js" */
/** @import { Known } from "./verify_anchors.js" */

/**
 * A file offered beside a receipt: its name, and the SHA-256 of its bytes in hex.
 * @typedef {{name: string, sha256: string}} EvidenceFile
 */

/**
 * What must be asked of chains to verify this file: nothing if it is no receipt.
 * @param {Uint8Array} data @param {Trust} trust @returns {Question[]}
 */
export function questions(data, trust) {
  const receipt = tryParse(data);
  return receipt instanceof FormatError ? [] : questionsOfReceipt(receipt, trust);
}

/**
 * The checks of a receipt file.
 * @param {Uint8Array} data @param {Trust | null} trust without one the verdict is at best inconclusive
 * @param {Known} known what nodes answered, and block hashes that the caller knows
 * @param {EvidenceFile[]} [evidence] files that the caller says belong to the entry
 */
export function verify(data, trust, known, evidence = []) {
  const receipt = tryParse(data);
  if (receipt instanceof FormatError) return [fail("format", receipt.message)];
  return verifyReceipt(receipt, trust, known, evidence);
}

/**
 * The checks of a receipt.
 * @param {Receipt} receipt @param {Trust | null} trust @param {Known} known @param {EvidenceFile[]} [evidence]
 * @returns {Check[]}
 */
export function verifyReceipt(receipt, trust, known, evidence = []) {
  const checks = [pass("format", "a receipt in its one spelling"), checkTrust(trust)];
  const { entry, check } = checkEntry(receipt.entry, trust);
  checks.push(check);
  if (entry !== null) checks.push(checkDisclosures(receipt, entry), ...checkStatement(entry, receipt.records, trust));
  const signers = checkKeys(receipt, trust);
  checks.push(...signers.checks);
  const head = checkCheckpoint(receipt, trust, signers.keys);
  checks.push(head.check);
  if (head.checkpoint !== null) {
    checks.push(checkInclusion(receipt.entry, receipt, head.checkpoint, trust));
    checks.push(...checkAnchors(receipt, head.checkpoint, trust, known));
    if (trust !== null) checks.push(...checkWitnesses(receipt.unprotected, head.checkpoint, trust));
  }
  return [...checks, ...checkEvidence(receipt, evidence)];
}

/**
 * The SHA-256 of every evidence file whose fingerprint a receipt file shows.
 * @param {Uint8Array} data @returns {Set<string>}
 */
export function fingerprints(data) {
  const receipt = tryParse(data);
  return new Set(receipt instanceof FormatError ? [] : shownFiles(receipt));
}

/** The keys that may sign this receipt's checkpoint. @param {Receipt} receipt @param {Trust} trust */
export const signingKeys = (receipt, trust) => checkKeys(receipt, trust).keys;

/** @param {Uint8Array} data */
function tryParse(data) {
  try {
    return parseReceipt(data);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}

/** @param {Trust | null} trust */
function checkTrust(trust) {
  if (trust === null) return unknown("trust", "no trust file: nothing says which log, keys and contract are meant");
  const policy = trust.witnesses.length ? `; the policy: ${policyOf(trust)}` : "";
  return pass("trust", `pinned to the log ${trust.origin}${policy}`);
}

/**
 * Whether the bytes are an entry of the pinned log.
 * @param {Uint8Array} data @param {Trust | null} trust @returns {{entry: Entry | null, check: Check}}
 */
export function checkEntry(data, trust) {
  try {
    const entry = parseEntry(data);
    if (trust === null || entry.origin === trust.origin) return { entry, check: pass("entry", describeEntry(entry)) };
    return { entry, check: fail("entry", `the entry is of the log ${entry.origin}, not of ${trust.origin}`) };
  } catch (error) {
    if (error instanceof LedgerError) return { entry: null, check: fail("entry", error.message) };
    throw error;
  }
}

/** @param {Receipt} receipt @param {Entry} entry */
function checkDisclosures({ records, unprotected }, entry) {
  const committed = isCaseEntry(entry) ? entry.committed : [];
  if (committed.length !== records.length || committed.some((one, at) => one.name !== records[at].name)) {
    return fail("disclosures", "the records are not one for each commitment, in entry order");
  }
  for (const [at, { name, commitment }] of committed.entries()) {
    const { shown } = records[at];
    if (shown === null) continue;
    try {
      if (equal(commitmentOf(name, shown), commitment)) continue;
      return fail("disclosures", `${name}: value and salt do not open the commitment`);
    } catch (error) {
      if (error instanceof LedgerError) return fail("disclosures", `${name}: ${error.message}`);
      throw error;
    }
  }
  return pass("disclosures", describeRecords(records, unprotected));
}

/**
 * Follow key entries from a pinned key; each must be signed by the key before it and stand in the tree. The keys
 * returned may sign the checkpoint: with key changes that is the last new key alone, so that none of them can be left
 * out, doubled or added while the file stays valid.
 * @param {KeyChange[]} changes @param {Checkpoint} checkpoint @param {Trust} trust @throws {LedgerError}
 */
export function followKeyChanges(changes, checkpoint, trust) {
  let keys = trust.keys;
  for (const change of changes) {
    const entry = parseEntry(change.entry);
    if (entry.kind !== "key" || entry.origin !== trust.origin || !keys.some((one) => sameKey(one, entry.oldKey))) {
      throw new InvalidProofError("a key change does not start from a key pinned or brought in just before");
    }
    if (entry.newKey.name !== trust.origin) throw new InvalidProofError("a new key is not named like the log");
    verifySignature(entry.oldKey, entry.signature, keyChangeMessage(entry));
    verifyInclusion(leafHash(change.entry), change.index, checkpoint, change.inclusion);
    keys = [entry.newKey];
  }
  return keys;
}

/** @param {Receipt} receipt @param {Trust | null} trust @returns {{keys: VerifierKey[], checks: Check[]}} */
function checkKeys(receipt, trust) {
  if (trust === null) return { keys: [], checks: [] };
  const changes = receipt.keyChanges;
  if (!changes.length) return { keys: trust.keys, checks: [] };
  try {
    const keys = followKeyChanges(changes, parseCheckpoint(receipt.checkpoint).checkpoint, trust);
    return { keys, checks: [pass("keys", `${changes.length} key changes, each by the old key`)] };
  } catch (error) {
    if (error instanceof LedgerError) return { keys: trust.keys, checks: [fail("keys", error.message)] };
    throw error;
  }
}

/**
 * @param {Receipt} receipt @param {Trust | null} trust @param {VerifierKey[]} keys
 * @returns {{checkpoint: Checkpoint | null, check: Check}}
 */
function checkCheckpoint(receipt, trust, keys) {
  /** @type {Checkpoint | null} */
  let checkpoint = null;
  try {
    const note = parseCheckpoint(receipt.checkpoint);
    checkpoint = note.checkpoint;
    if (note.signatures.length !== 1 || checkpoint.extensions.length) {
      // Anything more would be a part of the file that no check covers.
      const reason = "a receipt's checkpoint has one signature and no extension; others stand under unprotected";
      return { checkpoint, check: fail("checkpoint", reason) };
    }
    if (trust === null) {
      return { checkpoint, check: unknown("checkpoint", "no pinned key to verify the signature with") };
    }
    verifyCheckpoint(receipt.checkpoint, keys, trust.origin);
    return { checkpoint, check: pass("checkpoint", `signed by ${trust.origin}: ${checkpoint.size} entries`) };
  } catch (error) {
    if (error instanceof LedgerError) return { checkpoint, check: fail("checkpoint", error.message) };
    throw error;
  }
}

/**
 * Whether an entry stands at its index in the tree of a checkpoint.
 * @param {Uint8Array} entry @param {{index: bigint, inclusion: Uint8Array[]}} place
 * @param {Checkpoint} checkpoint @param {Trust | null} trust
 */
export function checkInclusion(entry, { index, inclusion }, checkpoint, trust) {
  const leaf = leafHash(entry);
  try {
    verifyInclusion(leaf, index, checkpoint, inclusion);
  } catch (error) {
    if (error instanceof InvalidProofError) return fail("inclusion", error.message);
    throw error;
  }
  if (index === 0n && trust !== null && !equal(leaf, trust.genesis)) {
    return fail("inclusion", "the entry at index 0 is not the pinned genesis entry");
  }
  return pass("inclusion", `at index ${index} of ${checkpoint.size}`);
}

/** @param {Receipt} receipt @param {EvidenceFile[]} evidence */
function checkEvidence(receipt, evidence) {
  const shown = shownFiles(receipt);
  const withheld = receipt.records.filter((one) => one.shown === null && one.name.startsWith(EVIDENCE_PREFIX)).length;
  return evidence.map(({ name, sha256 }) => {
    if (shown.includes(sha256)) return pass("evidence", `${name} is unchanged: its fingerprint is in the entry`);
    if (!withheld) return fail("evidence", `${name} is not a file that this entry fingerprints`);
    const reason = `${withheld} fingerprints of this entry are withheld, none shown is this file's`;
    return unknown("evidence", `${name}: ${reason}`);
  });
}

/** @param {Receipt} receipt */
function shownFiles(receipt) {
  const files = receipt.records.filter((one) => one.name.startsWith(EVIDENCE_PREFIX));
  return files.map((one) => one.shown?.value).filter((value) => typeof value === "string");
}
