"""Evidence files: stream in, hash, hand out, check, erase; nothing of SQL, HTTP or chains."""
