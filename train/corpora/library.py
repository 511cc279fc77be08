"""Every corpus that a recipe can learn from, by name; and how the papers divide them.

A division gives training, development and test clips. Who is on which side is a fact of the corpus or of the paper,
or follows from a rule; where a paper is silent, the rule is ours and says so.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorpusInvalid, CorpusMissing, SplitInvalid
from . import CORPORA
from .brought import CAFE_LABELS, CREMA_D_LABELS, list_cafe, list_crema_d
from .dialogues import (
    EMOSPEECH_LABELS,
    IEMOCAP_LABELS,
    MELD_LABELS,
    MSP_PODCAST_LABELS,
    list_emospeech,
    list_iemocap,
    list_meld,
    list_msp_podcast,
)
from .listing import Clip, Corpus
from .manifest import list_own
from .tables import nearest

ASKED = "must be asked for; research only"

LIBRARY: dict[str, Corpus] = {
    **{name: CORPORA[name] for name in ("ravdess", "emodb", "nemo", "emotale")},
    **{
        corpus.name: corpus
        for corpus in (
            Corpus(
                name="crema-d",
                labels=tuple(sorted(CREMA_D_LABELS.values())),
                languages=("en",),
                licence="Open Database License",
                citation="Cao et al. (2014), CREMA-D: crowd-sourced emotional multimodal actors dataset, IEEE TAC 5(4)",
                list_clips=list_crema_d,
            ),
            Corpus(
                name="cafe",
                labels=tuple(sorted(CAFE_LABELS.values())),
                languages=("fr",),
                licence="CC BY-NC-SA 4.0",
                citation="Gournay, Lahaie and Lefebvre (2018), A Canadian French emotional speech dataset, MMSys",
                list_clips=list_cafe,
            ),
            Corpus(
                name="iemocap",
                labels=tuple(sorted(IEMOCAP_LABELS.values())),
                languages=("en",),
                licence=ASKED,
                citation="Busso et al. (2008), IEMOCAP: interactive emotional dyadic motion capture database, LRE 42",
                list_clips=list_iemocap,
            ),
            Corpus(
                name="msp-podcast",
                labels=tuple(sorted(MSP_PODCAST_LABELS.values())),
                languages=("en",),
                licence=ASKED,
                citation="Lotfian and Busso (2019), Building naturalistic emotionally balanced speech corpus by "
                "retrieving emotional speech from existing podcast recordings, IEEE TAC 10(4)",
                list_clips=list_msp_podcast,
            ),
            Corpus(
                name="emospeech",
                labels=tuple(sorted(EMOSPEECH_LABELS.values())),
                languages=("es",),
                licence=ASKED,
                citation="EmoSPeech at IberLEF 2024, from the Spanish MEACorpus 2023",
                list_clips=list_emospeech,
            ),
            Corpus(
                name="meld",
                labels=tuple(sorted(MELD_LABELS.values())),
                languages=("en",),
                licence="GPL-3.0 for the tables; the recordings are of a television series",
                citation="Poria et al. (2019), MELD: a multimodal multi-party dataset for emotion recognition, ACL",
                list_clips=list_meld,
            ),
            Corpus(
                name="own",
                labels=(),
                languages=(),
                licence="not stated: the owner of the recordings decides",
                citation="recordings of the person who trained this model",
                list_clips=list_own,
            ),
        )
    },
}

MARKS: dict[str, tuple[str, ...]] = {
    "ravdess": ("03-01-*", "Actor_*/03-01-*"),
    "emodb": ("wav/[0-9][0-9][ab][0-9][0-9]*", "[0-9][0-9][ab][0-9][0-9]*"),
    "nemo": ("data.tsv",),
    "emotale": ("speaker_info.csv",),
    "crema-d": ("VideoDemographics.csv", "AudioWAV"),
    "cafe": ("*/*/[0-9][0-9]-[A-Z]-[12]-[1-6].*", "[0-9][0-9]-[A-Z]-[12]-[1-6].*", "CaFE_*"),
    "iemocap": ("Session*",),
    "msp-podcast": ("Labels/labels_consensus.csv",),
    "meld": ("train_sent_emo.csv",),
}


def list_corpus(name: str, data: Path) -> list[Clip]:
    """The clips of a corpus; `data` is its folder, or holds it. An error names another corpus that lies there."""
    if name not in LIBRARY:
        raise SplitInvalid(f"no corpus {name!r}{nearest(name, list(LIBRARY))}")
    folder = data / name if name != "own" and (data / name).is_dir() else data
    try:
        return LIBRARY[name].list_clips(folder)
    except (CorpusMissing, CorpusInvalid) as error:
        other = recognised(folder)
        if other in (None, name) or name == "own":
            raise
        raise CorpusMissing(f"{folder} holds {other}, not {name}: --corpus {other}, or another --data") from error


def recognised(folder: Path) -> str | None:
    """The corpus whose marks are in a folder; None where there are none, or no folder."""
    if not folder.is_dir():
        return None
    return next((name for name, marks in MARKS.items() if any(any(folder.glob(mark)) for mark in marks)), None)


@dataclass(frozen=True)
class Division:
    """Training, development and test clips, with a word on where it is from."""

    train: tuple[Clip, ...]
    development: tuple[Clip, ...]
    test: tuple[Clip, ...]
    source: str


def divide(clips: Sequence[Clip], fold: int = 0) -> Division:
    """The clips of one corpus divided as the papers do; `fold` where they cross-validate. SplitInvalid for none."""
    corpus = clips[0].corpus
    if any(clip.split for clip in clips):
        return _division(clips, lambda clip: clip.split or "train", f"the partitions that come with {corpus}")
    speakers = sorted({clip.speaker for clip in clips})
    if corpus == "ravdess":
        sides = dict.fromkeys(("21", "22"), "development") | dict.fromkeys(("23", "24"), "test")
        return _division(
            clips, lambda clip: sides.get(clip.speaker, "train"), "actors 1-20, 21-22, 23-24 (Porjazovski et al. 2024)"
        )
    if corpus == "iemocap":
        test, development = f"Ses{fold % 5 + 1:02}", f"Ses{(fold + 1) % 5 + 1:02}"
        sides = {test: "test", development: "development"}
        return _division(
            clips,
            lambda clip: sides.get(clip.speaker[:5], "train"),
            f"session {test[-1]} of five for the test (Porjazovski et al. 2024), the next for development (ours)",
        )
    groups = speaker_groups(speakers, min(10, len(speakers)))
    if len(groups) < 3:
        raise SplitInvalid(f"{corpus}: {len(speakers)} speakers; training, development and test need three")
    test_side, tuned = groups[fold % len(groups)], groups[(fold + 1) % len(groups)]
    return _division(
        clips,
        lambda clip: "test" if clip.speaker in test_side else "development" if clip.speaker in tuned else "train",
        f"fold {fold + 1} of {len(groups)} that leave speakers out (Goel et al. 2024): every tenth speaker (ours)",
    )


def speaker_groups(speakers: Sequence[str], count: int) -> list[frozenset[str]]:
    """Speakers dealt out in order to `count` groups, so that men and women alternate where their numbers do."""
    return [frozenset(itertools.islice(sorted(speakers), first, None, count)) for first in range(count)]


def _division(clips: Sequence[Clip], side: Callable[[Clip], str], source: str) -> Division:
    parts = {name: tuple(c for c in clips if side(c) == name) for name in ("train", "development", "test")}
    for name in ("train", "development"):
        if not parts[name]:
            raise SplitInvalid(f"{clips[0].corpus}: no clip for {name} ({source}); is the corpus whole?")
    return Division(**parts, source=source)
