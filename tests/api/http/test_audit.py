"""The audit suite of npm `graphql-http`, whole, against the service with all its features."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.api.http.serving import serving
from tests.database import TemporaryDatabase
from tests.peers.node import node_with

AUDIT = """
import { auditServer } from "graphql-http";
const results = await auditServer({ url: process.argv[2] });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
"""
AUDITS = 61


@pytest.mark.node
async def test_every_audit_is_passed_without_a_warning(
    module_database: TemporaryDatabase, tmp_path: Path
) -> None:
    node = node_with(graphql="16.11.0", graphql__http="1.23.1")
    async with serving(module_database, tmp_path) as service:
        told = await asyncio.to_thread(node.run, AUDIT, f"{service.url}/graphql")
    results = json.loads(told)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS
