"""The entry point of a sweep script: from its command line to its answer."""

import sys
from collections.abc import Sequence

from gensweep.cluster import disconnect
from gensweep.driver._launch import launch
from gensweep.errors import UserError
from gensweep.log import configure_logging, print_error
from gensweep.planning import Plan, parse_request, plan_text, prepare
from gensweep.spec import Sweep
from gensweep.stack_env import apply_env


def main(description: str, sweep: Sweep, argv: Sequence[str] | None = None) -> Plan:
    """Run the script's `sweep`, as the command line changes it, and print its answer.

    Returns the plan that was run, or of a dry run.

    `argv` None: that of the process. The exit status is 0; 1 if packs keep dying, 2 for bad
    input, 130 for Ctrl-C.
    """
    try:
        apply_env()
        request = parse_request(description, sweep, None if argv is None else list(argv))
        configure_logging(request.sweep.name, request.verbosity)
        plan = prepare(request)
        print(plan_text(plan), flush=True)
        if not request.dry_run:
            launch(plan)
        return plan
    except UserError as error:
        print_error(str(error))
        sys.exit(2)
    except KeyboardInterrupt as stopped:  # `launch` tells what became of a sweep that trained
        disconnect()  # first: what is told is the last line
        print(*stopped.args or ["interrupted before training began."], file=sys.stderr)
        sys.exit(130)
