from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from transactional import places

_START = UUID(int=0)
_SEVENTH, _NINTH = UUID(int=7), UUID(int=9)


def test_a_stream_goes_on_behind_the_last_mail_claimed() -> None:
    stream = uuid4()
    assert places.place_of(stream) == _START
    places.go_on(stream, [_NINTH, _SEVENTH])
    assert places.place_of(stream) == _NINTH
    places.go_on(stream, [_SEVENTH])
    assert places.place_of(stream) == _NINTH
    assert places.place_of(uuid4()) == _START


def test_whoever_had_gone_on_is_told_when_it_starts_again() -> None:
    stream, other = uuid4(), uuid4()
    places.go_on(stream, [_NINTH])
    assert places.start_again({stream, other}) == {stream}
    assert places.place_of(stream) == _START
    assert places.start_again({stream}) == set()


def test_it_looks_from_the_start_every_few_seconds_however_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr("transactional.places.time.monotonic", lambda: clock[0])
    stream = uuid4()
    places.go_on(stream, [_SEVENTH])
    clock[0] += 4.0
    places.go_on(stream, [_NINTH])
    assert places.place_of(stream) == _NINTH
    clock[0] += 1.5
    assert places.place_of(stream) == _START
