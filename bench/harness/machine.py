"""The machine a result is from, in words: no number means anything without it."""
from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path


def first_match(path: str, pattern: str, otherwise: str = "unknown") -> str:
    found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return found[1].strip() if found else otherwise


def file_system(path: Path) -> str:
    """Its type and the device, from the longest mount point above it."""
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind = line.split()[:3]
        if str(path.resolve()).startswith(point.rstrip("/") + "/") and len(point) > len(best[0]):
            best = (point, kind)
    return best[1]


def describe(storage: Path, work: Path) -> dict:
    flags = first_match("/proc/cpuinfo", r"^flags\s*:(.*)$", "").split()
    return {
        "processor": first_match("/proc/cpuinfo", r"^model name\s*:(.*)$"),
        "cores": len(os.sched_getaffinity(0)),
        "features": [name for name in ("sse4_2", "avx2", "avx512f", "sha_ni", "vaes", "vpclmulqdq") if name in flags],
        "memory_bytes": int(first_match("/proc/meminfo", r"^MemTotal:\s*(\d+)")) * 1024,
        "kernel": platform.release(),
        "system": first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "storage": file_system(storage),
        "archives": file_system(work),
        "load_before": os.getloadavg()[0],
    }


def sentence(machine: dict) -> str:
    return (f"{machine['cores']} cores of {machine['processor']} ({', '.join(machine['features'])}), "
            f"{machine['memory_bytes'] / 2**30:.0f} GiB, {machine['system']}, Linux {machine['kernel']}; "
            f"archives on {machine['archives']}, registries' storage on {machine['storage']}; "
            f"load {machine['load_before']:.2f} before")


def version_of(*argv: str) -> str:
    """The first line that a program says about itself; empty when it is not there."""
    if not shutil.which(argv[0]):
        return ""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines and done.returncode == 0 else ""
