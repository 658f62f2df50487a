"""A version of Optuna without the private names that sweeps rely on is refused at the start."""

import tomllib
from pathlib import Path

import pytest
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator

from gensweep.errors import UserError
from gensweep.fitted_tpe import check_optuna
from gensweep.optuna_version import REQUIRED, refuse_other_optuna

ROOT = Path(__file__).parents[2]
HELD = [(TPESampler, "_compare"), (_ParzenEstimator, "sample")]
"""Called once the trials that are drawn at random have ended, in the midst of a sweep."""


def test_the_version_that_is_installed_will_do() -> None:
    check_optuna()
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert REQUIRED in needed


@pytest.mark.parametrize(("where", "name"), HELD)
def test_a_name_that_is_gone_is_told_with_the_version_and_the_cure(
    where: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(where, name)
    with pytest.raises(UserError, match=rf"optuna 5.*{name}.*pip install 'optuna>=5.0,<6'"):
        check_optuna()


def test_an_import_that_fails_is_told_so_too() -> None:
    with pytest.raises(UserError, match=r"optuna 5.*_gone.*pip install"), refuse_other_optuna():
        from optuna.study._tell import _gone  # type: ignore[attr-defined]  # noqa: F401
