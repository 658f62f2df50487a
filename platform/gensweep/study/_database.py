"""Studies in a database, and PostgreSQL's lock on one."""

import contextlib
import hashlib
import re
from collections.abc import Iterator

from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from gensweep.errors import UserError
from gensweep.study._driver import me, taken

_HOLDER = text("""
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND datname = current_database()
    AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = :key
""")


def open_database(url: str) -> BaseStorage:
    """The database at a URL of SQLAlchemy."""
    try:
        return RDBStorage(url)
    except Exception as error:  # each driver has its own exceptions
        raise _unusable(url, error) from error


def _unusable(url: str, error: Exception) -> UserError:
    """What a driver said, in one line and without the URL's password."""
    shown = re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", url)
    reason = str(error).splitlines()[0].replace(url, shown)
    return UserError(
        f"cannot open the study's database {shown} ({reason}): check the URL "
        "and that its server runs."
    )


@contextlib.contextmanager
def server_lock(url: str, name: str) -> Iterator[None]:
    """Hold PostgreSQL's advisory lock of sweep `name`; `UserError` if somebody else does."""
    # AUTOCOMMIT: a transaction left open for days would keep the server from cleaning up.
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(engine.connect())
            _advise(connection, name)
        except SQLAlchemyError as error:
            raise _unusable(url, error) from error
        yield


def _advise(connection: Connection, name: str) -> None:
    connection.execute(text("SELECT set_config('application_name', :me, false)"), {"me": me()})
    digest = hashlib.sha256(f"gensweep/{name}".encode()).digest()
    key = {"key": int.from_bytes(digest[:8], "big", signed=True)}
    if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar():
        raise taken(name, str(connection.execute(_HOLDER, key).scalar() or ""))
