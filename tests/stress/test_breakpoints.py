"""Breakpoints: planted crossings lie inside the reported range, or the search says that it cannot tell."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from maso.stress.breakpoints import RUNS_MAX, TOLERANCE, Breakpoint, Search

SIZES = (5, 10, 20, 50, 100, 200, 500, 1_000)
Growth = Callable[[float], float]

RISING: dict[str, Growth] = {
    "linear": lambda n: 3 * n,
    "linearithmic": lambda n: n * math.log(n),
    "quadratic": lambda n: n * n,
    "pairs": lambda n: n * (n - 1) / 2,
    "cubic": lambda n: n**3,
    "offset": lambda n: 100 + n,
    "root": math.sqrt,
    "logarithmic": lambda n: 2 * math.log(n),
}
# Where a budget near the middle of the growth is met steeply enough for 5% noise and 28 runs.
STEEP = ("linear", "linearithmic", "quadratic", "pairs", "cubic")


def driven(
    search: Search, growth: Growth, noise: float = 0.0, seed: int = 0
) -> tuple[Breakpoint, list[tuple[int, int]]]:
    """The search's answer when `growth` with noise is what is run, and all runs in their order."""
    draw = np.random.default_rng(seed)
    made: list[tuple[int, int]] = []
    while runs := search.wanted():
        for size, run_seed in runs:
            search.tell(size, run_seed, growth(size) * math.exp(noise * draw.standard_normal()))
        made += runs
    return search.result(), made


def search_for(budget: float, **changed: object) -> Search:
    settings: dict[str, object] = {
        "direction": "max", "sizes": SIZES, "size_max": 1_000, "exact": False, "seeds": (1, 2, 3),
    }  # fmt: skip
    return Search(budget=budget, **(settings | changed))  # type: ignore[arg-type]


def holds(found: Breakpoint, crossing: float) -> bool:
    low = -math.inf if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    return low <= crossing <= high


def narrow(found: Breakpoint) -> bool:
    """10% either side of the middle, or one whole size either side."""
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low <= max(2, TOLERANCE * (found.high + found.low))


def planted(seed: int) -> float:
    """A crossing anywhere between the sizes, on a logarithmic scale."""
    return math.exp(np.random.default_rng(50_000 + seed).uniform(math.log(8), math.log(900)))


# --- with noise ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STEEP)
def test_a_planted_breakpoint_is_measured_in_95_of_100_seeds(name: str) -> None:
    growth, right = RISING[name], 0
    for seed in range(100):
        crossing = planted(seed)
        found, _ = driven(search_for(growth(crossing)), growth, 0.05, seed)
        right += found.kind == "measured" and holds(found, crossing) and narrow(found)
    assert right >= 95, right


def test_a_planted_breakpoint_of_a_falling_rate() -> None:
    right = 0
    for seed in range(100):
        crossing = planted(seed)
        search = search_for(60 / crossing, direction="min")
        found, _ = driven(search, lambda n: 60 / n, 0.05, seed)
        right += found.kind == "measured" and holds(found, crossing) and narrow(found)
    assert right >= 95, right


@pytest.mark.parametrize("noise", [0.01, 0.05])
@pytest.mark.parametrize(
    ("growth", "crossings"),
    [
        (lambda n: min(n, 300.0), (8, 260)),
        (lambda n: 1 + 50 * max(0.0, n / 180 - 1), (183, 900)),
        (lambda n: 1.0 if n < 437 else 30.0, (436.5, 436.5)),
    ],
    ids=["capped", "exploding", "step"],
)
def test_a_planted_breakpoint_at_a_corner(
    growth: Growth, crossings: tuple[float, float], noise: float
) -> None:
    right = 0
    for seed in range(100):
        crossing = math.exp(np.random.default_rng(seed).uniform(*(math.log(end) for end in crossings)))  # type: ignore[call-overload]
        budget = 5.0 if growth(436) < 1.1 else growth(crossing)
        found, _ = driven(search_for(budget), growth, noise, seed)
        right += found.kind == "measured" and holds(found, crossing) and narrow(found)
    assert right >= 95, right


@pytest.mark.parametrize("name", RISING)
@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_whatever_the_noise_the_range_holds_the_crossing(name: str, noise: float) -> None:
    growth, wrong = RISING[name], 0
    for seed in range(100):
        crossing = planted(seed)
        found, _ = driven(search_for(growth(crossing)), growth, noise, seed)
        assert found.kind in ("measured", "unresolved")
        assert found.kind == "unresolved" or narrow(found)
        wrong += not holds(found, crossing)
    assert wrong <= 5, wrong


def test_where_noise_forbids_a_range_it_says_so() -> None:
    found, made = driven(search_for(RISING["logarithmic"](300)), RISING["logarithmic"], 0.2, 1)
    assert found.kind == "unresolved"
    assert found.why.startswith("28 runs beyond the sweep leave a range wider than 10% either side")
    assert len(made) == len(SIZES) * 3 + RUNS_MAX


def test_two_close_sides_that_the_runs_around_them_do_not_support_are_not_taken() -> None:
    """Two runs at 386 and at 440 happen to agree, as far from the budget as sizes much further away are."""
    search = search_for(400)
    for size in SIZES:
        for seed, off in ((1, 0.88), (2, 1.0), (3, 1.14)):
            search.tell(size, seed, size * off)
    for size, seed, value in ((386, 1, 215), (386, 2, 235), (440, 1, 690), (440, 2, 730)):
        search.tell(size, seed, value)
    assert any(380 <= size <= 450 for size, _ in search.wanted())
    assert search.result().kind == "unresolved"


def test_a_budget_on_a_plateau_is_unresolved() -> None:
    found, _ = driven(search_for(100), lambda n: 100.0, 0.05, 1)
    assert found.kind == "unresolved"


def test_one_seed_is_replicated_to_know_the_noise() -> None:
    found, made = driven(search_for(600, seeds=(4,)), RISING["linear"], 0.05, 1)
    assert found.kind == "measured"
    assert holds(found, 200)
    assert {seed for _, seed in made} >= {4, 5, 6}


# --- exact counts ----------------------------------------------------------------------------------------


@given(
    st.floats(0.3, 3.5),
    st.floats(0, 1_000),
    st.integers(6, 19_999),
    st.sampled_from(["max", "min"]),
)
def test_an_exact_breakpoint_is_between_consecutive_sizes(
    power: float, offset: float, crossing: int, direction: str
) -> None:
    sizes = (5, 20, 100, 500, 2_000, 20_000)

    def growth(n: float) -> float:
        value = offset + n**power
        return value if direction == "max" else 1 / value

    assume(growth(crossing) != growth(crossing + 1) and growth(crossing) != growth(crossing - 1))
    search = search_for(growth(crossing), direction=direction, sizes=sizes, size_max=20_000, exact=True)
    found, made = driven(search, growth)
    assert (found.low, found.high, found.kind) == (crossing, crossing + 1, "measured")
    assert len(made) == len(set(made)) <= len(sizes) + RUNS_MAX
    assert {(crossing, 1), (crossing + 1, 1)} <= set(found.runs) <= set(made)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.7, 2.0, 3.0])
@pytest.mark.parametrize("crossing", [6, 77, 801, 6_410, 19_000])
def test_a_smooth_count_takes_few_runs(power: float, crossing: int) -> None:
    """A bisection of such brackets takes up to 14."""
    sizes = (5, 20, 100, 500, 2_000, 20_000)
    search = search_for(405 + crossing**power, sizes=sizes, size_max=20_000, exact=True)
    found, made = driven(search, lambda n: 405 + n**power)
    assert (found.low, found.high) == (crossing, crossing + 1)
    assert len(made) - len(sizes) <= 10


def test_a_step_in_an_exact_count_is_found_too() -> None:
    found, made = driven(
        search_for(0, exact=True, sizes=(5, 100, 20_000), size_max=20_000),
        lambda n: 0.0 if n < 4_321 else 7.0,
    )
    assert (found.low, found.high) == (4_320, 4_321)
    assert len(made) <= 3 + RUNS_MAX


def test_the_budget_itself_is_within_the_budget() -> None:
    found, _ = driven(search_for(150, exact=True), RISING["linear"])
    assert (found.low, found.high) == (50, 51)
    found, _ = driven(search_for(0.02, exact=True, direction="min"), lambda n: 1 / n)
    assert (found.low, found.high) == (50, 51)


# --- edges of the sweep ----------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_over_the_budget_from_the_start(noise: float) -> None:
    found, made = driven(search_for(1.0, exact=noise == 0), RISING["linear"], noise)
    assert (found.low, found.high, found.kind) == (0, 5, "measured")
    assert found.why == "over the budget from the smallest size on, 5"
    assert len(made) <= len(SIZES) * 3


def test_the_first_of_several_crossings_is_given() -> None:
    def growth(n: float) -> float:
        return 3 * n if n < 300 else 0.2 * n

    found, _ = driven(search_for(360), growth, 0.03, 2)
    assert found.kind == "measured"
    assert holds(found, 120)
    assert "it is within the budget again at 500, the first crossing is given" in found.why


def test_larger_sizes_are_run_before_anything_is_extrapolated() -> None:
    search = search_for(6_000, size_max=20_000)
    found, made = driven(search, RISING["linear"], 0.05, 3)
    assert found.kind == "measured"
    assert holds(found, 2_000)
    assert max(size for size, _ in made) < 6_000


def test_no_size_beyond_the_largest_legal_one_is_run() -> None:
    found, made = driven(search_for(6_000, size_max=1_700), RISING["linear"], 0.05, 3)
    assert max(size for size, _ in made) == 1_700
    assert found.kind == "extrapolated"
    assert holds(found, 2_000)
    assert found.factor == pytest.approx(2_000 / 1_700, rel=0.05)
    assert "the fit (linear) meets it at" in found.why


@pytest.mark.parametrize("name", ["linear", "linearithmic", "quadratic"])
def test_an_extrapolated_range_holds_the_crossing(name: str) -> None:
    growth, right = RISING[name], 0
    for seed in range(40):
        found, _ = driven(search_for(growth(4_000)), growth, 0.05, seed)
        right += found.kind == "extrapolated" and holds(found, 4_000)
    assert right >= 38, right


def test_a_constant_has_no_breakpoint() -> None:
    found, made = driven(search_for(100, size_max=20_000), lambda n: 7.0, 0.05)
    assert (found.low, found.high, found.kind) == (None, None, "none")
    assert found.why == "within the budget up to 1000, the largest size run; its class is constant"
    assert len(made) == len(SIZES) * 3


def test_what_moves_away_from_the_budget_has_no_breakpoint() -> None:
    found, _ = driven(search_for(100, size_max=5_000), lambda n: 50 / n, 0.02)
    assert found.kind == "none"
    assert "moves away from the budget" in found.why


def test_an_extrapolation_stops_at_a_hundred_times_the_largest_run() -> None:
    found, _ = driven(search_for(3 * 90_000), RISING["linear"], 0.02)
    assert found.kind == "extrapolated"
    found, _ = driven(search_for(3 * 110_000), RISING["linear"], 0.02)
    assert found.kind == "none"
    assert found.why.endswith("linear, it meets it over 100 times further, or never")


def test_a_ceiling_below_the_budget_is_never_crossed() -> None:
    found, _ = driven(search_for(500), lambda n: min(n, 130.0), 0.02)
    assert found.kind == "none"


def test_an_unresolved_class_is_not_extrapolated() -> None:
    found, made = driven(search_for(100), math.sqrt, 0.02)
    assert found.kind == "none"
    assert found.why.endswith("its class is unresolved")
    assert len(made) == len(SIZES) * 3


def test_failures_that_begin_at_a_capacity() -> None:
    search = search_for(0)
    found, _ = driven(search, lambda n: 0.0 if n < 437 else n - 400)
    assert found.kind == "measured"
    assert holds(found, 436.5)


# --- the search as an object -----------------------------------------------------------------------------


def test_runs_known_beforehand_are_not_asked_for() -> None:
    search = search_for(600, exact=True)
    for size in SIZES:
        search.tell(size, 1, 3 * size)
    assert all(size not in SIZES for size, _ in search.wanted())


@given(st.permutations(range(len(SIZES) * 3)))
def test_the_order_of_telling_changes_nothing(order: Sequence[int]) -> None:
    draw = np.random.default_rng(7)
    told = [
        (size, seed, 3 * size * math.exp(0.05 * draw.standard_normal()))
        for size in SIZES
        for seed in (1, 2, 3)
    ]
    first, second = search_for(700), search_for(700)
    for run in told:
        first.tell(*run)
    for at in order:
        second.tell(*told[at])
    assert first.wanted() == second.wanted()
    assert first.result() == second.result()


@given(
    st.lists(st.floats(-10, 1e6), min_size=3, max_size=40),
    st.floats(-5, 1e6),
    st.sampled_from(["max", "min"]),
    st.booleans(),
)
def test_any_values_come_to_an_end(values: list[float], budget: float, direction: str, exact: bool) -> None:
    search = search_for(
        budget, direction=direction, exact=exact, sizes=(5, 20, 80), size_max=300, runs_max=12
    )
    made: list[tuple[int, int]] = []
    while runs := search.wanted():
        for size, seed in runs:
            search.tell(size, seed, values[(size * 7 + seed) % len(values)])
        made += runs
        assert all(1 <= size <= 300 for size, _ in runs)
    assert len(made) == len(set(made)) <= 9 + 12
    found = search.result()
    if found.kind == "measured":
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.high
    assert found.why


def test_two_searches_with_the_same_runs_agree() -> None:
    results = [driven(search_for(700), RISING["linear"], 0.05, 9) for _ in range(2)]
    assert results[0] == results[1]


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one size above zero and one seed"):
        search_for(1, sizes=())
    with pytest.raises(ValueError, match="a run's value must be finite; got `nan` at size 5, seed 1"):
        search_for(1).tell(5, 1, math.nan)
    assert search_for(1).result() == Breakpoint(low=None, high=None, kind="unresolved", why="nothing was run")
