"""What breaks on the way and is tried again: registries that die in mid-push, proxies that limit or hold back bodies."""
import os
import signal
import unittest
from pathlib import Path

from harness import Background, Case, DockerRegistry, Running, always, free_port, http_server, needs, wait_until
from images import Image, docker_entries, make_image, noise, oci_entries, pull, tar

needs("docker-registry", "skopeo", "nginx")

MIB = 1 << 20


def image_of_noise(layers: int, size: int) -> Image:
    return Image([tar({f"noise{number}": noise(number, size)}) for number in range(layers)], ["app:1"])


class RegistryDies(Case):
    def test_three_times_in_mid_push(self):
        image = image_of_noise(10, 12 * MIB)
        archive = self.file(tar(docker_entries(image)))
        with DockerRegistry(self.folder / "registry") as registry:
            # One worker and a slow level, so that there is a middle to be killed in.
            with Running("push", "--json", archive, "--registry", registry.host, "--threads", "1", "--jobs", "2",
                         "--compression-level", "9", "--retries", "20") as run:
                kills = 0
                for share in (20, 45, 70):
                    wait_until(lambda: registry.stored_bytes() > share * 120 * MIB // 100 or run.process.poll() is not None,
                               f"{share} % in the registry")
                    if run.process.poll() is not None:
                        break
                    registry.stop(signal.SIGKILL)
                    kills += 1
                    registry.restart()
                result = run.finish()
            self.assertEqual(kills, 3, "the push was too fast to be disturbed")
            self.assertEqual(result.code, 0, result)
            self.assertGreater(len(result.of("retry")), 0, result)
            ((reference, digest),) = result.references.items()
            self.assertEqual(pull(reference, self.folder / "pulled").digest, digest)

    def test_gives_up_after_the_retries(self):
        with http_server(always(503)) as host:
            result = self.refused(5, "registry", "cause: .*503", self.file(tar(docker_entries(make_image(1, "app:1")))),
                                  "--registry", host, "--retries", "1")
        (retry,) = result.of("retry")
        self.assertEqual((retry["attempt"], retry["reason"]), (1, "it answered 503"), result)
        self.assertIn("tarpon: retry 1 of 1 in ", result.stderr)


NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{}}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    {options}
    location / {{ proxy_pass http://{behind}; proxy_http_version 1.1; proxy_set_header Host $http_host; }}
  }}
}}
"""


class Nginx:
    """nginx in front of a registry, with options of a server block."""

    def __init__(self, folder: Path, behind: str, options: str):
        self.folder = folder
        self.folder.mkdir()
        port = free_port()
        self.host = f"127.0.0.1:{port}"
        config = NGINX.format(folder=folder, port=port, behind=behind, options=options,
                              user="user root;" if os.geteuid() == 0 else "")
        (folder / "nginx.conf").write_text(config)
        self.server = Background(["nginx", "-e", folder / "error.log", "-c", folder / "nginx.conf", "-p", folder],
                                 folder / "log")

    def requests(self, method: str) -> list[str]:
        return [line for line in (self.folder / "access.log").read_text().splitlines() if f'"{method} ' in line]

    def __enter__(self):
        wait_until(lambda: (self.folder / "pid").exists() and (self.folder / "pid").read_text(), "nginx")
        return self

    def __exit__(self, *_):
        self.server.stop()


class BehindNginx(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.enterContext(DockerRegistry(self.folder / "registry"))
        self.image = image_of_noise(3, 3 * MIB)

    def nginx(self, options: str) -> Nginx:
        return self.enterContext(Nginx(self.folder / "nginx", self.registry.host, options))

    def check(self, result) -> None:
        ((reference, digest),) = result.references.items()
        _, _, name = reference.partition("/")
        self.assertEqual(pull(f"{self.registry.host}/{name}", self.folder / self.fresh()).digest, digest)

    def test_a_limit_on_bodies_is_found_out(self):
        nginx = self.nginx("client_max_body_size 1m;")
        for data in (tar(docker_entries(self.image)), tar(oci_entries(self.image))):
            result = self.pushed(self.file(data), "--registry", f"{nginx.host}/{self.fresh()}")
            self.check(result)
        self.assertGreater(len([line for line in nginx.requests("PATCH") if " 202 " in line]), 12)

    def test_a_limit_on_bodies_and_a_pipe(self):
        nginx = self.nginx("client_max_body_size 1m;")
        data = tar(docker_entries(self.image))
        # The first refusal comes when the start of the layer is gone.
        self.refused(5, "registry", "(?s)413.*hint: --chunk-size 1M", "-", "--to", f"{nginx.host}/refused:1", stdin=data)
        for size in ("1M", "1536K"):  # the second one shrinks
            self.check(self.pushed("-", "--to", f"{nginx.host}/{self.fresh()}:1", "--chunk-size", size, stdin=data))

    def test_bodies_that_are_held_back(self):
        nginx = self.nginx("client_max_body_size 0; proxy_request_buffering on;")
        data = tar(docker_entries(self.image))
        self.check(self.pushed(self.file(data), "--registry", f"{nginx.host}/{self.fresh()}"))
        self.check(self.pushed("-", "--to", f"{nginx.host}/{self.fresh()}:1", stdin=data))


if __name__ == "__main__":
    unittest.main()
