"""Every mutation with another tenant's ids, by every role: nothing changes there, and nothing is told."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from api.auth import Identity
from api.context import Services
from api.schema import schema
from tests.api.attacks.plants import MARK, Victim, attackers, forgetting, made_up, rows_of
from tests.api.desk import Desk
from tests.api.foundry.shop import PROBLEM
from tests.api.workbooks.test_graphql import PRODUCTION, Uploaded
from tests.database import TemporaryDatabase

Ids = Callable[[str], str]
Path = tuple[str | int, ...]

TRIED: Mapping[str, Callable[[Ids], dict[str, Any]]] = {
    "importWorkbook": lambda _: {"file": Uploaded(PRODUCTION.name, PRODUCTION.read_bytes())},
    "assignGradeGroup": lambda the: {"gradeId": the("SteelGrade"), "productGroupId": the("ProductGroup")},
    "mergeGrades": lambda the: {"gradeIds": [the("SteelGrade 2")], "intoGradeId": the("SteelGrade")},
    "importScenario": lambda _: {"name": "Another", "problem": dict(PROBLEM)},
    "cloneScenario": lambda the: {"scenarioId": the("Scenario"), "name": "Copy"},
    "renameScenario": lambda the: {"scenarioId": the("Scenario"), "name": "Renamed"},
    "deleteScenario": lambda the: {"scenarioId": the("Scenario")},
    "makeBaseScenario": lambda the: {"scenarioId": the("Scenario")},
    "upsertParts": lambda the: {
        "scenarioId": the("Scenario"),
        "parts": [
            {"partId": "LID", "flaskSize": "S", "coolHours": 9, "finishHours": 1, "grossWeightTon": 0.2}
        ],
    },
    "upsertOrders": lambda the: {
        "scenarioId": the("Scenario"),
        "orders": [{"orderId": "A-2", "partId": "LID", "qty": 21, "dueDate": "2026-01-23"}],
    },
    "upsertResources": lambda the: {"scenarioId": the("Scenario"), "flasksS": 13},
    "setInitialState": lambda the: {"scenarioId": the("Scenario"), "patternsLoaded": ["A-1"]},
    "setCalendar": lambda the: {"scenarioId": the("Scenario"), "weekdays": ["MONDAY", "TUESDAY"]},
    "setPins": lambda the: {"scenarioId": the("Scenario"), "pins": []},
    "setSettings": lambda the: {"scenarioId": the("Scenario"), "settings": {"late_weight": 5}},
    "runForecast": lambda _: {"month": "2024-09"},
    "cancelRun": lambda the: {"runId": the("ForecastRun waiting")},
    "replanMonday": lambda the: {"scenarioId": the("Scenario"), "idempotencyKey": "monday"},
    "replanMany": lambda the: {"scenarioIds": [the("Scenario")], "idempotencyKey": "many"},
    "setMondayReplan": lambda the: {"scenarioId": the("Scenario"), "enabled": True},
    "cancelBatch": lambda the: {"batchId": the("RunBatch")},
    "rollScenario": lambda the: {"scenarioId": the("Scenario"), "runId": the("ReplanRun")},
    "updateTenantSettings": lambda _: {"name": "Mine"},
    "inviteMember": lambda _: {"email": "friend@south.example", "role": "ADMIN"},
    "withdrawInvitation": lambda the: {"invitationId": the("Invitation")},
    "acceptInvitations": lambda _: {"tenant": "north"},
    "changeMemberRole": lambda the: {"memberId": the("Member"), "role": "VIEWER"},
    "removeMember": lambda the: {"memberId": the("Member")},
    "createApiKey": lambda _: {"name": "Mine", "role": "PLANNER"},
    "revokeApiKey": lambda the: {"apiKeyId": the("ApiKey")},
}
"""An input for each mutation, made of a plant's own ids."""

MUTATIONS: Mapping[str, GraphQLField] = schema._schema.mutation_type.fields  # type: ignore[union-attr]
NOT_THERE = {"NOT_FOUND", "NO_PLAN", "FORBIDDEN", "INVALID_ID"}


def test_every_mutation_is_tried() -> None:
    assert set(TRIED) == set(MUTATIONS)


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_id_that_a_mutation_takes_is_tried(name: str, sides: tuple[Victim, Victim]) -> None:
    tried = {tuple(step for step in path if isinstance(step, str)) for path in id_paths(name, sides[0])}
    assert tried == set(_declared(input_type(name)))


@pytest.mark.parametrize("name", MUTATIONS)
async def test_an_id_of_another_tenant_is_as_good_as_made_up(
    name: str, sides: tuple[Victim, Victim], services: Services, module_database: TemporaryDatabase
) -> None:
    north, south = sides
    before = await rows_of(module_database, north.plant.id)
    for path in id_paths(name, north):
        stolen = at(TRIED[name](north.id_of), path)
        nothing = made_up(stolen)
        for role, desk in attackers(services, south).items():
            answer = await tried(desk, name, put(TRIED[name](south.id_of), path, stolen))
            told = await tried(desk, name, put(TRIED[name](south.id_of), path, nothing))
            assert refused(answer), (role, path, answer)
            assert MARK not in repr(answer)
            # Not even whether it exists is told.
            assert forgetting(answer, stolen) == forgetting(told, nothing), (role, path)
    assert await rows_of(module_database, north.plant.id) == before


@pytest.mark.parametrize("name", MUTATIONS)
async def test_naming_another_tenant_changes_nothing_there(
    name: str, sides: tuple[Victim, Victim], services: Services, module_database: TemporaryDatabase
) -> None:
    north, south = sides
    before = await rows_of(module_database, north.plant.id)
    for role, user in south.plant.members.items():
        for tenant in (north.plant.slug, str(north.plant.id)):
            answer = await tried(Desk(services, Identity(user, tenant)), name, TRIED[name](north.id_of))
            assert refused(answer), (role, tenant, answer)
            assert MARK not in repr(answer)
    assert await rows_of(module_database, north.plant.id) == before


@pytest.mark.parametrize("name", MUTATIONS)
async def test_what_was_refused_is_there_for_its_own_plant(
    name: str, sides: tuple[Victim, Victim], services: Services
) -> None:
    """Otherwise the tests above would refuse whatever is asked."""
    north, _ = sides
    payload = await tried(north.desk(services, "admin"), name, TRIED[name](north.id_of))
    assert isinstance(payload, dict), payload
    codes = {mistake["code"] for mistake in payload["userErrors"]}
    assert not codes & NOT_THERE, payload


async def test_the_same_idempotency_key_in_two_tenants_makes_two_runs(
    sides: tuple[Victim, Victim], services: Services
) -> None:
    runs = []
    for side in sides:
        given = TRIED["replanMonday"](side.id_of) | {"idempotencyKey": "the same", "timeLimitSeconds": 1}
        payload = await tried(side.desk(services, "planner"), "replanMonday", given)
        runs.append(payload["run"]["id"])
    assert runs[0] != runs[1]


# ---------------------------------------------------------------------- asking any mutation


def input_type(name: str) -> GraphQLInputObjectType:
    found = get_named_type(MUTATIONS[name].args["input"].type)
    assert isinstance(found, GraphQLInputObjectType)
    return found


def document(name: str) -> str:
    """Ask for everything that a payload tells by itself, and for the ids of what it leads to."""
    payload = get_named_type(MUTATIONS[name].type)
    assert isinstance(payload, GraphQLObjectType)
    asked = " ".join(_asked(field, payload.fields[field]) for field in payload.fields)
    return f"mutation ($input: {input_type(name).name}!) {{ {name}(input: $input) {{ {asked} }} }}"


def _asked(name: str, field: GraphQLField) -> str:
    kind = get_named_type(field.type)
    if name == "userErrors":
        return "userErrors { code message path hint }"
    if is_leaf_type(kind):
        return name
    return f"{name} {{ {' '.join(sub for sub in ('id', 'name') if sub in kind.fields) or '__typename'} }}"  # type: ignore[attr-defined]


async def tried(desk: Desk, name: str, given: dict[str, Any]) -> Any:
    """The payload, or the errors."""
    answer = await desk.execute(document(name), input=given)
    if answer.errors:
        return [(error.message, error.extensions) for error in answer.errors]
    assert answer.data is not None
    return answer.data[name]


def refused(answer: Any) -> bool:
    if isinstance(answer, list):
        return True
    changed = {key: value for key, value in answer.items() if key != "userErrors"}
    nothing = all(value in (None, [], 0) for value in changed.values())
    return nothing and (bool(answer["userErrors"]) or set(changed) == {"joined"})


# ---------------------------------------------------------------------- ids in an input


def _declared(kind: GraphQLInputObjectType) -> Iterator[tuple[str, ...]]:
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if inner.name == "ID":
            yield (name,)
        elif isinstance(inner, GraphQLInputObjectType):
            yield from ((name, *rest) for rest in _declared(inner))


def id_paths(name: str, plant: Victim) -> list[Path]:
    """Where ids stand in the input that is tried."""
    return list(_paths(input_type(name), TRIED[name](plant.id_of)))


def _paths(kind: GraphQLInputObjectType, given: Mapping[str, Any]) -> Iterator[Path]:
    for name, value in given.items():
        field, inner = get_nullable_type(kind.fields[name].type), get_named_type(kind.fields[name].type)
        for step, one in enumerate(value) if isinstance(field, GraphQLList) else ((None, value),):
            here: Path = (name,) if step is None else (name, step)
            if inner.name == "ID":
                yield here
            elif isinstance(inner, GraphQLInputObjectType):
                yield from ((*here, *rest) for rest in _paths(inner, one))


def at(given: Any, path: Path) -> str:
    for step in path:
        given = given[step]
    return str(given)


def put(given: dict[str, Any], path: Path, value: str) -> dict[str, Any]:
    changed = copy.deepcopy(given)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed
