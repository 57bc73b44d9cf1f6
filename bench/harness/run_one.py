#!/usr/bin/env python3
"""Runs one command and prints what it cost, as JSON: run_one.py SPEC (a JSON object).

A process of its own, with few modules, because the kernel counts the memory of whoever starts a program
into that program's peak: here that is about 9 MB, less than any client needs.
Spec: argv, env, stdin (a path, {"pipe": argv} for a producer, or null), log (a path for all output).
"""
import json
import os
import select
import sys
import time


def start(argv, env, stdin, stdout, stderr):
    actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1), (os.POSIX_SPAWN_DUP2, stderr, 2)]
    return os.posix_spawnp(argv[0], argv, env, file_actions=actions)


def written_to_disk(pid):
    """Bytes that the process and what it waited for caused to be written to a disk, deleted files too."""
    with open(f"/proc/{pid}/io") as io:
        for line in io:
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    return 0


def main():
    spec = json.loads(sys.argv[1])
    # In memory until the end: on a disk it would count as what the client wrote.
    log = os.memfd_create("log")
    producer = None
    if isinstance(spec["stdin"], dict):
        stdin, into = os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        producer = start(spec["stdin"]["pipe"], spec["env"], null, into, log)
        os.close(into)
        # How long a producer takes to its first byte is not the client's time.
        select.select([stdin], [], [])
    else:
        stdin = os.open(spec["stdin"] or os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    begun = time.monotonic()
    pid = start(spec["argv"], spec["env"], stdin, log, log)
    os.close(stdin)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    wall = time.monotonic() - begun
    disk = written_to_disk(pid)
    _, status, usage = os.wait4(pid, 0)
    if producer:
        os.waitpid(producer, 0)
    with open(spec["log"], "wb") as kept:
        kept.write(os.pread(log, 1 << 20, 0))
    print(json.dumps({
        "code": os.waitstatus_to_exitcode(status), "wall": wall, "user": usage.ru_utime, "system": usage.ru_stime,
        "peak_memory": usage.ru_maxrss * 1024, "disk": disk}))


main()
