"""The reports of tarpon migrate: HTML in a real browser, and the same run as JSON and CSV.

Needs Debian's chromium, and playwright-core in build/npm (tools/install_packages test). Pictures go to build/page.
"""
from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from harness import PATIENCE, ROOT, SEARCH_PATH, SKIPPED, RegistryCase, environment, needs, tarpon
from images import docker_entries, make_image, tar

needs("node", "chromium")
MODULES = Path(os.environ.get("TARPON_NPM", ROOT / "build" / "npm"))
if not (MODULES / "node_modules" / "playwright-core").exists():
    print(f"SKIPPED: this needs playwright-core in {MODULES} (tools/install_packages test)")
    sys.exit(SKIPPED)

HOSTILE = "=1+1<img src=x onerror=alert(1)>\"'&.tar"


class Reports(RegistryCase):
    def archives(self) -> Path:
        """Six good ones, a broken one, and one whose name is an attack."""
        folder = self.folder / "archives"
        folder.mkdir()
        for number in range(6):
            (folder / f"{number}.tar").write_bytes(tar(docker_entries(make_image(number, f"team/app-{number}:1"))))
        good = tar(docker_entries(make_image(7, "team/broken:1")))
        (folder / "broken.tar").write_bytes(good[:len(good) // 2])
        (folder / HOSTILE).write_bytes(b"no archive at all")
        return folder

    def migrate(self, report: str, *more, prefix: str) -> tuple[Path, dict[str, str]]:
        path = self.folder / report
        result = tarpon("migrate", "--json", str(self.folder / "archives"), "--registry", f"{self.embedded.host}/{prefix}",
                        "--report", str(path), *more)
        self.assertEqual(result.code, 7, result)
        return path, result.references

    def open(self, file: Path, pictures: Path | None = None) -> dict:
        given = {"file": str(file), "modules": str(MODULES), "chromium": shutil.which("chromium", path=SEARCH_PATH),
                 "pictures": str(pictures) if pictures else None}
        done = subprocess.run(["node", Path(__file__).parent / "report_steps.mjs", json.dumps(given)], capture_output=True,
                              text=True, timeout=PATIENCE, env=environment(), check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_html_in_a_browser(self):
        self.archives()
        pictures = ROOT / "build" / "page"
        pictures.mkdir(parents=True, exist_ok=True)
        file, references = self.migrate("report.html", prefix="html")
        seen = self.open(file, pictures)
        self.assertEqual(seen["complaints"], [])
        self.assertEqual(seen["title"], f"Migration to {self.embedded.host}/html")
        self.assertEqual(seen["verdict"], "2 failed")
        self.assertEqual(seen["states"], ["failed"] * 2 + ["pushed"] * 6)
        self.assertEqual((seen["rows"], seen["rowsFailed"], seen["rowsAgain"]), (8, 2, 8))
        self.assertEqual(seen["background"], "rgb(246, 247, 249)")  # the policy lets its own style in
        self.assertFalse(seen["printed"])
        self.assertIn(HOSTILE, seen["text"])
        for reference, digest in references.items():
            self.assertIn(reference, seen["text"])
            self.assertIn(digest, seen["text"])

    def test_json_and_csv_say_the_same(self):
        folder = self.archives()
        file, references = self.migrate("report.json", prefix="json")
        report = json.loads(file.read_text())
        self.assertEqual((report["schema"], report["report"]), (1, "migrate"))
        self.assertEqual(report["summary"]["failed"], 2)
        pushed = {one["reference"]: one["digest"] for one in report["images"] if one["status"] == "pushed"}
        self.assertEqual(pushed, references)
        failed = {Path(one["archive"]).name: one["error"] for one in report["images"] if one["status"] == "failed"}
        self.assertEqual(set(failed), {"broken.tar", HOSTILE})
        self.assertRegex(failed["broken.tar"], "cut short|ends|truncated|incomplete")
        file, references = self.migrate("report.csv", prefix="csv")
        with open(file, newline="") as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual({row["reference"]: row["digest"] for row in rows if row["status"] == "pushed"}, references)
        self.assertEqual({Path(row["archive"]).name for row in rows if row["status"] == "failed"}, set(failed))
        self.assertEqual({row["archive"] for row in rows}, {str(path) for path in folder.iterdir()})

    def test_what_is_refused_before_the_run(self):
        self.archives()
        for name, words in (("report.txt", "must end in"), ("none/report.html", "folder")):
            result = tarpon("migrate", "--json", str(self.folder / "archives"), "--registry", self.embedded.host,
                            "--report", str(self.folder / name))
            self.assert_one_error(result, 2, "usage", words)


if __name__ == "__main__":
    unittest.main()
