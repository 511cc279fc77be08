"""The times of phones in EmoDB, from its owners' files lablaut/STEMxx.lablaut.

Each line has the end of a phone in seconds, a colour, the phone, and what the labeller heard in it. A closure and its
release are lines of their own (t, !t, tasp), and so is a part of a phone that is spoken in another way (-sth): here all
of them are one phone.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import soundfile

from ..errors import ClipUnusable
from .listing import Clip

PAUSE = "pause"
_LINE = re.compile(r"^ *(\d+\.\d+) +\S+ *(\S*)", re.MULTILINE)


@dataclass(frozen=True)
class Phone:
    """A phone and its stretch, seconds of the recording. `PAUSE` stands for silence between and after words."""

    name: str
    start_s: float
    end_s: float


def label_lines(labels: Path) -> list[tuple[float, str]]:
    """(end in seconds, name) of each line of a file, as it stands there."""
    return [(float(end), name) for end, name in _LINE.findall(labels.read_text("latin-1"))]


def label_file(clip: Clip) -> Path:
    """Where the owners of EmoDB keep the phones of a clip: beside the clips, or beside their folder `wav`."""
    folder = clip.path.parent
    return (folder.parent if folder.name == "wav" else folder) / "lablaut" / f"{clip.path.stem}xx.lablaut"


def seconds_of(clip: Clip) -> float:
    """The length of a clip's recording; ClipUnusable where it cannot be read."""
    try:
        return float(soundfile.info(clip.path).duration)
    except (soundfile.LibsndfileError, OSError) as error:
        raise ClipUnusable(f"{clip.path}: cannot be read as sound: {error}") from None


def phones_of(clip: Clip, seconds: float) -> list[Phone]:
    """The phones of a clip within its first `seconds`; none where the corpus has no such file.

    In copies that are cut to one length, labels go on after the recording's end: what lies there is left out.
    """
    path = label_file(clip)
    if clip.corpus != "emodb" or not path.is_file():
        return []
    found: list[Phone] = []
    begin = 0.0
    for end, written in label_lines(path):
        if begin >= seconds:
            break
        name = phone_name(written)
        if found and name in ("", found[-1].name):
            found[-1] = Phone(found[-1].name, found[-1].start_s, min(end, seconds))
        elif name:
            found.append(Phone(name, begin, min(end, seconds)))
        begin = end
    return found


def phone_name(written: str) -> str:
    """The phone that a label belongs to; "" for one that only says how the phone before it goes on.

    >>> [phone_name(written) for written in ("t", "!t", "tasp", "_t", "I+nas", "-sth", "(")]
    ['t', 't', 't', 't', 'I', '', 'pause']
    """
    if written.startswith((".", "(", "[")):
        return PAUSE
    bare = re.sub(r"(?<=.)[+-].*", "", written).lstrip("_!")
    if not bare or bare[0] in "+-" or (len(bare) > 2 and bare.isalpha() and not bare.endswith("asp")):
        return ""
    if len(bare) == 2 and bare[0] == bare[1]:
        return bare[0]  # a phone that is drawn out
    return bare.removesuffix("asp") if len(bare) > 3 else bare
