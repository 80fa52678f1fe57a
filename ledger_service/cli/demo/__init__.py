"""`rledger demo`: one real cross-border return, anchored and verified, and then attacked."""
