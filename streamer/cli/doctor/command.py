"""`emoscope doctor`: what works on this machine, and what to do about the rest."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from cyclopts import Parameter

from ..command import Command
from ..config import SECRET
from ..config_file import find
from ..config_values import OPTION, InForce
from ..options import ModelOptions, RecognizerOptions
from ..parser import CONFIG_FILE, in_force
from .finding import Finding, show

DEADLINE_S = 90.0  # torch on a busy machine; the three children run side by side
STORE_DEADLINE_S = 5.0


Check = Callable[[], list[Finding]]


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Look at everything that listen, replay and serve need, as the options in force ask for it."""

    json: Annotated[bool, Parameter(help="print one JSON object for each check, a line each")] = False
    deadline: Annotated[float, Parameter(help="seconds that a check may take", metavar="S")] = DEADLINE_S
    config: CONFIG_FILE = None
    model: ModelOptions = field(default_factory=ModelOptions)
    recognizer: RecognizerOptions = field(default_factory=RecognizerOptions)

    def run(self) -> int:
        """Print a line for each check; 1 when something that was asked for cannot work."""
        findings = self.findings()
        if self.json:
            for finding in findings:
                print(json.dumps(asdict(finding)))
        else:
            show(findings)
        return int(any(finding.state == "red" for finding in findings))

    def findings(self) -> list[Finding]:
        """All findings, in a fixed order."""
        from concurrent.futures import ThreadPoolExecutor

        from . import machine
        from .children import Asked, in_child

        listen, serve = self._in_force("listen"), self._in_force("serve")
        model, recognizer = self.model, self.recognizer
        explicit = {"model": model.model != "auto", "asr": recognizer.asr != "auto", "input": _set(listen["input"])}
        asked = Asked(
            model=model.model,
            device=model.device,
            threads=model.threads,
            engine=model.engine,
            asr=recognizer.asr,
            asr_device=recognizer.asr_device,
            input=listen["input"].value,
            explicit=tuple(name for name, given in explicit.items() if given),
        )
        secret = [
            each for options in (serve, self._in_force("send")) for key, each in options.items() if key.endswith(SECRET)
        ]
        tokens = any(each.origin == "file" for each in secret)

        def child(check: str) -> Check:
            return lambda: in_child(check, asked, self.deadline)

        host, number, store = serve["host"], serve["port"], str(serve["store"].value)
        checks: list[Check] = [
            lambda: [machine.python(), machine.config(find(self.config), tokens)],
            child("model"),
            child("words"),
            child("microphone"),
            lambda: [machine.cache(), machine.port(str(host.value), int(number.value), _set(number) or _set(host))],
        ]
        if store != "memory":
            checks.append(lambda: [machine.store(store, STORE_DEADLINE_S)])
        with ThreadPoolExecutor(len(checks)) as pool:
            return [finding for found in pool.map(lambda check: check(), checks) for finding in found]

    def _in_force(self, command: str) -> dict[str, InForce]:
        """What holds for another command, without flags."""
        from ..main import app_of

        given: list[Any] = [] if self.config is None else [f"--{OPTION}", str(self.config)]
        return {option.key: option for option in in_force(app_of([command]), [command, *given])}


def _set(option: InForce) -> bool:
    """Whether somebody has set it."""
    return option.origin != "default"


command = Command("doctor", "what works on this machine, and what to do about the rest", Doctor, shares=True)
