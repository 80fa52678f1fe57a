// @ts-check
/**
 * Hold a package against the seal that it shows, and against receipts that somebody has beside it (SPEC.md, 14.3).
 *
 * Each anchored head that a receipt rests on ends in a seal, so what a package leaves out before the newest of them can
 * be shown, and must be. Promises: that nothing was shown is unknown, and holds the verdict back. Does not: verify
 * receipts or the seal.
 */

import { equal } from "./bytes.js";
import { parseCheckpoint } from "./checkpoint.js";
import { isCaseEntry, parseEntry } from "./entry.js";
import { leafHash } from "./merkle.js";
import { digestOf } from "./package_events.js";
import { parseReceipt } from "./receipt.js";
import { fail, indecisive, pass, unknown } from "./report.js";

/** @import { Manifest } from "./package.js" */
/** @import { Event } from "./package_events.js" */
/** @import { Receipt } from "./receipt.js" */
/** @import { Check } from "./report.js" */
/** @import { Counted } from "./verify_case_proof.js" */

/**
 * An entry of the case as its receipt shows it: what events.jsonl says of it too, its place in the case, and the size
 * of the anchored head that the receipt rests on (0: none).
 * @typedef {Event & {seq: number | null, prev: Uint8Array | null, anchored: bigint}} Step
 */

/**
 * What a verified receipt of a package shows; null if it is of another case.
 * @param {Uint8Array} data @param {string} returnId @returns {Step | null}
 */
export function stepOf(data, returnId) {
  const receipt = parseReceipt(data);
  const entry = parseEntry(receipt.entry);
  if (!isCaseEntry(entry) || entry.returnId !== returnId) return null;
  const records = receipt.records.slice(0, entry.evidence.length);
  const files = records.map(({ shown }) => (typeof shown?.value === "string" ? shown.value : null));
  const others = receipt.records.slice(entry.evidence.length);
  const shown = new Map(others.flatMap(({ name, shown }) => (shown === null ? [] : [[name, shown.value]])));
  const told = digestOf(shown, others.filter((one) => one.shown === null).map((one) => one.name));
  const anchored = receipt.anchors.length ? parseCheckpoint(receipt.checkpoint).checkpoint.size : 0n;
  const { seq, prev } = entry;
  return { index: receipt.index, leaf: leafHash(receipt.entry), files, told, seq, prev, anchored };
}

/** The steps on the case's chain, by index. @param {Map<bigint, Step>} steps */
export function chained(steps) {
  const chain = Array.from(steps.values()).filter((step) => step.seq !== null);
  return chain.sort(byIndex);
}

/** Their order in the log. @param {Step} one @param {Step} other */
export const byIndex = (one, other) => (one.index < other.index ? -1 : 1);

/**
 * Compare the entries before the seal with what it counts; what came after it, no seal of the package covers.
 * @param {Counted | Check | null} counted what the completeness file says, or the check that fails because it does;
 *   null: there is no such file
 * @param {Manifest} manifest @param {Map<bigint, Step>} steps @returns {Check}
 */
export function checkCompleteness(counted, manifest, steps) {
  const name = "completeness";
  const newest = Array.from(steps.values()).reduce((most, { anchored }) => (anchored > most ? anchored : most), 0n);
  if (counted === null && !newest) {
    return indecisive(unknown(name, "no completeness file, and no receipt in the package is anchored yet"));
  }
  if (counted === null) {
    return unknown(name, `no completeness file shows what the seal at entry ${newest - 1n} counts, which is anchored`);
  }
  if ("detail" in counted) return counted;
  if (counted.returnId !== manifest.returnId) return fail(name, "the seal is shown for another case");
  const { seal, sealedAt, count } = counted;
  const chain = chained(steps);
  const covered = chain.filter((step) => step.index < seal);
  if (BigInt(covered.length) !== count || !equal(covered.at(-1)?.leaf ?? null, counted.last)) {
    return fail(name, `the seal at entry ${seal} counts ${count} entries before it, the package has others`);
  }
  if (seal >= manifest.size) return fail(name, `the seal at entry ${seal} is newer than the tree head of the package`);
  if (seal < newest - 1n) {
    const older = `the seal at entry ${seal}, recorded ${sealedAt}, is older than the one at entry ${newest - 1n}`;
    return unknown(name, `${older} that a receipt rests on: what that counts is not shown`);
  }
  const later = chain.filter((step) => step.index > seal).length;
  const exactly = `before the seal at entry ${seal}, recorded ${sealedAt}: exactly these ${covered.length} entries;`;
  const more = manifest.size - 1n - seal;
  const after = `the log had ${more} entries after it, ${later} of them on the chain of this return`;
  return { name, outcome: counted.outcome, detail: `${exactly} ${after}`, decisive: newest > 0n };
}

/**
 * A check for each good receipt that is given beside a package: its entry is in it, or came later.
 * @param {Receipt[]} receipts @param {Manifest} manifest
 * @param {Map<bigint, Step>} steps what the package's receipts show, by index: all of them hold
 * @param {Counted | Check | null} counted as `checkCompleteness` takes it
 */
export function checkBeside(receipts, manifest, steps, counted) {
  const places = new Map(chained(steps).map(({ seq, index }) => [seq, index]));
  const seal = counted === null || "detail" in counted ? 0n : counted.seal;
  return receipts.map((receipt) => {
    const entry = parseEntry(receipt.entry);
    const about = `entry ${receipt.index}, shown beside the package,`;
    if (!isCaseEntry(entry) || entry.returnId !== manifest.returnId) {
      return indecisive(unknown("receipt", `${about} is not of this return`));
    }
    const step = steps.get(receipt.index);
    if (step !== undefined && equal(step.leaf, leafHash(receipt.entry))) return pass("receipt", `${about} is in it`);
    if (step !== undefined) return fail("receipt", `${about} is another than the package has at that index`);
    const taken = places.get(entry.seq);
    if (taken !== undefined) {
      const at = `has the place ${entry.seq} of the return, where the package has entry ${taken}`;
      return fail("receipt", `${about} ${at}`);
    }
    if (entry.recordedAt < manifest.generatedAt || (entry.seq !== null && receipt.index < seal)) {
      return fail("receipt", `${about} was recorded before the package, which leaves it out`);
    }
    return indecisive(unknown("receipt", `${about} came after the package was made`));
  });
}
