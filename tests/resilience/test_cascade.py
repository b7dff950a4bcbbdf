"""Cascades: they end, circles let go, producers come before consumers, orchestrators are told and asked."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.clock import MINUTE
from maso.fleet.model import Cluster, Dependency
from maso.resilience.cascade import Graph, depth, floor_of, response
from maso.resilience.clusters import ASSESS_NS, Clusters
from maso.resilience.pace import Phase
from maso.resilience.signals import Assess, Notify

P, A, C, E = Phase


def cluster_list(count: int, orders: list[int] | None = None) -> list[Cluster]:
    return [Cluster(id=f"c{i}", recovery_order=orders[i] if orders else None) for i in range(count)]


def depends(consumer: int, producer: int, **more: Any) -> Dependency:
    return Dependency(consumer=f"c{consumer}", producer=f"c{producer}", **more)


CASCADE: dict[str, Any] = {"on_alternate": "cascade", "on_contingency": "cascade", "on_emergency": "cascade"}

phases = st.sampled_from(list(Phase))
edges = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.integers(0, 7),
        st.sampled_from(["continue", "stale", "fallback", "cascade"]),
        st.sampled_from(["stale", "fallback", "cascade"]),
        st.sampled_from(["stale", "fallback", "cascade"]),
        st.sampled_from(["automatic", "assess"]),
    ),
    max_size=24,
)


def declared(made: list[tuple[Any, ...]]) -> list[Dependency]:
    return [
        depends(a, b, on_alternate=x, on_contingency=y, on_emergency=z, policy=p)
        for a, b, x, y, z, p in made
        if a != b
    ]


@given(edges, st.lists(phases, min_size=8, max_size=8))
@settings(deadline=None)
def test_a_cascade_ends_and_satisfies_every_dependency(made: list[Any], own: list[Phase]) -> None:
    graph = Graph(cluster_list(8), declared(made))
    settled = graph.settle(own, {})
    for i, edge in enumerate(graph.edges):
        floor = graph.floor(i, settled[edge.producer], {})
        assert settled[edge.consumer] >= floor
    assert all(s >= o for s, o in zip(settled, own, strict=True))
    reasons = [*own, *[A] * 8]
    assert max(settled, default=P) <= max(reasons)


@given(edges, st.permutations(range(8)))
@settings(deadline=None)
def test_without_circles_no_consumer_comes_before_its_producer(made: list[Any], order: list[int]) -> None:
    chain = [(a, b, *rest) for a, b, *rest in made if a > b]  # always acyclic
    graph = Graph(cluster_list(8, [n + 1 for n in order]), declared(chain))
    assert not graph.circular
    assert all(graph.rank[e.producer] < graph.rank[e.consumer] for e in graph.edges)
    assert sorted(graph.order) == list(range(8))


def test_clusters_that_do_not_depend_come_in_the_files_order() -> None:
    graph = Graph(cluster_list(4, [4, 2, 3, 1]), [])
    assert graph.order == (3, 1, 2, 0)


def test_a_dependency_wins_over_the_files_order() -> None:
    graph = Graph(cluster_list(2, [2, 1]), [depends(1, 0)])
    assert graph.order == (0, 1)


def test_a_circle_lets_go_when_its_cause_is_gone() -> None:
    graph = Graph(cluster_list(3), [depends(1, 0, **CASCADE), depends(0, 1, **CASCADE), depends(2, 1)])
    assert graph.settle([C, P, P], {}) == [C, C, A]
    clusters = Clusters(graph)
    clusters.own[0] = C
    clusters.update(0)
    assert clusters.phases == [C, C, A]
    clusters.own[0] = P
    clusters.update(1)
    assert clusters.phases == [C, C, A]  # nobody came back yet
    for number in graph.order:
        assert clusters.held_to(number) is P
        clusters.lower(number, P, 2)
    assert clusters.phases == [P, P, P]


def test_a_thousand_clusters_in_a_chain_and_in_a_circle() -> None:
    many = 1000
    chain = [depends(i + 1, i, **CASCADE) for i in range(many - 1)]
    graph = Graph(cluster_list(many), chain)
    assert len(depth(graph, 0, E)) == many - 1
    circle = Graph(cluster_list(many), [*chain, depends(0, many - 1, **CASCADE)])
    assert set(circle.settle([P] * (many - 1) + [E], {})) == {E}
    told = Clusters(graph)
    told.own[0] = C
    assert sum(isinstance(e, Notify) for e in told.update(0)) == many - 1


def test_the_floor_under_a_consumer() -> None:
    assert [floor_of(r, C) for r in ("continue", "stale", "fallback", "cascade")] == [P, A, A, C]
    d = depends(1, 0, on_alternate="fallback")
    assert [response(d, phase) for phase in Phase] == ["continue", "fallback", "stale", "cascade"]


def test_stale_data_is_good_for_its_minutes_from_the_first_moment() -> None:
    d = depends(1, 0, on_alternate="stale", on_contingency="stale", stale_minutes_max=30)
    clusters = Clusters(Graph(cluster_list(2), [d]))
    clusters.own[0] = A
    clusters.update(0)
    assert clusters.phases == [A, A]
    clusters.own[0] = C
    clusters.update(20 * MINUTE)
    assert clusters.phases == [C, A]
    assert clusters.due() == 30 * MINUTE
    assert not clusters.expire(30 * MINUTE - 1)
    assert clusters.expire(30 * MINUTE)
    clusters.update(30 * MINUTE)
    assert clusters.phases == [C, C]
    clusters.own[0] = A
    clusters.lower(0, A, 31 * MINUTE)  # still degraded, and what its consumer has is as old as before
    assert clusters.held_to(1) is A
    assert clusters.expire(31 * MINUTE)
    assert clusters.responses(1) == (("c0", "cascade"),)


def assessing() -> tuple[Clusters, Assess]:
    d = depends(1, 0, on_contingency="cascade", policy="assess")
    clusters = Clusters(Graph(cluster_list(2), [d]))
    clusters.own[0] = C
    effects = clusters.update(0)
    notice, ask = effects
    assert isinstance(notice, Notify)
    assert isinstance(ask, Assess)
    assert ask.choices == ("stale", "fallback", "cascade")
    return clusters, ask


def test_until_it_has_answered_a_cluster_stays_as_it_was() -> None:
    clusters, ask = assessing()
    assert clusters.phases == [C, P]
    assert clusters.answer("c1", ask.number, "fallback") == ""
    clusters.update(1)
    assert clusters.phases == [C, A]
    assert clusters.responses(1) == (("c0", "fallback"),)


def test_nobody_comes_back_while_a_question_is_open() -> None:
    clusters, ask = assessing()
    clusters.lower(1, A, 0)
    assert clusters.held_to(1) is A
    clusters.answer("c1", ask.number, "cascade")
    assert clusters.held_to(1) is C


def test_no_answer_in_time_is_what_the_file_declares() -> None:
    clusters, ask = assessing()
    assert not clusters.expire(ASSESS_NS - 1)
    assert clusters.expire(ASSESS_NS)
    clusters.update(ASSESS_NS)
    assert clusters.phases == [C, C]
    assert (
        clusters.answer("c1", ask.number, "fallback") == "nothing was asked under this number, or it is over"
    )


@pytest.mark.parametrize(
    ("who", "shift", "choice", "why"),
    [
        ("c0", 0, "fallback", "another cluster was asked"),
        ("c1", 7, "fallback", "nothing was asked under this number, or it is over"),
        ("c1", 0, "continue", "legal in contingency: stale, fallback, cascade"),
        ("c1", 0, "everything", "legal in contingency: stale, fallback, cascade"),
    ],
)
def test_forged_and_illegal_assessments_count_for_nothing(
    who: str, shift: int, choice: str, why: str
) -> None:
    clusters, ask = assessing()
    assert clusters.answer(who, ask.number + shift, choice) == why
    clusters.update(1)
    assert clusters.phases == [C, P]


def test_who_confirmed_knows_and_the_others_do_not() -> None:
    clusters = Clusters(Graph(cluster_list(3), [depends(1, 0), depends(2, 0)]))
    clusters.own[0] = A
    first, _second = clusters.update(5)
    assert isinstance(first, Notify)
    assert not clusters.confirm("c2", first.number)
    assert clusters.confirm("c1", first.number)
    assert [(k.consumer, k.knows) for k in clusters.knowledge()] == [("c1", True), ("c2", False)]
    clusters.own[0] = C
    clusters.update(6)
    assert not any(k.knows for k in clusters.knowledge())  # what it knew is not what is


@given(edges, st.lists(st.tuples(st.integers(0, 7), phases, st.integers(0, 5)), max_size=20))
@settings(deadline=None)
def test_questions_end_and_no_more_is_remembered_than_there_are_dependencies(
    made: list[Any], changes: list[tuple[int, Phase, int]]
) -> None:
    clusters = Clusters(Graph(cluster_list(8), declared(made)))
    now, number = 0, 0
    for cluster, phase, minutes in changes:
        now += minutes * MINUTE
        clusters.expire(now)
        clusters.own[cluster] = phase
        effects = clusters.update(now)
        for effect in effects:
            assert isinstance(effect, (Notify, Assess))
            assert effect.number != number
            number = effect.number
        assert len(clusters._edge_of) <= 2 * len(clusters.graph.edges)
        rank = clusters.graph.rank
        for i, edge in enumerate(clusters.graph.edges):
            if rank[edge.producer] < rank[edge.consumer]:
                floor = clusters.graph.floor(i, clusters.phases[edge.producer], clusters._choices)
                assert clusters.phases[edge.consumer] >= floor
