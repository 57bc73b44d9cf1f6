"""The page of `tarpon serve` in a real browser: page_steps.mjs acts and looks, here the registry is checked.

Needs Debian's chromium, and playwright-core in build/npm (tools/install_packages test).
Screenshots go to build/page.
"""
from __future__ import annotations

import base64
import gzip
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from access import Authority, htpasswd
from harness import DATA, PATIENCE, ROOT, SANITIZED, SEARCH_PATH, SKIPPED, Case, DockerRegistry, EmbeddedRegistry, environment, needs
from images import docker_entries, flipped, make_image, pull, tar
from memory import write_archive

needs("node", "chromium", "skopeo", "docker-registry", "htpasswd")
MODULES = Path(os.environ.get("TARPON_NPM", ROOT / "build" / "npm"))
if not (MODULES / "node_modules" / "playwright-core").exists():
    print(f"SKIPPED: this needs playwright-core in {MODULES} (tools/install_packages test)")
    sys.exit(SKIPPED)

MIB = 1 << 20


class PageCase(Case):
    def serve(self, *options, env=None) -> EmbeddedRegistry:
        return self.enterContext(EmbeddedRegistry(self.folder / self.fresh("server"), *options, env=env))

    def steps(self, server: EmbeddedRegistry, scenario: str, **given) -> dict:
        given = {"url": f"http://{server.host}", **given}
        given |= {"modules": str(MODULES), "chromium": shutil.which("chromium", path=SEARCH_PATH)}
        done = subprocess.run(["node", Path(__file__).parent / "page_steps.mjs", scenario, json.dumps(given)],
                              capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False)
        self.assertEqual(done.returncode, 0, f"{scenario}: {done.stderr}\n{server.server.log.read_text()}")
        return json.loads(done.stdout)

    def assert_pulled(self, reference: str) -> None:
        pull(reference, self.folder / self.fresh("pulled"))


class Pushing(PageCase):
    def test_archives_of_docker_and_oci_dropped_and_renamed(self):
        server = self.serve()
        files = [str(DATA / f"{name}.tar") for name in ("docker20-single", "docker28-multi", "multiarch-oci")]
        seen = self.steps(server, "push", files=files, drop=True,
                          names={files[0]: {0: "renamed/base:7"}, files[1]: {0: "renamed/two:v3"}})
        # What is shown before it starts is what stands in the archives.
        self.assertEqual(seen["offered"], {
            files[0]: ["fixture/base:1"], files[2]: ["fixture/ma:1"],
            files[1]: ["team/two:v2", "fixture/base:1", "fixture/base:latest", "fixture/dup:1"]})
        expected = {files[0]: ["renamed/base:7"], files[2]: ["fixture/ma:1"],
                    files[1]: ["fixture/base:1", "fixture/base:latest", "fixture/dup:1", "renamed/two:v3"]}
        for file, names in expected.items():
            references = [f"{server.host}/{name}" for name in names]
            self.assertEqual(sorted(seen["results"][file]), references)
            self.assertLessEqual(set(seen["states"][file]), {"uploaded", "already there", "already there (mounted)"})
            for reference in references:
                self.assert_pulled(reference)
        self.assertEqual(seen["listed"], ["fixture/base", "fixture/dup", "fixture/ma", "renamed/base", "renamed/two"])
        self.assertEqual(server.tags("team/two"), [])

    def test_other_tools_and_an_image_without_a_name(self):
        server = self.serve()
        files = [str(DATA / f"{name}.tar") for name in ("podman-docker-archive", "docker20-untagged", "skopeo-oci-zstd",
                                                        "docker28-single", "crane-pull-gz-layers")]
        seen = self.steps(server, "push", files=files, names={files[1]: {0: "given/name:1"}, files[2]: {0: "given/zstd"}})
        self.assertEqual(seen["results"][files[1]], [f"{server.host}/given/name:1"])
        self.assertEqual(len(seen["results"][files[2]]), 1)
        for references in seen["results"].values():
            self.assertTrue(references)
            for reference in references:
                self.assert_pulled(reference)

    def test_progress_of_each_layer(self):
        server = self.serve()
        big = self.file(tar(docker_entries(make_image(1, "big/app:1", size=2 * MIB))), "big.tar")
        seen = self.steps(server, "progress", file=str(big), bytes_per_second=MIB)
        self.assertEqual(set(seen["states"]), {"uploaded"})
        self.assert_pulled(f"{server.host}/big/app:1")

    def test_cancelling_leaves_no_tag(self):
        server = self.serve()
        big = self.file(tar(docker_entries(make_image(1, "big/app:1", size=2 * MIB))), "big.tar")
        seen = self.steps(server, "progress", file=str(big), bytes_per_second=MIB, then="cancel")
        self.assertIn("Nothing was tagged", seen["text"])
        self.assertEqual(server.names_stored(), [])

    def test_cancelling_before_anything_was_sent(self):
        server = self.serve()
        file = self.file(tar(docker_entries(make_image(1, "app:1"))), "app.tar")
        self.assertEqual(self.steps(server, "cancelEarly", file=str(file)), {"puts": []})
        self.assertEqual(server.names_stored(), [])

    def test_names_in_a_compressed_archive(self):
        server = self.serve()
        data = tar(docker_entries(make_image(1, "packed/app:1", size=MIB)))
        packed = self.file(gzip.compress(data), "app.tar.gz")
        seen = self.steps(server, "push", files=[str(packed)], names={str(packed): {0: "renamed/app:2"}})
        self.assertEqual(seen["offered"], {str(packed): ["packed/app:1"]})
        self.assertEqual(seen["results"], {str(packed): [f"{server.host}/renamed/app:2"]})
        self.assert_pulled(f"{server.host}/renamed/app:2")
        # Of others the names come out when the server reads them.
        other = self.file(lzma.compress(data), "app.tar.xz")
        seen = self.steps(server, "push", files=[str(other)])
        self.assertEqual((seen["offered"], seen["results"]),
                         ({str(other): [""]}, {str(other): [f"{server.host}/packed/app:1"]}))

    def test_a_big_file(self):
        """TARPON_TEST_PAGE_MIB: how big."""
        server = self.serve()
        path = self.folder / "big.tar"
        with open(path, "wb") as out:
            write_archive(out, int(os.environ.get("TARPON_TEST_PAGE_MIB", "64")) * MIB)
        seen = self.steps(server, "big", file=str(path), patience=int(PATIENCE * 1000))
        self.assertIn(f"docker pull {server.host}/big:1", seen["text"])
        peak = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{server.server.process.pid}/status").read_text(), re.MULTILINE)
        print(f"{path.stat().st_size / MIB:.0f} MiB through the page: peak {int(peak[1]) / 1024:.1f} MiB", file=sys.stderr)
        if not SANITIZED:
            self.assertLess(int(peak[1]) * 1024, 96 * MIB)

    def test_into_another_registry(self):
        passwords = htpasswd(self.folder, "somebody", "pass-word")
        registry = self.enterContext(DockerRegistry(self.folder / "registry", htpasswd=passwords))
        server = self.serve("--registry", f"{registry.host}/team",
                            env={"TARPON_USERNAME": "somebody", "TARPON_PASSWORD": "pass-word"})
        file = str(DATA / "docker28-single.tar")
        # The browser never sees the password of the registry behind: not in a body, not in a header.
        secrets = ["pass-word", *(base64.b64encode(one).decode() for one in (b"somebody:pass-word", b"pass-word"))]
        seen = self.steps(server, "push", files=[file], secrets=secrets)
        self.assertGreater(seen["answers"], 10)
        for reference in seen["results"][file]:
            self.assertTrue(reference.startswith(f"{registry.host}/team/"), reference)
        self.assertEqual(seen["listed"], [])
        refused = self.steps(self.serve("--registry", registry.host), "broken", file=file)
        self.assertRegex(refused["problem"], "401|credentials|password|unauthorized|authentication")


class LoggingIn(PageCase):
    LOGIN = {"username": "anna", "password": "right-word"}

    def secured(self, *options) -> EmbeddedRegistry:
        return self.serve("--htpasswd", htpasswd(self.folder, *self.LOGIN.values()), *options)

    def log_in(self, server, **given) -> dict:
        return self.steps(server, "login", login=self.LOGIN, file=str(DATA / "docker20-single.tar"), **given)

    def test_in_and_out_again(self):
        server = self.secured()
        seen = self.log_in(server, wrong="wrong-word")
        self.assertEqual(seen, {
            "focused": "username", "problem": "The user name or the password is wrong.", "who": "logged in as anna",
            "script_sees": "", "results": [f"{server.host}/fixture/base:1"], "after_logout": 0,
            "note": "The session is over. Log in again; what is on this page stays.",
            "cookies": [{"name": "tarpon-session", "httpOnly": True, "secure": False, "sameSite": "Strict"}]})

    def test_over_tls(self):
        cert, key = Authority(self.folder / "ca").issue("server", "IP:127.0.0.1")
        server = self.secured("--tls-cert", cert, "--tls-key", key)
        seen = self.log_in(server, self_signed=True, url=f"https://{server.host}")
        self.assertEqual(seen["results"], [f"{server.host}/fixture/base:1"])
        self.assertEqual(seen["cookies"], [{"name": "__Host-tarpon-session", "httpOnly": True, "secure": True, "sameSite": "Strict"}])

    def test_too_many_wrong_passwords(self):
        server = self.secured()
        for _ in range(10):
            server.request("POST", "/login", json.dumps({"username": "x", "password": "y"}), {"Content-Type": "application/json"})
        seen = self.steps(server, "locked_out", login=self.LOGIN)
        self.assertRegex(seen["problem"], r"^Too many wrong passwords. Try again in \d+ s.$")

    def test_pictures(self):
        folder = ROOT / "build" / "page"
        folder.mkdir(parents=True, exist_ok=True)
        looks = {"light": {}, "dark": {"scheme": "dark"}, "narrow": {"width": 360}, "chinese": {"locale": "zh-CN"}}
        for name, look in looks.items():
            with self.subTest(look=name):
                seen = self.log_in(self.secured(), wrong="wrong-word", look=look, picture=str(folder / f"login-{name}.png"),
                                   wrong_picture=str(folder / f"login-{name}-wrong.png"),
                                   inside_picture=str(folder / f"login-{name}-inside.png"))
                self.assertEqual(seen["problem"], "用户名或密码错误。" if name == "chinese" else "The user name or the password is wrong.")


class Registry(PageCase):
    def test_platforms_sizes_and_layers(self):
        server = self.serve()
        self.steps(server, "push", files=[str(DATA / "multiarch-oci.tar")])
        seen = self.steps(server, "list", name="fixture/ma:1")
        index = server.manifest("fixture/ma", "1").json()
        children = [one for one in index["manifests"] if one.get("platform", {}).get("os", "unknown") != "unknown"]
        platforms = ["/".join(one["platform"][key] for key in ("os", "architecture", "variant") if key in one["platform"])
                     for one in children]
        self.assertEqual(seen["cells"][1], ", ".join(platforms))
        self.assertRegex(seen["cells"][2], r"^\d+(\.\d)? (B|KiB|MiB)$")
        self.assertEqual([one.split()[0] for one in seen["platforms"]], platforms)
        layers = [layer for child in children for layer in server.manifest("fixture/ma", child["digest"]).json()["layers"]]
        self.assertEqual([one.split()[0] for one in seen["layers"]], [layer["digest"][:19] for layer in layers])


class Trouble(PageCase):
    def test_names_that_are_markup(self):
        server = self.serve()
        name = "<img src=/x onerror=alert(1)>:<b>1"
        entries = docker_entries(make_image(1, "app:1"))
        manifest = json.loads(entries["manifest.json"])
        manifest[0]["RepoTags"] = [name]
        entries["manifest.json"] = json.dumps(manifest).encode()
        seen = self.steps(server, "markup", file=str(self.file(tar(entries), "<b>app.tar")))
        self.assertEqual(seen["offered"], name)
        self.assertIn(name, seen["text"])
        self.assertIn("<b>app.tar", seen["text"])

    def test_the_servers_errors_in_chinese(self):
        server = self.serve()
        damaged = flipped(tar(docker_entries(make_image(1, "app:1", size=200_000))), 100_000)
        seen = self.steps(server, "broken", file=str(self.file(damaged)), look={"locale": "zh-CN"})
        headline, *details = seen["problem"].splitlines()
        self.assertEqual(headline, "内容与归档声明的摘要不一致。")
        self.assertRegex("\n".join(details), "diff_id|other content|digest")  # the server's own words below it

    def test_every_code_has_chinese_words(self):
        words = (ROOT / "src" / "server" / "page" / "texts.js").read_text()
        translated = set(re.findall(r"^  (\w+):", words[words.index("const zhErrors"):words.index("const known")], re.MULTILINE))
        codes = set(re.findall(r'return "(\w+)";', re.search(r"name_of\(errc code\).*?^}", (
            ROOT / "src" / "engine" / "event_json.cpp").read_text(), re.DOTALL | re.MULTILINE)[0]))
        self.assertEqual(translated, codes)
        texts = [set(re.findall(r"^  (\w+):", words[words.index(f"const {one} = {{"):].split("\n};")[0], re.MULTILINE))
                 for one in ("en", "zh")]
        self.assertEqual(*texts)

    def test_archives_that_are_none(self):
        server = self.serve()
        good = tar(docker_entries(make_image(1, "app:1", size=200_000)))
        for data, words in ((b"no archive, whatever its name is" * 40, "not a tar file"), (b"", "empty"),
                            (good[:len(good) // 2], "cut short"), (tar({"a": b"b"}), "no images")):
            seen = self.steps(server, "broken", file=str(self.file(data)))
            self.assertEqual(seen["state"], "broken", seen)
            self.assertIn(words, seen["problem"])

    def test_damage_that_only_the_server_sees(self):
        server = self.serve()
        data = tar(docker_entries(make_image(1, "app:1", size=200_000)))
        seen = self.steps(server, "broken", file=str(self.file(flipped(data, 100_000))))
        self.assertEqual(seen["state"], "ready", seen)
        self.assertRegex(seen["problem"], "diff_id|other content|digest")
        self.assertEqual(server.names_stored(), [])

    def test_too_large(self):
        server = self.serve("--max-upload", "1M")
        seen = self.steps(server, "broken", file=str(DATA / "docker20-single.tar"))
        self.assertEqual(seen["problem"], "This file is larger than 1.0 MiB, the most this server takes.")

    def test_deleting_a_tag_with_the_keyboard(self):
        server = self.serve()
        file = str(DATA / "docker20-single.tar")
        self.steps(server, "push", files=[file])
        seen = self.steps(server, "delete", name="fixture/base:1")
        self.assertEqual(seen["said"], "fixture/base:1 is deleted")
        self.assertEqual(server.tags("fixture/base"), [])


class Looks(PageCase):
    def test_pictures(self):
        folder = ROOT / "build" / "page"
        folder.mkdir(parents=True, exist_ok=True)
        names = ("docker20-single", "docker28-multi", "multiarch-oci", "docker20-untagged")
        files = [str(DATA / f"{name}.tar") for name in names] + [str(self.file(b"no archive", "notes.tar"))]
        looks = {"light": {}, "dark": {"scheme": "dark"}, "narrow": {"width": 360}, "chinese": {"locale": "zh-CN"}}
        for name, look in looks.items():
            with self.subTest(look=name):
                seen = self.steps(self.serve(), "picture", files=files, look=look, to=str(folder / f"{name}.png"))
                chinese = name == "chinese"
                self.assertEqual(seen, {"lang": "zh-Hans" if chinese else "en",
                                        "title": "推送镜像归档" if chinese else "Push image archives"})
                self.assertGreater((folder / f"{name}.png").stat().st_size, 10_000)


if __name__ == "__main__":
    unittest.main()
