"""The examples of the API's description: a small ledger is asked everything once, and what it answers is kept.

`python -m tests.api.made_examples` writes `ledger_service/api/examples.json`; after it, run scripts/describe_api. A
test makes them again and compares their form: the values differ each time, since keys and salts are random.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

import ledger_service.api
from ledger_service.app import make_app
from ledger_service.core.entry import Role
from ledger_service.operations.anchor_worker import make_anchorer
from ledger_service.operations.notify import Notifier
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft
from tests.api.asking import Asking
from tests.operations.conftest import make_world
from tests.operations.world import PLATFORM

FILE = Path(ledger_service.api.__file__).parent / "examples.json"
BUYER, SELLER = Party(Role.BUYER, "customer-58113"), Party(Role.SELLER, "shop-0071")
PHOTO, LABEL = b"\x89PNG\r\n\x1a\n a lamp with a crack", b"%PDF-1.7 a label for the way back"
BYTES_SHOWN = 64  # of what is no text: enough to see how it begins
LINES_SHOWN = 12  # of a table that goes on alike
_SECRETS = (
    (re.compile(r"\b(rl[a-z])_([0-9a-f]{16})_[A-Za-z0-9_-]{43}"), r"\1_\2_" + "A" * 43),
    (re.compile(r"whsec_[A-Za-z0-9+/=]+"), "whsec_" + "A" * 32),
)
REQUEST_RETURN: dict[str, Any] = {
    "verb": "request_return",
    "asserted_by": {"role": "buyer", "reference": BUYER.reference},
    "occurred_at": "2026-11-03T10:20:00.000Z",
    "fields": {
        "legal_basis": "non_conformity",
        "lines": [{"line_id": "line-1", "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}],
        "language": "de",
        "buyer_country": "DE",
        "seller_country": "CN",
    },
    "evidence": [{"kind": "product_photo", "sha256": sha256(PHOTO).hexdigest()}],
    "parties": [{"role": "seller", "reference": SELLER.reference}],
}
APPROVE_RETURN: dict[str, Any] = {
    "verb": "approve_return",
    "asserted_by": {"role": "seller", "reference": SELLER.reference},
    "rule": {"id": "shop-policy", "version": "2026-01"},
    "fields": {"approved_lines": [{"line_id": "line-1", "qty": 1}], "return_cost_payer": "seller"},
    "evidence": [{"kind": "rma_document", "sha256": sha256(LABEL).hexdigest()}],
}
TOLD_AT = "2026-11-03T11:00:00.000Z"


class Making:
    """Asks, and keeps what was sent and answered under the operation's id."""

    def __init__(self, service: Asking) -> None:
        self._service = service
        self.found: dict[str, dict[str, Any]] = {}

    def ask(self, name: str, status: int, method: str, path: str, who: Any = PLATFORM, **sent: Any) -> httpx.Response:
        """Ask once; the first request of an operation is its example, and so is the first answer of each status."""
        answer = self._service.ask(method, path, who, **sent)
        assert answer.status_code == status, (name, answer.status_code, answer.text[:500])
        kept = self.found.setdefault(name, {})
        if "json" in sent:
            kept.setdefault("request", {"application/json": sent["json"]})
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if answer.content:
            kept.setdefault("answers", {}).setdefault(str(status), {})[media_type] = _example(name, media_type, answer)
        return answer

    def request(self, name: str, media_type: str, value: Any) -> None:
        """Keep the example of a body that is no JSON document."""
        self.found.setdefault(name, {})["request"] = {media_type: value}


def _example(name: str, media_type: str, answer: httpx.Response) -> Any:
    if name == "list_actions":  # the form of each step is long: one is shown
        return answer.json() | {"items": [min(answer.json()["items"], key=lambda one: len(str(one)))]}
    if media_type == "application/json":
        return answer.json()
    if media_type in ("application/octet-stream", "image/png"):
        return answer.content[:BYTES_SHOWN].hex()
    if media_type == "text/csv":
        return "".join(answer.text.splitlines(keepends=True)[:LINES_SHOWN])
    if media_type == "application/pdf":
        return answer.content[:8].decode()
    if media_type == "application/zip":
        return answer.content[:4].decode("latin-1")
    if media_type == "text/html":
        return answer.text[: answer.text.index(">") + 1]
    if name == "show_metrics":
        lines = [line for line in answer.text.splitlines(keepends=True) if "ledger_" in line]
        return "".join(lines[:LINES_SHOWN])
    if name == "record_batch":
        return json.loads(answer.text.splitlines()[0])
    return answer.text


def made_examples() -> dict[str, Any]:
    """Return the examples, made now."""
    with _service() as (service, anchor):
        making = Making(service)
        _write(making, anchor, service)
        _read(making)
        _govern(making)
    told = json.dumps(making.found, ensure_ascii=False, indent=1, sort_keys=True)
    for secret, instead in _SECRETS:
        told = secret.sub(instead, told)
    found: dict[str, Any] = json.loads(told)
    return found


@contextmanager
def _service() -> Iterator[tuple[Asking, Any]]:
    with TemporaryDirectory() as folder:
        world = make_world(Path(folder) / "home", origin="returns.example/eu")
        world.found()
        with world.node() as node, world.opened(node) as opened:
            anchorer = make_anchorer(opened.ledger, [node], world.signer)
            service = Asking(opened.ledger, make_app(opened.ledger, world.settings), Path(folder))
            yield service, anchorer.run


def _write(making: Making, anchor: Any, service: Asking) -> None:
    """Record a return and its second step, beside it a batch; then seal and anchor."""
    ask = making.ask
    hook = {"url": "https://shop.example/hooks/ledger", "events": ["return.state_changed"]}
    ask("add_webhook", 201, "POST", "/v1/webhooks", SELLER, json=hook)
    ask("upload_evidence", 201, "POST", "/v1/evidence", files={"file": PHOTO})
    making.request("upload_evidence", "multipart/form-data", {"file": "…", "sha256": sha256(PHOTO).hexdigest()})
    path, half = f"/v1/evidence/{sha256(LABEL).hexdigest()}", len(LABEL) // 2
    for status, first, last in ((200, 0, half), (201, half, len(LABEL))):
        part = {"Content-Type": "application/octet-stream", "Content-Range": f"bytes {first}-{last - 1}/{len(LABEL)}"}
        ask("put_evidence", status, "PUT", path, content=LABEL[first:last], headers=part)
        ask("show_upload", 200, "GET", path)
    making.request("put_evidence", "application/octet-stream", LABEL[:half].hex())
    opened = ask("open_return", 201, "POST", "/v1/returns", json=REQUEST_RETURN).json()
    case = f"/v1/returns/{opened['return_id']}"
    ask("prepare_statement_of_step", 200, "POST", f"{case}/statements", json=APPROVE_RETURN)
    ask("record_transition", 201, "POST", f"{case}/transitions", json=APPROVE_RETURN)
    line = REQUEST_RETURN | {"asserted_by": {"role": "buyer", "reference": "customer-70021"}}
    ndjson = {"content": json.dumps(line).encode() + b"\n", "headers": {"Content-Type": "application/x-ndjson"}}
    ask("record_batch", 200, "POST", "/v1/returns:batch", **ndjson)
    making.request("record_batch", "application/x-ndjson", line)
    service.ledger.require_writer().append(LogDraft(make_seal(service.ledger.origin)))
    anchor()
    Notifier(service.ledger).run()


def _read(making: Making) -> None:
    """Read everything that there is to read of the return."""
    ask = making.ask
    (listed,) = [one for one in ask("list_returns", 200, "GET", "/v1/returns").json()["items"] if one["entries"] == 2]
    case, index = f"/v1/returns/{listed['return_id']}", 1
    ask("show_return", 200, "GET", case)
    ask("show_timeline", 200, "GET", f"{case}/timeline")
    ask("list_actions", 200, "GET", f"{case}/actions", SELLER)
    ask("show_completeness", 200, "GET", f"{case}/completeness")
    ask("export_return", 200, "POST", f"{case}/package")
    ask(
        "export_cases",
        200,
        "POST",
        "/v1/exports",
        json={"buyer_country": "DE", "opened_from": "2026-10-01T00:00:00.000Z"},
    )
    ask("show_statistics", 200, "GET", "/v1/statistics")
    ask("show_statistics", 200, "GET", "/v1/statistics?format=csv")
    ask("show_scope_completeness", 200, "GET", "/v1/completeness?buyer_country=DE&seller_country=CN")
    ask("list_entries", 200, "GET", f"/v1/entries?start={index}&limit=1")
    ask("show_entry", 200, "GET", f"/v1/entries/{index}")
    ask("get_receipt", 200, "GET", f"/v1/entries/{index}/receipt")
    ask("print_receipt", 200, "GET", f"/v1/entries/{index}/receipt.pdf")
    ask("get_tlog_proof", 200, "GET", f"/v1/entries/{index}/tlog-proof")
    ask("read_evidence", 200, "GET", f"/v1/entries/{index}/evidence/0")
    ask("list_anchors", 200, "GET", "/v1/anchors", None)
    ask("prove_consistency", 200, "GET", "/v1/proofs/consistency?from=1&to=3", None)
    ask("prove_inclusion", 200, "GET", "/v1/proofs/inclusion?index=1&size=3", None)
    ask("checkpoint", 200, "GET", "/checkpoint", None)
    ask("tile", 200, "GET", "/tile/0/000.p/2", None)
    ask("entry_bundle", 200, "GET", "/tile/entries/000.p/1", None)
    ask("trust", 200, "GET", "/.well-known/return-ledger", None)
    ask("live", 200, "GET", "/health/live", None)
    ask("ready", 200, "GET", "/health/ready", None)
    ask("problem_page", 200, "GET", "/help/problems/busy", None)
    ask("show_metrics", 200, "GET", "/metrics")


def _govern(making: Making) -> None:
    """Let people in and out, and decide about their data."""
    ask = making.ask
    case = "/v1/returns/" + making.found["open_return"]["answers"]["201"]["application/json"]["return_id"]
    party = {"party": {"role": "carrier", "reference": "parcels-4"}}
    ask("share_return", 201, "POST", f"{case}/parties", json=party)
    ask("unshare_return", 201, "POST", f"{case}/parties:remove", json=party)
    wanted = {
        "party": {"role": "seller", "reference": SELLER.reference},
        "label": "shop",
        "scopes": ["read", "record", "evidence"],
        "acts_for": [],
        "countries": [],
        "expires_at": "2027-11-03T00:00:00.000Z",
    }
    made = ask("create_key", 201, "POST", "/v1/keys", json=wanted).json()
    ask("list_keys", 200, "GET", "/v1/keys")
    ask("revoke_key", 204, "DELETE", f"/v1/keys/{made['prefix']}")
    buyer = {"role": "buyer", "reference": BUYER.reference}
    link = ask("create_link", 201, "POST", "/v1/links", json={"return_id": case.rpartition("/")[2], "party": buyer})
    session = ask("create_session", 201, "POST", "/v1/sessions", None, json={"link": link.json()["token"]})
    ask("end_session", 204, "DELETE", "/v1/sessions/current", session.json()["token"])
    hook = ask("list_webhooks", 200, "GET", "/v1/webhooks", SELLER).json()["items"][0]["id"]
    ask("list_deliveries", 200, "GET", f"/v1/webhooks/{hook}/deliveries", SELLER)
    ask("remove_webhook", 204, "DELETE", f"/v1/webhooks/{hook}", SELLER)
    asked = {"party": buyer, "ground": "accuracy_contested", "asked_by": "buyer", "asked_at": TOLD_AT}
    decided = ask("decide_erasure", 201, "POST", "/v1/erasures", json=asked).json()
    ask("show_erasure", 200, "GET", f"/v1/erasures/{decided['id']}")
    told = {"told_at": decided["decided_at"]}
    ask("lift_restriction", 201, "POST", f"/v1/erasures/{decided['id']}/lift", json=told)


if __name__ == "__main__":
    FILE.write_text(json.dumps(made_examples(), ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{FILE.name} is written: now run scripts/describe_api\n")
