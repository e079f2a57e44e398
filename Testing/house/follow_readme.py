"""The README's set-up commands, taken from its text and run word for word.

    python Testing/house/follow_readme.py 1                 print the first command
    python Testing/house/follow_readme.py --in-empty-clone  run all of them in a fresh clone of this checkout's commit,
                                                            in an environment that holds next to nothing

``.ci/run`` executes what the first form prints, so that there is no second copy to go stale.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy")
"""Variables that a new terminal has too, and what a network may need; those of pip are kept as well."""


def set_up_commands(readme: str) -> list[str]:
    """The lines of the first shell block."""
    block = re.search(r"^```sh\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    if block is None:
        raise ValueError("the README has no shell block")
    return [line for line in block[1].splitlines() if line.strip() and not line.startswith("#")]


def follow(repository: Path, commands: list[str]) -> int:
    """Clone a repository into an empty folder and run the commands there; the first exit code that is not 0."""
    environment = {key: value for key, value in os.environ.items() if key in KEPT or key.startswith("PIP_")}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", str(repository), f"{folder}/checkout"], check=True)
        for command in commands:
            print(f"$ {command}", flush=True)
            done = subprocess.run(["bash", "-c", command], cwd=f"{folder}/checkout", env=environment, check=False)
            if done.returncode:
                return done.returncode
    return 0


def main(arguments: list[str]) -> int:
    """Print a command, or run all."""
    commands = set_up_commands((ROOT / "README.md").read_text(encoding="utf-8"))
    if arguments == ["--in-empty-clone"]:
        return follow(ROOT, commands)
    if len(arguments) == 1 and arguments[0].isdecimal() and 1 <= int(arguments[0]) <= len(commands):
        print(commands[int(arguments[0]) - 1])
        return 0
    print(f"name a command by its number, 1 to {len(commands)}, or --in-empty-clone", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
