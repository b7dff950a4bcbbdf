"""Every adversary of a simulated run, in the order of the summary."""

from typing import Final

from maso.sim.adversaries.authority import AUTHORITY
from maso.sim.adversaries.budgets import BUDGETS
from maso.sim.adversaries.cards import CARDS
from maso.sim.adversaries.data import DATA
from maso.sim.adversaries.epistemic import EPISTEMIC
from maso.sim.adversaries.identity import IDENTITY
from maso.sim.adversaries.injection import INJECTION
from maso.sim.adversaries.strike import Adversary

ADVERSARIES: Final[tuple[Adversary, ...]] = (
    *IDENTITY,
    *AUTHORITY,
    *DATA,
    *CARDS,
    *INJECTION,
    *EPISTEMIC,
    *BUDGETS,
)
