// @ts-check
/**
 * The wallet signature over a step: who made it, and whether it belongs to the entry (SPEC.md, sections 12.1, 12.2).
 *
 * Promises: one accepted spelling of a signature (65 bytes, v 27 or 28, low s). Does not: know which wallet belongs to
 * whom.
 */

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { equal, fromHex, toHex, toNumber } from "./bytes.js";
import { commitmentOf, EVIDENCE_PREFIX } from "./disclosure.js";
import { NAME, RETURN_ID_BYTES, standsAside } from "./entry.js";
import { FormatError, InvalidProofError, WithheldError } from "./errors.js";
import { keccak } from "./hashes.js";
import { ADDRESS, HASH } from "./log_entry.js";
import { Reader } from "./members.js";
import { quote } from "./quoted.js";
import { contentHash, digest } from "./statement.js";

/** @import { Record } from "./disclosure.js" */
/** @import { Json } from "./encoding.js" */
/** @import { CaseEntry } from "./entry.js" */
/** @import { Domain, Statement } from "./statement.js" */

const SIGNATURE_NAME = "statement:signature"; // the colon keeps it apart from every field: names of fields have none
const SIGNER_NAME = "statement:signer";
const SIGNATURE_BYTES = 65; // r ‖ s ‖ v
const NONCE_BYTES = 32;
const RECORDING_SECONDS_MAX = 60;
const ORDER = secp256k1.Point.Fn.ORDER;
const VALUE_MEMBERS = ["chain_id", "contract", "deadline", "nonce", "previous", "signature", "to_state"];

/**
 * The address whose key made the signature over a digest, whoever that is.
 * @param {Uint8Array} signed 32 bytes @param {Uint8Array} signature 65 bytes @throws {InvalidProofError}
 */
export function recover(signed, signature) {
  const r = toNumber(signature.subarray(0, 32));
  const s = toNumber(signature.subarray(32, 64));
  const v = signature[64];
  if (v !== 27 && v !== 28) throw new InvalidProofError(`the last byte of a signature is 27 or 28, found ${v}`);
  if (r < 1n || r >= ORDER || s < 1n || s >= ORDER) {
    throw new InvalidProofError("r or s of the signature is not from 1 to n − 1");
  }
  // EIP-2: of the two signatures that everybody can make from one, the lower counts.
  if (s > ORDER / 2n) throw new InvalidProofError("the signature has a high s (EIP-2)");
  let key;
  try {
    key = new secp256k1.Signature(r, s).addRecoveryBit(v - 27).recoverPublicKey(signed).toBytes(false);
  } catch {
    throw new InvalidProofError("no key gives this signature");
  }
  return keccak(key.subarray(1)).subarray(-ADDRESS);
}

/**
 * The address of the wallet that signed the step of an entry that says it was signed.
 * @param {CaseEntry} entry @param {Record[]} records of its copy @param {Domain[]} domains the places that are pinned
 * @throws {WithheldError | FormatError | InvalidProofError}
 */
export function verifySignedEntry(entry, records, domains) {
  const { fields, evidence } = open(entry, records);
  const signatureValue = fields.get(SIGNATURE_NAME);
  const signerValue = fields.get(SIGNER_NAME);
  if (!fields.has(SIGNATURE_NAME) || !fields.has(SIGNER_NAME)) {
    throw new InvalidProofError("the entry is marked signed and carries no statement");
  }
  const value = parseSignatureValue(signatureValue);
  const signer = new Reader(SIGNER_NAME).hexadecimal(signerValue, ADDRESS, "0x");
  fields.delete(SIGNATURE_NAME);
  fields.delete(SIGNER_NAME);
  const domain = domains.find((one) => one.chainId === value.chainId && equal(one.contract, value.contract));
  if (domain?.origin !== entry.origin) {
    throw new InvalidProofError(`signed for chain ${value.chainId}, contract 0x${toHex(value.contract)}`);
  }
  if (!standsAside(entry) && !(equal(value.previous, entry.prev) && value.toState === entry.toState)) {
    throw new InvalidProofError("signed on another head, or for another state than the entry's");
  }
  const recorded = Math.floor(Date.parse(entry.recordedAt) / 1000);
  if (recorded > value.deadline + RECORDING_SECONDS_MAX) {
    throw new InvalidProofError(`recorded at ${recorded}, after the deadline of the statement, ${value.deadline}`);
  }
  /** @type {Statement} */
  const statement = {
    returnId: (value.previous && fromHex(entry.returnId)) ?? new Uint8Array(RETURN_ID_BYTES),
    previous: value.previous ?? new Uint8Array(HASH),
    verb: entry.verb,
    role: entry.role,
    occurredAt: entry.occurredAt ?? "",
    contentHash: contentHash({ fields, evidence, rule: entry.rule, toState: value.toState }),
    nonce: value.nonce,
    deadline: value.deadline,
  };
  const found = recover(digest(domain, statement), value.signature);
  if (!equal(found, signer)) {
    throw new InvalidProofError("the signature is not by the committed signer over the step of this entry");
  }
  return found;
}

/** What is committed to under `statement:signature`. @param {Json | undefined} value */
function parseSignatureValue(value) {
  const read = new Reader(SIGNATURE_NAME);
  const m = read.members(value, VALUE_MEMBERS);
  if (m.get("previous") === "0".repeat(2 * HASH)) {
    throw read.at("previous").fail("zero stands for no case, which is null here");
  }
  return {
    chainId: read.at("chain_id").integer(m.get("chain_id"), { least: 1 }),
    contract: read.at("contract").hexadecimal(m.get("contract"), ADDRESS, "0x"),
    previous: read.nullable(m.get("previous"), (v) => read.at("previous").hexadecimal(v, HASH)),
    toState: read.nullable(m.get("to_state"), (v) => read.at("to_state").text(v, NAME)),
    nonce: read.at("nonce").hexadecimal(m.get("nonce"), NONCE_BYTES),
    deadline: read.at("deadline").integer(m.get("deadline")),
    signature: read.at("signature").hexadecimal(m.get("signature"), SIGNATURE_BYTES, "0x"),
  };
}

/**
 * Check each record against its commitment; all fields, and kind and digest of each file.
 * @param {CaseEntry} entry @param {Record[]} records
 */
function open(entry, records) {
  const names = records.map((one) => one.name);
  if (names.length !== entry.committed.length || entry.committed.some((one, at) => one.name !== names[at])) {
    throw new InvalidProofError("the records are not those of the commitments of this entry, one by one");
  }
  const fields = new Map(entry.facts);
  const evidence = /** @type {[string, Uint8Array][]} */ ([]);
  const withheld = /** @type {string[]} */ ([]);
  entry.committed.forEach(({ name, commitment }, at) => {
    const { shown } = records[at];
    if (shown === null) {
      withheld.push(name);
    } else if (!equal(commitmentOf(name, shown), commitment)) {
      throw new InvalidProofError(`the value shown does not open the commitment ${quote(name)}`);
    } else if (name.startsWith(EVIDENCE_PREFIX)) {
      evidence.push([name.slice(EVIDENCE_PREFIX.length), new Reader(name).hexadecimal(shown.value, HASH)]);
    } else if (fields.has(name)) { // the signer's fields have one value each
      throw new FormatError(`the field ${quote(name)} stands twice in the entry`);
    } else {
      fields.set(name, shown.value);
    }
  });
  if (withheld.length) throw new WithheldError("the signature covers values that are not shown");
  return { fields, evidence };
}
