"""The XML of a workbook's parts, read as a stream of events: no tree is built, and no DTD gets past.

Without a DTD there are no entities to expand or to fetch, which is all that is dangerous in XML.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.parsers import expat

from api.workbooks.messages import Code, WorkbookRefused
from api.workbooks.package import Package

_SEPARATOR = "}"


class Listener:
    """Hears a part's elements, and by default minds none.

    Names come without their namespace, so that strict workbooks read the same.
    """

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Hear that an element begins."""

    def end(self, name: str) -> None:
        """Hear that an element ends."""

    def text(self, text: str) -> None:
        """Hear a piece of text, perhaps not all of it."""


def listen(package: Package, part: str, listener: Listener) -> None:
    """Read a part from start to end.

    Raises
    ------
    WorkbookRefused
        The part has a DTD, or is not well-formed XML.
    """
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = True

    def refuse_dtd(name: str, *_: object) -> None:
        raise WorkbookRefused(
            Code.EXTERNAL_ENTITIES,
            f"The workbook's part `{part}` declares a document type ({name}), by which XML reads other files "
            "or grows without end. No spreadsheet program writes that.",
            "Leave the file alone if you don't know where it comes from; else save it anew.",
        )

    def start(name: str, attributes: dict[str, str]) -> None:
        listener.start(
            name.rpartition(_SEPARATOR)[2],
            {key.rpartition(_SEPARATOR)[2]: value for key, value in attributes.items()},
        )

    def end(name: str) -> None:
        listener.end(name.rpartition(_SEPARATOR)[2])

    parser.StartDoctypeDeclHandler = refuse_dtd
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = listener.text
    try:
        for chunk in package.chunks(part):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise WorkbookRefused(
            Code.DAMAGED,
            f"The workbook's part `{part}` is not well-formed XML: {error}.",
            "Open it in the spreadsheet program, which may repair it, and save it anew.",
        ) from None
    except (LookupError, ValueError) as error:
        raise WorkbookRefused(
            Code.DAMAGED,
            f"The workbook's part `{part}` is in an encoding that can't be read: {error}.",
            "Open it in the spreadsheet program, which may repair it, and save it anew.",
        ) from None
