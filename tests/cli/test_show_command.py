"""`rledger show` and `actions` of a real ledger: the timeline in both languages, hints, JSON, and wrong usage."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Story
from tests.cli.program import Program, assert_told


def test_a_return_is_shown_in_english_with_hints_for_each_role(template: Story) -> None:
    ended = template.rledger.done("show", template.return_id)

    assert ended.out.startswith(f"return {template.return_id}\nReturn authorised, goods awaited (approved), as of ")
    assert "     1  request_return  (new -> requested)\n" in ended.out
    assert ended.out.count("finalized by ") == 1
    for heading in ("Deadlines", "Quantities and money", "Who held the goods", "Proven", "Only claimed", "Missing"):
        assert f"\n{heading}\n" in ended.out
    hints = ended.err.splitlines()
    assert any(line.startswith("rledger: hint: buyer may record now: withdraw_request, ship_back") for line in hints)
    assert any(line.startswith("rledger: hint: buyer: Sending the goods back: due ") for line in hints)


@pytest.mark.parametrize("asked", ["option", "locale"])
def test_a_return_is_shown_in_chinese_where_that_is_asked_for(template: Story, asked: str) -> None:
    if asked == "option":
        ended = template.rledger.done("show", template.return_id, "--language", "zh")
    else:
        speaking = Program(template.rledger.home, {"LC_ALL": "zh_CN.UTF-8"})
        ended = speaking.done("show", template.return_id)

    assert "已同意退货，等待寄回（approved）" in ended.out
    assert "\n已证明\n" in ended.out
    assert "rledger: 提示：买家现在可以记录：withdraw_request" in ended.err


def test_a_language_that_is_asked_for_wins_over_the_terminal_s(template: Story) -> None:
    speaking = Program(template.rledger.home, {"LC_ALL": "zh_CN.UTF-8"})

    assert "\nProven\n" in speaking.done("show", template.return_id, "--language", "en").out


def test_a_return_as_json_is_the_timeline_whatever_the_language(template: Story) -> None:
    english = template.rledger.done("show", template.return_id, "--json")
    members = english.json()

    assert english.err == ""
    assert [row["verb"] for row in members["rows"]] == ["request_return", "approve_return"]
    assert members["rows"][0]["life"] == "finalized"
    assert members["rows"][1]["anchored_at"] is None
    assert {one["code"] for one in members["proven"]} == {"recorded_by", "chain_whole", "files_fixed"}
    assert members["balance"]["lines"][0]["approved"] == 1
    speaking = template.rledger.done("show", template.return_id, "--json", "--language", "zh").json()
    assert speaking["rows"] == members["rows"]


def test_a_refused_step_and_a_missed_deadline_stand_in_the_timeline(story: Story) -> None:
    story.rledger("record", "close", "--as", "seller:s-3", "--return", story.return_id)
    shown = story.rledger.done("show", story.return_id).out

    assert "seller tried close: not possible in this state: the case is 'approved'; close is possible from" in shown


def test_what_a_role_may_do_is_told_with_what_it_needs(template: Story) -> None:
    ended = template.rledger.done("actions", template.return_id, "--as", "buyer")

    lines = ended.out.splitlines()
    place = lines.index("ship_back  Send the goods back -> in_transit")
    assert lines[place + 1].startswith("    evidence: proof_of_posting (Carrier's or post office's proof")
    assert lines[place + 2] == "    fields: parcels"
    assert any(line.startswith("    stops the deadline: Sending the goods back: due ") for line in lines)
    assert "Due from the buyer" in lines
    assert (
        "寄回商品 -> in_transit"
        in template.rledger.done("actions", template.return_id, "--as", "buyer", "--language", "zh").out
    )


def test_what_a_role_may_do_as_json_names_role_actions_and_deadlines(template: Story) -> None:
    members = template.rledger.done("actions", template.return_id, "--as", "system", "--json").json()

    assert (members["return_id"], members["role"]) == (template.return_id, "system")
    expire = next(one for one in members["actions"] if one["verb"] == "expire")
    assert (expire["possible"], expire["refused"]) == (False, [{"code": "nothing_ran_out", "details": ""}])
    buyer = template.rledger.done("actions", template.return_id, "--as", "buyer", "--json").json()
    assert "ship_back" in [one["clock_id"] for one in buyer["due"]]


def test_a_role_that_can_do_nothing_is_told_so(template: Story) -> None:
    assert template.rledger.done("actions", template.return_id, "--as", "regulator").out == (
        "the regulator can do nothing now\n"
    )
    empty = template.rledger.done("actions", template.return_id, "--as", "regulator", "--json").json()
    assert (empty["actions"], empty["due"]) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["actions", "ab" * 16, "--as", "buyer"], 4, "there is no return"),
        (["actions", "17", "--as", "buyer"], 2, "rledger show"),
        (["actions", "ab" * 16, "--as", "wizard\x1b[31m"], 2, "there is no such role"),
        (["show", "ab" * 16, "--language", "en"], 4, "there is no return"),
    ],
)
def test_what_is_not_there_is_told(template: Story, arguments: list[str], code: int, words: str) -> None:
    ended = template.rledger(*arguments)

    assert_told(ended, code, words)
    assert "\x1b" not in ended.err
