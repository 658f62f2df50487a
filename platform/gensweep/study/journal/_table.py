"""Journals in a table of PostgreSQL, one for each sweep."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import psycopg
from optuna.storages.journal import BaseJournalBackend
from psycopg.errors import InterfaceError, OperationalError, UniqueViolation

from gensweep.errors import ServerAwayError, UserError
from gensweep.patience import OUTAGE_S, Patience
from gensweep.study.journal._file import Journal
from gensweep.study.journal._postgres import (
    connect,
    driver_errors_as_user_errors,
    has_table,
    ledger_unusable,
    make_table,
    read_rows,
    take_lock,
)

PATIENCE_S = OUTAGE_S
"""How long a database that went away is waited for."""

_INSERT = """
    INSERT INTO gensweep_journal (sweep, seq, log)
    SELECT %s, %s + place - 1, log FROM unnest(%s::text[]) WITH ORDINALITY AS new (log, place)
"""
_DELETE = "DELETE FROM gensweep_journal WHERE sweep = %s"


class StoredJournal(BaseJournalBackend):
    """Reads a sweep's journal as it stands, whoever writes it."""

    def __init__(self, connection: psycopg.Connection, sweep: str):
        self._connection, self._sweep = connection, sweep

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        for _, text in read_rows(self._connection, self._sweep, log_number_from):
            yield json.loads(text)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        raise TypeError(f"the journal of sweep {self._sweep!r} is open for reading.")


@contextlib.contextmanager
def stored_journals(url: str) -> Iterator[list[StoredJournal]]:
    """Open the journal of each sweep in the database for reading; nothing is locked or made."""
    with driver_errors_as_user_errors(url), connect(url) as connection:
        names = "SELECT sweep FROM gensweep_journal WHERE seq = 0"
        known = connection.execute(names).fetchall() if has_table(connection, url) else []
        yield [StoredJournal(connection, sweep) for (sweep,) in known]


class TableJournal(Journal):
    """A sweep's journal, of which this is the only writer.

    The connection that holds the sweep's lock is the one that writes, so whoever writes has the
    lock. When it breaks, another is made, and what the table holds by then tells whether the
    append that was under way arrived: it is never made twice.
    """

    def __init__(self, url: str, sweep: str):
        self._url, self._sweep = url, sweep
        self._written, self._last = 0, ""
        self._read = self._closed = False
        self._pending: list[str] = []
        with driver_errors_as_user_errors(url):
            self._connection = self._connect()

    def _connect(self, before: int = 0) -> psycopg.Connection:
        """Connect, and take the sweep's lock; `before` is the server's process of our last one."""
        connection = connect(self._url)
        try:
            make_table(connection, self._url)
            take_lock(connection, self._sweep, before)
        except BaseException:
            connection.close()
            raise
        self._server = connection.info.backend_pid
        return connection

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Read the table once, as nobody else writes; then what was appended since."""
        if not self._read:
            with driver_errors_as_user_errors(self._url):
                yield from self._read_table()
            self._read = True
        for text in self._pending[max(0, log_number_from - self._written) :]:
            yield json.loads(text)

    def _read_table(self) -> Iterator[dict[str, Any]]:
        for seq, text in read_rows(self._connection, self._sweep, 0):
            if seq != self._written:
                raise UserError(
                    f"the ledger lacks record {self._written} of sweep {self._sweep!r}: restore "
                    "the table gensweep_journal."
                )
            self._written, self._last = seq + 1, text
            yield json.loads(text)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        if self._closed:
            raise ValueError(f"the journal of sweep {self._sweep!r} is closed.")
        self._pending += [json.dumps(log, separators=(",", ":")) for log in logs]

    def sync(self) -> None:
        """Write what was appended, by one statement whose return says that the database has it.

        A database that went away is waited for, up to `PATIENCE_S`; then `UserError`. What was
        appended stays pending, and a later call writes it.
        """
        if self._pending:
            Patience(PATIENCE_S).keep_trying(self._try_to_write)

    def _try_to_write(self) -> None:
        """Write; `ServerAwayError` if that may succeed later, as a server that fails over."""
        try:
            self._write()
        except (OperationalError, InterfaceError) as error:
            self._connection.close()
            raise ServerAwayError(str(ledger_unusable(self._url, error))) from error
        except UniqueViolation as error:
            raise self._overtaken() from error
        except psycopg.Error as error:
            raise ledger_unusable(self._url, error) from error

    def _write(self) -> None:
        if self._connection.closed:
            self._connection = self._connect(self._server)
            self._settle()
        if self._pending:
            self._connection.execute(_INSERT, [self._sweep, self._written, self._pending])
            self._confirm(len(self._pending))

    def _confirm(self, arrived: int) -> None:
        """Note that so many of the pending records are in the table."""
        if arrived:
            self._last = self._pending[arrived - 1]
            self._written += arrived
            del self._pending[:arrived]

    def _settle(self) -> None:
        """Learn what became of the append that was under way when the connection broke.

        The statement may have been committed though its answer never came, so that repeating it
        would write the records twice. We hold the lock again, so the table stands still, and what
        follows our last confirmed record tells which case it is: nothing (append again), our
        pending records (they arrived: confirm them), or others' (a process took the lock while
        we were away and went on). The last confirmed record is compared too: a server that was
        restored from an older copy would otherwise be continued with a gap.
        """
        start = max(0, self._written - 1)
        known = [self._last] if self._written else []
        found = [text for _, text in read_rows(self._connection, self._sweep, start)]
        try:
            if found[: len(known)] != known:
                raise UserError(f"the ledger has lost what it had confirmed of sweep "
                                f"{self._sweep!r}: go on with the rest by --resume "
                                f"{self._sweep}.")  # fmt: skip
            arrived = len(found) - len(known)
            if found[len(known) :] != self._pending[:arrived]:
                raise self._overtaken()
        except UserError:
            self._connection.close()  # so that the next one settles it again
            raise
        self._confirm(arrived)

    def delete(self, name: str) -> None:
        """Delete the rows; this journal is of one sweep, and ends with it."""
        with driver_errors_as_user_errors(self._url):
            self._connection.execute(_DELETE, [self._sweep])
        self._closed, self._pending = True, []

    def _overtaken(self) -> UserError:
        return UserError(f"another process went on with sweep {self._sweep!r} while its ledger was "
                         "out of reach: this one ends, let the other run.")  # fmt: skip

    def close(self) -> None:
        """Release the lock."""
        self._closed = True
        self._connection.close()
