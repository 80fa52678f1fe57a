"""Records of deployments: what is written is read, what is crooked is refused, what contradicts is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.deploy import FACTORY, FACTORY_CODE_HASH, SALT, common_address
from ledger_service.chain.deployments import Deployment, Deployments, encode_deployment, parse_deployment
from ledger_service.core.registry import format_address
from ledger_service.errors import FormatError, SettingsError
from tests.chain.conftest import word

BY_FACTORY = Deployment(
    chain_id=11155111,
    chain_genesis=word(1),
    contract=bytes(20),
    code_hash=word(2),
    salt=SALT,
    creator=None,
    nonce=None,
    tx_hash=word(3),
    block_number=7,
    block_hash=word(4),
    solc="0.8.37+commit.f401782d",
    source_sha256=word(5),
)
OWN = replace(BY_FACTORY, salt=None, creator=bytes(20), nonce=0)
FOREIGN = replace(BY_FACTORY, tx_hash=None, block_number=None, block_hash=None)


def test_the_common_address_is_what_the_papers_say(project_root: Path) -> None:
    spec = (project_root / "ledger_service" / "core" / "SPEC.md").read_text()

    for shown in (format_address(FACTORY), FACTORY_CODE_HASH.hex(), SALT.hex(), format_address(common_address())):
        assert shown in spec


@pytest.mark.parametrize("one", [BY_FACTORY, OWN, FOREIGN])
def test_what_is_written_is_read(one: Deployment, tmp_path: Path) -> None:
    kept = Deployments(tmp_path / "folder")

    path = kept.keep(one)

    assert parse_deployment(encode_deployment(one)) == one
    assert kept.of(one.chain_id, one.chain_genesis) == one
    assert kept.of(1, word(1)) is None
    assert [path.name] == [found.name for found in path.parent.iterdir()] == ["11155111.json"]


def test_a_record_stays_what_it_is(tmp_path: Path) -> None:
    kept = Deployments(tmp_path)
    before = kept.keep(BY_FACTORY).read_bytes()

    kept.keep(FOREIGN)  # the same contract: how it came there stays known
    for other in (replace(BY_FACTORY, contract=b"\1" * 20), replace(BY_FACTORY, code_hash=word(9))):
        with pytest.raises(SettingsError, match="says that the contract is at"):
            kept.keep(other)
    with pytest.raises(SettingsError, match="began with another block"):
        kept.keep(replace(BY_FACTORY, chain_genesis=word(9)))

    assert (tmp_path / "11155111.json").read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"format": "return-ledger/deployment@v2"},
        {"chain_id": 0},
        {"chain_id": "1"},
        {"contract": "00" * 20},
        {"nonce": 1},
        {"creator": "0x" + "00" * 20},
        {"creator": "0x" + "00" * 20, "nonce": 1},
        {"salt": "0x00"},
        {"solc": ""},
        {"solc": "a\nb"},
        {"source_sha256": None},
        {"more": 1},
    ],
)
def test_what_is_crooked_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    value = {**json.loads(encode_deployment(BY_FACTORY)), **change}
    data = json.dumps(value, sort_keys=True).encode()
    (tmp_path / "11155111.json").write_bytes(data)

    with pytest.raises(FormatError):
        parse_deployment(data)
    with pytest.raises(SettingsError, match=r"11155111\.json"):
        Deployments(tmp_path).of(11155111, word(1))


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / ".5.json.new").mkdir()
    (tmp_path / "11155111.json").mkdir()

    with pytest.raises(SettingsError, match="cannot be written"):
        Deployments(tmp_path).keep(replace(BY_FACTORY, chain_id=5))
    with pytest.raises(SettingsError, match="cannot be read"):
        Deployments(tmp_path).keep(BY_FACTORY)
