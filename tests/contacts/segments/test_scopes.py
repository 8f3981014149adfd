from __future__ import annotations

import pytest
from django.db import connection

from contacts.segments.scopes import read_stamp


@pytest.mark.parametrize("fraction", ["000", "001", "999"])
def test_what_sqlite_stamps_is_not_after_the_present_moment(fraction: str) -> None:
    stamp = f"2026-03-01 12:00:00.{fraction}"

    moment = connection.ops.adapt_datetimefield_value(read_stamp(stamp))

    assert str(moment) >= stamp
