#!/usr/bin/env python3
"""Do the fuzz targets still compile?

They are built by who fuzzes, not every day. Looked at with clang, and without the precompiled header
of the daily build, which hides that an include is missing; nothing is linked.
"""
import json
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/lint-fuzzers"


def check(command: dict) -> bool:
    words = shlex.split(command["command"])
    end = words.index("-o")
    looked = subprocess.run([*words[:end], "-Werror", "-fsyntax-only", command["file"]], cwd=command["directory"], check=False)
    return looked.returncode == 0


def main() -> int:
    if not shutil.which("clang++"):
        sys.exit("lint_fuzzers: clang++ is not installed")
    subprocess.run(
        ["cmake", "--preset", "fuzz", "-B", BUILD, "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    tests = str(ROOT / "tests") + "/"
    commands = [one for one in json.loads((BUILD / "compile_commands.json").read_text())
                if one["file"].startswith(tests)]
    if not commands:
        sys.exit("lint_fuzzers: there is no fuzz target")
    with ThreadPoolExecutor(cpu_count()) as pool:
        fine = list(pool.map(check, commands))
    if not all(fine):
        return 1
    print(f"lint_fuzzers: {len(commands)} files compile")
    return 0


if __name__ == "__main__":
    sys.exit(main())
