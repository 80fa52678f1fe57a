// @ts-check
/**
 * Verify a package: a report of named checks, as of a receipt (SPEC.md, section 14.3).
 *
 * Promises: nothing is unpacked; valid only if every receipt is and a seal shows that none is left out
 * (`verify_complete.js`). Does not: compare the pages with the entries, which are the ledger's word that the signature
 * binds it to, and counted as that; or say that nothing came later.
 */

import { equal, toHex } from "./bytes.js";
import { contentOf, crc32, readDirectory } from "./archive.js";
import { CASE_PROOF_BYTES_MAX } from "./case_proof.js";
import { parseCheckpoint } from "./checkpoint.js";
import { DOCUMENT_BYTES_MAX } from "./encoding.js";
import { FormatError, LedgerError } from "./errors.js";
import { sha256 } from "./hashes.js";
import {
  COMPLETENESS, EVENTS, evidencePlace, HEAD_RECEIPT, MANIFEST, NOTE, NOTE_BYTES_MAX, PAGES, parseManifest,
  receiptIndex, REPORTS, requireLayout, TRUST, verifyManifest,
} from "./package.js";
import { parseReceipt, RECEIPT_BYTES_MAX } from "./receipt.js";
import { fail, indecisive, pass, unknown, verdictOf } from "./report.js";
import { parseTrust, TRUST_BYTES_MAX } from "./trust.js";
import { questions, signingKeys, verify } from "./verify.js";
import { countedBy, questionsOfCaseProof } from "./verify_case_proof.js";
import { byIndex, chained, checkBeside, checkCompleteness, stepOf } from "./verify_complete.js";
import { checkEvents } from "./verify_events.js";

/** @import { Placed } from "./archive.js" */
/** @import { Question } from "./facts.js" */
/** @import { Manifest } from "./package.js" */
/** @import { Receipt } from "./receipt.js" */
/** @import { Check, Outcome } from "./report.js" */
/** @import { Trust } from "./trust.js" */
/** @import { Known } from "./verify_anchors.js" */
/** @import { Step } from "./verify_complete.js" */

/**
 * A package whose archive is in order.
 * @typedef {{data: Uint8Array, files: Map<string, Placed>, manifest: Manifest}} Opened
 */

const NAMED_MAX = 20; // receipts that a report names one by one
const MOST = new Map([
  [MANIFEST, DOCUMENT_BYTES_MAX], [NOTE, NOTE_BYTES_MAX], [TRUST, TRUST_BYTES_MAX], [HEAD_RECEIPT, RECEIPT_BYTES_MAX],
  [COMPLETENESS, CASE_PROOF_BYTES_MAX],
]);
const OUTCOMES = /** @type {const} */ ({ valid: "pass", invalid: "fail", inconclusive: "unknown" });

/**
 * What must be asked of chains to verify a package: nothing if it is none.
 * @param {Uint8Array} data @param {Trust} trust @returns {Question[]}
 */
export function questionsOfPackage(data, trust) {
  const { opened } = open(data);
  if (opened === null) return [];
  const asked = receiptsOf(opened).flatMap((one) => questions(one.data, trust));
  if (!opened.files.has(COMPLETENESS)) return asked;
  return [...asked, ...questionsOfCaseProof(content(opened, COMPLETENESS), trust)];
}

/**
 * The checks of a package.
 * @param {Uint8Array} data @param {Trust | null} trust @param {Known} known
 * @param {Receipt[]} [receipts] of entries that should be in it if they are of its case, each verified itself
 * @returns {Check[]}
 */
export function verifyPackage(data, trust, known, receipts = []) {
  const { opened, checks } = open(data);
  if (opened === null) return checks;
  checks.push(checkTrust(opened, trust), ...checkSignature(opened, trust), checkFiles(opened));
  const { steps, found } = checkReceipts(opened, trust, known);
  const counted = opened.files.has(COMPLETENESS) ? countedBy(content(opened, COMPLETENESS), trust, known) : null;
  const said = Array.from(steps.values()).sort(byIndex);
  const events = checkEvents(opened.files.has(EVENTS) ? content(opened, EVENTS) : null, said);
  const evidence = checkEvidence(opened, steps);
  checks.push(...found, checkChain(opened, steps), checkCompleteness(counted, opened.manifest, steps));
  checks.push(evidence, events, sayPages(opened));
  if (found.some((one) => one.outcome === "fail")) return checks;
  return [...checks, ...checkBeside(receipts, opened.manifest, steps, counted)];
}

/** @param {Uint8Array} data @returns {{opened: Opened | null, checks: Check[]}} */
function open(data) {
  const checks = /** @type {Check[]} */ ([]);
  let check = "archive";
  try {
    const files = new Map(readDirectory(data).map((one) => [one.name, one]));
    requireLayout(Array.from(files.keys()));
    for (const [name, { size }] of files) {
      const most = receiptIndex(name) === null ? MOST.get(name) : RECEIPT_BYTES_MAX;
      if (most !== undefined && size > most) throw new FormatError(`${name} has more than ${most} bytes`);
    }
    checks.push(pass(check, `${files.size} files, in the one spelling of a package's archive`));
    check = "manifest";
    const manifest = parseManifest(contentOf(data, /** @type {Placed} */ (files.get(MANIFEST))));
    const others = new Map(files);
    for (const name of [MANIFEST, NOTE]) others.delete(name);
    const { length } = manifest.files.filter(({ name, size }) => others.get(name)?.size === size);
    if (length !== manifest.files.length || length !== others.size) {
      throw new FormatError("the manifest lists other files, or other sizes, than the archive has");
    }
    checks.push(pass(check, `return ${manifest.returnId}, as of ${manifest.generatedAt}`));
    return { opened: { data, files, manifest }, checks };
  } catch (error) {
    if (error instanceof FormatError) return { opened: null, checks: [...checks, fail(check, error.message)] };
    throw error;
  }
}

/**
 * The content of a file whose size was bounded when the archive was opened.
 * @param {Opened} opened @param {string} name
 */
const content = ({ data, files }, name) => contentOf(data, /** @type {Placed} */ (files.get(name)));

/** Name, index and bytes of each receipt, by index. @param {Opened} opened */
function receiptsOf(opened) {
  const found = [];
  for (const name of opened.files.keys()) {
    const index = receiptIndex(name);
    if (index !== null) found.push({ name, index, data: content(opened, name) });
  }
  return found;
}

/** @param {Opened} opened @param {Trust | null} trust */
function checkTrust(opened, trust) {
  let carried;
  try {
    carried = parseTrust(content(opened, TRUST));
  } catch (error) {
    if (error instanceof FormatError) return fail("trust", error.message);
    throw error;
  }
  if (carried.origin !== opened.manifest.origin) {
    return fail("trust", "the trust file in the package is of another log than its manifest");
  }
  if (trust === null) {
    return unknown("trust", "no trust file: the one in the package is the operator's word, and pins nothing");
  }
  if (carried.origin === trust.origin && equal(carried.genesis, trust.genesis)) {
    return pass("trust", `pinned to the log ${trust.origin}`);
  }
  return fail("trust", `the package is of the log ${carried.origin}, not of the pinned one`);
}

/**
 * Check the tree head first: the key that may sign it signs the manifest.
 * @param {Opened} opened @param {Trust | null} trust
 */
function checkSignature(opened, trust) {
  const { manifest } = opened;
  const data = content(opened, HEAD_RECEIPT);
  const failed = verify(data, trust, { answers: [], blockHashes: new Set() }).find((one) => one.outcome === "fail");
  if (failed !== undefined) return [fail("head", `${failed.name}: ${failed.detail}`)];
  const head = parseReceipt(data);
  const { checkpoint } = parseCheckpoint(head.checkpoint);
  const named = checkpoint.origin === manifest.origin && checkpoint.size === manifest.size;
  if (!named || !equal(checkpoint.root, manifest.root)) return [fail("head", "the manifest names another tree head")];
  if (head.index !== 0n) return [fail("head", "it is no receipt of the genesis entry")];
  if (trust === null) {
    const reason = "no pinned key to verify it with";
    return [unknown("head", reason), unknown("signature", reason)];
  }
  const passed = pass("head", `signed by ${trust.origin}: ${checkpoint.size} entries`);
  try {
    verifyManifest(content(opened, NOTE), content(opened, MANIFEST), signingKeys(head, trust), manifest);
    return [passed, pass("signature", `the manifest is signed by ${trust.origin}`)];
  } catch (error) {
    if (error instanceof LedgerError) return [passed, fail("signature", error.message)];
    throw error;
  }
}

/** @param {Opened} opened */
function checkFiles(opened) {
  const sums = new Map(opened.manifest.files.map((one) => [one.name, one.sha256]));
  for (const [name, { crc }] of opened.files) {
    const data = content(opened, name);
    if (crc32(data) !== crc) return fail("files", `${name} has not the CRC-32 of its header`);
    const wanted = sums.get(name);
    if (wanted !== undefined && !equal(sha256(data), wanted)) {
      return fail("files", `${name} has not the SHA-256 that the manifest says`);
    }
  }
  return pass("files", `${sums.size} files, each with the SHA-256 that the manifest says`);
}

/**
 * Verify each receipt; of those that hold and are of this case, what the next checks need is returned by index.
 * @param {Opened} opened @param {Trust | null} trust @param {Known} known
 */
function checkReceipts(opened, trust, known) {
  const steps = /** @type {Map<bigint, Step>} */ (new Map());
  const counts = { pass: 0, fail: 0, unknown: 0 };
  const named = /** @type {Check[]} */ ([]);
  for (const { name, index, data } of receiptsOf(opened)) {
    const checks = verify(data, trust, known);
    let outcome = /** @type {Outcome} */ (OUTCOMES[verdictOf(checks)]);
    let reason = reasonOf(checks, outcome);
    const step = outcome === "fail" ? null : stepOf(data, opened.manifest.returnId);
    if (step !== null && step.index === index) steps.set(index, step);
    else if (outcome !== "fail") {
      [outcome, reason] = ["fail", "it is of another case or entry than its name says"];
    }
    counts[outcome] += 1;
    if (outcome !== "pass" && named.length < NAMED_MAX) {
      named.push({ name: "receipt", outcome, detail: `${name}: ${reason}`, decisive: true });
    }
  }
  const count = counts.pass + counts.fail + counts.unknown;
  const wanted = opened.manifest.entries;
  if (count !== wanted) {
    const told = fail("receipts", `${count} receipts, the manifest says ${wanted} entries`);
    return { steps, found: [...named, told] };
  }
  const met = Object.entries(OUTCOMES).filter(([, outcome]) => counts[outcome]);
  const detail = `of ${count} receipts: ${met.map(([verdict, outcome]) => `${counts[outcome]} ${verdict}`).join(", ")}`;
  const worst = counts.fail ? fail : counts.unknown ? unknown : pass;
  return { steps, found: [...named, worst("receipts", detail)] };
}

/** @param {Check[]} checks @param {Outcome} outcome */
function reasonOf(checks, outcome) {
  const found = checks.find((one) => one.outcome === (outcome === "fail" ? "fail" : "unknown") && one.decisive);
  return found === undefined ? "" : `${found.name}: ${found.detail}`;
}

/** @param {Opened} opened @param {Map<bigint, Step>} steps */
function checkChain({ manifest }, steps) {
  const chain = chained(steps);
  /** @type {Uint8Array | null} */
  let previous = null;
  for (const [place, step] of chain.entries()) {
    if (step.seq !== place || !equal(step.prev, previous)) {
      return fail("chain", `entry ${step.index} does not follow the one before it in the case`);
    }
    previous = step.leaf;
  }
  if (!equal(previous, manifest.head) || chain.length !== manifest.chain) {
    return fail("chain", "the entries do not end at the head that the manifest names");
  }
  return pass("chain", `${chain.length} entries without a hole, up to the head of the manifest`);
}

/** @param {Opened} opened @param {Map<bigint, Step>} steps */
function checkEvidence({ manifest }, steps) {
  const taken = new Set();
  let originals = 0;
  for (const { name } of manifest.files) {
    const place = evidencePlace(name);
    if (place === null) continue;
    originals += 1;
    taken.add(`${place.index} ${place.position}`);
  }
  if (taken.size !== originals) return fail("evidence", "two originals claim one place");
  for (const { name, sha256: sum } of manifest.files) {
    const place = evidencePlace(name);
    if (place === null || steps.get(place.index)?.files[place.position] === toHex(sum)) continue;
    return fail("evidence", `${name} is not the file that entry ${place.index} fingerprints there`);
  }
  return pass("evidence", `${originals} originals, each the one that its entry fingerprints`);
}

/** @param {Opened} opened */
function sayPages({ files }) {
  const pages = [...PAGES, ...REPORTS].filter((name) => files.has(name)).length;
  const reason = `${pages} files are the ledger's word: signed with the manifest, not compared with the entries`;
  return indecisive(unknown("pages", reason));
}
