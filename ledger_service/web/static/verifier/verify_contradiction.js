// @ts-check
/**
 * Verify a contradiction file: does it show that the pinned log contradicts itself? (SPEC.md, section 16)
 *
 * Promises: valid only where an honest log could not have signed both heads, whoever made the file: a proof that leads
 * nowhere makes the file invalid and says nothing about the log. Sizes, roots and what is compared come from the signed
 * notes alone.
 */

import { equal } from "./bytes.js";
import { parseCheckpoint, verifyCheckpoint } from "./checkpoint.js";
import { parseContradiction } from "./contradiction.js";
import { InvalidProofError, LedgerError } from "./errors.js";
import { leafHash, reconstructRoots, verifyInclusion } from "./merkle.js";
import { fail, pass, unknown } from "./report.js";
import { followKeyChanges } from "./verify.js";

/** @import { Contradiction, SignedHead } from "./contradiction.js" */
/** @import { Check } from "./report.js" */
/** @import { Trust } from "./trust.js" */

/**
 * The checks of a contradiction file: valid means that the log contradicts itself.
 * @param {Uint8Array} data @param {Trust | null} trust @returns {Check[]}
 */
export function verifyContradiction(data, trust) {
  let found;
  try {
    found = parseContradiction(data);
  } catch (error) {
    if (error instanceof LedgerError) return [fail("format", error.message)];
    throw error;
  }
  const checks = [pass("format", `a contradiction file in its one spelling: ${found.kind}`)];
  if (trust === null) {
    checks.push(unknown("trust", "no trust file: nothing says which log and keys are meant"));
  } else {
    checks.push(pass("trust", `pinned to the log ${trust.origin}`));
    checks.push(...found.heads.flatMap((head) => checkHead(head, trust)));
  }
  return [...checks, checkContradiction(found)];
}

/** @param {SignedHead} head @param {Trust} trust @returns {Check[]} */
function checkHead(head, trust) {
  const checks = [];
  const changes = head.keyChanges;
  let name = "keys";
  try {
    const keys = followKeyChanges(changes, head.checkpoint, trust);
    if (changes.length) checks.push(pass("keys", `${changes.length} key changes, each by the old key`));
    name = "checkpoint";
    // A further line would be a part of the file that no check covers.
    if (parseCheckpoint(head.note).signatures.length !== 1) throw new InvalidProofError("a head has one signature");
    verifyCheckpoint(head.note, keys, trust.origin);
    return [...checks, pass("checkpoint", `signed by ${trust.origin}: ${head.checkpoint.size} entries`)];
  } catch (error) {
    if (error instanceof LedgerError) return [...checks, fail(name, error.message)];
    throw error;
  }
}

/** @param {Contradiction} found */
function checkContradiction(found) {
  const show = { two_roots: showTwoRoots, rewritten: showRewritten, two_leaves: showTwoLeaves }[found.kind];
  try {
    return pass("contradiction", show(found));
  } catch (error) {
    if (error instanceof InvalidProofError) return fail("contradiction", `none is shown: ${error.message}`);
    throw error;
  }
}

/** Two heads of one size; the format says that their roots differ. @param {Contradiction} found */
function showTwoRoots({ heads }) {
  const [one, other] = heads.map((head) => head.checkpoint.size);
  if (one === other) return `two roots for one size, ${one}`;
  throw new InvalidProofError(`the heads have ${one} and ${other} entries, each its own root`);
}

/**
 * A path that leads to the newer root names that tree's own nodes; the older root in it is one that the log has signed.
 * For an older tree of 2^k leaves the path holds that node itself, so it is compared with the signed root.
 * @param {Contradiction} found
 */
function showRewritten({ heads, path }) {
  const [older, newer] = heads.map((head) => head.checkpoint);
  const led = reconstructRoots(older.size, newer.size, path);
  if (!equal(led.newer, newer.root)) {
    throw new InvalidProofError("the path does not lead to the newer root, so it says nothing about that tree");
  }
  if (equal(led.older, older.root)) throw new InvalidProofError("the newer head begins with the older one");
  return `the log of ${newer.size} entries does not begin with the one of ${older.size} that was signed before`;
}

/**
 * Each leaf stands at the index in its head; the format says that the leaf hashes differ.
 * @param {Contradiction} found
 */
function showTwoLeaves({ heads, index, leaves }) {
  for (const [place, leaf] of leaves.entries()) {
    if (leaf.entry !== null && !equal(leafHash(leaf.entry), leaf.leafHash)) {
      throw new InvalidProofError("an entry is not that of its leaf hash");
    }
    verifyInclusion(leaf.leafHash, index, heads[place].checkpoint, leaf.inclusion);
  }
  const [one, other] = heads.map((head) => head.checkpoint.size);
  return `two leaves at one index, ${index}: in the head of ${one} entries and in that of ${other}`;
}
