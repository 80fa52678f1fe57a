"""The campaign `history`: what concurrent clients were told, held against the log, while processes are killed."""

from tests.campaigns.history.drive import run

__all__ = ["run"]
