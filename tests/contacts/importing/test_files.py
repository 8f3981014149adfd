"""Whatever a file is written like: robustness F1, F5 and what is beside them."""

from __future__ import annotations

import codecs
import gzip
import io
from typing import Any

import pytest

from contacts.importing import (
    TooLarge,
    UploadError,
    import_file,
    preview,
    store_upload,
    storing,
)
from contacts.importing import source as reading
from contacts.importing.mapping import Target
from contacts.models import Contact, ImportPiece, Job, RejectedRow
from plunk.projects.models import Project
from tests.contacts.importing.files import figures, finished, imported, stored

pytestmark = pytest.mark.django_db

TEXT = 'email,name\nann@example.com,"Änn, the ""first"""\nbob@example.com,Bób\n'


def people() -> dict[str, Any]:
    return {one.email: one.data for one in Contact.objects.all()}


EXPECTED = {
    "ann@example.com": {"name": 'Änn, the "first"'},
    "bob@example.com": {"name": "Bób"},
}


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.rstrip("\n").encode(),
        b"\n\n" + TEXT.encode() + b"\n,\n\n",
        gzip.compress(TEXT.encode(), mtime=0),
        gzip.compress(TEXT[:20].encode(), mtime=0)
        + gzip.compress(TEXT[20:].encode(), mtime=0),
        b"sep=,\n" + TEXT.encode(),
        TEXT.replace(",", ";").replace("Änn;", "Änn,").encode(),
        TEXT.replace(",", "\t").replace("Änn\t", "Änn,").encode("utf-16"),
        b"sep=;\r\n" + TEXT.replace(",", ";").replace("Änn;", "Änn,").encode(),
    ],
    ids=str,
)
def test_the_same_people_however_it_is_written(project: Project, raw: bytes) -> None:
    job = imported(project, raw)

    assert people() == EXPECTED
    assert figures(job) == {"rows": 2, "created": 2}


def test_what_is_not_utf8_is_said_aloud(project: Project) -> None:
    job = stored(project, TEXT.encode("cp1252"))

    assert job.parameters["encoding"] == "cp1252"
    assert "Windows-1252" in job.parameters["notes"][0]
    assert stored(project, TEXT).parameters["notes"] == []


def test_a_cell_may_hold_lines(project: Project) -> None:
    imported(
        project, 'email,note\nann@example.com,"one\ntwo\r\nthree"\nb@example.com,x'
    )

    assert people()["ann@example.com"] == {"note": "one\ntwo\r\nthree"}


def test_an_empty_file_and_one_of_blank_lines_are_refused(project: Project) -> None:
    for raw in (b"", b"\n\n  \n", codecs.BOM_UTF8, gzip.compress(b""), b",,\n"):
        with pytest.raises(UploadError, match="empty"):
            stored(project, raw)

    assert not Job.objects.exists()
    assert not ImportPiece.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"PK\x03\x04" + bytes(100),
        b"\xd0\xcf\x11\xe0" + bytes(100),
        b"%PDF-1.7",
        b"\x1f\x8b\x08" + b"broken" * 9,
        gzip.compress(TEXT.encode(), mtime=0)[:-9],
        b"ann@example.com,Ann\nbob@example.com,Bob\n",
        b"email,a\x00b\nann@example.com,x\n",
        b"," * 1001 + b"x\n",
        b'"' + b"x" * 200_000,
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_what_is_no_table_is_refused_with_words(project: Project, raw: bytes) -> None:
    with pytest.raises(UploadError) as caught:
        stored(project, raw)

    assert str(caught.value).endswith(".")
    assert not Job.objects.exists()
    assert not ImportPiece.objects.exists()


def test_only_a_header_imports_nobody(project: Project) -> None:
    job = imported(project, "email,name\n")

    assert (job.state, figures(job)) == ("COMPLETED", {})


def test_a_file_over_the_limit_is_refused(project: Project) -> None:
    """F1."""
    raw = b"email\n" + b"a" * (1024 * 1024)

    with pytest.raises(TooLarge):
        stored(project, raw, max_bytes=1024 * 1024)
    assert stored(project, raw, max_bytes=len(raw)).total == len(raw)


def test_a_bomb_is_refused_before_it_goes_off(project: Project) -> None:
    bomb = gzip.compress(b"email,x\n" + b"a" * 40_000_000)

    with pytest.raises(TooLarge, match="Unpacked"):
        stored(project, bomb, max_bytes=1024 * 1024)

    assert not ImportPiece.objects.exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\x\\passwd", "/etc/passwd"])
def test_a_file_is_called_by_its_last_name(project: Project, name: str) -> None:
    assert stored(project, TEXT, name=name).parameters["name"] == "passwd"


def test_short_rows_are_padded_and_long_ones_rejected(project: Project) -> None:
    job = imported(
        project,
        "email,a,b\nann@example.com,1\nbob@example.com,1,2,,\ncay@example.com,1,2,3\n",
    )

    assert figures(job) == {"rows": 3, "created": 2, "rejected": 1}
    row = RejectedRow.objects.get()
    assert (row.number, row.reason) == (4, "Has 4 cells where the header has 3.")
    assert row.cells == ["cay@example.com", "1", "2", "3"]


def test_nul_is_rejected_where_it_matters(project: Project) -> None:
    job = imported(
        project,
        "email,a\nann@example.com,x\x00y\nb\x00b@example.com,1\ncay@example.com,1\n",
    )

    assert figures(job) == {"rows": 3, "created": 1, "rejected": 2}
    assert {row.cells[0] for row in RejectedRow.objects.all()} == {
        "ann@example.com",
        "b\N{REPLACEMENT CHARACTER}b@example.com",
    }


@pytest.mark.parametrize(
    "broken",
    [
        '"stray@example.com,never closed\n',
        f'big@example.com,"{"x" * 200_000}"\n',
        f"big@example.com,{'x' * 200_000}\n",
        "wide@example.com" + ",x" * 400_000 + "\n",
    ],
    ids=["quote", "quoted", "long", "wide"],
)
def test_one_broken_row_costs_one_row(project: Project, broken: str) -> None:
    before = "".join(f"a{number}@example.com,1\n" for number in range(50))
    after = "".join(f"b{number}@example.com,{'y' * 99}\n" for number in range(2000))

    job = imported(project, f"email,note\n{before}{broken}{after}")

    counts = figures(job)
    assert counts["rejected"] <= 2
    assert counts["created"] == 2050
    assert RejectedRow.objects.earliest("number").number == 52


def test_a_line_without_end_is_skipped_to_its_end(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WINDOW_CHARACTERS", 2 * 1024 * 1024)
    monkeypatch.setattr(storing, "PIECE_CHARACTERS", 256 * 1024)
    endless = "x," * 3_000_000 + ",evil@example.com"

    job = imported(
        project, f"email,a\nann@example.com,1\n{endless}\nbob@example.com,2\n"
    )

    assert set(people()) == {"ann@example.com", "bob@example.com"}
    assert figures(job)["rejected"] == 1


def test_a_file_of_many_pieces_is_one_text(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces end where they must: never within a letter or a line end."""
    monkeypatch.setattr(storing, "PIECE_CHARACTERS", 16)
    lines = [f'ä{n}@example.com,"x\r\n😀{n}"\r\n' for n in range(3)]
    good = [f'u{n}@example.com,"x\r\n😀é{n}"\r\n' for n in range(40)]

    job = imported(project, "email,note\r\n" + "".join(lines + good))

    assert ImportPiece.objects.count() == 0
    assert job.parameters["pieces"] > 30
    assert figures(job) == {"rows": 43, "created": 40, "rejected": 3}
    assert people()["u39@example.com"] == {"note": "x\r\n😀é39"}


def test_two_columns_of_one_name_are_not_both_data(project: Project) -> None:
    shown = preview(stored(project, "email,plan,plan,,id\na@example.com,1,2,3,4\n"))

    assert [column.target for column in shown.columns] == [
        Target.EMAIL,
        Target.DATA,
        *[Target.IGNORE] * 2,
    ] + [Target.IGNORE] * (len(shown.columns) - 4)


def test_a_file_that_breaks_off_while_it_comes_leaves_nothing(
    project: Project,
) -> None:
    class Breaks(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            if self.reads > 9:
                raise OSError("the disk is gone")
            return super().read(size)

    with pytest.raises(OSError, match="gone"):
        store_upload(
            project_id=project.pk,
            file=Breaks(b"email\n" + b"a@example.com\n" * 400_000),
            name="x.csv",
        )

    assert not Job.objects.exists()
    assert not ImportPiece.objects.exists()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("name,plan", "no column named “email”"),
        ("email," + ",".join(f"k{n}" for n in range(201)), "More than 200"),
        ("email," + ",".join(f"k{n}" for n in range(301)), "more than 300 columns"),
    ],
)
def test_a_header_that_cannot_be_is_refused_at_the_door_without_a_wizard(
    project: Project, header: str, words: str
) -> None:
    raw = f"{header}\nx,y\n".encode()

    with pytest.raises(UploadError, match=words):
        import_file(project_id=project.pk, file=io.BytesIO(raw), name="x.csv")

    assert not ImportPiece.objects.exists()
    assert not Job.objects.filter(state="WAITING").exists()


@pytest.mark.parametrize("header", ['"a\tb"', '"a\nb"', "‮x", "id", "k" * 129, '" "'])
def test_a_header_that_is_no_key_is_left_out(project: Project, header: str) -> None:
    raw = f"email,{header},ok\nann@example.com,1,2\n".encode()

    job = import_file(project_id=project.pk, file=io.BytesIO(raw), name="x.csv")
    finished(job)

    assert people() == {"ann@example.com": {"ok": 2}}
