// @ts-check
// What somebody typed: block hashes and addresses of nodes, one a line.

export const LINES_MAX = 16;
const HASH = /^0x[0-9a-fA-F]{64}$/;
const OWN_MACHINE = new Set(["localhost", "127.0.0.1"]);

/**
 * Returns the lines of a field that are not empty.
 * @param {string} text
 */
export function lines(text) {
  return text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
}

/**
 * Returns the first line that is no block hash, as explorers show them.
 * @param {string[]} given
 */
export function wrongHash(given) {
  return given.slice(LINES_MAX)[0] ?? given.find((line) => !HASH.test(line));
}

/**
 * Returns the first line that is no address of a node: https, or http on this machine; the policy allows no other.
 * @param {string[]} given
 */
export function wrongNode(given) {
  return given.slice(LINES_MAX)[0] ?? given.find((line) => !isNode(line));
}

/** @param {string} line */
function isNode(line) {
  let url;
  try {
    url = new URL(line);
  } catch {
    return false;
  }
  if (url.username || url.password) return false; // fetch refuses them
  return url.protocol === "https:" || (url.protocol === "http:" && OWN_MACHINE.has(url.hostname));
}
