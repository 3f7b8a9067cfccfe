"""The editor's files: which, from which package, with which hash, and where they are kept."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "assets"
"""Where fetched files are kept; not part of the repository."""
CDN = "https://unpkg.com"
"""Serves the files of npm packages as they are; only used where they were not fetched."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of a published package.

    Attributes
    ----------
    package, version
        On npm.
    path
        Within the package.
    integrity
        SHA-384 as browsers check it: a published version never changes.
    """

    package: str
    version: str
    path: str
    integrity: str

    @property
    def name(self) -> str:
        """Name here; it changes with the version, so that browsers may keep the file for ever."""
        return f"{self.package.rpartition('/')[2]}-{self.version}-{self.path.rpartition('/')[2]}"

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return FOLDER / self.name

    @property
    def cdn_url(self) -> str:
        """Where the CDN has it."""
        return f"{CDN}/{self.package}@{self.version}/{self.path}"

    def is_fetched(self) -> bool:
        """Whether it is here, and is what was published."""
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return False
        return _integrity_of(self.file, found.st_mtime_ns, found.st_size) == self.integrity


@lru_cache(maxsize=32)
def _integrity_of(file: Path, _changed: int, _size: int) -> str:
    # Read again only when the file has changed.
    return integrity(file.read_bytes())


def integrity(content: bytes) -> str:
    """Compute the hash of a file in the form of subresource integrity."""
    return f"sha384-{base64.b64encode(hashlib.sha384(content).digest()).decode()}"


# graphiql 3 is the last with a single file to load; it needs React 18.
SCRIPTS = (
    Asset(
        "react",
        "18.2.0",
        "umd/react.production.min.js",
        "sha384-tMH8h3BGESGckSAVGZ82T9n90ztNXxvdwvdM6UoR56cYcf+0iGXBliJ29D+wZ/x8",
    ),
    Asset(
        "react-dom",
        "18.2.0",
        "umd/react-dom.production.min.js",
        "sha384-bm7MnzvK++ykSwVJ2tynSE5TRdN+xL418osEVF2DE/L/gfWHj91J2Sphe582B1Bh",
    ),
    Asset(
        "graphiql",
        "3.8.3",
        "graphiql.min.js",
        "sha384-HbRVEFG0JGJZeAHCJ9Xm2+tpknBQ7QZmNlO/DgZtkZ0aJSypT96YYGRNod99l9Ie",
    ),
    Asset(
        "@graphiql/plugin-explorer",
        "1.0.2",
        "dist/index.umd.js",
        "sha384-2oonKe47vfHIZnmB6ZZ10vl7T0Y+qrHQF2cmNTaFDuPshpKqpUMGMc9jgj9MLDZ9",
    ),
)
STYLES = (
    Asset(
        "graphiql",
        "3.8.3",
        "graphiql.min.css",
        "sha384-Mq3vbRBY71jfjQAt/DcjxUIYY33ksal4cgdRt9U/hNPvHBCaT2JfJ/PTRiPKf0aM",
    ),
    Asset(
        "@graphiql/plugin-explorer",
        "1.0.2",
        "dist/style.css",
        "sha384-5DFJlDPW2tSATRbM8kzoP1j194jexLswuNmClWoRr2Q0x7R68JIQzPHZ02Faktwi",
    ),
)
ASSETS = (*SCRIPTS, *STYLES)


def are_fetched() -> bool:
    """Whether all files are here; a service that runs notices when they have been fetched."""
    return all(asset.is_fetched() for asset in ASSETS)
