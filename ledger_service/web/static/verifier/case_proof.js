// @ts-check
/**
 * The completeness file: as of a seal, how many entries a case has and which is the last, or which cases a scope has
 * (SPEC.md, section 7.2).
 *
 * Promises: one spelling, white space aside; `digest` shows a change on the way even where what a changed file says is
 * true as well. Does not: judge (`verify_case_proof.js`).
 */

import { fromHex, fromUtf8, toHex } from "./bytes.js";
import { keyOf, prefixOf } from "./case_index.js";
import { encode, encodeDocument, parseDocument } from "./encoding.js";
import { sha256 } from "./hashes.js";
import { form, Reader } from "./members.js";
import { parseReceipt, RECEIPT_BYTES_MAX } from "./receipt.js";
import { HASH_BYTES, NODE_BYTES_MAX, NODES_MAX } from "./trie.js";

/** @import { Scope } from "./case_index.js" */
/** @import { Json } from "./encoding.js" */
/** @import { Receipt } from "./receipt.js" */

/**
 * What is shown of the cases of `scope`, or of one of them; `prefix` are the nibbles with which their keys begin.
 * @typedef {{scope: Scope, returnId: string | null, prefix: string, seal: Receipt, nodes: Uint8Array[]}} CaseProof
 */

const FORMAT = "return-ledger/case-index@v1";
export const CASE_PROOF_BYTES_MAX = 64 * 1024 * 1024;
const RETURN = form("[0-9a-f]{32}");
const NODE = form(`(?:[0-9a-f]{2}){${HASH_BYTES},${NODE_BYTES_MAX}}`);
const BEGINNING = /^[\t-\r ]*\{[\t-\r ]*"digest"[\t-\r ]*:/;
const MEMBERS = ["digest", "format", "nodes", "return_id", "scope", "seal", "unprotected"];

/**
 * What a completeness file holds.
 * @param {Uint8Array} data @returns {CaseProof} @throws {import("./errors.js").FormatError}
 */
export function parseCaseProof(data) {
  const read = new Reader("completeness file");
  const value = read.document(() => parseDocument(data, CASE_PROOF_BYTES_MAX), FORMAT);
  const m = read.members(value, MEMBERS);
  read.at("unprotected").object(m.get("unprotected"));
  const covered = new Map(Array.from(m).filter(([name]) => name !== "digest" && name !== "unprotected"));
  if (m.get("digest") !== toHex(sha256(encode(covered)))) {
    throw read.at("digest").fail("the file was changed on its way");
  }
  const s = read.at("scope").members(m.get("scope"), ["buyer_country", "month", "seller_country"]);
  const [buyerCountry, sellerCountry] = [s.get("buyer_country"), s.get("seller_country")];
  const month = s.get("month") ?? null;
  const texts = typeof buyerCountry === "string" && typeof sellerCountry === "string";
  if (!texts || (month !== null && typeof month !== "string")) throw read.at("scope").fail("texts are expected");
  const returnId = read.nullable(m.get("return_id"), (v) => read.at("return_id").text(v, RETURN));
  if (returnId !== null && month === null) {
    throw read.at("scope").fail("a case needs the month in which it was opened");
  }
  const scope = { buyerCountry, sellerCountry, month };
  const prefix = read.within(() => (returnId === null ? prefixOf(scope) : keyOf(scope, returnId)));
  const seal = read.within(() => parseReceipt(encodeDocument(m.get("seal") ?? null)));
  const nodes = read.at("nodes").items(m.get("nodes"), NODES_MAX, (v) => parseNode(read.at("nodes"), v));
  return { scope, returnId, prefix, seal, nodes };
}

/** @param {Reader} read @param {Json} value */
const parseNode = (read, value) => /** @type {Uint8Array} */ (fromHex(read.text(value, NODE)));

/** Whether a file begins as a completeness file does. @param {Uint8Array} data */
export function beginsCaseProof(data) {
  const ascii = data.subarray(0, RECEIPT_BYTES_MAX).findIndex((byte) => byte > 0x7f);
  return BEGINNING.test(fromUtf8(data.subarray(0, ascii < 0 ? RECEIPT_BYTES_MAX : ascii)) ?? "");
}
