// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../AnchorRegistry.sol";
import {MerkleTree} from "../libraries/MerkleTree.sol";
import {EqualLeaves, Trees} from "./Trees.sol";
import {between, vm} from "./Vm.sol";

/// @title The verifier accepts exactly the proofs of RFC 9162 and names what is wrong with any other
contract MerkleTreeTest {
    uint256 private constant MOST = 80; // leaves of a tree with distinct leaves
    AnchorRegistry private registry;
    EqualLeaves private equal;

    function setUp() public {
        registry = new AnchorRegistry();
        equal = new EqualLeaves(Trees.leaf("x"));
    }

    function test_EveryPairUpTo24IsAccepted() public view {
        bytes32[] memory all = Trees.leaves("pairs", 24);
        for (uint64 size2 = 1; size2 <= 24; ++size2) {
            bytes32 root2 = Trees.root(all, 0, size2);
            for (uint64 size1 = 1; size1 <= size2; ++size1) {
                bytes32[] memory proof = Trees.consistency(all, size1, size2);
                registry.verifyConsistency(size1, Trees.root(all, 0, size1), size2, root2, proof);
            }
            for (uint64 index = 0; index < size2; ++index) {
                registry.verifyInclusion(all[index], index, size2, Trees.inclusion(all, index, size2), root2);
            }
        }
    }

    function testFuzz_ConsistencyIsAccepted(bytes32 seed, uint256 a, uint256 b) public view {
        (uint64 size1, uint64 size2) = _sizes(a, b);
        bytes32[] memory all = Trees.leaves(seed, size2);
        bytes32[] memory proof = Trees.consistency(all, size1, size2);

        registry.verifyConsistency(size1, Trees.root(all, 0, size1), size2, Trees.root(all, 0, size2), proof);
    }

    function testFuzz_ConsistencyWithOneBitFlippedIsRefused(bytes32 seed, uint256 a, uint256 b, uint256 c) public view {
        (uint64 size1, uint64 size2) = _sizes(a, b);
        bytes32[] memory all = Trees.leaves(seed, size2);
        bytes32[] memory proof = Trees.consistency(all, size1, size2);
        bytes32[2] memory roots = [Trees.root(all, 0, size1), Trees.root(all, 0, size2)];

        uint256 place = c % (proof.length + 2);
        bytes32 bit = bytes32(1 << ((c >> 8) % 256));
        if (place < 2) roots[place] ^= bit;
        else proof[place - 2] ^= bit;
        require(!_consistent(size1, roots[0], size2, roots[1], proof), "a flipped bit was accepted");
    }

    function testFuzz_ConsistencyOfWrongLengthIsRefused(bytes32 seed, uint256 a, uint256 b) public {
        (uint64 size1, uint64 size2) = _sizes(a, b);
        bytes32[] memory all = Trees.leaves(seed, size2);
        bytes32[] memory proof = Trees.consistency(all, size1, size2);
        bytes32 root1 = Trees.root(all, 0, size1);
        bytes32 root2 = Trees.root(all, 0, size2);
        uint256 n = proof.length;

        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleProofLength.selector, n, n + 1));
        registry.verifyConsistency(size1, root1, size2, root2, Trees.append(proof, root2));
        if (n == 0) return;
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleProofLength.selector, n, n - 1));
        registry.verifyConsistency(size1, root1, size2, root2, Trees.shortened(proof));
    }

    function testFuzz_ConsistencyOfOtherSizesIsRefused(bytes32 seed, uint256 a, uint256 b, uint64 other) public view {
        (uint64 size1, uint64 size2) = _sizes(a, b);
        bytes32[] memory all = Trees.leaves(seed, size2);
        bytes32[] memory proof = Trees.consistency(all, size1, size2);
        bytes32 root1 = Trees.root(all, 0, size1);
        bytes32 root2 = Trees.root(all, 0, size2);

        if (size1 == size2) return;
        require(!_consistent(size2, root2, size1, root1, proof), "swapped trees were accepted");
        other %= size2;
        if (other != size1) require(!_consistent(other, root1, size2, root2, proof), "another older size was accepted");
    }

    function testFuzz_ConsistencyOfHugeTrees(uint64 a, uint64 b, uint256 c) public view {
        (uint64 size1, uint64 size2) = a < b ? (a, b) : (b, a);
        if (size1 == 0) size1 = 1;
        if (size2 == 0) size2 = 1;
        bytes32[] memory proof = equal.consistency(size1, size2);
        bytes32 root1 = equal.root(size1);
        bytes32 root2 = equal.root(size2);

        registry.verifyConsistency(size1, root1, size2, root2, proof);
        if (proof.length == 0) return;
        proof[c % proof.length] ^= bytes32(uint256(1));
        require(!_consistent(size1, root1, size2, root2, proof), "a flipped bit was accepted");
    }

    function test_SizesAroundEveryPowerOfTwo() public view {
        for (uint64 level = 1; level < 64; ++level) {
            uint64 width = uint64(1) << level;
            for (uint64 size = width - 1; size <= width + 1; ++size) {
                bytes32 root = equal.root(size);
                registry.verifyConsistency(1, equal.root(1), size, root, equal.consistency(1, size));
                bytes32 next = equal.root(size + 1);
                registry.verifyConsistency(size, root, size + 1, next, equal.consistency(size, size + 1));
                registry.verifyInclusion(equal.root(1), 0, size, equal.inclusion(0, size), root);
                registry.verifyInclusion(equal.root(1), size - 1, size, equal.inclusion(size - 1, size), root);
            }
        }
    }

    function testFuzz_InclusionIsAccepted(bytes32 seed, uint256 a, uint256 b) public view {
        uint64 size = uint64(between(a, 1, MOST));
        uint64 index = uint64(b % size);
        bytes32[] memory all = Trees.leaves(seed, size);

        registry.verifyInclusion(
            all[index], index, size, Trees.inclusion(all, index, size), Trees.root(all, 0, size)
        );
    }

    function testFuzz_InclusionWithOneBitFlippedIsRefused(bytes32 seed, uint256 a, uint256 b, uint256 c) public view {
        uint64 size = uint64(between(a, 1, MOST));
        uint64 index = uint64(b % size);
        bytes32[] memory all = Trees.leaves(seed, size);
        bytes32[] memory proof = Trees.inclusion(all, index, size);
        bytes32[2] memory ends = [all[index], Trees.root(all, 0, size)];

        uint256 place = c % (proof.length + 2);
        bytes32 bit = bytes32(1 << ((c >> 8) % 256));
        if (place < 2) ends[place] ^= bit;
        else proof[place - 2] ^= bit;
        require(!_included(ends[0], index, size, proof, ends[1]), "a flipped bit was accepted");
    }

    function testFuzz_InclusionAtAnotherIndexIsRefused(bytes32 seed, uint256 a, uint256 b, uint64 other) public view {
        uint64 size = uint64(between(a, 2, MOST));
        uint64 index = uint64(b % size);
        bytes32[] memory all = Trees.leaves(seed, size);
        bytes32[] memory proof = Trees.inclusion(all, index, size);
        if (other % size == index) other = index + 1;

        require(!_included(all[index], other % size, size, proof, Trees.root(all, 0, size)), "another index");
    }

    function testFuzz_InclusionInHugeTrees(uint64 size, uint64 index, uint256 c) public view {
        if (size == 0) size = type(uint64).max;
        index %= size;
        bytes32[] memory proof = equal.inclusion(index, size);

        registry.verifyInclusion(Trees.leaf("x"), index, size, proof, equal.root(size));
        if (proof.length == 0) return;
        proof[c % proof.length] ^= bytes32(uint256(1));
        require(!_included(Trees.leaf("x"), index, size, proof, equal.root(size)), "a flipped bit was accepted");
    }

    function test_InclusionOfWrongLengthIsRefused() public {
        bytes32[] memory all = Trees.leaves("length", 7);
        bytes32[] memory proof = Trees.inclusion(all, 2, 7);
        bytes32 root = Trees.root(all, 0, 7);

        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleProofLength.selector, 3, 4));
        registry.verifyInclusion(all[2], 2, 7, Trees.append(proof, root), root);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleProofLength.selector, 3, 2));
        registry.verifyInclusion(all[2], 2, 7, Trees.shortened(proof), root);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleProofLength.selector, 0, 1));
        registry.verifyInclusion(all[0], 0, 1, Trees.append(new bytes32[](0), root), all[0]);
    }

    function testFuzz_IndexNotBelowSizeIsRefused(uint64 index, uint64 size) public {
        if (index < size) (index, size) = (size, index);

        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleIndex.selector, index, size));
        registry.verifyInclusion(0, index, size, new bytes32[](0), 0);
    }

    function test_AnIndexThatEqualsTheSizeIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleIndex.selector, 5, 5));
        registry.verifyInclusion(0, 5, 5, new bytes32[](2), 0);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleIndex.selector, 0, 0));
        registry.verifyInclusion(0, 0, 0, new bytes32[](0), 0);
    }

    function testFuzz_SizesOutOfOrderAreRefused(uint64 size1, uint64 size2) public {
        if (size1 <= size2) (size1, size2) = (size2, size1);
        if (size1 == size2) size1 = 0;

        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleSizes.selector, size1, size2));
        registry.verifyConsistency(size1, 0, size2, 0, new bytes32[](0));
    }

    function test_TheReasonNamesTheRootThatFailed() public {
        bytes32[] memory all = Trees.leaves("reasons", 6);
        bytes32[] memory proof = Trees.consistency(all, 3, 6);
        bytes32 root1 = Trees.root(all, 0, 3);
        bytes32 root2 = Trees.root(all, 0, 6);

        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleOlderRoot.selector, root2, root1));
        registry.verifyConsistency(3, root2, 6, root2, proof);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleNewerRoot.selector, root1, root2));
        registry.verifyConsistency(3, root1, 6, root1, proof);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleNewerRoot.selector, root2, root1));
        registry.verifyConsistency(6, root1, 6, root2, new bytes32[](0));
        proof = Trees.inclusion(all, 4, 6);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleRoot.selector, root1, root2));
        registry.verifyInclusion(all[4], 4, 6, proof, root1);
    }

    function _sizes(uint256 a, uint256 b) private pure returns (uint64 size1, uint64 size2) {
        size2 = uint64(between(a, 1, MOST));
        size1 = uint64(between(b, 1, size2));
    }

    function _consistent(uint64 size1, bytes32 root1, uint64 size2, bytes32 root2, bytes32[] memory proof)
        private
        view
        returns (bool)
    {
        try registry.verifyConsistency(size1, root1, size2, root2, proof) {
            return true;
        } catch {
            return false;
        }
    }

    function _included(bytes32 leafHash, uint64 index, uint64 size, bytes32[] memory proof, bytes32 root)
        private
        view
        returns (bool)
    {
        try registry.verifyInclusion(leafHash, index, size, proof, root) {
            return true;
        } catch {
            return false;
        }
    }
}
