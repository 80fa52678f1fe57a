"""What `tests/bench/http.py` measures with: a load, baseline applications, and the processes that serve them."""
