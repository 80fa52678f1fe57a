// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../interfaces/IAnchorRegistry.sol";

/// @title Offers one valid proof to a registry again and again, each time with one bit of one hash changed
/// @dev One call does what would be thousands of calls from outside, and takes the proof that the caller computed.
contract MerkleTreeFlips {
    IAnchorRegistry private immutable _registry;

    constructor(IAnchorRegistry registry) {
        _registry = registry;
    }

    /// @notice Flips bits `first`, `first + step`, ... below 256 of both roots and of each hash of the proof.
    /// @return refused how many of the changed calls reverted
    /// @return offered how many there were
    function consistency(
        uint64 size1,
        bytes32 root1,
        uint64 size2,
        bytes32 root2,
        bytes32[] calldata proof,
        uint256 first,
        uint256 step
    ) external view returns (uint256 refused, uint256 offered) {
        bytes memory sent = abi.encodeCall(IAnchorRegistry.verifyConsistency, (size1, root1, size2, root2, proof));
        require(_accepts(sent), "the unchanged proof was refused");
        uint256[] memory at = _places(proof.length, 6); // words: size1, root1, size2, root2, offset, length, proof
        (at[0], at[1]) = (1, 3);
        return _flipEach(sent, at, first, step);
    }

    /// @notice The same for an inclusion proof: leaf hash, root and each hash of the proof.
    function inclusion(
        bytes32 leafHash,
        uint64 index,
        uint64 size,
        bytes32[] calldata proof,
        bytes32 root,
        uint256 first,
        uint256 step
    ) external view returns (uint256 refused, uint256 offered) {
        bytes memory sent = abi.encodeCall(IAnchorRegistry.verifyInclusion, (leafHash, index, size, proof, root));
        require(_accepts(sent), "the unchanged proof was refused");
        uint256[] memory at = _places(proof.length, 6); // words: leafHash, index, size, offset, root, length, proof
        (at[0], at[1]) = (0, 4);
        return _flipEach(sent, at, first, step);
    }

    function _places(uint256 length, uint256 start) private pure returns (uint256[] memory at) {
        at = new uint256[](length + 2);
        for (uint256 i = 0; i < length; ++i) at[i + 2] = start + i;
    }

    function _flipEach(bytes memory sent, uint256[] memory at, uint256 first, uint256 step)
        private
        view
        returns (uint256 refused, uint256 offered)
    {
        for (uint256 i = 0; i < at.length; ++i) {
            for (uint256 bit = first; bit < 256; bit += step) {
                _flip(sent, at[i], bit);
                if (!_accepts(sent)) ++refused;
                ++offered;
                _flip(sent, at[i], bit);
            }
        }
    }

    /// @dev Changes one bit of argument word `word`, after the length of `sent` (32 bytes) and the selector (4).
    function _flip(bytes memory sent, uint256 word, uint256 bit) private pure {
        assembly ("memory-safe") {
            let place := add(sent, add(36, mul(word, 32)))
            mstore(place, xor(mload(place), shl(bit, 1)))
        }
    }

    function _accepts(bytes memory sent) private view returns (bool accepted) {
        address registry = address(_registry);
        assembly ("memory-safe") {
            accepted := staticcall(gas(), registry, add(sent, 32), mload(sent), 0, 0)
        }
    }
}
