"""What all tests share."""

import contextlib
import logging
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from needed import missing, program
from waiting import wait_until

settings.register_profile("emoscope", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("emoscope"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "emoscope"))

ROOT = Path(__file__).parents[1]

# Recognizers and encoders that somebody has cached must not change what the tests read by default.
os.environ["HF_HUB_CACHE"] = os.environ["EMOSCOPE_CACHE"] = str(ROOT / "tests" / "no-such-cache")
os.environ["EMOSCOPE_CONFIG"] = ""  # nor may a file of options that somebody has


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder that holds the corpora, beside the checkout."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        missing(f"needs the corpora of {folder.name}/ beside the checkout")
    return folder


@pytest.fixture(scope="session")
def whisper_base() -> Path:
    """A folder with Whisper-base."""
    folder = Path(os.environ.get("EMOSCOPE_TEST_WHISPER") or ROOT / "runs" / "whisper-base")
    if not (folder / "model.bin").is_file():
        missing(f"needs Whisper-base: `.ci/whisper-base {folder}` fetches it")
    return folder


@pytest.fixture(scope="session")
def conversation() -> Path:
    """The demo recording."""
    return ROOT / "demo" / "recordings" / "conversation.flac"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few hundred random weights in the shape of `small`."""
    import torch

    from emoscope.models import Calibration, ModelContract, SmallConfig, SmallModel, save_model
    from emoscope.models.cards import Audio, CalibrationCard, Card

    torch.manual_seed(5)
    contract = ModelContract(
        id="tiny", labels=("angry", "happy", "neutral", "sad"), dimensions=("arousal", "valence", "dominance"),
        derived=True, window=25_600, hop=12_800, frame=640, lookback=480, tail=4_800,
    )  # fmt: skip
    model = SmallModel(SmallConfig(channels=(2, 2, 4, 4), dim=8, memory=2), contract, Calibration())
    card = Card(
        format=1, id="tiny", version="1", architecture="small", config=model.card_config(),
        audio=Audio(sample_rate=16_000, window=25_600, hop=12_800, frame=640, lookback=480, tail=4_800,
                    normalisation="own level per window"),
        labels=list(contract.labels), dimensions=list(contract.dimensions), derived=True,
        calibration=CalibrationCard(seconds=[0.0], temperature=[1.0], unsure_below=0.0),
        languages=["en"], licence="Apache-2.0", data=[], training={}, scores=[], notes=[], weights_sha256="",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(model, card, folder)
    return folder


def _accepts(path: Path) -> bool:
    """Whether a server accepts connections at this socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        return True
    return False


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own."""
    path = tmp_path_factory.mktemp("redis") / "redis.sock"
    command = [program("redis-server"), "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or _accepts(path))
        assert process.poll() is None, "redis-server did not start"
        yield f"unix://{path}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command that runs in a test's own process, such as `serve`, writes its log to a stream that is closed later."""
    loggers = [logging.getLogger(name) for name in ("emoscope.server", "asyncio", "websockets.server")]
    before = [(logger, logger.handlers, logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, handlers, propagate, level in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture(scope="module")
def short_timeouts() -> Iterator[None]:
    """Clients notice dead connections within seconds, and reconnect without waiting.

    A starved machine may then look like one more dead connection. That costs a reconnect, and no test counts those.
    """
    from emoscope.streamer.client import backoff, client, connect, connection, core

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "INITIAL_DELAY_S", 0.02)
        patch.setattr(core, "KEEPALIVE_INTERVAL_S", 0.3)
        patch.setattr(connection, "ANSWER_TIMEOUT_S", 2.0)
        patch.setattr(client, "WATCHDOG_INTERVAL_S", 0.2)
        patch.setattr(connect, "PING_INTERVAL_S", 0.5)
        patch.setattr(connect, "PONG_TIMEOUT_S", 2.0)
        yield
