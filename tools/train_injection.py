"""Train and measure the injection detector. Needs scikit-learn (development only); the product needs none
of this.

    python tools/train_injection.py --evaluate    leave-one-source-out figures, nothing written
    python tools/train_injection.py --write       train on all sources, write src/maso/scan/data/

Both are reproducible: one seed, no clock, stable order. The corpus is read from ../shared/inputs/detect-dev
(or --corpus DIR): injection_attacks.jsonl and injection_benign.jsonl, rows with `text`, `source`, `kind` and,
where the attack stands inside a document, `payload`.

Two models in a row. The first is logistic regression over hashed character n-grams of windows; of an attack
without a marked payload only the windows that a first fit finds suspicious are kept, since most of a long
attack is innocent prose. The second weighs that score against the families of rules that fired, and is
fitted on scores of the first for sources it had not seen, so that neither trusts what it memorised.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import hyperscan
import numpy as np
import scipy.sparse as sparse
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from maso.scan import classifier as ngrams  # noqa: E402
from maso.scan import injection_rules as matching  # noqa: E402
from maso.scan import injection_trigger as trigger  # noqa: E402
from maso.scan.injection import (  # noqa: E402
    MORE_RULES_MAX,
    NOTHING,
    InjectionSignal,
    mention_units,
    readings_of,
)
from maso.scan.injection_patterns import RULES  # noqa: E402
from maso.scan.scanner import Scanner  # noqa: E402

SEED = 20_240_607
ANY_FREEDOM = 3.0  # the shared weight of a rule is held back this much less than the departures from it
FALSE_ALARMS = 0.0075  # below the 1% that is promised: the threshold has to hold on sources never seen
ATTACK_SOURCE_WEIGHT = 300.0  # rows that each source of attacks counts for in the second model
BLOCK_MARGIN = 50  # units: half a logit stricter than what refuses nothing in the development set
TRAIN_STRIDE = 128
WINDOWS_MAX = 48  # per row, for training: a long row teaches no more than that
# Corpora that were cut from one collection are held out together.
SIBLINGS = {
    "spikee_fp": "spikee",
    "spikee_docs": "spikee",
    "bipia_code_train": "bipia_train",
    "cyberseceval_indirect": "cyberseceval_direct",
}


def is_naive(row: dict[str, Any]) -> bool:
    """A bare instruction put into a document: the kinds `indirect:<task>` and `indirect_code:<task>`."""
    return str(row["kind"]).startswith(("indirect:", "indirect_code:"))


# A text that names what it wants to change or get: the model's orders, role, mode or secrets. Independent
# of the cues.
NAMES_A_TARGET = re.compile(
    r"instru[ckç]|anweisung|consigne|istruzion|prompt|\brules?\b|regeln|guideline|polic(?:y|ies)|restrict|"
    r"ignor|disregard|forget|vergiss|olvid|oubli|dimentic|esque[cç]|zaborav|system|\bmode\b|\bai\b|assistant|"
    r"chatgpt|language model|\bgpt|you are (?:now|no longer)|act as|pretend|role|persona|character|jailbreak|"
    r"\bdan\b|developer|\badmin|override|password|secret|confidential|credential|api key|new task|"
    r"neue aufgabe|approv|tool|token|canary|attacker|base64|rot13|decode|"
    r"忽略|無視|指示|игнор|забудь|무시|تجاهل|निर्देश",
    re.IGNORECASE,
)


def is_bare(row: dict[str, Any], readings: Sequence[str]) -> bool:
    """An attack with no marked payload whose text, decoded, names no target: a plain question or task."""
    return "payload" not in row and not any(NAMES_A_TARGET.search(reading) for reading in readings)


def read_rows(corpus: Path) -> list[dict[str, Any]]:
    rows = []
    for name, label in (("benign", 0), ("attacks", 1)):
        with (corpus / f"injection_{name}.jsonl").open(encoding="utf-8") as file:
            rows += [{**json.loads(line), "label": label} for line in file]
    for row in rows:
        row["group"] = SIBLINGS.get(row["source"], row["source"])
    return rows


def windows(text: str) -> list[bytes]:
    folded = ngrams.fold(text.encode("utf-8", "replace"))
    if len(folded) <= ngrams.WINDOW_BYTES:
        return [folded.ljust(8)]
    last = len(folded) - ngrams.WINDOW_BYTES + TRAIN_STRIDE
    return [folded[at : at + ngrams.WINDOW_BYTES] for at in range(0, last, TRAIN_STRIDE)][:WINDOWS_MAX]


def matrix(pieces: list[bytes]) -> Any:
    """Rows of gram counts over the root of the number of grams, as the classifier computes them."""
    columns, values, ends = [], [], [0]
    for piece in pieces:
        index, count = np.unique(np.concatenate(ngrams.gram_indices(piece)), return_counts=True)
        columns.append(index.astype(np.int32))
        values.append((count / np.sqrt(3 * len(piece))).astype(np.float32))
        ends.append(ends[-1] + len(index))
    shape = (len(pieces), 1 << ngrams.TABLE_BITS)
    return sparse.csr_matrix((np.concatenate(values), np.concatenate(columns), np.array(ends)), shape=shape)


class Pieces:
    """Training windows: which row each belongs to, and from which other source its surroundings were
    taken."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        rng = random.Random(SEED)
        benign = [row for row in rows if row["label"] == 0]
        texts: list[bytes] = []
        self.row: list[int] = []
        self.context: list[str] = []

        def add(pieces: list[bytes], row: int, context: str = "") -> None:
            texts.extend(pieces)
            self.row.extend([row] * len(pieces))
            self.context.extend([context] * len(pieces))

        for number, row in enumerate(rows):
            if row["label"] == 0:
                add(windows(row["text"]), number)
            elif not is_naive(row):
                body = row.get("payload") or row["text"]
                for reading in readings_of(body):
                    add(windows(reading), number)
                host = rng.choice(benign)
                start = rng.randrange(max(1, len(host["text"]) - 100))
                around = host["text"][start : start + rng.randrange(30, 200)]
                if len(body) < 220:
                    joined = f"{around}\n{body}" if rng.random() < 0.5 else f"{body}\n{around}"
                    add(windows(joined)[:2], number, host["group"])
        self.x = matrix(texts)
        self.rows = np.array(self.row)
        self.contexts = np.array(self.context)


def fit_grams(pieces: Pieces, keep: Any, labels: Any, groups: Any, strength: float) -> LogisticRegression:
    """Two rounds: all windows, then of each attack only the windows that the first round finds suspicious."""
    x, owner = pieces.x[keep], pieces.rows[keep]
    y = labels[owner]
    per_row = Counter(owner.tolist())
    per_group = Counter(groups[np.unique(owner[y == 1])].tolist())
    share = np.array([per_row[n] for n in owner.tolist()], dtype=float)
    temper = np.array([min(1.0, (200 / max(1, per_group[g])) ** 0.5) for g in groups[owner].tolist()])
    weight = np.where(y == 1, 2 * temper / share, 1 / np.sqrt(share))
    chosen = np.ones(len(y), dtype=bool)
    for round_number in range(2):
        model = LogisticRegression(C=strength, max_iter=40, tol=1e-3)
        model.fit(x[chosen], y[chosen], sample_weight=weight[chosen])
        if round_number == 0:
            score = model.decision_function(x)
            best = np.full(len(labels), -np.inf)
            np.maximum.at(best, owner, score)
            chosen = (y == 0) | (score > 0) | (score >= best[owner] - 1e-9)
    return model


def quantise(model: LogisticRegression) -> tuple[Any, int, int, int]:
    """int8 weights, bias in units, and the fraction that turns a sum into units."""
    weights = model.coef_[0]
    top = float(np.quantile(np.abs(weights[weights != 0]), 0.9995))
    quantised = np.clip(np.rint(weights / top * 127), -127, 127).astype(np.int8)
    # units = sum * top / 127 / sqrt(n) * 100, with sqrt(n) written as isqrt(10_000 n) / 100
    scale = round(top / 127 * ngrams.UNITS_PER_LOGIT * 100 * 10_000)
    return quantised, round(float(model.intercept_[0]) * ngrams.UNITS_PER_LOGIT), scale, 10_000


def gram_classifier(model: LogisticRegression) -> ngrams.NgramClassifier:
    quantised, bias, num, den = quantise(model)
    meta = ngrams.ModelMeta(ngrams.FORMAT, "", bias, num, den, 0, 0, 0, {}, 0, 0, 0)
    return ngrams.NgramClassifier(meta, quantised)


class Recorder:
    """Stands in for the detector inside the scanner: a real first stage, and a note of what would be
    inspected."""

    def __init__(self) -> None:
        self._trigger = trigger.TriggerScan()
        self.texts: list[str] = []

    def first(self, content: bytes) -> bool:
        return self._trigger.any(content)

    def inspect(self, texts: Sequence[str]) -> InjectionSignal:
        self.texts += texts
        return NOTHING


class Readings:
    """Per row, what the whole chain would inspect, and what the rules say of it. Independent of anything
    trained.

    A row travels as the JSON of one string in one field, through the scanner with its first stage, its
    decoders and its normaliser. `excluded` rows are those of which nothing reached the detector; their
    readings are those of the full scan, so that what the first stage loses can be told from what the
    detector cannot see.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        matcher = matching.CueMatcher()
        recorder = Recorder()
        scanner = Scanner(recorder, cache_size=1)
        self.data: list[list[bytes]] = []
        self.excluded = np.zeros(len(rows), dtype=bool)
        self.triggered = np.zeros(len(rows), dtype=bool)
        for number, row in enumerate(rows):
            content = json.dumps({"text": row["text"]}, ensure_ascii=False).encode("utf-8", "replace")
            self.triggered[number] = recorder.first(content)
            recorder.texts = []
            scanner.scan(sha256(content).digest(), content)
            if not recorder.texts:
                self.excluded[number] = True
                scanner.full(content)
            readings = {reading: None for text in recorder.texts for reading in readings_of(text)}
            self.data.append([reading.encode("utf-8", "replace") for reading in readings])
        self.hits = [[matcher.hits(data) for data in readings] for readings in self.data]
        self.features = [[_features(hits) for hits in row] for row in self.hits]
        self.strong = [
            [any(RULES[i].strong for i in hits.rules) and not hits.mentions for hits in row]
            for row in self.hits
        ]

    def scores(self, number: int, grams: ngrams.NgramClassifier) -> list[int]:
        return [grams.score(data) for data in self.data[number]]


def _features(hits: matching.Hits) -> list[int]:
    """Did any rule fire, how many more, then one column per rule."""
    row = [0] * (2 + len(RULES))
    if hits.rules:
        row[0] = 1
        row[1] = min(len(hits.rules) - 1, MORE_RULES_MAX)
        for index in hits.rules:
            row[2 + index] = 1
    return row


class Evidence(NamedTuple):
    """The second model, in units; `classifier` in hundredths."""

    classifier: int
    any: int
    more: int
    rules: list[int]
    bias: int

    def total(self, score: int, features: list[int], mentions: int) -> int:
        units = score * self.classifier // 100 + self.any * features[0] + self.more * features[1]
        units += sum(weight for weight, seen in zip(self.rules, features[2:], strict=True) if seen)
        return units - (mention_units(mentions) if features[0] else 0)


def fit_rules(x: Any, y: Any, weight: Any) -> Evidence:
    """Integer weights of the second model.

    "Some rule fired" carries what rules are worth in general and is hardly held back; the weight of a
    single rule is its departure from that, held back strongly, so that a rule that the training never saw
    is worth the average.
    """
    scale = np.array([1.0, ANY_FREEDOM, 1.0, *([1.0] * len(RULES))])
    model = LogisticRegression(C=1.0, max_iter=2000)
    model.fit(x * scale, y, sample_weight=weight)
    units = np.rint(model.coef_[0] * scale * ngrams.UNITS_PER_LOGIT).astype(int).tolist()
    bias = round(float(model.intercept_[0]) * ngrams.UNITS_PER_LOGIT)
    return Evidence(units[0], units[1], units[2], units[3:], bias)


class Study:
    """Leave-one-source-out: for every row, scores by models that never saw its source."""

    def __init__(self, corpus: Path, strength: float) -> None:
        self.rows = read_rows(corpus)
        self.labels = np.array([row["label"] for row in self.rows])
        self.groups = np.array([row["group"] for row in self.rows])
        self.naive = np.array([bool(row["label"]) and is_naive(row) for row in self.rows])
        self.strength = strength
        self.pieces = Pieces(self.rows)
        self.readings = Readings(self.rows)
        texts = [[data.decode("utf-8", "replace") for data in readings] for readings in self.readings.data]
        self.bare = np.array(
            [
                bool(row["label"]) and is_bare(row, [row["text"], *read])
                for row, read in zip(self.rows, texts, strict=True)
            ]
        )

    def held_out_scores(self) -> list[list[int]]:
        scores: list[list[int]] = [[] for _ in self.rows]
        for group in sorted(set(self.groups.tolist())):
            keep = (self.groups[self.pieces.rows] != group) & (self.pieces.contexts != group)
            model = fit_grams(self.pieces, keep, self.labels, self.groups, self.strength)
            grams = gram_classifier(model)
            for number in np.flatnonzero(self.groups == group).tolist():
                scores[number] = self.readings.scores(number, grams)
            print(f"  held out {group}", file=sys.stderr, flush=True)
        return scores

    def second_stage(self, scores: list[list[int]], without: str = "") -> Evidence:
        x, y, group = [], [], []
        for number in np.flatnonzero(~self.naive & (self.groups != without)).tolist():
            features = self.readings.features[number]
            hits = self.readings.hits[number]
            rated = [(len(hits[i].rules), scores[number][i]) for i in range(len(features))]
            best = max(range(len(features)), key=rated.__getitem__)
            if hits[best].rules and hits[best].mentions:
                continue  # declared, not learned: one source has most of the talk about attacks
            x.append([scores[number][best] / 100, *features[best]])
            y.append(int(self.labels[number]))
            group.append((str(self.groups[number]), int(self.labels[number])))
        # every source of attacks weighs the same, or the largest one alone would decide what evidence is
        # worth
        per_group = Counter(group)
        weight = np.array([ATTACK_SOURCE_WEIGHT / per_group[key] if key[1] else 1.0 for key in group])
        return fit_rules(np.array(x), np.array(y), weight)

    def totals(self, scores: list[list[int]], per_group: bool) -> Any:
        """The final score of every row; with `per_group`, by a second stage that did not see the row's
        source."""
        weights = {
            g: self.second_stage(scores, g if per_group else "")
            for g in (set(self.groups.tolist()) if per_group else {""})
        }
        out = np.zeros(len(self.rows), dtype=np.int64)
        for number, group in enumerate(self.groups.tolist()):
            chosen = weights[group if per_group else ""]
            readings = zip(
                scores[number], self.readings.features[number], self.readings.hits[number], strict=True
            )
            out[number] = chosen.bias + max(
                chosen.total(score, features, hits.mentions) for score, features, hits in readings
            )
        return out


def table(study: Study, totals: Any, threshold: int, strong: Any) -> None:
    """Recall per source and kind of row, false alarms per source, at one threshold."""
    sources = np.array([row["source"] for row in study.rows])
    flagged = (totals >= threshold) & ~study.readings.excluded
    attack = study.labels == 1
    recalls, aimed = [], []
    print(f"threshold {threshold}")
    for source in sorted(set(sources[attack & ~study.naive].tolist())):
        mask = attack & ~study.naive & (sources == source)
        recalls.append(flagged[mask].mean())
        named = mask & ~study.bare
        aimed.append(flagged[named].mean())
        print(
            f"  recall {source:22} {flagged[mask].mean():.3f}  blocked {strong[mask].mean():.3f}"
            f"  n {mask.sum():4}"
            f"   without bare rows {flagged[named].mean():.3f}  n {named.sum()}"
        )
    print(f"  macro recall {np.mean(recalls):.3f}, without bare rows {np.mean(aimed):.3f}")
    print(f"  recall naive {flagged[study.naive].mean():.3f}  n {study.naive.sum()}")
    for source in sorted(set(sources[~attack].tolist())):
        mask = ~attack & (sources == source)
        print(
            f"  false alarms {source:24} {flagged[mask].mean():.4f}  blocked {strong[mask].sum()}"
            f"  n {mask.sum()}"
        )
    residue = (totals >= threshold) & study.readings.excluded
    print(
        f"  first stage: excluded though the detector would flag:"
        f" {residue[attack & ~study.naive].sum()} attacks"
    )
    print(f"  first stage: triggered {study.readings.triggered[~attack].mean():.3f} of benign rows")
    print(
        f"  false alarms all {flagged[~attack].mean():.4f}"
        f"  blocked {strong[~attack].sum()} of {(~attack).sum()}"
    )


def block_mask(study: Study, scores: list[list[int]], totals: Any, block_at: int, grams_at: int) -> Any:
    return np.array(
        [
            bool(totals[n] >= block_at)
            and any(
                strong and score >= grams_at
                for strong, score in zip(study.readings.strong[n], scores[n], strict=True)
            )
            for n in range(len(study.rows))
        ]
    )


def choose_block(study: Study, scores: list[list[int]], totals: Any, flag_at: int) -> tuple[int, int]:
    """The pair with the best recall among those that refuse no benign row, then half a logit stricter."""
    attack = (study.labels == 1) & ~study.naive
    best = (-1.0, flag_at + 2000, 0)
    for grams_at in (-150, -100, -50, 0):
        for block_at in range(flag_at, flag_at + 2000, 25):
            refused = block_mask(study, scores, totals, block_at, grams_at)
            if not refused[~attack & ~study.naive].any():
                best = max(best, (float(refused[attack].mean()), block_at, grams_at))
                break
    return best[1] + BLOCK_MARGIN, best[2]


def threshold_for(totals: Any, labels: Any, rate: float) -> int:
    return int(np.quantile(totals[labels == 0], 1 - rate, method="higher")) + 1


def write_model(
    study: Study, evidence: Evidence, flag_at: int, block_at: int, grams_at: int, folder: Path
) -> None:
    keep = np.ones(len(study.pieces.rows), dtype=bool)
    model = fit_grams(study.pieces, keep, study.labels, study.groups, study.strength)
    quantised, bias, num, den = quantise(model)
    raw = quantised.tobytes()
    shift = evidence.bias
    meta = ngrams.ModelMeta(
        ngrams.FORMAT,
        sha256(raw).hexdigest(),
        bias,
        num,
        den,
        evidence.classifier,
        evidence.any,
        evidence.more,
        {rule.name: weight for rule, weight in zip(RULES, evidence.rules, strict=True)},
        flag_at - shift,
        block_at - shift,
        grams_at,
    )
    folder.mkdir(exist_ok=True)
    (folder / "injection_weights.bin").write_bytes(raw)
    (folder / "injection_model.json").write_bytes(ngrams.encode_meta(meta))


def write_databases(folder: Path) -> None:
    """Compiled expressions, so that a process starts in milliseconds where the machine is of the same
    kind."""
    for name, digest, database in (
        (matching.COMPILED_FILE, matching.fingerprint(), matching.compile_cues()),
        (trigger.COMPILED_FILE, trigger.fingerprint(), trigger.compile_here()),
    ):
        (folder / name).write_bytes(digest + zlib.compress(hyperscan.dumpb(database), 9))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "inputs" / "detect-dev")
    parser.add_argument(
        "--strength", type=float, default=3.0, help="inverse regularisation of the n-gram model"
    )
    parser.add_argument("--evaluate", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--databases", action="store_true", help="only write the compiled expressions")
    options = parser.parse_args()
    folder = ROOT / "src" / "maso" / "scan" / "data"
    if options.databases:
        write_databases(folder)
        return
    study = Study(options.corpus, options.strength)
    scores = study.held_out_scores()
    held_out = study.totals(scores, per_group=True)
    flag_at = threshold_for(held_out, study.labels, FALSE_ALARMS)
    block_at, grams_at = choose_block(study, scores, held_out, flag_at)
    if options.evaluate or not options.write:
        for rate in (FALSE_ALARMS, 0.01):
            at = threshold_for(held_out, study.labels, rate)
            table(study, held_out, at, block_mask(study, scores, held_out, block_at, grams_at))
    weights = study.second_stage(scores)
    print(f"classifier {weights.classifier}, any {weights.any}, more {weights.more}, bias {weights.bias}")
    print(f"flag at {flag_at}, block at {block_at}, block needs n-grams at {grams_at}")
    if options.write:
        write_model(study, weights, flag_at, block_at, grams_at, folder)
        write_databases(folder)


if __name__ == "__main__":
    main()
