"""What an author can name: from what the contacts have, in a bounded sample."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from transactional.language import Form, compile_part
from transactional.variables import Variable, known_variables

pytestmark = pytest.mark.django_db


def add(project: Project, *datas: Any) -> None:
    count = project.contacts.count()
    for number, data in enumerate(datas):
        Contact.objects.create(
            project=project, email=f"c{count + number}@example.com", data=data
        )


def of_data(project: Project) -> dict[str, Variable]:
    return {one.path: one for one in known_variables(project.pk) if not one.is_system}


def test_a_project_without_contacts_knows_what_the_system_says(
    project: Project,
) -> None:
    known = known_variables(project.pk)

    assert [one.path for one in known if one.coverage == 100] == [
        *("email", "id", "subscribed", "locale", "unsubscribeUrl", "manageUrl"),
        *("subscribeUrl", "now"),
    ]
    assert all(one.is_system and one.label and one.example for one in known)


def test_data_is_known_with_its_coverage_and_an_example(project: Project) -> None:
    add(project, {"firstName": "Ann", "n": 3}, {"firstName": ""}, {"firstName": None})
    add(project, None, {"firstName": "Bea", "email": "x", "locale": "de"})

    known = of_data(project)

    assert known["firstName"] == Variable(
        "firstName", "First name", "string", 40, known["firstName"].example, False, 3
    )
    assert known["firstName"].example in ("Ann", "Bea")
    assert (known["n"].type, known["n"].coverage, known["n"].missing) == (
        "number",
        20,
        4,
    )
    assert set(known) == {"firstName", "n"}


def test_objects_are_looked_into(project: Project) -> None:
    add(project, {"a": {"b": {"c": {"d": 1}}, "city": "Bonn"}, "list": [1, 2]})

    known = of_data(project)

    assert set(known) == {"a.b.c", "a.city", "list"}
    assert known["a.city"].label == "A city"
    assert known["list"].type == "array"


@pytest.mark.parametrize(
    "name",
    ["first name", "a|b", "a.b", "größe", "2nd", "a-b", 'a"b', "a'b", "$x", "x?"],
)
def test_a_path_is_what_an_author_writes(project: Project, name: str) -> None:
    add(project, {name: "v"})
    (path,) = of_data(project)

    part = compile_part(f"{{{{ {path} }}}}", Form.LINE)

    assert part.fill({name: "v", "data": {name: "v"}}) == "v"


@pytest.mark.parametrize("name", ["{{x}}", "a\nb", "", "x" * 101, "\"'"])
def test_what_nobody_can_write_is_not_offered(project: Project, name: str) -> None:
    add(project, {name: "v"})

    assert of_data(project) == {}


def test_other_projects_are_strangers(
    project: Project, other_project: NewProject
) -> None:
    add(other_project.project, {"secret": "x"})

    assert of_data(project) == {}


def test_the_number_of_statements_does_not_depend_on_the_contacts(
    project: Project,
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            known_variables(project.pk)
        return len(asked)

    add(project, {"a": 1})
    before = statements()
    add(project, *[{f"k{number}": number} for number in range(100)])

    assert statements() == before <= 3
