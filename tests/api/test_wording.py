import pytest

from api.wording import counted, one_line


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 heats"), (1, "1 heat"), (2, "2 heats"), (1200, "1,200 heats")]
)
def test_a_count_agrees_with_what_is_counted(count: int, told: str) -> None:
    assert counted(count, "heat") == told


def test_other_plurals_and_verbs_come_along() -> None:
    assert [counted(n, "entry is", "entries are") for n in (1, 2)] == ["1 entry is", "2 entries are"]


@pytest.mark.parametrize("typed", ["KW 36", " KW  36 ", "KW\n36", "KW\u00a0\t36"])
def test_a_name_is_on_one_line_however_it_was_typed(typed: str) -> None:
    assert one_line(typed) == "KW 36"
