// Certificates and keys that can be used, and words for those that cannot.
#include "server/server_certificate.hpp"

#include "support/printing.hpp"
#include "support/temp_dir.hpp"
#include "support/test_certificates.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <memory>

BOOST_AUTO_TEST_SUITE(test_server_certificate)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::server;

struct scene {
    std::string cert(const std::string& text) const { return folder.write("cert.pem", text); }
    std::string key(const std::string& text) const {
        const std::string file = folder.write("key.pem", text);
        ::chmod(file.c_str(), 0600);
        return file;
    }
    /// What is wrong, or the warnings.
    std::string outcome(const std::string& cert_file, const std::string& key_file) const {
        std::string text;
        try {
            const auto loaded = load_certificate(cert_file, key_file);
            for (const std::string& warning : loaded->warnings)
                text += warning + "; ";
        } catch (const error& e) {
            BOOST_TEST((e.code() == errc::usage));
            text = e.message() + ": " + e.cause();
        }
        return text;
    }

    temp_dir folder;
    test_authority authority;
};

std::string encrypted(const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    char passphrase[] = "secret";
    BOOST_REQUIRE(
        PEM_write_bio_PKCS8PrivateKey(
            out.get(), key.get(), EVP_aes_128_cbc(), passphrase, 6, nullptr, nullptr)
        == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

BOOST_AUTO_TEST_CASE(good_ones) {
    const scene at;
    const auto ours = at.authority.issue({.dns_names = {"localhost"}});
    BOOST_TEST(at.outcome(at.cert(ours.certificate + at.authority.pem()), at.key(ours.key)) == "");
}

BOOST_AUTO_TEST_CASE(bad_ones_are_named_with_the_reason) {
    const scene at;
    const auto ours = at.authority.issue({.dns_names = {"localhost"}});
    const auto others = at.authority.issue({.dns_names = {"localhost"}});
    const std::string cert = at.cert(ours.certificate), key = at.key(ours.key);
    const auto says = [&](const std::string& outcome, const std::string& file, const char* why) {
        BOOST_TEST(outcome.find(file) != outcome.npos, outcome);
        BOOST_TEST(outcome.find(why) != outcome.npos, outcome);
    };
    says(at.outcome("/none/cert", key), "/none/cert", "No such file");
    says(at.outcome(cert, "/none/key"), "/none/key", "No such file");
    says(at.outcome(at.folder.path().string(), key), at.folder.path().string(), "no regular file");
    says(at.outcome(at.folder.write("x", "words"), key), "/x", "it holds no PEM certificate");
    says(at.outcome(at.folder.write("x", ours.key), key), "/x", "it holds no PEM certificate");
    says(at.outcome(cert, at.folder.write("y", "words")), "/y", "it holds no PEM key");
    says(at.outcome(cert, at.folder.write("y", "")), "/y", "it holds no PEM key");
    says(
        at.outcome(cert, at.folder.write("y", others.key)), "/y",
        "does not belong to the certificate");
    says(at.outcome(cert, at.folder.write("y", encrypted(ours.key))), "/y", "it is encrypted");
    const std::string big(2 * 1024 * 1024, 'x');
    says(at.outcome(at.folder.write("x", big), key), "/x", "larger than");
}

BOOST_AUTO_TEST_CASE(what_deserves_a_warning) {
    const scene at;
    const auto old =
        at.authority.issue({.dns_names = {"a"}, .valid_from_days = -9, .valid_to_days = -1});
    BOOST_TEST(
        at.outcome(at.cert(old.certificate), at.key(old.key)).find("expired") != std::string::npos);
    const auto early = at.authority.issue({.dns_names = {"a"}, .valid_from_days = 2});
    const std::string key = at.key(early.key);
    BOOST_TEST(
        at.outcome(at.cert(early.certificate), key).find("not valid yet") != std::string::npos);
    ::chmod(key.c_str(), 0644);
    BOOST_TEST(at.outcome(at.cert(early.certificate), key).find("everybody") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
