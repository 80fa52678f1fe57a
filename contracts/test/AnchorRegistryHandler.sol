// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../AnchorRegistry.sol";
import {Trees} from "./Trees.sol";
import {between, vm} from "./Vm.sol";

/// @title What operators, owners and attackers may try, in any order, on two logs of one registry
/// @dev Keeps its own account of what must hold and writes the first breach into `breach`.
contract AnchorRegistryHandler {
    uint256 private constant MOST = 120; // leaves of a log
    address private constant NOBODY = address(0xBAD);

    struct Mirror {
        bytes32 id;
        bytes32[] leaves;
        uint64 size;
        uint64 maxGrowth;
        address owner;
        address offered;
        address anchorer;
        bool closed;
        bytes32[] commitments;
    }

    AnchorRegistry public immutable registry;
    string public breach;
    uint256 public accepted;
    uint256 public refused;
    Mirror[2] private _logs;

    constructor() {
        registry = new AnchorRegistry();
        for (uint256 i = 0; i < 2; ++i) {
            Mirror storage log = _logs[i];
            log.leaves = Trees.leaves(bytes32(i), MOST);
            (log.size, log.maxGrowth, log.owner, log.anchorer) = (1, 24, address(0xA0), address(0xB0));
            log.id = registry.registerLog(bytes32(i + 1), log.leaves[0], log.owner, log.anchorer, log.maxGrowth);
            log.commitments.push(_commitmentNow(log, log.leaves[0]));
        }
    }

    function mirror(uint256 which) external view returns (Mirror memory) {
        return _logs[which];
    }

    /// @dev An honest head, by a right or wrong caller, within or over the cap.
    function extend(uint256 which, uint256 growth, bool rightCaller) external {
        Mirror storage log = _pick(which);
        uint64 size = log.size + uint64(between(growth, 0, log.maxGrowth + 1));
        if (size > MOST) return;
        bytes32 root = Trees.root(log.leaves, 0, size);
        bytes32[] memory proof = Trees.consistency(log.leaves, log.size, size);
        bool expected = rightCaller && !log.closed && size > log.size && size - log.size <= log.maxGrowth;
        bool done = _anchor(log, rightCaller ? log.anchorer : NOBODY, size, root, proof);
        if (done != expected) breach = "an honest head: accepted and refused are mixed up";
        if (!done) return;
        log.size = size;
        log.commitments.push(_commitmentNow(log, root));
    }

    /// @dev The anchorer's key is stolen: a valid length, every hash chosen by the thief, history rewritten or not.
    function junk(uint256 which, uint256 growth, bytes32 seed, uint256 place) external {
        Mirror storage log = _pick(which);
        uint64 size = log.size + uint64(between(growth, 1, 24));
        if (size > MOST) return;
        bytes32[] memory other = log.leaves;
        other[place % log.size] = keccak256(abi.encode(seed)); // a leaf that is anchored already
        bytes32[] memory proof = Trees.consistency(other, log.size, size);
        if (_anchor(log, log.anchorer, size, Trees.root(other, 0, size), proof)) breach = "rewritten history";
        if (_anchor(log, log.anchorer, size, seed, proof)) breach = "a junk root with a forged proof";
        proof = Trees.consistency(log.leaves, log.size, size);
        if (_anchor(log, log.anchorer, size, seed, proof)) breach = "a junk root with an honest proof";
        if (_anchor(log, log.anchorer, log.size, seed, new bytes32[](0))) breach = "another root for one size";
    }

    function setMaxGrowth(uint256 which, uint64 maxGrowth, bool rightCaller) external {
        Mirror storage log = _pick(which);
        maxGrowth %= 40;
        vm.prank(rightCaller ? log.owner : NOBODY);
        try registry.setMaxGrowth(log.id, maxGrowth) {
            if (!rightCaller || log.closed || maxGrowth == 0) breach = "setMaxGrowth accepted";
            log.maxGrowth = maxGrowth;
        } catch {
            if (rightCaller && !log.closed && maxGrowth != 0) breach = "setMaxGrowth refused";
        }
    }

    function setAnchorer(uint256 which, address anchorer, bool rightCaller) external {
        Mirror storage log = _pick(which);
        if (anchorer == NOBODY) return;
        vm.prank(rightCaller ? log.owner : NOBODY);
        try registry.setAnchorer(log.id, anchorer) {
            if (!rightCaller || log.closed || anchorer == address(0)) breach = "setAnchorer accepted";
            log.anchorer = anchorer;
        } catch {
            if (rightCaller && !log.closed && anchorer != address(0)) breach = "setAnchorer refused";
        }
    }

    function transferOwnership(uint256 which, address newOwner, bool rightCaller) external {
        Mirror storage log = _pick(which);
        if (newOwner == NOBODY) return;
        vm.prank(rightCaller ? log.owner : NOBODY);
        try registry.transferOwnership(log.id, newOwner) {
            if (!rightCaller || log.closed) breach = "transferOwnership accepted";
            log.offered = newOwner;
        } catch {
            if (rightCaller && !log.closed) breach = "transferOwnership refused";
        }
    }

    function acceptOwnership(uint256 which, bool rightCaller) external {
        Mirror storage log = _pick(which);
        bool expected = rightCaller && log.offered != address(0) && !log.closed;
        vm.prank(rightCaller && log.offered != address(0) ? log.offered : NOBODY);
        try registry.acceptOwnership(log.id) {
            if (!expected) breach = "acceptOwnership accepted";
            (log.owner, log.offered) = (log.offered, address(0));
        } catch {
            if (expected) breach = "acceptOwnership refused";
        }
    }

    /// @dev Rare, so that most runs get far before it.
    function closeLog(uint256 which, uint256 dice, uint64 lastHonest, bool rightCaller) external {
        Mirror storage log = _pick(which);
        if (dice % 8 != 0) return;
        lastHonest = uint64(between(lastHonest, 0, log.commitments.length));
        bool expected = rightCaller && !log.closed && lastHonest < log.commitments.length;
        vm.prank(rightCaller ? log.owner : NOBODY);
        try registry.closeLog(log.id, 0, lastHonest) {
            if (!expected) breach = "closeLog accepted";
            log.closed = true;
        } catch {
            if (expected) breach = "closeLog refused";
        }
    }

    function registerAgain(uint256 which, bytes32 leafHash) external {
        try registry.registerLog(bytes32((which % 2) + 1), leafHash, NOBODY, NOBODY, 1) {
            breach = "registered twice";
        } catch {}
    }

    function pass(uint256 blocks, uint256 time) external {
        vm.roll(block.number + between(blocks, 1, 10));
        vm.warp(block.timestamp + between(time, 1, 100));
    }

    function _anchor(Mirror storage log, address caller, uint64 size, bytes32 root, bytes32[] memory proof)
        private
        returns (bool)
    {
        vm.prank(caller);
        try registry.anchor(log.id, size, root, proof) {
            ++accepted;
            return true;
        } catch {
            ++refused;
            return false;
        }
    }

    function _commitmentNow(Mirror storage log, bytes32 root) private view returns (bytes32) {
        uint256 sequence = log.commitments.length;
        bytes32 parent = blockhash(block.number - 1);
        return keccak256(abi.encode(log.id, sequence, log.size, root, block.timestamp, block.number, parent));
    }

    function _pick(uint256 which) private view returns (Mirror storage) {
        return _logs[which % 2];
    }
}
