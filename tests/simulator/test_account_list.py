"""In step with SES's account-level suppression list: the product against the simulator,
over HTTP and by Amazon's own client.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from django.db.models import F
from django.db.models.functions import Now

from contacts.models import ConsentChange, Contact, Suppression, SuppressionReason
from contacts.suppressions import forget_addresses, release, suppress
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from plunk.simulator.models import SimulatedSuppression
from tests.pages.rows import make_contact
from transactional import account_suppressions
from transactional.account_suppressions import SOURCE, release_now, synchronise
from transactional.models import AccountList, AccountRelease

BOUNCE, COMPLAINT, MANUAL = SuppressionReason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def ours(client_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    client = client_of("sesv2")
    monkeypatch.setattr(account_suppressions, "client", lambda _service: client)
    return client


def on_list(*emails: str, reason: str = "BOUNCE", **values: Any) -> None:
    for email in emails:
        SimulatedSuppression.objects.create(email=email, reason=reason, **values)


def list_of_ses() -> set[str]:
    return set(SimulatedSuppression.objects.values_list("email", flat=True))


def let_all_grow_old(**time: float) -> None:
    Suppression.objects.update(created_at=F("created_at") - timedelta(**time))


def ours_now() -> set[tuple[str, str, str]]:
    return set(Suppression.objects.values_list("email", "reason", "source"))


# -- reading --------------------------------------------------------------------------


def test_what_ses_suppresses_we_suppress(
    project: Project, other_project: NewProject
) -> None:
    contact = make_contact(project, "dana@example.com")
    make_contact(other_project.project, "dana@example.com")
    make_contact(project, "fine@example.com")
    on_list("Dana@example.com", "stranger@example.com")
    on_list("not an address", reason="COMPLAINT")

    synchronise()

    assert ours_now() == {("dana@example.com", BOUNCE, SOURCE)}
    assert Suppression.objects.count() == 2
    assert ConsentChange.objects.filter(contact=contact).get().reason == SOURCE
    # Mail is stopped; what the person wished for is another matter.
    assert Contact.objects.filter(subscribed=True).count() == 3


def test_only_what_is_new_is_read_again(
    project: Project, ours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    read = ours.list_suppressed_destinations

    def listen(**given: Any) -> Any:
        asked.append(given)
        return read(**given)

    monkeypatch.setattr(ours, "list_suppressed_destinations", listen)
    make_contact(project, "old@example.com")
    on_list("old@example.com", updated_at=Now() - timedelta(days=9))

    synchronise()
    synchronise()

    assert "StartDate" not in asked[0]
    first = AccountList.objects.get()
    assert first.read_until
    assert asked[1]["StartDate"] < first.read_until
    assert ours_now() == {("old@example.com", BOUNCE, SOURCE)}


def test_a_long_list_is_read_page_by_page(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_suppressions, "_PAGE", 3)
    monkeypatch.setattr(account_suppressions, "_PAGES_A_RUN", 2)
    for number in range(10):
        make_contact(project, f"c{number}@example.com")
        on_list(f"c{number}@example.com")

    synchronise()
    assert Suppression.objects.count() == 6
    assert AccountList.objects.get().next_token

    synchronise()
    assert Suppression.objects.count() == 10
    assert AccountList.objects.get().pass_began_at is None


def test_a_reader_that_dies_goes_on_at_its_page(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_suppressions, "_PAGE", 3)
    for number in range(7):
        make_contact(project, f"c{number}@example.com")
        on_list(f"c{number}@example.com")
    pages: list[int] = []
    listed = account_suppressions._listed

    def die_at_the_second(entries: Any) -> Any:
        pages.append(1)
        if len(pages) == 2:
            raise KeyboardInterrupt
        return listed(entries)

    monkeypatch.setattr(account_suppressions, "_listed", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        synchronise()
    assert Suppression.objects.count() == 3

    synchronise()

    assert Suppression.objects.count() == ConsentChange.objects.count() == 7
    assert len(pages) == 4


def test_a_token_that_grew_too_old_begins_anew(
    project: Project, ours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_contact(project, "dana@example.com")
    on_list("dana@example.com")
    AccountList.objects.create(pk=1, pass_began_at=Now(), next_token="stale")
    read = ours.list_suppressed_destinations

    def refuse_tokens(**given: Any) -> Any:
        if "NextToken" in given:
            raise ClientError(
                {"Error": {"Code": "BadRequestException", "Message": "token"}}, "List"
            )
        return read(**given)

    monkeypatch.setattr(ours, "list_suppressed_destinations", refuse_tokens)

    synchronise()
    synchronise()

    assert ours_now() == {("dana@example.com", BOUNCE, SOURCE)}


def test_that_ses_is_away_is_no_error(
    project: Project, ours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://ses")

    monkeypatch.setattr(ours, "list_suppressed_destinations", away)

    synchronise()

    assert not Suppression.objects.exists()


# -- telling --------------------------------------------------------------------------


def test_ses_is_told_what_bounced_here_and_not_what_we_wished(
    project: Project,
) -> None:
    suppress(project_id=project.pk, email="bounced@example.com", reason=BOUNCE)
    suppress(project_id=project.pk, email="angry@example.com", reason=COMPLAINT)
    suppress(project_id=project.pk, email="unwanted@example.com", reason=MANUAL)
    suppress(project_id=project.pk, email="erased@example.com", reason=BOUNCE)
    forget_addresses(project.pk, ["erased@example.com"])
    let_all_grow_old(hours=1)

    synchronise()

    assert list_of_ses() == {"bounced@example.com", "angry@example.com"}


def test_an_address_that_ses_does_not_take_holds_up_no_other(
    project: Project, alice: User
) -> None:
    Suppression.objects.create(project=project, email="no address", reason=BOUNCE)
    suppress(project_id=project.pk, email="bounced@example.com", reason=BOUNCE)
    let_all_grow_old(hours=1)
    AccountRelease.objects.create(email="x" * 10)

    synchronise()

    assert list_of_ses() == {"bounced@example.com"}
    assert not AccountRelease.objects.exists()


def test_ses_is_told_once(project: Project) -> None:
    suppress(project_id=project.pk, email="bounced@example.com", reason=BOUNCE)
    let_all_grow_old(hours=1)
    synchronise()
    SimulatedSuppression.objects.all().delete()

    synchronise()

    assert list_of_ses() == set()


def test_what_is_left_of_an_erased_address_is_released_without_ses(
    project: Project, alice: User
) -> None:
    suppress(project_id=project.pk, email="dana@example.com", reason=BOUNCE)
    forget_addresses(project.pk, ["dana@example.com"])
    (left,) = Suppression.objects.values_list("email", flat=True)

    assert release(project_id=project.pk, email=left, user=alice, reason="asked for it")

    assert not Suppression.objects.exists()
    assert not AccountRelease.objects.exists()


# -- taking off -----------------------------------------------------------------------


def test_a_release_leaves_the_list_of_the_account(
    project: Project, alice: User
) -> None:
    make_contact(project, "dana@example.com")
    on_list("dana@example.com")
    synchronise()

    release(
        project_id=project.pk, email="dana@example.com", user=alice, reason="she wrote"
    )
    release_now()
    synchronise()

    assert list_of_ses() == set()
    assert ours_now() == set()
    assert not AccountRelease.objects.exists()


def test_it_stays_while_another_project_suppresses(
    project: Project, other_project: NewProject, alice: User
) -> None:
    for each in (project, other_project.project):
        make_contact(each, "dana@example.com")
    on_list("dana@example.com")
    synchronise()

    release(
        project_id=project.pk, email="dana@example.com", user=alice, reason="she wrote"
    )
    release_now()
    # The look back of the next pass sees it again; the admin's word counts.
    synchronise()

    assert list_of_ses() == {"dana@example.com"}
    kept = Suppression.objects.get()
    assert kept.project_id == other_project.project.pk


def test_it_stays_while_an_erased_contact_of_another_project_needs_it(
    project: Project, other_project: NewProject, alice: User
) -> None:
    theirs = other_project.project.pk
    for project_id in (project.pk, theirs):
        suppress(project_id=project_id, email="dana@example.com", reason=BOUNCE)
    forget_addresses(theirs, ["dana@example.com"])
    on_list("dana@example.com")

    release(
        project_id=project.pk, email="dana@example.com", user=alice, reason="she wrote"
    )
    release_now()

    assert list_of_ses() == {"dana@example.com"}


def test_a_release_that_ses_did_not_hear_is_repeated_and_not_taken_back(
    project: Project, alice: User, ours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_contact(project, "dana@example.com")
    on_list("dana@example.com")
    synchronise()
    remove = ours.delete_suppressed_destination

    def away(**_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://ses")

    monkeypatch.setattr(ours, "delete_suppressed_destination", away)
    release(
        project_id=project.pk, email="dana@example.com", user=alice, reason="she wrote"
    )
    synchronise()
    assert AccountRelease.objects.exists()
    assert ours_now() == set()

    monkeypatch.setattr(ours, "delete_suppressed_destination", remove)
    synchronise()

    assert list_of_ses() == set()
    assert not AccountRelease.objects.exists()
