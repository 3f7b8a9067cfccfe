"""The parts of a workbook beside its sheets: what belongs to what, the tabs, the texts, the cell formats."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from api.workbooks.markup import Listener, listen
from api.workbooks.messages import Code, WorkbookRefused
from api.workbooks.package import Package

REPAIR = "Open it in the spreadsheet program, which may repair it, and save it anew."

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to: the kind of the other part, and where it is."""

    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A sheet as the workbook lists it."""

    name: str
    relation: str
    hidden: bool


class Relations(Listener):
    """Hears what a part refers to."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, Relation] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Note a relationship to another part of the file."""
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", self.folder, attributes.get("Target", "")))
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found[attributes.get("Id", "")] = Relation(kind, target.lstrip("/"))


def relations_of(package: Package, part: str) -> dict[str, Relation]:
    """Read what a part refers to; the empty name stands for the package itself."""
    folder, _, name = part.rpartition("/")
    relations = Relations(folder)
    listen(package, f"{folder}/_rels/{name}.rels".lstrip("/"), relations)
    return relations.found


def workbook_part(package: Package) -> str:
    """Find the part that is the workbook."""
    found = [r.target for r in relations_of(package, "").values() if r.kind == "officeDocument"]
    if not found:
        raise WorkbookRefused(
            Code.MISSING_PART,
            "The file doesn't say which of its parts is the workbook (`_rels/.rels`).",
            REPAIR,
        )
    return found[0]


class Book(Listener):
    """Hears which tabs a workbook has, and from where it counts days."""

    def __init__(self) -> None:
        self.tabs: list[Tab] = []
        self.from_1904 = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Note a tab, or the day from which days are counted."""
        if name == "sheet":
            self.tabs.append(
                Tab(
                    attributes.get("name", ""),
                    attributes.get("id", ""),
                    attributes.get("state", "visible") != "visible",
                )
            )
        elif name == "workbookPr":
            self.from_1904 = attributes.get("date1904", "0").lower() in ("1", "true", "on")


class Strings(Listener):
    """The table of shared strings; phonetic hints beside a text are no part of it."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._pieces: list[str] = []
        self._inside = False
        self._phonetic = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        """Begin a text, or a piece of it."""
        if name == "si":
            self._pieces = []
        elif name == "rPh":
            self._phonetic = True
        elif name == "t":
            self._inside = not self._phonetic

    def end(self, name: str) -> None:
        """End a text, or a piece of it."""
        if name == "si":
            self.strings.append(unescape("".join(self._pieces)))
        elif name == "rPh":
            self._phonetic = False
        elif name == "t":
            self._inside = False

    def text(self, text: str) -> None:
        """Take what belongs to a text."""
        if self._inside:
            self._pieces.append(text)


class Styles(Listener):
    """Which cell formats show a number as a date (or as a time), and which as a duration."""

    def __init__(self) -> None:
        self._formats: dict[int, str] = {}
        self._formats_of_cells: list[int] = []
        self._inside = False
        self._kinds: dict[int, str] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Note a number format, or a cell format that uses one."""
        if name == "numFmt":
            self._formats[whole(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._inside = True
        elif name == "xf" and self._inside:
            self._formats_of_cells.append(whole(attributes.get("numFmtId")))

    def end(self, name: str) -> None:
        """Note where the formats of cells end."""
        if name == "cellXfs":
            self._inside = False

    def kind(self, style: int) -> str:
        """Tell whether a cell format shows a `number`, a `date` or a `duration`."""
        if style not in self._kinds:
            known = 0 <= style < len(self._formats_of_cells)
            self._kinds[style] = self._kind_of_format(self._formats_of_cells[style]) if known else "number"
        return self._kinds[style]

    def _kind_of_format(self, identity: int) -> str:
        code = self._formats.get(identity)
        if code is None:
            if identity == 46:
                return "duration"
            # Built-in dates and times, East Asian ones included (ECMA-376 part 1, 18.8.30).
            return (
                "date" if identity in {*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)} else "number"
            )
        code = _LITERAL.sub("", code.split(";")[0])
        if re.search(r"\[[hms]+\]", code, re.IGNORECASE):
            return "duration"
        if code.strip().lower() == "general":
            return "number"
        return "date" if re.search(r"[dmyhs]", code, re.IGNORECASE) else "number"


def whole(text: str | None) -> int:
    """Read a whole number of at most nine digits; -1 where there is none."""
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else -1


def unescape(text: str) -> str:
    """Put characters in place of their escapes (`_x000D_`), except those that no text can hold."""

    def character(found: re.Match[str]) -> str:
        number = int(found[1], 16)
        fit = number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number < 0xFFFE
        return chr(number) if fit else found[0]

    return _ESCAPED.sub(character, text) if "_x" in text else text
