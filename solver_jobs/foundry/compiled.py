"""How this room compiles its hot loops with numba.

All compiled functions release the interpreter lock, so that one search per core runs in threads, and are
cached on disk, so that they are compiled at installation (`warm`), not while a
planner waits.  They allocate nothing and count no references (``_nrt``): these counts are atomic, shared by
all threads that read an array, and took half of the time.  numba's cache is keyed by the processor's name
and features: an image that is built on one machine and run on another needs ``NUMBA_CPU_NAME=generic`` and
an empty ``NUMBA_CPU_FEATURES`` at both times.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

from .compiled_cache import cache_of

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile `function` to machine code; divisions follow NumPy's rules (no exception to test for)."""
    return _kept(function, njit(nogil=True, error_model="numpy", _nrt=False)(function))


def inlined(function: Function) -> Function:
    """Compile `function` into each of its callers, which the inner loops need to be as fast as C++."""
    return _kept(function, njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)(function))


def _kept(function: Function, dispatcher: Any) -> Function:
    """Do what ``cache=True`` does, with the cache that can also be read where it can't be written."""
    dispatcher._cache = cache_of(function)
    return cast("Function", dispatcher)
