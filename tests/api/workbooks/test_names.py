import pytest

from api.workbooks.names import Spellings, folded, look


@pytest.mark.parametrize("name", ["B500 A", "b500  a", " B500\u00a0A ", "B500\n a"])
def test_case_and_runs_of_blanks_tell_no_names_apart(name: str) -> None:
    assert folded(name) == folded("B500 A")


def test_an_accent_is_one_however_it_is_written() -> None:
    assert folded("Gr\u00fcn") == folded("GRU\u0308N")


@pytest.mark.parametrize("name", ["B500A", "B-500 A", "B500.A", "B500_a", "B5OOA", "b500/a"])
def test_separators_and_letters_for_digits_look_alike(name: str) -> None:
    assert look(name) == look("B500A")


@pytest.mark.parametrize(
    ("one", "other"), [("B500A", "B500B"), ("C35", "C36"), ("304", "304L"), ("A53/C591", "A53/C592")]
)
def test_names_of_other_steels_do_not(one: str, other: str) -> None:
    assert look(one) != look(other)


def test_known_names_are_found_however_they_are_spelled() -> None:
    known = Spellings(["B500A", "B500 A", "C35"])
    assert known.same("b500a") == ["B500A"]
    assert known.same("b500 a") == ["B500 A"]
    assert known.alike("B500A") == ["B500 A"]
    assert known.same("X70") == known.alike("X70") == []
    known.replace("C35", "c35")
    assert known.same("C35") == ["c35"]
