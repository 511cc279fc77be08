"""What the papers report, with the table that says so. Nothing here was measured by this project."""

from collections.abc import Mapping, Sequence

from ..cards import Score

_LEYGUE = "Leygue et al. 2025, table {}"
_CASALS = "Casals-Salvador et al. 2024, {}"
_LERTPETCHPUN = "Lertpetchpun et al. 2025, {}"
_PORJAZOVSKI = "Porjazovski et al. 2024, table 1"


def _attentive() -> list[Score]:
    table1 = {"audio only": 0.2921, "text only": 0.3174}
    table2 = {
        "average": 0.3559, "max": 0.3418, "statistics": 0.3623, "AS": 0.3884, "SA": 0.3416, "MHA": 0.3829,
        "MQMHA-2x2": 0.3912, "MQMHA-2x4": 0.3675, "MQMHA-4x4": 0.3514,
    }  # fmt: skip
    scores = [
        Score(corpus="MSP-Podcast", protocol=f"balanced development set, {row}", metric="macro F1", value=value,
              source=_LEYGUE.format(1))
        for row, value in table1.items()
    ]  # fmt: skip
    scores += [
        Score(corpus="MSP-Podcast", protocol=f"balanced development set, {row} pooling", metric="macro F1", value=value,
              source=_LEYGUE.format(2))
        for row, value in table2.items()
    ]  # fmt: skip
    test = {"AS pooling": 0.3649, "official baseline": 0.3293}
    scores += [
        Score(corpus="MSP-Podcast", protocol=f"test set, {row}", metric="macro F1", value=value,
              source=_LEYGUE.format(2))
        for row, value in test.items()
    ]  # fmt: skip
    return scores


def _segmental() -> list[Score]:
    rows = {
        "baseline": (66.5, 68.5, 57.1),
        "seg": (67.6, 73.2, 60.1),
        "tri(W)": (73.6, 80.4, 61.0),
        "seg+tri(S)": (74.6, 79.0, 63.6),
        "seg+tri(W)": (73.9, 80.5, 64.3),
    }
    protocols = (
        ("IEMOCAP", "4 classes, 5 sessions left out in turn"),
        ("RAVDESS", "7 classes, actors 23-24"),
        ("FESC", "5 classes, speakers left out in turn"),
    )
    return [
        Score(corpus=corpus, protocol=f"{protocol}, {row}", metric="UAR", value=round(value / 100, 4),
              source=_PORJAZOVSKI)
        for row, values in rows.items()
        for (corpus, protocol), value in zip(protocols, values, strict=True)
    ]  # fmt: skip


def _emospeech() -> list[Score]:
    table1 = {
        "RoBERTa, WavLM large": 80.04, "RoBERTa, XLSR": 89.73, "RoBERTa, HuBERT large": 76.033,
        "BERT, WavLM large": 83.27, "BERT, XLSR": 86.59, "BETO, WavLM base plus": 74.79,
        "BETO-EMO, WavLM base plus": 73.19,
    }  # fmt: skip
    section6 = {"multi-head attention, one head": 84.4, "multi-head attention, two heads": 82.2}
    table2 = {"top 1": 86.20, "top 2": 85.96, "top 3": 82.43, "ensemble of the three": 86.69, "baseline": 53.08}
    parts = (("validation", table1, "table 1"), ("validation", section6, "section 6"), ("test", table2, "table 2"))
    return [
        Score(corpus="EmoSPeech 2024 (Spanish MEACorpus 2023)", protocol=f"{side} set, {row}", metric="macro F1",
              value=round(value / 100, 5), source=_CASALS.format(place))
        for side, rows, place in parts
        for row, value in rows.items()
    ]  # fmt: skip


def _ensemble() -> list[Score]:
    return [score for score in _emospeech() if score.protocol.startswith("test set")]


def _camulenet() -> list[Score]:
    corpora = ("CREMA-D", "IEMOCAP", "RAVDESS", "EmoDB", "CaFE", "BhavVani")
    # Weighted accuracy and weighted F1 on each corpus.
    rows = {
        "CAMuLeNet": (.762, .768, .734, .728, .823, .826, .862, .847, .709, .691, .453, .441),
        "w/o Multitask": (.719, .721, .703, .697, .782, .784, .853, .844, .672, .683, .431, .429),
        "w/o Co-Att & Multitask": (.671, .653, .659, .662, .721, .728, .817, .793, .605, .593, .407, .398),
    }  # fmt: skip
    places = [(corpus, metric) for corpus in corpora for metric in ("weighted accuracy", "weighted F1")]
    return [
        Score(
            corpus=corpus,
            protocol=f"10 folds that leave speakers out, {row}",
            metric=metric,
            value=value,
            source="Goel et al. 2024, table 1",
        )
        for row, values in rows.items()
        for (corpus, metric), value in zip(places, values, strict=True)
    ]


def _attributes() -> list[Score]:
    validation = {
        "table 2": {"WavLM": (0.6530, 0.7000, 0.5651, 0.6394), "MMWavLM": (0.6694, 0.7334, 0.5735, 0.6588)},
        "table 3": {
            "+ S Emb": (0.6483, 0.6962, 0.5643, 0.6363), "+ S Pred": (0.6428, 0.7141, 0.5684, 0.6418),
            "+ G Pred": (0.6662, 0.7367, 0.5787, 0.6605),
        },
        "table 4": {"MMWavLM, whole dataset": (0.6620, 0.5574, 0.5795, 0.5996)},
        "table 5": {
            "MMWavLM - O/X(T)": (0.6622, 0.7342, 0.5774, 0.6579),
            "MMWavLM - Non-O/X(T)": (0.6692, 0.7332, 0.5720, 0.6581),
            "MMWavLM + O/X(V)": (0.6655, 0.7125, 0.6034, 0.6605),
            "MMWavLM + O/X(V) - Non-O/X(T)": (0.6830, 0.7582, 0.6145, 0.6852),
        },
    }  # fmt: skip
    test = {
        "WavLM": (0.5339, 0.5992, 0.4132, 0.5155), "MMWavLM + Undersampling": (0.6099, 0.6189, 0.4736, 0.5675),
        "MMWavLM + S Emb": (0.6079, 0.5934, 0.4479, 0.5497),
    }  # fmt: skip
    tables = [("validation", place, rows) for place, rows in validation.items()] + [("test", "table 6", test)]
    return [score for side, place, rows in tables for score in _concordances(side, place, rows)]


def _attributes_ensemble() -> list[Score]:
    test = {
        "baseline": (0.6385, 0.6232, 0.4775, 0.5797), "3-system": (0.6794, 0.634, 0.4878, 0.6004),
        "2-system": (0.6829, 0.642, 0.4980, 0.6076),
    }  # fmt: skip
    return _concordances("test", "table 6", test)


def _concordances(side: str, place: str, rows: Mapping[str, Sequence[float]]) -> list[Score]:
    metrics = ("CCC, arousal", "CCC, valence", "CCC, dominance", "CCC, average")
    return [
        Score(corpus="MSP-Podcast", protocol=f"{side} set, {row}", metric=metric, value=value,
              source=_LERTPETCHPUN.format(place))
        for row, values in rows.items()
        for metric, value in zip(metrics, values, strict=True)
    ]  # fmt: skip


def published_scores(system: str) -> list[Score]:
    """A system's published scores, empty for one that is not published."""
    systems = {
        "attentive": _attentive, "segmental": _segmental, "emospeech": _emospeech, "emospeech-ensemble": _ensemble,
        "camulenet": _camulenet,
        "attributes": _attributes, "attributes-ensemble": _attributes_ensemble,
    }  # fmt: skip
    return systems.get(system, list)()
