"""A pack: a fixed number of lanes, one trial in each, all stepped as one computation.

`run` plans the turns of many ticks, draws their noise and data order on the host, copies these to
the device, and then replays one traced turn after the other without waiting. A trial's bits depend
on its configuration, seed and progress; not on its slot, its neighbours, or when they came.

L lanes, B batch.
"""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.game import DataShape, Model
from gensweep.lanes._batches_and_noise import LaneInputs, NoiseBuffers, Ranks, Source
from gensweep.lanes._check_players import check_budget, check_players
from gensweep.lanes._generators import derive_seed
from gensweep.lanes._graph import cuda_capture
from gensweep.lanes._initial_weights import check_copy, check_network, initial_network
from gensweep.lanes._joint_turn import JointTurn
from gensweep.lanes._lane import Lane, check_fits
from gensweep.lanes._lane_index import ALL, LaneIndex
from gensweep.lanes._penalty import EVERYWHERE
from gensweep.lanes._precision import matmul_precision, precision_of
from gensweep.lanes._record import EXPLODED, Progress, Record, find_failure
from gensweep.lanes._sampled_lanes import SampledLanes
from gensweep.lanes._schedule import own_progress, update_order
from gensweep.lanes._spectral_norm import SPECTRAL_NORM, has_matrices, spectral_norm
from gensweep.lanes._state import LaneState
from gensweep.lanes._step_plan import Step, StepPlan
from gensweep.lanes._turn import MEASURED, Turn
from gensweep.lanes._update_ratio import UPDATE_RATIO, UpdateRatio
from gensweep.precision import FEWEST
from gensweep.space import Space, with_scope


class Pack(SampledLanes):
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
        super().__init__(model, config, data, width=width, space=space, device=device, trace=trace)
        self.source, self.ranks = source, ranks or Ranks()
        self.precision = precision_of(precision, self.device)
        self.inputs = LaneInputs(self.game.noise, int(config.batch_size), width, self.ranks)
        self._make_turns(trace=trace)
        self._check_networks()
        self.sparse = self.device.type == "cpu"
        """Whether lanes that rest are left out: a GPU takes no longer for them, and would capture a
        graph for each number of lanes."""
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
