"""A service that signs: what it returns is what was asked for, or nothing is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import rlp
from eth_account import Account
from eth_keys.constants import SECPK1_N

from ledger_service.chain.account import TxRequest, check_signed, key_signer
from ledger_service.chain.jsonrpc import to_data
from ledger_service.chain.parameters import DEVELOPMENT_ADDRESSES, EMBEDDED_CHAIN_ID
from ledger_service.chain.remote_signer import RemoteSigner
from ledger_service.core.registry import format_address
from ledger_service.errors import AccountError
from tests.chain.test_account import KEY, REQUEST

OWN = key_signer(KEY.hex())
OTHER = key_signer("0x" + "17" * 32)
Answer = Callable[[TxRequest], Any]


def asked(fields: dict[str, str]) -> TxRequest:
    """Return what a service reads out of the members of `eth_signTransaction`."""
    assert fields["from"] == format_address(OWN.address)
    numbers = {name: int(fields[name], 16) for name in ("chainId", "nonce", "gas", "value")}
    return TxRequest(
        chain_id=numbers["chainId"],
        nonce=numbers["nonce"],
        gas=numbers["gas"],
        fee=int(fields["maxFeePerGas"], 16),
        priority_fee=int(fields["maxPriorityFeePerGas"], 16),
        to=bytes.fromhex(fields["to"][2:]) if "to" in fields else None,
        data=bytes.fromhex(fields["data"][2:]),
        value=numbers["value"],
    )


def honest(request: TxRequest) -> Any:
    """Sign what was asked for."""
    return to_data(OWN.sign_transaction(request))


@contextmanager
def service(answer: Answer) -> Iterator[RemoteSigner]:
    """Run a signing service on loopback, with a secret in its URL."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["content-length"])))
            assert call["method"] == "eth_signTransaction"
            found = answer(asked(call["params"][0]))
            if found is None:
                over.wait(5)
                return
            body = found if isinstance(found, bytes) else json.dumps({"jsonrpc": "2.0", "id": call["id"], **found})
            data = body if isinstance(body, bytes) else body.encode()
            with suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        url = f"http://me:hunter2@127.0.0.1:{server.server_port}/secret-path"
        yield RemoteSigner(url, OWN.address, timeout_seconds=0.5)
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def result(value: Any) -> dict[str, Any]:
    """Return a JSON-RPC answer."""
    return {"result": value}


@pytest.mark.parametrize("to", [REQUEST.to, None], ids=["call", "creation"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_service_that_signs_what_it_is_asked_for_is_an_account(to: bytes | None, wrapped: bool) -> None:
    request = replace(REQUEST, to=to)

    def answer(one: TxRequest) -> Any:
        assert one == request
        raw = honest(one)
        return result({"raw": raw, "tx": {}} if wrapped else raw)

    with service(answer) as signer:
        raw = signer.sign_transaction(request)

    assert signer.address == OWN.address
    check_signed(request, raw, OWN.address)
    assert Account.recover_transaction(raw) == format_address(OWN.address)


def malleable(request: TxRequest) -> str:
    """Return the same signature with a high s (EIP-2 refuses it; both recover to the account)."""
    version, *fields, parity, r, s = rlp.decode(OWN.sign_transaction(request)[1:])
    twin = [version, *fields, b"" if parity else b"\x01", r, (SECPK1_N - int.from_bytes(s)).to_bytes(32)]
    return to_data(b"\x02" + rlp.encode(twin))


LIES: dict[str, tuple[Answer, str]] = {
    "another nonce": (lambda one: result(honest(replace(one, nonce=one.nonce + 1))), "another transaction"),
    "higher fees": (lambda one: result(honest(replace(one, fee=one.fee * 2))), "another transaction"),
    "another chain": (lambda one: result(honest(replace(one, chain_id=1))), "another transaction"),
    "another recipient": (lambda one: result(honest(replace(one, to=bytes(20)))), "another transaction"),
    "more value": (lambda one: result(honest(replace(one, value=one.value + 1))), "another transaction"),
    "another account": (lambda one: result(to_data(OTHER.sign_transaction(one))), "signed as"),
    "high s": (lambda one: result(malleable(one)), "high s"),
    "half of it": (lambda one: result(honest(one)[:-40]), "no EIP-1559 transaction"),
    "no bytes": (lambda _: result("yes"), "not a string of bytes"),
    "an object": (lambda _: result({"tx": {}}), "not a string of bytes"),
    "a refusal": (lambda _: {"error": {"code": -32000, "message": "the key is locked"}}, "the key is locked"),
    "a page": (lambda _: b"<html>sign in</html>", "not JSON"),
    "nothing": (lambda _: None, "no answer within|the connection broke"),
}


@pytest.mark.parametrize("what", LIES)
def test_whatever_else_a_service_answers_is_refused_and_its_url_is_not_told(what: str) -> None:
    answer, words = LIES[what]
    with service(answer) as signer, pytest.raises(AccountError, match=words) as caught:
        signer.sign_transaction(REQUEST)

    told = repr(caught.value) + caught.value.message + caught.value.hint + repr(signer)
    assert "hunter2" not in told
    assert "secret-path" not in told
    assert caught.value.__cause__ is None


def test_a_service_for_a_development_account_is_not_even_asked_on_a_public_chain() -> None:
    signer = RemoteSigner("http://127.0.0.1:1", DEVELOPMENT_ADDRESSES[0])

    with pytest.raises(AccountError, match="its key is public and not used on chain 11155111"):
        signer.sign_transaction(REQUEST)
    with pytest.raises(AccountError, match="cannot be reached"):
        signer.sign_transaction(replace(REQUEST, chain_id=EMBEDDED_CHAIN_ID))
