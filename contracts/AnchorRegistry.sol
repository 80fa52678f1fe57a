// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "./interfaces/IAnchorRegistry.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";

/// @title The registry of logs and their anchored tree heads
/// @dev No proxy, no pause, no delete, no account that stands above a log's own.
contract AnchorRegistry is IAnchorRegistry {
    struct Tip { uint64 size; uint64 sequence; uint64 maxGrowth; bool closed; }
    /// @dev A line is a slot; anchoring reads the first three and rewrites the first two.
    struct Log {
        bytes32 root;
        Tip tip;
        address anchorer; uint64 lastHonestSequence;
        address owner;
        address pendingOwner;
        address registrar;
        bytes32 originHash;
        bytes32 successor;
    }
    /// @dev Slot 0 for good: verifiers compute a commitment's own slot from it (see IAnchorRegistry).
    mapping(bytes32 logId => mapping(uint64 sequence => bytes32 commitment)) private _commitments;
    mapping(bytes32 logId => Log) private _logs;

    /// @inheritdoc IAnchorRegistry
    function registerLog(bytes32 originHash, bytes32 genesisLeafHash, address owner, address anchorer, uint64 maxGrowth)
        external returns (bytes32 logId) {
        if (originHash == 0) revert LogZeroValue("originHash");
        if (genesisLeafHash == 0) revert LogZeroValue("genesisLeafHash");
        if (owner == address(0)) revert LogZeroValue("owner");
        if (anchorer == address(0)) revert LogZeroValue("anchorer");
        if (maxGrowth == 0) revert LogZeroValue("maxGrowth");
        logId = computeLogId(msg.sender, originHash);
        Log storage record = _logs[logId];
        if (record.tip.size != 0) revert LogExists(logId);
        record.root = genesisLeafHash;
        record.tip = Tip({size: 1, sequence: 0, maxGrowth: maxGrowth, closed: false});
        (record.originHash, record.registrar) = (originHash, msg.sender);
        (record.owner, record.anchorer) = (owner, anchorer);
        emit LogRegistered(logId, originHash, msg.sender, genesisLeafHash, owner, anchorer, maxGrowth);
        _commit(logId, 0, 1, genesisLeafHash);
    }

    /// @inheritdoc IAnchorRegistry
    function anchor(bytes32 logId, uint64 size, bytes32 root, bytes32[] calldata proof)
        external returns (uint64 sequence) {
        Log storage record = _logs[logId];
        Tip memory tip = record.tip;
        if (tip.size == 0) revert LogUnknown(logId);
        if (msg.sender != record.anchorer) revert LogAnchorerOnly(logId, msg.sender, record.anchorer);
        if (tip.closed) revert LogIsClosed(logId);
        if (size <= tip.size) revert HeadNotGrowing(logId, tip.size, size);
        if (size - tip.size > tip.maxGrowth) revert HeadGrowthOverCap(logId, size - tip.size, tip.maxGrowth);
        MerkleTree.verifyConsistency(tip.size, record.root, size, root, proof);
        sequence = tip.sequence + 1;
        record.root = root;
        record.tip = Tip({size: size, sequence: sequence, maxGrowth: tip.maxGrowth, closed: false});
        _commit(logId, sequence, size, root);
    }

    /// @inheritdoc IAnchorRegistry
    function transferOwnership(bytes32 logId, address newOwner) external {
        _openLogOfCaller(logId).pendingOwner = newOwner;
        emit OwnershipOffered(logId, msg.sender, newOwner);
    }

    /// @inheritdoc IAnchorRegistry
    function acceptOwnership(bytes32 logId) external {
        Log storage record = _knownLog(logId);
        if (record.tip.closed) revert LogIsClosed(logId);
        if (msg.sender != record.pendingOwner) revert LogPendingOwnerOnly(logId, msg.sender, record.pendingOwner);
        address previousOwner = record.owner;
        (record.owner, record.pendingOwner) = (msg.sender, address(0));
        emit OwnershipTransferred(logId, previousOwner, msg.sender);
    }

    /// @inheritdoc IAnchorRegistry
    function setAnchorer(bytes32 logId, address anchorer) external {
        Log storage record = _openLogOfCaller(logId);
        if (anchorer == address(0)) revert LogZeroValue("anchorer");
        address previousAnchorer = record.anchorer;
        record.anchorer = anchorer;
        emit AnchorerChanged(logId, previousAnchorer, anchorer, record.tip.size);
    }

    /// @inheritdoc IAnchorRegistry
    function setMaxGrowth(bytes32 logId, uint64 maxGrowth) external {
        Log storage record = _openLogOfCaller(logId);
        if (maxGrowth == 0) revert LogZeroValue("maxGrowth");
        uint64 previousMaxGrowth = record.tip.maxGrowth;
        record.tip.maxGrowth = maxGrowth;
        emit MaxGrowthChanged(logId, previousMaxGrowth, maxGrowth, record.tip.size);
    }

    /// @inheritdoc IAnchorRegistry
    function closeLog(bytes32 logId, bytes32 successor, uint64 lastHonestSequence) external {
        Log storage record = _openLogOfCaller(logId);
        uint64 sequence = record.tip.sequence;
        if (lastHonestSequence > sequence) revert LogSequenceUnknown(logId, sequence, lastHonestSequence);
        (record.tip.closed, record.successor, record.lastHonestSequence) = (true, successor, lastHonestSequence);
        emit LogClosed(logId, successor, lastHonestSequence, sequence);
    }

    /// @inheritdoc IAnchorRegistry
    function head(bytes32 logId) external view returns (uint64 sequence, uint64 size, bytes32 root) {
        Log storage record = _knownLog(logId);
        return (record.tip.sequence, record.tip.size, record.root);
    }

    /// @inheritdoc IAnchorRegistry
    function log(bytes32 logId) external view returns (
        bytes32 originHash, address registrar, address owner, address pendingOwner, address anchorer,
        uint64 maxGrowth, bool closed, bytes32 successor, uint64 lastHonestSequence) {
        Log storage record = _knownLog(logId);
        (originHash, registrar, owner) = (record.originHash, record.registrar, record.owner);
        (pendingOwner, anchorer, maxGrowth) = (record.pendingOwner, record.anchorer, record.tip.maxGrowth);
        (closed, successor, lastHonestSequence) = (record.tip.closed, record.successor, record.lastHonestSequence);
    }

    /// @inheritdoc IAnchorRegistry
    function commitment(bytes32 logId, uint64 sequence) external view returns (bytes32) {
        return _commitments[logId][sequence];
    }
    /// @inheritdoc IAnchorRegistry
    function computeLogId(address registrar, bytes32 originHash) public view returns (bytes32 logId) {
        return keccak256(abi.encode(block.chainid, address(this), registrar, originHash));
    }
    /// @inheritdoc IAnchorRegistry
    function verifyConsistency(uint64 size1, bytes32 root1, uint64 size2, bytes32 root2, bytes32[] calldata proof)
        external view { MerkleTree.verifyConsistency(size1, root1, size2, root2, proof); }
    /// @inheritdoc IAnchorRegistry
    function verifyInclusion(bytes32 leafHash, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        external view { MerkleTree.verifyInclusion(leafHash, index, size, proof, root); }

    /// @dev Writes the one permanent slot of a head. The parent's hash makes it unknowable before its block.
    function _commit(bytes32 logId, uint64 sequence, uint64 size, bytes32 root) private {
        (uint64 time, uint64 number) = (uint64(block.timestamp), uint64(block.number));
        bytes32 parentHash = blockhash(block.number - 1);
        _commitments[logId][sequence] = keccak256(abi.encode(logId, sequence, size, root, time, number, parentHash));
        emit HeadAnchored(logId, sequence, size, root, time, number, parentHash);
    }

    function _knownLog(bytes32 logId) private view returns (Log storage record) {
        record = _logs[logId];
        if (record.tip.size == 0) revert LogUnknown(logId);
    }

    function _openLogOfCaller(bytes32 logId) private view returns (Log storage record) {
        record = _knownLog(logId);
        if (record.tip.closed) revert LogIsClosed(logId);
        if (msg.sender != record.owner) revert LogOwnerOnly(logId, msg.sender, record.owner);
    }
}
