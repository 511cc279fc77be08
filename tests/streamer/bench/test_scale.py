"""The fleet of `bench scale`: Erlang's formulas by hand, a lost zone by hand, and what holds for every plan."""

import math
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.streamer.bench.fleet import Plan, simulate
from emoscope.streamer.bench.queueing import erlang_b, erlang_c, mean_wait_s
from emoscope.streamer.bench.scale import MS_A_SECOND, Fleet, lines, scenarios
from emoscope.streamer.cli.main import main

STILL = Plan(room=100, streams=150, mean_s=math.inf, duration_s=200.0)
"""Three zones with room for 300, half full; nobody comes and nobody goes."""


def test_erlangs_formulas_are_those_of_small_systems_by_hand() -> None:
    """One server: a / (1 + a). Two servers and one erlang: (1/2) / (1 + 1 + 1/2) = 1/5, of whom 1/3 wait."""
    assert erlang_b(1, 1.0) == pytest.approx(1 / 2)
    assert erlang_b(1, 3.0) == pytest.approx(3 / 4)
    assert erlang_b(2, 1.0) == pytest.approx(1 / 5)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert mean_wait_s(2, 1.0, 3.0) == pytest.approx(1.0)  # C s / (n - a)
    assert mean_wait_s(1, 0.5, 1.0) == pytest.approx(1.0)  # M/M/1: rho s / (1 - rho)
    assert (erlang_b(0, 1.0), erlang_c(2, 2.0), mean_wait_s(1, 1.0, 1.0)) == (1.0, 1.0, math.inf)
    with pytest.raises(ValueError, match="negative"):
        erlang_b(1, -1.0)


@given(st.integers(1, 300), st.floats(0.01, 400.0))
def test_erlangs_b_is_the_ratio_of_the_poisson_terms(servers: int, offered: float) -> None:
    logs = [k * math.log(offered) - math.lgamma(k + 1) for k in range(servers + 1)]
    top = max(logs)
    expected = math.exp(logs[-1] - top) / math.fsum(math.exp(each - top) for each in logs)
    assert erlang_b(servers, offered) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert erlang_b(servers, offered) <= erlang_c(servers, offered) <= 1.0


def test_the_share_that_finds_no_room_is_erlangs() -> None:
    """One zone without faults is M/M/n/n, up to the step of time."""
    room, streams = 10, 8
    plan = Plan(zones=1, room=room, streams=streams, mean_s=10.0, duration_s=10_000.0, step_s=0.1)
    outcome = simulate(plan, seed=1)
    arrived = outcome.began - streams + outcome.refused
    assert arrived == pytest.approx(streams / 10.0 * 10_000.0, rel=0.05)
    assert outcome.refused / arrived == pytest.approx(erlang_b(room, float(streams)), rel=0.1)


def test_as_many_are_open_as_littles_law_says() -> None:
    plan = Plan(zones=2, room=20_000, streams=10_000, mean_s=60.0, duration_s=600.0)
    assert simulate(plan).open == pytest.approx(10_000, rel=0.05)


def test_of_a_lost_zone_as_many_come_back_as_there_is_room_for() -> None:
    """Of 150 streams 50 are cut, and 100 places are free elsewhere. Of 240, 80 are cut, and 40 places are free."""
    lost = replace(STILL, lost_zone_at=10.0)
    outcome = simulate(lost)
    assert (outcome.resumed, outcome.lost, outcome.open, outcome.busiest) == (50, 0, 150, 0.75)
    outcome = simulate(replace(lost, streams=240))
    assert (outcome.resumed, outcome.lost, outcome.open, outcome.busiest) == (40, 40, 200, 1.0)


def test_a_zone_that_is_back_within_the_time_to_live_loses_nobody() -> None:
    outcome = simulate(replace(STILL, streams=300, lost_zone_at=10.0, back_at=40.0))
    assert (outcome.resumed, outcome.lost, outcome.open) == (100, 0, 300)
    outcome = simulate(replace(STILL, streams=300, lost_zone_at=10.0, back_at=90.0))
    assert (outcome.resumed, outcome.lost, outcome.open) == (0, 100, 200)


def test_what_the_cut_ones_bring_is_computed_by_what_live_audio_leaves() -> None:
    """All 50 come back after 1 s, with 1 s of audio each; 200 places compute 400 streams, of which 150 are live."""
    outcome = simulate(replace(STILL, lost_zone_at=10.0, spread_s=1.0, real_time=2.0))
    assert (outcome.backlog_s, outcome.lag_s, outcome.behind_s) == (50.0, 50.0 / 250.0, 1.0)


def test_servers_that_are_drained_in_turns_lose_nobody_where_there_is_room() -> None:
    """A tenth of each zone at a time: only what does not fit beside it moves."""
    drained = replace(STILL, drain_at=10.0, drain_share=0.1, drain_s=5.0)
    assert simulate(drained).resumed == 0
    full = simulate(replace(drained, streams=290))
    assert full.resumed > 0 and (full.lost, full.open, full.away) == (0, 290, 0)


plans = st.builds(
    Plan,
    zones=st.integers(1, 4),
    room=st.integers(10, 500),
    streams=st.integers(0, 10),
    mean_s=st.sampled_from([2.0, 30.0, 300.0, math.inf]),
    duration_s=st.floats(1.0, 150.0),
    step_s=st.sampled_from([0.5, 1.0]),
    lost_zone_at=st.none() | st.floats(0.0, 100.0),
    back_at=st.none() | st.floats(0.0, 150.0),
    drain_at=st.none() | st.floats(0.0, 60.0),
    drain_share=st.sampled_from([0.0, 0.1, 0.5]),
    drain_s=st.sampled_from([0.0, 5.0]),
    spread_s=st.floats(0.1, 30.0),
    retry_s=st.floats(0.1, 20.0),
)


@given(plans, st.floats(0.0, 1.0), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_no_session_is_made_or_forgotten(plan: Plan, full: float, seed: int) -> None:
    """Each that began has ended, is open, is on its way back, or was lost; and the same seed gives the same run."""
    plan = replace(plan, streams=int(full * plan.zones * plan.room))
    outcome = simulate(plan, seed)
    assert outcome.began == outcome.ended + outcome.open + outcome.away + outcome.lost
    assert min(outcome.open, outcome.away, outcome.lost, outcome.refused) >= 0
    assert outcome == simulate(plan, seed)


@pytest.mark.parametrize("changes", [{"zones": 0}, {"streams": 301}, {"step_s": 0.0}])
def test_a_plan_that_makes_no_sense_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a fleet needs"):
        simulate(replace(STILL, **changes))  # type: ignore[arg-type]


def test_a_fleet_is_as_large_as_its_costs_say() -> None:
    """600 ms of each second of a core, divided by what a stream takes; two of three zones carry everything."""
    fleet = Fleet(streams=1_000, cores=4, zones=3, headroom=0.0, hour=0.5)
    assert fleet.streams_a_core == pytest.approx(600 / sum(MS_A_SECOND.values()))
    assert fleet.room == 500
    assert fleet.machines == 3 * math.ceil(500 / (4 * fleet.streams_a_core))
    assert fleet.price == fleet.machines * 4 * 0.5
    assert Fleet(streams=1).price is None


def test_a_million_streams_survive_a_lost_zone_and_take_seconds_to_simulate() -> None:
    """Nobody is refused or lost, and what they bring is computed within a few seconds."""
    began = time.process_time()
    outcomes = scenarios(Fleet(streams=1_000_000), mean_s=300.0)
    assert time.process_time() - began < 30.0
    assert all(outcome.lost == outcome.refused == 0 and outcome.lag_s < 5.0 for outcome in outcomes.values())
    assert outcomes["a zone is lost"].resumed > 300_000


def test_the_table_names_what_it_needs_to_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "scale", "--streams", "2000"]) == 0
    assert "unknown: give --hour" in capsys.readouterr().out
    assert any(line.startswith("machines of 8 cores") for line in lines(Fleet(streams=2_000, cores=8), 60.0))
