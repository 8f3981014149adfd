"""Contacts into CSV and back: robustness F6, and nothing lost on the way."""

from __future__ import annotations

import csv
import gzip
import io
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import exporting
from contacts.exporting import Columns, data_keys, stream_csv
from contacts.importing import Column
from contacts.importing.cells import CellType
from contacts.importing.mapping import Target
from contacts.models import Contact
from contacts.sheets import cell
from plunk.projects.models import Project
from tests.contacts.importing.files import imported
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db


def exported(project: Project, columns: Columns | None = None) -> list[list[str]]:
    rows = Contact.objects.filter(project=project)
    text = b"".join(stream_csv(rows, columns)).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_contact_is_a_row_with_a_column_for_each_key(project: Project) -> None:
    make_contact(project, "ann@example.com", data={"plan": "pro", "tags": ["a", 1]})
    make_contact(project, "bob@example.com", subscribed=False, data={"age": 41.5})

    rows = exported(project, Columns(fields=("email", "subscribed")))

    assert sorted(rows[0]) == ["age", "email", "plan", "subscribed", "tags"]
    found = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert found == [
        {
            "email": "bob@example.com",
            "subscribed": "false",
            "age": "41.5",
            "plan": "",
            "tags": "",
        },
        {
            "email": "ann@example.com",
            "subscribed": "true",
            "age": "",
            "plan": "pro",
            "tags": '["a",1]',
        },
    ]


def test_chosen_columns_and_times(project: Project) -> None:
    contact = make_contact(project, "ann@example.com", data={"a": 1, "b": 2})
    Contact.objects.update(created_at=datetime(2026, 3, 31, 10, 0, 1, 234567, UTC))

    rows = exported(project, Columns(("id", "created_at", "confirmed_at"), ("b",)))

    assert rows == [
        ["id", "created_at", "confirmed_at", "b"],
        [str(contact.pk), "2026-03-31T10:00:01.234Z", "", "2"],
    ]


RISKY = [
    *("=1+1", "+49 30 1", "-cmd", "@SUM(A1)", "\tx", "\rx", "\nx", "  =1"),
    *("＝1", "＋1", "－1", "＠x", " \t＝1", "'=1", "''  @x", "\u00a0=1"),
]


@pytest.mark.parametrize("text", RISKY)
def test_what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe(
    project: Project, text: str
) -> None:
    """F6, in cells and in headers."""
    make_contact(project, "ann@example.com", data={text: text})

    rows = exported(project, Columns(("email",)))

    assert rows == [["email", f"'{text}"], ["ann@example.com", f"'{text}"]]


@pytest.mark.parametrize("text", ["x=1", "a@b.co", "'quoted'", "1-2", "", "'"])
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize("number", [-5, -1.5, 0, 2**53])
def test_typed_numbers_stay_numbers(number: float) -> None:
    assert cell(number) == number


def test_an_export_is_read_in_chunks_without_a_gap(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 7)
    Contact.objects.bulk_create(
        [Contact(project=project, email=f"c{n}@example.com") for n in range(50)]
    )
    at = datetime(2026, 3, 31, tzinfo=UTC)
    # Many in one moment, as an import makes them.
    Contact.objects.filter(email__lt="c3").update(created_at=at)

    rows = exported(project, Columns(("email",)))

    assert sorted(row[0] for row in rows[1:]) == sorted(
        f"c{n}@example.com" for n in range(50)
    )


def test_an_export_asks_twice_for_each_chunk(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: Any,
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 10)
    for count in (5, 10):
        Contact.objects.bulk_create(
            [Contact(project=project, email=f"{count}-{n}@x.co") for n in range(count)]
        )
    rows = Contact.objects.filter(project=project)

    with django_assert_num_queries(4):
        list(stream_csv(rows))


def test_keys_beyond_the_columns_come_as_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MAX_KEY_COLUMNS", 2)
    make_contact(project, "ann@example.com", data={"a": 1, "b": 2, "c": 3})

    rows = exported(project, Columns(("email",)))

    own = data_keys(Contact.objects.all())[:2]
    assert rows[0] == ["email", *own, "other_data"]
    rest = ({"a", "b", "c"} - set(own)).pop()
    assert rows[1][-1] == f'{{"{rest}":{ {"a": 1, "b": 2, "c": 3}[rest] }}}'


def test_gzip(project: Project) -> None:
    make_contact(project, "ann@example.com")
    rows = Contact.objects.all()

    packed = b"".join(stream_csv(rows, Columns(("email",)), compress=True))

    assert gzip.decompress(packed) == b"email\r\nann@example.com\r\n"


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(ValueError, match="no column 'project__name'"):
        Columns(fields=("email", "project__name"))


# Letters that a database keeps, and all that CSV or a spreadsheet trips over.
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
) | st.text("='+-@,;\"\t\r\n ＝#|[]", max_size=12)
solid = texts.filter(lambda text: not (not text or text.isspace()))
days = st.dates().map(lambda day: day.isoformat())
numbers = st.integers(-(2**53), 2**53) | st.floats(
    -1e9, 1e9, allow_nan=False, allow_subnormal=False
)
lists = st.lists(texts | st.integers(-9, 9) | st.booleans(), max_size=3)
VALUES = {
    CellType.TEXT: solid,
    CellType.NUMBER: numbers,
    CellType.BOOLEAN: st.booleans(),
    CellType.DATE: days,
    CellType.LIST: lists,
}


@st.composite
def populations(draw: st.DrawFn) -> tuple[dict[str, CellType], list[dict[str, Any]]]:
    keys = draw(
        st.lists(
            solid.map(lambda text: f"k{text}".strip()).filter(str.isprintable),
            max_size=3,
            unique=True,
        )
    )
    kinds = {key: draw(st.sampled_from(list(CellType))) for key in keys}
    people = [
        {key: draw(VALUES[kind]) for key, kind in kinds.items() if draw(st.booleans())}
        for _ in range(draw(st.integers(1, 4)))
    ]
    return kinds, people


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(populations())
def test_what_was_exported_imports_as_it_was(
    project: Project, made: tuple[dict[str, CellType], list[dict[str, Any]]]
) -> None:
    kinds, people = made
    Contact.objects.all().delete()
    for number, data in enumerate(people):
        make_contact(
            project,
            f"c{number}@example.com",
            data=data or None,
            subscribed=bool(number % 2),
        )
    rows = Contact.objects.filter(project=project)
    before = list(rows.order_by("email").values_list("email", "subscribed", "data"))
    raw = b"".join(stream_csv(rows, Columns(("email", "subscribed"), tuple(kinds))))
    Contact.objects.all().delete()

    imported(
        project,
        raw,
        columns=[
            Column(Target.EMAIL),
            Column(Target.SUBSCRIBED),
            *(Column(Target.DATA, key, kind) for key, kind in kinds.items()),
        ],
    )

    after = list(rows.order_by("email").values_list("email", "subscribed", "data"))
    assert after == [
        (email, subscribed, _nfc(data)) for email, subscribed, data in before
    ]


def _nfc(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Keys are composed on the way in."""
    return data and {unicodedata.normalize("NFC", key): it for key, it in data.items()}
