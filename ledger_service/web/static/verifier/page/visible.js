// @ts-check
// Text from a file, a node or a file's name, made harmless before a person reads it: as core/pages/escaping.py does.

const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu;
const SHORT = new Map([["\t", "\\t"], ["\n", "\\n"], ["\r", "\\r"]]);
export const TEXT_MAX = 600; // characters; the longest reason of a check has about 300

/**
 * Returns text whose control, format (bidi and zero-width too), unassigned and line-breaking characters are shown as
 * escapes; the end of a longer text is left out, and the ellipsis says so.
 * @param {string} text
 * @param {number} [most]
 */
export function visible(text, most = TEXT_MAX) {
  const characters = Array.from(text.slice(0, 2 * most + 2));
  const kept = characters.slice(0, most).join("") + (characters.length > most ? "…" : "");
  return kept.replace(HIDDEN, (one) => SHORT.get(one) ?? escape_(/** @type {number} */ (one.codePointAt(0))));
}

/** @param {number} point */
function escape_(point) {
  const [letter, width] = point < 0x100 ? ["x", 2] : point < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${letter}${point.toString(16).padStart(Number(width), "0")}`;
}
