"""What is measured: each scenario is an archive, a far end, and lanes that are run in alternation.

A claim is a number that tarpon means to keep: the median of what the rounds of one scenario show.
"""
from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from . import archives
from .archives import Recipe

# A link as far away as another continent's coast.
SLOW = {"delay_ms": 30, "rate": 25_000_000}


@dataclass(frozen=True)
class Lane:
    """One client, told to push in one way."""

    label: str
    client: str = "tarpon"
    compression: str = "auto"
    stdin: bool = False
    stream_bytes: int = 0
    options: tuple[str, ...] = ()
    layout: str = ""  # another layout than the scenario's
    tls: bool | None = None  # None: as the scenario says
    keep_state: bool = True  # what it remembers at home of earlier pushes


@dataclass(frozen=True)
class Claim:
    """metric(lane) <= factor x metric(other). `other` may be a name of a computed bound."""

    text: str
    metric: str
    lane: str
    factor: float
    other: str


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    recipes: Callable[[float], list[Recipe]]
    lanes: tuple[Lane, ...]
    far_end: str = "docker-registry"
    link: dict = field(default_factory=dict)
    tls: bool = False
    before: Callable[[float], list[Recipe]] | None = None  # pushed by the same client first, unmeasured
    claims: tuple[Claim, ...] = ()
    curve: str = ""  # the plot's metric over the lanes' archive sizes


def peers(compression: str = "auto", stdin: bool = False, names=("skopeo", "crane", "regctl", "podman", "docker"), **how):
    return tuple(Lane(name, name, compression, stdin, **how) for name in names)


def mix(layout: str, changed: bool = False):
    return lambda scale: [archives.mix(layout, scale, changed)]


def first_pushes() -> list[Scenario]:
    return [
        Scenario(
            "first-push-gzip", "First push, gzip", mix("docker"), (Lane("tarpon"), *peers()),
            claims=(Claim("wall at most 1/3 of skopeo's", "wall", "tarpon", 1 / 3, "skopeo"),
                    Claim("wall at most 1/5 of crane's", "wall", "tarpon", 1 / 5, "crane"),
                    Claim("client CPU at most 2/5 of skopeo's", "cpu", "tarpon", 2 / 5, "skopeo"),
                    Claim("bytes sent at most those of gzip -1", "sent", "tarpon", 1, "gzip -1"),
                    Claim("peak memory under 64 MiB", "peak_memory", "tarpon", 1, "64 MiB"))),
        Scenario(
            "first-push-gzip-embedded", "First push, gzip, into tarpon serve", mix("docker"),
            (Lane("tarpon"), *peers(names=("skopeo", "crane"))), far_end="embedded"),
        Scenario(
            "first-push-gzip-sink", "First push, gzip, far end keeps nothing", mix("docker"),
            (Lane("tarpon"), *peers(names=("skopeo", "crane"))), far_end="sink"),
        Scenario(
            "first-push-hybrid", "First push, gzip, archive of docker 25 and later", mix("hybrid"),
            (Lane("tarpon"), *peers(names=("skopeo", "crane")))),
        Scenario(
            "first-push-zstd", "First push, zstd", mix("docker"),
            (Lane("tarpon", compression="zstd"), *peers("zstd", names=("skopeo",))),
            claims=(Claim("wall at most 1/2 of skopeo's", "wall", "tarpon", 1 / 2, "skopeo"),
                    Claim("bytes sent within 2 % of skopeo's", "sent", "tarpon", 1.02, "skopeo"))),
        Scenario(
            "first-push-none", "First push, layers as they are, OCI archive", mix("oci"),
            (Lane("tarpon"), *peers(names=("oras", "regctl", "curl"))),
            claims=(Claim("no slower than oras", "wall", "tarpon", 1, "oras"),
                    Claim("no slower than curl -T, 4 at a time", "wall", "tarpon", 1, "curl"))),
        Scenario(
            "first-push-none-sink", "Layers as they are, far end keeps nothing", mix("oci"),
            (Lane("tarpon"), *peers(names=("oras", "regctl", "curl"))), far_end="sink",
            claims=(Claim("at least 1.2 GB/s, every byte hashed", "wall", "tarpon", 1, "1.2 GB/s"),
                    Claim("at least 1.5 times oras", "wall", "tarpon", 1 / 1.5, "oras"))),
        Scenario(
            "stdin", "From standard input, gzip", mix("docker"),
            (Lane("tarpon, file"), Lane("tarpon, stdin", stdin=True), *peers(stdin=True, names=("skopeo",))),
            claims=(Claim("wall within 10 % of the file", "wall", "tarpon, stdin", 1.1, "tarpon, file"),
                    Claim("memory within 10 % of the file", "peak_memory", "tarpon, stdin", 1.1, "tarpon, file"))),
    ]


def later_pushes() -> list[Scenario]:
    fresh = tuple(Lane(f"{name}, no state", name, keep_state=False) for name in ("skopeo", "crane"))
    both = (Lane("tarpon, no state", keep_state=False), Lane("tarpon"), *fresh,
            *peers(names=("skopeo", "docker", "podman")))
    return [
        Scenario(
            "second-push", "The same archive again", mix("docker"), both, before=mix("docker")),
        Scenario(
            "second-push-sink", "The same archive again, far end keeps nothing", mix("docker"), both, far_end="sink",
            before=mix("docker")),
        Scenario(
            "second-push-oci", "The same OCI archive again, no state", mix("oci"),
            (Lane("tarpon", keep_state=False), Lane("oras", "oras", keep_state=False)), far_end="sink",
            before=mix("oci"),
            claims=(Claim("under 100 ms", "wall", "tarpon", 1, "100 ms"),
                    Claim("at most 12 requests", "requests", "tarpon", 1, "12 requests"))),
        Scenario(
            "changed-layer", "The smallest of 8 layers is another one", mix("docker", changed=True), both,
            far_end="sink", before=mix("docker")),
    ]


def shapes() -> list[Scenario]:
    return [
        Scenario(
            "small-images", "200 small images, 30 ms before each answer",
            lambda scale: archives.small_images(200 if scale > 0.1 else 10), (Lane("tarpon"), *peers(
                names=("skopeo", "crane"))), far_end="sink", link={"delay_ms": 30},
            claims=(Claim("at least 10 times as fast as skopeo", "wall", "tarpon", 1 / 10, "skopeo"),)),
        Scenario(
            "huge-layer", "One layer of 5 GB", lambda scale: [archives.one_huge_layer(scale)],
            (Lane("tarpon"), *peers(names=("skopeo", "crane"))), far_end="sink"),
        Scenario(
            "slow-link", "16 layers, 30 ms, 25 MB/s for each connection",
            lambda scale: [archives.sixteen_layers(scale)], (Lane("tarpon"), *peers(names=("skopeo", "crane"))),
            far_end="sink", link=SLOW,
            claims=(Claim("within 10 % of what the largest layer takes", "wall", "tarpon", 1.1, "largest layer"),)),
        Scenario(
            "lossy-link", "16 layers over connections that break after about 200 MB",
            lambda scale: [archives.sixteen_layers(scale)], (Lane("tarpon"), *peers(names=("skopeo", "crane"))),
            far_end="sink", link={"delay_ms": 30, "reset_every": 200_000_000}),
        Scenario(
            "tls", "The same push over TLS and without", mix("docker"),
            (Lane("tarpon, http", tls=False), Lane("tarpon, tls"), *peers(names=("skopeo",))), tls=True,
            claims=(Claim("at most 25 % more wall than plain HTTP", "wall", "tarpon, tls", 1.25, "tarpon, http"),)),
        Scenario(
            "tls-none-sink", "Layers as they are over TLS and without, far end keeps nothing", mix("oci"),
            (Lane("tarpon, http", tls=False), Lane("tarpon, tls"), Lane("curl, tls", "curl")), tls=True,
            far_end="sink"),
    ]


def machine_use(scale: float) -> list[Scenario]:
    threads = sorted({1, 2, len(os.sched_getaffinity(0))})
    sizes = [int(size * min(scale * 50 if scale < 0.1 else 1, 1) * archives.MB) // 512 * 512
             for size in ((20, 60) if scale < 0.1 else (100, 300, 1000, 3000, 10_000, 20_000))]
    memory = tuple(Lane(f"{size / 1e6:.0f} MB", stream_bytes=size) for size in sizes)
    return [
        Scenario(
            "threads", "Threads", mix("docker"),
            tuple(Lane(f"tarpon --threads {n}", options=("--threads", str(n))) for n in threads), far_end="sink"),
        Scenario(
            "memory", "Peak memory against the size of the archive, from a pipe", mix("docker"), memory,
            far_end="sink", curve="peak_memory",
            claims=(Claim("flat within 8 MiB", "peak_memory", memory[-1].label, 1, "smallest + 8 MiB"),
                    Claim("peak memory under 64 MiB", "peak_memory", memory[-1].label, 1, "64 MiB"))),
    ]


def all_scenarios(scale: float) -> list[Scenario]:
    return [*first_pushes(), *later_pushes(), *shapes(), *machine_use(scale)]
