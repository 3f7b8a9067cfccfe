"""Where compiled code is kept: beside the modules, read from there even where nothing can be written.

numba reads a cache only in a folder that it can write. An installation that belongs to somebody else, or an
image whose files are read-only, would compile for seconds in every process although all is compiled.

numba also takes what is in the cache for fresh as long as the function's own file is as it was. Functions
here are compiled into callers in other files, so what is kept is fresh only while its whole folder is.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    NullCache,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)


@cache
def _stamp(folder: Path) -> str:
    """Tell one state of the modules in a folder from another."""
    sources = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        sources.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return sources.hexdigest()


class _OfFolder:
    """Stamps what is kept with all modules beside the function."""

    _py_file: str

    def get_source_stamp(self) -> str:
        return _stamp(Path(self._py_file).parent)


class _Asked(_OfFolder, UserProvidedCacheLocator):  # type: ignore[misc]
    """The folder that ``NUMBA_CACHE_DIR`` names."""


class _InTree(_OfFolder, InTreeCacheLocator):  # type: ignore[misc]
    """The folder beside the module."""


class _Home(_OfFolder, UserWideCacheLocator):  # type: ignore[misc]
    """A folder in the user's home."""


class _Beside(_InTree):
    """The folder beside the module, which need not be writable."""

    def ensure_cache_path(self) -> None:
        pass


class _OwnImpl(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Asked, _InTree, _Home)


class _BesideImpl(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Beside,)


class _Own(FunctionCache):  # type: ignore[misc]
    """The first of the folders that can be written."""

    _impl_class = _OwnImpl


class _Kept(FunctionCache):  # type: ignore[misc]
    """What installation compiled, in front of a cache that can be written, if there is one."""

    _impl_class = _BesideImpl

    def __init__(self, function: Callable[..., object], own: FunctionCache | NullCache) -> None:
        super().__init__(function)
        self._own = own

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = super().load_overload(sig, target_context)
        return self._own.load_overload(sig, target_context) if found is None else found

    def save_overload(self, sig: Any, data: Any) -> None:
        self._own.save_overload(sig, data)


def cache_of(function: Callable[..., object]) -> FunctionCache | NullCache:
    """Choose the cache of a function that is to be compiled."""
    try:
        own = _Own(function)
    except RuntimeError:  # nothing can be written anywhere
        own = NullCache()
    beside = Path(function.__code__.co_filename).parent / "__pycache__"
    elsewhere = bool(config.CACHE_DIR)  # somebody asks for it, such as for code that checks its bounds
    if elsewhere or (own.cache_path is not None and Path(own.cache_path) == beside):
        return own
    return _Kept(function, own)
