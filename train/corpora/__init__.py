"""Speech corpora with emotion labels: each as its owners distribute it, and as flat folders of FLAC or Ogg.

A loader only lists: it parses names, checks that the corpus is whole, and maps labels to ours. Nothing is decoded.
"""

from collections.abc import Iterable
from pathlib import Path

from emoscope.models.reading import CALM_LIKE

from ..errors import CorpusMissing, listed
from .acted import EMODB_LABELS, NEMO_LABELS, RAVDESS_LABELS, list_emodb, list_nemo, list_ravdess
from .listing import LABELS, SOUNDS, Clip, Corpus
from .rated import EMOTALE_LABELS, list_emotale
from .talk import URDU_LABELS, list_urdu
from .unacted import READ_LABEL, list_read, list_sounds

__all__ = [
    "CALM_LIKE",
    "CATEGORICAL",
    "CORPORA",
    "LABELS",
    "SOUNDS",
    "SPOKEN",
    "TRAINED",
    "Clip",
    "Corpus",
    "by_corpus",
    "list_emodb",
    "list_emotale",
    "list_nemo",
    "list_ravdess",
    "list_read",
    "list_sounds",
    "list_urdu",
    "load_corpora",
]

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            name="ravdess",
            labels=tuple(sorted(RAVDESS_LABELS.values())),
            languages=("en",),
            licence="CC BY-NC-SA 4.0",
            citation="Livingstone and Russo (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song "
            "(RAVDESS), PLoS ONE 13(5): e0196391",
            list_clips=list_ravdess,
        ),
        Corpus(
            name="emodb",
            labels=tuple(sorted(EMODB_LABELS.values())),
            languages=("de",),
            licence="free to use, citation asked for",
            citation="Burkhardt, Paeschke, Rolfes, Sendlmeier and Weiss (2005), A database of German emotional "
            "speech, Interspeech",
            list_clips=list_emodb,
        ),
        Corpus(
            name="nemo",
            labels=tuple(sorted(NEMO_LABELS.values())),
            languages=("pl",),
            licence="CC BY-NC-SA 4.0",
            citation="Christop (2024), nEMO: dataset of emotional speech in Polish, LREC-COLING",
            list_clips=list_nemo,
        ),
        Corpus(
            name="emotale",
            labels=tuple(sorted(EMOTALE_LABELS.values())),
            languages=("da", "en"),
            licence="none given; its owners ask for citation",
            citation="EmoTale: emotional speech in Danish and English, with arousal, valence and dominance",
            list_clips=list_emotale,
        ),
        Corpus(
            name="urdu",
            labels=tuple(sorted(URDU_LABELS.values())),
            languages=("ur",),
            licence="research only: scored, never trained on",
            citation="Latif, Qayyum, Usman and Qadir (2018), Cross lingual speech emotion recognition: Urdu vs. "
            "western languages, FIT",
            list_clips=list_urdu,
        ),
        Corpus(
            name="read",
            labels=(READ_LABEL,),
            languages=("en",),
            licence="CC BY 4.0",
            citation="Zhang et al. (2021), speechocean762, Interspeech; Panayotov et al. (2015), LibriSpeech, ICASSP",
            list_clips=list_read,
        ),
        Corpus(
            name="sounds",
            labels=(),
            languages=(),
            licence="CC BY",
            citation="Piczak (2015), ESC: Dataset for Environmental Sound Classification (ESC-10), ACM Multimedia",
            list_clips=list_sounds,
        ),
    )
}

CATEGORICAL = ("ravdess", "emodb", "nemo")
"""The corpora whose labels are trained on."""

TRAINED = (*CATEGORICAL, "emotale")
"""The corpora that weights are trained on; of EmoTale only its ratings."""

SPOKEN = (*TRAINED, "read")
"""The same with read speech, which teaches what is no played emotion."""


def by_corpus(clips: Iterable[Clip]) -> list[list[Clip]]:
    """The clips of each corpus, the corpora in the order in which they come."""
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(clip.corpus, []).append(clip)
    return list(groups.values())


def load_corpora(data: Path, names: Iterable[str]) -> list[Clip]:
    """All clips of the named corpora under `data`, one folder a corpus, sorted by name in each."""
    if not data.is_dir():
        raise CorpusMissing(f"no folder {data}; `--data DIR` names the one that holds {', '.join(names)}")
    clips: list[Clip] = []
    for name in names:
        folder = data / name
        if not folder.is_dir():
            there = sorted(path.name for path in data.iterdir() if path.is_dir())
            raise CorpusMissing(f"no folder {name!r} in {data} (there: {listed(there) or 'no folders'})")
        clips += CORPORA[name].list_clips(folder)
    return clips
