// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title RFC 9162 trees and proofs by the recursive definitions of its section 2.1, for tests
/// @dev Written apart from the verifier: recursion on ranges of leaves, the built-in sha256, no bit arithmetic.
library Trees {
    function leaf(bytes memory entry) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"00", entry));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"01", left, right));
    }

    /// @dev Leaves that all differ.
    function leaves(bytes32 seed, uint256 size) internal pure returns (bytes32[] memory made) {
        made = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) made[i] = leaf(abi.encode(seed, i));
    }

    /// @dev MTH(D[start:end]), section 2.1.1.
    function root(bytes32[] memory all, uint256 start, uint256 end) internal pure returns (bytes32) {
        if (end - start == 1) return all[start];
        uint256 k = split(end - start);
        return node(root(all, start, start + k), root(all, start + k, end));
    }

    /// @dev PATH(index, D[0:size]), section 2.1.3.1.
    function inclusion(bytes32[] memory all, uint256 index, uint256 size) internal pure returns (bytes32[] memory) {
        return _path(all, index, 0, size);
    }

    function _path(bytes32[] memory all, uint256 m, uint256 start, uint256 end)
        private
        pure
        returns (bytes32[] memory)
    {
        if (end - start == 1) return new bytes32[](0);
        uint256 k = split(end - start);
        if (m < k) return append(_path(all, m, start, start + k), root(all, start + k, end));
        return append(_path(all, m - k, start + k, end), root(all, start, start + k));
    }

    /// @dev PROOF(size1, D[0:size2]), section 2.1.4.1.
    function consistency(bytes32[] memory all, uint256 size1, uint256 size2) internal pure returns (bytes32[] memory) {
        return _subproof(all, size1, 0, size2, true);
    }

    function _subproof(bytes32[] memory all, uint256 m, uint256 start, uint256 end, bool known)
        private
        pure
        returns (bytes32[] memory)
    {
        if (m == end - start) {
            return known ? new bytes32[](0) : append(new bytes32[](0), root(all, start, end));
        }
        uint256 k = split(end - start);
        if (m <= k) return append(_subproof(all, m, start, start + k, known), root(all, start + k, end));
        return append(_subproof(all, m - k, start + k, end, false), root(all, start, start + k));
    }

    /// @dev The largest power of two below n.
    function split(uint256 n) internal pure returns (uint256 k) {
        k = 1;
        while (k * 2 < n) k *= 2;
    }

    function append(bytes32[] memory list, bytes32 item) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) longer[i] = list[i];
        longer[list.length] = item;
    }

    function shortened(bytes32[] memory list) internal pure returns (bytes32[] memory shorter) {
        shorter = new bytes32[](list.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) shorter[i] = list[i];
    }
}

/// @title Trees of any uint64 size whose leaves are all equal, so that a subtree depends on its width alone
contract EqualLeaves {
    bytes32[65] private _full; // root over 2^level leaves

    constructor(bytes32 leafHash) {
        _full[0] = leafHash;
        for (uint256 level = 1; level < 65; ++level) _full[level] = Trees.node(_full[level - 1], _full[level - 1]);
    }

    function root(uint256 width) public view returns (bytes32) {
        uint256 level = 0;
        while (2 ** (level + 1) <= width) ++level;
        uint256 rest = width - 2 ** level;
        return rest == 0 ? _full[level] : Trees.node(_full[level], root(rest));
    }

    function inclusion(uint256 index, uint256 size) public view returns (bytes32[] memory) {
        if (size == 1) return new bytes32[](0);
        uint256 k = Trees.split(size);
        if (index < k) return Trees.append(inclusion(index, k), root(size - k));
        return Trees.append(inclusion(index - k, size - k), root(k));
    }

    function consistency(uint256 size1, uint256 size2) external view returns (bytes32[] memory) {
        return _subproof(size1, size2, true);
    }

    function _subproof(uint256 m, uint256 n, bool known) private view returns (bytes32[] memory) {
        if (m == n) return known ? new bytes32[](0) : Trees.append(new bytes32[](0), root(n));
        uint256 k = Trees.split(n);
        if (m <= k) return Trees.append(_subproof(m, k, known), root(n - k));
        return Trees.append(_subproof(m - k, n - k, false), root(k));
    }
}
