"""Where the statements of a script begin and end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.statements import split


@pytest.mark.parametrize(
    ("script", "texts"),
    [
        ("", []),
        (" ;\n; ", []),
        ("select 1", ["select 1"]),
        ("select 1;select 2;", ["select 1", "select 2"]),
        ("select ';'; select 2", ["select ';'", "select 2"]),
        ("select 'it''s;'; x", ["select 'it''s;'", "x"]),
        (r"select e'\';'; x", [r"select e'\';'", "x"]),
        (r"select '\'; x", [r"select '\'", "x"]),
        ('select ";""";x', ['select ";"""', "x"]),
        ("do $$ begin; end; $$; x", ["do $$ begin; end; $$", "x"]),
        ("do $a$ $$ ; $b$; $a$; x", ["do $a$ $$ ; $b$; $a$", "x"]),
        ("select a$b$c; x", ["select a$b$c", "x"]),
        ("select $1; x", ["select $1", "x"]),
        ("-- a; b\nselect 1; x", ["-- a; b\nselect 1", "x"]),
        ("/* a; /* b; */ c; */ select 1; x", ["/* a; /* b; */ c; */ select 1", "x"]),
        ("select 1; -- the end;", ["select 1", "-- the end;"]),
        (
            "create rule r as on insert to t do also (a; b); x",
            ["create rule r as on insert to t do also (a; b)", "x"],
        ),
        (
            "create function f() returns int begin atomic select 1; select case when true then 2 end; end; x",
            [
                "create function f() returns int begin atomic select 1; select case when true then 2 end;"
                " end",
                "x",
            ],
        ),
        ("select '; never closed", ["select '; never closed"]),
        ("select $$; never closed", ["select $$; never closed"]),
        ("/* ; never closed", ["/* ; never closed"]),
        ("select 3-1; select 4/2; x", ["select 3-1", "select 4/2", "x"]),
    ],
)
def test_a_semicolon_ends_a_statement_only_where_it_stands_for_itself(script: str, texts: list[str]) -> None:
    assert [statement.text for statement in split(script)] == texts


def test_lines_count_from_the_text_and_from_its_first_word() -> None:
    first, second = split("-- why\n\nselect 1;\n\n/* and\nthis */ select\n2")
    assert (first.line, first.code_line) == (1, 3)
    assert (second.line, second.code_line) == (5, 6)


def test_the_first_words_tell_what_it_is() -> None:
    assert split("/* a */ Create Or REPLACE function f")[0].words[:3] == ("create", "or", "replace")


HIDING = st.sampled_from(
    [
        "'a;b'",
        '"a;b"',
        "$$;$$",
        "$x$;$$;$x$",
        "(a;b)",
        "/* ; /* ; */ */ s",
        "-- ;\n s",
        r"e'\';'",
        "''';'",
        "a$1",
    ]
)
STATEMENT = st.lists(
    st.one_of(HIDING, st.sampled_from(["select", "x", "1", ",", "=", "\n"])), min_size=1
).map(lambda parts: ("s " + " ".join(parts)).strip())


@given(st.lists(STATEMENT))
def test_what_was_put_together_comes_apart_again(statements: list[str]) -> None:
    assert [statement.text for statement in split(";\n".join(statements))] == statements


@given(st.text(alphabet="a$'\"-/*;()\\\n eE1", max_size=60))
def test_no_script_loses_a_character_that_is_neither_space_nor_semicolon(script: str) -> None:
    def kept(text: str) -> str:
        return "".join(character for character in text if not character.isspace() and character != ";")

    assert "".join(kept(statement.text) for statement in split(script)) == kept(script)
