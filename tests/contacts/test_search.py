from __future__ import annotations

import importlib
from threading import Event
from types import SimpleNamespace

import pytest
from django.db import connection

from contacts import search as searching
from contacts.checks import check_search
from contacts.models import Contact
from contacts.search import search
from plunk.postgresql import is_postgresql
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.pages.rows import make_contact

ADDRESSES = [
    "ada@example.com",
    "grace.hopper@navy.example",
    "a_b%c@example.org",
    "info@xn--mller-kva.de",
    "q@ada.example",
]


@pytest.fixture
def people(project: Project, other_project: NewProject) -> Project:
    for address in ADDRESSES:
        make_contact(project, address)
    make_contact(other_project.project, "ada@elsewhere.example")
    return project


def found(project: Project, text: str) -> set[str]:
    rows = search(Contact.objects.filter(project=project), text)
    return set(rows.values_list("email", flat=True))


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("hopper", {"grace.hopper@navy.example"}),
        ("HOPPER@Navy", {"grace.hopper@navy.example"}),
        ("  ada@ex ", {"ada@example.com"}),
        ("ada", {"ada@example.com", "q@ada.example"}),
        ("q", {"q@ada.example"}),
        ("ad", {"ada@example.com"}),
        ("ra", set()),
        ("@", set(ADDRESSES)),
        ("@a", {"q@ada.example"}),
        ("", set(ADDRESSES)),
        ("müller", {"info@xn--mller-kva.de"}),
        ("info@MÜLLER.de", {"info@xn--mller-kva.de"}),
    ],
)
def test_a_piece_of_an_address_finds_it(
    people: Project, text: str, addresses: set[str]
) -> None:
    assert found(people, text) == addresses


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a_b%", {"a_b%c@example.org"}),
        ("a%b", set()),
        ("%", set()),
        ("_", set()),
        ("___", set()),
        ("\\", set()),
        ("\\%\\", set()),
        ("'; --", set()),
    ],
)
def test_every_character_stands_for_itself(
    people: Project, text: str, addresses: set[str]
) -> None:
    assert found(people, text) == addresses


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x00b", "x" * 10_000, "\ud800", "ä" * 300, "\u202e", "é@", "xn--ü"],
)
def test_what_no_address_has_finds_none(people: Project, text: str) -> None:
    assert found(people, text) == set()


@pytest.fixture
def without_extension(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database in which the migration could not make the index of pieces."""
    if not is_postgresql():
        pytest.skip("only PostgreSQL has extensions")
    monkeypatch.setattr(searching, "_fragment_index_seen", Event())
    migration = importlib.import_module("contacts.migrations.0002_postgresql")
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")
        cursor.execute("CREATE ROLE weak_owner")
        cursor.execute("GRANT CREATE, USAGE ON SCHEMA public TO weak_owner")
        cursor.execute("ALTER TABLE contacts_contact OWNER TO weak_owner")
        cursor.execute("SET LOCAL ROLE weak_owner")
        migration.index_pieces(None, SimpleNamespace(connection=connection))
        cursor.execute("RESET ROLE")


@pytest.mark.usefixtures("without_extension")
def test_without_the_extension_beginnings_are_found(people: Project) -> None:
    assert found(people, "ada") == {"ada@example.com"}
    assert found(people, "hopper") == set()


@pytest.mark.usefixtures("without_extension")
def test_without_the_extension_the_operator_is_told() -> None:
    [warning] = check_search(databases=["default"])

    assert warning.id == "contacts.W001"
    assert "pg_trgm" in str(warning.hint)


def test_with_the_extension_nothing_is_wrong(db: None) -> None:
    assert check_search(databases=["default"]) == []
    assert check_search() == []
