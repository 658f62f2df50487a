"""Whatever the catalogue's games tell of their training, the report says what it is."""

import pytest

from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep.training_metrics import FORMULAS, OF_A_PLAYER, training_formula
from gensweep_models.catalog import CATALOG
from small_entries import GAMES, quick_but_deep, small_settings


@pytest.mark.parametrize("name", quick_but_deep(GAMES))
def test_every_metric_of_training_has_its_text(name: str) -> None:
    model = CATALOG[name]
    data = RandomExamples((1, 8, 8), 3)
    config = model.config(**small_settings(model))
    pack = Pack(model, config, data, data, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=80)
    told = {one for values in pack.losses(0).values() for one in values} | pack.measured
    assert [one for one in sorted(told) if not training_formula(one)] == []


def test_texts_name_what_they_are_of() -> None:
    assert all(training_formula(name) == text for name, text in FORMULAS.items())
    assert all("{player}" in text for text in OF_A_PLAYER.values())
