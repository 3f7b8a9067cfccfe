import random

from hypothesis import given
from hypothesis import strategies as st

from api.workbooks.grades import Suggestion, nearest, suggest
from tests.api.workbooks.properties import prove

CATALOGUE = [
    *("B500A", "B500B", "B500C", "A36", "A5888", "GR50", "44W", "50W", "55W", "60W"),
    *("S235JR", "S355J", "C35", "C40", "A53/A543", "A53/C591"),
]
KNOWN = {name: name for name in CATALOGUE}
DRAGGED = [f"A53/C{number}" for number in range(592, 601)]


def test_dragged_cell_leads_back_to_where_it_began() -> None:
    assert suggest(DRAGGED, KNOWN) == {name: Suggestion("A53/C591", dragged=True) for name in DRAGGED}


def test_nearest_known_grade() -> None:
    expected = {
        "b500b": "B500B",
        "B 500 B": "B500B",
        "B5OOB": "B500B",
        "S355JR": "S355J",
        "44 W": "44W",
        "X70": None,
    }
    assert {name: nearest(name, CATALOGUE) for name in expected} == expected


def test_single_step_is_only_near() -> None:
    assert suggest(["A53/C592"], KNOWN) == {"A53/C592": Suggestion("A53/C591", dragged=False)}


def test_known_grades_in_a_row_are_nobodys_mistake() -> None:
    known = {name: name for name in ("S235", "S236", "S237")}
    assert suggest(["S238"], known)["S238"].dragged is False


def test_without_known_grades_the_first_of_the_run_is_meant() -> None:
    found = suggest(["A53/C591", *DRAGGED], {})
    assert found == {name: Suggestion("A53/C591", dragged=True) for name in DRAGGED}


def test_origin_that_was_merged_is_followed() -> None:
    assert suggest(["Q11", "Q12"], {"Q10": "Q1 new", "Q1 new": "Q1 new"})["Q12"] == Suggestion(
        "Q1 new", dragged=True
    )


def test_leading_zeros_and_pure_numbers() -> None:
    assert suggest(["1019", "1020", "1021"], {"1018": "1018"})["1021"] == Suggestion("1018", dragged=True)
    assert nearest("007", ["7"]) is None


grades = st.lists(st.text("AB/159", min_size=1, max_size=6), max_size=12, unique=True)


@prove()
@given(unknown=grades, known=grades, seed=st.randoms())
def test_suggestions_depend_on_names_alone(unknown: list[str], known: list[str], seed: random.Random) -> None:
    strangers = [name for name in unknown if name not in known]
    found = suggest(strangers, {name: name for name in known})
    shuffled, catalogue = strangers[:], known[:]
    seed.shuffle(shuffled)
    seed.shuffle(catalogue)
    assert suggest(shuffled, {name: name for name in catalogue}) == found
    assert set(found) <= set(strangers)
    assert all(s.grade in {*known, *strangers} and s.grade != name for name, s in found.items())
    assert all(s.grade in known for s in found.values() if not s.dragged)
