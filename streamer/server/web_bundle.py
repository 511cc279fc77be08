"""The JavaScript client as one file: the modules of the page that it needs, one after the other.

The page loads the modules themselves, so both are one code. `demo/javascript/emoscope.js` is the same text.
"""

import posixpath
import re
from collections.abc import Mapping

START = "/web/client/emoscope.js"
PUBLIC = ("Emoscope", "openMicrophone")
HEAD = """\
// Emoscope's client for browsers and Node, one file without dependencies; its types are in emoscope.d.ts.
// Made of the modules of streamer/server/web by demo/javascript/bundle.py: change them, not this file."""

IMPORT = re.compile(r'^import \{[^}]*\} from "([^"]+)";\n', re.MULTILINE)
REEXPORT = re.compile(r"^export \{.*\};\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(async )?(function|class|const))", re.MULTILINE)


def bundle(modules: Mapping[str, str]) -> str:
    """The text of the file, of the page's modules by their paths."""
    parts = [HEAD]
    for path in _ordered(START, modules, []):
        parts.append(EXPORT.sub("", REEXPORT.sub("", IMPORT.sub("", modules[path]))).strip())
    return "\n\n".join([*parts, f"export {{ {', '.join(PUBLIC)} }};"]) + "\n"


def _ordered(path: str, modules: Mapping[str, str], seen: list[str]) -> list[str]:
    """The modules that one needs, each after those that it needs itself."""
    for name in IMPORT.findall(modules[path]):
        needed = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        if needed not in seen:
            _ordered(needed, modules, seen)
    seen.append(path)
    return seen
