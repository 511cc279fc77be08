"""Which clips are scored by which model: no speaker by a model that was trained on that speaker."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import soundfile

from emoscope.models.cards import Card
from emoscope.models.checkpoints import find_checkpoint
from emoscope.models.errors import EmoscopeError, UsageError
from emoscope.models.store import card_of, find_model, is_public
from emoscope.streamer.sources.recordings import Recording

from ..corpora import CORPORA, Clip, load_corpora
from ..corpora.audio import SHORTEST_S
from ..corpora.folds import FOLDS, fold_speakers
from ..errors import ClipUnusable, CorpusMissing, SpeakerLeak, SplitInvalid, listed
from .protocols import Protocol


@dataclass(frozen=True)
class Part:
    """One model and the clips that it is scored on. `trained`: speakers of the clips who are in its training data."""

    model: Path
    card: Card
    clips: tuple[Clip, ...]
    trained: tuple[str, ...] = ()


def find_clips(corpus: str, data: Path) -> list[Clip]:
    """All clips of a corpus; `data` holds its folder, or is its folder. CorpusMissing where neither."""
    if corpus not in CORPORA:
        raise UsageError(f"--corpus {corpus}: there are {', '.join(CORPORA)}")
    if data.is_dir() and not (data / corpus).is_dir() and data.resolve().name == corpus:
        return CORPORA[corpus].list_clips(data)
    try:
        return load_corpora(data, [corpus])
    except CorpusMissing as missing:
        try:
            return CORPORA[corpus].list_clips(data)
        except CorpusMissing:
            raise missing from None


def of_speakers(clips: Sequence[Clip], speakers: Iterable[str]) -> list[Clip]:
    """Those of the named speakers; SplitInvalid for one who has no clip."""
    wanted = list(dict.fromkeys(speakers))
    there = sorted({clip.speaker for clip in clips})
    absent = [name for name in wanted if name not in there]
    if absent:
        raise SplitInvalid(f"--speakers {','.join(absent)}: not in {clips[0].corpus}; there are {listed(there, 40)}")
    return [clip for clip in clips if clip.speaker in wanted]


def of_protocol(clips: Sequence[Clip], protocol: Protocol) -> list[Clip]:
    """Clips whose label the protocol reads; SplitInvalid if there are none."""
    counted = [clip for clip in clips if protocol.read(clip.label) in protocol.classes]
    if not counted:
        raise SplitInvalid(f"{clips[0].corpus} has no clip of {', '.join(protocol.classes)}; choose another --protocol")
    return counted


def assert_usable(clips: Sequence[Clip]) -> None:
    """ClipUnusable names every clip that is no sound, or too short to hold expression; only headers are read."""
    bad = []
    for clip in clips:
        try:
            info = soundfile.info(clip.path)
        except (soundfile.LibsndfileError, OSError):
            bad.append(f"{clip.path.name} (no sound that can be read)")
            continue
        if info.frames < SHORTEST_S * info.samplerate:
            bad.append(f"{clip.path.name} ({1000 * info.frames / info.samplerate:.0f} ms)")
    if bad:
        raise ClipUnusable(
            f"{clips[0].path.parent}: {len(bad)} clip{'s' * (len(bad) != 1)} that cannot be scored: {listed(bad)}; "
            f"copy them again, or leave them out (at least {1000 * SHORTEST_S:.0f} ms are needed)"
        )


def readable(clips: Sequence[Clip]) -> list[Clip]:
    """The clips that the live path reads to their end; ClipUnusable where it reads none."""
    found = []
    for clip in clips:
        with suppress(EmoscopeError), Recording(clip.path) as recording:
            for _ in recording.blocks(1.0):
                pass
            found.append(clip)
    if not found:
        raise ClipUnusable(f"none of {len(clips)} recordings can be read to its end; copy the corpus again")
    return found


def one_model(model: str | Path, clips: Sequence[Clip], allow_trained: bool) -> list[Part]:
    """All clips by one model."""
    folder = find_checkpoint(model) if is_public(model) else find_model(model)
    return [_part(folder, clips, allow_trained)]


def fold_folders(folds: Path | None, fold_models: Sequence[Path]) -> list[Path]:
    """The folders of the folds' models, named together or each; none where neither. UsageError for both."""
    if folds and fold_models:
        raise UsageError("--folds and --fold-models: one of them")
    if folds:
        return [folds / f"fold-{fold}" for fold in range(FOLDS)]
    return list(fold_models)


def fold_models(folders: Sequence[Path], clips: Sequence[Clip], allow_trained: bool) -> list[Part]:
    """Each clip by the model of its speaker's fold; SplitInvalid where the folds leave a speaker out."""
    if len(folders) != FOLDS:
        raise UsageError(f"{len(folders)} models for {FOLDS} folds; name one for each, in order")
    corpus = clips[0].corpus
    speakers = {clip.speaker for clip in clips}
    sides = [fold_speakers(corpus, fold, speakers) for fold in range(FOLDS)]
    strangers = sorted(speakers.difference(*sides))
    if strangers:
        raise SplitInvalid(f"{corpus}: in no fold: {listed(strangers)}; leave them out with --speakers")
    parts = []
    for folder, side in zip(folders, sides, strict=True):
        own = [clip for clip in clips if clip.speaker in side]
        if own:
            parts.append(_part(find_model(folder), own, allow_trained))
    labels = {tuple(part.card.labels) for part in parts}
    if len(labels) > 1:
        raise SplitInvalid("the folds' models have different labels; their figures cannot be pooled")
    return parts


def _part(folder: Path, clips: Sequence[Clip], allow_trained: bool) -> Part:
    card = card_of(folder)
    corpus = clips[0].corpus
    seen = {speaker for entry in card.data if entry.name == corpus for speaker in entry.speakers}
    here = sorted({clip.speaker for clip in clips})
    trained = [name for name in here if name in seen]
    if trained and not allow_trained:
        others = [name for name in here if name not in seen]
        way = f"score the others with --speakers {','.join(others)}" if others else "choose another corpus"
        raise SpeakerLeak(
            f"{card.id} was trained on {listed(trained)} of {corpus}: its scores would be too good; {way}, or say "
            "--allow-trained"
        )
    return Part(folder, card, tuple(clips), tuple(trained))
