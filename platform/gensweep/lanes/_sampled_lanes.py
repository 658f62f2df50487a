"""Lanes that can be sampled, and whose networks can be called: what a pack does but train.

L lanes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gensweep.game import DataShape, Game, Model, Noise
from gensweep.lanes._check_players import check_players
from gensweep.lanes._conditions import Conditions
from gensweep.lanes._generators import draw
from gensweep.lanes._inference import Caller, sampling_state
from gensweep.lanes._lane import Lane
from gensweep.lanes._noise_reader import GivenNoise, NoiseReader, SampleNoise
from gensweep.lanes._purity import Purity
from gensweep.lanes._sampling import Sampler
from gensweep.lanes._sampling_games import SamplingGames
from gensweep.lanes._schedule import budget_fractions
from gensweep.lanes._stack import Stack
from gensweep.lanes._standing import StandingStatistics
from gensweep.space import Space, pad_latent_sizes


class SampledLanes:
    """`width` lanes of one signature, each slot empty or with a trial; `Pack` trains them."""

    def __init__(
        self, model: Model, config: Any, data: DataShape, *, width: int, space: Space | None,
        device: str | torch.device, trace: bool,
    ) -> None:  # fmt: skip
        self.model, self.data, self.width = model, data, width
        self.device = torch.device(device)
        self.config = pad_latent_sizes(config, space or {})
        self.game = model.game(self.config, data)
        check_players(self.game, self.config, model.name)
        players = self.game.players
        self.stacks = {
            name: Stack(p, width, self.device, f"{model.name}: player {name!r}")
            for name, p in players.items()
        }
        self.lanes: list[Lane | None] = [None] * width
        self.trace_sampling = trace and self.device.type == "cuda"
        """Whether the step of a long sampler is traced: a CPU takes as long without."""
        self.most_sample_steps: int | None = None
        """Steps after which a long sampler stops early, for checks; None: it does not."""
        self.sampler = Sampler
        """What draws samples; checks take one of their own."""
        self._hyper: dict[str, Tensor] = {}
        """Hyperparameters [width], by name."""
        self._samplers: dict[int, Sampler] = {}
        self._caller = Caller(self.game, self.stacks, Purity(self.game))
        self._standing = StandingStatistics(
            self.stacks, model.name, int(config.batch_size), self.device
        )
        self._sampling = SamplingGames(model, self.config, data, self.game)

    def lane(self, slot: int) -> Lane:
        """Return the trial in `slot`; `ValueError` if there is none."""
        lane = self.lanes[slot]
        if lane is None:
            raise ValueError(f"{slot=} is empty.")
        return lane

    @property
    def occupied(self) -> list[int]:
        """The slots that have a trial."""
        return [slot for slot, lane in enumerate(self.lanes) if lane is not None]

    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        slots: Sequence[int] | None = None,
        hyper: Mapping[str, Any] | None = None,
        given: Mapping[str, Tensor] | None = None,
        noise: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Draw samples `[len(slots), count, *shape]`, with each lane's own noise.

        `hyper` overrides sampling hyperparameters for all lanes. Lanes that differ in one which
        is no real number are sampled one group after another. `given` has what they are
        conditioned on, `[count, ...]` by the names in the game's `given`. Many samples are drawn
        in batches, from the noise that they would have together: each lane's own by `seed`, or
        `noise`, `[len(slots), count, ...]` by name, in its place.
        """
        chosen = list(self.occupied if slots is None else slots)
        self._measure_standing(chosen, hyper or {}, given)
        configs = [self.lane(slot).config for slot in chosen]
        real = self._sampling.real(hyper or {})
        samples: dict[int, Tensor] = {}
        for game, places in self._sampling.groups(configs, hyper or {}):
            # As many lanes in each group as asked for; places without one repeat the first. Which
            # kernels are taken, and with them the last bits, may depend on the number of lanes.
            rows = places + places[:1] * (len(chosen) - len(places))
            filled = [chosen[row] for row in rows]
            source: SampleNoise = (
                self._noise_reader(game, count, seed, filled) if noise is None
                else GivenNoise(game.sample_noise(count), count, noise, rows)
            )  # fmt: skip
            drawn = self._sample_group(game, source, count, filled, real, given)
            if len(places) == len(chosen):
                return drawn
            samples |= zip(places, drawn, strict=False)
        return torch.stack([samples[place] for place in range(len(chosen))])

    def sample_noise(
        self, count: int, *, seed: int = 0, slot: int = 0, hyper: Mapping[str, Any] | None = None
    ) -> dict[str, Tensor]:
        """Draw the noise of `count` samples of the lane in `slot`, `[1, count, ...]` by name.

        `hyper` as of `sample`: shapes may depend on those that are no real numbers.
        """
        ((game, _),) = self._sampling.groups([self.lane(slot).config], hyper or {})
        return self._noise_reader(game, count, seed, [slot]).read(count)

    def _noise_reader(self, game: Game, count: int, seed: int, slots: list[int]) -> NoiseReader:
        declared, seeds = game.sample_noise(count), [self.lane(slot).seed for slot in slots]
        return NoiseReader(declared, count, seeds, "sample", seed, sizes=self._sizes(slots))

    def _sample_group(
        self, game: Game, noise: SampleNoise, count: int, slots: list[int],
        hyper: Mapping[str, float], given: Mapping[str, Tensor] | None,
    ) -> Tensor:  # fmt: skip
        """Draw the samples of lanes that `game` can sample as one."""
        chosen, values = self._lanes_called(slots, hyper)
        last = self._conditions(given).repeated(len(chosen))
        return self._sampler(game).draw(chosen, noise, count, values, *last)

    def sample_unfinished(
        self, after: Sequence[int], count: int, *, seed: int = 0,
        given: Mapping[str, Tensor] | None = None,
    ) -> Tensor:  # fmt: skip
        """Draw the first lane's samples as they are `after` so many steps of a long sampler.

        `[len(after), count, *shape]`, of the noise that `sample` draws by the same `seed`.
        """
        chosen, values = self._lanes_called(self.occupied[:1], None)
        ((game, _),) = self._sampling.groups([self.lane(chosen[0]).config], {})
        noise = self._noise_reader(game, count, seed, chosen)
        last = self._conditions(given).repeated(1)
        drawn = self._sampler(game).draw_unfinished(chosen, noise, count, values, after, *last)
        return drawn[0]

    def sampling_batch(self, count: int, given: Mapping[str, Tensor] | None = None) -> int:
        """Return how many of `count` samples of the first lane are drawn at once."""
        chosen, values = self._lanes_called(self.occupied[:1], None)
        noise = self._noise_reader(self.game, count, 0, chosen)
        weights, last = sampling_state(self.stacks, chosen), self._conditions(given).repeated(1)
        return self._sampler(self.game).batch_size(weights, noise, count, values, *last)

    def _sampler(self, game: Game) -> Sampler:
        """Return the game's sampler, made once: its first call is watched, its steps are traced."""
        if id(game) not in self._samplers:
            call = Caller(game, self.stacks, Purity(game))
            self._samplers[id(game)] = self.sampler(
                call, tuple(self.data.shape), device=self.device, trace=self.trace_sampling,
                most_steps=self.most_sample_steps,
            )  # fmt: skip
        return self._samplers[id(game)]

    def call(
        self,
        method: str,
        noise: Any,
        *inputs: Any,
        seed: int = 0,
        slots: Sequence[int] | None = None,
        hyper: Mapping[str, float] | None = None,
        given: Mapping[str, Tensor] | None = None,
        slopes: bool = False,
    ) -> Any:
        """Call `game.method(nets, *inputs, noise, hyper)` for every lane; `inputs` are shared.

        `slots` are the lanes, by default all occupied ones; results have them in front. A game that
        is conditioned on something gets `given` as its last argument; `UserError` if that is
        missing. With `slopes` return the gradient of the results' sum by the first input, instead.
        """
        drawn = self.draw_noise(method, noise, seed=seed, slots=slots)
        return self.call_with(method, drawn, *inputs, slots=slots, hyper=hyper, given=given,
                              slopes=slopes)  # fmt: skip

    def draw_noise(
        self, method: str, noise: Mapping[str, Noise], *, seed: int = 0,
        slots: Sequence[int] | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        """Draw the noise [L, ...] that a call of a method gets in the lanes of `slots`."""
        chosen = list(self.occupied if slots is None else slots)
        seeds = [self.lane(slot).seed for slot in chosen]
        found = draw(noise, seeds, method, seed, sizes=self._sizes(chosen))
        return {name: one.to(self.device) for name, one in found.items()}

    def call_with(
        self, method: str, drawn: Mapping[str, Tensor], *inputs: Any,
        slots: Sequence[int] | None = None, hyper: Mapping[str, float] | None = None,
        given: Mapping[str, Tensor] | None = None, slopes: bool = False,
    ) -> Any:  # fmt: skip
        """Call a method as `call` does, with noise [L, ...] that is drawn already."""
        chosen, values = self._lanes_called(slots, hyper)
        self._measure_standing(chosen, hyper or {}, given)
        weights = sampling_state(self.stacks, chosen)
        last = self._conditions(given).repeated(len(chosen))
        return self._caller(method, weights, dict(drawn), values, *last, shared=inputs,
                            slopes=slopes)  # fmt: skip

    def _sizes(self, slots: Sequence[int]) -> list[Mapping[str, float]]:
        """Return the hyperparameters of each lane, its latent sizes among them."""
        return [self.lane(slot).hyper for slot in slots]

    def _lanes_called(
        self, slots: Sequence[int] | None, hyper: Mapping[str, float] | None
    ) -> tuple[list[int], dict[str, Tensor]]:
        """Return the lanes of a call, and their hyperparameters with what overrides these."""
        chosen = list(self.occupied if slots is None else slots)
        values = {n: t[chosen] for n, t in self._hyper.items()}
        values |= {n: values[n].new_full((len(chosen),), v) for n, v in (hyper or {}).items()}
        values["spent"] = budget_fractions(self.lanes, 1)[chosen, 0].to(self.device)
        values["progress"] = values["spent"]
        return chosen, values

    def _measure_standing(
        self, slots: Sequence[int], changes: Mapping[str, Any], given: Mapping[str, Tensor] | None
    ) -> None:
        """Measure standing statistics of lanes whose samples they are not yet of."""
        for slot in slots:
            lane = self.lane(slot)
            if self._standing.are_due(lane, changes):
                ((game, _),) = self._sampling.groups([lane.config], changes)
                _, values = self._lanes_called([slot], self._sampling.real(changes))
                call, last = self._sampler(game).call, self._conditions(given)
                self._standing.measure(call, slot, lane, changes, values, last)

    def _conditions(self, given: Mapping[str, Tensor] | None) -> Conditions:
        return Conditions(self.game, given, self.data, self.device, self.model.name)
