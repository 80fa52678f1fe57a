// @ts-check
// What the page does around the verifier, without a browser: what it takes a file for, what it lets a person type, what
// it believes of a node's answer, and how it shows text from outside.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import test from "node:test";

import { ask } from "../../ledger_service/web/static/verifier/page/ask.js";
import { lines, wrongHash, wrongNode } from "../../ledger_service/web/static/verifier/page/fields.js";
import { problemOf, roleOf } from "../../ledger_service/web/static/verifier/page/files.js";
import { visible } from "../../ledger_service/web/static/verifier/page/visible.js";

const HASH = `0x${"aB".repeat(32)}`;

test("a file is taken for a proof, an original or the trust file by its name and beginning", async () => {
  const trust = '{\n  "format": "return-ledger/trust@v1"\n}\n';
  const cases = [
    ["a.receipt.json", '{"format": 1}', "proof"], ["a.receipt.json", "spoiled", "proof"],
    ["a.receipt.json", trust, "proof"],
    ["case.zip", "", "proof"], ["case.bin", "PK\x03\x04", "proof"], ["all.ndjson", "x", "proof"], ["x", " {}", "proof"],
    ["proof", "c2sp.org/tlog-proof@v1\nindex 1\n", "proof"], ["photo.jpg", "\xff\xd8\xff", "original"],
    ["note.txt", "c2sp.org/tlog-proof@v1", "original"], ["empty", "", "original"], ["ledger.json", trust, "trust"],
    ["ledger.json", trust + " ".repeat(70_000), "proof"],
  ];
  for (const [name, content, role] of cases) {
    assert.equal(await roleOf(new File([content], name)), role, name);
  }
});

test("what cannot be verified is told by its reason", () => {
  const chosen = (/** @type {string} */ role, size = 1, name = "x") => (
    /** @type {import("../../ledger_service/web/static/verifier/page/files.js").Chosen} */ (
      { role, file: /** @type {File} */ ({ size, name }) }));
  const proof = chosen("proof");
  assert.equal(problemOf([proof, chosen("trust"), chosen("original")]), "");
  assert.equal(problemOf([]), "no-proof");
  assert.equal(problemOf([chosen("original", 1, "a.PDF")]), "only-pdf");
  assert.equal(problemOf([proof, chosen("trust"), chosen("trust")]), "two-trusts");
  assert.equal(problemOf([chosen("proof", 2 ** 28)]), "");
  assert.equal(problemOf([chosen("proof", 2 ** 28 + 1)]), "too-large");
  assert.equal(problemOf([chosen("proof", 2 ** 28), chosen("proof", 2 ** 28), proof]), "too-large");
  assert.equal(problemOf(Array.from({ length: 501 }, () => proof)), "too-many");
});

test("block hashes and addresses of nodes are one a line, and another thing is named", () => {
  assert.deepEqual(lines(` ${HASH} \r\n\n x`), [HASH, "x"]);
  assert.equal(wrongHash([HASH]), undefined);
  assert.equal(wrongHash([HASH, `${HASH}0`]), `${HASH}0`);
  assert.equal(wrongHash(Array.from({ length: 17 }, () => HASH)), HASH);
  const good = ["https://node.example/v1?key=x", "http://localhost:8545", "http://127.0.0.1:8545/"];
  assert.equal(wrongNode(good), undefined);
  const bad = [
    "http://node.example", "ftp://x", "node.example", "javascript:alert(1)", "https://me:secret@node.example",
    "http://localhost.example", "file:///etc/passwd", "data:,x", "",
  ];
  for (const one of bad) assert.equal(wrongNode([...good, one]), one);
});

test("text from outside shows what hides, moves or breaks text, and ends somewhere", () => {
  assert.equal(visible("a\n\t\x1b[32m\u202e\u200b\ufeff\u2028\u{e0041}\ud800é√"),
    "a\\n\\t\\x1b[32m\\u202e\\u200b\\ufeff\\u2028\\U000e0041\\ud800é√");
  assert.equal(visible("😀".repeat(4), 3), "😀😀😀…");
  assert.equal(visible("abc", 3), "abc");
});

test("a node's answer counts only if it is one, soon enough and small enough", async (t) => {
  /** @type {Record<string, [number, string, Record<string, string>]>} */
  const answers = {
    "/good": [200, '{"jsonrpc":"2.0","id":1,"result":"0x1"}', { "Set-Cookie": "a=b" }],
    "/null": [200, '{"jsonrpc":"2.0","id":1,"result":null}', {}],
    "/refused": [200, `{"id":1,"error":{"code":-1,"message":"block not found ${"x".repeat(999)}"}}`, {}],
    "/other": [200, '{"jsonrpc":"2.0","id":2,"result":"0x1"}', {}],
    "/none": [200, '{"jsonrpc":"2.0","id":1}', {}],
    "/html": [200, "<html>", {}],
    "/bytes": [200, "\xff", {}],
    "/busy": [503, "", {}],
    "/moved": [307, "", { Location: "/good" }],
    "/large": [200, `"${"x".repeat(5_000_000)}"`, {}],
  };
  /** @type {import("node:http").IncomingMessage[]} */
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request);
    const [status, body, headers] = answers[request.url ?? ""];
    response.writeHead(status, headers).end(body, "latin1");
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const at = (/** @type {string} */ path) => ask(`http://127.0.0.1:${port}${path}`, "eth_chainId", []);

  assert.equal(await at("/good"), "0x1");
  assert.equal(await at("/null"), null);
  await assert.rejects(at("/refused"), (/** @type {Error} */ error) => (
    error.message.startsWith("the node refused eth_chainId: block not found") && error.message.length < 300));
  const wrong = ["/other", "/none", "/html", "/bytes", "/busy", "/moved", "/large"];
  for (const path of wrong) await assert.rejects(at(path), path);
  assert.equal(asked.length, 10, "nothing is asked twice, no redirect followed");
  assert.ok(asked.every(({ headers }) => headers.cookie === undefined && headers.referer === undefined));
});
