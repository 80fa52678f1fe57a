// @ts-check
/**
 * The trust file: what a verifier pins before it looks at any receipt (SPEC.md, section 10).
 *
 * Promises: a file whose parts contradict each other is refused. Does not: come from a receipt; nothing in a receipt
 * replaces any of it.
 */

import { equal, toHex } from "./bytes.js";
import { ORIGIN } from "./checkpoint.js";
import { parseWitnessKey } from "./cosignature.js";
import { parseDocument } from "./encoding.js";
import { HASH, parseKeys, parseTarget, TARGET_MEMBERS, TARGETS_MAX } from "./log_entry.js";
import { form, Reader } from "./members.js";
import { quote } from "./quoted.js";
import { computeLogId } from "./registry.js";

/** @import { VerifierKey } from "./checkpoint.js" */
/** @import { Json } from "./encoding.js" */
/** @import { Target } from "./log_entry.js" */

/**
 * A target with its name and its rule of finality: null for what nodes call `finalized`, else blocks on top.
 * @typedef {Target & {name: string, confirmations: number | null}} PinnedTarget
 */
/**
 * What is pinned; `required` targets must be final, `witnessesRequired` witnesses must have cosigned.
 * @typedef {{origin: string, keys: VerifierKey[], genesis: Uint8Array, targets: PinnedTarget[], required: number,
 *   witnesses: VerifierKey[], witnessesRequired: number}} Trust
 */

const FORMAT = "return-ledger/trust@v1";
export const TRUST_BYTES_MAX = 65_536;
const CONFIRMATIONS_MAX = 1_000_000;
const WITNESSES_MAX = 32;
export const EMBEDDED_CHAIN_ID = 1919706468; // the demonstration chain, whose only node is its operator's
const TARGET_NAME = form("[a-z0-9][a-z0-9_.-]{0,63}");

/** The pinned target of this log id, or null. @param {Trust} trust @param {Uint8Array} logId */
export const targetOf = (trust, logId) => trust.targets.find((one) => equal(one.logId, logId)) ?? null;

/** The policy in words. @param {Trust} trust */
export const policyOf = (trust) =>
  `signed by the log + final on ${trust.required} of ${trust.targets.length} chains` +
  ` + cosigned by ${trust.witnessesRequired} of ${trust.witnesses.length} witnesses`;

/** The trust of a trust file. @param {Uint8Array} data @returns {Trust} @throws {import("./errors.js").FormatError} */
export function parseTrust(data) {
  const read = new Reader("trust file");
  const value = read.document(() => parseDocument(data, TRUST_BYTES_MAX), FORMAT);
  const m = read.members(value, ["format", "genesis", "keys", "origin", "policy", "targets"], ["witnesses"]);
  const witnesses = m.has("witnesses") ? parseWitnesses(read.at("witnesses"), m.get("witnesses")) : [];
  const origin = read.at("origin").text(m.get("origin"), ORIGIN);
  const targets = read.at("targets").items(m.get("targets"), TARGETS_MAX, (v) => parsePinned(read.at("targets"), v));
  const counts = witnesses.length ? ["required", "witnesses"] : ["required"];
  const policy = read.at("policy").members(m.get("policy"), counts);
  const keys = parseKeys(read.at("keys"), m.get("keys"), origin);
  if (new Set(targets.map((one) => toHex(one.logId))).size !== targets.length) {
    throw read.at("targets").fail("a log id stands twice");
  }
  for (const one of targets) {
    if (equal(one.logId, computeLogId(one, origin))) continue;
    throw read.at("targets").fail(`the log id of ${quote(one.name)} does not follow from its other members`);
  }
  const most = Math.max(targets.length, 1);
  return {
    origin,
    keys,
    genesis: read.at("genesis").hexadecimal(m.get("genesis"), HASH),
    targets,
    required: read.at("policy.required").integer(policy.get("required"), { least: 1, most }),
    witnesses,
    witnessesRequired: read.at("policy.witnesses").integer(policy.get("witnesses") ?? 0, { most: witnesses.length }),
  };
}

/**
 * Witnesses: at least one, each with a key and a name that no other has, so that each counts once.
 * @param {Reader} read @param {Json | undefined} value
 */
function parseWitnesses(read, value) {
  const witnesses = read.items(value, WITNESSES_MAX, (v) => parseWitness(read, v));
  const keys = new Set(witnesses.map((one) => toHex(one.public)));
  const names = new Set(witnesses.map((one) => one.name));
  if (!witnesses.length || Math.min(keys.size, names.size) !== witnesses.length) {
    throw read.fail("at least one witness is expected, and none twice");
  }
  return witnesses;
}

/** @param {Reader} read @param {Json} value */
const parseWitness = (read, value) => read.within(() => parseWitnessKey(typeof value === "string" ? value : ""));

/** @param {Reader} read @param {Json} value @returns {PinnedTarget} */
function parsePinned(read, value) {
  const m = read.members(value, ["confirmations", "name"], TARGET_MEMBERS);
  const name = read.at("name").text(m.get("name"), TARGET_NAME);
  const target = parseTarget(read, new Map(Array.from(m).filter(([one]) => TARGET_MEMBERS.includes(one))));
  const confirmations = read.nullable(m.get("confirmations"), (v) =>
    read.at("confirmations").integer(v, { least: 1, most: CONFIRMATIONS_MAX }));
  return { ...target, name, confirmations };
}
