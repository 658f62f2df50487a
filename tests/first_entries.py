"""One entry of the catalogue for each game, the first: others are it with other settings."""

from gensweep_models.catalog import CATALOG

ENTRIES = list({model.game: name for name, model in reversed(CATALOG.items())}.values())[::-1]
