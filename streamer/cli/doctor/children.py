"""The checks that import native libraries, each in a process of its own: such a library can abort, or hang.

`python -m emoscope.streamer.cli.doctor.children CHECK JSON` runs one and prints its findings, a line each.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from ...engine.opening import Runtime
from ...protocol.errors import EmoscopeError
from .finding import Finding, State

DEMO = Path("demo/recordings/conversation.flac")
SELF_TEST_S = 10.0
SLOW_RTF = 0.5


@dataclass(frozen=True)
class Asked:
    """What the options in force ask for.

    model, device, threads, engine, asr, asr_device  of the options of the same name
    input                                            the microphone; None for the system's default
    explicit                                         which of them somebody set
    """

    model: str = "auto"
    device: str = "auto"
    threads: int | None = None
    engine: Runtime = "auto"
    asr: str = "auto"
    asr_device: str = "cpu"
    input: str | None = None
    explicit: tuple[str, ...] = ()


def in_child(check: str, asked: Asked, deadline_s: float) -> list[Finding]:
    """Run a check in a child. Where it aborts or does not end in time, that is the finding that it still owed."""
    command = [sys.executable, "-m", __name__, check, json.dumps(asdict(asked))]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)  # noqa: S603 - ours
        try:
            code: int | None = child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            code = None
        printed, complaints = (_lines(file) for file in (output, errors))
    findings = [Finding(**json.loads(line)) for line in printed if line.startswith("{")]
    owed = OWED[check][len(findings) :]
    if owed and code is None:
        # Without an answer of the self-test nobody knows whether anything works; the others are about one part.
        state: State = "red" if owed[-1] == "self-test" else "yellow"
        text = f"no answer within {deadline_s:g} s"
        return [*findings, Finding(owed[-1], state, text, "close other programs, or give it longer: --deadline")]
    if owed:
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        last = next((line for line in reversed(complaints) if line.strip()), "it printed nothing").strip()
        what = f"the check ended with {how}: {last}"
        return [*findings, Finding(owed[-1], "red", what, "reinstall the package that failed")]
    return findings


def _lines(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return file.read().decode(errors="replace").splitlines()


def sound(asked: Asked) -> Finding:
    """PortAudio and the input devices."""
    from ...sources.devices import choose, devices, load_sounddevice

    red = "input" in asked.explicit
    try:
        version = str(load_sounddevice().get_portaudio_version()[1]).partition(",")[0]
        found = devices()
        if red:
            return Finding("microphone", "green", f"{choose(asked.input).name}; {version}")
    except EmoscopeError as error:
        first, *rest = str(error).splitlines()
        return Finding("microphone", "red" if red else "yellow", first, " ".join(rest))
    if not found:
        todo = "connect one for `emoscope listen`; recordings and the server need none"
        return Finding("microphone", "yellow", f"{version}; the system offers no input device", todo)
    chosen = next((device for device in found if device.default), found[0])
    return Finding("microphone", "green", f"{chosen.name}, {len(found)} in all; {version}")


def torch(asked: Asked) -> Finding:
    """Torch, and a graphics card where there is one: something is computed on it."""
    if find_spec("torch") is None:
        todo = "`--model small` needs none; for every other model: pip install torch"
        return Finding("torch", "yellow", "not installed", todo)
    import torch

    text = f"torch {torch.__version__}"
    if not torch.cuda.is_available():
        if asked.device.startswith("cuda"):
            todo = "leave out --device, or install a build of torch for your card: https://pytorch.org/get-started"
            return Finding("torch", "red", f"{text} sees no GPU, and --device {asked.device} asks for one", todo)
        return Finding("torch", "green", f"{text}, no GPU: the models that ship need none")
    device = asked.device if asked.device.startswith("cuda") else "cuda"
    torch.ones(8, 8, device=device).sum().item()
    torch.nn.functional.conv1d(torch.ones(1, 1, 64, device=device), torch.ones(1, 1, 3, device=device)).sum().item()
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return Finding(
        "torch", "green", f"{text}, CUDA {torch.version.cuda}, cuDNN {cudnn}, {torch.cuda.get_device_name()}"
    )


def words(asked: Asked) -> Finding:
    """CTranslate2, and a second of silence through the recognizer that would be used, which shows whether cuDNN is
    there. Nothing is fetched."""
    import ctranslate2
    import numpy as np

    from ...asr.choice import HOW, choose
    from ...asr.messages import LoadRequest

    version = f"ctranslate2 {ctranslate2.__version__}"
    red = "asr" in asked.explicit
    choice = choose(asked.asr, "cuda" if asked.asr_device == "cuda" else "cpu")
    if choice is None:
        if asked.asr == "none":
            return Finding("words", "green", f"{version}; none are recognised, as --asr none asks")
        return Finding("words", "yellow", f"{version}; no recognizer's model is on this machine: readings only", HOW)
    load = LoadRequest(
        backend=choice.name, model=choice.model, device=choice.device, threads=choice.threads, fetch=False
    )
    try:
        from ...asr.backend import load_backend

        load_backend(load).transcribe(np.zeros(16_000, np.int16), "en", True)
    except (EmoscopeError, RuntimeError, OSError, ImportError, ValueError) as error:
        todo = HOW if choice.fetch else "`--asr none` leaves words out"
        if choice.fetch:
            return Finding("words", "yellow", f"{choice} is not on this machine; the first run fetches it", todo)
        return Finding("words", "red" if red else "yellow", f"{choice}: {str(error).splitlines()[0]}", todo)
    return Finding("words", "green", f"{choice} on {choice.device}; {version}")


def self_test(asked: Asked) -> Finding:
    """A few seconds of speech through the live path: they must give a reading."""
    from emoscope.models.external import hint, resolve

    from ...engine.opening import open_engine
    from ...protocol.config import Config, VadConfig
    from ...runtime.replay import replay

    demo = next((path for path in (DEMO, Path(__file__).parents[3] / DEMO) if path.is_file()), None)
    name = resolve(asked.model)
    opened = open_engine(name, device=asked.device, threads=asked.threads, engine=asked.engine)
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "self-test.wav"
        _write_speech(recording, demo)
        # What is made up is a voice to webrtcvad, not to the network, which knows real ones.
        vad = VadConfig() if demo is not None else VadConfig(backend="webrtc")
        began = time.perf_counter()
        events = list(replay(recording, opened, config=Config(pace="fast", vad=vad)))
        rtf = (time.perf_counter() - began) / SELF_TEST_S
    finals = sum(event.type == "emotion.final" for event in events)
    warnings = [str(event.message) for event in events if event.type == "warning"]
    what = f"{SELF_TEST_S:g} s of {'the demo recording' if demo is not None else 'made-up speech'}"
    where = f"{name} ({opened.runtime}) on {opened.device}"
    text = f"{what} by {where}: {finals} reading{'s' * (finals != 1)}, {rtf:.2f} of real time"
    if not finals:
        return Finding("self-test", "red", f"{text}; there should be at least one", "reinstall emoscope")
    if warnings:
        return Finding("self-test", "yellow", f"{text}; {warnings[0]}", "reinstall emoscope")
    if rtf > SLOW_RTF:
        todo = "`--model small` is the fastest one, and other programs may be using the processor"
        return Finding("self-test", "yellow", f"{text}: slow for a live voice", todo)
    return Finding("self-test", "yellow" if hint(asked.model) else "green", text, hint(asked.model))


def _write_speech(path: Path, demo: Path | None) -> None:
    import numpy as np
    import soundfile

    from ...testing.audio import silence, voice

    if demo is not None:
        with soundfile.SoundFile(demo) as file:
            soundfile.write(path, file.read(round(SELF_TEST_S * file.samplerate)), file.samplerate)
        return
    made = np.concatenate([silence(1), voice(SELF_TEST_S - 2), silence(1)])
    soundfile.write(path, made, 16_000)


def model(asked: Asked) -> Iterator[Finding]:
    """Torch, and then the model on it: one child, because torch takes seconds to import."""
    yield torch(asked)
    yield self_test(asked)


CHECKS: dict[str, Callable[[Asked], Iterator[Finding]]] = {
    "model": model,
    "words": lambda asked: iter((words(asked),)),
    "microphone": lambda asked: iter((sound(asked),)),
}
OWED = {"model": ("torch", "self-test"), "words": ("words",), "microphone": ("microphone",)}
"""The names of the findings of each check, in order."""


def main(arguments: list[str]) -> int:
    """Run one check; an error that says what to do is a finding."""
    check, text = arguments
    values: dict[str, Any] = json.loads(text)
    asked = Asked(**{**values, "explicit": tuple(values["explicit"])})
    try:
        for finding in CHECKS[check](asked):
            print(json.dumps(asdict(finding)), flush=True)
    except EmoscopeError as error:
        print(json.dumps(asdict(Finding(OWED[check][-1], "red", " ".join(str(error).split())))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
