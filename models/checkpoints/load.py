"""Open a public checkpoint: find it, tell its family, name its outputs, and fit every weight."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from ..cards import FORMAT, Audio, CalibrationCard, Card
from ..cards.weights import check_fit
from ..contract import ModelContract
from ..encoders.checkpoint import fit_encoder
from ..encoders.speech import FRAME
from ..errors import CardInvalid, EmoscopeError, HeadMismatch
from ..model import StreamModel
from .classifier import CLASSIFIER
from .find import HUB_ID, find_checkpoint, id_of, whole
from .labels import LabelMap, map_labels
from .model import CHECKPOINT, CheckpointModel, calibration_of, labels_and_dimensions
from .odyssey import ODYSSEY
from .parts import Family, Head, Parts, Snapshot, VoiceFamily
from .read import Weights, config_of
from .rows import Row, row_of
from .speechbrain import SPEECHBRAIN
from .text import TEXT, load_words
from .vox_profile import VOX_PROFILE

FAMILIES: tuple[Family, ...] = (SPEECHBRAIN, VOX_PROFILE, ODYSSEY, CLASSIFIER, TEXT)
TAIL = 3_200  # 0.2 s after the last voiced frame, as the systems have it
LOOKBACK = 80


def snapshot_of(name: str | Path, copy: Path | None = None) -> Snapshot:
    """A checkpoint's configs; NotCached where it is not on this machine, or not whole.

    copy  a folder with the checkpoint of this name, where it is not kept yet
    """
    folder = find_checkpoint(name) if copy is None else whole(copy, str(copy))
    named = isinstance(name, str) and HUB_ID.fullmatch(name) is not None and not Path(name).is_dir()
    called = str(name) if named else id_of(folder)
    return Snapshot(folder, called, config_of(folder), config_of(folder, "preprocessor_config.json"))


def family_of(snapshot: Snapshot) -> Family:
    """The family that reads a checkpoint; CardInvalid where there is none."""
    for family in FAMILIES:
        if family.recognises(snapshot):
            return family
    kind = snapshot.config.get("model_type") or snapshot.config.get("architectures") or "nothing that is known"
    raise CardInvalid(
        f"{snapshot.name}: its config says {kind!r}, which is no model of emotion that can be read here; "
        "`emoscope models list` names those that can. Code of a repository is never run"
    )


def public_card(name: str | Path, copy: Path | None = None) -> Card:
    """The card of a public checkpoint on this machine, from its configs alone; no weight is read."""
    snapshot = snapshot_of(name, copy)
    family = family_of(snapshot)
    return card_of(snapshot, family, names_of(snapshot, family))


def load_checkpoint(name: str | Path, copy: Path | None = None) -> StreamModel:
    """A public checkpoint ready to read, on the CPU, in eval mode; `copy` as in `snapshot_of`.

    Raises NotCached, CardInvalid (no emotions, labels that contradict each other) or HeadMismatch (weights missing,
    unexpected, of another shape, or in a file that holds code).
    """
    snapshot = snapshot_of(name, copy)
    family = family_of(snapshot)
    names = names_of(snapshot, family)
    card = card_of(snapshot, family, names)
    contract = replace(card.contract(), weights=digest_of(snapshot.folder), hears=isinstance(family, VoiceFamily))
    try:
        if isinstance(family, VoiceFamily):
            return _voice(family, family.build(snapshot, family.read(snapshot)), names, contract)
        return load_words(snapshot, names, contract, card.calibrated()).eval().requires_grad_(False)
    except EmoscopeError:
        raise
    except Exception as error:  # a config is untrusted: whatever it makes a constructor do is its fault
        raise CardInvalid(f"{snapshot.name}: no network can be built from its config.json: {error}") from None


def _voice(family: VoiceFamily, parts: Parts, names: LabelMap, contract: ModelContract) -> StreamModel:
    """A voice model with every weight where it belongs."""
    where = contract.id
    inside = dict(parts.encoder_weights)
    sums = inside.pop("layer_weights", None)
    fit_encoder(parts.encoder.model, inside, where)
    if sums is not None:
        check_fit({"layer_weights": parts.encoder.hidden.weights}, {"layer_weights": sums}, where, "its config.json")
        parts.encoder.hidden.weights.data.copy_(sums)
    fit_head(parts.head, parts.head_weights, where, len(names.raw))
    contract = replace(contract, lookback=parts.encoder.lookback)
    return CheckpointModel(family, parts, names, contract).eval().requires_grad_(False)


def fit_head(head: Head, weights: Weights, where: str, outputs: int) -> None:
    """Load a head; HeadMismatch names every weight that is missing or left over, and a count that is not the labels'.

    A head of random numbers would answer with confidence, so nothing is filled in, and nothing is left out.
    """
    check_fit(head.state_dict(), weights, where, "its head")
    head.load_state_dict(weights)
    if head.count != outputs:
        raise HeadMismatch(f"{where}: its config names {outputs} outputs, but its head has {head.count}")


def names_of(snapshot: Snapshot, family: Family) -> LabelMap:
    """A checkpoint's outputs by the project's names; CardInvalid where they say nothing."""
    return map_labels(family.outputs(snapshot), snapshot.name)


def card_of(snapshot: Snapshot, family: Family, names: LabelMap) -> Card:
    """The card of a checkpoint: what its config says, and what is known of it by its name."""
    labels, dimensions = labels_and_dimensions(names)
    row = row_of(snapshot.name)
    licence, languages = (row.licence, row.languages) if row else stated(snapshot.folder)
    window, hop = (round(seconds * 16_000 / FRAME) * FRAME for seconds in family.seconds)
    calibration = calibration_of(family, len(labels), decides=bool(names.labels))
    contract = ModelContract(
        id=snapshot.name, labels=labels, dimensions=dimensions, window=window, hop=hop, frame=FRAME, lookback=LOOKBACK,
        tail=TAIL, languages=languages, licence=licence,
    )  # fmt: skip
    normalised = snapshot.preprocessor.get("do_normalize", True)
    return Card(
        format=FORMAT,
        id=snapshot.name,
        version="a public checkpoint",
        architecture=CHECKPOINT,
        config={"family": family.name, "outputs": names.lines},
        audio=Audio.of(contract, "per window" if normalised else "none"),
        labels=list(labels),
        dimensions=list(dimensions),
        derived=False,
        calibration=CalibrationCard.of(calibration),
        languages=list(languages),
        licence=licence,
        data=[],
        training={},
        scores=list(row.published) if row else [],
        notes=notes_of(family, row, bool(names.labels)),
        weights_sha256="",
    )


def notes_of(family: Family, row: Row | None, decides: bool) -> list[str]:
    """What a reader of the card should know."""
    notes = [family.merging, *family.notes, *(row.notes if row else ())]
    if not decides:
        notes.append("it gives dimensions alone: its label is always `unsure`")
    if family.reliable_from:  # the window is longer too, so that a final reads more than the beginning
        notes.append(
            f"unreliable on less than {family.reliable_from:g} s of speech: until then its label is `unsure`, and its "
            f"window is {family.seconds[0]:g} s"
        )
    return notes


def stated(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Licence and languages as a repository's README.md states them; a licence that is not stated is said to be so."""
    try:
        text = (folder / "README.md").read_text(errors="replace")
    except OSError:
        text = ""
    front = text.split("---")[1] if text.startswith("---") and text.count("---") > 1 else ""
    licence = re.search(r"^license:\s*\"?([\w .+-]+)", front, re.MULTILINE)
    language = re.search(r"^language:\s*(?:-\s*)?\"?([a-z]{2})\b", front, re.MULTILINE)
    said = licence.group(1).strip() if licence else "not stated by the checkpoint"
    return said, (language.group(1),) if language else ()


def digest_of(folder: Path) -> str:
    """SHA-256 over the checkpoint's weights, file by file."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".bin", ".ckpt") and path.is_file():
            with open(path, "rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()
