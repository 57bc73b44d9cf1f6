"""Plots of one campaign: SVG written by hand, PNG by rsvg-convert where it is installed."""
from __future__ import annotations

import shutil
import subprocess
import textwrap
from pathlib import Path
from xml.sax.saxutils import escape

from .campaign import ScenarioResult
from .machine import sentence

OURS, THEIRS, INK, PALE = "#c2410c", "#64748b", "#1e293b", "#e2e8f0"
PANELS = [("wall", "wall time, s", 1, "{:.3g}"), ("cpu", "CPU of the client, s", 1, "{:.3g}"),
          ("peak_memory", "peak memory, MiB", 2**20, "{:.0f}"), ("sent", "sent, MB", 1e6, "{:,.4g}"),
          ("disk", "written to disk, MB", 1e6, "{:,.4g}")]
WIDTH, LABEL, VALUE, ROW, GAP = 860, 190, 70, 22, 34


class Canvas:
    def __init__(self):
        self.parts: list[str] = []

    def text(self, x: float, y: float, words: str, size: int = 13, anchor: str = "start", weight: str = "normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
                          f'font-weight="{weight}" fill="{INK}">{escape(words)}</text>')

    def bar(self, x: float, y: float, width: float, height: float, colour: str):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" '
                          f'fill="{colour}"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str = PALE):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>')

    def path(self, points: list[tuple[float, float]]):
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{corners}" fill="none" stroke="{OURS}" stroke-width="2"/>')
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{OURS}"/>')

    def caption(self, y: float, machine: dict) -> float:
        for line in textwrap.wrap(sentence(machine), 130):
            self.text(12, y, line, 10)
            y += 14
        return y

    def write(self, file: Path, height: float) -> None:
        file.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(self.parts)}</svg>\n')


def bars(one: ScenarioResult, machine: dict, file: Path) -> None:
    """A panel of bars for each metric."""
    canvas, y = Canvas(), 28.0
    canvas.text(12, y, one.scenario.title, 16, weight="bold")
    lanes = [result for result in one.lanes if result.runs]
    for metric, title, unit, form in PANELS:
        values = [(result, result.median[metric] / unit) for result in lanes if metric in result.median]
        most = max((value for _, value in values), default=0)
        if most == 0:
            continue
        y += GAP
        canvas.text(12, y, title, 12, weight="bold")
        for result, value in values:
            y += ROW
            length = (WIDTH - LABEL - VALUE - 24) * value / most
            canvas.text(LABEL - 8, y, result.lane.label, 12, "end")
            canvas.bar(LABEL, y - 13, length, ROW - 6, OURS if result.lane.client == "tarpon" else THEIRS)
            canvas.text(LABEL + length + 6, y, form.format(value), 12)
    y = canvas.caption(y + GAP, machine)
    canvas.write(file, y + 4)


def curve(one: ScenarioResult, machine: dict, file: Path) -> None:
    """The metric over the size of the archive; both axes begin at zero."""
    metric, title, unit, form = next(panel for panel in PANELS if panel[0] == one.scenario.curve)
    points = [(result.lane.stream_bytes / 1e9, result.median[metric] / unit) for result in one.lanes if result.runs]
    canvas, left, top, right, bottom = Canvas(), 60, 60, WIDTH - 40, 330
    canvas.text(12, 28, one.scenario.title, 16, weight="bold")
    canvas.text(12, 50, title, 12)
    most_x = max((x for x, _ in points), default=1)
    most_y = 1.25 * max((y for _, y in points), default=1)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (right - left) * x / most_x, bottom - (bottom - top) * y / most_y

    for step in range(5):
        y = place(0, most_y * step / 4)[1]
        canvas.line(left, y, right, y)
        canvas.text(left - 6, y + 4, form.format(most_y * step / 4), 11, "end")
    for step in range(5):
        canvas.text(place(most_x * step / 4, 0)[0], bottom + 18, f"{most_x * step / 4:.3g}", 11, "middle")
    canvas.text((left + right) / 2, bottom + 36, "size of the archive, GB", 12, "middle")
    canvas.path([place(x, y) for x, y in points])
    for x, y in points:
        at = place(x, y)
        canvas.text(at[0], at[1] - 8, form.format(y), 11, "middle")
    canvas.write(file, canvas.caption(bottom + 60, machine) + 4)


def draw(results: list[ScenarioResult], machine: dict, folder: Path) -> None:
    for one in results:
        if not any(result.runs for result in one.lanes):
            continue
        file = folder / f"{one.scenario.name}.svg"
        (curve if one.scenario.curve else bars)(one, machine, file)
        if shutil.which("rsvg-convert"):
            subprocess.run(["rsvg-convert", "--zoom", "2", file, "--output", file.with_suffix(".png")], check=True)
