"""Examples of requests, as OpenAPI shows them; a test sends each. Does not: hold anything of a real person."""

from __future__ import annotations

from typing import Any

REQUEST_RETURN: dict[str, Any] = {
    "verb": "request_return",
    "asserted_by": {"role": "buyer", "reference": "customer-58113"},
    "occurred_at": "2026-11-03T10:20:00.000Z",
    "fields": {
        "legal_basis": "non_conformity",
        "lines": [{"line_id": "line-1", "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}],
        "language": "de",
        "buyer_country": "DE",
        "seller_country": "CN",
    },
    "evidence": [
        {"kind": "product_photo", "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}
    ],
    "parties": [{"role": "seller", "reference": "shop-0071"}],
}
APPROVE_RETURN: dict[str, Any] = {
    "verb": "approve_return",
    "asserted_by": {"role": "seller", "reference": "shop-0071"},
    "rule": {"id": "shop-policy", "version": "2026-01"},
    "fields": {"approved_lines": [{"line_id": "line-1", "qty": 1}], "return_cost_payer": "seller"},
    "evidence": [
        {"kind": "rma_document", "sha256": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"}
    ],
}
