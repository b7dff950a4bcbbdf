"""The graphs, against their definitions on small random graphs and on what the built-ins have."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from maso.fleet.graph import (
    Graph,
    Transitive,
    closure,
    cycles,
    longest_chain,
    members,
    pairs_across,
    shortest_path,
    transitive_candidates,
)
from maso.fleet.load import load, load_fleet
from maso.fleet.starter import TEMPLATE

graphs = st.integers(1, 7).flatmap(lambda n: st.lists(st.integers(0, 2**n - 1), min_size=n, max_size=n))


def walks(out, source):
    """Everything reached in one step or more, by search."""
    found: set[int] = set()
    front = set(members(out[source]))
    while front - found:
        found |= front
        front = {j for i in front for j in members(out[i])}
    return found


@given(graphs)
def test_closure_is_what_walking_reaches(out):
    reach = closure(out)
    assert [set(members(bits)) for bits in reach] == [walks(out, i) for i in range(len(out))]


@given(graphs)
def test_cycles_are_the_groups_that_reach_each_other(out):
    mutual = {(i, j) for i in range(len(out)) for j in walks(out, i) if i != j and i in walks(out, j)}
    found = cycles(out)
    assert {pair for group in found for pair in itertools.permutations(group, 2)} == mutual
    assert len({i for group in found for i in group}) == sum(map(len, found))


@given(graphs)
def test_a_shortest_path_is_a_path_and_none_is_shorter(out):
    for source, target in itertools.permutations(range(len(out)), 2):
        path = shortest_path(out, source, target)
        if target not in walks(out, source):
            assert path == ()
            continue
        assert (path[0], path[-1]) == (source, target)
        assert all(out[a] >> b & 1 for a, b in itertools.pairwise(path))
        for length in range(1, len(path) - 1):
            middles = itertools.product(range(len(out)), repeat=length - 1)
            assert not any(
                all(out[a] >> b & 1 for a, b in itertools.pairwise((source, *middle, target)))
                for middle in middles
            )


def test_the_longest_chain_of_five_agents():
    chain = longest_chain(Graph(load_fleet("research-5")[0]))
    assert chain.exact
    assert chain.handoffs == 4
    assert len(set(chain.agents)) == 5


def test_a_chain_that_cannot_be_searched_to_the_end_says_so():
    chain = longest_chain(Graph(load_fleet("fleet-100")[0]))
    assert not chain.exact
    assert chain.handoffs >= 12  # F1: 8 to 12 handoffs are there


def test_pairs_across_barriers():
    assert pairs_across(load_fleet("fleet-100")[0]) == (36, 4_500)  # ten groups of ten
    assert pairs_across(load_fleet("research-5")[0]) == (3, 4)


def test_transitive_candidates_name_the_path():
    found = transitive_candidates(Graph(load_fleet("ecommerce-10k")[0]))
    assert Transitive("cart_order", "payment.refund", ("cart_order", "payment")) in found
    assert not any(t.action == "payment.authorise" and t.source == "cart_order" for t in found)


def test_whoever_lacks_nothing_is_no_candidate():
    fleet = load(TEMPLATE).fleet
    assert fleet is not None
    assert transitive_candidates(Graph(fleet)) == []
