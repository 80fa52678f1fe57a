"""Who watches a log from outside: the monitor and the witness, each a process of its own."""
