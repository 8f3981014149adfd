"""Write the messages of the corpus anew, and say which of them changed."""

from __future__ import annotations

import os
import sys

import django


def main() -> None:
    """Write what differs; messages of cases that are gone are removed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.transactional.corpus.cases import CASES
    from tests.transactional.corpus.making import GOLDEN, message

    GOLDEN.mkdir(exist_ok=True)
    wanted = {f"{case.name}.eml": message(case) for case in CASES}
    for path in GOLDEN.glob("*.eml"):
        if path.name not in wanted:
            path.unlink()
            _say(f"gone     {path.name}")
    for name, raw in wanted.items():
        path = GOLDEN / name
        if not path.exists() or path.read_bytes() != raw:
            path.write_bytes(raw)
            _say(f"written  {name}")
    _say(f"{len(wanted)} messages")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
