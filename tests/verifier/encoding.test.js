// @ts-check
// Promises of encoding.js: one spelling, and nothing that the browser's own JSON lets through.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../ledger_service/web/static/verifier/bytes.js";
import {
  encode, encodeDocument, parseCanonical, parseDocument, VALUES_MAX,
} from "../../ledger_service/web/static/verifier/encoding.js";
import { FormatError, LimitError } from "../../ledger_service/web/static/verifier/errors.js";
import { byCodePoint } from "../../ledger_service/web/static/verifier/members.js";
import { quote } from "../../ledger_service/web/static/verifier/quoted.js";
import { block, line, utf8 } from "./vectors.js";

/** @param {string} text */
const read = (text) => parseDocument(utf8(text));

test("the worked canonical bytes are read and written again", () => {
  const data = /** @type {Uint8Array} */ (fromHex(line("canonical-hex")));
  assert.equal(toHex(encode(parseCanonical(data, { bytesMax: 1000 }))), line("canonical-hex"));
});

test("a document for people is read and written again", () => {
  const data = utf8(block("receipt"));
  assert.deepEqual(encodeDocument(parseDocument(data)), data);
});

const REFUSED = [
  ["a member twice", '{"a":1,"a":1}'], ["a member twice, one escaped", '{"a":1,"\\u0061":1}'],
  ["a fraction", "[1.0]"], ["an exponent", "[1e2]"], ["minus zero", "[-0]"], ["2^53", "[9007199254740992]"],
  ["−2^53", "[-9007199254740992]"], ["a long integer", `[${"9".repeat(400)}]`], ["NaN", "[NaN]"],
  ["Infinity", "[-Infinity]"], ["a leading zero", "[01]"], ["a plus", "[+1]"], ["U+0000", '["\\u0000"]'],
  ["a lone high surrogate", '["\\ud83d"]'], ["a lone low surrogate", '["\\ude00"]'],
  ["surrogates in the wrong order", '["\\ude00\\ud83d"]'], ["a byte order mark", "\ufeff[]"], ["nothing", ""],
  ["only white space", " \n"], ["something after the value", "[] []"], ["a trailing comma", "[1,]"],
  ["a comment", "[/**/]"], ["single quotes", "['a']"], ["a raw control character", '["\t"]'],
  ["an escape that is not needed", '["\\/"]'], ["an upper-case escape", '["\\u001F"]'],
  ["white space of Unicode", "[\u00a01]"], ["a form feed between tokens", "[\f1]"],
  ["names out of order", '{"b":1,"a":1}'], ["code-point order", '{"\ufb33":1,"\u{1f600}":1}'],
];

for (const [what, text] of REFUSED) {
  test(`refused: ${what}`, () => assert.throws(() => read(text), FormatError));
}

test("names stand in the order of their UTF-16 code units", () => {
  assert.equal(/** @type {Map<string, unknown>} */ (read('{"\u{1f600}":1,"\ufb33":2}')).size, 2);
});

test("a member called __proto__ is a member", () => {
  const value = /** @type {Map<string, unknown>} */ (read('{"__proto__":{"a":1},"constructor":2}'));
  assert.deepEqual(Array.from(value.keys()), ["__proto__", "constructor"]);
  assert.equal(/** @type {any} */ (value).a, undefined);
});

test("the largest integers are held exactly", () => {
  assert.deepEqual(read("[9007199254740991,-9007199254740991]"), [9007199254740991, -9007199254740991]);
});

test("bytes that are no UTF-8 are refused at their place", () => {
  for (const [bytes, place] of /** @type {[number[], number][]} */ ([
    [[0x22, 0xff], 1], [[0x22, 0xc3], 1], [[0x22, 0xed, 0xa0, 0x80], 1], [[0x80], 0], [[0xf0, 0x9f, 0x98], 0],
    [[0xc3, 0xa9, 0xc0, 0xaf], 2], [[0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x28], 4],
  ])) {
    assert.throws(() => parseDocument(new Uint8Array(bytes)), { message: `byte ${place} is not UTF-8` });
  }
});

test("nesting and values are bounded before anything is read", () => {
  const deep = (/** @type {number} */ depth) => "[".repeat(depth) + "]".repeat(depth);
  assert.ok(read(deep(32)));
  assert.throws(() => read(deep(33)), LimitError);
  assert.throws(() => read(deep(1_000_000)), LimitError);
  const wide = (/** @type {number} */ values) => `[${Array(values - 1).fill("1").join(",")}]`;
  assert.ok(read(wide(VALUES_MAX)));
  assert.throws(() => read(wide(VALUES_MAX + 1)), LimitError);
  assert.ok(read(`["${"[".repeat(100)}${",".repeat(VALUES_MAX)}"]`));
});

test("hostile text takes no longer than honest text", () => {
  const long = 4_000_000;
  for (const text of ['"'.repeat(long), "\\".repeat(long), `"${"\\".repeat(long - 2)}`, " ".repeat(long)]) {
    const started = process.cpuUsage(); // of this process alone, however busy the machine is
    assert.throws(() => read(text), FormatError);
    assert.ok(process.cpuUsage(started).user < 5_000_000, "five seconds of processor time");
  }
});

test("what has no glyph is quoted as an escape", () => {
  assert.equal(quote("a\u202eb\u200b\n'\ud800"), '"a\\u202eb\\u200b\\n\'\\ud800"');
  assert.equal(quote("\u{e0001}\u{1f600}", 2), "'\\U000e0001\u{1f600}'");
});

test("what is not shown of a text has no say in its quotes", () => {
  assert.equal(quote("ab'cd", 2), "'ab'"); // as repr("ab'cd"[:2])
  assert.equal(quote("a'b\"c", 3), '"a\'b"');
});

test("texts are ordered as Python orders them", () => {
  assert.deepEqual(["\u{1f600}", "\ufb33", "ab", "a", ""].sort(byCodePoint), ["", "a", "ab", "\ufb33", "\u{1f600}"]);
});
