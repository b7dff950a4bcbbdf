"""The engine on planted growth: classes, breakpoints, adaptations, recommendations, resuming."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from maso.findings import decode, encode
from maso.fleet.load import load
from maso.stress import registry
from maso.stress.dimension import Budget, Dimension, Outcome, Trial
from maso.stress.engine import conclude, configure, job, sizes
from maso.stress.engine.job import ProbeError
from tests.stress.planted import DIMENSION, FLEET, PROBES, calls, concluded, planted, study

__all__ = ["planted"]  # a fixture


def test_classes_and_breakpoints_of_planted_growth(planted: Dimension) -> None:
    findings = concluded(
        study(controls="delegation_policy: point-to-point, contract_verification: every-use")
    )
    quantities = {q.id: q for q in findings.dimensions[0].quantities}
    assert quantities["rules"].scaling is not None
    assert quantities["rules"].scaling.scaling_class == "quadratic"
    found = quantities["rules"].breakpoint
    assert found is not None
    assert found.kind == "measured"
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 100 <= found.high <= 1.2 * found.low
    assert quantities["rules"].reaches_target is False
    latency = quantities["latency"].breakpoint
    assert latency is not None
    assert latency.low is not None
    assert latency.high is not None
    assert latency.low <= 400 <= latency.high
    assert quantities["latency"].reaches_target is True
    depth = quantities["depth"]
    assert depth.axis == "handoffs"
    assert depth.scaling is not None
    assert depth.scaling.scaling_class == "logarithmic"


def test_the_smallest_set_that_reaches_the_target_is_recommended(planted: Dimension) -> None:
    findings = concluded(study(controls="contract_verification: every-use"))
    dimension = findings.dimensions[0]
    assert dimension.recommended == ("role-based",)
    assert dimension.reaches_target is True
    assert [d.id for d in findings.decisions] == ["role-based"]
    assert {c.id: c.verdict for c in findings.controls}["IA-2.3"] == "adapts"


def test_what_breaks_another_budget_is_not_recommended(
    planted: Dimension, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two budgets mended, and one broken that held: a budget is not bought with another."""

    def priced(trial: Trial) -> Outcome:
        found = PROBES[0].run(trial).values["rules"]
        wide = trial.fleet.controls.delegation_policy == "role-based"
        return Outcome(values={"rules": found, "again": found, "price": 2.0 if wide else 1.0})

    (rules,) = PROBES[0].quantities
    price = replace(rules, id="price", expected="constant", budget=lambda _fleet: Budget(1.5, "max", "a key"))
    probe = replace(PROBES[0], run=priced, quantities=(rules, replace(rules, id="again"), price))
    dear = replace(planted, probes=(probe, *PROBES[1:]))
    for module in (job, conclude, registry):
        monkeypatch.setattr(module, "by_id", lambda: {dear.id: dear})
    monkeypatch.setattr("tests.stress.planted.DIMENSION", dear)
    (dimension,) = concluded(study(controls="contract_verification: every-use")).dimensions
    assert dimension.recommended == ()
    (wide,) = [a for a in dimension.adaptations if a.id == "role-based"]
    assert {b.quantity: b.value_after for b in wide.before_after}["price"] == 2


def test_both_are_recommended_where_one_does_not_reach(planted: Dimension) -> None:
    findings = concluded(study(target=600, controls="contract_verification: every-use"))
    assert set(findings.dimensions[0].recommended) == {"role-based", "contract-cache"}
    assert {c.id: c.verdict for c in findings.controls}["IA-2.1"] == "adapts"


def test_a_control_breaks_where_nothing_reaches(planted: Dimension) -> None:
    findings = concluded(study(target=3000))
    verdicts = {c.id: c.verdict for c in findings.controls}
    assert verdicts["IA-2.3"] == "breaks"
    assert verdicts["PG-2.5"] == "not_measured"


def test_an_adaptation_changes_the_settings_of_the_runs(planted: Dimension) -> None:
    study()
    settings = {trial.fleet.controls.delegation_policy for trial in calls}
    assert settings == {"point-to-point", "role-based"}
    assert all(
        trial.fleet.controls.delegation_policy == "role-based"
        for trial in calls
        if "role-based" in trial.adaptations
    )


def test_what_is_in_force_is_measured_with_and_without(planted: Dimension) -> None:
    findings = concluded(study(controls="delegation_policy: role-based"))
    dimension = findings.dimensions[0]
    adaptation = next(a for a in dimension.adaptations if a.id == "role-based")
    assert adaptation.in_force
    row = adaptation.before_after[0]
    assert (row.value_before, row.value_after) == (90_000, 1_200)
    assert dimension.as_declared == ("role-based", "contract-cache")


def test_a_second_study_makes_no_run_and_finds_the_same(planted: Dimension, tmp_path: Path) -> None:
    first = study(tmp_path)
    made = len(calls)
    second = study(tmp_path)
    assert len(calls) == made
    assert (second.made, second.found) == (0, first.made)
    one, two = concluded(first), concluded(second)
    assert encode(one) == encode(two).replace(b'"cached_runs": %d' % first.made, b'"cached_runs": 0').replace(
        b'"cpu_seconds": 0.0', b'"cpu_seconds": %s' % str(one.cpu_seconds).encode()
    )


def test_a_torn_run_is_made_again(planted: Dimension, tmp_path: Path) -> None:
    study(tmp_path)
    torn = sorted((tmp_path / "runs").glob("*.json"))[3]
    torn.write_bytes(torn.read_bytes()[:40])
    calls.clear()
    assert study(tmp_path).made == 1


class _Stopping:
    """An executor that is interrupted after some runs."""

    def __init__(self, after: int) -> None:
        self.left = after

    def map(self, text, jobs):  # type: ignore[no-untyped-def]
        from maso.stress.engine.job import perform

        for key, one in jobs:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            yield perform(text, key, one)

    def close(self) -> None:
        return


def test_an_interrupted_study_goes_on_where_it_was(planted: Dimension, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path, executor=_Stopping(7))
    assert len(list((tmp_path / "runs").glob("*.json"))) == 7
    calls.clear()
    resumed = study(tmp_path)
    assert resumed.found == 7
    assert encode(concluded(resumed)).count(b'"seed"') == encode(concluded(study())).count(b'"seed"')


def test_a_probe_that_raises_says_where_and_not_what(
    planted: Dimension, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_trial: object) -> None:
        raise ValueError("4000 0566 5566 5556")

    import msgspec

    bad = msgspec.structs.replace(PROBES[0], run=broken)
    dimension = msgspec.structs.replace(DIMENSION, probes=(bad, *PROBES[1:]))
    monkeypatch.setattr("maso.stress.engine.job.by_id", lambda: {"planted": dimension})
    with pytest.raises(
        ProbeError, match=r"planted/rules at \d+, seed 1: ValueError in test_engine.py, line \d+$"
    ):
        study()


def test_findings_come_back_from_their_file(planted: Dimension) -> None:
    findings = concluded(study())
    assert decode(encode(findings)) == findings
    assert b'"class": "quadratic"' in encode(findings)
    assert len(findings.answers) == 80
    assert {a.status for a in findings.answers} == {"measured", "not_checked"}


@pytest.mark.parametrize("target", [1, 2, 3, 5, 7, 100, 1000, 4000])
@pytest.mark.parametrize("quick", [True, False])
def test_sizes_rise_and_hold_the_target(target: int, quick: bool) -> None:
    file = load(FLEET).file
    assert file is not None
    found = sizes.sweep(file, target, quick)
    assert list(found) == sorted(set(found))
    assert target in found
    assert found[0] >= 1
    assert found[-1] <= 4000


def test_settings_that_a_probe_cannot_tell_apart_are_one_series(planted: Dimension) -> None:
    made = study()
    series = [key for key in made.series if key.probe == "depth"]
    assert len(series) == 1
    base = made.standard(DIMENSION)
    assert configure.seen_by(
        PROBES[2], DIMENSION, configure.adding(base, *DIMENSION.adaptations), base
    ) == tuple(sorted(base.items()))
