// @ts-check
// Promises of merkle.js: RFC 9162 proofs, worked and published.
import assert from "node:assert/strict";
import { test } from "node:test";
import { equal, fromBase64, fromHex, toHex } from "../../ledger_service/web/static/verifier/bytes.js";
import { InvalidProofError } from "../../ledger_service/web/static/verifier/errors.js";
import { leafHash, reconstructRoots, verifyInclusion } from "../../ledger_service/web/static/verifier/merkle.js";
import { published, table } from "./vectors.js";

const LEAVES = table("five-leaves");
const ROOTS = table("five-roots");

/** @param {string | undefined} text */
const hash = (text) => /** @type {Uint8Array} */ (fromHex(text ?? ""));

/** @param {string} name */
const proof = (name) => Array.from(table(name).values(), hash);

/** @param {bigint} size */
const tree = (size) => ({ size, root: hash(ROOTS.get(`root ${size}`)) });

test("a leaf hash is that of its bytes", () => {
  assert.equal(toHex(leafHash(new Uint8Array([4]))), LEAVES.get("leaf 4"));
});

test("the worked inclusion proofs hold, at their index and size alone", () => {
  for (const [index, name] of /** @type {[bigint, string][]} */ ([[3n, "inclusion-3-5"], [4n, "inclusion-4-5"]])) {
    const leaf = hash(LEAVES.get(`leaf ${index}`));
    verifyInclusion(leaf, index, tree(5n), proof(name));
    for (const other of [-1n, 0n, 1n, 2n, 3n, 4n, 5n].filter((one) => one !== index)) {
      assert.throws(() => verifyInclusion(leaf, other, tree(5n), proof(name)), InvalidProofError);
    }
    for (const size of [1n, 2n, 3n, 4n]) {
      assert.throws(() => verifyInclusion(leaf, index, tree(size), proof(name)), InvalidProofError);
    }
    assert.throws(() => verifyInclusion(leaf, index, tree(5n), proof(name).slice(1)), InvalidProofError);
  }
});

test("the worked consistency proofs lead to both roots", () => {
  const three = reconstructRoots(3n, 5n, proof("consistency-3-5"));
  assert.ok(equal(three.older, tree(3n).root) && equal(three.newer, tree(5n).root));
  const four = reconstructRoots(4n, 5n, [tree(4n).root, ...proof("consistency-4-5")]);
  assert.ok(equal(four.older, tree(4n).root) && equal(four.newer, tree(5n).root));
  assert.throws(() => reconstructRoots(4n, 5n, proof("consistency-4-5")), InvalidProofError);
  assert.throws(() => reconstructRoots(0n, 5n, []), InvalidProofError);
});

const INCLUSION = published("rfc9162_inclusion.json");
const CONSISTENCY = published("rfc9162_consistency.json");

/** @param {string} text */
const decoded = (text) => /** @type {Uint8Array} */ (fromBase64(text));

/** @param {any} one */
function isConsistent({ size1, size2, root1, root2, proof: hashes }) {
  const [older, newer, given] = [decoded(root1), decoded(root2), (hashes ?? []).map(decoded)];
  if (size1 === size2) return size1 > 0n && !given.length && equal(older, newer);
  const path = (size1 & (size1 - 1n)) === 0n ? [older, ...given] : given;
  const led = reconstructRoots(size1, size2, path);
  return equal(led.older, older) && equal(led.newer, newer);
}

/** @param {() => boolean | void} check */
function accepts(check) {
  try {
    return check() !== false;
  } catch (error) {
    assert.ok(error instanceof InvalidProofError, String(error));
    return false;
  }
}

test("the published inclusion proofs", { skip: !INCLUSION && "../shared is not beside this checkout" }, () => {
  for (const one of INCLUSION) {
    const [leaf, root] = [decoded(one.leafHash), decoded(one.root)];
    const hashes = (one.proof ?? []).map(decoded);
    const accepted = accepts(() => verifyInclusion(leaf, one.leafIdx, { size: one.treeSize, root }, hashes));
    assert.equal(accepted, !one.wantErr, one.name);
  }
});

test("the published consistency proofs", { skip: !CONSISTENCY && "../shared is not beside this checkout" }, () => {
  for (const one of CONSISTENCY) assert.equal(accepts(() => isConsistent(one)), !one.wantErr, one.name);
});
