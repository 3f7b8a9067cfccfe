"""Where compiled code is kept: beside the modules, read from there even where nothing can be written.

numba reads a cache only in a folder that it can write. An installation that belongs to somebody else, or an
image whose files are read-only, would compile for seconds in every process although all is compiled.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator, NullCache


class _Beside(InTreeCacheLocator):  # type: ignore[misc]
    """The folder beside the module, which need not be writable."""

    def ensure_cache_path(self) -> None:
        pass


class _BesideImpl(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Beside,)


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
        own = FunctionCache(function)
    except RuntimeError:  # nothing can be written anywhere
        own = NullCache()
    beside = Path(function.__code__.co_filename).parent / "__pycache__"
    elsewhere = bool(config.CACHE_DIR)  # somebody asks for it, such as for code that checks its bounds
    if elsewhere or (own.cache_path is not None and Path(own.cache_path) == beside):
        return own
    return _Kept(function, own)
