"""`report`, and what `stress` renders: every form of a directory's findings, and what changed since another.

Reports are drawn from `findings.json` and the sign-offs alone, so they can be drawn again at any time.
"""

from pathlib import Path

from maso.cli.arguments import words
from maso.cli.ending import nothing, usage
from maso.cli.place import write
from maso.cli.screen import Screen
from maso.findings import Findings, decode
from maso.report.stress.changes import comparison_markdown
from maso.report.stress.compare import Comparison, compare
from maso.report.stress.junit import junit
from maso.report.stress.markdown import markdown
from maso.report.stress.page import page
from maso.report.stress.tables_csv import breakpoints_csv, conditions_csv, decisions_csv
from maso.signoff import read_signatures


def report_command(directory: str, as_json: bool) -> None:
    screen = Screen(as_json)
    out = Path(directory)
    findings = _findings(out, directory)
    written = render_all(out, findings)
    screen.emit("maso.report/1", {"directory": str(out), "files": written})
    screen.text(*(f"wrote {out}/{name}" for name in written))


def previous(directory: str) -> Findings:
    """The findings of an earlier stress run; raises Stop when there are none."""
    return _findings(Path(directory), directory)


def _findings(out: Path, typed: str) -> Findings:
    try:
        return decode((out / "findings.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        if out.is_dir() and (out / "findings.json").exists():
            raise usage(
                f"findings.json in {words(typed)} is not of this format; stress the fleet again"
            ) from None
        raise nothing(
            f"there is no findings.json in {words(typed)}; legal: the directory of a `maso stress`"
        ) from None


def render_all(out: Path, findings: Findings) -> list[str]:
    """Write every form; returns the names of the files."""
    signatures = read_signatures(out)
    files = {
        "report.html": page(findings, signatures),
        "report.md": markdown(findings, signatures),
        "breakpoints.csv": breakpoints_csv(findings),
        "decisions.csv": decisions_csv(findings),
        "conditions.csv": conditions_csv(findings, signatures),
        "junit.xml": junit(findings),
    }
    for name, text in files.items():
        write(out / name, text)
    return list(files)


def render_comparison(out: Path, old: Findings, new: Findings) -> Comparison:
    """What changed, also as `comparison.md`."""
    difference = compare(old, new)
    write(out / "comparison.md", comparison_markdown(difference))
    return difference
