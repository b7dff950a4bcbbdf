"""One function decides: findings in, outcome out.

    deny > hold > redact > allow

The most severe finding wins. A control that raises an exception is a denial (fail closed): its error
becomes the finding `plane/control-failed` with the control's name, never with the error's text, which may
quote a payload.
"""

from collections.abc import Sequence
from typing import Final

from maso.verdict import Finding, Outcome, Reason

CONTROL_FAILED: Final = Reason(
    "plane/control-failed",
    "LAYER-1",
    "a control could not decide, so it is refused",
    "report this as a defect",
)
REASONS: Final = (CONTROL_FAILED,)


def decide(findings: Sequence[Finding]) -> Outcome:
    """The outcome of the most severe finding; ALLOW when nobody spoke."""
    if not findings:
        return Outcome.ALLOW
    outcome = Outcome.ALLOW
    for finding in findings:
        if finding.outcome > outcome:
            outcome = finding.outcome
    return outcome


def failed(control: str) -> Finding:
    return Finding(Outcome.DENY, CONTROL_FAILED, control)
