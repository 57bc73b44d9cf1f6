"""TLS as people have it: private authorities, client certificates, names that do not match, proxies in between.

docker-registry speaks TLS; tinyproxy and squid are the proxies.
"""
import unittest
import urllib.parse

from access import Authority, SecuredRegistry, squid, tinyproxy
from harness import Case, DockerRegistry, closed_port, needs, tarpon
from images import fixture

needs("docker-registry", "openssl", "tinyproxy", "squid", "htpasswd", "unshare", root=True)


class TlsCase(Case):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "ca")
        self.archive = fixture("docker28-single")

    def registry(self, *, alternative="IP:127.0.0.1", days=30, **how) -> SecuredRegistry:
        name = self.fresh("server")
        tls = self.authority.issue(name, alternative, days)
        return self.enterContext(SecuredRegistry(self.folder / name, tls=tls, **how))

    def push(self, registry, *options, env=None):
        return tarpon("push", "--json", self.archive.path, "--to", f"{registry.host}/{self.fresh()}:1", *options, env=env)

    def trusting(self):
        return ("--ca-file", self.authority.cert)

    def assert_pushed(self, result):
        self.assertEqual(result.code, 0, result)
        self.assertEqual(len(result.of("image")), 1, result)


class Certificates(TlsCase):
    def test_a_private_authority(self):
        registry = self.registry()
        self.assert_pushed(self.push(registry, *self.trusting()))
        self.assert_pushed(self.push(registry, env={"SSL_CERT_FILE": str(self.authority.cert)}))
        self.assert_pushed(self.push(registry, "--insecure"))
        result = self.push(registry)
        self.assert_one_error(result, 6, "network", "no TLS connection to 127.0.0.1")
        self.assertRegex(result.stderr, "hint: .*--ca-file")

    def test_a_wrong_name_and_an_expired_certificate(self):
        other = self.registry(alternative="DNS:registry.example.com")
        self.assert_one_error(self.push(other, *self.trusting()), 6, "network", "not for the name 127.0.0.1")
        expired = self.registry(days=-1)
        self.assert_one_error(self.push(expired, *self.trusting()), 6, "network", "expired")

    def test_a_certificate_of_ours(self):
        registry = self.registry(client_authority=self.authority.cert)
        cert, key = self.authority.issue("client", "DNS:client")
        ours = ("--cert-file", cert, "--key-file", key)
        self.assert_pushed(self.push(registry, *self.trusting(), *ours))
        result = self.push(registry, *self.trusting())
        self.assert_one_error(result, 6, "network", "does not accept our certificate")
        self.assertRegex(result.stderr, "hint: .*--cert-file")
        result = self.push(registry, *self.trusting(), "--cert-file", cert)
        self.assert_one_error(result, 2, "usage", "--cert-file and --key-file go together")

    def test_certs_d(self):
        registry = self.registry(client_authority=self.authority.cert)
        cert, key = self.authority.issue("client", "DNS:client")
        folder = self.folder / "certs.d" / registry.host
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(self.authority.cert.read_bytes())
        (folder / "client.cert").write_bytes(cert.read_bytes())
        (folder / "client.key").write_bytes(key.read_bytes())
        self.assert_pushed(self.push(registry, "--certs-dir", folder.parent))
        (folder / "client.key").unlink()
        result = self.push(registry, "--certs-dir", folder.parent)
        self.assert_one_error(result, 2, "usage", "client.cert has no key")

    def test_plain_http_and_tls_are_not_mixed_up(self):
        registry = self.registry()
        result = self.push(registry, "--plain-http")
        self.assertIn(result.code, (5, 6), result)
        with DockerRegistry(self.folder / "plain") as plain:
            result = tarpon("push", "--json", self.archive.path, "--to", f"https://{plain.host}/app:1")
            self.assert_one_error(result, 6, "network", "does not speak TLS")
            result = tarpon("push", "--json", self.archive.path, "--registry", f"https://{plain.host}/app")
            self.assert_one_error(result, 6, "network", "does not speak TLS")


class Proxies(TlsCase):
    """Loopback is never proxied, so the registry has a name that only the proxies can resolve."""

    NAME = "registry.tarpon.test"
    USER, PASSWORD = "proxy", "MARKERpass"
    ODD_PASSWORD = "MARKER-p%s@:/"

    def url(self, proxy: str, password: str = PASSWORD, scheme: str = "http") -> str:
        quoted = urllib.parse.quote(password, safe="")
        return f"{scheme}://{self.USER}:{quoted}@{proxy}"

    def push_through(self, registry, *options, env):
        port = registry.host.rpartition(":")[2]
        result = tarpon("push", "--json", self.archive.path, "--to", f"{self.NAME}:{port}/{self.fresh()}:1", "--log-level",
                        "trace", *options, env=env)
        self.assertNotIn("MARKER", result.stdout + result.stderr)
        return result

    def test_https_through_a_tunnel(self):
        registry = self.registry(alternative=f"DNS:{self.NAME}")
        with tinyproxy(self.folder, self.NAME, self.USER, self.PASSWORD) as proxy:
            right = {"HTTPS_PROXY": self.url(proxy)}
            self.assert_pushed(self.push_through(registry, *self.trusting(), env=right))
            wrong = {"https_proxy": self.url(proxy, "wrong")}
            result = self.push_through(registry, *self.trusting(), env=wrong)
            self.assert_one_error(result, 6, "network", f"the proxy {proxy} does not connect to {self.NAME}")
            self.assertRegex(result.stderr, "cause: 40[17]")
            for exception in (self.NAME, ".tarpon.test", "*"):
                result = self.push_through(registry, *self.trusting(), env={**right, "NO_PROXY": exception})
                self.assert_one_error(result, 6, "network", f"the name {self.NAME} does not resolve")

    def test_http_is_forwarded(self):
        plain = self.enterContext(DockerRegistry(self.folder / "plain"))
        with tinyproxy(self.folder, self.NAME, self.USER, self.PASSWORD) as proxy:
            self.assert_pushed(self.push_through(plain, "--plain-http", env={"HTTP_PROXY": self.url(proxy)}))

    def test_squid_with_a_password(self):
        registry = self.registry(alternative=f"DNS:{self.NAME}")
        with squid(self.folder, self.NAME, self.USER, self.ODD_PASSWORD) as proxy:
            env = {"HTTPS_PROXY": self.url(proxy, self.ODD_PASSWORD)}
            self.assert_pushed(self.push_through(registry, *self.trusting(), env=env))
            result = self.push_through(registry, *self.trusting(), env={"HTTPS_PROXY": f"http://{proxy}"})
            self.assert_one_error(result, 6, "network", "does not connect to")
            self.assertRegex(result.stderr, "cause: 407")
            self.assertRegex(result.stderr, "hint: .*HTTPS_PROXY")

    def test_a_proxy_that_speaks_tls_itself(self):
        registry = self.registry(alternative=f"DNS:{self.NAME}")
        with squid(self.folder, self.NAME, self.USER, self.PASSWORD, self.authority.issue("squid")) as proxy:
            env = {"HTTPS_PROXY": self.url(proxy, scheme="https")}
            self.assert_pushed(self.push_through(registry, *self.trusting(), env=env))
            result = self.push_through(registry, env=env)
            self.assert_one_error(result, 6, "network", "no TLS connection to 127.0.0.1")

    def test_a_proxy_that_is_not_there_or_no_proxy(self):
        registry = self.registry()
        with closed_port() as nobody:
            result = self.push_through(registry, env={"HTTPS_PROXY": f"http://{nobody}"})
            self.assert_one_error(result, 6, "network", f"no connection to {nobody}")
        result = self.push_through(registry, env={"HTTPS_PROXY": "socks5://127.0.0.1:1080"})
        self.assert_one_error(result, 2, "usage", "is not an http or https URL")


if __name__ == "__main__":
    unittest.main()
