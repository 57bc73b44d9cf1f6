"""The files of tools/kubernetes and tools/container, as far as they can be checked without a cluster or a base image.

A kubectl that knows indexed jobs reads the manifests into its own types, offline, and writes them out again: what it
does not know is lost on the way. What the manifests mean is checked here. See docs/scaling.md for what is not.
"""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from harness import PATIENCE, ROOT, SANITIZED, SEARCH_PATH, SKIPPED, TARPON, environment

try:
    import yaml
except ImportError:
    print("SKIPPED: this needs python3-yaml")
    sys.exit(SKIPPED)

FOLDER = ROOT / "tools" / "kubernetes"
DOCKERFILE = ROOT / "tools" / "container" / "Dockerfile"
FIRST_WITH_ALL_FIELDS = (1, 28)  # backoffLimitPerIndex


def run(*command) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE,
                          env=environment({"KUBECONFIG": "/dev/null"}), check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def documents(name: str) -> list[dict]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def kubectl_version() -> tuple[int, int]:
    if not shutil.which("kubectl", path=SEARCH_PATH):
        return 0, 0
    said = json.loads(run("kubectl", "version", "--client", "-o", "json"))["clientVersion"]
    return int(said["major"]), int(re.match(r"\d+", said["minor"])[0])


def lost(given, kept, where: str = "") -> list[str]:
    """Paths of what is in `given` and not in `kept`."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [path for key, value in given.items() for path in lost(value, kept.get(key), f"{where}.{key}")]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        return [path for at, pair in enumerate(zip(given, kept)) for path in lost(*pair, f"{where}[{at}]")]
    return [] if given == kept else [where]


class Manifests(unittest.TestCase):
    def test_a_shard_for_every_completion(self):
        spec = documents("job.yaml")[0]["spec"]
        container = spec["template"]["spec"]["containers"][0]
        variables = {one["name"]: one for one in container["env"]}
        self.assertEqual(spec["completionMode"], "Indexed")
        self.assertEqual(variables["TARPON_SHARDS"]["value"], str(spec["completions"]))
        # Pod failure policies are for pods that are not restarted in place.
        self.assertEqual(spec["template"]["spec"]["restartPolicy"], "Never")
        named = {rule["onExitCodes"]["containerName"] for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule}
        self.assertEqual(named, {container["name"]})
        # No two shards write the same file.
        for option in ("--journal=", "--state=", "--report="):
            value = next(one for one in container["args"] if one.startswith(option))
            self.assertIn("$(JOB_COMPLETION_INDEX)", value)

    def test_everything_that_is_mounted_is_there(self):
        pod = documents("job.yaml")[0]["spec"]["template"]["spec"]
        claims = {one["metadata"]["name"] for one in documents("volumes.yaml")}
        volumes = {one["name"]: one for one in pod["volumes"]}
        mounts = {one["mountPath"]: one for one in pod["containers"][0]["volumeMounts"]}
        self.assertEqual({one["name"] for one in mounts.values()}, set(volumes))
        used = {one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "persistentVolumeClaim" in one}
        self.assertEqual(used, claims)
        paths = [word.split("=")[-1] for word in pod["containers"][0]["args"] if "/" in word and "example" not in word]
        for path in paths:
            self.assertTrue(any(path.startswith(mount) for mount in mounts), path)
        self.assertTrue(mounts["/archives"]["readOnly"])

    def test_no_secret_and_no_more_rights_than_needed(self):
        text = (FOLDER / "job.yaml").read_text()
        pod = documents("job.yaml")[0]["spec"]["template"]["spec"]
        container = pod["containers"][0]
        self.assertNotIn("--password", " ".join(container["args"]))
        for one in container["env"]:
            self.assertEqual("valueFrom" in one, one["name"] in ("TARPON_USERNAME", "TARPON_PASSWORD"), one)
        self.assertNotIn("kind: Secret", text)
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertFalse(container["securityContext"]["allowPrivilegeEscalation"])
        self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
        self.assertEqual(container["securityContext"]["capabilities"]["drop"], ["ALL"])
        # The pod's user is the image's.
        user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE.read_text(), re.M)
        self.assertEqual((pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]),
                         (int(user[1]), int(user[2])))

    def test_its_options_are_tarpon_s(self):
        container = documents("job.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
        known = run(TARPON, *container["args"][:1], "--help")
        for word in container["args"]:
            if word.startswith("--"):
                self.assertIn(word.split("=")[0], known)

    def test_kubectl_knows_every_field(self):
        if kubectl_version() < FIRST_WITH_ALL_FIELDS:
            self.skipTest("this needs kubectl %d.%d or newer" % FIRST_WITH_ALL_FIELDS)
        for name in ("namespace.yaml", "volumes.yaml", "job.yaml"):
            for number, document in enumerate(documents(name)):
                one = f"{name}:{number}"
                done = subprocess.run(
                    ["kubectl", "label", "--local", "-f", "-", "checked=yes", "-o", "json"], input=json.dumps(document),
                    capture_output=True, text=True, timeout=PATIENCE, env=environment({"KUBECONFIG": "/dev/null"}), check=False)
                self.assertEqual(done.returncode, 0, f"{one}: {done.stderr}")
                self.assertEqual(lost(document, json.loads(done.stdout)), [], one)

    def test_the_kustomization_is_whole(self):
        if kubectl_version() < (1, 21):
            self.skipTest("this needs kubectl 1.21 or newer")
        built = list(yaml.safe_load_all(run("kubectl", "kustomize", FOLDER)))
        self.assertEqual(sorted(one["kind"] for one in built),
                         ["Job", "Namespace", "PersistentVolumeClaim", "PersistentVolumeClaim"])
        for one in built:
            self.assertEqual(one["metadata"].get("namespace", "tarpon"), "tarpon")
        job = next(one for one in built if one["kind"] == "Job")
        image = job["spec"]["template"]["spec"]["containers"][0]["image"]
        self.assertRegex(image, r"^registry\.example\.com/.*:")

    def test_what_is_lost_is_seen(self):
        self.assertEqual(lost({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}), [".a[0].c"])


class Container(unittest.TestCase):
    def test_the_program_s_libraries_are_installed(self):
        if not all(shutil.which(name, path=SEARCH_PATH) for name in ("ldd", "dpkg-query")):
            self.skipTest("this needs ldd and dpkg-query")
        if SANITIZED or "VERSION_CODENAME=bookworm" not in Path("/etc/os-release").read_text():
            self.skipTest("the program here is not what the image has")
        final = DOCKERFILE.read_text().split("\nFROM ")[-1]
        installed = re.search(r"--no-install-recommends \\\n(.*?) \\\n &&", final, re.S)[1].replace("\\", " ").split()
        always = {"libc6", "libgcc-s1", "libcrypt1"}  # debian:12-slim has these
        for path in re.findall(r"=> (/\S+)", run("ldd", TARPON)):
            # Debian knows a library by the name before or after /usr became one tree.
            owner = next((found for place in (path, "/usr" + path, path.removeprefix("/usr"))
                          if (found := owner_of(place))), None)
            self.assertIsNotNone(owner, path)
            self.assertIn(owner, {*installed, *always}, path)

    def test_not_root(self):
        self.assertRegex(DOCKERFILE.read_text().split("\nFROM ")[-1], r"\nUSER [1-9]\d*:[1-9]\d*\n")


def owner_of(path: str) -> str | None:
    found = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True, check=False).stdout
    return found.split(":")[0] or None


if __name__ == "__main__":
    unittest.main()
