"""Workbooks broken at random: each is read whole or refused with a message, and nothing else happens.

Seeds are fixed, so that what fails fails again; `POURPLAN_TEST_TIER=long` tries ten times as many.
"""

import io
import random
import re
import zipfile
from collections.abc import Callable
from uuid import UUID

import openpyxl
import pytest

from api.workbooks.catalogue import Grade, Group
from api.workbooks.changes import Stored, compare
from api.workbooks.content import Reading
from api.workbooks.messages import Severity
from api.workbooks.read import read_workbook
from api.workbooks.sandbox import read_safely
from tests.api.workbooks.sheets import NAMES, SAMPLE, with_shared_texts
from tests.tier import tier

SAMPLES = [(SAMPLE / name).read_bytes() for name in NAMES]
BASES = [*SAMPLES, *map(with_shared_texts, SAMPLES)]
MUTANTS = tier(200, 2000)
IN_CHILD = tier(8, 80)
REBAR, B500B = UUID(int=1), UUID(int=2)

VALUES = [
    *(
        "",
        "-",
        " ",
        "Total",
        "Grade",
        "Start time",
        "Quality:",
        "Sep 24",
        "June",
        "8,724",
        "1.234",
        "=A1",
        "=1/0",
    ),
    *(
        "#REF!",
        "04:00",
        "24:00",
        "A53/C601",
        "x" * 200,
        "\u202e5",
        "NaN",
        "* note",
        "2024-13",
        "TRUE",
        "_x0000_",
    ),
    *(0, -1, 1e300, 5e-324, 45467, 2958466, 0.5, 12.5, 10**15, True, False, None),
]
TOKENS = [
    *(b"<", b">", b"&", b"&amp;", b"&#0;", b"&x;", b'"', b"<c>", b"</c>", b"<row>", b"<v>", b"</v>", b"<f/>"),
    *(
        b'r="A1"',
        b'r="XFE1"',
        b't="s"',
        b't="e"',
        b't="d"',
        b't="b"',
        b's="-1"',
        b"\0",
        b"\xff\xfe",
        b"\xed\xa0\x80",
    ),
    *(b"99999999999", b"-1", b"1e999", b"<!DOCTYPE x>", b"<![CDATA[", b"<!--", b"<?xml?>", b"xmlns:a='b'"),
    b'<mergeCell ref="A1:XFD1048576"/>',
]


def cells(chance: random.Random, content: bytes) -> bytes:
    """Put odd values into some cells."""
    workbook = openpyxl.load_workbook(io.BytesIO(content))
    (sheet,) = workbook.worksheets
    for area in list(sheet.merged_cells.ranges):
        if chance.random() < 0.5:
            sheet.unmerge_cells(str(area))
    places = [
        cell.coordinate for row in sheet.iter_rows(max_row=20) for cell in row if cell.value is not None
    ]
    for _ in range(chance.randint(1, 5)):
        place = chance.choice([*places, f"{chance.choice('ABCDEFGZ')}{chance.randint(1, 25)}"])
        if not isinstance(sheet[place], openpyxl.cell.MergedCell):
            sheet[place] = chance.choice(VALUES)
    if chance.random() < 0.2:
        sheet.delete_rows(chance.randint(1, 6))
    if chance.random() < 0.2:
        sheet.insert_cols(chance.randint(1, 4))
    saved = io.BytesIO()
    workbook.save(saved)
    return saved.getvalue()


def parts(chance: random.Random, content: bytes) -> bytes:
    """Remove, swap or break parts of the package, below their checksums."""
    source = zipfile.ZipFile(io.BytesIO(content))
    members = {name: source.read(name) for name in source.namelist()}
    name = chance.choice(sorted(members))
    match chance.randrange(6):
        case 0:
            del members[name]
        case 1:
            members[name] = members[chance.choice(sorted(members))]
        case 2:
            members[name] = members[name][: chance.randrange(len(members[name]))]
        case 3:
            members[name.upper()] = members.pop(name)
        case _:
            members[name] = tokens(chance, members[name])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for each, part in members.items():
            made.writestr(each, part)
    return target.getvalue()


def tokens(chance: random.Random, part: bytes) -> bytes:
    """Put tokens, or attributes and numbers that stand elsewhere, into some places of an XML part."""
    for _ in range(chance.randint(1, 6)):
        found = re.findall(rb'\w+="[^"]*"|>[^<]+<', part) or [b""]
        if chance.random() < 0.5:
            part = part.replace(chance.choice(found), chance.choice(found), chance.randint(1, 3))
        else:
            at = chance.randrange(len(part) + 1)
            part = part[:at] + chance.choice(TOKENS) + part[at + chance.choice([0, 0, 1, 5]) :]
    return part


def octets(chance: random.Random, content: bytes) -> bytes:
    """Break the archive itself."""
    broken = bytearray(content)
    for _ in range(chance.randint(1, 20)):
        at = chance.choice([chance.randrange(len(broken)), max(0, len(broken) - chance.randint(1, 900))])
        broken[at] = chance.randrange(256)
    if chance.random() < 0.3:
        del broken[chance.randrange(len(broken)) :]
    return bytes(broken)


WAYS: list[Callable[[random.Random, bytes], bytes]] = [cells, parts, parts, octets]


def mutant(seed: int) -> bytes:
    chance = random.Random(seed)
    return WAYS[seed % len(WAYS)](chance, chance.choice(BASES))


def judge(reading: Reading) -> None:
    """Either there is content and nothing against it, or there is an error that says why not."""
    assert reading.refused or (reading.kind is not None and reading.content.rows > 0) or reading.messages
    if reading.kind is None:
        assert reading.refused
    for message in reading.messages:
        assert message.message.strip()
        assert message.hint or message.severity is not Severity.ERROR
        message.message.encode()
    rebar = Group(REBAR, "Rebar", 0)
    stored = Stored(groups=(rebar,), grades=(Grade(B500B, "B500B", REBAR, 0),))
    changes = compare(reading.content, stored)
    assert changes.rows <= reading.content.rows


@pytest.mark.parametrize("batch", range(10))
def test_mutants_are_read_whole_or_refused(batch: int) -> None:
    for seed in range(batch, MUTANTS, 10):
        content = mutant(seed)
        try:
            judge(read_workbook(content))
        except Exception as error:
            raise AssertionError(f"mutant({seed}): {error!r}") from error


async def test_child_says_of_mutants_what_the_function_says() -> None:
    for seed in range(IN_CHILD):
        content = mutant(seed * 7)
        assert await read_safely(content) == read_workbook(content), seed * 7


def test_mutants_are_of_all_sorts() -> None:
    """A fuzz that breaks everything, or nothing, would prove nothing."""
    readings = [read_workbook(mutant(seed)) for seed in range(200)]
    refused = [reading for reading in readings if reading.refused]
    assert 40 < len(refused) < 180
    assert len({message.code for reading in readings for message in reading.messages}) >= 20
