"""Places for worker processes on this machine: no more runs at once than the setting allows.

A place is a lock file in the data folder, which the worker itself holds as long as it lives: so the count is
right for a service and the commands beside it together, and for workers that outlived their service.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class WorkerSlots:
    """`count` places, shared by all who work with the same folder."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.count = count

    def take(self) -> int | None:
        """Take a free place, held until all copies of the descriptor are closed; None when all are taken."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, self.count + 1):
            descriptor = os.open(self._folder / f"worker-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            if _lock(descriptor):
                return descriptor
            os.close(descriptor)
        return None


def _lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
