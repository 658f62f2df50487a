"""PostgreSQL: a connection, the table of journals, and the lock on one sweep's."""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from typing import LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import InterfaceError, OperationalError

from gensweep.errors import ServerAwayError, UserError
from gensweep.study.journal._sweep_lock import driven_already, this_process

DEFAULTS = {
    "connect_timeout": "10", "target_session_attrs": "read-write", "tcp_user_timeout": "30000",
    "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4",
}  # fmt: skip
"""Of a connection, unless the URL says otherwise: a server that vanished is noticed in 30 s."""

PAGE = 10_000
REFUSALS = (
    "authentication", "does not exist", "permission", "pg_hba.conf", "does not support SSL",
    "invalid", "certificate",
)  # fmt: skip
"""Words of what a server, or psycopg of the URL, refuses: no state of SQL tells it before a
connection is there."""

# The server too notices that we vanished, or another machine would wait two hours for the lock.
_SESSION = """
    SELECT set_config('tcp_keepalives_idle', '30', false),
      set_config('tcp_keepalives_interval', '10', false),
      set_config('tcp_keepalives_count', '3', false),
      set_config('synchronous_commit', CASE WHEN now IN ('off', 'local') THEN 'on' ELSE now END,
                 false)
    FROM current_setting('synchronous_commit') AS now
"""
_CREATE = """
    CREATE TABLE IF NOT EXISTS gensweep_journal (
      sweep text NOT NULL, seq bigint NOT NULL, log text NOT NULL, PRIMARY KEY (sweep, seq))
"""
_OLD = "SELECT EXISTS (SELECT FROM trial_user_attributes WHERE key = 'gensweep')"
_HOLDER = """
    SELECT pid, application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND datname = current_database()
    AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = %s
"""
_ROWS = """
    SELECT seq, log FROM gensweep_journal WHERE sweep = %s AND seq >= %s ORDER BY seq LIMIT %s
"""


def connect(url: str) -> psycopg.Connection:
    """Connect to the server; a statement's return means that it outlives the server's machine."""
    given = conninfo_to_dict(re.sub(r"^postgresql\+psycopg:", "postgresql:", url))
    options = {**DEFAULTS, **given, "application_name": this_process()}
    # autocommit: a transaction left open for days would keep the server from cleaning up.
    connection = psycopg.connect(**options, autocommit=True)  # type: ignore[arg-type]
    connection.execute(_SESSION)
    return connection


@contextlib.contextmanager
def driver_errors_as_user_errors(url: str) -> Iterator[None]:
    """Turn what psycopg raises into a `UserError` of one line without the URL's password."""
    try:
        yield
    except psycopg.Error as error:
        raise ledger_unusable(url, error) from error


def ledger_unusable(url: str, error: Exception) -> UserError:
    """Word an error of psycopg for the user, without the URL's password."""
    shown = re.sub(r"(://[^:/@]*:)[^@/]*(?=@)|(password=)[^&]*", r"\1\2***", url)
    reason = " ".join(str(error).split()).replace(url, shown)
    # What the server refuses, it has answered; psycopg calls both an OperationalError.
    is_refused = any(word in reason for word in REFUSALS)
    is_away = isinstance(error, (OperationalError, InterfaceError)) and not is_refused
    return (ServerAwayError if is_away else UserError)(
        f"cannot use the ledger {shown} ({reason}): check the URL and that its server runs."
    )


def has_table(connection: psycopg.Connection, url: str) -> bool:
    """Tell whether any sweep was kept there; `UserError` if an older gensweep kept its own."""
    if _exists(connection, "gensweep_journal"):
        return True
    if _exists(connection, "trial_user_attributes") and _scalar(connection, _OLD):
        raise UserError(
            f"the ledger {url.rpartition('@')[2]} holds sweeps of an older gensweep, which this "
            "one cannot read: name another database, or a schema by ?options=-csearch_path%3DNAME."
        )
    return False


def make_table(connection: psycopg.Connection, url: str) -> None:
    """Make the table of journals, unless it is there."""
    if not has_table(connection, url):
        with connection.transaction():  # "if not exists" fails where two make it at once
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('gensweep_journal'))")
            connection.execute(_CREATE)


def _exists(connection: psycopg.Connection, table: str) -> bool:
    return _scalar(connection, "SELECT to_regclass(%s)", table) is not None


def _scalar(connection: psycopg.Connection, query: LiteralString, *values: object) -> object:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def read_rows(connection: psycopg.Connection, sweep: str, start: int) -> Iterator[tuple[int, str]]:
    """Read number and text of each record from `start` on, a page at a time."""
    while page := connection.execute(_ROWS, [sweep, start, PAGE]).fetchall():
        yield from page
        start = page[-1][0] + 1


def take_lock(connection: psycopg.Connection, sweep: str, mine: int = 0) -> None:
    """Lock the sweep for as long as the connection lasts; `UserError` if somebody else has it.

    `mine` is the server's process of our own connection before this one. It may live on, with the
    lock, for the server may not have noticed what broke: it is ended, and `OperationalError` says
    that it is worth trying again.
    """
    schema = _scalar(connection, "SELECT 'gensweep_journal'::regclass::oid")
    digest = hashlib.sha256(f"gensweep/{schema}/{sweep}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    if _scalar(connection, "SELECT pg_try_advisory_lock(%s)", key):
        return
    pid, holder = connection.execute(_HOLDER, [key]).fetchone() or (0, "")
    if (pid, holder) != (mine, this_process()[:63]):
        raise driven_already(sweep, holder)
    connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    raise psycopg.OperationalError("a connection of our own still holds the lock")
