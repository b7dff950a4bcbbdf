"""What every test gets: the repository's root, and hypothesis profiles without deadlines.

No deadline in any profile, since the machines that run this are shared: a slow example says nothing.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

_SLOW_IS_FINE = [HealthCheck.too_slow]
# The same examples every time: a red build is about the change, and is red on the developer's machine too.
settings.register_profile(
    "ci", derandomize=True, max_examples=60, database=None, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
# Fresh examples, many of them: `./check --deep`. A failure prints the blob that reproduces it.
settings.register_profile(
    "deep", max_examples=1_000, print_blob=True, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_inputs(root: Path) -> Path:
    """The folder of corpora beside the repository; skips where there is none, as on a user's machine."""
    inputs = root.parent / "shared" / "inputs"
    if not inputs.is_dir():
        pytest.skip("no ../shared/inputs here")
    return inputs
