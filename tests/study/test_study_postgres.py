"""A ledger in PostgreSQL, of a server that the test starts, and what may happen to it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest

from gensweep.errors import UserError
from gensweep.study import Study, list_sweeps, only_writer, read_sweep
from gensweep.study.journal import _postgres, _table
from proxy import Proxy
from study.small_study import begin, finish

pytestmark = pytest.mark.slow("a PostgreSQL server starts", minutes=0.3)

ROOT = Path(__file__).resolve().parents[2]


def reopen(storage: str, *, name: str = "s", resume: bool = True) -> Study:
    return begin(storage, name=name, trials=10, resume=resume)


# Drives sweep `s` until its input ends; each line of it ends a trial.
DRIVER = """
import sys
sys.path[:0] = {paths!r}
from study.small_study import finish
from study.test_study_postgres import reopen
with reopen({storage!r}, resume={resume}) as study:
    print("open", flush=True)
    while sys.stdin.readline():
        lease, = study.lease("driver", 1)
        finish(study, lease, "completed", metrics={{"fid": 1.0}})
        print("ended", flush=True)
"""


@contextlib.contextmanager
def driver(storage: str, *, resume: bool = True) -> Iterator["subprocess.Popen[str]"]:
    paths = [str(ROOT / "platform"), str(ROOT / "tests")]
    code = DRIVER.format(paths=paths, storage=storage, resume=resume)
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, bufsize=1)  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.communicate()


def sql(storage: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a client of its own is answered."""
    with psycopg.connect(storage.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(query.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def logs(storage: str, name: str = "s") -> list[str]:
    """A sweep's records, once it is clear that none is missing."""
    found = sql(
        storage, "SELECT seq, log FROM gensweep_journal WHERE sweep = %s ORDER BY seq", name
    )
    assert [seq for seq, _ in found] == list(range(len(found)))
    return [text for _, text in found]


def ends(storage: str) -> list[int]:
    """Which trials Optuna was told of as completed, each time that it was."""
    told = map(json.loads, logs(storage))
    return [log["trial_id"] for log in told if log["op_code"] == 6 and log["state"] == 1]


def when(holds: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """Act in another thread once something holds."""

    def watch() -> None:
        deadline = time.monotonic() + 30
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.fixture
def proxy(database: str) -> Iterator[Proxy]:
    made = Proxy(int(database.rpartition(":")[2].split("/")[0]))
    yield made
    made.down()


@pytest.fixture
def far(database: str, proxy: Proxy) -> str:
    """The database behind a network that can fail."""
    return database.replace(f":{proxy.to}/", f":{proxy.port}/")


def writer(storage: str) -> list[int]:
    """The server's process for whoever holds a sweep's lock."""
    found = sql(storage, "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
    return [pid for (pid,) in found]


def end_writer(storage: str) -> None:
    sql(storage, "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")


class TestDrivers:
    @pytest.mark.parametrize("killed", [True, False])
    def test_a_second_is_refused_while_the_first_lives(self, database: str, killed: bool) -> None:
        with driver(database, resume=False) as first:
            with pytest.raises(UserError, match=f"run by process {first.pid} on .*stop it first"):
                reopen(database)
            if killed:
                first.send_signal(signal.SIGKILL)
        with reopen(database) as study:
            assert len(study.lease("a", 2)) == 2
            with pytest.raises(UserError, match=f"process {os.getpid()} on"):
                reopen(database)
        reopen(database).close()

    def test_other_sweeps_and_other_schemas_are_free(self, database: str) -> None:
        sql(database, "CREATE SCHEMA IF NOT EXISTS lab")
        with reopen(database, resume=False):
            reopen(database, name="other", resume=False).close()
            reopen(f"{database}?options=-csearch_path%3Dlab", resume=False).close()
        sql(database, "DROP SCHEMA lab CASCADE")

    def test_one_that_another_overtook_ends(self, database: str) -> None:
        with contextlib.suppress(UserError), reopen(database, resume=False) as first:
            lease = first.lease("a", 1)[0]
            end_writer(database)
            with driver(database) as second:
                with pytest.raises(UserError, match=f"run by process {second.pid} on"):
                    finish(first, lease, "completed", metrics={"fid": 1.0})
                print(file=second.stdin)
                assert second.stdout is not None
                assert second.stdout.readline() == "ended\n"
            kept = logs(database)
            for _ in range(2):
                with pytest.raises(UserError, match="another process went on with sweep 's'"):
                    finish(first, lease, "completed", metrics={"fid": 1.0})
        assert logs(database) == kept

    def test_the_key_refuses_whom_a_lock_let_through(self, database: str) -> None:
        """As a pooler would that mixes sessions."""
        with contextlib.suppress(UserError), reopen(database, resume=False) as study:
            place = len(logs(database))
            sql(database, "INSERT INTO gensweep_journal VALUES ('s', %s, 'theirs')", place)
            with pytest.raises(UserError, match="another process went on with sweep 's'"):
                study.lease("a", 1)
        assert logs(database)[place:] == ["theirs"]


class TestConnection:
    """What was acknowledged is there, and nothing is there twice."""

    @pytest.mark.parametrize("server_knows", [True, False])
    def test_an_append_whose_answer_was_lost_is_made_once(
        self, database: str, far: str, proxy: Proxy, server_knows: bool
    ) -> None:
        with reopen(far, resume=False) as study:
            lease = study.lease("a", 1)[0]
            before, session = len(logs(database)), writer(database)
            proxy.deaf = True
            watch = when(lambda: len(logs(database)) > before,
                         lambda: proxy.cut(server_knows=server_knows))  # fmt: skip
            assert finish(study, lease, "completed", metrics={"fid": 1.0})
            watch.join()
            assert ends(database) == [0]
            assert writer(database) not in ([], session)
            finish(study, study.lease("a", 1)[0], "completed", metrics={"fid": 1.0})
        assert ends(database) == [0, 1]
        assert [r.state for r in read_sweep("s", database).records] == ["completed"] * 2

    def test_an_append_that_was_cut_short_is_made_anew(self, database: str) -> None:
        with reopen(database, resume=False) as study:
            lease = study.lease("a", 1)[0]
            sql(database, "CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$")  # fmt: skip
            sql(database, "CREATE TRIGGER rest AFTER INSERT ON gensweep_journal EXECUTE FUNCTION "
                "rest()")  # fmt: skip
            kept = logs(database)
            resting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            watch = when(lambda: bool(sql(database, resting)), lambda: end_writer(database))
            assert finish(study, lease, "completed", metrics={"fid": 1.0})
            watch.join()
            assert logs(database)[: len(kept)] == kept
            assert ends(database) == [0]

    def test_one_that_broke_while_nothing_was_written_is_replaced(self, database: str) -> None:
        with reopen(database, resume=False) as study:
            for number in range(3):
                end_writer(database)
                finish(study, study.lease("a", 1)[0], "completed", metrics={"fid": 1.0})
                assert ends(database) == list(range(number + 1))

    def test_a_server_that_is_away_is_waited_for(
        self, database: str, far: str, proxy: Proxy
    ) -> None:
        with reopen(far, resume=False) as study:
            proxy.down()
            back = threading.Timer(2, proxy.up)
            back.start()
            began = time.monotonic()
            assert len(study.lease("a", 4)) == 4
            assert time.monotonic() - began > 1.5
            back.join()
        assert [r.number for r in read_sweep("s", database).records] == [0, 1, 2, 3]

    def test_one_that_stays_away_is_told_and_nothing_is_acknowledged(
        self, database: str, far: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with reopen(far, resume=False) as study:
            lease = study.lease("a", 1)[0]
            with monkeypatch.context() as patch:
                patch.setattr(_table, "PATIENCE_S", 0.5)
                proxy.down()
                with pytest.raises(UserError, match=r"cannot use the ledger .* \(.*: check"):
                    finish(study, lease, "completed", metrics={"fid": 1.0})
            assert ends(database) == []
            proxy.up()
            study.lease("a", 1)
            assert ends(database) == [0]

    def test_a_driver_killed_before_the_answer_came_has_written(
        self, database: str, far: str, proxy: Proxy
    ) -> None:
        with driver(far, resume=False) as process:
            print(file=process.stdin)
            assert process.stdout is not None
            assert process.stdout.readline() == "ended\n"
            proxy.deaf, before = True, len(logs(database))
            print(file=process.stdin)
            when(lambda: len(logs(database)) > before, process.kill).join()
        with reopen(database) as study:
            assert [(r.number, r.state) for r in study.records()] == [
                (0, "completed"), (1, "queued"),
            ]  # fmt: skip
            assert study.lease("a", 1)[0].attempt == 2

    def test_a_standby_that_lagged_is_noticed(self, database: str) -> None:
        with contextlib.suppress(UserError), reopen(database, resume=False) as study:
            study.lease("a", 1)
            sql(database, "DELETE FROM gensweep_journal WHERE seq >= %s", len(logs(database)) - 1)
            end_writer(database)
            with pytest.raises(UserError, match="has lost what it had confirmed of sweep 's'"):
                study.lease("a", 1)
        with reopen(database) as study:
            assert len(study.lease("a", 10)) == 10

    def test_what_is_confirmed_is_durable(self, database: str) -> None:
        for mode, got in (("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")):
            url = f"{database}?options=-csynchronous_commit%3D{mode}"
            with _postgres.connect(url) as connection:
                assert connection.execute("SHOW synchronous_commit").fetchone() == (got,)
                assert connection.execute("SHOW tcp_keepalives_idle").fetchone() == ("30",)


class TestTable:
    def test_looking_makes_nothing(self, database: str) -> None:
        assert list_sweeps(database) == []
        assert sql(database, "SELECT * FROM pg_tables WHERE schemaname = 'public'") == []
        with pytest.raises(UserError, match="unknown sweep 's': there is none yet"):
            reopen(database)

    def test_sweeps_are_listed_while_they_run(self, database: str) -> None:
        with reopen(database, name="b", resume=False) as running:
            reopen(database, name="a", resume=False).close()
            running.lease("a", 3)
            assert [(v.name, len(v.records)) for v in list_sweeps(database)] == [("b", 3), ("a", 0)]
        with pytest.raises(UserError, match="unknown sweep 'c': the known ones are b, a"):
            read_sweep("c", database)

    def test_a_sweep_that_is_deleted_leaves_no_row_and_its_name_free(self, database: str) -> None:
        for name in ("s", "t"):
            with reopen(database, name=name, resume=False) as study:
                finish(study, study.lease("a", 1)[0], metrics={"fid": 1.0})
        with only_writer(database, "s") as journal:
            journal.delete("s")
        assert logs(database) == []
        assert [sweep.name for sweep in list_sweeps(database)] == ["t"]
        with reopen(database, resume=False) as study:
            assert study.records() == []

    def test_a_long_journal_is_read_in_pages(
        self, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_postgres, "PAGE", 7)
        with reopen(database, resume=False) as study:
            made = study.lease("a", 10)
        with reopen(database) as study:
            assert [r.params for r in study.records()] == [lease.params for lease in made]

    def test_a_call_is_one_statement(self, database: str) -> None:
        """Each row tells by which transaction it came."""
        with reopen(database, resume=False) as study:
            study.lease("a", 8)
        found = sql(database, "SELECT xmin::text FROM gensweep_journal ORDER BY seq")
        assert len(found) > 30
        assert len(set(found)) == 3  # making it, the lease, closing it

    def test_many_make_it_at_once(self, database: str) -> None:
        errors: list[Exception] = []

        def make(number: int) -> None:
            try:
                with _postgres.connect(database) as connection:
                    start.wait()
                    _postgres.make_table(connection, database)
            except Exception as error:
                errors.append(error)

        start = threading.Barrier(8)
        threads = [threading.Thread(target=make, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert sql(database, "SELECT count(*) FROM gensweep_journal") == [(0,)]

    def test_an_older_ledger_is_told(self, database: str) -> None:
        study = optuna.create_study(storage=database)
        reopen(database, resume=False).close()  # somebody else's study
        study.ask().set_user_attr("gensweep", {"state": "queued"})
        sql(database, "DROP TABLE gensweep_journal")
        for look in (list_sweeps, reopen):
            with pytest.raises(UserError, match=r"holds sweeps of an older gensweep.*search_path"):
                look(database)
        sql(database, "CREATE SCHEMA lab")
        assert list_sweeps(f"{database}?options=-csearch_path%3Dlab") == []
        sql(database, "DROP SCHEMA lab")

    @pytest.mark.parametrize(
        "change",
        [
            ("127.0.0.1:", "127.0.0.1:1,127.0.0.1:1"),
            ("/postgres", "/nowhere"),
            ("gensweep@", "nobody:secret@"),
            ("/postgres", "/postgres?password=secret&sslmode=require"),
        ],
    )
    def test_a_server_that_refuses_is_told(self, database: str, change: tuple[str, str]) -> None:
        with pytest.raises(UserError, match="cannot use the ledger") as caught:
            list_sweeps(database.replace(*change, 1))
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_any_of_several_servers_will_do(self, database: str) -> None:
        assert list_sweeps(database.replace("127.0.0.1", "127.0.0.1:1,127.0.0.1")) == []

    def test_a_password_is_read_from_its_file(
        self, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sql(database, "SET password_encryption = 'scram-sha-256'; DROP ROLE IF EXISTS lab; "
            "CREATE ROLE lab LOGIN PASSWORD 'not-shown' IN ROLE gensweep")  # fmt: skip
        url = database.replace("gensweep@", "lab@")
        rules = Path(sql(database, "SHOW hba_file")[0][0])
        before = rules.read_text()
        passwords = tmp_path / "pgpass"
        passwords.write_text("*:*:*:lab:not-shown\n")
        passwords.chmod(0o600)
        try:
            rules.write_text(f"host all lab 127.0.0.1/32 scram-sha-256\n{before}")
            sql(database, "SELECT pg_reload_conf()")
            time.sleep(1)  # the server reads its rules by and by
            with pytest.raises(UserError, match="no password supplied"):
                list_sweeps(url)
            monkeypatch.setenv("PGPASSFILE", str(passwords))
            reopen(url, resume=False).close()
        finally:
            rules.write_text(before)
            sql(database, "SELECT pg_reload_conf()")
        assert [view.name for view in list_sweeps(database)] == ["s"]
        sql(database, "DROP OWNED BY lab; DROP ROLE lab")

    def test_a_driver_that_is_not_there_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("_table", "_postgres"):
            monkeypatch.delitem(sys.modules, f"gensweep.study.journal.{name}")
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(UserError, match=r"needs its driver .*pip install 'psycopg\[binary\]'"):
            list_sweeps("postgresql://user@127.0.0.1/db")
