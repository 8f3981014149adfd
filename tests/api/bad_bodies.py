"""Bodies that no endpoint of the API takes, and how each is refused (B1 to B11)."""

from __future__ import annotations

BAD_BODIES: list[tuple[bytes, int]] = [
    (b"{", 400),
    (b"[]", 400),
    (b"null", 400),
    (b'"x"', 400),
    (b"7", 400),
    (b"\xff", 400),
    (b'{"a": NaN}', 400),
    (b'{"id": 1, "id": 2}', 400),
    (b'{"a": ' + b"9" * 5000 + b"}", 400),
    (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", 400),
    (b'{"a": "\\u0000"}', 422),
    (b'{"a": "\\ud800"}', 422),
    (b'{"\\u0000": 1}', 422),
    (b" " * (10 * 1024 * 1024), 413),
]
