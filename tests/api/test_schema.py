"""What holds for the schema as a whole: described, paged, one way to err."""

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_specified_scalar_type,
)

from api.schema import reads, schema
from api.workbooks.kinds import LAYOUTS, WorkbookKind
from tests.api.desk import Desk


@pytest.fixture(scope="module")
def built() -> GraphQLSchema:
    return build_schema(schema.as_str())


def described_things(built: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for name, kind in built.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(kind):
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", one.description) for value, one in kind.values.items())
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)):
            yield from _described_fields(name, kind.fields)


def _described_fields(
    owner: str, fields: dict[str, GraphQLField] | dict[str, GraphQLInputField]
) -> Iterator[tuple[str, str | None]]:
    for name, field in fields.items():
        yield f"{owner}.{name}", field.description
        arguments: dict[str, GraphQLArgument] = getattr(field, "args", {})
        for argument, one in arguments.items():
            # A mutation takes one input, whose own type says what it is.
            if argument != "input":
                yield f"{owner}.{name}({argument})", one.description


def test_everything_is_described(built: GraphQLSchema) -> None:
    silent = [name for name, description in described_things(built) if not description]
    assert silent == []


def test_a_kind_of_workbook_is_called_unreadable_only_where_it_is(built: GraphQLSchema) -> None:
    kinds = built.type_map["WorkbookKind"]
    assert isinstance(kinds, GraphQLEnumType)
    unreadable = {name for name, one in kinds.values.items() if "Can't be read" in (one.description or "")}
    assert unreadable == {kind.value for kind in WorkbookKind} - {kind.value for kind in LAYOUTS}


@pytest.mark.parametrize(
    ("field", "unit"),
    [
        ("MonthlyTons.tons", "Tons"),
        ("GradeHeats.tons", "tons"),
        ("GroupHeats.orderedHeats", "heats"),
        ("OrderForecast.heats", "Heats"),
        ("Tenant.heatTons", "tons"),
        ("RunProgress.percent", "0 to 100"),
        ("RunProgress.elapsedSeconds", "Seconds"),
        ("GradeHeats.share", "0 to 1"),
        ("WorkbookImport.sizeBytes", "bytes"),
        ("MethodScore.misallocatedShare", "0 to 1"),
    ],
)
def test_a_figure_states_its_unit(built: GraphQLSchema, field: str, unit: str) -> None:
    assert unit in (dict(described_things(built))[field] or "")


def test_each_mutation_takes_one_input_and_answers_user_errors(built: GraphQLSchema) -> None:
    assert built.mutation_type
    for name, field in built.mutation_type.fields.items():
        assert list(field.args) == ["input"], name
        assert isinstance(field.type, GraphQLNonNull), name
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!", name
        others = [one for other, one in payload.fields.items() if other != "userErrors"]
        assert all(not isinstance(one.type, GraphQLNonNull) for one in others), name


def test_each_connection_can_be_paged(built: GraphQLSchema) -> None:
    assert built.query_type
    paged = {name: f for name, f in built.query_type.fields.items() if str(f.type).endswith("Connection!")}
    assert set(paged) >= {"productGroups", "steelGrades", "planRuns", "imports"}
    for name, field in paged.items():
        assert {"first", "after"} <= set(field.args), name


def test_each_node_can_be_read_by_its_id(built: GraphQLSchema) -> None:
    node = built.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert {shown.name for shown in built.get_possible_types(node)} == set(reads.model.nodes())


def test_names_are_those_of_graphql(built: GraphQLSchema) -> None:
    for name, _ in described_things(built):
        assert re.fullmatch(r"[A-Z]\w*(\.([a-z][A-Za-z0-9]*|[A-Z][A-Z_]*)(\([a-z][A-Za-z]*\))?)?", name), name


async def test_a_month_that_is_none_is_refused(viewer: Desk) -> None:
    error = await viewer.refusal('{ forecast(month: "2024-13") { id } }')
    assert "not a month" in error.message


async def test_ids_of_unknown_types_are_of_nothing(viewer: Desk) -> None:
    # base64 of "Furnace:00000000-0000-4000-8000-000000000001"
    unknown = "RnVybmFjZTowMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDE="
    assert await viewer.ask("query ($id: ID!) { node(id: $id) { id } }", id=unknown) == {"node": None}


async def test_too_many_ids_at_once_are_refused(viewer: Desk) -> None:
    error = await viewer.refusal("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 1001)
    assert "1000 at most" in error.message
