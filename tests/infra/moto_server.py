"""moto's server, without the judgement of bucket policies.

moto 5.2.5 takes a denial whose condition is not met for one that is: under a policy that refuses
plain-text requests nobody could read a bucket. The policies themselves are judged by `iam.py`.
"""

from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.server import main


def neutral(*_: Any) -> PermissionResult:
    return PermissionResult.NEUTRAL


if __name__ == "__main__":
    FakeBucket.get_permission = neutral  # type: ignore[method-assign]
    main()
