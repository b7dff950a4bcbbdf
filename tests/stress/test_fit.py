"""Scaling classes: planted growth is found, and where noise hides it the fit says so."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maso.stress.fit import Scaling, extrapolate, fit

AGENTS = (5, 10, 20, 50, 100, 200, 500, 1_000)
SESSIONS = (100, 250, 600, 1_500, 3_500, 8_000, 20_000)
Growth = Callable[[float], float]
Plant = Callable[[Sequence[int], float], Growth]  # sizes and an offset (times the growth at the first size)


def offset_plus(shape: Growth) -> Plant:
    return lambda sizes, offset: lambda n: 3 * (offset * shape(sizes[0]) + shape(n))


def capped(sizes: Sequence[int], offset: float) -> Growth:
    """In proportion up to a capacity somewhere in the middle."""
    capacity = sizes[3] * (1 + offset / 4)
    return lambda n: 2 * min(n, capacity)


def exploding(sizes: Sequence[int], offset: float) -> Growth:
    """Flat, then the backlog of a full queue."""
    capacity = sizes[3] * (1 + offset / 4)
    return lambda n: 12 * (1 + 40 * max(0.0, n / capacity - 1))


def smooth(sizes: Sequence[int], offset: float) -> Growth:
    return lambda n: n / (1 + (n / (sizes[3] * (1 + offset / 4))) ** 4) ** 0.25


PLANTED: dict[str, tuple[str, Plant]] = {
    "constant": ("constant", lambda sizes, offset: lambda n: 7 + offset),
    "logarithmic": ("logarithmic", offset_plus(math.log)),
    "linear": ("linear", offset_plus(lambda n: n)),
    "linearithmic": ("linearithmic", offset_plus(lambda n: n * math.log(n))),
    "quadratic": ("quadratic", offset_plus(lambda n: n * n)),
    "pairs": ("quadratic", offset_plus(lambda n: n * (n - 1) / 2)),
    "cubic": ("worse", offset_plus(lambda n: n**3)),
    "capped": ("hard limit", capped),
    "capped, smooth": ("hard limit", smooth),
    "exploding": ("hard limit", exploding),
}


def noisy(growth: Growth, sizes: Sequence[int], noise: float, seed: int) -> list[tuple[float, float]]:
    draw = np.random.default_rng(seed)
    return [(n, growth(n) * math.exp(noise * draw.standard_normal())) for n in sizes for _ in range(3)]


def classes(name: str, noise: float, seeds: int, offset_max: float = 2.0) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in range(seeds):
        sizes = AGENTS if seed % 2 else SESSIONS
        offset = np.random.default_rng(10_000 + seed).uniform(0, offset_max)
        points = noisy(PLANTED[name][1](sizes, offset), sizes, noise, seed)
        found[fit(points, seed=seed).scaling_class] += 1
    return found


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_class_is_found_in_95_of_100_seeds(name: str) -> None:
    found = classes(name, noise=0.05, seeds=100)
    assert found[PLANTED[name][0]] >= 95, found


@pytest.mark.parametrize("name", PLANTED)
def test_noise_that_hides_the_class_makes_it_unresolved_and_not_wrong(name: str) -> None:
    found = classes(name, noise=0.3, seeds=40)
    wrong = 40 - found[PLANTED[name][0]] - found["unresolved"]
    assert wrong <= 2, found


def test_a_curve_with_a_parameter_of_its_own_has_to_earn_it() -> None:
    """At 15% noise a smooth capacity follows a logarithm well; without its penalty it takes some."""
    found = Counter(
        fit(noisy(lambda n: 5 + 2 * math.log(n), AGENTS, 0.15, seed), seed=seed).scaling_class
        for seed in range(60)
    )
    assert found["logarithmic"] >= 40, found
    assert found["logarithmic"] + found["unresolved"] == 60


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("sizes", [AGENTS, SESSIONS, (5, 10, 20, 40, 80, 160)])
@pytest.mark.parametrize("offset", [0.0, 1.0, 30.0])
def test_without_noise_the_class_is_exact(name: str, sizes: Sequence[int], offset: float) -> None:
    kind, plant = PLANTED[name]
    if kind == "hard limit":
        offset /= 30
    growth = plant(sizes, offset)
    scaling = fit([(n, growth(n)) for n in sizes])
    assert scaling.scaling_class == kind, scaling
    assert scaling.candidates == (kind,)
    assert scaling.low <= scaling.exponent <= scaling.high
    for n in sizes:
        assert scaling.predict(n) == pytest.approx(growth(n), rel=0.03)


@pytest.mark.parametrize(
    ("count", "kind"),
    [
        (lambda n: n * (n - 1) // 2, "quadratic"),
        (lambda n: 3 * n + 17, "linear"),
        (lambda n: 100 * n + n * n, "quadratic"),
        (lambda n: n.bit_length(), "logarithmic"),
        (lambda n: round(n * math.log2(n)), "linearithmic"),
        (lambda n: n * (n - 1) * (n - 2) // 6, "worse"),
        (lambda n: 2 ** (n // 25), "worse"),
        (lambda n: 1_000_000 + n, "linear"),
        (lambda n: 42, "constant"),
        (lambda n: min(n, 70), "hard limit"),
    ],
)
def test_exact_counts(count: Callable[[int], int], kind: str) -> None:
    assert fit([(n, count(n)) for n in (5, 10, 20, 40, 80, 160, 320, 640)]).scaling_class == kind


@pytest.mark.parametrize("points", [[(5, 1)], [(5, 1), (10, 2)], [(5, 1), (10, 2), (20, 4)]])
def test_fewer_than_four_sizes_are_unresolved(points: list[tuple[float, float]]) -> None:
    scaling = fit(points * 3)
    assert scaling.scaling_class == "unresolved"
    assert f"{len(points)} size" in scaling.why
    if len(points) > 1:
        assert scaling.exponent == pytest.approx(1.0)
        assert scaling.predict(40) == pytest.approx(8.0)


def test_equal_values_are_constant_even_at_two_sizes() -> None:
    assert fit([(5, 3.0), (10, 3.0)]).scaling_class == "constant"
    assert fit([(5, 0.0), (10, 0.0)]).scaling_class == "constant"
    assert fit([(5, 3.0)]).scaling_class == "unresolved"


def test_an_offset_does_not_hide_growth() -> None:
    scaling = fit([(n, 10 + 0.001 * n) for n in AGENTS])
    assert scaling.scaling_class == "linear"
    assert scaling.exponent == pytest.approx(1.0, abs=0.01)
    assert scaling.offset == pytest.approx(10, rel=1e-3)
    assert scaling.factor == pytest.approx(0.001, rel=1e-2)


def test_a_large_offset_is_no_plateau_before_an_explosion() -> None:
    for seed in range(20):
        scaling = fit(noisy(lambda n: 50 + n, AGENTS, 0.05, seed))
        assert "linear" in scaling.candidates
        assert "hard limit" not in scaling.candidates


def test_between_the_classes_is_unresolved_and_says_what_it_is_like() -> None:
    scaling = fit([(n, math.sqrt(n)) for n in AGENTS])
    assert scaling.scaling_class == "unresolved"
    assert scaling.candidates == ("n^0.5",)
    assert scaling.why == "grows like n^0.5, between two classes"


def test_one_decade_with_noise_lists_the_candidates() -> None:
    sizes = (100, 150, 220, 330, 500, 750, 1_000)
    scaling = fit(noisy(lambda n: 2_000 + n, sizes, 0.05, 3))
    assert scaling.scaling_class == "unresolved"
    assert {"linear", "linearithmic"} <= set(scaling.candidates)


@pytest.mark.parametrize(
    ("shape", "kind", "power"),
    [
        (lambda n: 40 / n, "linear", -1.0),
        (lambda n: 9e6 / (n * n), "quadratic", -2.0),
        (lambda n: 7 / math.log(n), "logarithmic", None),
        (lambda n: 50 / max(1.0, n / 100), "hard limit", None),
    ],
)
def test_a_falling_quantity_has_the_class_of_its_reciprocal(
    shape: Growth, kind: str, power: float | None
) -> None:
    points = noisy(shape, AGENTS, 0.03, 5)
    scaling = fit(points)
    assert (scaling.scaling_class, scaling.falling) == (kind, True)
    assert scaling.low <= scaling.exponent <= scaling.high < 0
    if power is not None:
        assert scaling.low <= power <= scaling.high
        assert scaling.predict(2_000) == pytest.approx(shape(2_000), rel=0.1)


def test_a_capacity_is_located() -> None:
    scaling = fit(noisy(lambda n: min(n, 130.0), AGENTS, 0.05, 1))
    assert scaling.capacity == pytest.approx(130, rel=0.15)
    assert scaling.predict(50_000) == pytest.approx(130, rel=0.1)


def test_the_limit_of_a_quantity_makes_a_hard_limit() -> None:
    points = [(5, 2.0), (10, 2.5), (20, 4.0), (50, 9.7), (100, 30.0), (200, 30.0)]
    assert fit(points, limit=30.0).scaling_class == "hard limit"
    assert fit(points, limit=300.0).scaling_class != "linear"


def test_zeros_and_then_an_explosion_are_a_hard_limit() -> None:
    scaling = fit([(5, 0), (10, 0), (20, 0), (50, 0), (100, 400), (200, 9_000), (500, 30_000)])
    assert scaling.scaling_class == "hard limit"
    assert scaling.capacity is not None
    assert 50 < scaling.capacity < 100


def test_zeros_that_a_class_explains_are_no_limit() -> None:
    points = [(n, float(n * n // 1_000)) for n in (5, 10, 50, 100, 200, 400, 800, 1_600)]
    assert fit(points).scaling_class == "quadratic"


def test_one_zero_at_the_smallest_size_is_a_lower_order_term() -> None:
    assert fit([(n, n * (n - 1) / 2) for n in (1, 10, 20, 40, 80, 160)]).scaling_class == "quadratic"


def test_scattered_zeros_and_values_below_zero_are_unresolved() -> None:
    assert "zeros" in fit([(5, 1), (10, 0), (20, 3), (40, 0), (80, 2)]).why
    assert "below zero" in fit([(5, 1), (10, -2), (20, 3), (40, 4), (80, 2)]).why


def test_what_cannot_be_a_point_is_refused() -> None:
    with pytest.raises(ValueError, match="no points"):
        fit([])
    with pytest.raises(ValueError, match="a size above 0 and a finite value"):
        fit([(0, 1.0)])
    with pytest.raises(ValueError, match="a size above 0 and a finite value"):
        fit([(5, math.nan)])


def test_the_smallest_sizes_are_left_out_where_no_curve_fits_all() -> None:
    points = [(n, 60.0 - n if n <= 20 else 3.0 * n) for n in (5, 10, 20, 40, 80, 160, 320, 640, 1_280)]
    scaling = fit(points)
    assert scaling.scaling_class == "linear"
    assert scaling.size_from >= 20


def test_what_rises_and_falls_again_is_unresolved() -> None:
    points = noisy(lambda n: min(n, 10_000 / n), AGENTS, 0.03, 2)
    assert fit(points).scaling_class == "unresolved"


def test_the_interval_of_the_exponent_holds_the_planted_one() -> None:
    held = 0
    for seed in range(60):
        scaling = fit(noisy(lambda n: 5 + n, AGENTS, 0.05, seed), seed=seed)
        held += scaling.low <= 1.0 <= scaling.high
    assert held >= 54, held


def test_the_same_points_give_the_same_scaling_in_any_order() -> None:
    points = noisy(lambda n: 5 + n, AGENTS, 0.05, 4)
    assert fit(points, seed=9) == fit(points[::-1], seed=9)
    assert msgspec.json.decode(msgspec.json.encode(fit(points)), type=Scaling) == fit(points)


@given(
    st.lists(
        st.tuples(st.integers(1, 5_000), st.floats(1e-6, 1e9)),
        min_size=1,
        max_size=24,
    ),
    st.integers(1, 3),
)
@example([(185, 431648529.0), (304, 810819401.0), (209, 875936041.0), (249, 876363510.0)], 1)
def test_any_points_give_a_scaling(points: list[tuple[float, float]], seed: int) -> None:
    scaling = fit(points, seed=seed)
    assert scaling.low <= scaling.exponent <= scaling.high
    assert math.isfinite(scaling.exponent)
    assert scaling.predict(100) >= 0
    if scaling.scaling_class != "unresolved":
        assert scaling.candidates == (scaling.scaling_class,)


@given(st.floats(1e-3, 1e3), st.sampled_from(sorted(PLANTED)))
def test_the_unit_of_the_values_changes_no_class(unit: float, name: str) -> None:
    kind, plant = PLANTED[name]
    growth = plant(AGENTS, 0.5)
    assert fit([(n, unit * growth(n)) for n in AGENTS]).scaling_class == kind


# --- beyond the measured sizes ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "linearithmic", "quadratic"])
def test_an_extrapolation_holds_the_planted_crossing(name: str) -> None:
    growth = PLANTED[name][1](AGENTS, 0.0)
    held = 0
    for seed in range(40):
        found = extrapolate(noisy(growth, AGENTS, 0.05, seed), growth(3_000), seed=seed)
        held += found is not None and found.low <= 3_000 <= found.high
    assert held >= 37, held


def test_an_exact_extrapolation_is_exact() -> None:
    found = extrapolate([(n, 10.0 + 3 * n) for n in AGENTS], 6_010)
    assert found is not None
    assert found.low == found.high == pytest.approx(2_000, rel=1e-4)


def test_a_cap_is_never_exceeded() -> None:
    found = extrapolate([(n, min(n, 130.0)) for n in AGENTS], 500)
    assert found is not None
    assert found.middle == math.inf


def test_a_constant_leads_nowhere() -> None:
    assert extrapolate([(n, 7.0) for n in AGENTS], 8) is None
