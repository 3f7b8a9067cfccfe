"""The playground's page, its files and its policy."""

import re
import shutil
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from api.playground import __main__ as fetching
from api.playground import assets, page
from api.playground.assets import ASSETS, SCRIPTS, STYLES, Asset, are_fetched, integrity
from api.schema import schema
from tests.api.http.serving import Service


@pytest.fixture(scope="session")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The editor's files, fetched from npm; from where they are kept, if they are."""
    if not all(asset.is_fetched() for asset in ASSETS):
        try:
            fetching.fetch()
        except fetching.NotFetched as reason:
            pytest.skip(str(reason))
    return assets.FOLDER


async def test_the_page_loads_nothing_from_elsewhere_once_its_files_are_here(
    service: Service, fetched: Path
) -> None:
    answer = await service.http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "https:" not in answer.text
    assert "https:" not in answer.headers["content-security-policy"]
    named = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert len(named) == len(ASSETS) + 3
    for url in named:
        file = await service.http.get(url)
        assert file.status_code == 200
        assert file.content


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.name)
async def test_each_file_is_what_was_published(service: Service, fetched: Path, asset: Asset) -> None:
    file = await service.http.get(f"/playground/{asset.name}")
    assert integrity(file.content) == asset.integrity
    assert "immutable" in file.headers["cache-control"]


async def test_what_the_page_shows_to_start_with_can_be_asked(service: Service) -> None:
    text = (await service.http.get("/playground/page.js")).text
    shown = dict(re.findall(r"^const ([A-Z_]+) = `(.*?)`;", text, re.MULTILINE | re.DOTALL))
    assert {"FORECAST", "RUN_FORECAST", "FOLLOW_RUN", "REPLAN", "PLANT", "IMPORT"} <= set(shown)
    for name, document in shown.items():
        assert validate(build_schema(schema.as_str()), parse(document)) == [], name
    tabs = dict(re.findall(r"^const ([A-Z_]+_FIRST) = \[(.*?)\];", text, re.MULTILINE))
    assert tabs == {
        "MELT_SHOP_FIRST": "FORECAST, RUN_FORECAST, FOLLOW_RUN, REPLAN",
        "FOUNDRY_FIRST": "REPLAN, FOLLOW_RUN, FORECAST, RUN_FORECAST",
    }


async def test_without_its_files_the_page_takes_them_from_the_cdn_by_their_hash(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    answer = await service.http.get("/")
    policy = answer.headers["content-security-policy"]
    for asset in ASSETS:
        tag = next(line for line in answer.text.splitlines() if asset.cdn_url in line)
        assert f'integrity="{asset.integrity}"' in tag
        assert 'crossorigin="anonymous"' in tag
        assert asset.cdn_url in policy
    assert (await service.http.get(f"/playground/{ASSETS[0].name}")).status_code == 404


async def test_a_service_that_runs_notices_that_the_files_were_fetched(
    service: Service, fetched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    assert assets.CDN in (await service.http.get("/")).text
    for asset in ASSETS:
        shutil.copy(fetched / asset.name, tmp_path / asset.name)
    assert assets.CDN not in (await service.http.get("/")).text


def test_a_file_that_was_changed_does_not_count_as_fetched(
    fetched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asset in ASSETS:
        shutil.copy(fetched / asset.name, tmp_path / asset.name)
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    assert are_fetched()
    with (tmp_path / ASSETS[2].name).open("a") as file:
        file.write("alert(1)")
    assert not are_fetched()


def test_only_what_is_missing_is_fetched(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "npm", lambda: ["npm-that-must-not-run"])
    assert fetching.fetch() == []


@pytest.mark.node
def test_files_come_from_npm_and_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        fetching.npm()
    except fetching.NotFetched as reason:
        pytest.skip(str(reason))
    small = Asset("react", "18.2.0", "umd/react.production.min.js", SCRIPTS[0].integrity)
    monkeypatch.setattr(fetching, "ASSETS", (small,))
    monkeypatch.setattr(fetching, "FOLDER", tmp_path)
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    assert fetching.fetch() == [tmp_path / small.name]
    assert small.is_fetched()
    other = Asset("react", "18.2.0", "umd/react.production.min.js", STYLES[0].integrity)
    monkeypatch.setattr(fetching, "ASSETS", (other,))
    with pytest.raises(fetching.NotFetched, match="not what was published"):
        fetching.fetch()
    assert small.is_fetched()


def test_without_npm_the_fetching_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(fetching.NotFetched, match=r"Install Node\.js"):
        fetching.npm()


@pytest.mark.parametrize("local", [True, False])
def test_the_policy_lets_no_script_run_that_is_not_named(local: bool) -> None:
    policy = dict(part.split(" ", 1) for part in page.policy(local=local).split("; "))
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert "*" not in " ".join(policy.values())
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "<script>" not in page.render(local=local)
    assert not re.search(r"\son\w+=", page.render(local=local))


@pytest.mark.parametrize("name", ["../page.py", "page.py", "%2e%2e/app.py", "page.html", "assets"])
async def test_nothing_else_of_the_folder_is_served(service: Service, name: str) -> None:
    assert (await service.http.get(f"/playground/{name}")).status_code == 404


async def test_the_old_address_leads_to_the_page(service: Service) -> None:
    assert (await service.http.get("/playground")).headers["location"] == "/"
