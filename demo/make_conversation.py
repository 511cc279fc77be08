"""Makes demo/recordings/conversation.flac again, from RAVDESS clips of actors 21 and 22.

    python demo/make_conversation.py PATH_TO_RAVDESS

The clips were fixed beforehand (each emotion once per actor, the stronger intensity, first repetition), not picked by
how well they are recognized. Clips keep their own silence; half a second of quiet stands between them.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 16_000
PAUSE_S = 0.5
EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
FOLDER = Path(__file__).parent / "recordings"


def clips() -> list[tuple[str, str]]:
    """(name, emotion) of each clip, in order: the actors take turns, each emotion is answered by the next one."""
    names = []
    for turn in range(16):
        emotion, actor = turn // 2 + (turn % 2) * 4, 21 + turn % 2
        code = emotion % 8 + 1
        intensity = 1 if code == 1 else 2
        names.append((f"03-01-{code:02d}-{intensity:02d}-{turn // 2 % 2 + 1:02d}-01-{actor}", EMOTIONS[code - 1]))
    return names


def load(corpus: Path, name: str) -> np.ndarray:
    """One clip, mono at 16 kHz, from the owners' layout or a flat folder."""
    found = sorted(p for p in corpus.rglob(f"{name}.*") if p.suffix in {".wav", ".flac"})
    if not found:
        raise SystemExit(f"{corpus}: no clip {name}; give the folder of RAVDESS's speech part")
    audio, rate = soundfile.read(found[0], dtype="float32", always_2d=True)
    return soxr.resample(audio.mean(1), rate, RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of RAVDESS's speech part")
    corpus = parser.parse_args().corpus
    quiet = np.zeros(round(PAUSE_S * RATE), np.float32)
    pieces, rows, at = [], ["start\tend\tactor\temotion\tclip"], 0
    for name, emotion in clips():
        audio = load(corpus, name)
        start, end = at / RATE, (at + len(audio)) / RATE
        rows.append(f"{start:.2f}\t{end:.2f}\t{name[-2:]}\t{emotion}\t{name}")
        pieces += [audio, quiet]
        at += len(audio) + len(quiet)
    FOLDER.mkdir(exist_ok=True)
    soundfile.write(FOLDER / "conversation.flac", np.concatenate(pieces), RATE, subtype="PCM_16")
    (FOLDER / "conversation.tsv").write_text("\n".join(rows) + "\n")
    print(f"{FOLDER / 'conversation.flac'}: {at / RATE:.1f} s, {len(rows) - 1} clips")


if __name__ == "__main__":
    main()
