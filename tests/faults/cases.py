"""The 28 faults that a sweep is to survive, each a named case with the tests that inject it."""

from collections.abc import Sequence
from dataclasses import dataclass

FAULTS = "tests/driver/test_driver_faults.py"
MIXED = "tests/faults/test_faults_mixed.py::test_a_disturbed_sweep_ends_as_an_undisturbed_one"
POSTGRES = "tests/study/test_study_postgres.py"
LEASES = "tests/study/test_study_leases.py::TestStudy"
CRASH = "tests/study/test_study_crash.py"
JOURNAL = "tests/study/test_study_journal.py"
STORE = "tests/storage/test_storage_errors.py"
CHECKPOINTS = "tests/storage/test_storage_checkpoints.py"
MLFLOW = "tests/tracking/test_tracking_server.py"
PACK = "tests/worker/test_worker_pack_runner.py"
DRAINER = "tests/cluster/test_cluster_drainer.py"
SCALING = "tests/cluster/test_cluster_scaling.py"
PROVIDER = "tests/cluster/test_cluster_provider.py"
HOSTS = "tests/infra/test_infra_cluster.py"
RESUME = "tests/planning/test_planning_resume.py"


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, what passes, and where it is tested."""

    number: int
    name: str
    fault: str
    passes: str
    tests: Sequence[str]
    """Node ids of pytest, each a test that is run as it stands."""


CASES = (
    Case(1, "kill-worker", "SIGKILL of a process that trains, at any step",
         "another goes on from the last checkpoint, to the same numbers",
         (f"{FAULTS}::test_driver_is_interrupted_twice_and_then_coordinator_and_pack_are_killed",
          f"{FAULTS}::test_a_rank_is_killed", f"{MIXED}[without-a-person]",
          f"{MIXED}[twenty-kills]")),
    Case(2, "lose-node", "SIGKILL of all processes of a node of Ray",
         "its trials end elsewhere; the loss counts as its host's",
         (f"{MIXED}[without-a-person]",
          f"{HOSTS}::test_it_outlives_a_host_that_is_cut_off_and_one_that_is_taken_away",
          f"{PACK}::test_trials_of_a_pack_that_lost_its_host_wait_again")),
    Case(3, "spot-notice", "a notice through EventBridge and SQS, or of the host's metadata",
         "a checkpoint of every lane before the deadline; no step is lost, no failure counted",
         (f"{DRAINER}::test_a_warned_node_drains_until_the_deadline",
          f"{DRAINER}::test_a_worker_drains_itself",
          f"{FAULTS}::test_a_pack_leaves_a_draining_node")),
    Case(4, "notice-alone", "a notice that no reclaim follows",
         "the node leaves by itself, and starts its Ray anew; no trial runs twice",
         (f"{FAULTS}::test_a_pack_leaves_a_draining_node",
          "tests/infra/test_infra_onprem.py::test_a_worker_that_has_lost_its_ray_starts_it_again")),
    Case(5, "no-nodes", "SIGKILL of every worker node at once, and none for a minute",
         "trials wait, none fails, and all end once there are nodes again",
         (f"{MIXED}[no-nodes]",)),
    Case(6, "kill-driver", "SIGKILL of the script or its ledger's writer, also within a write",
         "a job goes on by itself once, a script by --resume; no ended trial runs again",
         (f"{FAULTS}::test_a_jobs_driver_and_the_object_server_are_killed",
          "tests/cluster/test_cluster_resumer.py::test_a_killed_job_is_submitted_again_once",
          f"{CRASH}::test_driver_killed_again_and_again_loses_nothing",
          f"{CRASH}::test_journal_cut_anywhere_can_be_reopened",
          "tests/test_files.py::test_a_killed_writer_leaves_the_old_content")),
    Case(7, "lose-head", "the head's host is lost, with its Ray",
         "a new head goes on with what the old one kept",
         (f"{HOSTS}::test_a_new_head_goes_on_with_what_the_old_one_kept",)),
    Case(8, "two-drivers", "a sweep is started while it runs, or its writer is overtaken",
         "the second is refused in a line; the stale one's writes are rejected",
         (f"{LEASES}::test_second_driver_is_refused_by_process_id",
          f"{POSTGRES}::TestDrivers::test_a_second_is_refused_while_the_first_lives",
          f"{POSTGRES}::TestDrivers::test_one_that_another_overtook_ends",
          f"{POSTGRES}::TestDrivers::test_the_key_refuses_whom_a_lock_let_through",
          f"{RESUME}::test_a_sweep_that_runs_elsewhere_is_told")),
    Case(9, "store-away", "503, connections and bodies that are cut, absence, slowness",
         "repeated with jitter and told in a line; no object is torn",
         (f"{STORE}::test_rides_out_a_flaky_server",
          f"{STORE}::test_a_server_that_is_away_is_waited_for_by_a_store_of_more_patience",
          f"{MIXED}[of-the-commit]")),
    Case(10, "torn-objects", "SIGKILL while objects are written; flipped bits, missing objects",
         "the manifest refuses them, the checkpoint before is read; uploads are aborted",
         (f"{CHECKPOINTS}::test_writer_killed_at_any_moment",
          f"{CHECKPOINTS}::test_damaged_object_gives_the_one_before",
          f"{CHECKPOINTS}::test_missing_object_gives_the_one_before",
          f"{CHECKPOINTS}::test_every_flipped_bit_of_a_manifest_is_noticed",
          "tests/infra/test_infra_terraform.py::test_terraforms_own_tests_pass")),
    Case(11, "credentials", "the store refuses the keys, from the start or from some moment on",
         "refused in a line at the start; waited for in a running sweep until they are renewed",
         (f"{STORE}::test_refused_credentials",
          f"{STORE}::test_credentials_that_expire_in_a_running_sweep_are_waited_for")),
    Case(12, "full-disk", "no space left for the ledger or for objects",
         "waited for; nothing is half written, and what was there stays",
         ("tests/test_full_disk.py::test_a_full_disk_is_waited_for",
          f"{STORE}::test_write_beyond_the_disk_waits_and_then_leaves_the_old_object",
          f"{CRASH}::test_full_disk_changes_nothing_in_memory",
          f"{JOURNAL}::test_a_full_disk_takes_no_part_of_a_transaction")),
    Case(13, "tracker-away", "MLflow is killed, frozen, slow, or answers are cut off",
         "training goes on, and MLflow has every step once",
         (f"{MLFLOW}::test_outage_loses_and_repeats_nothing",
          f"{MLFLOW}::test_answers_that_are_cut_off_lose_and_repeat_nothing",
          f"{MLFLOW}::test_a_run_that_fails_holds_up_no_other_and_misses_nothing")),
    Case(14, "tracker-database", "MLflow's database is locked, or MLflow dies within a transaction",
         "what was told is told again, and no row is there twice",
         (f"{MLFLOW}::test_a_locked_database_and_a_death_within_a_write_repeat_nothing",
          f"{MLFLOW}::test_everything_delivered_twice_is_there_once")),
    Case(15, "ledger-database", "PostgreSQL is away, ends connections, or fails over",
         "asked again; no number is given twice, and a standby that lags is noticed",
         (f"{POSTGRES}::TestConnection::test_a_server_that_is_away_is_waited_for",
          f"{POSTGRES}::TestConnection::test_an_append_whose_answer_was_lost_is_made_once",
          f"{POSTGRES}::TestConnection::test_a_standby_that_lagged_is_noticed")),
    Case(16, "not-finite", "losses and metrics that are no finite numbers, reports without any",
         "the trial diverges or fails, the ledger holds no NaN, and the sampler learns it",
         (f"{LEASES}::test_non_finite_objective_is_a_divergence",
          f"{LEASES}::test_completed_without_objective_is_a_failure",
          f"{LEASES}::test_tpe_learns_divergence_as_infeasible",
          "tests/study/test_study_histories.py::test_a_journal_holds_no_nan",
          f"{PACK}::test_a_trial_that_diverges_at_an_early_rung_is_compared_there")),
    Case(17, "hang", "a process that trains stops, and never says anything again",
         "it is killed after a quarter of an hour; its trials go on, and fail if others hang, too",
         ("tests/coordinator/test_coordinator_hangs.py"
          "::test_trials_of_packs_that_hang_again_and_again_fail_with_that_cause",
          f"{MIXED}[hang]")),
    Case(18, "out-of-memory", "the memory of a device or a host does not suffice",
         "the pack goes on with fewer lanes, or its trials are tried alone",
         ("tests/worker/test_worker_memory.py::test_half_of_the_lanes_go_on_and_every_trial_ends_once",
          "tests/worker/test_worker_memory.py::test_one_lane_that_does_not_fit_is_an_error",
          f"{LEASES}::test_a_suspect_comes_alone")),
    Case(19, "poison", "a trial that kills each of its packs",
         "tried alone, and failed at the third death with its cause; the others end",
         (f"{LEASES}::test_poison_trial_fails_after_its_attempts",
          f"{LEASES}::test_a_suspect_comes_alone",
          f"{PACK}::test_a_pack_that_died_leaves_its_traceback_and_its_cause")),
    Case(20, "rpc-chaos", "one in ten of Ray's calls fails before it arrives, or after",
         "the numbers are those of an undisturbed sweep", (f"{MIXED}[rpc-chaos]",)),
    Case(21, "clock-jump", "the wall clock goes forth and back by hours",
         "no lease ends, nothing is spent, and the order of trials is that of their numbers",
         (f"{LEASES}::test_a_wall_clock_that_jumps_ends_no_lease_and_costs_nothing",)),
    Case(22, "interrupt", "Ctrl-C, SIGTERM, `ray job stop`",
         "lanes are saved, and the exit status and a line say how to go on",
         (f"{FAULTS}::test_driver_is_interrupted_twice_and_then_coordinator_and_pack_are_killed",
          f"{FAULTS}::test_job_is_stopped")),
    Case(23, "zombie", "a pack comes back after others, or itself, were given its trials",
         "none of its reports, checkpoints and ends is taken",
         (f"{MIXED}[silence]",
          f"{PACK}::test_a_pack_is_refused_with_what_it_trained_under_an_earlier_lease",
          f"{PACK}::test_a_pack_that_lost_its_trials_drops_them_and_another_goes_on",
          f"{PACK}::test_what_a_lost_pack_still_writes_replaces_nothing",
          f"{LEASES}::test_lease_of_the_same_owner_is_fenced_by_its_attempt")),
    Case(24, "capacity", "no capacity, throttling, a host that never joins",
         "the next pool, pauses, an end to what never joins; caps hold",
         (f"{SCALING}::test_without_capacity_the_next_pool_comes",
          f"{SCALING}::test_what_never_joins_is_ended",
          f"{PROVIDER}::test_a_throttled_launch_is_repeated_as_the_same",
          f"{PROVIDER}::test_caps_hold",
          "tests/cluster/test_cluster_cost.py::test_a_sweep_stops_within_its_bound")),
    Case(25, "changed", "another script, space, data set or version after a crash",
         "refused with what differs, or told",
         (f"{RESUME}::test_a_resumed_sweep_is_not_changed",
          f"{RESUME}::test_a_changed_script_is_told",
          f"{LEASES}::test_another_spec_shows_the_difference",
          "tests/study/test_study_histories.py::test_a_sweep_knows_each_change_of_libraries")),
    Case(26, "damaged-ledger", "a ledger that is cut, damaged, or of an earlier version",
         "told in a line, or read as far as it is whole; nothing begins anew in silence",
         (f"{JOURNAL}::test_a_damaged_record_is_told_and_what_came_before_it_can_be_kept",
          f"{CRASH}::test_journal_cut_anywhere_can_be_reopened",
          f"{POSTGRES}::TestTable::test_an_older_ledger_is_told",
          "tests/compat/test_stored_sweeps.py::test_trials_go_on_from_their_checkpoints")),
    Case(27, "many-short-trials", "10,000 trials of a second, on sixteen lanes",
         "what is not training is less than 28 %, and memory stays flat",
         ("tests/test_benchmarks.py::test_ten_thousand_short_trials_cost_little_beside_their_training",)),
    Case(28, "soak", "many of these at random times, by a seed",
         "seven invariants hold; the seed is printed, and replays the schedule",
         (f"{MIXED}[of-the-commit]", f"{MIXED}[failed-once]", f"{MIXED}[without-a-person]")),
)  # fmt: skip
"""As they are numbered in the survey of what peers survive."""


def find_case(name: str) -> Case:
    """Return the case of that name.

    >>> find_case("zombie").number
    23
    """
    return next(case for case in CASES if case.name == name)


def as_table() -> str:
    """Write the cases, each with its tests, as text."""
    lines = []
    for case in CASES:
        lines += [f"{case.number:2d} {case.name}: {case.fault}", f"   passes: {case.passes}"]
        lines += [f"   {test}" for test in case.tests]
    return "\n".join(lines)
