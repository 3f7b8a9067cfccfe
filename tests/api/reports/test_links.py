"""A download link opens one thing for one caller, for a while."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api.auth import Identity
from api.reports.formats import ExportFormat
from api.reports.links import LinkExpired, LinkNotOurs, Links, Target

CALLER = Identity(uuid4(), "north")
TARGET = Target("forecast", uuid4(), ExportFormat.CSV)


def token_of(url: str) -> str:
    return url.split("/downloads/")[1].split("/")[0]


def test_a_link_remembers_who_asked_for_what() -> None:
    links = Links(b"k" * 32, timedelta(minutes=10))
    link = links.make("http://127.0.0.1:8000/", CALLER, TARGET, "September & more.csv")
    assert link.url.endswith("/September%20%26%20more.csv")
    assert links.read(token_of(link.url)) == (CALLER, TARGET)
    assert timedelta(minutes=9) < link.expires_at - datetime.now(UTC) <= timedelta(minutes=10)


def test_a_link_expires() -> None:
    links = Links(b"k" * 32, timedelta(seconds=-1))
    with pytest.raises(LinkExpired):
        links.read(token_of(links.make("http://127.0.0.1:8000", CALLER, TARGET, "f.csv").url))


def other_signature(token: str) -> str:
    content, signature = token.rsplit(".", 1)
    return f"{content}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize("spoil", [other_signature, lambda t: "x" + t, lambda t: ""])
def test_a_changed_link_is_refused(spoil: Callable[[str], str]) -> None:
    links = Links(b"k" * 32, timedelta(minutes=10))
    token = token_of(links.make("http://127.0.0.1:8000", CALLER, TARGET, "f.csv").url)
    with pytest.raises(LinkNotOurs):
        links.read(spoil(token))


def test_a_link_of_another_service_is_refused() -> None:
    theirs = Links(b"t" * 32, timedelta(minutes=10)).make("http://127.0.0.1:8000", CALLER, TARGET, "f.csv")
    with pytest.raises(LinkNotOurs):
        Links(b"k" * 32, timedelta(minutes=10)).read(token_of(theirs.url))
