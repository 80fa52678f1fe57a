// @ts-check
// The worked files of SPEC.md, verified through the door; and what the chain's formats derive.
import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, fromNumber, toHex } from "../../ledger_service/web/static/verifier/bytes.js";
import { readDirectory } from "../../ledger_service/web/static/verifier/archive.js";
import { parseValue } from "../../ledger_service/web/static/verifier/case_index.js";
import { commitmentOf, parseRecord } from "../../ledger_service/web/static/verifier/disclosure.js";
import { parseDocument } from "../../ledger_service/web/static/verifier/encoding.js";
import { describeEntry, parseEntry } from "../../ledger_service/web/static/verifier/entry.js";
import { FormatError, InvalidProofError } from "../../ledger_service/web/static/verifier/errors.js";
import { leafHash } from "../../ledger_service/web/static/verifier/merkle.js";
import {
  computeCommitment, computeCommitmentSlot, computeOriginHash,
} from "../../ledger_service/web/static/verifier/registry.js";
import { decodeItem } from "../../ledger_service/web/static/verifier/rlp_items.js";
import { readProof } from "../../ledger_service/web/static/verifier/trie.js";
import { examine, verifyFiles } from "../../ledger_service/web/static/verifier/verify_files.js";
import { block, line, table, utf8 } from "./vectors.js";

const TRUST = utf8(block("trust"));
const NOBODY = { evidence: [], blockHashes: [], nodes: [], ask: null, now: 0 };

/** @param {string} text */
const hex = (text) => /** @type {Uint8Array} */ (fromHex(text));

/** @param {string} name @param {Uint8Array | null} [trust] */
async function verdict(name, trust = TRUST) {
  const [report] = await verifyFiles({ ...NOBODY, files: [{ name, bytes: utf8(block(name)) }], trust });
  return `${report.verdict}: ${report.checks.filter((one) => one.outcome !== "pass").map((one) => one.name).join(" ")}`;
}

test("the worked receipt is valid with the node of its report, check by check", () => {
  const { asked, reports } = examine({ ...NOBODY, files: [{ name: "r", bytes: utf8(block("receipt")) }], trust: TRUST });
  assert.equal(asked.length, 1);
  const [question] = asked;
  const [report] = reports([{
    source: "node", question, chainId: 11155111n, chainGenesis: question.pinned.chainGenesis, finalNumber: 120n,
    codeHash: question.pinned.codeHash, commitment: hex(line("head-1")), blockHash: new Uint8Array(32).fill(0x88),
  }]);
  const told = report.checks.map((one) => `${one.outcome}  ${one.name}`);
  assert.equal([...told, report.verdict, ""].join("\n"), block("report"));
});

test("the worked files, with and without a trust file", async () => {
  assert.equal(await verdict("receipt"), "inconclusive: chain policy");
  assert.equal(await verdict("receipt", null), "inconclusive: trust checkpoint anchor");
  assert.equal(await verdict("contradiction"), "valid: ");
  assert.equal(await verdict("contradiction", null), "inconclusive: trust");
  assert.equal(await verdict("tlog-proof"), "inconclusive: anchor");
  assert.equal(await verdict("checkpoint"), "invalid: format");
});

test("a trust file or a block hash that is none leaves nothing to verify with", async () => {
  const files = [{ name: "r", bytes: utf8(block("receipt")) }];
  await assert.rejects(verifyFiles({ ...NOBODY, files, trust: utf8("{}") }), FormatError);
  await assert.rejects(verifyFiles({ ...NOBODY, files, trust: TRUST, blockHashes: ["0x12"] }), FormatError);
});

test("every worked entry is read, and its leaf hash is the worked one", () => {
  const leaves = ["genesis", "step", "seal"].map((name) => toHex(leafHash(utf8(line(name)))));
  assert.deepEqual(leaves, Array.from(table("log-leaves").values()));
  for (const name of ["genesis", "step", "key", "target", "seal", "erasure", "signed-step"]) {
    assert.match(describeEntry(parseEntry(utf8(line(name)))), /^well formed: /);
  }
});

test("the worked commitments open", () => {
  const { name, shown } = parseRecord(parseDocument(utf8(line("record-shown"))));
  assert.equal(shown && toHex(commitmentOf(name, shown)), line("commitment"));
});

test("what the registry derives is derived again", () => {
  assert.equal(toHex(computeOriginHash("returns.example/eu")), line("origin-hash"));
  const logId = hex(line("log-id"));
  const root = Uint8Array.from(Buffer.from(block("checkpoint").split("\n")[2], "base64"));
  const placed = { logId, sequence: 1n, time: 1793701400n, blockNumber: 120n, parentHash: new Uint8Array(32).fill(0x77) };
  assert.equal(toHex(computeCommitment(placed, { size: 3n, root })), line("head-1"));
  assert.equal(toHex(computeCommitmentSlot(logId, 1n)), line("head-1-slot"));
});

test("the worked case index shows its keys, and no proof shows another", () => {
  const worked = table("case-index");
  const root = hex(worked.get("root") ?? "");
  const nodes = Array.from(worked).filter(([name]) => name.startsWith("proof of key 0")).map(([, node]) => hex(node));
  const key = worked.get("key 0") ?? "";
  assert.deepEqual(Array.from(readProof(root, key, nodes), ([name, value]) => [name, toHex(value)]), [[key, worked.get("value 0")]]);
  assert.equal(parseValue(hex(worked.get("value 2") ?? "")).count, 300n);
  assert.throws(() => readProof(root, key, nodes.slice(0, -1)), InvalidProofError);
  assert.throws(() => readProof(root, key, [...nodes, nodes[0]]), InvalidProofError);
});

test("RLP has one spelling", () => {
  assert.deepEqual(decodeItem(hex("83646f67")), hex("646f67"));
  for (const text of ["", "8100", "b801ff", "b90001ff", "83646f", "83646f6700", "c1", "c6c5c4c3c2c1c0"]) {
    assert.throws(() => decodeItem(hex(text)), InvalidProofError, text);
  }
});

test("the worked archive is read, and no other spelling of it", () => {
  const data = hex(line("archive-hex"));
  assert.deepEqual(readDirectory(data).map((one) => one.name), ["a"]);
  for (let at = 0; at < data.length; at += 1) {
    if (at === 31) continue; // the content, of which the manifest speaks
    const changed = data.slice();
    changed[at] ^= 1;
    assert.throws(() => readDirectory(changed), FormatError, `byte ${at}`);
  }
  assert.throws(() => readDirectory(concat(data, fromNumber(0n, 1))), FormatError);
});
