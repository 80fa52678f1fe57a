// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "../libraries/MerkleTree.sol";

/// @title What one verification costs inside a contract: the gas difference around the library's call
contract MerkleTreeMeter {
    function meterConsistency(uint64 size1, bytes32 root1, uint64 size2, bytes32 root2, bytes32[] calldata proof)
        external
        view
        returns (uint256)
    {
        uint256 before = gasleft();
        MerkleTree.verifyConsistency(size1, root1, size2, root2, proof);
        return before - gasleft();
    }

    function meterInclusion(bytes32 leafHash, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        external
        view
        returns (uint256)
    {
        uint256 before = gasleft();
        MerkleTree.verifyInclusion(leafHash, index, size, proof, root);
        return before - gasleft();
    }
}
