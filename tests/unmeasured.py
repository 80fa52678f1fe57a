"""Which tests count for no coverage: measuring takes half as long again, and each line of theirs is shown by others.

They repeat by chance or by a table what a test of its own shows once, start whole programs, walk with a browser, or do
on PostgreSQL what they did on SQLite. `scripts/test` holds the floors without them.
"""

from __future__ import annotations

import pytest

FOLDERS = ("campaigns", "contracts", "foreign", "simulator")
FILES = (
    "api/test_hostile_uploads", "api/test_http", "api/test_matrix", "api/test_packages", "api/test_page_matrix",
    "api/test_parameters", "chain/test_lying_node", "cli/test_audit_command", "cli/test_demo",
    "cli/test_demo_stories", "cli/test_disk", "cli/test_help", "cli/test_monitor_command", "cli/test_moving",
    "cli/test_notify", "cli/test_output", "cli/test_record_command", "cli/test_rehearse", "cli/test_run_commands",
    "cli/test_serve", "cli/test_two_chains", "cli/test_verify_foreign", "core/test_returns_model",
    "operations/test_anchor_local_nodes", "operations/test_anchor_outages", "operations/test_anchor_stories",
    "operations/test_anchor_trouble", "operations/test_anchor_worker", "operations/test_audiences",
    "operations/test_package_complete", "operations/test_prove", "operations/test_prove_state",
    "operations/test_record", "store/test_guards", "store/test_log_process", "store/test_writer", "test_docs",
    "test_serve_local", "test_story", "verifier/test_agreement", "verifier/test_complete", "verifier/test_exports",
    "verifier/test_real_ledger",
)  # fmt: skip
_PLACES = (*(f"tests/{folder}/" for folder in FOLDERS), *(f"tests/{file}.py" for file in FILES))


def is_unmeasured(item: pytest.Item) -> bool:
    """Say whether a test counts for no coverage."""
    return (
        item.nodeid.startswith(_PLACES)
        or item.get_closest_marker("campaign") is not None
        or "chromium" in getattr(item, "fixturenames", ())
        or "postgres" in item.name
    )
