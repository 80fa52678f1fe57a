// @ts-check
/**
 * One recorded step, read from the canonical bytes that are hashed into the log (SPEC.md, section 4).
 *
 * Two families: steps of a case, and steps of the log itself (`log_entry.js`). Promises: an unknown version, kind or
 * member is refused. Does not: decide whether a step was allowed.
 */

import { toHex } from "./bytes.js";
import { ORIGIN } from "./checkpoint.js";
import { EVIDENCE_PREFIX } from "./disclosure.js";
import { parseCanonical } from "./encoding.js";
import { HASH, LOG_MEMBERS, parseFurtherTarget, parseGenesis, parseKeyChange, parseSeal } from "./log_entry.js";
import { form, Reader } from "./members.js";

/** @import { Json } from "./encoding.js" */
/** @import { GenesisEntry, KeyEntry, SealEntry, TargetEntry } from "./log_entry.js" */

/** @typedef {{name: string, commitment: Uint8Array}} NamedCommitment */
/**
 * A step of one case. `seq` and `prev` are null for the kinds that stand aside; `evidence` are the kinds of its files;
 * `committed` is every commitment in entry order: the evidence, then the fields.
 * @typedef {{kind: CaseKind, origin: string, returnId: string, seq: number | null, prev: Uint8Array | null,
 *   verb: string, toState: string | null, role: string, authenticity: string, occurredAt: string | null,
 *   recordedAt: string, rule: {id: string, version: string} | null, facts: Map<string, Json>,
 *   evidence: string[], committed: NamedCommitment[]}} CaseEntry
 */
/** @typedef {CaseEntry | GenesisEntry | KeyEntry | TargetEntry | SealEntry} Entry */
/** @typedef {"transition" | "correction" | "dispute" | "attempt" | "access" | "finding" | "erasure"} CaseKind */

const VERSION = 1;
export const ENTRY_BYTES_MAX = 65_535;
const ENTRY_DEPTH_MAX = 12;
export const EVIDENCE_MAX = 64;
export const COMMITMENTS_MAX = 128;
export const RETURN_ID_BYTES = 16;
const PARTY_BYTES = 16;

export const NAME = form("[a-z][a-z0-9_]{0,63}");
const COMMITMENT_NAME = form("(?!evidence:)[a-z][a-z0-9_:]{0,95}"); // names of files are apart from names of fields
const MEDIA_TYPE = form("[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}");
const RULE = form("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
const KINDS = /** @type {const} */ ([
  "genesis", "transition", "correction", "dispute", "attempt", "access", "finding", "erasure", "key", "target", "seal",
]);
const ASIDE_KINDS = ["attempt", "access", "finding"]; // carry no seq and prev, do not move the case's head
export const ROLES = [
  "buyer", "seller", "platform", "carrier", "customs", "inspector", "psp", "arbitrator", "regulator", "system",
];
const AUTHENTICITIES = ["signed", "webhook_verified", "platform_attested", "imported_unverified"];
const CASE_MEMBERS = [
  ...LOG_MEMBERS, "asserted_by", "authenticity", "commitments", "evidence", "facts", "from_state", "missing",
  "occurred_at", "recorded_by", "return_id", "rule", "to_state", "verb",
];

/** Whether an entry stands beside its case's chain. @param {CaseEntry} entry */
export const standsAside = (entry) => ASIDE_KINDS.includes(entry.kind);

/** Whether an entry is a step of a case. @param {Entry} entry @returns {entry is CaseEntry} */
export const isCaseEntry = (entry) => "returnId" in entry;

/** What an entry is, in the words of a report. @param {Entry} entry */
export const describeEntry = (entry) =>
  `well formed: ${isCaseEntry(entry) ? entry.verb : "a step of the log itself"}, recorded ${entry.recordedAt}`;

/**
 * The entry of its canonical bytes.
 * @param {Uint8Array} data @returns {Entry} @throws {import("./errors.js").FormatError}
 */
export function parseEntry(data) {
  const value = parseCanonical(data, { bytesMax: ENTRY_BYTES_MAX, depthMax: ENTRY_DEPTH_MAX });
  const read = new Reader("entry");
  if (!(value instanceof Map) || value.get("version") !== VERSION) {
    throw read.fail(`an object of version ${VERSION} is expected`);
  }
  const kind = read.at("kind").choice(value.get("kind"), KINDS);
  if (kind === "genesis") return parseGenesis(read, value);
  if (kind === "target") return parseFurtherTarget(read, value);
  if (kind === "key") return parseKeyChange(read, value);
  if (kind === "seal") return parseSeal(read, value);
  return parseCaseEntry(read, value, kind);
}

/** @param {Reader} read @param {Map<string, Json>} value @param {CaseKind} kind @returns {CaseEntry} */
function parseCaseEntry(read, value, kind) {
  const aside = ASIDE_KINDS.includes(kind);
  const m = read.members(value, aside ? CASE_MEMBERS : [...CASE_MEMBERS, "seq", "prev"]);
  const facts = read.at("facts").object(m.get("facts"));
  for (const name of facts.keys()) read.at("facts").text(name, NAME);
  const seq = aside ? null : read.at("seq").integer(m.get("seq"));
  const prev = aside ? null : read.nullable(m.get("prev"), (v) => read.at("prev").hexadecimal(v, HASH));
  if (!aside && (seq === 0) !== (prev === null)) {
    throw read.at("prev").fail("the first entry of a case has none, every later one has one");
  }
  const origin = read.at("origin").text(m.get("origin"), ORIGIN);
  const returnId = toHex(read.at("return_id").hexadecimal(m.get("return_id"), RETURN_ID_BYTES));
  const verb = read.at("verb").text(m.get("verb"), NAME);
  read.nullable(m.get("from_state"), (v) => read.at("from_state").text(v, NAME));
  const toState = read.nullable(m.get("to_state"), (v) => read.at("to_state").text(v, NAME));
  const role = parseRole(read.at("asserted_by"), m.get("asserted_by"));
  parseRole(read.at("recorded_by"), m.get("recorded_by"));
  const authenticity = read.at("authenticity").choice(m.get("authenticity"), AUTHENTICITIES);
  const occurredAt = read.nullable(m.get("occurred_at"), (v) => read.at("occurred_at").instant(v));
  const recordedAt = read.at("recorded_at").instant(m.get("recorded_at"));
  const rule = read.nullable(m.get("rule"), (v) => parseRule(read.at("rule"), v));
  const files = read.at("evidence").items(m.get("evidence"), EVIDENCE_MAX, (v) => parseFile(read.at("evidence"), v));
  read.at("missing").items(m.get("missing"), EVIDENCE_MAX, (v) => read.at("missing").text(v, NAME));
  const fields = read.at("commitments").items(m.get("commitments"), COMMITMENTS_MAX, (v) =>
    parseCommitment(read.at("commitments"), v));
  const evidence = files.map((file) => file.name.slice(EVIDENCE_PREFIX.length));
  const committed = [...files, ...fields];
  return {
    kind, origin, returnId, seq, prev, verb, toState, role, authenticity, occurredAt, recordedAt, rule, facts, evidence,
    committed,
  };
}

/** @param {Reader} read @param {Json | undefined} value */
function parseRole(read, value) {
  const m = read.members(value, ["party", "role"]);
  read.at("party").hexadecimal(m.get("party"), PARTY_BYTES);
  return read.at("role").choice(m.get("role"), ROLES);
}

/** @param {Reader} read @param {Json} value */
function parseRule(read, value) {
  const m = read.members(value, ["id", "version"]);
  return { id: read.at("id").text(m.get("id"), RULE), version: read.at("version").text(m.get("version"), RULE) };
}

/** The commitment to a file of the step. @param {Reader} read @param {Json} value @returns {NamedCommitment} */
function parseFile(read, value) {
  const m = read.members(value, ["commitment", "kind", "media_type", "size"]);
  const kind = read.at("kind").text(m.get("kind"), NAME);
  read.at("size").integer(m.get("size"), { least: 1 });
  read.at("media_type").text(m.get("media_type"), MEDIA_TYPE);
  return { name: EVIDENCE_PREFIX + kind, commitment: read.at("commitment").hexadecimal(m.get("commitment"), HASH) };
}

/** @param {Reader} read @param {Json} value @returns {NamedCommitment} */
function parseCommitment(read, value) {
  const m = read.members(value, ["commitment", "name"]);
  const name = read.at("name").text(m.get("name"), COMMITMENT_NAME);
  return { name, commitment: read.at("commitment").hexadecimal(m.get("commitment"), HASH) };
}
