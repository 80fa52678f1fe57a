"""HTTP to addresses that strangers chose: which may be reached, and one request that reaches no other."""
