"""return-ledger: the record of a cross-border return that nobody can quietly rewrite."""

__version__ = "0.1.0"
