"""What is measured, and how: CPU time of this process, medians over rounds, on recorded traffic.

A figure of one step among many is taken with a clock that is read around each call, less the cost of
reading it; the largest hundredth of the samples is left out, since on a shared machine those are somebody
else's. Totals are taken around the whole loop with the process's CPU clock.
"""

import gc
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from maso.bench.traffic import Recording, fresh_scanner, new_plane, payloads
from maso.controls.delegation import DelegationGraph
from maso.controls.message import Message
from maso.plane.decide import decide
from maso.plane.events import Admit, Arrive, IngestDocument
from maso.plane.plane import Plane

Timed = tuple[int, object]  # (now, event)
Progress = Callable[[str], None]
TRIMMED = 100  # one sample in so many is left out at the top


def _prepared(recording: Recording) -> Plane:
    """A fresh plane that has seen everything before the counted messages."""
    plane, _ = new_plane(recording.rules, recording.keys, fresh_scanner())
    for now, event in recording.events[: recording.first]:
        plane.handle(event, now)
    return plane


def whole_us(recording: Recording, rounds: int) -> float:
    """Microseconds of CPU per message, everything on: median over rounds with a fresh plane each."""
    results = []
    for _ in range(rounds):
        plane = _prepared(recording)
        gc.collect()
        gc.freeze()
        spent = count = 0
        for ingested, events in _stretches(recording.events[recording.first :]):
            for now, event in ingested:
                plane.handle(event, now)
            count += sum(1 for _, event in events if type(event) is Arrive)
            start = time.process_time_ns()
            for now, event in events:
                plane.handle(event, now)
            spent += time.process_time_ns() - start
        results.append(spent / count / 1000)
        gc.unfreeze()
    return statistics.median(results)


def _stretches(events: list[Timed]) -> Iterator[tuple[list[Timed], list[Timed]]]:
    """Documents ingested, then everything up to the next ones.

    Ingestion goes by the clock, not by the number of agents: timed with the messages it would make a small
    fleet look dear, and growth small.
    """
    ingested: list[Timed] = []
    rest: list[Timed] = []
    for timed in events:
        if isinstance(timed[1], IngestDocument):
            if rest:
                yield ingested, rest
                ingested, rest = [], []
            ingested.append(timed)
        else:
            rest.append(timed)
    yield ingested, rest


def by_control_us(recording: Recording) -> dict[str, float]:
    """Mean microseconds that each step of the pipeline costs per message (0 for those it did not reach)."""
    plane = _prepared(recording)
    steps = plane.steps()
    samples: dict[str, list[int]] = {name: [] for name, _ in steps}
    samples["decide, record, commit"] = []
    count = 0
    for now, event in recording.events[recording.first :]:
        if isinstance(event, Arrive):
            count += 1
            _timed(plane, event, now, samples)
        else:
            plane.handle(event, now)
    overhead = _clock_ns()
    return {name: round(_trimmed(values, overhead) / count / 1000, 2) for name, values in samples.items()}


def _timed(plane: Plane, event: Arrive, now: int, samples: dict[str, list[int]]) -> None:
    clock = time.perf_counter_ns
    message = Message(event.channel, event.wire, now)
    findings = []
    for name, check in plane.steps():
        start = clock()
        finding = check(message)
        samples[name].append(clock() - start)
        if finding is not None:
            findings.append(finding)
            if finding.outcome.name == "DENY":
                break
    start = clock()
    plane.commit(message, findings, decide(findings))
    samples["decide, record, commit"].append(clock() - start)


def _clock_ns() -> int:
    clock = time.perf_counter_ns
    costs = []
    for _ in range(2000):
        start = clock()
        costs.append(clock() - start)
    return int(statistics.median(costs))


def _trimmed(values: Sequence[int], overhead: int) -> float:
    """Sum without the largest hundredth, scaled back to all of them."""
    if not values:
        return 0.0
    kept = sorted(values)[: max(1, len(values) - len(values) // TRIMMED)]
    return (sum(kept) - overhead * len(kept)) * len(values) / len(kept)


def scan_figures(recording: Recording) -> dict[str, float]:
    """Cost of the first stage, of a message that needs the middle or the full one, and how often they do.

    full_us and middle_us are of whole scans that end in that stage (first stage included).
    """
    scanner = fresh_scanner()
    bodies = list(payloads(recording))
    scanner.first(bodies[0])
    first_us, reasons = _per_call_us(scanner.first, bodies)
    keyed = [(number.to_bytes(32, "big"), body) for number, body in enumerate(bodies)]
    fresh = fresh_scanner()
    scan_us, signals = _per_call_us(lambda item: fresh.scan(*item), keyed)
    by_stage = {
        stage: [item for item, found in zip(keyed, signals, strict=True) if found.stage == stage]
        for stage in (2, 3)
    }
    again = fresh_scanner()
    middle_us, full_us = (_per_call_us(lambda item: again.scan(*item), by_stage[s])[0] for s in (2, 3))
    return {
        "first_stage_us": round(first_us, 2),
        "middle_us": round(middle_us, 1),
        "full_us": round(full_us, 1),
        "full_share": round(len(by_stage[3]) / len(bodies), 4),
        "middle_share": round(len(by_stage[2]) / len(bodies), 4),
        "passed_on_share": round(sum(1 for r in reasons if r) / len(bodies), 4),
        "mean_us": round(scan_us, 2),
    }


def _per_call_us(call: Callable[[Any], Any], items: Sequence[Any]) -> tuple[float, list[Any]]:
    """Mean CPU microseconds of one call, and what the calls returned; 0 for no items."""
    start = time.process_time_ns()
    results = [call(item) for item in items]
    return (time.process_time_ns() - start) / max(1, len(items)) / 1000, results


def bytes_per_instance(recording: Recording) -> float:
    """Memory that one live instance costs, its share of the session and of traffic's traces included."""
    plane, log = new_plane(recording.rules, recording.keys, fresh_scanner())
    events = iter(recording.events)
    before = None
    for now, event in events:
        if before is None and isinstance(event, Admit) and plane.state.instances:
            gc.collect()
            tracemalloc.start()
            before = _held(plane)
        plane.handle(event, now)
        log.take_sealed()
    gc.collect()
    after = _held(plane)
    tracemalloc.stop()
    alive = sum(1 for i in plane.state.instances.values() if not i.type.is_port)
    return (after - (before or 0)) / max(1, alive)


def _held(plane: Plane) -> int:
    """Bytes traced, less those of the scan cache, which is bounded and not the instances'."""
    trace = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(True, "*/maso/plane/*"), tracemalloc.Filter(True, "*/maso/controls/*"),
         tracemalloc.Filter(True, "*/maso/scan/fragments.py"), tracemalloc.Filter(True, "*/maso/identity.py")]
    )  # fmt: skip
    return sum(statistic.size for statistic in trace.statistics("filename"))


def delegation_us(edges: int, checks: int = 2000) -> float:
    """Microseconds for one transitive check with registration on a live graph of so many edges."""
    draw = random.Random(edges)
    nodes = max(20, edges // 10)  # ten delegations a type: a fleet of 1,000 types at 10,000 edges
    power = tuple(1 << (i % 64) for i in range(nodes))
    authority = tuple(draw.getrandbits(64) for _ in range(nodes))
    graph = DelegationGraph(authority, power)
    live: list[tuple[int, int]] = []
    while graph.edges < edges:
        live.append((draw.randrange(nodes), draw.randrange(nodes)))
        graph.add(*live[-1])
    total = 0
    for _ in range(checks):
        ended = live.pop(draw.randrange(len(live)))
        edge = (draw.randrange(nodes), draw.randrange(nodes))
        start = time.perf_counter_ns()
        graph.remove(*ended)
        graph.beyond(*edge)
        graph.add(*edge)
        total += time.perf_counter_ns() - start
        live.append(edge)
    return total / checks / 1000
