// @ts-check
/**
 * Steps of the log itself: its genesis, a change of its key, a further target, and the seal of an anchored head
 * (SPEC.md, sections 4.2 to 4.5).
 *
 * Does not: say whether a key change or a further target is proved.
 */

import { toUtf8 } from "./bytes.js";
import { keyText, ORIGIN, parseVerifierKey } from "./checkpoint.js";

/** @import { VerifierKey } from "./checkpoint.js" */
/** @import { Json } from "./encoding.js" */
/** @import { Reader } from "./members.js" */

/**
 * A place where heads are anchored.
 * @typedef {{chainId: number, chainGenesis: Uint8Array, contract: Uint8Array, codeHash: Uint8Array,
 *   registrar: Uint8Array, logId: Uint8Array}} Target
 */
/**
 * The newest final anchor when a seal was made; nobody could know its commitment before its block.
 * @typedef {{chainId: number, logId: Uint8Array, sequence: bigint, commitment: Uint8Array}} After
 */
/** @typedef {{kind: "genesis", origin: string, recordedAt: string}} GenesisEntry */
/** @typedef {{kind: "target", origin: string, recordedAt: string}} TargetEntry */
/**
 * @typedef {{kind: "key", origin: string, recordedAt: string, oldKey: VerifierKey, newKey: VerifierKey,
 *   signature: Uint8Array}} KeyEntry
 */
/**
 * @typedef {{kind: "seal", origin: string, recordedAt: string, caseIndex: Uint8Array | null,
 *   after: After | null}} SealEntry
 */

export const HASH = 32; // bytes of SHA-256 and keccak-256
export const ADDRESS = 20;
const SIGNATURE = 64;
export const KEYS_MAX = 16;
export const TARGETS_MAX = 16;
export const TARGET_MEMBERS = ["chain_genesis", "chain_id", "code_hash", "contract", "log_id", "registrar"];
export const LOG_MEMBERS = ["kind", "origin", "recorded_at", "version"];

/** What the old key signs; the first line keeps it apart from checkpoints. @param {KeyEntry} entry */
export const keyChangeMessage = (entry) => toUtf8(`return-ledger/key@v1\n${entry.origin}\n${keyText(entry.newKey)}\n`);

/** @param {Reader} read @param {Json | undefined} value @returns {Target} */
export function parseTarget(read, value) {
  const m = read.members(value, TARGET_MEMBERS);
  return {
    chainId: read.at("chain_id").integer(m.get("chain_id"), { least: 1 }),
    chainGenesis: read.at("chain_genesis").hexadecimal(m.get("chain_genesis"), HASH, "0x"),
    contract: read.at("contract").hexadecimal(m.get("contract"), ADDRESS, "0x"),
    codeHash: read.at("code_hash").hexadecimal(m.get("code_hash"), HASH, "0x"),
    registrar: read.at("registrar").hexadecimal(m.get("registrar"), ADDRESS, "0x"),
    logId: read.at("log_id").hexadecimal(m.get("log_id"), HASH, "0x"),
  };
}

/** @param {Reader} read @param {Json} value @returns {GenesisEntry} */
export function parseGenesis(read, value) {
  const m = read.members(value, [...LOG_MEMBERS, "keys", "policy", "predecessor", "targets"]);
  const policy = read.at("policy").members(m.get("policy"), ["max_growth", "required"]);
  const targets = read.at("targets").items(m.get("targets"), TARGETS_MAX, (v) => parseTarget(read.at("targets"), v));
  const origin = read.at("origin").text(m.get("origin"), ORIGIN);
  parseKeys(read.at("keys"), m.get("keys"), origin);
  const recordedAt = read.at("recorded_at").instant(m.get("recorded_at"));
  read.at("policy.required").integer(policy.get("required"), { most: targets.length });
  read.at("policy.max_growth").integer(policy.get("max_growth"), { least: 2 });
  read.nullable(m.get("predecessor"), (v) => requirePredecessor(read.at("predecessor"), v));
  return { kind: "genesis", origin, recordedAt };
}

/**
 * Keys of a log: at least one, each named like it.
 * @param {Reader} read @param {Json | undefined} value @param {string} origin
 */
export function parseKeys(read, value, origin) {
  const keys = read.items(value, KEYS_MAX, (v) => parseKey(read, v));
  if (!keys.length || keys.some((key) => key.name !== origin)) {
    throw read.fail("at least one key, each named like the origin, is expected");
  }
  return keys;
}

/** @param {Reader} read @param {Json} value */
function requirePredecessor(read, value) {
  const m = read.members(value, ["log_id", "root", "sequence", "size"]);
  read.at("log_id").hexadecimal(m.get("log_id"), HASH, "0x");
  read.at("sequence").integer(m.get("sequence"));
  read.at("size").integer(m.get("size"), { least: 1 });
  read.at("root").hexadecimal(m.get("root"), HASH);
}

/** @param {Reader} read @param {Json} value @returns {KeyEntry} */
export function parseKeyChange(read, value) {
  const m = read.members(value, [...LOG_MEMBERS, "new_key", "old_key", "signature"]);
  return {
    kind: "key",
    origin: read.at("origin").text(m.get("origin"), ORIGIN),
    recordedAt: read.at("recorded_at").instant(m.get("recorded_at")),
    oldKey: parseKey(read.at("old_key"), m.get("old_key")),
    newKey: parseKey(read.at("new_key"), m.get("new_key")),
    signature: read.at("signature").hexadecimal(m.get("signature"), SIGNATURE),
  };
}

/** @param {Reader} read @param {Json} value @returns {TargetEntry} */
export function parseFurtherTarget(read, value) {
  const m = read.members(value, [...LOG_MEMBERS, "key", "signature", "target"]);
  const origin = read.at("origin").text(m.get("origin"), ORIGIN);
  const recordedAt = read.at("recorded_at").instant(m.get("recorded_at"));
  parseTarget(read.at("target"), m.get("target"));
  parseKey(read.at("key"), m.get("key"));
  read.at("signature").hexadecimal(m.get("signature"), SIGNATURE);
  return { kind: "target", origin, recordedAt };
}

/** @param {Reader} read @param {Json} value @returns {SealEntry} */
export function parseSeal(read, value) {
  const m = read.members(value, [...LOG_MEMBERS, "after", "case_index"]);
  return {
    kind: "seal",
    origin: read.at("origin").text(m.get("origin"), ORIGIN),
    recordedAt: read.at("recorded_at").instant(m.get("recorded_at")),
    caseIndex: read.nullable(m.get("case_index"), (v) => read.at("case_index").hexadecimal(v, HASH)),
    after: read.nullable(m.get("after"), (v) => parseAfter(read.at("after"), v)),
  };
}

/** @param {Reader} read @param {Json} value @returns {After} */
function parseAfter(read, value) {
  const m = read.members(value, ["chain_id", "commitment", "log_id", "sequence"]);
  return {
    chainId: read.at("chain_id").integer(m.get("chain_id"), { least: 1 }),
    logId: read.at("log_id").hexadecimal(m.get("log_id"), HASH, "0x"),
    sequence: read.at("sequence").count(m.get("sequence")),
    commitment: read.at("commitment").hexadecimal(m.get("commitment"), HASH, "0x"),
  };
}

/** The verifier key of its text. @param {Reader} read @param {Json | undefined} value */
const parseKey = (read, value) => read.within(() => parseVerifierKey(typeof value === "string" ? value : ""));
