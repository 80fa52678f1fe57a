// @ts-check
/**
 * Verify an export line by line: a report of named checks, those of the tree head's receipt among them (SPEC.md,
 * section 15).
 *
 * Promises: it looks at one case at a time, however long the export is. Does not: say that no case was left out where
 * no completeness file of the scope is given.
 */

import { concat, equal } from "./bytes.js";
import { parseCheckpoint } from "./checkpoint.js";
import { commitmentOf } from "./disclosure.js";
import { isCaseEntry, parseEntry } from "./entry.js";
import { FormatError, InvalidProofError, LedgerError } from "./errors.js";
import { LINE_BYTES_MAX, parseHeader, parseLine } from "./export.js";
import { Coverage } from "./export_scope.js";
import { sha256 } from "./hashes.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { fail, pass } from "./report.js";
import { verifyReceipt } from "./verify.js";
import { questionsOfReceipt } from "./verify_anchors.js";

/** @import { Checkpoint } from "./checkpoint.js" */
/** @import { CaseEntry } from "./entry.js" */
/** @import { Header, Filters, Line, Trailer } from "./export.js" */
/** @import { Counted } from "./export_scope.js" */
/** @import { Question } from "./facts.js" */
/** @import { Check } from "./report.js" */
/** @import { Trust } from "./trust.js" */
/** @import { Known } from "./verify_anchors.js" */

/**
 * What must be asked of chains to verify an export.
 * @param {Uint8Array} data @param {Trust} trust @returns {Question[]}
 */
export function questionsOfExport(data, trust) {
  try {
    const end = data.indexOf(0x0a);
    const first = concat(data.subarray(0, end < 0 ? LINE_BYTES_MAX : end), new Uint8Array([0x0a]));
    return questionsOfReceipt(parseHeader(first).head, trust);
  } catch (error) {
    if (error instanceof LedgerError) return [];
    throw error;
  }
}

/**
 * The checks of an export.
 * @param {Uint8Array} data @param {Trust | null} trust @param {Known} known
 * @param {Counted[]} scopes what verified completeness files count @returns {Check[]}
 */
export function verifyExport(data, trust, known, scopes) {
  const walk = new Walk(new Coverage(scopes));
  let header;
  try {
    for (const line of linesOf(data)) walk.take(line);
    header = walk.finish();
  } catch (error) {
    if (error instanceof LedgerError) return [fail(walk.check, `line ${walk.count + 1}: ${error.message}`)];
    throw error;
  }
  const found = verifyReceipt(header.head, trust, known);
  const head = found.filter((one) => one.name !== "format" && one.name !== "disclosures");
  if (header.head.index !== 0n) head.push(fail("inclusion", "the header shows no receipt of the genesis entry"));
  return [
    pass("format", "an export in its one spelling"),
    ...head,
    pass("entries", `${walk.count - 1} entries, each at its index in the tree of the header`),
    pass("cases", `${header.cases} cases, each without a hole from its first entry on`),
    pass("trailer", `${walk.count} lines with the SHA-256 that it says`),
    ...walk.coverage.checks(header, walk.size),
  ];
}

/** Lines with their line feeds; of one that is too long only as much as shows it. @param {Uint8Array} data */
export function* linesOf(data) {
  for (let at = 0; at < data.length; ) {
    const end = data.indexOf(0x0a, at);
    const stop = Math.min(end < 0 ? data.length : end + 1, at + LINE_BYTES_MAX + 2);
    yield data.subarray(at, stop);
    at = stop;
  }
}

/** Goes through the lines; `check` names what is looked at, so that a failure is told under its name. */
class Walk {
  count = 0;
  check = "format";
  digest = sha256.create();
  cases = 0;
  ended = false;
  size = 0n;
  /** @type {{header: Header, checkpoint: Checkpoint} | null} */
  first = null;
  /** The case so far. */
  current = { returnId: "", index: -1n, seq: 0, prev: /** @type {Uint8Array | null} */ (null) };

  /** @param {Coverage} coverage */
  constructor(coverage) {
    this.coverage = coverage;
  }

  /** @param {Uint8Array} data the next line */
  take(data) {
    this.check = "format";
    if (this.first === null) {
      const header = parseHeader(data);
      const { checkpoint } = parseCheckpoint(header.head.checkpoint);
      this.first = { header, checkpoint };
      this.size = checkpoint.size;
    } else {
      if (this.ended) throw new FormatError("something stands after the trailer");
      const line = parseLine(data);
      if ("lines" in line) {
        this.end(line);
        return;
      }
      this.takeEntry(this.first.header, this.first.checkpoint, line);
    }
    this.digest.update(data);
    this.count += 1;
  }

  /** The header, once all was taken. */
  finish() {
    this.check = "trailer";
    if (this.first === null || !this.ended) throw new FormatError("the export ends before its trailer");
    this.check = "cases";
    const { header } = this.first;
    if (this.cases === header.cases) return header;
    throw new FormatError(`${this.cases} cases, the header says ${header.cases}`);
  }

  /** @param {Trailer} trailer */
  end(trailer) {
    this.check = "trailer";
    if (trailer.lines !== this.count || !equal(trailer.sha256, this.digest.digest())) {
      throw new FormatError("the lines before it are not those that it says");
    }
    this.ended = true;
  }

  /** @param {Header} header @param {Checkpoint} checkpoint @param {Line} line */
  takeEntry(header, checkpoint, line) {
    this.check = "entries";
    const entry = parseEntry(line.entry);
    if (!isCaseEntry(entry)) throw new FormatError("it is no entry of a case");
    const leaf = leafHash(line.entry);
    verifyInclusion(leaf, line.index, checkpoint, line.inclusion);
    requireOpened(entry, line);
    this.check = "cases";
    if (entry.returnId !== this.current.returnId) {
      if (entry.returnId < this.current.returnId) throw new FormatError("cases do not stand in order");
      requireWanted(entry, header.filters);
      this.current = { returnId: entry.returnId, index: line.index - 1n, seq: 0, prev: null };
      this.cases += 1;
    }
    this.follow(entry, line.index, leaf);
    this.coverage.follow(entry, leaf);
  }

  /** @param {CaseEntry} entry @param {bigint} index @param {Uint8Array} leaf */
  follow(entry, index, leaf) {
    const current = this.current;
    if (index <= current.index) throw new FormatError("entries of a case do not stand in order");
    current.index = index;
    if (entry.seq === null) return;
    if (entry.seq !== current.seq || !equal(entry.prev, current.prev)) {
      throw new FormatError("the entry does not follow the one before it in its case");
    }
    current.seq += 1;
    current.prev = leaf;
  }
}

/** @param {CaseEntry} entry @param {Line} line */
function requireOpened({ committed }, { records }) {
  if (committed.length !== records.length || committed.some((one, at) => one.name !== records[at].name)) {
    throw new InvalidProofError("the records are not one for each commitment, in entry order");
  }
  committed.forEach(({ name, commitment }, at) => {
    const { shown } = records[at];
    if (shown === null || equal(commitmentOf(name, shown), commitment)) return;
    throw new InvalidProofError(`${name}: value and salt do not open the commitment`);
  });
}

/** @param {CaseEntry} first @param {Filters} filters */
function requireWanted(first, { buyerCountry, sellerCountry, openedFrom, openedUntil }) {
  if (first.seq !== 0) throw new FormatError("a case does not begin with its first entry");
  const at = first.recordedAt;
  const wanted =
    (buyerCountry === null || buyerCountry === first.facts.get("buyer_country")) &&
    (sellerCountry === null || sellerCountry === first.facts.get("seller_country")) &&
    (openedFrom === null || openedFrom <= at) &&
    (openedUntil === null || at < openedUntil);
  if (!wanted) throw new FormatError("the case is none that the filters ask for");
}
