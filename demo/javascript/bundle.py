"""Makes emoscope.js, the client as one file to copy, of the modules of the server's page: `python bundle.py`.

The page loads the modules themselves, so both are one code; a test compares the file with what this makes.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
START = HERE.parents[1] / "streamer" / "server" / "web" / "client" / "emoscope.js"
IMPORT = re.compile(r'^import \{[^}]*\} from "([^"]+)";\n', re.MULTILINE)
PUBLIC = ("Emoscope", "openMicrophone")
HEAD = """\
// Emoscope's client for browsers and Node, one file without dependencies; its types are in emoscope.d.ts.
// Made by bundle.py of streamer/server/web: change the modules there, not this file.
"""


def ordered(module: Path, seen: list[Path]) -> list[Path]:
    """The modules that `module` needs, each after those that it needs itself."""
    for name in IMPORT.findall(module.read_text(encoding="utf-8")):
        needed = (module.parent / name).resolve()
        if needed not in seen:
            ordered(needed, seen)
    seen.append(module)
    return seen


def bundle() -> str:
    """The text of the file."""
    parts = []
    for module in ordered(START.resolve(), []):
        text = IMPORT.sub("", module.read_text(encoding="utf-8"))
        text = re.sub(r"^export \{.*\};\n", "", text, flags=re.MULTILINE)
        parts.append(re.sub(r"^export (?=(async )?(function|class|const))", "", text, flags=re.MULTILINE).strip())
    return "\n\n".join([HEAD.rstrip(), *parts, f"export {{ {', '.join(PUBLIC)} }};"]) + "\n"


if __name__ == "__main__":
    (HERE / "emoscope.js").write_text(bundle(), encoding="utf-8")
