"""An espresso machine from Leipzig fails its inspection; the buyer in Vienna appeals, disputes it, and a neutral rules.

An offer of half the price lapses, the marketplace tries to close the case over the open dispute and is refused, the
warehouse corrects a weight that it misread, the buyer finds a photo a month late, and signs appeal and dispute with a
wallet. Directive (EU) 2019/771 Art. 13 and 16: the price back where repair fails.
"""

from __future__ import annotations

from datetime import timedelta

from ledger_service.cli.demo.files import box_photo, message, paper
from ledger_service.cli.demo.stories.inspection_rejected import (
    BUYERS_WALLET,
    HOOK,
    LINE,
    TRACKING,
    ZONE,
    appeal,
    at,
    euros,
    inspection,
    request,
)
from ledger_service.cli.demo.story import Story, StoryStep, stated
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role, RuleReference

DISPUTE = "b41f09d2c87e4a3690d5e17a2f6c8853"
WARRANTY = RuleReference("eu-2019-771-art-16", "1")

TITLE = "An inspection in Leipzig rejects an espresso machine, and the buyer in Vienna takes it to a ruling."

PARTIES = {
    Role.BUYER: "buyer-vie-270",
    Role.SELLER: "seller-lej-031",
    Role.PLATFORM: "marketplace",
    Role.CARRIER: "post-at",
    Role.INSPECTOR: "warehouse-lej",
    Role.PSP: "psp-1",
    Role.ARBITRATOR: "adr-vienna-9",
}


def story() -> Story:
    """Return the story of February and March 2026."""
    return Story(
        title=TITLE,
        parties=PARTIES,
        zone=ZONE,
        steps=(*request(), *inspection(), *appeal(), *_dispute(), *_implementation()),
    )


def _dispute() -> list[StoryStep]:
    of: dict[str, Json] = {"dispute_id": DISPUTE}
    return [
        StoryStep(
            at(2, 19, 20, 10),
            Role.BUYER,
            "open_dispute",
            {**of, "type": "adr", "claim": "Refund of the price", "amount": euros(32_900)},
            (("dispute_notice", "notice.json", message({"claim": "329.00 EUR", "to": "ADR Vienna"})),),
            wallet=BUYERS_WALLET,
        ),
        StoryStep(
            at(2, 20, 10, 30),
            Role.SELLER,
            "negotiate",
            {**of, "proposal": "Half of the price, as offered"},
            (("message_log", "messages.json", message([{"from": "seller", "text": "164.50 EUR"}])),),
        ),
        StoryStep(at(2, 27, 9, 0), Role.PLATFORM, "close", refused="wrong_state"),  # over an open dispute
        StoryStep(
            at(3, 2, 14, 0),
            Role.SELLER,
            "submit_evidence",
            of,
            (("submission", "answer.pdf", paper("Answer", [("Relies on", "weight 2410 g, inspection")])),),
            refers={"evidence_entries": ("receipt", "inspection")},
        ),
        StoryStep(
            at(3, 4, 10, 0),
            Role.PLATFORM,
            "appoint_neutral",
            {**of, "neutral_id": "adr-vienna-9", "institution": "ADR Vienna", "seat": "Wien", "language": "de"},
            to_state="arbitration",
            anchor=True,
        ),
        StoryStep(
            at(3, 10, 9, 20),
            Role.INSPECTOR,
            "correct",
            {"reason": "incorrect_data", "corrected": {"weight_grams": 4_210}, "explanation": "digits swapped"},
            (("error_declaration", "scale-log.json", message({"item": TRACKING, "scale": "4210 g"})),),
            refers={"wrong_entry": "receipt"},
            name="correction",
        ),
        StoryStep(
            at(2, 5, 8, 40),
            Role.BUYER,
            "add_evidence",
            {"captured_at": stated(at(2, 5, 8, 40)), "comment": "Foto beim Einpacken, Brühgruppe sichtbar"},
            (("product_photo", "packing.png", box_photo(light=18)),),
            recorded_after=timedelta(days=35, hours=9, minutes=50),  # found a month later, after the evidence was due
            name="late photo",
        ),
        StoryStep(
            at(3, 13, 9, 0),
            Role.BUYER,
            "submit_evidence",
            of,
            (("submission", "reply.pdf", paper("Reply", [("Relies on", "corrected weight, packing photo")])),),
            refers={"evidence_entries": ("correction", "late photo")},
            wallet=BUYERS_WALLET,
        ),
        StoryStep(
            at(3, 20, 16, 0),
            Role.ARBITRATOR,
            "rule",
            {
                **of,
                "outcome": "buyer",
                "order": [
                    {
                        "who": "seller",
                        "pays": euros(32_900),
                        "what": "refund the price by the original route",
                        "by": stated(at(4, 3, 23, 59)),
                    }
                ],
            },
            (("ruling", "ruling.pdf", paper("Ruling", [("For", "the buyer"), ("Pays", "329.00 EUR by 3 April")])),),
            name="ruling",
            anchor=True,
        ),
    ]


def _implementation() -> list[StoryStep]:
    refund = {"refund": "re_81240", "minor": 32_900, "currency": "EUR", "method": "original"}
    return [
        StoryStep(
            at(3, 23, 10, 0),
            Role.ARBITRATOR,
            "reinstate",
            {"reason": "The ruling replaces the refusal."},
            (("rma_document", "reinstated.pdf", paper("Return authorised again", [("By", "ruling")])),),
        ),
        StoryStep(
            at(3, 23, 11, 0),
            Role.SELLER,
            "approve_refund",
            {"lines": [{"line_id": LINE, "amount": euros(32_900)}]},
            rule=WARRANTY,
        ),
        StoryStep(
            at(3, 25, 9, 10),
            Role.PSP,
            "issue_refund",
            {
                "refund_id": "re_81240",
                "amount": euros(32_900),
                "method": "original",
                "original_payment_ref": "pi_3310",
            },
            (("refund_record", "refund.json", message(refund)),),
            authenticity=HOOK,
        ),
        StoryStep(
            at(3, 27, 6, 0),
            Role.PSP,
            "settle_refund",
            {"refund_id": "re_81240", "settled_at": stated(at(3, 27, 6, 0)), "arn": "74537655"},
            (("refund_record", "settled.json", message({**refund, "state": "settled"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            at(3, 27, 12, 0),
            Role.SELLER,
            "implement_ruling",
            {"dispute_id": DISPUTE, "carried_out": "329.00 EUR refunded by the original route"},
            (("refund_record", "proof-of-refund.json", message(refund)),),
            refers={"ruling_entry": "ruling"},
            anchor=True,
        ),
        StoryStep(
            at(3, 28, 17, 30),
            Role.BUYER,
            "give_feedback",
            {"score": 3, "comment": "Am Ende recht bekommen", "language": "de"},
            (("feedback_record", "feedback.json", message({"score": 3})),),
        ),
        StoryStep(at(4, 1, 9, 0), Role.PLATFORM, "close", anchor=True),
    ]
