"""The command line itself: help, options and usage errors of every command, without running one."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from emoscope.streamer.asr.choice import NAMES
from emoscope.streamer.cli.bench import BenchInputs, BenchModels, BenchReplay, BenchScale, BenchServe, BenchWords
from emoscope.streamer.cli.command import AnyCommand, Command, CommandGroup, Runnable
from emoscope.streamer.cli.devices import Devices
from emoscope.streamer.cli.explain import Explain
from emoscope.streamer.cli.listen import Listen
from emoscope.streamer.cli.main import app_of, main, own_commands
from emoscope.streamer.cli.models import ListModels, PullModel, SaveModel, ShowModel
from emoscope.streamer.cli.options import (
    MeasuredModelOptions,
    ModelOptions,
    OutputOptions,
    RecognizerOptions,
)
from emoscope.streamer.cli.parser import parse
from emoscope.streamer.cli.recording_options import ExportOptions
from emoscope.streamer.cli.replay import Replay
from emoscope.streamer.cli.send import Send
from emoscope.streamer.cli.serve import Serve
from emoscope.streamer.cli.session_options import DetectorOptions, SessionOptions, SpeakerOptions
from emoscope.streamer.cli.summary import Summary


def parsed(line: str) -> Runnable | None:
    return parse(app_of(line.split()), line.split())


def leaves(commands: Sequence[AnyCommand], before: tuple[str, ...] = ()) -> Iterator[tuple[list[str], Command]]:
    """Every command that can be run, with the words that name it."""
    for command in commands:
        if isinstance(command, CommandGroup):
            yield from leaves(command.commands, (*before, command.name))
        else:
            assert isinstance(command, Command)
            yield [*before, command.name], command


def option_names(options: type) -> Iterator[str]:
    """The options of a command's dataclass, those of its groups among them."""
    for item in dataclasses.fields(options):
        if dataclasses.is_dataclass(item.type):
            yield from option_names(item.type)  # type: ignore[arg-type]
        elif item.kw_only:
            yield "--" + item.name.rstrip("_").replace("_", "-")


@pytest.mark.parametrize(
    ("words", "command"), [pytest.param(*leaf, id=" ".join(leaf[0])) for leaf in leaves(own_commands())]
)
def test_help_names_every_option_of_a_command(
    words: list[str], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--help"]) == 0
    printed, errors = capsys.readouterr()
    assert errors == "" and command.help in " ".join(printed.split())
    # A star stands before what is required, and room for it before the other options of that command.
    shown = re.findall(r"^│ (?:[* ]  )?(--[a-z-]+) ", printed, re.MULTILINE)
    assert set(shown) == set(option_names(command.options)) | {"--config"}


def test_the_help_of_asr_names_every_recognizer(capsys: pytest.CaptureFixture[str]) -> None:
    main(["listen", "--help"])
    printed = capsys.readouterr().out
    assert NAMES and all(name in printed for name in NAMES)


def test_the_help_lists_our_commands_and_those_of_other_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    names = [
        "bench",
        "completion",
        "config",
        "devices",
        "doctor",
        "evaluate",
        "explain",
        "listen",
        "models",
        "replay",
        "send",
        "serve",
        "summary",
        "train",
    ]
    assert all(f"│ {name} " in printed for name in names)
    assert "a guess about expression" in printed


@pytest.mark.parametrize("arguments", [[], ["models"], ["bench"]])
def test_without_a_command_the_help_is_printed_and_the_exit_code_is_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "Commands" in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("emoscope ")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("devices --json", Devices(json=True)),
        ("models list", ListModels()),
        ("models show small", ShowModel("small")),
        ("models pull whisper --from dir", PullModel("whisper", from_=Path("dir"))),
        ("models save segmental out --size published", SaveModel("segmental", Path("out"), size="published")),
        ("listen", Listen()),
        (
            "listen --input 3 --seconds 2.5 --no-interim --record-audio a.wav --model dir --device cuda:1 --threads 2 "
            "--asr pocketsphinx --asr-device cuda --language de --baseline running --voice me.voice --json "
            "--record out.jsonl --vtt out.vtt --csv out.csv",
            Listen(
                input="3",
                seconds=2.5,
                session=SessionOptions(no_interim=True),
                record_audio=Path("a.wav"),
                model=ModelOptions(model="dir", device="cuda:1", threads=2),
                recognizer=RecognizerOptions(asr="pocketsphinx", asr_device="cuda", language="de"),
                speaker=SpeakerOptions(baseline="running", voice=Path("me.voice")),
                output=OutputOptions(
                    json=True, record=Path("out.jsonl"), vtt=Path("out.vtt"), csv=Path("out.csv")
                ),
            ),
        ),
        (
            "replay a.wav b.wav --plain --speed 2 --screenshot x.svg --at -1.5 --size 100x30 --record dir --vtt dir "
            "--device cpu",
            Replay(
                (Path("a.wav"), Path("b.wav")),
                speed=2.0,
                screenshot=Path("x.svg"),
                at=-1.5,
                size="100x30",
                model=ModelOptions(device="cpu"),
                output=ExportOptions(plain=True, record=Path("dir"), vtt=Path("dir")),
            ),
        ),
        (
            "send mic ws://host:1 --input Yeti --token t --ca ca.pem --pace realtime --seconds 3 --no-interim --plain",
            Send(
                "mic",
                "ws://host:1",
                input="Yeti",
                token="t",
                ca=Path("ca.pem"),
                pace="realtime",
                seconds=3.0,
                session=SessionOptions(no_interim=True),
                output=OutputOptions(plain=True),
            ),
        ),
        (
            "serve --host 0.0.0.0 --port 1 --token t --origin http://a --origin http://b --cert c --key k --insecure "
            "--store redis://r/0 --max-sessions 5 --drain 8 --model dir --device cuda --threads 3 --batch 4 --asr none "
            "--asr-workers 2 --language en",
            Serve(
                host="0.0.0.0",
                port=1,
                token="t",
                origin=("http://a", "http://b"),
                cert=Path("c"),
                key=Path("k"),
                insecure=True,
                store="redis://r/0",
                max_sessions=5,
                drain=8.0,
                model=ModelOptions(model="dir", device="cuda", threads=3),
                batch=4,
                recognizer=RecognizerOptions(asr="none", language="en"),
                asr_workers=2,
            ),
        ),
        (
            "bench models --minutes 1 --threads 2 --only a --only b --no-readings --no-encoders",
            BenchModels(minutes=1.0, threads=2, only=("a", "b"), no_readings=True, no_encoders=True),
        ),
        (
            "bench replay a.wav dir --model dir --model small --threads 2 --rounds 5 --json --vad silero",
            BenchReplay(
                (Path("a.wav"), Path("dir")),
                rounds=5,
                json=True,
                model=("dir", "small"),
                threads=2,
                detector=DetectorOptions(vad="silero"),
            ),
        ),
        (
            "bench inputs a.wav --model dir --json --vad webrtc",
            BenchInputs(
                Path("a.wav"),
                json=True,
                model=MeasuredModelOptions(model="dir"),
                detector=DetectorOptions(vad="webrtc"),
            ),
        ),
        (
            "explain r.jsonl -o x.html --from 1 --to 2.5 --dark --audio a.wav --no-audio --part 2 --model dir "
            "--asr none --baseline running --vad silero",
            Explain(
                Path("r.jsonl"),
                output=Path("x.html"),
                from_=1.0,
                to=2.5,
                dark=True,
                audio=Path("a.wav"),
                no_audio=True,
                part=2,
                model=ModelOptions(model="dir"),
                recognizer=RecognizerOptions(asr="none"),
                speaker=SpeakerOptions(baseline="running"),
                detector=DetectorOptions(vad="silero"),
            ),
        ),
        (
            "summary a.jsonl b.jsonl --output x.svg --dark --json --csv t.csv",
            Summary(
                (Path("a.jsonl"), Path("b.jsonl")), output=Path("x.svg"), dark=True, json=True, csv=Path("t.csv")
            ),
        ),
        ("bench words a.wav --asr none --seconds 3", BenchWords(Path("a.wav"), asr=("none",), seconds=3.0)),
        (
            "bench scale --streams 5 --cores 8 --utilization 0.5 --zones 2 --mean-s 60 --hour 0.05 --seed 1",
            BenchScale(streams=5, cores=8, utilization=0.5, zones=2, mean_s=60.0, hour=0.05, seed=1),
        ),
        (
            "bench serve --model dir --device cpu --audio pyproject.toml --streams 1 2 --seconds 3 --idle 4 "
            "--batches 5 6 --only idle",
            BenchServe(
                model=MeasuredModelOptions(model="dir", device="cpu"),
                audio=Path("pyproject.toml"),
                streams=(1, 2),
                seconds=3.0,
                idle=4,
                batches=(5, 6),
                only=("idle",),
            ),
        ),
    ],
    ids=lambda value: value.split(" --")[0] if isinstance(value, str) else "",
)  # fmt: skip
def test_each_option_reaches_its_field(line: str, command: Runnable) -> None:
    assert parsed(line) == command


def test_of_an_option_that_is_repeated_the_last_one_holds() -> None:
    assert parsed("serve --port 1 --asr none --port 2") == parsed("serve --asr none --port 2")


def test_the_token_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOSCOPE_TOKEN", "from the environment")
    assert parsed("serve") == Serve(token="from the environment")
    assert parsed("send a.wav ws://host:1") == Send("a.wav", "ws://host:1", token="from the environment")
    assert parsed("serve --token given") == Serve(token="given")


def test_the_options_of_serve_are_those_of_the_server() -> None:
    command = parsed("serve --port 1 --token t --origin HTTP://A/ --max-sessions 5 --drain 8 --language en --asr none")
    assert isinstance(command, Serve)
    options = command.server_options()
    assert (options.port, options.token, options.origins) == (1, "t", ("http://a",))
    assert (options.max_sessions, options.drain_s, options.language) == (5, 8.0, "en")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("listen --thread 2", "Unknown option: --thread. Did you mean --threads?"),
        ("listen --threads two", 'Invalid value for --threads: unable to convert "two" into int.'),
        ("listen --threads 0", "--threads 0: must be from 1 to 1024"),
        ("listen --device gpu", "--device gpu: must be cpu, cuda, cuda:N or auto"),
        ("listen --device cuda:x", "--device cuda:x: must be cpu, cuda, cuda:N or auto"),
        ("listen --interval-s 99", "--interval-s 99: must be from 0.1 to 10"),
        ("replay a.wav --vad-threshold nan", "--vad-threshold nan: must be from 0 to 1"),
        ("serve --config none.toml", "--config none.toml: no such file"),
        ("listen --seconds 0", "--seconds 0.0: must be above 0"),
        ("listen --seconds nan", "--seconds nan: must be above 0"),
        ("listen --baseline on", 'Invalid value "on" for --baseline. Choose from: "off", "running".'),
        ("listen --asr telepathy", "--asr telepathy: no such speech recognizer"),
        ("listen --plain --json", "--plain and --json: one of them"),
        ("listen --vtt x.srt", "--vtt x.srt: the name of such a file ends in .vtt"),
        ("listen --csv x", "--csv x: the name of such a file ends in .csv"),
        ("listen --record", "--record requires an argument"),
        ("replay", "FILE requires an argument"),
        ("replay a.wav --speed 0", "--speed 0.0: must be from 0.01 to 1000"),
        ("replay a.wav --voice none.voice", "--voice none.voice: no such file"),
        ("replay a.wav --vtt x.srt", "--vtt x.srt: the name of such a file ends in .vtt"),
        ("explain a.wav", "--output requires an argument"),
        ("explain a.wav -o x.pdf", "-o x.pdf: the name must end in .png, .svg or .html, not in .pdf"),
        ("explain a.wav -o x", "-o x: the name must end in .png, .svg or .html, not in nothing"),
        ("explain a.wav -o x.png --no-audio", "--no-audio is for a page (.html)"),
        ("explain a.wav -o x.png --from 3 --to 3", "--to 3: must be after --from 3"),
        ("explain a.wav -o x.png --from nan", "--from nan: must be 0 or more seconds"),
        ("explain a.wav -o x.png --part 0", "--part 0: parts are counted from 1"),
        ("summary", "RECORD requires an argument"),
        ("summary r.jsonl -o x.html", "-o x.html: the name must end in .png or .svg, not in .html"),
        ("summary r.jsonl --csv x.txt", "--csv x.txt: the name of such a file ends in .csv"),
        ("send a.wav ws://h --input 1", "--input is for the microphone"),
        ("send mic ws://h --pace fast", "--pace fast is for recordings"),
        ("send a.wav ws://h --ca c.pem", "--ca is for wss:// addresses"),
        ("send a.wav", "URL requires an argument"),
        ("serve --asr-workers 0", "--asr-workers 0: must be from 1 to 64"),
        ("serve --port 70000", "--port 70000: must be from 0 to 65535"),
        ("serve --host 0.0.0.0", "give a --token, or --insecure"),
        ("bench scale --zones 1", "--zones 1: must be from 2 to 100, because one may be lost"),
        ("bench scale --utilization 1", "--utilization 1.0: must be from 0.01 to less than 1"),
        ("bench serve --audio none.flac", "--audio none.flac: no such file"),
        ("models show smal", "no model 'smal'"),
        ("models delete", 'Unknown command "delete"'),
        ("lisen", 'Unknown command "lisen". Did you mean "listen"?'),
    ],
)
def test_a_usage_error_is_one_line_and_the_exit_code_is_2(
    line: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EMOSCOPE_TOKEN", raising=False)
    assert main(line.split()) == 2
    printed, errors = capsys.readouterr()
    assert printed == "" and errors.count("\n") == 1
    assert errors.startswith("emoscope: ") and message in errors


def test_device_is_where_the_model_runs(conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A GPU that this machine does not have is a usage error, before any recording is read."""
    assert main(["replay", str(conversation), "--device", "cuda:99"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("emoscope: --device cuda:99: torch sees ") and errors.count("\n") == 1
