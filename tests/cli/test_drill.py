"""What `maso drill` prints of rehearsals: a table as every other command has."""

from tests.cli.terminal import maso


def test_rehearsals_are_told_in_a_table_without_a_frame() -> None:
    done = maso("drill", "killswitch", "ecommerce-10k", "--size", "5", "--runs", "2", "--fault", "none")
    assert done.code == 0, done.error
    title, head, rule, *rows = done.out.splitlines()
    assert title == "kill switch, rehearsed in virtual time"
    names = "seed last action bound drained confirmed rolled back listed ambiguous verdict"
    assert " ".join(head.split()) == names
    assert set(rule) == {"─"}
    assert [row.split()[0] for row in rows[:2]] == ["1", "2"]
    assert all(row.endswith("held") for row in rows[:2])
    assert not set("┃│┏┌") & set(done.out)
    assert "2 of 2 held" in done.out
