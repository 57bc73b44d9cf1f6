"""The systemd unit: systemd itself finds nothing wrong in it, and every hardening it knows is asked for."""
from __future__ import annotations

import re
import subprocess
import unittest

from harness import ROOT, TARPON, Case, environment, needs

needs("systemd-analyze")
UNIT = ROOT / "tools" / "systemd" / "tarpon.service"


class SystemdUnit(Case):
    def installed(self, text: str | None = None):
        path = self.folder / "tarpon.service"
        path.write_text((text or UNIT.read_text()).replace("@TARPON_PROGRAM@", TARPON))
        return path

    def analyze(self, *arguments) -> subprocess.CompletedProcess:
        return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True,
                              env=environment({"SYSTEMD_PAGER": "cat"}), check=False)

    def test_verify(self):
        done = self.analyze("verify", "--man=no", self.installed())
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        # It would say something.
        bad = self.analyze("verify", "--man=no", self.installed(UNIT.read_text().replace("NoNewPrivileges=yes", "NoNewPrivileges=often")))
        self.assertIn("Failed to parse boolean value", bad.stdout + bad.stderr)

    def test_exposure(self):
        done = self.analyze("security", "--offline=true", "--threshold=20", self.installed())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        level = float(re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)[1])
        self.assertLess(level, 2.0, done.stdout)

    def test_the_start_of_the_system_can_be_told(self):
        # /proc/sys/kernel/random/boot_id: without it unfinished uploads begin anew after every restart.
        self.assertNotIn("ProcSubset", UNIT.read_text())

    def test_every_variable_is_an_option(self):
        usage = subprocess.run([TARPON, "serve", "--help"], capture_output=True, text=True, env=environment(), check=True).stdout
        names = re.findall(r"^Environment=TARPON_(\w+)=", UNIT.read_text(), re.MULTILINE)
        self.assertGreaterEqual(len(names), 4)
        for name in names:
            self.assertIn("--" + name.lower().replace("_", "-"), usage)


if __name__ == "__main__":
    unittest.main()
