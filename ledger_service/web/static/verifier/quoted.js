// @ts-check
/**
 * How a value from a file is quoted in a reason: as the verifier in Python does, so that both give the same report.
 *
 * Promises: what has no glyph of its own (controls, bidirectional marks, odd spaces) is shown as an escape.
 */

/** @import { Json } from "./encoding.js" */

const ESCAPES = new Map([["\t", "\\t"], ["\n", "\\n"], ["\r", "\\r"], ["\\", "\\\\"]]);
const WITHOUT_GLYPH = /[\p{C}\p{Z}]/u;

/** At most so many characters of a text, counted as Unicode does. @param {string} text @param {number} most */
export function cut(text, most) {
  return text.length <= most ? text : Array.from(text.slice(0, 2 * most)).slice(0, most).join("");
}

/** How many characters a text without lone surrogates has, counted as Unicode does. @param {string} text */
export function lengthOf(text) {
  let characters = 0;
  for (let at = 0; at < text.length; at += 1) {
    if ((text.charCodeAt(at) & 0xfc00) !== 0xdc00) characters += 1; // the second half of a pair is none of its own
  }
  return characters;
}

/** A text in quotes. @param {string} text @param {number} [most] characters of it that are shown */
export function quote(text, most = Infinity) {
  const part = cut(text, most); // what is not shown has no say in the marks
  const mark = part.includes("'") && !part.includes('"') ? '"' : "'";
  let shown = "";
  for (const character of part) {
    const code = /** @type {number} */ (character.codePointAt(0));
    if (character === mark) shown += `\\${character}`;
    else if (ESCAPES.has(character)) shown += ESCAPES.get(character);
    else if (character !== " " && WITHOUT_GLYPH.test(character)) shown += escape(code);
    else shown += character;
  }
  return mark + shown + mark;
}

/** @param {number} code */
function escape(code) {
  const digits = code.toString(16);
  if (code <= 0xff) return `\\x${digits.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

/** Any value of a file, in the words of Python. @param {Json | undefined} value @returns {string} */
export function quoteValue(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "string") return quote(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return `[${value.map(quoteValue).join(", ")}]`;
  return `{${Array.from(value, ([name, item]) => `${quote(name)}: ${quoteValue(item)}`).join(", ")}}`;
}

/** The name of a value's type. @param {Json | undefined} value */
export function nameOfType(value) {
  if (value === null || value === undefined) return "NoneType";
  if (Array.isArray(value)) return "list";
  return { string: "str", boolean: "bool", number: "int" }[/** @type {string} */ (typeof value)] ?? "dict";
}
