"""A full installation of the harness's own: database, Redis, processes, all temporary.

Shared by `tests.bench` and `tests.faults`. Loopback only; whatever is started here ends
with the block that started it, and nothing is dropped, flushed or stopped that the
harness did not make itself.
"""
