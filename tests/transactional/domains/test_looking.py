"""Records beside what should be there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plunk.ids import new_id
from tests.transactional.domains.conftest import publish
from tests.transactional.domains.nameserver import NameServer
from transactional.domains.expected import Kind, dns_records
from transactional.domains.looking import Finding, Look, Note, State, look
from transactional.models import Domain

NAME = "mail.example.com"
SPF = f"plunk.{NAME}"

Looked = Callable[..., Look]


@pytest.fixture
def domain() -> Domain:
    return Domain(id=new_id(), name=NAME, dkim_tokens=["t1", "t2", "t3"], proof="ab12")


@pytest.fixture
def looked(domain: Domain) -> Looked:
    def _look(seconds: float = 3) -> Look:
        return look({domain.pk: (NAME, dns_records(domain))}, seconds=seconds)[
            domain.pk
        ]

    return _look


def of(seen: Look, kind: Kind) -> Finding:
    return next(each for each in seen.findings if each.record.kind is kind)


@pytest.fixture
def full(
    nameserver: NameServer, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> NameServer:
    """Everything is as it should be, in the zone example.com."""
    monkeypatch.setattr(domain, "refresh_from_db", lambda: None)
    nameserver.zones.append("example.com")
    publish(nameserver, domain)
    return nameserver


def test_what_is_right_is_found_right(full: NameServer, looked: Looked) -> None:
    seen = looked()

    assert {each.state for each in seen.findings} == {State.OK}
    assert [each.record.kind for each in seen.findings].count(Kind.DKIM) == 3
    assert seen.zone == "example.com"


def test_what_is_not_there_is_missing(nameserver: NameServer, looked: Looked) -> None:
    nameserver.zones.append("example.com")

    assert {each.state for each in looked().findings} == {State.MISSING}


def test_of_a_silent_name_nothing_is_known(full: NameServer, looked: Looked) -> None:
    full.silent.add("example.com")

    seen = looked(seconds=1)

    assert {each.state for each in seen.findings} == {State.UNREACHABLE}
    assert seen.zone == NAME


def test_a_cname_may_lead_there_over_others(full: NameServer, looked: Looked) -> None:
    full.put(f"t1._domainkey.{NAME}", "CNAME", "one.example.org.")
    full.put("one.example.org", "CNAME", "two.example.org.")
    full.put("two.example.org", "CNAME", "T1.dkim.amazonSES.com.")

    assert of(looked(), Kind.DKIM).state is State.OK


@pytest.mark.parametrize("target", ["two.example.org.", "one.example.org."])
def test_a_cname_that_leads_in_circles_is_wrong(
    full: NameServer, looked: Looked, target: str
) -> None:
    full.put(f"t1._domainkey.{NAME}", "CNAME", "one.example.org.")
    full.put("one.example.org", "CNAME", target)
    full.put("two.example.org", "CNAME", "one.example.org.")

    found = of(looked(), Kind.DKIM)

    assert (found.state, found.found) == (State.WRONG, ("one.example.org",))


def test_a_name_with_the_zone_twice_is_recognised(
    full: NameServer, looked: Looked
) -> None:
    full.drop(SPF, "MX")
    full.put(f"{SPF}.example.com", "MX", "10 feedback-smtp.us-east-1.amazonses.com.")

    found = of(looked(), Kind.MAIL_FROM_MX)

    assert (found.state, found.note) == (State.WRONG, Note.DOUBLED)


def test_a_mx_of_another_region_is_wrong(full: NameServer, looked: Looked) -> None:
    full.put(SPF, "MX", "10 feedback-smtp.eu-west-1.amazonses.com.")

    found = of(looked(), Kind.MAIL_FROM_MX)

    assert found.state is State.WRONG
    assert found.found == ("10 feedback-smtp.eu-west-1.amazonses.com",)


def test_the_priority_of_the_mx_is_free(full: NameServer, looked: Looked) -> None:
    full.put(SPF, "MX", "50 feedback-smtp.us-east-1.amazonses.com.")

    assert of(looked(), Kind.MAIL_FROM_MX).state is State.OK


def test_a_second_mx_is_wrong(full: NameServer, looked: Looked) -> None:
    full.put(
        SPF, "MX", "10 feedback-smtp.us-east-1.amazonses.com.", "20 mx.example.com."
    )

    found = of(looked(), Kind.MAIL_FROM_MX)

    assert (found.state, found.note) == (State.WRONG, Note.SEVERAL)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (['"V=SPF1 a include:amazonSES.com -all"'], State.OK),
        (['"v=spf1 " "include:amazonses.com ~all"', '"another=1"'], State.OK),
        (['"v=spf1 include:amazonses.com.example.org ~all"'], State.WRONG),
        (['"v=spf1 -all"'], State.WRONG),
        (['"v=spf1 include:amazonses.com ~all"', '"v=spf1 -all"'], State.WRONG),
        (['"v=spf10 include:amazonses.com"'], State.MISSING),
        (['"<script>alert(1)</script>"'], State.MISSING),
    ],
)
def test_spf_is_read_as_receivers_read_it(
    full: NameServer, looked: Looked, values: list[str], state: State
) -> None:
    full.put(SPF, "TXT", *values)

    assert of(looked(), Kind.MAIL_FROM_SPF).state is state


def test_the_proof_is_one_text_among_others(full: NameServer, looked: Looked) -> None:
    full.put(f"_plunk.{NAME}", "TXT", '"x"', '"plunk-verification=ab12"')
    right = of(looked(), Kind.PROOF).state
    full.put(f"_plunk.{NAME}", "TXT", '"plunk-verification=ab13"')

    assert (right, of(looked(), Kind.PROOF).state) == (State.OK, State.MISSING)


def test_long_findings_are_cut(full: NameServer, looked: Looked) -> None:
    full.put(SPF, "TXT", " ".join(['"v=spf1 ' + "x" * 240 + '"'] * 12))

    (shown,) = of(looked(), Kind.MAIL_FROM_SPF).found

    assert len(shown) == 201


@pytest.mark.parametrize(
    ("own", "above", "state", "note"),
    [
        ([], [], State.MISSING, Note.NONE),
        (['"v=DMARC1; p=none"'], [], State.OK, Note.LENIENT),
        (['"v=DMARC1; p=reject"'], [], State.OK, Note.NONE),
        ([], ['"v=DMARC1; p=none"'], State.OK, Note.INHERITED),
        (['"v=DMARC1;p=none"', '"v=DMARC1;p=reject"'], [], State.WRONG, Note.SEVERAL),
        (['"something else"'], [], State.MISSING, Note.NONE),
    ],
)
def test_dmarc_is_advice(
    full: NameServer,
    looked: Looked,
    own: list[str],
    above: list[str],
    state: State,
    note: Note,
) -> None:
    full.drop(f"_dmarc.{NAME}", "TXT")
    if own:
        full.put(f"_dmarc.{NAME}", "TXT", *own)
    if above:
        full.put("_dmarc.example.com", "TXT", *above)

    found = of(looked(), Kind.DMARC)

    assert (found.state, found.note) == (state, note)
