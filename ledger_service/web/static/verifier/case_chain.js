// @ts-check
/**
 * The chain of a case, followed back from the last entry that a seal names through entries that somebody shows.
 *
 * Each entry names the one before it by its leaf hash, so the last one fixes all of them. Promises: what is linked is
 * what the seal counts, what stands in a place that is taken by another is not. Does not: verify receipts.
 */

import { toHex } from "./bytes.js";
import { fail, pass, unknown } from "./report.js";

/** @import { Indexed } from "./case_index.js" */
/** @import { Check } from "./report.js" */

/**
 * An entry on the chain of a case: its index, its place in the case, the leaf hash before it, and its own.
 * @typedef {{index: bigint, seq: number, prev: Uint8Array | null, leaf: Uint8Array}} Link
 */

/**
 * The leaf (hex) at each place of the case that the last leaf leads to, the last place first; the walk ends at the
 * first entry that is not at hand.
 * @param {Indexed} counted @param {Link[]} links
 */
export function placesOf({ count, last }, links) {
  const held = new Map(links.map((link) => [`${link.seq} ${toHex(link.leaf)}`, link]));
  const places = /** @type {Map<bigint, string>} */ (new Map());
  let [seq, leaf] = [count - 1n, toHex(last)];
  for (;;) {
    places.set(seq, leaf);
    const prev = held.get(`${seq} ${leaf}`)?.prev ?? null;
    if (prev === null) return places;
    [seq, leaf] = [seq - 1n, toHex(prev)];
  }
}

/**
 * A check for each entry, in their order: whether it is one of those that a seal counts (undefined: it counts no such
 * case). Each is shown by a good receipt and was recorded before the seal.
 * @param {Indexed | undefined} counted @param {Link[]} links @returns {Check[]}
 */
export function checkLinks(counted, links) {
  const places = counted === undefined ? new Map() : placesOf(counted, links);
  const count = counted?.count ?? 0n;
  const named = new Set(places.values());
  const shown = /** @type {Map<number, Map<string, bigint>>} */ (new Map());
  for (const { seq, leaf, index } of links) {
    const here = shown.get(seq) ?? new Map();
    shown.set(seq, here);
    if (!here.has(toHex(leaf))) here.set(toHex(leaf), index);
  }
  return links.map((link) => {
    const [about, at] = [`entry ${link.index}`, `has the place ${link.seq} of the return`];
    const leaf = toHex(link.leaf);
    const seq = BigInt(link.seq);
    if (seq >= count) return fail("receipts", `${about} was recorded before the seal, which leaves it out`);
    const wanted = places.get(seq);
    if (wanted === leaf) return pass("receipts", `${about} is among those that the seal counts`);
    if (seq === count - 1n) {
      return fail("receipts", `${about} is the last that the seal counts, which names another`);
    }
    if (wanted !== undefined) return fail("receipts", `${about} ${at}, where the seal's last entry leads to another`);
    if (named.has(leaf)) return fail("receipts", `${about} ${at}, and the seal counts it in another`);
    const other = Array.from(shown.get(link.seq) ?? []).find(([one]) => one !== leaf);
    if (other !== undefined) return fail("receipts", `${about} ${at}, and so has entry ${other[1]}`);
    const reason = "is not shown to be among those that the seal counts: give the receipts of all entries after it";
    return unknown("receipts", `${about} ${reason}`);
  });
}
