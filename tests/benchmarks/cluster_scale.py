"""A sweep of 100,000 trials on 1,000 GPUs, on paper: what is busy first, and when GPUs wait for it.

    gensweep up && python tests/benchmarks/cluster_scale.py [--gpus 1000] [--trials 100000]

Measured here, with the platform's own code: each answer of a sweep's coordinator (over a journal,
and over PostgreSQL where its programs are), the tracker against a running MLflow server, a pack's
checkpoint in the store, a call of Ray. Simulated, with these costs, on a clock that does not run:
packs of `--width` lanes, one on each GPU, that train, report, rest, are pruned by `asha` and are
refilled; the coordinator answers one call at a time. Assumed: how long a whole trial trains
(`--trial-s`), and that costs here are those of the head. Of S3 only its stated limits of requests
count.

The whole size is simulated with the journal and the sampler of quasi-random points; other ledgers
and samplers have their costs, the load that they would see, and `largest_gpus`. TPE is measured
after `--finished` trials and with `--tpe-packs` packs, as its suggestions cost more of both.
`starts` is how long Tune takes until all packs run, of trivial packs on this machine, and
`starts.driver_s` what its loop alone would take for `--gpus` packs whose hosts start them at once:
as its law in packs and in pairs of packs says, which is fitted to `--starts`.
`idle` is the share of lane-seconds lost to the coordinator between the first and the last trial
handed out; `fill_s` is how long until every pack has its first trials. `load` is the busy share of
the coordinator, and the work that comes in for the tracker in a second: it lags, and no lane waits
for it. `offered` is what each part would have to do if nobody waited, and `bottlenecks` is in its
order, the next bottleneck first; `offered.coordinator.*` are its parts. `largest_gpus` is what
keeps `idle` under 2 %; `full` is how many would keep a part busy all the time. Equal quality: the
simulation ended every trial, once, and the coordinator never did two things at a time.
"""

import argparse
import json
import os
from dataclasses import replace
from typing import Any

from machine import machine
from scale import postgres
from scale.coordinator import Stopwatch, coordinator_costs
from scale.pack_starts import law, pack_starts
from scale.packs import Costs, Size, World, simulate
from scale.services import call_seconds, store_costs, tracker_seconds

from gensweep.stack_env import apply_env
from gensweep.storage import open_store
from gensweep.worker._coordinator_client import CHECKPOINT_S

TRACKED = 12
"""Trials with which the tracker is measured, once for each number of reports."""
S3_PER_S = {"write": 3500.0, "read": 5500.0}
"""Requests a second that S3 states for one prefix: PUT, LIST and the like, and GET and HEAD."""
IDLE = 0.02


def costs_of(watch: Stopwatch, call: float) -> Costs:
    return Costs(
        call=call, beat=watch.mean("beat"), summary=watch.line("summary")[1],
        **{name: watch.line(name) for name in ("lease", "report", "checkpoint", "finish")},
    )  # fmt: skip


def trial_seconds(costs: Costs, size: Size) -> float:
    """Of the coordinator, for a mean trial whose calls are about it alone."""
    once = costs.lease, costs.finish
    calls = [(1.0, pair) for pair in once] + [(size.reports, costs.report)]
    return sum(count * (costs.call + fixed + each) for count, (fixed, each) in calls)


def standing_load(costs: Costs, size: Size) -> float:
    """The coordinator's busy share by heartbeats and checkpoints."""
    beat = (costs.call + costs.beat) / size.beat_s
    fixed, each = costs.checkpoint
    return size.gpus * (beat + (costs.call + fixed + each * size.width) / CHECKPOINT_S)


def offered(costs: Costs, size: Size) -> float:
    """The coordinator's busy share if nobody had to wait for it."""
    return trial_rate(size) * trial_seconds(costs, size) + standing_load(costs, size)


def trial_rate(size: Size) -> float:
    """Trials that end in a second if nobody has to wait."""
    return size.gpus * size.width / size.mean_s


def offered_parts(costs: Costs, size: Size) -> dict[str, float]:
    """What `offered` consists of: Ray's part of the calls, and the coordinator's own."""
    calls = trial_rate(size) * (2 + size.reports) + size.gpus * (1 / size.beat_s + 1 / CHECKPOINT_S)
    silent = replace(costs, call=0.0)
    return {"calls": calls * costs.call, "standing": standing_load(silent, size),
            "trials": trial_rate(size) * trial_seconds(silent, size)}  # fmt: skip


def largest(size: Size, costs: Costs) -> int:
    """GPUs that keep idle lanes under `IDLE`, to a tenth; at most eight times as many as asked."""
    low, high = 0, 8 * size.gpus
    gpus = min(high, max(1, round(0.7 * size.gpus / offered(costs, size))))
    while high > low + 1 and high > 1.1 * low:
        world = simulate(replace(size, gpus=gpus, trials=size.trials * gpus // size.gpus), costs)
        low, high = (gpus, high) if world.idle < IDLE else (low, gpus)
        gpus = min(round(1.4 * low), (low + high) // 2) if low else max(1, high // 2)
    return low


def coordinator_watches(args: argparse.Namespace) -> dict[str, Stopwatch]:
    """The coordinator as it was measured, for each ledger and sampler."""
    for sampler in ("qmc", "tpe"):  # what is imported at first use is not timed
        coordinator_costs(3 * args.width, args.width, sampler)
    found = {
        "journal": coordinator_costs(args.measured, args.width, "qmc"),
        "tpe": coordinator_costs(args.measured, args.width, "tpe", finished=args.finished,
                                 packs=args.tpe_packs),
    }  # fmt: skip
    if (programs := postgres.programs()) is not None:
        with postgres.server(programs, durable=True) as url:
            found["postgres"] = coordinator_costs(args.measured, args.width, "qmc", url)
    return found


def measured_costs(args: argparse.Namespace) -> tuple[dict[str, Costs], dict[str, float]]:
    """The coordinator's costs for each ledger and sampler, and figures of everything else."""
    call, trip = call_seconds(args.calls)
    watches = coordinator_watches(args)
    costs = {name: costs_of(watch, call) for name, watch in watches.items()}
    one, requests = tracker_seconds(TRACKED, 1)
    four, _ = tracker_seconds(TRACKED, 4)
    lane_bytes = int(args.lane_mib * 2**20)
    store = store_costs(open_store(os.environ["GENSWEEP_STORE"]), args.width, lane_bytes, 4)
    told = {"ray.call_ms": 1e3 * call, "ray.round_trip_ms": 1e3 * trip,
            "tracker.trial_ms": 1e3 * one, "tracker.report_ms": 1e3 * max(0.0, four - one) / 3,
            "tracker.requests": requests, "store.checkpoint_ms": 1e3 * store.pop("seconds"),
            **{f"store.{name}": value for name, value in store.items()},
            **{f"{name}.cpu_ms": 1e3 * watch.cpu_s for name, watch in watches.items()},
            **{f"{name}.wall_ms": 1e3 * one.wall_s for name, one in watches.items()}}  # fmt: skip
    rest = {"tracker": one, "tracker_report": max(0.0, four - one) / 3,
            "store": told["store.checkpoint_ms"] / 1e3}  # fmt: skip
    return {name: replace(each, **rest) for name, each in costs.items()}, told


def coordinator_figures(name: str, costs: Costs, size: Size) -> dict[str, float]:
    each = {op: 1e3 * sum(getattr(costs, op)) for op in ("lease", "report", "finish")}
    each |= {"beat": 1e3 * costs.beat, "checkpoint_lane": 1e3 * costs.checkpoint[1],
             "checkpoint_call": 1e3 * costs.checkpoint[0], "summary_10k": 1e7 * costs.summary,
             "trial": 1e3 * trial_seconds(costs, size)}  # fmt: skip
    return {f"{name}.{op}_ms": value for op, value in each.items()}


def offered_loads(costs: Costs, size: Size, told: dict[str, float]) -> dict[str, float]:
    """The busy share of each part if nobody had to wait for another."""
    trial = costs.tracker + costs.tracker_report * (size.reports - 1)
    saves = size.gpus / CHECKPOINT_S
    s3 = {f"store.{kind}": saves * told[f"store.{kind}"] / most for kind, most in S3_PER_S.items()}
    tracker = trial_rate(size) * trial
    return {"coordinator": offered(costs, size), "tracker": tracker, **s3}


def start_figures(args: argparse.Namespace) -> dict[str, float]:
    """How long Tune takes to start packs, here and by its law."""
    measured = [pack_starts(packs) for packs in args.starts]
    each, pair = law(measured)
    found = {f"starts.{one.packs}_s": one.seconds for one in measured}
    found |= {f"starts.{one.packs}_driver_s": one.driver_s for one in measured}
    return found | {"starts.each_ms": 1e3 * each, "starts.pair_us": 1e6 * pair,
                    "starts.driver_s": args.gpus * each + args.gpus**2 * pair}  # fmt: skip


def simulated(world: World, told: dict[str, float]) -> dict[str, float]:
    waits = world.waits
    most = len(waits) - 1
    return {
        "load.coordinator": world.load, "load.tracker": world.tracker.busy / world.emptied_at,
        "store.mib_per_s": told["store.mib"] * world.size.gpus / CHECKPOINT_S,
        "idle": world.idle, "fill_s": world.filled_at, "hours": world.clock.now / 3600,
        "trials_per_s": world.size.trials / world.emptied_at,
        "wait_p50_ms": 1e3 * waits[most // 2], "wait_p99_ms": 1e3 * waits[most * 99 // 100],
        "tracker_lag_hours": max(0.0, world.tracker.idle_at - world.clock.now) / 3600,
    }  # fmt: skip


def sound(world: World) -> bool:
    """Whether each trial ended once, and no more was asked of the coordinator than it answered."""
    whole = world.ended == world.handed == world.size.trials
    return whole and world.coordinator.busy <= world.clock.now


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gpus", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=16, help="lanes on each GPU")
    parser.add_argument("--trial-s", type=float, default=1800.0, help="training of a whole trial")
    parser.add_argument("--lane-mib", type=float, default=1.0, help="of a lane's checkpoint")
    parser.add_argument(
        "--measured", type=int, default=1000, help="trials the coordinator is timed with"
    )
    parser.add_argument("--finished", type=int, default=10_000, help="trials before TPE is timed")
    parser.add_argument("--tpe-packs", type=int, default=64, help="packs while TPE is timed")
    parser.add_argument("--starts", type=int, nargs="*", default=[8, 16, 32],
                        help="packs whose start by Tune is timed")  # fmt: skip
    parser.add_argument("--calls", type=int, default=3000, help="of Ray's actor")
    args = parser.parse_args()
    if args.trials < 3 * args.gpus * args.width:
        parser.error(f"--trials {args.trials}: {args.gpus} GPUs of {args.width} lanes want at "
                     f"least {3 * args.gpus * args.width}, three for each lane.")  # fmt: skip
    return args


def main() -> None:
    args = arguments()
    apply_env()
    costs, told = measured_costs(args)
    size = Size(gpus=args.gpus, width=args.width, trials=args.trials, trial_s=args.trial_s)
    figures: dict[str, Any] = dict(told)
    for name, each in costs.items():
        figures |= coordinator_figures(name, each, size)
        figures[f"{name}.offered_load"] = offered(each, size)
        figures[f"{name}.largest_gpus"] = largest(size, each)
    world = simulate(size, costs["journal"])
    figures |= simulated(world, told)
    busy = offered_loads(costs["journal"], size, told)
    figures |= {f"offered.{part}": load for part, load in busy.items()}
    parts = offered_parts(costs["journal"], size)
    figures |= {f"offered.coordinator.{part}": load for part, load in parts.items()}
    figures |= start_figures(args) if args.starts else {}
    figures |= {f"full.{part}_gpus": size.gpus / load for part, load in busy.items()}
    print(json.dumps({
        "benchmark": "cluster_scale", "figures": figures, "ratios": {},
        "equal_quality": sound(world),
        "bottlenecks": sorted(busy, key=lambda part: -busy[part]), "machine": machine(),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
