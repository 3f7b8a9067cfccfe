"""What `pourplan doctor` finds out: whether all that the service lives on is as it must be.

Each module looks at one thing and tells its findings; `examination.py` puts them together. It changes nothing
but what it takes away again: a probe file in Storage, a channel that it listens on.
"""

from api.doctor.examination import examine
from api.doctor.findings import Finding, Verdict

__all__ = ["Finding", "Verdict", "examine"]
