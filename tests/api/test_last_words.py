import pytest

from api.last_words import LONGEST, last_words

TRACEBACK = """Traceback (most recent call last):
  File "<string>", line 1, in <module>
ModuleNotFoundError: No module named 'ortools'

"""


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", ""),
        (TRACEBACK, "ModuleNotFoundError: No module named 'ortools'"),
        ('{"event": "run_not_written", "reason": "No route to host"}\n', "No route to host"),
        ('{"event": "worker_broke", "exception": "Traceback\\n  x\\nKeyError: 1"}', "KeyError: 1"),
        ('{"event": "worker_terminated"}', "worker_terminated"),
        ("12\n", "12"),
        ("a\0b", "ab"),
    ],
)
def test_the_reason_is_the_last_that_is_said(written: str, words: str) -> None:
    assert last_words(written) == words


def test_a_long_line_is_cut() -> None:
    assert len(last_words("x" * 10_000)) == LONGEST
