"""The entry point of `rledger` and of `python -m ledger_service`."""

from __future__ import annotations

from ledger_service.cli.main import app


def main() -> None:
    """Run the command line."""
    app(prog_name="rledger")


if __name__ == "__main__":
    main()
