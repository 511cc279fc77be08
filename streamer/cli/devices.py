"""`emoscope devices`: which microphones there are."""

import argparse

from .command import Command


def register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a device and line")


def run(args: argparse.Namespace) -> int:
    import sys

    import msgspec

    from ..sources.devices import devices, listing

    found = devices()
    if args.json:
        for device in found:
            fields = msgspec.to_builtins(device) | {"system_sound": device.system_sound}
            print(msgspec.json.encode(fields).decode())
    elif found:
        print(listing(found))
    if not found:
        print("emoscope: the system offers no input device", file=sys.stderr)
    return 0 if found else 1


command = Command("devices", "list the microphones, for listen --device", register, run)
