// @ts-check
/**
 * Hold an export against completeness files of scopes: whether every case that a seal counts is in it, as far (SPEC.md,
 * section 15).
 *
 * Promises: an export that asked for less than the scope, or shows what a party may see, or ends before the seal, is
 * told from one that leaves something out. Does not: verify the completeness file itself (`verify_case_proof.js`).
 */

import { toHex } from "./bytes.js";
import { keyOf, parseValue } from "./case_index.js";
import { parseEntry } from "./entry.js";
import { quoteValue } from "./quoted.js";
import { fail, indecisive, pass, unknown } from "./report.js";
import { readProof } from "./trie.js";

/** @import { Indexed, Scope } from "./case_index.js" */
/** @import { CaseProof } from "./case_proof.js" */
/** @import { CaseEntry } from "./entry.js" */
/** @import { Filters, Header } from "./export.js" */
/** @import { Check } from "./report.js" */

/**
 * What a seal counts in a scope, by key.
 * @typedef {{scope: Scope, seal: bigint, cases: Map<string, Indexed>}} Counted
 */

const SEES_ALL = ["regulator", "platform"]; // of what they ask for; any other role only the cases that it is a party to

/**
 * What a completeness file counts that verifies; null where it is of one case, or its seal holds no index.
 * @param {CaseProof} proof @returns {Counted | null}
 */
export function countedIn({ scope, returnId, prefix, seal, nodes }) {
  const entry = parseEntry(seal.entry);
  if (returnId !== null || entry.kind !== "seal" || entry.caseIndex === null) return null;
  const found = Array.from(readProof(entry.caseIndex, prefix, nodes));
  return { scope, seal: seal.index, cases: new Map(found.map(([key, value]) => [key, parseValue(value)])) };
}

/** Follows the entries of an export, and says in the end what of each scope is missing. */
export class Coverage {
  /** @param {Counted[]} scopes */
  constructor(scopes) {
    this.scopes = scopes;
    /** @type {Set<string>} */
    this.wanted = new Set(scopes.flatMap((one) => Array.from(one.cases, ([key, indexed]) => stepOf(key, indexed))));
    /** @type {Set<string>} */
    this.found = new Set();
    this.key = "";
  }

  /**
   * Take the next entry of the export's cases, in their order; each case begins with its first entry.
   * @param {CaseEntry} entry @param {Uint8Array} leaf @throws {import("./errors.js").FormatError}
   */
  follow({ seq, returnId, facts, recordedAt }, leaf) {
    if (!this.wanted.size || seq === null) return;
    if (seq === 0) {
      const [buyerCountry, sellerCountry] = ["buyer_country", "seller_country"].map((name) => {
        const value = facts.get(name);
        return typeof value === "string" ? value : quoteValue(value);
      });
      this.key = keyOf({ buyerCountry, sellerCountry, month: recordedAt.slice(0, 7) }, returnId);
    }
    const step = stepOf(this.key, { count: BigInt(seq) + 1n, last: leaf });
    if (this.wanted.has(step)) this.found.add(step);
  }

  /** A check for each scope. @param {Header} header @param {bigint} size of the export's tree @returns {Check[]} */
  checks(header, size) {
    return this.scopes.map((one) => this.check(one, header, size));
  }

  /** @param {Counted} counted @param {Header} header @param {bigint} size */
  check({ scope, seal, cases }, header, size) {
    const opened = scope.month === null ? "" : ` opened in ${scope.month}`;
    const named = `${scope.buyerCountry} <- ${scope.sellerCountry}${opened}`;
    const missing = Array.from(cases).filter(([key, indexed]) => !this.found.has(stepOf(key, indexed))).length;
    const counts = `returns of ${named} that the seal at index ${seal} counts`;
    if (!missing) return pass("completeness", `all ${cases.size} ${counts} are in it, as far`);
    const lacks = `${missing} of ${cases.size} ${counts}`;
    const open = (/** @type {string} */ why) => indecisive(unknown("completeness", `${lacks} ${why}`));
    if (seal >= size) {
      return open(`are not in it as far, or not at all: the seal is newer than the export's ${size} entries`);
    }
    if (!askedFor(header.filters, scope)) return open("are not in it: the export was asked for less");
    if (!SEES_ALL.includes(header.reader)) return open(`are not in it: it shows what one ${header.reader} may see`);
    return fail("completeness", `${lacks} are left out, wholly or from some entry on`);
  }
}

/** A case as far as one of its entries. @param {string} key @param {Indexed} indexed */
const stepOf = (key, { count, last }) => `${key} ${count} ${toHex(last)}`;

/** Whether an export with these filters shows every case of a scope. @param {Filters} filters @param {Scope} scope */
function askedFor({ buyerCountry, sellerCountry, openedFrom, openedUntil }, scope) {
  if (buyerCountry !== null && buyerCountry !== scope.buyerCountry) return false;
  if (sellerCountry !== null && sellerCountry !== scope.sellerCountry) return false;
  if (openedFrom === null && openedUntil === null) return true;
  if (scope.month === null) return false;
  const [year, month] = scope.month.split("-").map(Number);
  const followingYear = String(year + Math.floor(month / 12)).padStart(4, "0");
  const following = `${followingYear}-${String((month % 12) + 1).padStart(2, "0")}`;
  const fromFirst = (openedFrom ?? "") <= `${scope.month}-01T00:00:00.000Z`;
  return fromFirst && (openedUntil === null || openedUntil >= `${following}-01T00:00:00.000Z`);
}
