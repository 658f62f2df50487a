"""A pack: a fixed number of lanes, one trial in each, all stepped as one computation.

`run` plans the turns of many ticks, draws their noise and data order on the host, copies these to
the device, and then replays one traced turn after the other without waiting. A trial's bits depend
on its configuration, seed and progress; not on its slot, its neighbours, or when they came.

L lanes, B batch.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gensweep.game import DataShape, Game, Model, Noise
from gensweep.lanes._batches_and_noise import LaneInputs, NoiseBuffers, Ranks, Source
from gensweep.lanes._check_players import check_budget, check_players
from gensweep.lanes._conditions import Conditions
from gensweep.lanes._generators import derive_seed, draw
from gensweep.lanes._graph import cuda_capture
from gensweep.lanes._inference import Caller, sampling_state
from gensweep.lanes._initial_weights import check_copy, check_network, initial_network
from gensweep.lanes._joint_turn import JointTurn
from gensweep.lanes._lane import Lane, check_fits
from gensweep.lanes._lane_index import ALL, LaneIndex
from gensweep.lanes._noise_reader import GivenNoise, NoiseReader, SampleNoise
from gensweep.lanes._penalty import EVERYWHERE
from gensweep.lanes._precision import matmul_precision, precision_of
from gensweep.lanes._purity import Purity
from gensweep.lanes._record import EXPLODED, Progress, Record, find_failure
from gensweep.lanes._sampling import Sampler
from gensweep.lanes._sampling_games import SamplingGames
from gensweep.lanes._schedule import budget_fractions, own_progress, update_order
from gensweep.lanes._spectral_norm import SPECTRAL_NORM, has_matrices, spectral_norm
from gensweep.lanes._stack import Stack
from gensweep.lanes._standing import StandingStatistics
from gensweep.lanes._state import LaneState
from gensweep.lanes._step_plan import Step, StepPlan
from gensweep.lanes._turn import MEASURED, Turn
from gensweep.lanes._update_ratio import UPDATE_RATIO, UpdateRatio
from gensweep.precision import FEWEST
from gensweep.space import Space, pad_latent_sizes, with_scope


class Pack:
    """Trains `width` lanes of one signature, each slot empty or with a trial.

    `config` is any configuration of the signature; `space` bounds the latent size that lanes
    are padded to. `precision` of training is "fp32", "tf32" (a GPU's own), or "bf16", which
    leaves weights, moments and losses fp32; by default the first on a CPU, the second on a GPU.
    Not thread-safe.
    """

    def __init__(  # noqa: PLR0913 (five are keywords with defaults)
        self,
        model: Model,
        config: Any,
        data: DataShape,
        source: Source,
        *,
        width: int,
        space: Space | None = None,
        device: str | torch.device = "cpu",
        ranks: Ranks | None = None,
        precision: str | None = None,
        trace: bool = True,
    ):
        self.model, self.data, self.source, self.width = model, data, source, width
        self.device, self.ranks = torch.device(device), ranks or Ranks()
        self.precision = precision_of(precision, self.device)
        self.config = pad_latent_sizes(config, space or {})
        self.game = model.game(self.config, data)
        check_players(self.game, self.config, model.name)
        players = self.game.players
        self.inputs = LaneInputs(self.game.noise, int(config.batch_size), width, self.ranks)
        self.stacks = {
            name: Stack(p, width, self.device, self._where(name)) for name, p in players.items()
        }
        self._make_turns(trace=trace)
        self._check_networks()
        self.trace_sampling = trace and self.device.type == "cuda"
        """Whether the step of a long sampler is traced: a CPU takes as long without."""
        self.most_sample_steps: int | None = None
        """Steps after which a long sampler stops early, for checks; None: it does not."""
        self.sampler = Sampler
        """What draws samples; checks take one of their own."""
        self._samplers: dict[int, Sampler] = {}
        self._caller = Caller(self.game, self.stacks, Purity(self.game))
        self.sparse = self.device.type == "cpu"
        """Whether lanes that rest are left out: a GPU takes no longer for them, and would capture a
        graph for each number of lanes."""
        self.lanes: list[Lane | None] = [None] * width
        self._hyper: dict[str, Tensor] = {}
        self._standing = StandingStatistics(
            self.stacks, model.name, int(config.batch_size), self.device
        )
        self._sampling = SamplingGames(model, self.config, data, self.game)
        self.turns_taken = self.turns_computed = 0
        """Turns that were due in lanes with trials, and turns computed there, due or not."""

    def _make_turns(self, *, trace: bool) -> None:
        """Make the turn of each player that learns, and that of all at once if the game has one."""
        # A mean over ranks is a call to another library in the middle of a turn: no graph holds it.
        graphed = trace and self.device.type == "cuda" and self.ranks.count == 1
        capture = cuda_capture() if graphed else None
        self.turns = {
            name: Turn(self.game, self.stacks, name, trace=trace, precision=self.precision,
                       capture=capture)
            for name, one in self.game.players.items() if not one.frozen
        }  # fmt: skip
        order = update_order(self.game)
        self.joint_turn = None if order == "in_turn" else JointTurn(
            self.turns, extragradient=order == "extragradient", capture=capture
        )  # fmt: skip

    # -- lanes in and out ---------------------------------------------------------------

    def load(self, slot: int, config: Any, *, seed: int, budget_images: int) -> None:
        """Begin a trial in `slot`, with the initial weights of its true latent size.

        `UserError` if its configuration is of another signature or larger than the padding.
        """
        check_fits(config, self.config)
        lane = Lane(config, seed, budget_images, list(self.game.players), self.data.count)
        # Built unpadded: initial weights depend on a layer's size, and padding must stay zero.
        game = self.model.game(config, self.data)
        check_players(game, config, self.model.name)
        check_budget(game, config, lane.total_ticks, self.model.name)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "weights"))
            for name, player in game.players.items():
                self.stacks[name].reset(slot, initial_network(player, self._where(name)))
        for name, player in game.players.items():
            if player.copy_of is not None:
                self.stacks[name].copy_weights(slot, self.stacks[player.copy_of])
        self._occupy(slot, lane)

    def take(self, slot: int) -> LaneState:
        """Copy the whole state of the trial in `slot`."""
        lane = self.lane(slot)
        tensors = {
            f"{name}/{key}": tensor
            for name, stack in self.stacks.items()
            for key, tensor in stack.take(slot).items()
        }
        return LaneState(tensors | lane.stream_states(), lane.meta())

    def put(self, slot: int, state: LaneState) -> None:
        """Continue in `slot` the trial that `take` copied, from this pack or another.

        `UserError` if it is of another signature; the pack is then as before.
        """
        config = self.model.config(**state.meta["config"])
        check_fits(config, self.config)
        own = {name: state.of_player(name) for name in self.stacks}
        # All players are checked before the first is changed: a refused state leaves no half lane.
        for name, stack in self.stacks.items():
            stack.check(slot, own[name])
        lane = Lane.resume(config, state, list(self.game.players), self.data.count)
        for name, stack in self.stacks.items():
            stack.put(slot, own[name])
        self._occupy(slot, lane)

    def drop(self, slot: int) -> None:
        """Leave `slot` empty; its tensors stay until the next trial."""
        self.lanes[slot] = None

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

    def _check_networks(self) -> None:
        modules = {name: stack.module for name, stack in self.stacks.items()}
        for name, player in self.game.players.items():
            check_network(player, modules[name], self._where(name))
            check_copy(player, modules[name], modules, self._where(name))

    def _where(self, player: str) -> str:
        return f"{self.model.name}: player {player!r}"

    def _occupy(self, slot: int, lane: Lane) -> None:
        self.lanes[slot] = lane
        # Two sizes under two names: the trial's own, and that of the tensors that it shares.
        padded = {f"padded_{n}": size for n, size in with_scope(self.config, "latent").items()}
        for name, value in (lane.hyper | padded).items():
            room = self._hyper.setdefault(name, torch.ones(self.width, device=self.device))
            room[slot] = value

    # -- training -------------------------------------------------------------------------

    def run(self, ticks: int, *, resting: Collection[int] = ()) -> dict[int, Progress]:
        """Step every occupied lane `ticks` times, or until its budget is spent.

        Lanes in `resting` take no step. Returns the progress of every occupied slot.
        """
        record = Record()
        going = [i for i in self.occupied if i not in resting and self.lane(i).remaining]
        begins = {i: self.lane(i).ticks for i in self.occupied}
        goals = {i: self.lane(i).ticks + min(ticks, self.lane(i).remaining) for i in going}
        with matmul_precision(self.precision, self.device):
            # More than one pass only where the noise of so many ticks would not fit the memory.
            while left := {i: n for i, goal in goals.items() if (n := goal - self.lane(i).ticks)}:
                self._run_ticks(left, record)
        record.close(self.ranks.mean_)
        return {slot: self._progress(slot, record, begins[slot]) for slot in self.occupied}

    def _run_ticks(self, left: Mapping[int, int], record: Record) -> None:
        """Run as many ticks as fit the memory for noise, with all inputs on the device beforehand.

        A copy between two turns would make a GPU wait for the host each time.
        """
        most = self.inputs.ticks_at_once()
        ticks = {slot: min(number, most) for slot, number in left.items()}
        plan = StepPlan(self.game, self.lanes, ticks, self.device, sparse=self.sparse)
        noise = self.inputs.noise(self.lanes, ticks, self.device)
        indices = self.inputs.indices(self.lanes, ticks, self.device)
        for number, step in enumerate(plan.steps):
            self._step(step, plan, number, indices, noise, record)
        for slot, number in ticks.items():
            self.lane(slot).ticks += number
            self.lane(slot).turns = plan.turns[slot]

    def _step(
        self, step: Step, plan: StepPlan, number: int, indices: Tensor, noise: NoiseBuffers,
        record: Record,
    ) -> None:  # fmt: skip
        """Run one turn of one player, or of all that act at once, in the computed lanes."""
        index, masks = plan.computed_lanes(step), plan.acting_masks(number)
        place, due = (index, step.tick), plan.penalties_due(number)
        batch = self.source.gather(indices[place])
        drawn = {name: self.inputs.player_noise(name, noise, place) for name in masks}
        hyper = {name: self._player_hyper(name, index, plan.progress[place]) for name in masks}
        mean_ = self.ranks.mean_ if self.ranks.count > 1 else None
        ratio = UpdateRatio(self.stacks, masks if step.measured else (), index)
        if self.joint_turn is not None:
            told = self.joint_turn.act(batch, drawn, hyper, masks, mean_, index, due)
        else:
            told = {
                name: self.turns[name].act(
                    batch, drawn[name], hyper[name], mask, mean_, index, due.get(name)
                )
                for name, mask in masks.items()
            }
        for name, slots in step.acting.items():
            steps = {i: self.lane(i).ticks + step.tick + 1 for i in slots}
            record.add(name, steps, *told[name], paid=step.due.get(name, ()))
            if seen := {i: number for i, number in steps.items() if i in step.measured}:
                record.add_some("update", name, seen, {name + UPDATE_RATIO: ratio.of(name)})
            tenth = {i: number for i, number in seen.items() if step.measured[i]}
            if tenth and has_matrices(self.stacks[name]):
                norm = spectral_norm(self.stacks[name], index)
                record.add_some("weights", name, tenth, {name + SPECTRAL_NORM: norm})
            self.turns_taken += len(slots)
        # At least `FEWEST` lanes are computed, an empty one beside a single trial if need be.
        computed = [slot for slot in step.lanes or range(self.width) if self.lanes[slot]]
        self.turns_computed += len(masks) * max(len(computed), min(FEWEST, self.width))

    def _player_hyper(self, name: str, index: LaneIndex, spent: Tensor) -> dict[str, Tensor]:
        """Return hyperparameters as the player's loss sees them, with its own progress."""
        hyper = {n: v[index] for n, v in self._hyper.items()}
        progress = own_progress(self.game.players[name], spent, hyper)
        return hyper | {"progress": progress, "spent": spent}

    def losses(self, slot: int) -> dict[str, dict[str, float]]:
        """Compute each player's loss and metrics once in `slot`, without a step: player to values.

        Whatever part of the budget a player learns in, so that all names are known beforehand.
        The lane is left as it was.
        """
        before, ticks, place = self.take(slot), {slot: 1}, (slice(None), 0)
        noise = self.inputs.noise(self.lanes, ticks, self.device)
        batch = self.source.gather(self.inputs.indices(self.lanes, ticks, self.device)[place])
        found = {}
        for name in self.turns:
            values = self.loss(name, batch, self.inputs.player_noise(name, noise, place))
            found[name] = {key: float(value[slot]) for key, value in values.items()}
        self.put(slot, before)
        return found

    @property
    def measured(self) -> frozenset[str]:
        """Names of the metrics of training that the engine adds to a game's own."""
        return frozenset(name + one for name in self.turns for one in MEASURED
                         if one != SPECTRAL_NORM or has_matrices(self.stacks[name]))  # fmt: skip

    def loss(
        self, player: str, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Compute a player's loss, penalty and metrics [L] of inputs with the lanes in front.

        Nothing but the player's buffers changes, as in any pass in training mode.
        """
        due = None if self.game.players[player].penalty_every is None else EVERYWHERE
        args = batch, noise, self.first_hyper(player), ALL, None, due
        _, (loss, metrics, penalty) = self.turns[player].whole_gradient(*args)
        return {f"{player}_loss": loss, **metrics, **penalty}

    def first_hyper(self, player: str) -> dict[str, Tensor]:
        """Return the hyperparameters [L] that the player's loss sees when training begins."""
        return self._player_hyper(player, slice(None), torch.zeros(self.width, device=self.device))

    def _progress(self, slot: int, record: Record, begin: int) -> Progress:
        """Summarise the lane's segment, which began after `begin` ticks.

        A bad loss or weight is the cause of its divergence. The learning curve ends before a loss
        that is bad, so that it holds no number that depends on where the segment ended.
        """
        lane, series = self.lane(slot), record.series(slot)
        bad = find_failure(series, lane.means)
        ticks, cause = bad or (lane.ticks, None)
        points = lane.curve.add(series, begin, ticks - bool(bad), cut=bool(bad))
        for name, stack in self.stacks.items():
            largest = float(stack.flat[slot].abs().max())
            # `not <` is also true of a NaN.
            if cause is None and not largest < EXPLODED:
                cause = f"the weights of {name} reached {largest:g} by step {lane.ticks}"
        images = ticks * int(lane.config.batch_size)
        return Progress(ticks, images, lane.means.averages(), cause, points)

    # -- evaluation -----------------------------------------------------------------------

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
    ) -> Any:
        """Call `game.method(nets, *inputs, noise, hyper)` for every lane; `inputs` are shared.

        `slots` are the lanes, by default all occupied ones; results have them in front. A game that
        is conditioned on something gets `given` as its last argument; `UserError` if that is
        missing.
        """
        drawn = self.draw_noise(method, noise, seed=seed, slots=slots)
        return self.call_with(method, drawn, *inputs, slots=slots, hyper=hyper, given=given)

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
        given: Mapping[str, Tensor] | None = None,
    ) -> Any:  # fmt: skip
        """Call a method as `call` does, with noise [L, ...] that is drawn already."""
        chosen, values = self._lanes_called(slots, hyper)
        self._measure_standing(chosen, hyper or {}, given)
        weights = sampling_state(self.stacks, chosen)
        last = self._conditions(given).repeated(len(chosen))
        return self._caller(method, weights, dict(drawn), values, *last, shared=inputs)

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
