"""`emoscope bench inputs`: whether one recording in every container and codec is read, and read as the original."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..engine.opening import OpenedModel
from ..protocol.config import Config
from ..protocol.errors import UnreadableAudio, UsageError
from ..protocol.events import EmotionFinal, SessionClosed
from ..runtime.replay import replay
from .input_rows import ROWS, STREAM, Row

FFMPEG_MISSING = "bench inputs makes its files with the program ffmpeg, which is not here: Debian `apt install ffmpeg`"


@dataclass(frozen=True)
class Answer:
    """What was read of a file.

    seconds     its length
    utterances  its finals
    same        finals of the original whose counterpart, the one that overlaps most, has the same label
    moved       the largest difference between a score and that of the counterpart
    others      the finals whose label is another one: "12.5 s: sad, not calm"
    problem     why it was not made, or not read to its end; "" for nothing
    """

    container: str
    codec: str
    suffix: str
    seconds: float = 0.0
    utterances: int = 0
    same: int = 0
    moved: float = 0.0
    others: tuple[str, ...] = ()
    problem: str = ""


def print_inputs(recording: Path, opened: OpenedModel, config: Config, *, as_json: bool) -> bool:
    """Make every file, read it, and print a row for it. Whether each was read to its end.

    UsageError without ffmpeg.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise UsageError(FFMPEG_MISSING)
    original, seconds = _finals(recording, opened, config)
    if not as_json:
        print(f"{recording}: {seconds:.2f} s, {len(original)} utterances; model {opened.contract.id}")
        print(f"\n{'container':<10} {'codec':<28} {'file':<5} {'seconds':>8} {'turns':>5} {'same label':>10} moved")
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        for answer in _answers(program, recording, Path(folder), original, opened, config):
            answers.append(answer)
            if not as_json:
                print(_line(answer, len(original)), flush=True)
    read = [answer for answer in answers if not answer.problem]
    alike = [answer for answer in read if answer.same == len(original)]
    if as_json:
        print(json.dumps({"utterances": len(original), "seconds": seconds, "files": [asdict(one) for one in answers]}))
    else:
        print(
            f"\n{len(answers)} files: {len(read)} read to their end, and of {len(alike)} of these every label is that "
            "of the original"
        )
    return len(read) == len(answers)


def _answers(
    program: str, recording: Path, folder: Path, original: Sequence[EmotionFinal], opened: OpenedModel, config: Config
) -> Iterator[Answer]:
    for number, row in enumerate(ROWS):
        path = folder / f"{number}.{row.suffix}"
        problem = make_file(program, row, recording, path)
        if problem:
            yield Answer(row.container, row.codec, row.suffix, problem=f"not made: {problem}")
            continue
        try:
            finals, seconds = _finals(path, opened, config)
        except UnreadableAudio as error:
            problem = str(error).removeprefix(f"{path}: ")
            yield Answer(row.container, row.codec, row.suffix, problem=problem)
            continue
        finally:
            path.unlink(missing_ok=True)
        yield compared(row, original, finals, seconds)


def compared(row: Row, original: Sequence[EmotionFinal], finals: Sequence[EmotionFinal], seconds: float) -> Answer:
    """The finals of a file beside those of the original."""
    same, moved, others = 0, 0.0, []
    for final in original:
        other = max(finals, key=lambda one: _overlap(final, one), default=None)
        if other is None or _overlap(final, other) <= 0:
            others.append(f"{final.start:.1f} s: no utterance, not {final.label}")
            continue
        moved = max([moved, *(abs(score - other.scores.get(label, 0.0)) for label, score in final.scores.items())])
        if other.label == final.label:
            same += 1
        else:
            others.append(f"{final.start:.1f} s: {other.label}, not {final.label}")
    return Answer(
        row.container, row.codec, row.suffix, round(seconds, 3), len(finals), same, round(moved, 4), tuple(others)
    )


def _overlap(one: EmotionFinal, other: EmotionFinal) -> float:
    return min(one.end, other.end) - max(one.start, other.start)


def _finals(path: Path, opened: OpenedModel, config: Config) -> tuple[list[EmotionFinal], float]:
    """The finals of a recording, and its length in seconds. UnreadableAudio where it is not read to its end."""
    finals, seconds = [], 0.0
    for event in replay(path, opened, config=config):
        if isinstance(event, EmotionFinal):
            finals.append(event)
        elif isinstance(event, SessionClosed):
            seconds = event.totals.audio_s
    return finals, seconds


def make_file(program: str, row: Row, recording: Path, path: Path) -> str:
    """Make the file of a row; why not, where it could not be made."""
    if row.codec == "AMR":
        _make_amr(recording, path)
        return ""
    options = [option for option in row.options if option != STREAM]
    command = [program, "-v", "error", "-nostdin", "-y", "-i", str(recording), *options]
    streamed = STREAM in row.options
    done = subprocess.run(  # noqa: S603 - a fixed command line; the program was found on the path
        [*command, "-" if streamed else str(path)], capture_output=True, check=False
    )
    if streamed:
        path.write_bytes(done.stdout)
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return said[0] if said else f"ffmpeg ended with {done.returncode}"


def _make_amr(recording: Path, path: Path) -> None:
    """AMR, which distributions' ffmpeg does not write, by the codec that PyAV brings."""
    import av

    with av.open(str(recording)) as source, av.open(str(path), "w") as output:
        stream: Any = output.add_stream("amr_nb", rate=8_000, layout="mono")
        stream.bit_rate = 12_200
        resampler = av.AudioResampler(stream.codec_context.format, "mono", 8_000, 160)
        for frame in [*source.decode(audio=0), None]:
            for made in resampler.resample(frame):
                output.mux(stream.encode(made))
        output.mux(stream.encode(None))


def _line(answer: Answer, count: int) -> str:
    name = f"{answer.container:<10} {answer.codec:<28} {answer.suffix:<5}"
    if answer.problem:
        return f"{name} {answer.problem}"
    others = f"  {'; '.join(answer.others)}" if answer.others else ""
    same = f"{answer.same} of {count}"
    return f"{name} {answer.seconds:>8.2f} {answer.utterances:>5} {same:>10} {answer.moved:>5.3f}{others}"
