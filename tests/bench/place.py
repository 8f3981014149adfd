"""Where the benchmarks work."""

from __future__ import annotations

import os

#: The database is called `plunk_<name>`; two runs at a time need two names.
NAME = os.environ.get("BENCH_NAME", "bench")
