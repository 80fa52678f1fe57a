// @ts-check
/** The two hash functions of the formats: SHA-256 (FIPS 180-4) and Ethereum's keccak-256, which is not SHA3-256. */

export { sha256 } from "@noble/hashes/sha2.js";
export { keccak_256 as keccak } from "@noble/hashes/sha3.js";
