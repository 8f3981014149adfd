from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from contacts.models import ChangeKind, ConsentChange, Contact, Door
from contacts.pages.data_rows import rows_of
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def new_url(project: Project) -> str:
    return f"/projects/{project.pk}/contacts/new/"


def form(*rows: tuple[str, str, str], **fields: Any) -> dict[str, Any]:
    """Return a form with rows of (name, type, value)."""
    names, types, values = zip(*rows, strict=True) if rows else ((), (), ())
    return {
        "email": "ada@example.com",
        "name": names,
        "type": types,
        "value": values,
        "before": [""] * len(names),
        **fields,
    }


# -- a new contact ---------------------------------------------------------------------


def test_a_contact_is_made_by_hand(
    member: Client, new_url: str, project: Project, bob: User
) -> None:
    answer = member.post(
        new_url,
        form(
            ("plan", "text", "pro"),
            ("seats", "number", "12"),
            ("share", "number", "-0.5"),
            ("trial", "boolean", "no"),
            ("since", "date", "2026-03-31"),
            ("tags", "list", "a\r\n b \r\n\r\nc"),
            ("extra", "json", '{"a": [1, null]}'),
            ("", "text", ""),
            email=" Ada@Example.com ",
            subscribed="yes",
        ),
    )

    contact = Contact.objects.get()
    assert answer["Location"].endswith(f"/contacts/{contact.pk}/")
    assert (contact.email, contact.subscribed) == ("ada@example.com", True)
    assert contact.consent_source == Door.DASHBOARD
    assert contact.data == {
        "plan": "pro",
        "seats": 12,
        "share": -0.5,
        "trial": False,
        "since": "2026-03-31",
        "tags": ["a", "b", "c"],
        "extra": {"a": [1, None]},
    }
    told = ConsentChange.objects.get()
    assert (told.kind, told.user) == (ChangeKind.SUBSCRIBED, bob)


@pytest.mark.parametrize("word", ["", "no", "maybe", "true"])
def test_only_a_clear_yes_subscribes_a_new_contact(
    member: Client, new_url: str, word: str
) -> None:
    member.post(new_url, form(subscribed=word))

    assert not Contact.objects.get().subscribed


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "a@b",
        "a b@example.com",
        "\x00@example.com",
        "ä@example.com",
        "a@example.com\r\nBcc: b@example.com",
        f"{'a' * 300}@example.com",
        "x" * 10_000,
    ],
)
def test_a_wrong_address_is_said_beside_it_and_kept(
    member: Client, new_url: str, address: str
) -> None:
    answer = member.post(new_url, form(("plan", "text", "pro"), email=address))

    assert answer.status_code == 422
    assert answer.context["sheet"].email_error
    assert answer.context["sheet"].rows[0].text == "pro"
    assert not Contact.objects.exists()


def test_an_address_that_is_taken_leads_to_its_contact(
    member: Client, new_url: str, project: Project, other_project: NewProject
) -> None:
    make_contact(other_project.project, "ada@example.com")
    assert member.post(new_url, form()).status_code == 302

    answer = member.post(new_url, form(email="ADA@example.com"))

    contact = Contact.objects.get(project=project)
    assert answer.status_code == 422
    assert f"/contacts/{contact.pk}/" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("", "text", "x"),
        ("n" * 129, "text", "x"),
        ("email", "text", "x"),
        ("unsubscribeUrl", "text", "x"),
        ("a\x00b", "text", "x"),
        ("a", "text", ""),
        ("a", "text", "  "),
        ("a", "text", "\x00"),
        ("a", "number", "twelve"),
        ("a", "number", "1e5"),
        ("a", "number", "NaN"),
        ("a", "number", "٣"),
        ("a", "number", "9" * 5_000),
        ("a", "boolean", "perhaps"),
        ("a", "date", "2026-02-30"),
        ("a", "date", "yesterday"),
        ("a", "list", " \n "),
        ("a", "json", "{"),
        ("a", "json", "NaN"),
        ("a", "json", "null"),
        ("a", "json", '""'),
        ("a", "json", '1, "b": 2'),
        ("a", "json", '"\\ud800"'),
        ("a", "json", '"\\u0000"'),
        ("a", "json", "1" * 5_000),
        ("a", "json", "[" * 5_000 + "]" * 5_000),
        ("a", "json", '{"b": 1, "b": 2}'),
        ("locale", "number", "5"),
    ],
)
def test_a_wrong_row_says_so_and_keeps_what_was_typed(
    member: Client, new_url: str, name: str, kind: str, value: str
) -> None:
    answer = member.post(new_url, form((name, kind, value), ("b", "text", "fine")))

    wrong, fine = answer.context["sheet"].rows
    assert answer.status_code == 422
    assert wrong.error
    assert (wrong.name, wrong.text) == (name, value)
    assert not fine.error
    assert not Contact.objects.exists()


def test_a_name_is_there_once(member: Client, new_url: str) -> None:
    # The same letter, composed and as two characters.
    rows = (("caf\u00e9", "text", "a"), ("cafe\u0301", "text", "b"))

    answer = member.post(new_url, form(*rows))

    assert [bool(row.error) for row in answer.context["sheet"].rows] == [False, True]


def test_a_type_that_there_is_not_is_text(member: Client, new_url: str) -> None:
    member.post(new_url, form(("a", "nonsense", "5")))

    assert Contact.objects.get().data == {"a": "5"}


def test_more_data_than_a_contact_may_have_is_refused(
    member: Client, new_url: str
) -> None:
    answer = member.post(new_url, form(("a", "text", "x" * 300_000)))

    assert answer.status_code == 422
    assert "KiB" in answer.context["sheet"].error
    assert not Contact.objects.exists()


def test_no_more_than_two_hundred_keys(member: Client, new_url: str) -> None:
    rows = [(f"k{number}", "text", "x") for number in range(201)]

    assert member.post(new_url, form(*rows)).status_code == 422


# -- changing one ----------------------------------------------------------------------

DATA = {
    "plan": "pro",
    "seats": 5,
    "share": 0.5,
    "trial": True,
    "since": "2026-03-31",
    "at": "2026-03-31T10:00:00Z",
    "tags": ["a", "b"],
    "mixed": ["a", 1],
    "nested": {"a": {"b": None}},
    "nothing": None,
    "empty": "",
    "tiny": 1e-30,
    "lines": "one\r\ntwo\n",
    " odd ": " spaced ",
    "<b>": "<script>",
}


@pytest.fixture
def contact(project: Project) -> Contact:
    return make_contact(project, "ada@example.com", data=dict(DATA))


@pytest.fixture
def url(project: Project, contact: Contact) -> str:
    return f"/projects/{project.pk}/contacts/{contact.pk}/edit/"


def as_shown(contact: Contact, **fields: Any) -> dict[str, Any]:
    """Return the form as the page has it."""
    rows = rows_of(contact.data)
    return {
        "email": contact.email,
        "shown_email": contact.email,
        "shown": [row.name for row in rows],
        "name": [row.name for row in rows],
        "type": [row.type for row in rows],
        "value": [row.text for row in rows],
        "before": [row.before for row in rows],
        **fields,
    }


def with_row(sent: dict[str, Any], which: str, /, **change: str) -> dict[str, Any]:
    """Return a form with a change in the row of this name."""
    place = sent["name"].index(which)
    changed = {key: list(values) for key, values in sent.items() if key in change}
    for key, text in change.items():
        changed[key][place] = text
    return {**sent, **changed}


def without_row(sent: dict[str, Any], name: str) -> dict[str, Any]:
    place = sent["name"].index(name)
    columns = ("name", "type", "value", "before")
    kept = {key: [*sent[key][:place], *sent[key][place + 1 :]] for key in columns}
    return {**sent, **kept}


def test_what_is_not_changed_is_not_written(
    member: Client, url: str, contact: Contact
) -> None:
    before = contact.updated_at

    answer = member.post(url, as_shown(contact))

    contact.refresh_from_db()
    assert answer.status_code == 302
    assert contact.data == DATA
    assert contact.updated_at == before


def test_a_changed_row_is_written_alone(
    member: Client, url: str, contact: Contact
) -> None:
    sent = with_row(as_shown(contact), "plan", value="team")
    # Meanwhile the product writes.
    Contact.objects.filter(pk=contact.pk).update(data=DATA | {"seats": 6, "new": 1})

    member.post(url, sent)

    contact.refresh_from_db()
    assert contact.data == DATA | {"plan": "team", "seats": 6, "new": 1}


def test_a_removed_row_removes_the_key_alone(
    member: Client, url: str, contact: Contact
) -> None:
    sent = without_row(as_shown(contact), "plan")
    Contact.objects.filter(pk=contact.pk).update(data=DATA | {"new": 1})

    member.post(url, sent)

    contact.refresh_from_db()
    expected = DATA | {"new": 1}
    del expected["plan"]
    assert contact.data == expected


def test_a_row_that_was_emptied_is_removed(
    member: Client, url: str, contact: Contact
) -> None:
    member.post(url, with_row(as_shown(contact), "plan", name="", value=""))

    contact.refresh_from_db()
    assert contact.data is not None
    assert "plan" not in contact.data


def test_a_renamed_row_moves_its_value(
    member: Client, url: str, contact: Contact
) -> None:
    member.post(url, with_row(as_shown(contact), "plan", name="tier"))

    contact.refresh_from_db()
    assert contact.data is not None
    assert contact.data["tier"] == "pro"
    assert "plan" not in contact.data


def test_a_row_gets_another_type(member: Client, url: str, contact: Contact) -> None:
    member.post(url, with_row(as_shown(contact), "seats", type="text"))

    contact.refresh_from_db()
    assert contact.data == DATA | {"seats": "5"}


def test_what_somebody_else_changed_is_not_overwritten_unasked(
    member: Client, url: str, contact: Contact
) -> None:
    sent = with_row(as_shown(contact), "plan", value="team")
    Contact.objects.filter(pk=contact.pk).update(data=DATA | {"plan": "free"})

    refused = member.post(url, sent)
    row = next(row for row in refused.context["sheet"].rows if row.name == "plan")
    assert refused.status_code == 422
    assert "“free”" in row.error
    member.post(url, with_row(sent, "plan", before=row.before))

    contact.refresh_from_db()
    assert contact.data == DATA | {"plan": "team"}


def test_what_was_removed_meanwhile_stays_away(
    member: Client, url: str, contact: Contact
) -> None:
    sent = as_shown(contact)
    rest = {key: value for key, value in DATA.items() if key != "plan"}
    Contact.objects.filter(pk=contact.pk).update(data=rest)

    member.post(url, sent)

    contact.refresh_from_db()
    assert contact.data == rest


def test_the_address_is_changed_and_has_to_be_free(
    member: Client, url: str, contact: Contact, project: Project
) -> None:
    other = make_contact(project, "grace@example.com")

    taken = member.post(url, as_shown(contact, email=other.email))
    assert taken.status_code == 422
    assert f"/contacts/{other.pk}/" in taken.content.decode()
    member.post(url, as_shown(contact, email="Lovelace@example.com"))

    contact.refresh_from_db()
    assert contact.email == "lovelace@example.com"
    assert contact.data == DATA


def test_an_address_that_somebody_else_changed_meanwhile_stays(
    member: Client, url: str, contact: Contact
) -> None:
    page = member.get(url).content.decode()
    assert '<input type="hidden" name="shown_email" value="ada@example.com">' in page
    sent = as_shown(contact)
    member.post(url, as_shown(contact, email="lovelace@example.com"))

    member.post(url, with_row(sent, "plan", value="mine"))

    contact.refresh_from_db()
    assert contact.email == "lovelace@example.com"
    assert (contact.data or {})["plan"] == "mine"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"email": "ada@example.com", "name": ["a", "b", "c"], "value": ["x"]},
        {"email": "ada@example.com", "before": ["x"] * 900},
        {"email": "ada@example.com", "shown": ["\x00", "nobody has this"]},
        {"email": ["a@example.com", "b@example.com"], "type": [""]},
    ],
)
def test_a_form_of_any_shape_is_answered(
    member: Client, url: str, contact: Contact, fields: dict[str, Any]
) -> None:
    answer = member.post(url, fields)

    contact.refresh_from_db()
    assert answer.status_code in {302, 422}
    assert contact.data == DATA


@pytest.mark.parametrize("data", [None, [], {}])
def test_data_of_any_shape_can_be_edited(
    member: Client, project: Project, data: Any
) -> None:
    contact = make_contact(project, data=data)
    url = f"/projects/{project.pk}/contacts/{contact.pk}/edit/"

    assert member.get(url).status_code == 200
    assert member.post(url, as_shown(contact)).status_code == 302


def test_what_was_typed_is_shown_harmlessly(
    member: Client, url: str, contact: Contact
) -> None:
    page = member.get(url).content.decode()

    assert "<script>" not in page.split("<body")[1]
    assert "&lt;script&gt;" in page
