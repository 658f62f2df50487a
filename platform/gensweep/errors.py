"""The one exception that means: the user can mend this."""


class UserError(ValueError):
    """Bad input, found before anything was started. One line: the value, and the cure."""


class ServerAwayError(UserError):
    """A server that gave no answer, or none of use, or a full disk; that may change soon."""
