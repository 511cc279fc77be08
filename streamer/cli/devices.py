"""`emoscope devices`: which microphones there are."""

import sys
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from .command import Command


@dataclass(frozen=True, kw_only=True)
class Devices:
    """List the microphones that the system offers."""

    json: Annotated[bool, Parameter(help="print one JSON object for each device, a line each")] = False

    def run(self) -> int:
        """Print the list; 1 when there is no microphone."""
        import msgspec

        from ..sources.devices import devices, listing

        found = devices()
        if self.json:
            for device in found:
                fields = msgspec.to_builtins(device) | {"system_sound": device.system_sound}
                print(msgspec.json.encode(fields).decode())
        elif found:
            print(listing(found))
        if not found:
            print("emoscope: the system offers no input device", file=sys.stderr)
        return 0 if found else 1


command = Command("devices", "list the microphones, for listen --input", Devices)
