from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import (
    Confirmation,
    Contact,
    Door,
    Job,
    JobKind,
    SavedView,
    Segment,
    SegmentMembership,
    SegmentType,
    Suppression,
    SuppressionReason,
    Topic,
)
from contacts.pages import totals
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/contacts/"


def shown(client: Client, url: str, query: dict[str, str] | None = None) -> list[str]:
    """Return the addresses of the list, in its order."""
    answer = client.get(url, query)
    assert answer.status_code == 200
    return [person.contact.email for person in answer.context["people"]]


# -- search ----------------------------------------------------------------------------


def test_an_empty_list_says_how_contacts_come_about(member: Client, url: str) -> None:
    answer = member.get(url).content

    assert b"/v1/track" in answer
    assert b"/contacts/new/" in answer


@pytest.mark.parametrize("text", ["ada", "ADA@", "ada@example.com", " a@ex ", "a@exa"])
def test_an_address_is_found_by_any_piece(
    member: Client, url: str, project: Project, text: str
) -> None:
    make_contact(project, "ada@example.com")
    make_contact(project, "grace@navy.example")

    assert shown(member, url, {"q": text}) == ["ada@example.com"]


@pytest.mark.parametrize(
    "text", ["\x00", "%", "_", "\\", "x" * 10_000, "\ud7ff", "<script>"]
)
def test_a_strange_search_finds_nothing(
    member: Client, url: str, project: Project, text: str
) -> None:
    make_contact(project, "ada@example.com")

    answer = member.get(url, {"q": text})

    assert answer.status_code == 200
    assert answer.context["people"] == []
    assert b"<script>" not in answer.content.split(b"<body")[1]


def test_a_search_keeps_to_its_pages(
    member: Client, url: str, project: Project
) -> None:
    for number in range(51):
        make_contact(project, f"a+{number}@example.com")

    answer = member.get(url, {"q": "a+", "sort": "address"})

    assert b"q=a%2B&amp;sort=address&amp;cursor=" in answer.content


def test_a_change_of_the_search_gets_the_rows_and_their_address(
    member: Client, url: str, project: Project
) -> None:
    make_contact(project, "ada@example.com")

    typed = member.get(
        url, {"q": "ada", "state": ""}, HTTP_HX_REQUEST="true", HTTP_HX_TRIGGER_NAME="q"
    )
    chosen = member.get(url, {"state": "subscribed"}, HTTP_HX_REQUEST="true")

    assert b"<html" not in typed.content
    assert typed["HX-Replace-Url"] == f"{url}?q=ada"
    assert chosen["HX-Push-Url"] == f"{url}?state=subscribed"


def test_going_back_gets_the_whole_page(member: Client, url: str) -> None:
    answer = member.get(
        url, HTTP_HX_REQUEST="true", HTTP_HX_HISTORY_RESTORE_REQUEST="true"
    )

    assert b"<html" in answer.content


# -- filters ---------------------------------------------------------------------------


@pytest.fixture
def crowd(project: Project, other_project: NewProject) -> dict[str, str]:
    """Make contacts in every state; return what to ask for to see each of them."""
    own = project
    make_contact(own, "yes@example.com", consent_source=Door.PAGE)
    make_contact(own, "no@example.com", subscribed=False)
    until = timezone.now() + timedelta(days=3)
    make_contact(own, "later@example.com", subscribed=False, snoozed_until=until)
    waiting = make_contact(own, "waiting@example.com", subscribed=False)
    Confirmation.objects.create(contact=waiting, project=own, expires_at=until)
    make_contact(own, "bounced@example.com")
    Suppression.objects.create(
        project=own, email="bounced@example.com", reason=SuppressionReason.BOUNCE
    )
    begun = timezone.now() - timedelta(minutes=1)
    batch = Job.objects.create(project=own, kind=JobKind.IMPORT, started_at=begun).pk
    make_contact(own, "file@example.com", import_id=batch)
    listed = make_contact(own, "listed@example.com")
    segment = Segment.objects.create(
        project=own, name="VIP", type=SegmentType.STATIC, description=""
    )
    SegmentMembership.objects.create(segment=segment, contact=listed)
    topic = Topic.objects.create(project=own, name="Offers", is_opt_out=False)
    joined = make_contact(own, "joined@example.com")
    topic.choices.create(contact=joined, is_joined=True)
    make_contact(own, "pro@example.com", data={"plan": "pro", "seats": 5, "on": True})
    make_contact(other_project.project, "stranger@example.com", import_id=batch)
    return {
        "state=subscribed&q=yes": "yes@example.com",
        "door=page": "yes@example.com",
        "state=unsubscribed&q=no@": "no@example.com",
        "state=snoozed": "later@example.com",
        "state=pending": "waiting@example.com",
        "state=suppressed": "bounced@example.com",
        f"import={batch}": "file@example.com",
        f"segment={segment.pk}": "listed@example.com",
        f"topic={topic.pk}": "joined@example.com",
        "data=plan&value=pro": "pro@example.com",
        "data=seats&value=5": "pro@example.com",
        "data=on&value=yes": "pro@example.com",
    }


def test_each_filter_shows_whom_it_names(
    member: Client, url: str, crowd: dict[str, str]
) -> None:
    found = {query: shown(member, f"{url}?{query}") for query in crowd}

    assert found == {query: [address] for query, address in crowd.items()}


def test_filters_can_be_taken_away_one_by_one(
    member: Client, url: str, crowd: dict[str, str]
) -> None:
    answer = member.get(f"{url}?state=subscribed&data=plan&value=pro&q=pro")

    assert [chip.url for chip in answer.context["chips"]] == [
        "?state=subscribed&data=plan&value=pro",
        "?q=pro&data=plan&value=pro",
        "?q=pro&state=subscribed",
    ]


@pytest.mark.parametrize("name", ["segment", "topic", "import"])
def test_what_the_project_does_not_have_shows_nobody(
    member: Client, url: str, project: Project, other_project: NewProject, name: str
) -> None:
    make_contact(project)
    theirs = Segment.objects.create(project=other_project.project, name="theirs")

    for pk in (theirs.pk, uuid4()):
        answer = member.get(url, {name: str(pk)})
        assert answer.context["people"] == []
        assert b"theirs" not in answer.content


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense",
        "door=nonsense",
        "segment=nonsense",
        "topic=%00",
        "import=1",
        "sort=nonsense",
        "data=plan",
        "value=pro",
        "data=%00&value=x",
        f"data={'k' * 129}&value=x",
        f"data=k&value={'v' * 255}",
        "col=&col=%00",
        "view=nonsense",
        "cursor=nonsense",
    ],
)
def test_what_makes_no_sense_does_not_count(
    member: Client, url: str, project: Project, query: str
) -> None:
    make_contact(project, "ada@example.com")

    assert shown(member, f"{url}?{query}") == ["ada@example.com"]


@pytest.mark.parametrize("key", ["a.b", ".", "..", "a'b", 'a"b', "$", "0", "%s", "é"])
@pytest.mark.parametrize("value", ["x", "5", "-0.5", "9" * 30, "yes", "null", "{}"])
def test_any_name_and_value_may_be_asked_for(
    member: Client, url: str, project: Project, key: str, value: str
) -> None:
    make_contact(project)

    assert shown(member, url, {"data": key, "value": value, "col": key}) == []


# -- order, columns, total -------------------------------------------------------------


def test_the_list_has_five_orders(member: Client, url: str, project: Project) -> None:
    at = timezone.now()
    for number, address in enumerate(["b@x.example", "a@x.example", "c@x.example"]):
        contact = make_contact(project, address)
        Contact.objects.filter(pk=contact.pk).update(
            created_at=at + timedelta(hours=number),
            updated_at=at - timedelta(hours=number),
        )

    orders = {
        name: "".join(email[0] for email in shown(member, url, {"sort": name}))
        for name in ("newest", "oldest", "changed", "address", "address-down")
    }

    assert orders == {
        "newest": "cab",
        "oldest": "bac",
        "changed": "bac",
        "address": "abc",
        "address-down": "cba",
    }


def test_columns_show_data_as_it_is_read(
    member: Client, url: str, project: Project
) -> None:
    make_contact(
        project, data={"plan": "pro", "tags": ["a", "b"], "on": True, "n": None}
    )
    make_contact(project, data=["no", "object"])

    answer = member.get(url, {"col": ["plan", "tags", "on", "n", "gone"]})

    assert [[value for _, value in p.cells] for p in answer.context["people"]] == [
        ["", "", "", "", ""],
        ["pro", "a, b", "yes", "null", ""],
    ]


def test_columns_are_offered_from_the_data(
    member: Client, url: str, project: Project, other_project: NewProject
) -> None:
    assert b"No contact has data yet" in member.get(f"{url}columns/").content
    make_contact(other_project.project, data={"theirs": 1})
    make_contact(project, data={"<b>": "x"})
    cache.clear()

    answer = member.get(f"{url}columns/", {"col": ["rare", "<b>"]}).content.decode()

    assert 'value="&lt;b&gt;" checked' in answer
    assert 'value="rare" checked' in answer
    assert "theirs" not in answer


def test_no_more_columns_than_fit(member: Client, url: str, project: Project) -> None:
    make_contact(project)

    answer = member.get(url, {"col": [f"c{number}" for number in range(30)]})

    assert len(answer.context["question"].columns) == 8


def test_a_total_is_counted_or_said_to_be_a_guess(
    member: Client, url: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        make_contact(project)

    assert "3</strong> contacts" in member.get(url).content.decode()
    monkeypatch.setattr(totals, "count_up_to", lambda _rows: None)
    monkeypatch.setattr(totals, "_estimate", lambda _rows: 1_234_567)
    guess = member.get(url).context["total"].words
    assert guess in {"about 1,200,000", "more than 10,000"}


@pytest.mark.parametrize(
    ("count", "words"), [(10_001, "about 10,000"), (987_654, "about 990,000")]
)
def test_a_guess_has_two_digits(count: int, words: str) -> None:
    assert totals.Total(count, is_exact=False).words == words


@pytest.mark.parametrize(
    "query",
    ["", "q=c", "state=pending", "col=plan&sort=changed", "data=plan&value=pro"],
)
def test_the_list_costs_the_same_with_ten_rows_and_sixty(
    member: Client, url: str, project: Project, query: str
) -> None:
    costs = []
    for count in (10, 50):
        for _ in range(count):
            contact = make_contact(project, data={"plan": "pro"})
            Confirmation.objects.create(
                contact=contact, project=project, expires_at=timezone.now()
            )
            Segment.objects.create(project=project, name="S")
        member.get(f"{url}?{query}")
        with CaptureQueriesContext(connection) as captured:
            member.get(f"{url}?{query}")
        costs.append(len(captured))

    assert costs[0] == costs[1]
    assert costs[0] <= 16


# -- saved views -----------------------------------------------------------------------


def test_a_view_keeps_what_the_list_shows(
    member: Client, url: str, project: Project, bob: User
) -> None:
    query = "q=ada&state=subscribed&sort=address&col=plan"

    answer = member.post(f"{url}views/", {"name": "Adas", "query": query})

    view = SavedView.objects.get()
    assert (view.project_id, view.user_id, view.name) == (project.pk, bob.pk, "Adas")
    assert answer["Location"] == f"{url}?view={view.pk}&{query}"
    page = member.get(answer["Location"])
    assert page.context["view"] == view
    assert not page.context["is_changed"]


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\nb", "a\x00b"])
def test_a_view_needs_a_name_of_one_line(member: Client, url: str, name: str) -> None:
    answer = member.post(f"{url}views/", {"name": name, "query": "q=ada"})

    assert not SavedView.objects.exists()
    assert answer["Location"] == f"{url}?q=ada"


@pytest.fixture
def view(project: Project) -> SavedView:
    return SavedView.objects.create(
        project=project, name="Old", parameters={"query": [["q", "ada"]]}
    )


def test_a_name_is_given_once(member: Client, url: str, view: SavedView) -> None:
    member.post(f"{url}views/", {"name": "Old", "query": "q=x"})
    member.post(f"{url}views/", {"name": "Other", "query": "q=x"})
    other = SavedView.objects.get(name="Other")
    member.post(f"{url}views/{other.pk}/", {"action": "rename", "name": "Old"})

    assert sorted(SavedView.objects.values_list("name", flat=True)) == ["Old", "Other"]


def test_a_view_is_renamed_changed_and_deleted(
    member: Client, url: str, view: SavedView
) -> None:
    own = f"{url}views/{view.pk}/"

    member.post(own, {"action": "rename", "name": "New"})
    member.post(own, {"action": "replace", "query": "state=snoozed"})
    view.refresh_from_db()
    assert (view.name, view.parameters) == ("New", {"query": [["state", "snoozed"]]})
    member.post(own, {"action": "nonsense"})
    member.post(own, {"action": "delete"})

    assert not SavedView.objects.exists()


@pytest.mark.parametrize("parameters", [{}, {"query": []}, {"query": [["q", "x"]]}])
def test_a_view_marks_what_was_changed_since(
    member: Client, url: str, view: SavedView, parameters: dict[str, object]
) -> None:
    view.parameters = parameters
    view.save()

    answer = member.get(f"{url}?view={view.pk}&q=ada")

    assert answer.context["is_changed"]
    assert b"Save changes" in answer.content


def test_there_is_room_for_thirty_views(
    member: Client, url: str, project: Project
) -> None:
    for number in range(30):
        SavedView.objects.create(project=project, name=str(number))

    member.post(f"{url}views/", {"name": "One more", "query": "q=a"})

    assert SavedView.objects.count() == 30


def test_an_unknown_view_is_not_changed(member: Client, url: str, db: None) -> None:
    pk: UUID = uuid4()

    assert member.post(f"{url}views/{pk}/", {"action": "delete"}).status_code == 404
