"""What AnchorRegistry derives with keccak-256, derived again: log ids, anchor commitments and their storage slots.

Promises: byte for byte what the contract computes, so that a verifier can recompute the one storage slot of an
anchored head and compare it with a storage proof. Addresses are 20 bytes; every identifier and hash is 32 bytes;
numbers are unsigned and fit the Solidity type that holds them, or `ValueError` is raised: a caller passes typed
values, and bytes from outside were parsed before.

Does not: talk to a chain, or decide whether a value is the right one.

>>> compute_commitment_slot(bytes(32), 1) == compute_commitment_slot(bytes(32), 2)
False
"""

from __future__ import annotations

import re

from eth_hash.auto import keccak

ADDRESS_BYTES = 20
WORD_BYTES = 32  # one ABI-encoded static value; also a hash and a storage slot (Solidity ABI specification)
COMMITMENTS_SLOT = 0  # `mapping(bytes32 logId => mapping(uint64 sequence => bytes32))` is the first state variable
UINT64_BITS = 64
UINT256_BITS = 256

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def compute_log_id(chain_id: int, address: bytes, *, registrar: bytes, origin_hash: bytes) -> bytes:
    """Return keccak256(abi.encode(chainid, registry, registrar, originHash)), the id of one log.

    Args:
        chain_id: EIP-155 chain id.
        address: The registry contract, 20 bytes.
        registrar: The account that called `registerLog`, 20 bytes.
        origin_hash: keccak-256 of the ledger origin's UTF-8 bytes, 32 bytes.
    """
    return keccak(
        _uint(chain_id, UINT256_BITS, "chain_id")
        + _address(address, "address")
        + _address(registrar, "registrar")
        + _word(origin_hash, "origin_hash")
    )


def compute_origin_hash(origin: str) -> bytes:
    """Return keccak-256 of the origin's UTF-8 bytes, the form in which the registry knows a ledger's name."""
    return keccak(origin.encode())


def compute_commitment(
    log_id: bytes,
    sequence: int,
    *,
    size: int,
    root: bytes,
    time: int,
    block_number: int,
    parent_hash: bytes,
) -> bytes:
    """Return the commitment that the registry stores for one head.

    keccak256(abi.encode(bytes32 logId, uint64 sequence, uint64 size, bytes32 root, uint64 time,
    uint64 blockNumber, bytes32 blockhash(blockNumber − 1))). `time` is the block's, in seconds since 1970.
    """
    return keccak(
        _word(log_id, "log_id")
        + _uint(sequence, UINT64_BITS, "sequence")
        + _uint(size, UINT64_BITS, "size")
        + _word(root, "root")
        + _uint(time, UINT64_BITS, "time")
        + _uint(block_number, UINT64_BITS, "block_number")
        + _word(parent_hash, "parent_hash")
    )


def compute_commitment_slot(log_id: bytes, sequence: int) -> bytes:
    """Return the storage slot that holds the commitment of head `sequence` of a log.

    Solidity's layout of a nested mapping: keccak256(key2 ‖ keccak256(key1 ‖ slot)), each padded to 32 bytes
    (Solidity documentation, "Layout of State Variables in Storage").
    """
    log_slot = keccak(_word(log_id, "log_id") + _uint(COMMITMENTS_SLOT, UINT256_BITS, "slot"))
    return keccak(_uint(sequence, UINT64_BITS, "sequence") + log_slot)


def compute_contract_address(sender: bytes, nonce: int) -> bytes:
    """Return the address of the contract that `sender` creates with its transaction number `nonce` (CREATE).

    The last 20 bytes of keccak256(RLP([sender, nonce])) (Ethereum yellow paper, §7). The list is always
    shorter than 56 bytes, so its RLP is one length byte and the two items.
    """
    if len(sender) != ADDRESS_BYTES:
        raise ValueError(f"sender must have {ADDRESS_BYTES} bytes, has {len(sender)}")
    _uint(nonce, UINT64_BITS, "nonce")
    digits = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    number = digits if len(digits) == 1 and digits[0] < 0x80 else bytes([0x80 + len(digits)]) + digits
    body = bytes([0x80 + ADDRESS_BYTES]) + sender + number
    return keccak(bytes([0xC0 + len(body)]) + body)[12:]


def compute_create2_address(factory: bytes, salt: bytes, init_code: bytes) -> bytes:
    """Return the address of the contract that `factory` creates with a salt (EIP-1014), whatever the chain.

    The last 20 bytes of keccak256(0xff ‖ factory ‖ salt ‖ keccak256(init_code)).
    """
    if len(factory) != ADDRESS_BYTES:
        raise ValueError(f"factory must have {ADDRESS_BYTES} bytes, has {len(factory)}")
    return keccak(b"\xff" + factory + _word(salt, "salt") + keccak(init_code))[12:]


def parse_address(text: str) -> bytes:
    """Return the 20 bytes of an `0x…` address; a mixed-case one must carry a right EIP-55 checksum.

    Raises:
        ValueError: Not 40 hexadecimal digits after 0x, or a wrong checksum.

    >>> parse_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed").hex()
    '5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'
    """
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"an address is 0x and 40 hexadecimal digits, not {text[:60]!r}")
    digits = text[2:]
    address = bytes.fromhex(digits)
    if digits.lower() != digits and digits.upper() != digits and format_address(address) != text:
        raise ValueError(f"the checksum of the address {text} is wrong (EIP-55): was a character changed?")
    return address


def format_address(address: bytes) -> str:
    """Return `0x…` with the EIP-55 checksum in the case of its letters."""
    if len(address) != ADDRESS_BYTES:
        raise ValueError(f"address must have {ADDRESS_BYTES} bytes, has {len(address)}")
    digits = address.hex()
    nibbles = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if n >= "8" else c for c, n in zip(digits, nibbles, strict=False))


def _uint(value: int, bits: int, name: str) -> bytes:
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name} must fit uint{bits}, is {value}")
    return value.to_bytes(WORD_BYTES, "big")


def _address(value: bytes, name: str) -> bytes:
    if len(value) != ADDRESS_BYTES:
        raise ValueError(f"{name} must have {ADDRESS_BYTES} bytes, has {len(value)}")
    return value.rjust(WORD_BYTES, b"\0")


def _word(value: bytes, name: str) -> bytes:
    if len(value) != WORD_BYTES:
        raise ValueError(f"{name} must have {WORD_BYTES} bytes, has {len(value)}")
    return value
