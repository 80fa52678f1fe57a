// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title One transaction for each step: the least that records a hash, to compare the cost of anchoring with
contract StepRecorder {
    mapping(bytes32 entryHash => uint256 blockNumber) private _recordedIn;

    function record(bytes32 entryHash) external {
        _recordedIn[entryHash] = block.number;
    }
}
