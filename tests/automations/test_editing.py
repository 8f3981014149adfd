from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from automations.checking import problems
from automations.definitions import (
    Definition,
    Step,
    Transition,
    as_document,
    parse,
)
from automations.editing import (
    NotAllowed,
    StepNotFound,
    add_step,
    change_step,
    connect,
    disconnect,
    insert_on,
    remove_step,
)
from plunk.ids import new_id
from tests.automations.building import chain, definition, on, step


def row(*steps: Step) -> Definition:
    return definition(on("a"), list(steps), chain(*steps))


def edges(made: Definition) -> set[tuple[str, str]]:
    return {
        (made.steps[way.from_id].name, made.steps[way.to_id].name)
        for way in made.transitions
    }


def named(name: str, kind: str = "EXIT", **config: Any) -> Step:
    made = step(kind, **config)
    return Step(made.id, made.type, name, made.config)


def delay(name: str) -> Step:
    return named(name, "DELAY", amount=1, unit="days")


def test_a_document_is_read_as_it_was_written() -> None:
    made = row(delay("one"), named("two"))

    assert as_document(parse(as_document(made))) == as_document(made)


def test_a_new_step_follows_the_last_that_leads_nowhere() -> None:
    made = add_step(row(delay("one")), named("two"))

    assert edges(made) == {("Trigger", "one"), ("one", "two")}


def test_a_new_step_follows_no_branch_by_itself() -> None:
    condition = named("if", "CONDITION", field="data.a", operator="exists")

    made = add_step(row(condition), named("two"))

    assert edges(made) == {("Trigger", "if")}


def test_a_second_trigger_is_refused() -> None:
    with pytest.raises(NotAllowed):
        add_step(row(), named("again", "TRIGGER"))


def test_removing_takes_what_only_led_from_there() -> None:
    one, two, three = delay("one"), delay("two"), named("three")
    made = row(one, two, three)

    assert edges(remove_step(made, two.id, splice=False)) == {("Trigger", "one")}


def test_removing_leaves_what_another_way_leads_to() -> None:
    asks = named("if", "CONDITION", field="data.a", operator="exists")
    left, end = delay("left"), named("end")
    made = definition(
        on("a"),
        [asks, left, end],
        [(asks, left, "yes"), (left, end, ""), (asks, end, "no")],
    )

    cut = remove_step(made, left.id, splice=False)

    assert edges(cut) == {("Trigger", "if"), ("if", "end")}


def test_splicing_joins_the_neighbours() -> None:
    one, two, three = delay("one"), delay("two"), named("three")

    made = remove_step(row(one, two, three), two.id, splice=True)

    assert edges(made) == {("Trigger", "one"), ("one", "three")}


def test_splicing_the_last_step_takes_its_way_along() -> None:
    one, two = delay("one"), named("two")

    made = remove_step(row(one, two), two.id, splice=True)

    assert edges(made) == {("Trigger", "one")}


@pytest.mark.parametrize("kind", ["CONDITION", "WAIT_FOR_EVENT"])
def test_a_step_with_several_ways_is_not_spliced(kind: str) -> None:
    asks = named("asks", kind)

    with pytest.raises(NotAllowed):
        remove_step(row(asks), asks.id, splice=True)


def test_the_trigger_stays() -> None:
    made = row()

    for splice in (False, True):
        with pytest.raises(NotAllowed):
            remove_step(made, made.start.id, splice=splice)


def test_inserting_leads_through_the_new_step() -> None:
    one, two = delay("one"), named("two")
    made = row(one, two)
    way = made.ways_from(one.id)[0]

    changed = insert_on(made, way.id, delay("between"))

    assert edges(changed) == {
        ("Trigger", "one"),
        ("one", "between"),
        ("between", "two"),
    }


@pytest.mark.parametrize("kind", ["TRIGGER", "EXIT"])
def test_an_end_is_not_inserted(kind: str) -> None:
    made = row(delay("one"))

    with pytest.raises(NotAllowed):
        insert_on(made, made.transitions[0].id, named("x", kind))


def test_circles_and_second_ways_are_refused() -> None:
    one, two = delay("one"), delay("two")
    made = row(one, two)
    start = made.start

    for source, target in ((two, one), (one, one), (one, two), (two, start)):
        with pytest.raises(NotAllowed):
            connect(made, Transition(new_id(), source.id, target.id))


def test_nothing_follows_an_exit() -> None:
    end, one = named("end"), delay("one")
    made = definition(on("a"), [end, one], [])

    with pytest.raises(NotAllowed):
        connect(made, Transition(new_id(), end.id, one.id))


def test_a_branch_has_to_be_there() -> None:
    asks = named("if", "CONDITION", field="data.a", operator="exists")
    one = delay("one")
    made = definition(on("a"), [asks, one], [])

    with pytest.raises(NotAllowed):
        connect(made, Transition(new_id(), asks.id, one.id))
    maybe = Transition(new_id(), asks.id, one.id, condition={"branch": "maybe"})
    with pytest.raises(NotAllowed):
        connect(made, maybe)
    yes = Transition(new_id(), asks.id, one.id, condition={"branch": "yes"})
    assert ("if", "one") in edges(connect(made, yes))


def test_time_is_never_up_without_a_timeout() -> None:
    wait, one = named("wait", "WAIT_FOR_EVENT", eventName="b"), delay("one")
    made = definition(on("a"), [wait, one], [])

    with pytest.raises(NotAllowed):
        connect(made, Transition(new_id(), wait.id, one.id, wait_outcome="TIMEOUT"))


def test_a_step_keeps_its_type() -> None:
    one = delay("one")
    made = row(one)

    with pytest.raises(NotAllowed):
        change_step(made, Step(one.id, named("x").type, "x", {}))
    with pytest.raises(StepNotFound):
        change_step(made, named("nobody"))


def test_disconnecting_keeps_the_steps() -> None:
    made = row(delay("one"))

    changed = disconnect(made, made.transitions[0].id)

    assert edges(changed) == set()
    assert len(changed.steps) == 2


def test_a_finished_workflow_has_no_problems() -> None:
    assert problems(row(delay("one"), named("two"))) == []


@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        ("DELAY", {"amount": 0, "unit": "days"}, "amount"),
        ("DELAY", {"amount": 366, "unit": "days"}, "amount"),
        ("DELAY", {"amount": True, "unit": "days"}, "amount"),
        ("DELAY", {"amount": float("nan"), "unit": "days"}, "amount"),
        ("DELAY", {"amount": 1, "unit": "years"}, "unit"),
        ("DELAY", {"amount": 1, "unit": ["days"]}, "unit"),
        ("DELAY", {"until": {"weekday": 7, "time": "09:00"}}, "until.weekday"),
        ("DELAY", {"until": {"time": "25:00"}}, "until.time"),
        ("DELAY", {"until": {"time": "09:00", "timezone": "x"}}, "until.timezone"),
        ("WAIT_FOR_EVENT", {}, "eventName"),
        ("WAIT_FOR_EVENT", {"eventName": "a", "timeout": -1}, "timeout"),
        ("WAIT_FOR_EVENT", {"eventName": "a", "timeout": "1"}, "timeout"),
        ("CONDITION", {}, "field"),
        ("CONDITION", {"field": "nothing"}, "field"),
        ("CONDITION", {"field": "data.a", "operator": "is"}, "operator"),
        ("CONDITION", {"field": "data.a", "operator": "equals"}, "value"),
        ("CONDITION", {"filter": {"logic": "X"}}, "filter.logic"),
        ("CONDITION", {"mode": "multi", "field": "data.a"}, "branches"),
        ("UPDATE_CONTACT", {}, "updates"),
        ("UPDATE_CONTACT", {"updates": {"email": "x"}}, "updates.email"),
        ("UPDATE_CONTACT", {"updates": []}, "updates"),
        ("SEGMENT", {"segmentId": "x"}, "segmentId"),
        ("WEBHOOK", {"url": "ftp://example.com"}, "url"),
        ("SEND_EMAIL", {}, "templateId"),
        ("EXIT", {"reason": 5}, "reason"),
    ],
)
def test_a_step_that_cannot_be_taken_says_why(
    kind: str, config: dict[str, object], field: str
) -> None:
    found = problems(row(named("it", kind, **config)))

    assert field in [problem.field for problem in found if problem.is_error]


def test_a_circle_that_came_in_by_a_document_is_found() -> None:
    one, two = delay("one"), delay("two")
    made = definition(on("a"), [one, two], [*chain(one, two), (two, one, "")])

    codes = {problem.code for problem in problems(made)}

    assert "circle" in codes


def test_long_chains_are_walked_without_recursion() -> None:
    steps = [delay(str(number)) for number in range(190)]

    made = row(*steps)

    assert problems(made) == []
    assert len(list(pairwise(made.steps))) == 190
