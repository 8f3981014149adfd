"""The addresses that a project must not mail."""

from __future__ import annotations

import pytest
from django.test import override_settings

from contacts.ledger import Act
from contacts.models import (
    ChangeKind,
    ConsentChange,
    Contact,
    Door,
    Suppression,
    SuppressionReason,
)
from contacts.suppressions import (
    erased_among,
    forget_addresses,
    hashes,
    release,
    suppress,
    suppress_all,
    suppressed,
)
from plunk.api.errors import Invalid
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact

DANA = "dana@example.com"
BOUNCE, COMPLAINT, MANUAL = SuppressionReason


@pytest.fixture
def dana(project: Project) -> Contact:
    return make_contact(project, DANA)


def entries() -> list[tuple[str, str, str]]:
    rows = ConsentChange.objects.order_by("created_at", "pk")
    return list(rows.values_list("kind", "door", "reason"))


def test_it_is_in_the_ledger_of_the_contact(project: Project, dana: Contact) -> None:
    assert suppress(project_id=project.pk, email=DANA, reason=BOUNCE)
    assert not suppress(project_id=project.pk, email=DANA, reason=BOUNCE)

    assert entries() == [(ChangeKind.SUPPRESSED, Door.FEEDBACK, "bounce")]


def test_a_complaint_outweighs_and_is_told(project: Project, dana: Contact) -> None:
    suppress(project_id=project.pk, email=DANA, reason=MANUAL, act=Act(Door.API, "x"))
    assert not suppress(
        project_id=project.pk, email=DANA, reason=COMPLAINT, source="f1"
    )
    assert not suppress(project_id=project.pk, email=DANA, reason=BOUNCE)

    row = Suppression.objects.get()
    assert (row.reason, row.source) == (COMPLAINT, "f1")
    assert [entry[2] for entry in entries()] == ["x", "complaint"]


def test_an_address_without_a_contact_can_be_suppressed(project: Project) -> None:
    assert suppress(project_id=project.pk, email=DANA, reason=MANUAL)

    assert suppressed(project.pk, [DANA, "other@example.com"]) == {DANA}
    assert entries() == []


def test_many_take_as_many_statements_as_few(
    project: Project, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    reasons = {make_contact(project).email: BOUNCE for _ in range(30)}

    with django_assert_max_num_queries(8):  # type: ignore[operator]
        assert suppress_all(project_id=project.pk, reasons=reasons) == 30

    assert len(entries()) == 30


def test_release_says_who_and_why(project: Project, dana: Contact, alice: User) -> None:
    suppress(project_id=project.pk, email=DANA, reason=BOUNCE)

    assert release(project_id=project.pk, email=DANA, user=alice, reason=" She wrote. ")
    assert not release(project_id=project.pk, email=DANA, user=alice, reason="again")

    assert not Suppression.objects.exists()
    entry = ConsentChange.objects.latest("created_at", "pk")
    assert (entry.kind, entry.user, entry.reason) == (
        ChangeKind.RELEASED,
        alice,
        "She wrote.",
    )


@pytest.mark.parametrize("reason", ["", "  ", "x" * 251])
def test_release_needs_a_reason(project: Project, alice: User, reason: str) -> None:
    suppress(project_id=project.pk, email=DANA, reason=BOUNCE)

    with pytest.raises(Invalid):
        release(project_id=project.pk, email=DANA, user=alice, reason=reason)

    assert Suppression.objects.exists()


def test_another_projects_suppression_is_unknown(
    project: Project, other_project: NewProject, alice: User
) -> None:
    theirs = other_project.project.pk
    suppress(project_id=theirs, email=DANA, reason=BOUNCE)

    assert suppressed(project.pk, [DANA]) == set()
    assert not release(project_id=project.pk, email=DANA, user=alice, reason="x")
    assert suppressed(theirs, [DANA]) == {DANA}


# -- what is left of an erased address ------------------------------------------------


def test_a_hash_blocks_and_says_nothing(
    project: Project, other_project: NewProject
) -> None:
    theirs = other_project.project.pk
    for project_id in (project.pk, theirs):
        suppress(project_id=project_id, email=DANA, reason=BOUNCE)
        assert forget_addresses(project_id, [DANA]) == 1

    stored = list(Suppression.objects.values_list("email", flat=True))
    assert len(set(stored)) == 2
    assert not any("dana" in text or "@" in text for text in stored)
    assert suppressed(project.pk, [DANA, "x@example.com"]) == {DANA}
    asked = {(project.pk, DANA), (theirs, DANA), (theirs, "x@example.com")}
    assert erased_among(asked) == {(project.pk, DANA), (theirs, DANA)}


def test_a_second_erasure_leaves_one_hash(project: Project) -> None:
    for _ in range(2):
        suppress(project_id=project.pk, email=DANA, reason=BOUNCE)
        forget_addresses(project.pk, [DANA])

    assert Suppression.objects.get().email == hashes(project.pk, DANA)[0]


def test_a_hash_outlives_a_change_of_the_secret(project: Project) -> None:
    suppress(project_id=project.pk, email=DANA, reason=BOUNCE)
    with override_settings(SECRET_KEY="a former secret", SECRET_KEY_FALLBACKS=[]):
        forget_addresses(project.pk, [DANA])

    assert suppressed(project.pk, [DANA]) == set()
    with override_settings(SECRET_KEY_FALLBACKS=["a former secret"]):
        assert suppressed(project.pk, [DANA]) == {DANA}


def test_a_hash_can_be_released(project: Project, alice: User) -> None:
    suppress(project_id=project.pk, email=DANA, reason=BOUNCE)
    forget_addresses(project.pk, [DANA])

    assert release(project_id=project.pk, email=DANA, user=alice, reason="asked for it")

    assert suppressed(project.pk, [DANA]) == set()
