"""Documents on paper: what `core/pages/` says, set as PDF. A PDF is for reading; it proves nothing."""
