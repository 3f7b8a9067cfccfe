"""Settings are read in one place, listed in one file, and a wrong one is named in one sentence."""

import re
from pathlib import Path

import pytest

from api.services import signing_key
from api.settings import Settings, SettingsError, load_settings
from tests.api.http.serving import plain_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def name_of(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"POURPLAN_{field.upper()}"


def test_the_example_lists_every_setting_and_no_other() -> None:
    listed = re.findall(r"^#?([A-Z][A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(map(name_of, Settings.model_fields))


def test_the_example_tells_the_defaults() -> None:
    told = dict(re.findall(r"^#(POURPLAN_[A-Z_]+)=(\d+)$", EXAMPLE.read_text(), re.MULTILINE))
    defaults = {name_of(field): info.default for field, info in Settings.model_fields.items()}
    assert told
    assert {name: int(value) for name, value in told.items()} == {name: defaults[name] for name in told}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("POURPLAN_WORKERS", "0", "POURPLAN_WORKERS is '0'"),
        ("POURPLAN_LOG_FORMAT", "xml", "POURPLAN_LOG_FORMAT is 'xml'"),
        ("DATABASE_URL", "postgresql://x@127.0.0.1/x", "DATABASE_JOBS_URL is not"),
        ("POURPLAN_SIGNING_KEY", "hush", "POURPLAN_SIGNING_KEY is set (its value stays secret)"),
        ("POURPLAN_ALLOWED_HOSTS", "plan.example.com", "is 'plan.example.com': expected a JSON list"),
        ("POURPLAN_ALLOWED_HOSTS", '{"plan.example.com": 1}', "expected a JSON list"),
        ("POURPLAN_ALLOWED_HOSTS", "[7]", "POURPLAN_ALLOWED_HOSTS is 7: input should be a valid string"),
        ("SUPABASE_JWT_SECRET", "hush", "SUPABASE_JWT_SECRET is set (its value stays secret)"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=re.escape(told)):
        load_settings()


def test_a_list_is_written_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POURPLAN_ALLOWED_HOSTS", '["plan.example.com", "plan.plant.example"]')
    assert load_settings().allowed_hosts == ("plan.example.com", "plan.plant.example")


def test_the_signing_key_that_is_set_needs_no_folder(tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.touch()
    key = "of thirty-two characters or more."
    assert signing_key(plain_settings(data=nowhere, signing_key=key)) == key.encode()
    with pytest.raises(SettingsError, match=r"can't be kept.*or set POURPLAN_SIGNING_KEY"):
        signing_key(plain_settings(data=nowhere))


def test_the_signing_key_of_a_folder_is_made_once(tmp_path: Path) -> None:
    settings = plain_settings(data=tmp_path / "data")
    made = signing_key(settings)
    assert len(made) == 32
    assert signing_key(settings) == made
