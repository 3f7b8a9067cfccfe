"""The sample plant's files, and whether a data folder holds them alone."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from api.cli.session import Session

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
WORKBOOKS = sorted(SAMPLE.glob("*.xlsx"))
"""Empty where Pourplan is installed without its source."""

IMPORTS = "{ imports(first: 100) { nodes { sha256 } } }"


async def stored_digests(session: Session) -> set[str]:
    """Tell the SHA-256 of the workbooks that were imported."""
    imports = (await session.ask(IMPORTS))["imports"]["nodes"]
    return {found["sha256"] for found in imports}


def digests(files: list[Path]) -> set[str]:
    """Tell the SHA-256 of files."""
    return {sha256(path.read_bytes()).hexdigest() for path in files}
