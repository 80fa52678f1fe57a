// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A registry of append-only logs whose tree heads only ever extend each other
/// @notice Anyone may register a log. Its anchorer adds tree heads; each must grow, by at most a cap, and show by an
/// RFC 9162 consistency proof that it extends the last one. A recorded head is never changed or removed. The owner
/// may replace the anchorer, set the cap, hand over ownership and close the log for good, and nothing else.
interface IAnchorRegistry {
    /// @notice A log was registered; head 0, the genesis leaf alone, was anchored with it.
    event LogRegistered(bytes32 indexed logId, bytes32 indexed originHash, address indexed registrar,
        bytes32 genesisLeafHash, address owner, address anchorer, uint64 maxGrowth);
    /// @notice A head was recorded; with the log id these are all values under its commitment.
    event HeadAnchored(bytes32 indexed logId, uint64 indexed sequence, uint64 size, bytes32 root,
        uint64 time, uint64 blockNumber, bytes32 parentHash);
    /// @notice Ownership was offered to `newOwner`; zero withdrew an offer.
    event OwnershipOffered(bytes32 indexed logId, address indexed owner, address indexed newOwner);
    /// @notice The offer was accepted.
    event OwnershipTransferred(bytes32 indexed logId, address indexed previousOwner, address indexed newOwner);
    /// @notice The anchorer was replaced; every head over `size` is the new one's.
    event AnchorerChanged(bytes32 indexed logId, address indexed previousAnchorer, address indexed newAnchorer,
        uint64 size);
    /// @notice The growth cap was changed for every head over `size`.
    event MaxGrowthChanged(bytes32 indexed logId, uint64 previousMaxGrowth, uint64 newMaxGrowth, uint64 size);
    /// @notice The log was closed for good; heads after `lastHonestSequence` were disowned.
    event LogClosed(bytes32 indexed logId, bytes32 indexed successor, uint64 lastHonestSequence, uint64 sequence);

    /// @notice No log has this id.
    error LogUnknown(bytes32 logId);
    /// @notice This registrar registered this origin before.
    error LogExists(bytes32 logId);
    /// @notice The log was closed and accepts nothing any more.
    error LogIsClosed(bytes32 logId);
    /// @notice The named argument must not be zero.
    error LogZeroValue(string argument);
    /// @notice Only the log's owner may do this.
    error LogOwnerOnly(bytes32 logId, address caller, address owner);
    /// @notice Only the account to which ownership was offered may do this.
    error LogPendingOwnerOnly(bytes32 logId, address caller, address pendingOwner);
    /// @notice Only the log's anchorer may do this.
    error LogAnchorerOnly(bytes32 logId, address caller, address anchorer);
    /// @notice The log has no head `lastHonestSequence`; its last one is `sequence`.
    error LogSequenceUnknown(bytes32 logId, uint64 sequence, uint64 lastHonestSequence);
    /// @notice The offered size is not over the last head's.
    error HeadNotGrowing(bytes32 logId, uint64 lastSize, uint64 size);
    /// @notice The offered head grows by more than the cap.
    error HeadGrowthOverCap(bytes32 logId, uint64 growth, uint64 maxGrowth);

    /// @notice Registers `computeLogId(msg.sender, originHash)` and anchors head 0: size 1, root `genesisLeafHash`.
    /// @param originHash keccak256 of the log's origin
    /// @param genesisLeafHash RFC 9162 leaf hash of entry 0
    /// @param owner may replace the anchorer, set the cap, offer ownership, close the log
    /// @param anchorer may add heads, each of at most `maxGrowth` more entries
    function registerLog(bytes32 originHash, bytes32 genesisLeafHash, address owner, address anchorer, uint64 maxGrowth)
        external returns (bytes32 logId);
    /// @notice Records the tree head (size, root) if the RFC 9162 consistency proof shows that it extends the last one.
    /// @return sequence number of the new head, one more than the last one's
    function anchor(bytes32 logId, uint64 size, bytes32 root, bytes32[] calldata proof)
        external returns (uint64 sequence);
    /// @notice Offers ownership; it moves when `newOwner` accepts. Zero withdraws an offer.
    function transferOwnership(bytes32 logId, address newOwner) external;
    /// @notice Accepts ownership offered to the caller.
    function acceptOwnership(bytes32 logId) external;
    /// @notice Replaces the anchorer from the next head on.
    function setAnchorer(bytes32 logId, address anchorer) external;
    /// @notice Sets how many entries one head may add.
    function setMaxGrowth(bytes32 logId, uint64 maxGrowth) external;
    /// @notice Closes the log for good: no head and no change of roles any more. What was recorded stays.
    /// @param successor the log that continues this one, or zero; the owner stands by heads to `lastHonestSequence`
    function closeLog(bytes32 logId, bytes32 successor, uint64 lastHonestSequence) external;
    /// @notice The last head. Reverts for an unknown log.
    function head(bytes32 logId) external view returns (uint64 sequence, uint64 size, bytes32 root);
    /// @notice Everything else about a log. Reverts for an unknown one.
    function log(bytes32 logId) external view returns (
        bytes32 originHash, address registrar, address owner, address pendingOwner, address anchorer,
        uint64 maxGrowth, bool closed, bytes32 successor, uint64 lastHonestSequence);
    /// @notice The commitment of a head, or zero where there is none: keccak256(abi.encode(logId, sequence, size, root,
    /// time, blockNumber, parentHash)) with the values of its `HeadAnchored`; parentHash is the previous block's.
    /// @dev Its storage slot, for `eth_getProof`, is keccak256(abi.encode(sequence, keccak256(abi.encode(logId, 0)))).
    function commitment(bytes32 logId, uint64 sequence) external view returns (bytes32);
    /// @notice The id of a log: keccak256(abi.encode(chain id, this contract, registrar, originHash)).
    function computeLogId(address registrar, bytes32 originHash) external view returns (bytes32 logId);
    /// @notice Returns only if the tree (size1, root1) is a prefix of the tree (size2, root2), else reverts with why.
    function verifyConsistency(uint64 size1, bytes32 root1, uint64 size2, bytes32 root2, bytes32[] calldata proof)
        external view;
    /// @notice Returns only if the leaf is at `index` of the tree (size, root), else reverts with why.
    function verifyInclusion(bytes32 leafHash, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        external view;
}
