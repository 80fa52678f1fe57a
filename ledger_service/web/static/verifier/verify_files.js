// @ts-check
/**
 * The verifier's one door: files in, a report for each out, as `rledger verify` gives them.
 *
 * Everything happens where this runs. Promises: nothing is sent but what `ask` is called with; a file that cannot be
 * read is `invalid` with the check `format`. Does not: touch the page, the clock or the network.
 */

import { startsWith, toHex, toUtf8 } from "./bytes.js";
import { askNodes } from "./ask_nodes.js";
import { beginsCaseProof, CASE_PROOF_BYTES_MAX, parseCaseProof } from "./case_proof.js";
import { isContradiction } from "./contradiction.js";
import { FormatError } from "./errors.js";
import { beginsExport } from "./export.js";
import { countedIn } from "./export_scope.js";
import { sha256 } from "./hashes.js";
import { quote } from "./quoted.js";
import { parseReceipt, RECEIPT_BYTES_MAX } from "./receipt.js";
import { verdictOf } from "./report.js";
import { isTlogProof } from "./tlog_proof.js";
import { parseTrust } from "./trust.js";
import { fingerprints, questions, verify } from "./verify.js";
import { questionsOfCaseProof, verifyCaseProof } from "./verify_case_proof.js";
import { verifyContradiction } from "./verify_contradiction.js";
import { questionsOfExport, verifyExport } from "./verify_export.js";
import { questionsOfPackage, verifyPackage } from "./verify_package.js";
import { verifyTlogProof } from "./verify_tlog_proof.js";

/** @import { Ask } from "./ask_nodes.js" */
/** @import { Counted } from "./export_scope.js" */
/** @import { Answer, Question } from "./facts.js" */
/** @import { Receipt } from "./receipt.js" */
/** @import { Check as FullCheck, Outcome, Verdict } from "./report.js" */
/** @import { Trust } from "./trust.js" */
/** @import { EvidenceFile } from "./verify.js" */
/** @import { Known } from "./verify_anchors.js" */

/** @typedef {{name: string, bytes: Uint8Array}} GivenFile */
/** @typedef {{name: string, outcome: Outcome, detail: string}} Check */
/** @typedef {{file: string, verdict: Verdict, checks: Check[]}} Report */
/**
 * `trust` is the trust file that was pinned, `evidence` are files whose fingerprints a receipt should show,
 * `blockHashes` those of blocks known to be final (`0x` and 64 hex digits), `nodes` URLs that are asked through `ask`;
 * `ask` null: nobody is asked. `now` is for checks that look at a clock: today's formats have none.
 * @typedef {{files: GivenFile[], trust: Uint8Array | null, evidence: GivenFile[], blockHashes: string[],
 *   nodes: string[], ask: Ask | null, now: number}} Given
 */

const ARCHIVE = toUtf8("PK"); // how a ZIP file begins; a receipt is JSON
const BLOCK_HASH = /^0x[0-9a-fA-F]{64}$/;

/**
 * Good files that others are held against: receipts for completeness files and packages, what the former count for
 * exports.
 * @typedef {{receipts: Receipt[], scopes: Counted[]}} Beside
 */
/**
 * A file of one kind: what to ask of chains, and its checks.
 * @typedef {{questions: (trust: Trust) => Question[],
 *   checks: (trust: Trust | null, known: Known, beside: Beside) => FullCheck[]}} Kind
 */

/**
 * Verify files as `rledger verify` does; one report a file, in order.
 * @param {Given} given @returns {Promise<Report[]>}
 * @throws {FormatError} the trust file is none, or a block hash is none: there is nothing to verify with
 */
export async function verifyFiles(given) {
  const { asked, reports } = examine(given);
  return reports(given.ask === null ? [] : await askNodes(given.nodes, asked, given.ask));
}

/**
 * What to ask nodes about these files, and what the reports are with their answers.
 * @param {Omit<Given, "ask" | "nodes" | "now">} given
 * @returns {{asked: Question[], reports: (answers: Answer[]) => Report[]}}
 * @throws {FormatError} as `verifyFiles`
 */
export function examine({ files, trust: pinned, evidence, blockHashes }) {
  const trust = pinned === null ? null : parseTrust(pinned);
  const hashes = new Set(blockHashes.map(parseBlockHash));
  const contents = files.map((file) => file.bytes);
  const mine = evidenceOf(contents, evidence);
  const kinds = contents.map((data, place) => kindOf(data, mine[place]));
  return {
    asked: trust === null ? [] : kinds.flatMap((kind) => kind.questions(trust)),
    reports: (answers) => {
      const known = { answers, blockHashes: hashes };
      const beside = trust === null ? { receipts: [], scopes: [] } : goodFiles(contents, trust, answers);
      return files.map(({ name }, place) => reportOf(name, kinds[place].checks(trust, known, beside)));
    },
  };
}

/**
 * Which kind of file it is, by how it begins.
 * @param {Uint8Array} data @param {EvidenceFile[]} evidence that a receipt is held against @returns {Kind}
 */
function kindOf(data, evidence) {
  const begun = data.subarray(0, RECEIPT_BYTES_MAX + 1); // the parser refuses what is longer
  if (startsWith(data, ARCHIVE)) {
    return {
      questions: (trust) => questionsOfPackage(data, trust),
      checks: (trust, known, { receipts }) => verifyPackage(data, trust, known, receipts),
    };
  }
  if (beginsExport(data)) {
    return {
      questions: (trust) => questionsOfExport(data, trust),
      checks: (trust, known, { scopes }) => verifyExport(data, trust, known, scopes),
    };
  }
  if (beginsCaseProof(data)) {
    const whole = data.subarray(0, CASE_PROOF_BYTES_MAX + 1);
    return {
      questions: (trust) => questionsOfCaseProof(whole, trust),
      checks: (trust, known, { receipts }) => verifyCaseProof(whole, trust, known, receipts),
    };
  }
  if (isContradiction(begun)) return { questions: () => [], checks: (trust) => verifyContradiction(begun, trust) };
  if (isTlogProof(begun)) return { questions: () => [], checks: (trust) => verifyTlogProof(begun, trust) };
  return {
    questions: (trust) => questions(begun, trust),
    checks: (trust, known) => verify(begun, trust, known, evidence),
  };
}

/**
 * The evidence files that each file is held against: one that belongs to another receipt says nothing about this one.
 * @param {Uint8Array[]} contents @param {GivenFile[]} evidence @returns {EvidenceFile[][]}
 */
function evidenceOf(contents, evidence) {
  const offered = evidence.map(({ name, bytes }) => ({ name, sha256: toHex(sha256(bytes)) }));
  const shown = contents.map((data) => fingerprints(data));
  return shown.map((here) =>
    offered.filter(({ sha256: sum }) => here.has(sum) || !shown.some((other) => other.has(sum))));
}

/**
 * The files that others are held against: a bad one frames nobody.
 * @param {Uint8Array[]} contents @param {Trust} trust @param {Answer[]} answers @returns {Beside}
 */
function goodFiles(contents, trust, answers) {
  const known = { answers, blockHashes: new Set() };
  const proofs = contents.filter(beginsCaseProof);
  const held = proofs.length > 0 || contents.some((data) => startsWith(data, ARCHIVE));
  const receipts = held ? contents.filter((data) => isGood(verify(data, trust, known))) : [];
  const counting = contents.some(beginsExport) ? proofs : [];
  const counted = counting.filter((data) => isGood(verifyCaseProof(data, trust, known)));
  const scopes = counted.map((data) => countedIn(parseCaseProof(data))).filter((one) => one !== null);
  return { receipts: receipts.map(parseReceipt), scopes };
}

/** @param {FullCheck[]} checks */
const isGood = (checks) => verdictOf(checks) !== "invalid";

/** @param {string} file @param {FullCheck[]} checks @returns {Report} */
const reportOf = (file, checks) => ({
  file,
  verdict: verdictOf(checks),
  checks: checks.map(({ name, outcome, detail }) => ({ name, outcome, detail })),
});

/** @param {string} text */
function parseBlockHash(text) {
  if (BLOCK_HASH.test(text)) return text.slice(2).toLowerCase();
  throw new FormatError(`${quote(text, 80)} is no block hash: it is 0x and 64 hexadecimal digits`);
}
