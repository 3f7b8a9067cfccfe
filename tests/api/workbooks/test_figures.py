from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.workbooks.figures import LARGEST, read_heats, read_tons
from api.workbooks.messages import Code, Severity
from tests.api.workbooks.properties import prove


@prove()
@given(tons=st.decimals(0, LARGEST, places=3))
def test_numbers_are_read_to_three_decimals(tons: Decimal) -> None:
    assert read_tons(float(tons)).number == tons


@prove()
@given(tons=st.integers(0, LARGEST), form=st.sampled_from(["{:,}", "{}", "{:,}.00", "{}.5"]))
def test_text_with_separators_is_read_and_doubted(tons: int, form: str) -> None:
    text = form.format(tons)
    figure = read_tons(text)
    assert figure.number == Decimal(text.replace(",", "")) or tons == LARGEST
    assert figure.remark is not None
    assert figure.remark.severity is Severity.WARNING or tons == LARGEST


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8 724", "8724"),
        ("8\u00a0724,5", "8724.5"),
        ("8'724", "8724"),
        ("8’724.25", "8724.25"),
        ("1.234.567", "1234567"),
        ("8.724,5", "8724.5"),
        ("12,5", "12.5"),
        ("0.125", "0.125"),
        (".5", "0.5"),
        ("+3", "3"),
    ],
)
def test_separators_of_other_countries(text: str, number: str) -> None:
    figure = read_tons(text)
    assert figure.number == Decimal(number)
    assert figure.remark is not None
    assert figure.remark.code is Code.NUMBER_AS_TEXT


@pytest.mark.parametrize("text", ["8.724", "-1.000"])
def test_point_that_may_part_thousands_is_an_error(text: str) -> None:
    remark = read_tons(text).remark
    assert remark is not None
    assert remark.code is Code.NUMBER_AMBIGUOUS


@pytest.mark.parametrize(
    "text", ["12 t", "1,23,456", "1e3", "--5", "∞", "½", "١٢", "1_000", "0x10", "9" * 50]
)
def test_other_text_is_no_number(text: str) -> None:
    figure = read_tons(text)
    assert figure.number is None
    assert figure.remark is not None
    assert figure.remark.severity is Severity.ERROR


@pytest.mark.parametrize("text", ["-", "–", "—", "n/a", "N/A"])
def test_dash_says_nothing(text: str) -> None:
    assert read_tons(text) == read_tons(None)


def test_float_noise_is_no_fraction_of_a_heat() -> None:
    assert read_heats(238.00000000001).number == 238
    assert read_heats(-0.0).number == 0


@prove()
@given(value=st.one_of(st.text(max_size=50), st.floats(), st.booleans(), st.none()))
def test_any_value_is_a_figure_or_a_remark(value: str | float | None) -> None:
    for read in (read_tons, read_heats):
        figure = read(value)
        assert figure.number is None or 0 <= figure.number <= LARGEST
        if figure.remark and figure.remark.severity is Severity.ERROR:
            assert figure.number is None
