// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title RFC 9162 Merkle tree verification with SHA-256
/// @notice Accepts an inclusion or consistency proof or reverts with the reason. Every number comes from the caller,
/// never from the proof, and a proof of the wrong length is refused before anything is hashed.
/// @dev Steps are numbered as in the RFC's sections 2.1.3.2 (inclusion) and 2.1.4.2 (consistency). Where it shifts `fn`
/// and `sn` level by level, `levels` has a bit, found beforehand, for each level at which the proof has a hash: where
/// they still differ after the shifts, and above that wherever fn has a set bit.
library MerkleTree {
    /// @notice Not 0 < size1 <= size2.
    error MerkleSizes(uint64 size1, uint64 size2);
    /// @notice The index is not below the size.
    error MerkleIndex(uint64 index, uint64 size);
    /// @notice A proof for these numbers has exactly `expected` hashes.
    error MerkleProofLength(uint256 expected, uint256 actual);
    /// @notice The proof leads from the leaf to another root.
    error MerkleRoot(bytes32 expected, bytes32 computed);
    /// @notice The proof leads to another root of the older tree.
    error MerkleOlderRoot(bytes32 expected, bytes32 computed);
    /// @notice The proof leads to another root of the newer tree.
    error MerkleNewerRoot(bytes32 expected, bytes32 computed);

    /// @notice Returns only if the leaf is at `index` of the tree (size, root).
    function verifyInclusion(bytes32 leafHash, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        internal view {
        if (index >= size) revert MerkleIndex(index, size); // step 1
        uint256 levels;
        unchecked { levels = index | _fill(index ^ (size - 1)); } // step 2: fn is index, sn is size - 1, size is not 0
        uint256 expected = _countBits(levels);
        if (proof.length != expected) revert MerkleProofLength(expected, proof.length); // steps 4a and 5 (sn is 0)
        (, bytes32 r) = expected == 0 ? (leafHash, leafHash) : _climb(leafHash, index, levels, proof, 0); // steps 3, 4
        if (r != root) revert MerkleRoot(root, r); // step 5
    }

    /// @notice Returns only if the tree (size1, root1) is a prefix of the tree (size2, root2).
    function verifyConsistency(uint64 size1, bytes32 root1, uint64 size2, bytes32 root2, bytes32[] calldata proof)
        internal view {
        if (size1 == 0 || size1 > size2) revert MerkleSizes(size1, size2);
        if (size1 == size2) {
            if (proof.length != 0) revert MerkleProofLength(0, proof.length);
            if (root1 != root2) revert MerkleNewerRoot(root2, root1);
            return;
        }
        unchecked { // 0 < size1 < size2, and at most 65 hashes
            uint256 fn = uint256(size1) - 1; // step 3, sn is size2 - 1
            uint256 low = fn & ~uint256(size1); // step 4: the set bits at the low end of fn, shifted out
            uint256 levels = (fn | _fill(fn ^ (uint256(size2) - 1))) & ~low;
            uint256 first = fn == low ? 0 : 1; // step 2: size1 is a power of two, so root1 stands for the first hash
            uint256 expected = first + _countBits(levels);
            if (proof.length != expected) revert MerkleProofLength(expected, proof.length); // steps 1, 6a, 7 (sn is 0)
            bytes32 start = first == 0 ? root1 : proof[0]; // step 5
            (bytes32 fr, bytes32 sr) = _climb(start, fn, levels, proof, first); // step 6
            if (fr != root1) revert MerkleOlderRoot(root1, fr); // step 7
            if (sr != root2) revert MerkleNewerRoot(root2, sr);
        }
    }

    /// @dev Step 6 of 2.1.4.2: climbs from `start` to the roots `fr` over fn + 1 leaves and `sr` over all, by one hash
    /// a level (the caller has checked) from proof[first] on; `sr` alone is step 4 of 2.1.3.2. A node is hashed behind
    /// the free memory pointer, as 0x01 || left || right. Reverts where the chain has no SHA-256 precompile.
    function _climb(bytes32 start, uint256 fn, uint256 levels, bytes32[] calldata proof, uint256 first)
        private view returns (bytes32 fr, bytes32 sr) {
        (fr, sr) = (start, start);
        assembly ("memory-safe") {
            let node := mload(0x40)
            let left := add(node, 1)
            let right := add(node, 33)
            mstore8(node, 1)
            let done := 1
            for { let c := add(proof.offset, shl(5, first)) } levels { c := add(c, 32) } {
                let bit := and(levels, sub(0, levels)) // the lowest level that is left
                levels := xor(levels, bit) // steps 6c and 6b iii: shifted to the next one
                switch and(fn, bit)
                case 0 { mstore(left, sr) mstore(right, calldataload(c)) } // step 6b, otherwise
                default {
                    mstore(left, calldataload(c)) mstore(right, fr) // step 6b i
                    done := and(staticcall(gas(), 2, node, 65, 0, 32), done)
                    fr := mload(0)
                    mstore(right, sr) // step 6b ii
                }
                done := and(staticcall(gas(), 2, node, 65, 0, 32), done)
                sr := mload(0)
            }
            if iszero(and(done, eq(returndatasize(), 32))) { revert(0, 0) }
        }
    }

    /// @dev Sets every bit below the highest set bit of x < 2^64.
    function _fill(uint256 x) private pure returns (uint256) {
        x |= x >> 1;
        x |= x >> 2;
        x |= x >> 4;
        x |= x >> 8;
        x |= x >> 16;
        return x | (x >> 32);
    }

    /// @dev The number of set bits of x < 2^64, summed in ever wider fields. Unchecked: no field overflows.
    function _countBits(uint256 x) private pure returns (uint256) {
        unchecked {
            x -= (x >> 1) & 0x5555555555555555;
            x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
            x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
            return ((x * 0x0101010101010101) >> 56) & 0xff;
        }
    }
}
