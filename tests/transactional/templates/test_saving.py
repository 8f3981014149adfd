"""Every save keeps what was there before (docs/adr/0019)."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from plunk.api.errors import Invalid
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.transactional.templates.conftest import Write
from transactional import template_uses, templates
from transactional.models import WRITTEN_FIELDS, SavedBy, Template, TemplateVersion
from transactional.template_rules import MAX_BODY, Misspelt
from transactional.template_uses import Use, UseKind

pytestmark = pytest.mark.django_db


def numbers(template: Template) -> list[int]:
    rows = TemplateVersion.objects.filter(template=template).order_by("number")
    return list(rows.values_list("number", flat=True))


def save(template: Template, **written: Any) -> Template:
    return templates.change(template=template, written=written, saved_by=SavedBy.PAGE)


def wrong_fields(error: pytest.ExceptionInfo[Invalid]) -> set[str]:
    return {one.field for one in error.value.errors}


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> set[UUID]:
    """Ids of templates that a workflow needs."""
    needed: set[UUID] = set()

    def source(project_id: UUID, template_ids: Collection[UUID]) -> list[Use]:
        return [
            Use(pk, UseKind.WORKFLOW_STEP, "the workflow “Onboarding”")
            for pk in template_ids
            if pk in needed
        ]

    monkeypatch.setattr(template_uses, "_sources", [source])
    return needed


def test_a_new_template_is_its_first_version(write: Write, alice: User) -> None:
    template = write()

    version = TemplateVersion.objects.get(template=template)
    assert (template.version, version.number) == (1, 1)
    for name in WRITTEN_FIELDS:
        assert getattr(version, name) == getattr(template, name)


def test_a_save_keeps_the_one_before(template: Template, alice: User) -> None:
    saved = templates.change(
        template=template,
        written={"subject": "Hi again"},
        saved_by=SavedBy.PAGE,
        user=alice,
    )

    first, second = TemplateVersion.objects.order_by("number")
    assert (saved.subject, saved.version) == ("Hi again", 2)
    assert (first.subject, second.subject) == ("Hi", "Hi again")
    assert (first.user, second.user) == (None, alice)
    assert saved.updated_at > template.updated_at


def test_a_save_that_changes_nothing_makes_no_version(template: Template) -> None:
    saved = save(template, **templates.contents_of(template))

    assert saved.version == 1
    assert saved.updated_at == template.updated_at
    assert numbers(template) == [1]


def test_who_saves_over_a_newer_version_is_told_which(template: Template) -> None:
    save(template, subject="Somebody else's")

    with pytest.raises(templates.StaleTemplate) as refused:
        templates.change(
            template=template,
            written={"subject": "Mine"},
            saved_by=SavedBy.PAGE,
            expected_version=1,
        )

    assert refused.value.version == 2
    template.refresh_from_db()
    assert template.subject == "Somebody else's"


def test_an_older_version_comes_back_as_the_newest(template: Template) -> None:
    save(template, subject="Second", tracks=False)
    save(template, subject="Third")

    restored = templates.restore(template=template, number=1, saved_by=SavedBy.API)

    assert (restored.subject, restored.tracks, restored.version) == ("Hi", None, 4)
    assert numbers(template) == [1, 2, 3, 4]


def test_restoring_what_is_there_makes_no_version(template: Template) -> None:
    restored = templates.restore(template=template, number=1, saved_by=SavedBy.API)

    assert restored.version == 1


def test_there_is_no_version_that_never_was(template: Template) -> None:
    with pytest.raises(templates.VersionNotFound):
        templates.restore(template=template, number=2, saved_by=SavedBy.API)


def test_a_version_of_another_template_is_not_restored(write: Write) -> None:
    save(write(), subject="Second")

    with pytest.raises(templates.VersionNotFound):
        templates.restore(template=write(), number=2, saved_by=SavedBy.API)


def test_a_copy_is_a_template_of_its_own(write: Write) -> None:
    template = write(name="x" * 100, reply_to="a@example.com", style="HTML")

    copy = templates.duplicate(template=template, saved_by=SavedBy.PAGE)

    assert copy.name == "x" * 93 + " (Copy)"
    assert (copy.reply_to, copy.style, copy.version) == ("a@example.com", "HTML", 1)
    assert numbers(copy) == [1]


def test_a_deleted_template_is_not_there_any_more(template: Template) -> None:
    templates.delete(template=template)

    with pytest.raises(templates.TemplateNotFound):
        templates.template_of(template.project_id, template.pk)
    with pytest.raises(templates.TemplateNotFound):
        templates.delete(template=template)
    with pytest.raises(templates.TemplateNotFound):
        save(template, subject="Late")
    assert numbers(template) == [1]


def test_what_is_needed_stays(template: Template, used: set[UUID]) -> None:
    used.add(template.pk)

    with pytest.raises(templates.TemplateInUse, match="the workflow “Onboarding”"):
        templates.delete(template=template)

    assert Template.objects.existing().get() == template


def test_of_many_all_are_deleted_or_none(
    write: Write, other_project: NewProject, used: set[UUID]
) -> None:
    ours = [write(), write()]
    foreign = Template.objects.create(
        project=other_project.project, name="x", subject="x", body="x"
    )
    used.add(ours[1].pk)
    delete = {"project_id": ours[0].project_id}

    with pytest.raises(templates.TemplateNotFound):
        templates.delete_all(**delete, template_ids=[ours[0].pk, foreign.pk])
    with pytest.raises(templates.TemplateInUse):
        templates.delete_all(**delete, template_ids=[one.pk for one in ours])
    assert Template.objects.existing().count() == 3

    used.clear()
    assert templates.delete_all(**delete, template_ids=[t.pk for t in ours]) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " "),
        ("name", "x" * 101),
        ("name", "a\nb"),
        ("name", 7),
        ("description", "x" * 501),
        ("description", "\x00"),
        ("subject", ""),
        ("subject", "x" * 999),
        ("subject", "Hi\r\nBcc: x@example.com"),
        ("subject", "\ud800"),
        ("preheader", "x" * 201),
        ("preheader", "a\nb"),
        ("body", ""),
        ("body", "x" * (MAX_BODY + 1)),
        ("body", "\x00"),
        ("body", "\udfff"),
        ("body", ["x"]),
        ("from_email", "nobody"),
        ("from_email", "a@example.com\r\nBcc: x@example.com"),
        ("from_name", "x" * 101),
        ("from_name", "a\nb"),
        ("reply_to", "x@"),
        ("kind", "SPAM"),
        ("style", "PDF"),
        ("tracks", "yes"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_cannot_be_is_named_and_changes_nothing(
    field: str, value: object, template: Template
) -> None:
    with pytest.raises(Invalid) as refused:
        save(template, **{"description": "New", field: value})

    assert wrong_fields(refused) == {field}
    template.refresh_from_db()
    assert (template.version, template.description) == (1, "")


def test_everything_that_is_wrong_is_named_at_once(project: Project) -> None:
    with pytest.raises(Invalid) as refused:
        templates.create(
            project_id=project.pk,
            written={"subject": "x" * 999, "kind": "?"},
            saved_by=SavedBy.API,
            required=("from_email",),
        )

    wanted = {"name", "subject", "body", "kind", "from_email"}
    assert wrong_fields(refused) == wanted


@pytest.mark.parametrize(
    ("field", "source", "line"),
    [
        ("subject", "{% if x %}Hi", 1),
        ("preheader", "{{ x | nonsense }}", 1),
        ("body", "<p>Hi</p>\n<p>{{ x | }}</p>", 2),
        ("body", "<p>Hi</p>\r\n\r\n{% endif %}", 3),
    ],
)
def test_what_cannot_be_read_says_where(
    field: str, source: str, line: int, template: Template
) -> None:
    with pytest.raises(Invalid) as refused:
        save(template, **{field: source})

    (problem,) = refused.value.errors
    assert isinstance(problem, Misspelt)
    assert (problem.field, problem.code) == (field, "invalid_syntax")
    assert problem.line == line
    assert f"(line {line}, column {problem.column})" in problem.message


def test_what_was_saved_before_there_were_rules_comes_back(
    template: Template,
) -> None:
    save(template, subject="New")
    TemplateVersion.objects.filter(number=1).update(subject="{% if x %}")

    restored = templates.restore(template=template, number=1, saved_by=SavedBy.PAGE)

    assert restored.subject == "{% if x %}"


def test_an_address_is_taken_away_by_an_empty_text(write: Write) -> None:
    template = write(from_email="A@Example.com", reply_to="b@example.com")

    saved = save(template, from_email="", reply_to="")

    assert template.from_email == "a@example.com"
    assert (saved.from_email, saved.reply_to) == ("", "")


def test_the_longest_body_is_kept_as_it_came(write: Write) -> None:
    body = "é" * (MAX_BODY - 2) + "\r\n"

    template = write(body=body)

    assert template.body == body.replace("\r\n", "\n")


SAVERS = 8


@pytest.fixture
def together(new_project: NewProject) -> Any:
    """Run something in several database sessions at the same moment."""
    start = Barrier(SAVERS)

    def run(work: Any) -> list[Any]:
        def one(number: int) -> Any:
            start.wait()
            try:
                return work(number)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(SAVERS) as pool:
            return list(pool.map(one, range(SAVERS)))

    return run


@pytest.mark.django_db(transaction=True)
def test_versions_have_no_gaps_when_many_save_at_once(
    together: Any, write: Write
) -> None:
    template = write()

    together(lambda number: save(template, subject=f"Saver {number}"))

    template.refresh_from_db()
    assert template.version == SAVERS + 1
    assert numbers(template) == list(range(1, SAVERS + 2))
    newest = TemplateVersion.objects.get(template=template, number=SAVERS + 1)
    assert newest.subject == template.subject


@pytest.mark.django_db(transaction=True)
def test_of_many_who_expect_the_same_version_one_saves(
    together: Any, write: Write
) -> None:
    template = write()

    def attempt(number: int) -> int:
        try:
            templates.change(
                template=template,
                written={"subject": f"Saver {number}"},
                saved_by=SavedBy.PAGE,
                expected_version=1,
            )
        except templates.StaleTemplate as error:
            return error.version
        return 0

    done = together(attempt)

    assert sorted(done) == [0] + [2] * (SAVERS - 1)
    assert numbers(template) == [1, 2]
