"""The whole story through the public command line, on both databases, to the audit that finds each tampering.

Then the same with what other systems really send, where the folder of samples lies beside the project.
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.program import Program

PARTIES = {
    role: f"{role}:ref-{role}"
    for role in ("buyer", "seller", "platform", "carrier", "customs", "inspector", "psp", "system")
}
LINES = [{"line_id": "lamp", "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}]


@dataclass
class Walk:
    """One return, walked step by step with the public program; every entry's index is kept."""

    rledger: Program
    desk: Path
    return_id: str = ""
    indexes: list[int] = field(default_factory=list)
    evidence: dict[int, list[Path]] = field(default_factory=dict)

    def step(
        self, verb: str, role: str, fields: dict[str, Any] | None = None, *options: str, **evidence: Path | list[Path]
    ) -> None:
        """Record a step; `evidence` is one file or several by their kind."""
        pairs = [(kind, path) for kind, given in evidence.items() for path in _as_list(given)]
        words: list[str | Path] = ["record", verb, "--as", PARTIES[role], "--fields", "-", "--json", *options]
        words += ["--return", self.return_id] if self.return_id else []
        for kind, path in pairs:
            words += ["--evidence", f"{kind}={path}"]
        answer = self.rledger.done(*words, stdin=json.dumps(fields or {}).encode()).json()
        self.return_id = answer["return_id"]
        self.indexes.append(answer["index"])
        self.evidence[answer["index"]] = [path for _, path in pairs]

    def paper(self, name: str, content: bytes | str) -> Path:
        """Put a file on the desk."""
        path = self.desk / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def anchor(self) -> None:
        """Anchor what is recorded."""
        self.rledger.done("worker", "--once")

    def receipts(self) -> list[Path]:
        """Write the receipt of every step."""
        paths = []
        for index in self.indexes:
            path = self.desk / f"{index:02}.receipt.json"
            self.rledger.done("receipt", str(index), "--out", path)
            paths.append(path)
        return paths

    def verdicts(self, paths: list[Path], *more: str | Path) -> list[str]:
        """Verify receipts under the trust file that `deploy` left."""
        ended = self.rledger(
            "verify", *paths, "--trust", self.rledger.trust(), "--rpc", self.rledger.rpc(), *more, "--json"
        )
        return [found["verdict"] for found in ended.json()]

    def audited(self) -> tuple[int, set[str]]:
        """Audit; exit code and the stages that found a contradiction."""
        ended = self.rledger("audit", "--json")
        return ended.code, {finding["stage"] for finding in ended.json()["findings"]}


def _as_list(given: Path | list[Path]) -> list[Path]:
    return given if isinstance(given, list) else [given]


def euros(minor: int) -> dict[str, Any]:
    """Return an amount of euro cents."""
    return {"currency": "EUR", "minor": minor}


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a ledger of their own."""
    for name in [name for name in os.environ if name.upper().startswith("LEDGER_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Where the parties' files lie."""
    folder = tmp_path / "a desk"
    folder.mkdir()
    return folder


class SqliteTamper:
    """What the owner of a SQLite file can do."""

    def __init__(self, home: Path) -> None:
        self._path = home / "ledger.sqlite3"

    def as_application(self, statement: str) -> bool:
        """Try a statement from a stock connection; whether the database took it."""
        connection = sqlite3.connect(self._path)
        try:
            connection.execute(statement)
            connection.commit()
        except sqlite3.Error:
            return False
        finally:
            connection.close()
        return True

    def rewrite_entry(self, index: int, old: bytes, new: bytes) -> None:
        """Change an entry's bytes after removing every guard."""
        connection = sqlite3.connect(self._path)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        (entry,) = connection.execute("SELECT entry FROM entries WHERE idx = ?", (index,)).fetchone()
        assert old in bytes(entry)
        connection.execute("UPDATE entries SET entry = ? WHERE idx = ?", (bytes(entry).replace(old, new), index))
        connection.commit()
        connection.close()


class PostgresTamper:
    """What the application's role tries, and what the owner of a PostgreSQL database can do."""

    def __init__(self, application_url: str, owner_url: str) -> None:
        self._application = application_url.replace("+psycopg", "")
        self._owner = owner_url.replace("+psycopg", "")

    def as_application(self, statement: str) -> bool:
        """Try a statement with the application's own credentials; whether the database took it."""
        try:
            with psycopg.connect(self._application) as connection:
                connection.execute(statement.encode())
        except psycopg.Error:
            return False
        return True

    def rewrite_entry(self, index: int, old: bytes, new: bytes) -> None:
        """Change an entry's bytes after switching every guard off."""
        with psycopg.connect(self._owner) as connection:
            connection.execute("ALTER TABLE entries DISABLE TRIGGER USER")
            row = connection.execute("SELECT entry FROM entries WHERE idx = %s", (index,)).fetchone()
            assert row is not None
            assert old in bytes(row[0])
            connection.execute("UPDATE entries SET entry = %s WHERE idx = %s", (bytes(row[0]).replace(old, new), index))


@dataclass
class Founded:
    """A founded ledger on one of the databases, and how its database is tampered with."""

    walk: Walk
    tamper: SqliteTamper | PostgresTamper


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def founded(request: pytest.FixtureRequest, tmp_path: Path, desk: Path) -> Founded:
    """A founded ledger on SQLite, then on PostgreSQL with an owner's role and an application's role."""
    rledger = Program(tmp_path / "home").with_settings(origin="returns.example/story")
    tamper: SqliteTamper | PostgresTamper = SqliteTamper(rledger.home)
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_database")
        rledger = rledger.with_settings(
            database_url=database.application_url, migration_database_url=database.owner_url
        )
        rledger.done("database", "upgrade")
        tamper = PostgresTamper(database.application_url, database.owner_url)
    rledger.done("deploy")
    return Founded(Walk(rledger, desk), tamper)


def walk_to_the_close(walk: Walk) -> None:
    """Walk one return from request to close, anchored three times."""
    photo = walk.paper("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(1000))
    walk.step(
        "request_return",
        "buyer",
        {
            "legal_basis": "non_conformity",
            "lines": LINES,
            "language": "de",
            "buyer_country": "DE",
            "seller_country": "CN",
        },
        product_photo=photo,
    )
    walk.step(
        "approve_return",
        "seller",
        {"approved_lines": [{"line_id": "lamp", "qty": 1}], "return_cost_payer": "seller"},
        "--rule",
        "shop-policy@2026-07",
        rma_document=walk.paper("rma.pdf", b"%PDF-1.4\n"),
    )
    walk.anchor()
    walk.step(
        "ship_back",
        "buyer",
        {"parcels": [{"parcel_id": "P1", "tracking_no": "RR1DE"}], "cn_form": "cn23", "hs6": ["940521"]},
        "--occurred-at",
        "2026-11-03T10:22:05.000Z",
        proof_of_posting=walk.paper("slip.pdf", b"%PDF-1.4\nslip"),
        customs_declaration=walk.paper("cn23.pdf", b"%PDF-1.4\ncn23"),
    )
    walk.step(
        "scan", "carrier", {"code": "departed", "parcel_id": "P1"}, tracking_event=walk.paper("scan.json", '{"at": 1}')
    )
    walk.step("confirm_delivery", "carrier", {}, proof_of_delivery=walk.paper("pod.json", '{"by": "gate 2"}'))
    walk.step(
        "receive",
        "inspector",
        {"lines": [{"line_id": "lamp", "received_qty": 1}], "seal_state": "intact"},
        "--to-state",
        "received",
        receiving_report=walk.paper("receiving.json", "{}"),
    )
    walk.anchor()
    walk.step("start_inspection", "inspector")
    graded = {"line_id": "lamp", "accepted_qty": 1, "rejected_qty": 0, "missing_qty": 0, "grade": "damaged"}
    walk.step(
        "complete_inspection", "inspector", {"lines": [graded]}, inspection_report=walk.paper("report.pdf", b"%PDF-1.4")
    )
    walk.step(
        "approve_refund",
        "platform",
        {
            "lines": [{"line_id": "lamp", "amount": euros(5900)}],
            "deductions": [{"why": "incomplete", "amount": euros(700)}],
        },
        "--rule",
        "eu-2019-771-art-13@1",
    )
    walk.step(
        "issue_refund",
        "psp",
        {"refund_id": "re_1", "amount": euros(5200), "method": "original", "original_payment_ref": "pi_1"},
        refund_record=walk.paper("refund.json", '{"id": "re_1"}'),
    )
    walk.step(
        "settle_refund",
        "psp",
        {"refund_id": "re_1"},
        "--to-state",
        "resolved",
        refund_record=walk.paper("settled.json", '{"settled": true}'),
    )
    walk.step("give_feedback", "buyer", {"score": 4}, feedback_record=walk.paper("stars.json", '{"score": 4}'))
    walk.step("close", "platform")
    walk.anchor()


def test_a_return_is_recorded_anchored_and_verified_and_every_tampering_is_found(founded: Founded) -> None:
    walk, tamper = founded.walk, founded.tamper
    walk_to_the_close(walk)
    assert len(walk.indexes) == 13

    # every receipt is valid, each with its own files, in a process that has no ledger
    receipts = walk.receipts()
    files = [word for given in walk.evidence.values() for path in given for word in ("--evidence", path)]
    assert walk.verdicts(receipts, *files) == ["valid"] * 13
    stranger = Program(walk.desk / "no ledger here")
    ended = stranger.child("verify", *receipts, "--trust", walk.rledger.trust(), "--rpc", walk.rledger.rpc())
    assert ended.code == 0, ended.reported

    # the timeline says what happened, and that all of it is final
    timeline = walk.rledger.done("show", walk.return_id)
    assert timeline.out.count("finalized by ") + timeline.out.count("finalized: recorded after ") == 13
    assert "(resolved -> closed)" in timeline.out
    summary = walk.rledger.done("show", "--json").json()
    assert [anchor["state"] for anchor in summary["anchors"]] == ["finalized"] * 3
    assert [case["state"] for case in summary["cases"]] == ["closed"]
    assert walk.audited() == (0, set())
    assert walk.rledger("doctor").code == 0

    # the application itself cannot rewrite the log
    size = walk.rledger.size()
    for statement in (
        "UPDATE entries SET return_id = NULL",
        "DELETE FROM entries WHERE idx = 3",
        "DELETE FROM nodes",
        "UPDATE checkpoints SET recorded_at = '2020-01-01T00:00:00.000Z'",
        "DELETE FROM anchor_history",
    ):
        assert not tamper.as_application(statement), statement
    assert walk.rledger.size() == size
    assert walk.audited() == (0, set())

    # its owner can, and is found out; receipts that people hold stay valid
    tamper.rewrite_entry(walk.indexes[5], b'"seal_state":"intact"', b'"seal_state":"broken"')
    code, stages = walk.audited()
    assert code == 1
    assert {"guards", "entries"} <= stages
    assert walk.verdicts(receipts) == ["valid"] * 13
    assert walk.rledger("record", "close", "--as", PARTIES["platform"], "--return", walk.return_id).code == 4


def test_a_changed_evidence_file_is_found_by_the_audit_and_by_whoever_holds_the_receipt(founded: Founded) -> None:
    walk = founded.walk
    photo = walk.paper("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(100))
    request = {
        "legal_basis": "goodwill", "lines": LINES, "language": "de", "buyer_country": "DE", "seller_country": "CN",
    }  # fmt: skip
    walk.step("request_return", "buyer", request, product_photo=photo)
    walk.anchor()
    receipts = walk.receipts()
    (stored,) = (path for path in (walk.rledger.home / "files").rglob("*") if path.is_file())
    assert walk.audited() == (0, set())
    assert walk.verdicts(receipts, "--evidence", stored) == ["valid"]

    stored.chmod(0o600)
    content = stored.read_bytes()
    stored.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    assert walk.audited() == (1, {"evidence"})
    assert walk.verdicts(receipts, "--evidence", stored) == ["invalid"]
    assert walk.verdicts(receipts, "--evidence", photo) == ["valid"]


def test_a_receipt_grows_in_place_from_recorded_to_final(founded: Founded) -> None:
    walk = founded.walk
    request = {
        "legal_basis": "goodwill", "lines": LINES, "language": "de", "buyer_country": "DE", "seller_country": "CN",
    }  # fmt: skip
    walk.step("request_return", "buyer", request, product_photo=walk.paper("photo.png", b"\x89PNG\r\n\x1a\n"))

    (young,) = walk.receipts()
    assert walk.verdicts([young]) == ["inconclusive"]
    entry = json.loads(young.read_bytes())["entry"]
    walk.anchor()
    (grown,) = walk.receipts()

    assert grown == young
    assert walk.verdicts([grown]) == ["valid"]
    assert json.loads(grown.read_bytes())["entry"] == entry


# --- what other systems send -----------------------------------------------------------------------------------------


@pytest.fixture
def samples(shared: Path) -> Path:
    """The folder of real messages and photos."""
    folder = shared / "samples"
    if not folder.is_dir():
        pytest.skip("../shared/samples is not beside this checkout: real messages and photos are not recorded")
    return folder


def response(samples: Path, name: str) -> dict[str, Any]:
    """Return the body of a Shopify message."""
    found: dict[str, Any] = json.loads((samples / "shopify" / f"{name}.json").read_bytes())["response"]
    return found


def minor(amount: str) -> int:
    """Return an amount of two decimal places in minor units."""
    return int(Decimal(amount) * 100)


def instant(text: str) -> str:
    """Return a carrier's time as an entry holds it."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def scan_code(scan: dict[str, Any]) -> str:
    """Return the code that the ledger has for a scan of EasyPost's."""
    details = {"departed_facility": "departed", "arrived_at_facility": "arrived"}
    return details.get(scan.get("status_detail", ""), "in_transit")


def test_what_shops_carriers_and_cameras_really_send_is_recorded_and_verified(
    samples: Path, tmp_path: Path, desk: Path
) -> None:
    """Shopify's messages and EasyPost's scans as the facts of one return, the messages and four photos as evidence."""
    rledger = Program(tmp_path / "home").with_settings(origin="returns.example/samples")
    rledger.done("deploy")
    walk = Walk(rledger, desk)
    shopify, easypost, photos = samples / "shopify", samples / "easypost", samples / "photos"
    requested, approved = response(samples, "returns.request"), response(samples, "returns.approve")
    refunded, disputed = response(samples, "refunds.create"), response(samples, "disputes.create")
    delivery = response(samples, "reverse_deliveries.attach_deliverable")["shipping_deliverable"]["tracking"]
    tracker = json.loads((easypost / "event-body.json").read_bytes())["result"]
    delivered = json.loads((easypost / "tracking-webhook.json").read_bytes())["result"]
    lines = refunded["refund_line_items"][: requested["total_return_line_items"]]

    walk.step(
        "request_return",
        "buyer",
        {
            "legal_basis": "seller_policy",
            "lines": [
                {
                    "line_id": str(line["line_item_id"]),
                    "qty": line["quantity"],
                    "reason": "damaged_in_transit",
                    "wanted": "refund",
                }
                for line in lines
            ],
            "comment": refunded["note"],
            "language": "en",
            "buyer_country": "CA",
            "seller_country": tracker["tracking_details"][0]["tracking_location"]["country"],
        },
        "--idempotency-key",
        requested["admin_graphql_api_id"],
        product_photo=[photos / "C.jpg", photos / "A.jpg"],
        order_snapshot=shopify / "returns.request.json",
    )
    walk.step(
        "approve_return",
        "seller",
        {
            "approved_lines": [{"line_id": str(line["line_item_id"]), "qty": line["quantity"]} for line in lines],
            "return_cost_payer": "buyer" if approved["return_shipping_fees"] else "seller",
            "rma_no": approved["admin_graphql_api_id"],
        },
        rma_document=shopify / "returns.approve.json",
    )
    walk.step(
        "issue_label",
        "platform",
        {"carrier": delivery["carrier_name"], "tracking_no": delivery["tracking_number"], "paid_by": "buyer"},
        return_label=[
            easypost / "returns-create.json",
            shopify / "reverse_deliveries.attach_deliverable.json",
        ],
    )
    first, *scans = tracker["tracking_details"]
    parcel = {"parcel_id": tracker["id"], "tracking_no": tracker["tracking_code"]}
    walk.step(
        "ship_back",
        "carrier",
        {"parcels": [parcel], "posted_at": instant(first["datetime"])},
        proof_of_posting=easypost / "event-body.json",
    )
    walk.anchor()
    for scan in scans:
        where = scan["tracking_location"]
        walk.step(
            "scan",
            "carrier",
            {
                "code": scan_code(scan),
                "parcel_id": tracker["id"],
                "location": ", ".join(filter(None, (where["city"], where["state"], where["country"]))),
                "scanned_at": instant(scan["datetime"]),
            },
            "--occurred-at",
            instant(scan["datetime"]),
            tracking_event=easypost / "event-body.json",
        )
    last = delivered["tracking_details"][-1]
    walk.step(
        "confirm_delivery",
        "carrier",
        {"delivered_at": instant(last["datetime"]), "signer": delivered["signed_by"]},
        proof_of_delivery=easypost / "tracking-webhook.json",
    )
    received = [{"line_id": str(line["line_item_id"]), "received_qty": line["quantity"]} for line in lines]
    walk.step(
        "receive", "inspector", {"lines": received}, "--to-state", "received",
        receiving_report=shopify / "reverse_fulfillment_orders.dispose.json",
    )  # fmt: skip
    walk.step("start_inspection", "inspector")
    disposed = response(samples, "reverse_fulfillment_orders.dispose")["dispositions"]
    walk.step(
        "complete_inspection",
        "inspector",
        {
            "lines": [
                {
                    "line_id": str(line["line_item_id"]),
                    "accepted_qty": row["quantity"],
                    "rejected_qty": 0,
                    "missing_qty": 0,
                    "disposition": {"restocked": "restock"}[row["type"]],
                }
                for line, row in zip(lines, disposed, strict=True)
            ]
        },
        inspection_report=shopify / "reverse_fulfillment_orders.dispose.json",
        product_photo=[photos / "XCA.jpg", photos / "E-sig-CA.jpg"],
    )
    currency = lines[0]["subtotal_set"]["shop_money"]["currency_code"]
    price = sum(minor(line["subtotal_set"]["shop_money"]["amount"]) for line in lines)
    paid_back = sum(minor(payment["amount"]) for payment in refunded["transactions"])
    walk.step(
        "approve_refund",
        "seller",
        {
            "lines": [
                {
                    "line_id": str(line["line_item_id"]),
                    "amount": {
                        "currency": currency,
                        "minor": minor(line["subtotal_set"]["shop_money"]["amount"]),
                    },
                }
                for line in lines
            ],
            "deductions": [{"why": "other", "amount": {"currency": currency, "minor": price - paid_back}}],
        },
    )
    for payment in refunded["transactions"]:
        walk.step(
            "issue_refund",
            "psp",
            {
                "refund_id": payment["admin_graphql_api_id"],
                "amount": {"currency": currency, "minor": minor(payment["amount"])},
                "method": "original",
                "original_payment_ref": payment["payment_id"],
            },
            "--occurred-at",
            instant(payment["created_at"]),
            refund_record=shopify / "refunds.create.json",
        )
    walk.step(
        "add_evidence",
        "psp",
        {"comment": f"{disputed['type']}, {disputed['amount']} {disputed['currency']}: {disputed['reason']}"},
        dispute_notice=[shopify / "disputes.create.json", shopify / "disputes.update.json"],
        loss_claim=easypost / "claim-cancel.json",
    )
    for payment, state in zip(refunded["transactions"], ("resolving", "resolved"), strict=True):
        walk.step(
            "settle_refund",
            "psp",
            {"refund_id": payment["admin_graphql_api_id"], "settled_at": instant(refunded["processed_at"])},
            "--to-state",
            state,
            refund_record=shopify / "refunds.create.json",
        )
    walk.step("close", "platform", {}, message_log=[shopify / f"returns.{what}.json" for what in ("close", "reopen")])
    walk.anchor()

    receipts = walk.receipts()
    files = {path for given in walk.evidence.values() for path in given}
    offered = [word for path in sorted(files) for word in ("--evidence", path)]
    assert len(files) >= 14
    assert walk.verdicts(receipts, *offered) == ["valid"] * len(walk.indexes)
    assert walk.audited() == (0, set())
    timeline = walk.rledger.done("show", walk.return_id, "--json").json()["rows"]
    assert [row["verb"] for row in timeline].count("scan") == 6
    assert {file["media_type"] for row in timeline for file in row["evidence"]} == {"image/jpeg", "application/json"}
    assert timeline[0]["values"]["comment"] == "Things were damaged"
    assert [row["values"]["amount"]["minor"] for row in timeline if row["verb"] == "issue_refund"] == [7500, 1000]

    # a photo that was edited after it was taken is another file, and the receipt says so
    edited = walk.paper("edited.jpg", (photos / "C.jpg").read_bytes().replace(b"\xff\xda", b"\xff\xdb", 1))
    assert walk.verdicts(receipts[:1], "--evidence", photos / "C.jpg") == ["valid"]
    assert walk.verdicts(receipts[:1], "--evidence", edited) == ["invalid"]


def test_one_byte_of_a_real_message_makes_it_another_file(samples: Path, tmp_path: Path, desk: Path) -> None:
    """The webhook's raw body is the evidence: pretty-printing it makes another file."""
    rledger = Program(tmp_path / "home").with_settings(origin="returns.example/samples")
    rledger.done("deploy")
    walk = Walk(rledger, desk)
    raw = samples / "shopify" / "returns.request.json"
    request = {
        "legal_basis": "goodwill", "lines": LINES, "language": "en", "buyer_country": "CA", "seller_country": "US",
    }  # fmt: skip
    walk.step("request_return", "buyer", request, withdrawal_statement=raw)
    walk.anchor()
    receipts = walk.receipts()

    compact = walk.paper("compact.json", json.dumps(json.loads(raw.read_bytes())))

    assert walk.verdicts(receipts, "--evidence", raw) == ["valid"]
    assert walk.verdicts(receipts, "--evidence", compact) == ["invalid"]
