// @ts-check
// Promises of the signatures: Ed25519 by RFC 8032, wallets' signatures with one spelling, keys and notes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createPrivateKey, sign } from "node:crypto";
import { concat, fromHex, fromNumber, toHex, toNumber } from "../../ledger_service/web/static/verifier/bytes.js";
import {
  keyText, parseCheckpoint, parseSignature, parseVerifierKey, verifyCheckpoint, verifySignature,
} from "../../ledger_service/web/static/verifier/checkpoint.js";
import { cosigned, parseWitnessKey } from "../../ledger_service/web/static/verifier/cosignature.js";
import { verifies } from "../../ledger_service/web/static/verifier/ed25519.js";
import { FormatError, InvalidProofError } from "../../ledger_service/web/static/verifier/errors.js";
import { parseManifest, verifyManifest } from "../../ledger_service/web/static/verifier/package.js";
import { recover } from "../../ledger_service/web/static/verifier/signing.js";
import { block, line, table, utf8 } from "./vectors.js";

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n; // of edwards25519 (RFC 8032 §5.1)
const WALLET_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n; // of secp256k1

/** @param {string} text */
const hex = (text) => /** @type {Uint8Array} */ (fromHex(text));

/** @param {string} prefix @param {Uint8Array} raw */
const keyFile = (prefix, raw) => Buffer.from(concat(hex(prefix), raw));

const PRIVATE = createPrivateKey({
  key: keyFile("302e020100300506032b657004220420", Uint8Array.from({ length: 32 }, (_, n) => n)),
  format: "der",
  type: "pkcs8",
});
const PUBLIC = parseVerifierKey(line("key-text"));
const MESSAGE = utf8("a message");
const SIGNATURE = new Uint8Array(sign(null, MESSAGE, PRIVATE));

test("a signature verifies, and no byte of it or of the message may change", () => {
  assert.ok(verifies(SIGNATURE, MESSAGE, PUBLIC.public));
  for (let at = 0; at < 64; at += 1) {
    const changed = SIGNATURE.slice();
    changed[at] ^= 1 << (at % 8);
    assert.ok(!verifies(changed, MESSAGE, PUBLIC.public), `byte ${at}`);
  }
  assert.ok(!verifies(SIGNATURE, utf8("b message"), PUBLIC.public));
  assert.ok(!verifies(SIGNATURE.subarray(0, 63), MESSAGE, PUBLIC.public));
});

test("S is below the order: the second spelling is refused", () => {
  const s = toNumber(SIGNATURE.slice(32).reverse()) + ORDER;
  const spelled = concat(SIGNATURE.subarray(0, 32), fromNumber(s, 32).reverse());
  assert.ok(!verifies(spelled, MESSAGE, PUBLIC.public));
});

test("the worked keys, note, key change and cosignature", () => {
  assert.equal(keyText(PUBLIC), line("key-text"));
  const note = utf8(block("checkpoint"));
  const checkpoint = verifyCheckpoint(note, [PUBLIC], "returns.example/eu");
  assert.equal(checkpoint.size, 3n);
  assert.throws(() => verifyCheckpoint(note, [PUBLIC], "returns.example/us"), InvalidProofError);
  const change = JSON.parse(line("key"));
  verifySignature(PUBLIC, hex(change.signature), utf8(block("key-message")));
  const witness = parseWitnessKey(line("witness-key"));
  assert.ok(cosigned(witness, parseSignature(line("cosignature")), checkpoint));
  assert.ok(!cosigned(witness, parseSignature(line("cosignature")), { ...checkpoint, text: `${checkpoint.text}x\n` }));
});

test("the worked manifest is signed, and no other", () => {
  const data = utf8(block("package-manifest"));
  const manifest = parseManifest(data);
  verifyManifest(utf8(block("package-note")), data, [PUBLIC], manifest);
  const other = utf8(block("package-manifest").replace('"chain": 1', '"chain": 2'));
  assert.throws(() => verifyManifest(utf8(block("package-note")), other, [PUBLIC], manifest), InvalidProofError);
});

for (const [what, change] of /** @type {[string, (note: string) => string][]} */ ([
  ["a size with a leading zero", (note) => note.replace("\n3\n", "\n03\n")],
  ["a size over 2^63 − 1", (note) => note.replace("\n3\n", "\n9223372036854775808\n")],
  ["a size of other digits", (note) => note.replace("\n3\n", "\n\uff13\n")],
  ["base64 with bits that stand for nothing", (note) => note.replace("iY/M=", "iY/N=")],
  ["a carriage return", (note) => note.replaceAll("\n", "\r\n")],
  ["no last line feed", (note) => note.trimEnd()],
  ["another dash", (note) => note.replace("\u2014", "-")],
  ["a name with a space of Unicode", (note) => note.replace("\u2014 returns", "\u2014 returns\u00a0")],
])) {
  test(`refused: a note with ${what}`, () => {
    assert.throws(() => parseCheckpoint(utf8(change(block("checkpoint")))), FormatError);
  });
}

test("the worked wallet signature recovers to its signer, and its other spellings are refused", () => {
  const digest = hex(table("statement-digest").get("digest") ?? "");
  const signature = hex(JSON.parse(line("signature-value")).signature.slice(2));
  assert.equal(`0x${toHex(recover(digest, signature))}`, JSON.parse(line("signer-value")));
  const [r, s, v] = [signature.slice(0, 32), toNumber(signature.slice(32, 64)), signature[64]];
  const spell = (/** @type {bigint} */ one, /** @type {number} */ last) =>
    concat(r, fromNumber(one, 32), new Uint8Array([last]));
  for (const [other, why] of /** @type {[Uint8Array, RegExp][]} */ ([
    [spell(WALLET_ORDER - s, 55 - v), /high s/], [spell(s, v - 27), /27 or 28/], [spell(0n, v), /from 1 to/],
    [spell(WALLET_ORDER, v), /from 1 to/],
  ])) {
    assert.throws(() => recover(digest, other), why);
  }
});
