// @ts-check
// The worked bytes of SPEC.md and the published vectors beside the checkout, for the tests of the second verifier.
import { existsSync, readFileSync } from "node:fs";

const SPEC = readFileSync(new URL("../../ledger_service/core/SPEC.md", import.meta.url), "utf8");

/** The block of SPEC.md with this name, with its last line feed. @param {string} name */
export function block(name) {
  const found = new RegExp(`^\`\`\`text ${name}\n([^]*?)^\`\`\`$`, "m").exec(SPEC);
  if (found === null) throw new Error(`SPEC.md has no block ${name}`);
  return found[1];
}

/** Its first line. @param {string} name */
export const line = (name) => block(name).split("\n")[0];

/** A table of it: the last word of each line by the words before. @param {string} name @returns {Map<string, string>} */
export const table = (name) =>
  new Map(block(name).trimEnd().split("\n").map((row) => {
    const found = /** @type {RegExpExecArray} */ (/^(.*?)\s+(\S+)$/.exec(row));
    return [found[1], found[2]];
  }));

/** @param {string} text */
export const utf8 = (text) => new TextEncoder().encode(text);

/** A published file of vectors with its integers as bigints, null where it is not beside the checkout. @param {string} name */
export function published(name) {
  const path = new URL(`../../../shared/vectors/${name}`, import.meta.url);
  if (!existsSync(path)) return null;
  const exact = (/** @type {string} */ _, /** @type {unknown} */ value, /** @type {{source: string}} */ { source }) =>
    typeof value === "number" ? BigInt(source) : value;
  return JSON.parse(readFileSync(path, "utf8"), /** @type {any} */ (exact));
}
