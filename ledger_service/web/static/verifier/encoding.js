// @ts-check
/**
 * Canonical bytes: RFC 8785 JSON out, strict JSON in (SPEC.md, section 2).
 *
 * The browser's own JSON.parse keeps the last of two members with one name, rounds large integers and takes floats, so
 * the text is read here. Objects are Maps: no member is called by accident what every object inherits.
 *
 * Promises: one pass over the text, whatever is sent; what passes a named limit is refused before it is read.
 * Does not: normalise text; strings are kept as sent.
 */

import { equal, faultInUtf8, fromUtf8, startsWith, toUtf8 } from "./bytes.js";
import { FormatError, LimitError } from "./errors.js";
import { cut, lengthOf, quote } from "./quoted.js";

/** @typedef {null | boolean | number | string | Json[] | Map<string, Json>} Json */

export const INTEGER_MAX = Number.MAX_SAFE_INTEGER; // 2^53 − 1 (RFC 8785 §3.2.2.3)
export const DEPTH_MAX = 32;
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;
export const VALUES_MAX = 65_536;
const DIGITS_MAX = 17; // sign and digits of INTEGER_MAX
const BYTE_ORDER_MARK = new Uint8Array([0xef, 0xbb, 0xbf]);

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const PLAIN = /[^"\\\x00-\x1f]*/y; // of a string, what stands for itself
const LONE_SURROGATE = /\p{Surrogate}/u;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const SIMPLE_ESCAPES = new Map(Object.entries(ESCAPES));
const WORDS = /** @type {const} */ ([["null", null], ["true", true], ["false", false]]);
const NO_INTEGERS = ["NaN", "Infinity", "-Infinity"];

/** The RFC 8785 bytes of a value. @param {Json} value */
export const encode = (value) => toUtf8(spell(value));

/** A value as a file for people: RFC 8785 with white space between the tokens. @param {Json} value */
export const encodeDocument = (value) => toUtf8(`${spell(value, "\n")}\n`);

/**
 * The value of strict JSON text, and the text.
 * @param {Uint8Array} data @param {number} bytesMax @param {number} depthMax
 * @returns {{value: Json, text: string}}
 */
function read(data, bytesMax, depthMax) {
  if (data.length > bytesMax) throw new LimitError("the most bytes of a JSON text", bytesMax, data.length);
  if (startsWith(data, BYTE_ORDER_MARK)) throw new FormatError("the text starts with a byte order mark");
  const text = fromUtf8(data);
  if (text === null) throw new FormatError(`byte ${faultInUtf8(data)} is not UTF-8`);
  requireBounds(text, depthMax);
  const value = new Parser(text).whole();
  if (text.includes("\\u")) for (const one of strings(value)) requireText(one);
  return { value, text };
}

/**
 * The value of bytes that are exactly RFC 8785.
 * @param {Uint8Array} data @param {{bytesMax: number, depthMax?: number}} limits
 */
export function parseCanonical(data, { bytesMax, depthMax = DEPTH_MAX }) {
  const { value } = read(data, bytesMax, depthMax);
  if (!equal(encode(value), data)) {
    throw new FormatError("the bytes are not the canonical form (RFC 8785) of their value");
  }
  return value;
}

/**
 * The value of RFC 8785 text in which white space may stand between tokens.
 * @param {Uint8Array} data @param {number} [bytesMax]
 */
export function parseDocument(data, bytesMax = DOCUMENT_BYTES_MAX) {
  const { value, text } = read(data, bytesMax, DEPTH_MAX);
  if (spell(value) !== withoutSpace(text)) {
    throw new FormatError("white space aside, the text is not the canonical form (RFC 8785) of its value");
  }
  return value;
}

/**
 * RFC 8785 text: JSON.stringify spells strings as it asks, and sort() orders names by UTF-16 code units.
 * @param {Json} value @param {string} [line] what a line begins with, for people; empty: no white space
 * @returns {string}
 */
function spell(value, line = "") {
  const inner = line && `${line}  `;
  const close = (/** @type {string} */ marks, /** @type {string[]} */ items) =>
    items.length ? marks[0] + items.map((item) => inner + item).join(",") + line + marks[1] : marks;
  if (Array.isArray(value)) return close("[]", value.map((item) => spell(item, inner)));
  if (!(value instanceof Map)) return JSON.stringify(value);
  const colon = line ? ": " : ":";
  const names = Array.from(value.keys()).sort();
  return close("{}", names.map((name) => JSON.stringify(name) + colon + spell(value.get(name) ?? null, inner)));
}

/**
 * Refuse too many values, then what is nested too deep: no text has more values than openings, commas and one.
 * @param {string} text @param {number} depthMax
 */
function requireBounds(text, depthMax) {
  let values = 1;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at];
    if (mark === '"') at = endOfString(text, at);
    else if (mark === ",") values += 1;
    else if (mark === "]" || mark === "}") depth -= 1;
    else if (mark === "[" || mark === "{") {
      values += 1;
      depth += 1;
      deepest = Math.max(deepest, depth);
    }
  }
  if (values > VALUES_MAX) throw new LimitError("the most values of a JSON text", VALUES_MAX);
  if (deepest > depthMax) throw new LimitError("the deepest nesting", depthMax);
}

/** The tokens of JSON text in a row. @param {string} text */
function withoutSpace(text) {
  let bare = "";
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') at = endOfString(text, at);
    else if (" \t\n\r".includes(text[at])) {
      bare += text.slice(start, at);
      start = at + 1;
    }
  }
  return bare + text.slice(start);
}

/**
 * Where the string ends that starts here: its second quote, or the end of the text.
 * @param {string} text @param {number} start
 */
function endOfString(text, start) {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
  return text.length;
}

/** Reads one text from left to right; nesting was bounded before. */
class Parser {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  /** The value that the text is. @returns {Json} */
  whole() {
    this.skip();
    const value = this.value();
    this.skip();
    if (this.at !== this.text.length) throw this.fault("extra data");
    return value;
  }

  /** @returns {Json} */
  value() {
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === "{") return this.object();
    if (first === "[") return this.array();
    for (const [word, value] of WORDS) if (this.take(word)) return value;
    for (const word of NO_INTEGERS) if (this.take(word)) throw notInteger(word);
    return this.number();
  }

  /** @returns {Map<string, Json>} */
  object() {
    const members = /** @type {[string, Json][]} */ ([]);
    this.at += 1;
    this.skip();
    if (this.take("}")) return new Map();
    for (;;) {
      if (this.text[this.at] !== '"') throw this.fault("expecting property name enclosed in double quotes");
      const name = this.string();
      this.skip();
      if (!this.take(":")) throw this.fault("expecting ':' delimiter");
      this.skip();
      members.push([name, this.value()]);
      this.skip();
      if (this.take("}")) return unique(members);
      if (!this.take(",")) throw this.fault("expecting ',' delimiter");
      this.skip();
    }
  }

  /** @returns {Json[]} */
  array() {
    const items = /** @type {Json[]} */ ([]);
    this.at += 1;
    this.skip();
    if (this.take("]")) return items;
    for (;;) {
      items.push(this.value());
      this.skip();
      if (this.take("]")) return items;
      if (!this.take(",")) throw this.fault("expecting ',' delimiter");
      this.skip();
    }
  }

  string() {
    const start = this.at;
    this.at += 1;
    let value = "";
    for (;;) {
      value += this.match(PLAIN)[0];
      const next = this.text[this.at];
      if (next === undefined) throw this.fault("unterminated string starting at", start);
      if (next === '"') break;
      if (next !== "\\") throw this.fault("invalid control character at");
      value += this.escaped(start);
    }
    this.at += 1;
    return value;
  }

  /** What an escape stands for; a pair of surrogates comes as two of them. @param {number} start of the string */
  escaped(start) {
    const letter = this.text[this.at + 1];
    if (letter === undefined) throw this.fault("unterminated string starting at", start);
    if (letter !== "u") {
      const character = SIMPLE_ESCAPES.get(letter);
      if (character === undefined) throw this.fault("invalid \\escape");
      this.at += 2;
      return character;
    }
    const digits = this.text.slice(this.at + 2, this.at + 6);
    const cutOff = this.at + 6 >= this.text.length; // at least a quote follows
    if (cutOff || !/^[0-9a-fA-F]{4}$/.test(digits)) throw this.fault("invalid \\uxxxx escape", this.at + 1);
    this.at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  number() {
    const start = this.at;
    const [token, digits, fraction, exponent] = this.match(NUMBER);
    if (!token) throw this.fault("expecting value", start);
    if (fraction || exponent) throw notInteger(token);
    if (digits === "-0") throw new FormatError("-0 is not an integer here");
    const value = Number(digits);
    if (digits.length > DIGITS_MAX || Math.abs(value) > INTEGER_MAX) {
      throw new LimitError("the largest integer", INTEGER_MAX);
    }
    return value;
  }

  skip() {
    this.match(SPACE);
  }

  /** @param {string} word */
  take(word) {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  /** Take what matches here, perhaps nothing. @param {RegExp} sticky @returns {string[]} */
  match(sticky) {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text) ?? [""];
    this.at += found[0].length;
    return found;
  }

  /** @param {string} what @param {number} [at] in UTF-16 code units; the reason counts characters */
  fault(what, at = this.at) {
    return new FormatError(`not JSON: ${what} at character ${lengthOf(this.text.slice(0, at))}`);
  }
}

/** @param {[string, Json][]} members */
function unique(members) {
  const value = new Map(members);
  if (value.size !== members.length) {
    const seen = new Set();
    for (const [name] of members) {
      if (seen.has(name)) throw new FormatError(`the name ${quote(name, 40)} stands twice in one object`);
      seen.add(name);
    }
  }
  return value;
}

/** @param {string} token */
const notInteger = (token) => new FormatError(`${cut(token, 40)} is not an integer`);

/** Every string of a value, names among them. @param {Json} value @returns {Generator<string>} */
function* strings(value) {
  if (typeof value === "string") yield value;
  else if (Array.isArray(value)) for (const item of value) yield* strings(item);
  else if (value instanceof Map) {
    for (const [name, item] of value) {
      yield name;
      yield* strings(item);
    }
  }
}

/** @param {string} text */
function requireText(text) {
  if (text.includes("\0")) throw new FormatError("a string holds U+0000");
  if (LONE_SURROGATE.test(text)) throw new FormatError("a string holds a lone surrogate");
}
