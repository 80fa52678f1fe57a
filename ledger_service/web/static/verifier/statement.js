// @ts-check
/**
 * What a party signs: one step as an EIP-712 typed message, and the 32 bytes that a wallet signs of it (SPEC.md,
 * section 12).
 *
 * Promises: the digest is what `eth_signTypedData_v4` signs; every member changes it. Does not: know signatures
 * (`signing.js`).
 */

import { concat, fromNumber, toHex, toUtf8 } from "./bytes.js";
import { encode } from "./encoding.js";
import { keccak, sha256 } from "./hashes.js";
import { addressWord, computeOriginHash } from "./registry.js";

/** @import { Json } from "./encoding.js" */

/** Where a statement counts. @typedef {{origin: string, chainId: number, contract: Uint8Array}} Domain */
/**
 * What a party signs; `returnId` and `previous` are zeros for a new case, `occurredAt` empty where it is not known.
 * @typedef {{returnId: Uint8Array, previous: Uint8Array, verb: string, role: string, occurredAt: string,
 *   contentHash: Uint8Array, nonce: Uint8Array, deadline: number}} Statement
 */
/**
 * A step's content: all fields with their values, kind and SHA-256 of each file, the rule, the state that it leads to.
 * @typedef {{fields: Map<string, Json>, evidence: [string, Uint8Array][], rule: {id: string, version: string} | null,
 *   toState: string | null}} Content
 */

const WORD_BYTES = 32;
const DOMAIN_TYPE =
  "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)";
const STEP_TYPE =
  "Step(bytes16 returnId,bytes32 previous,string verb,string role,string occurredAt,bytes32 contentHash," +
  "bytes32 nonce,uint64 deadline)";

/** SHA-256 over the RFC 8785 bytes of a step's content. @param {Content} content */
export function contentHash({ fields, evidence, rule, toState }) {
  const files = evidence.map(([kind, digest]) => /** @type {Json} */ ([kind, toHex(digest)]));
  const members = /** @type {[string, Json][]} */ ([
    ["evidence", files], ["fields", fields], ["rule", rule && `${rule.id}@${rule.version}`], ["to_state", toState],
  ]);
  return sha256(encode(new Map(members)));
}

/** keccak256(0x1901 ‖ domain separator ‖ hash of the message) (EIP-712). @param {Domain} domain @param {Statement} s */
export function digest(domain, s) {
  const separator = keccak(concat(
    text(DOMAIN_TYPE), text("return-ledger"), text("1"), number(domain.chainId), addressWord(domain.contract),
    computeOriginHash(domain.origin),
  ));
  const message = keccak(concat(
    text(STEP_TYPE), padded(s.returnId), padded(s.previous), text(s.verb), text(s.role), text(s.occurredAt),
    padded(s.contentHash), padded(s.nonce), number(s.deadline),
  ));
  return keccak(concat(new Uint8Array([0x19, 0x01]), separator, message));
}

/** A text as EIP-712 encodes it: by its hash. @param {string} value */
const text = (value) => keccak(toUtf8(value));

/** @param {number} value */
const number = (value) => fromNumber(BigInt(value), WORD_BYTES);

/** bytesN as a word: padded on the right. @param {Uint8Array} value */
const padded = (value) => concat(value, new Uint8Array(WORD_BYTES - value.length));
