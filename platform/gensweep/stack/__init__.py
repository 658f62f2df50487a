"""The embedded stack of a checkout: object store, MLflow server, Ray head, all on 127.0.0.1.

Runs in: processes of its own: servers that the command line starts. Scripts read their addresses.
"""

from gensweep.stack._doctor import Check, doctor
from gensweep.stack._status import NO_ADDRESS, status
from gensweep.stack._up import down, up

__all__ = [
    "NO_ADDRESS",
    "Check",
    "doctor",
    "down",
    "status",
    "up",
]
