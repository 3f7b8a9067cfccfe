"""How this room compiles its hot loops with numba.

All compiled functions release the interpreter lock, so that one search per core runs in threads, and are
cached on disk, so that they are compiled at installation (``warm`` of `improve` and `bound`), not while a
planner waits.  They allocate nothing and count no references (``_nrt``): these counts are atomic, shared by
all threads that read an array, and took half of the time.  numba's cache is keyed by the processor's name
and features: an image that is built on one machine and run on another needs ``NUMBA_CPU_NAME=generic`` and
an empty ``NUMBA_CPU_FEATURES`` at both times.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile `function` to machine code; divisions follow NumPy's rules (no exception to test for)."""
    return cast("Function", njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function))


def inlined(function: Function) -> Function:
    """Compile `function` into each of its callers, which the inner loops need to be as fast as C++."""
    return cast(
        "Function",
        njit(cache=True, nogil=True, error_model="numpy", forceinline=True, _nrt=False)(function),
    )
