// See test_certificates.hpp. Keys are P-256, because those are made in a millisecond.
#include "support/test_certificates.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace tarpon::test {
namespace {

template <auto Free>
struct free_with {
    template <class T>
    void operator()(T* held) const {
        Free(held);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, free_with<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, free_with<BIO_free_all>>;

void require(bool ok, const char* what) {
    if (!ok)
        throw std::runtime_error(what);
}

key_ptr make_key() {
    key_ptr key(EVP_EC_gen("P-256"));
    require(key != nullptr, "EVP_EC_gen");
    return key;
}

std::string text_of(BIO* bio) {
    char* start = nullptr;
    const long size = BIO_get_mem_data(bio, &start);
    return {start, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM_write_bio_X509");
    return text_of(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    require(
        PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "PEM_write_bio_PrivateKey");
    return text_of(bio.get());
}

bio_ptr reader(const std::string& pem) {
    return bio_ptr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

void add_extension(X509* to, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, to, to, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    require(extension != nullptr, "X509V3_EXT_conf_nid");
    X509_add_ext(to, extension, -1);
    X509_EXTENSION_free(extension);
}

std::string alternative_names(const certificate_wish& wish) {
    std::string names;
    for (const std::string& name : wish.dns_names)
        names += (names.empty() ? "DNS:" : ",DNS:") + name;
    for (const std::string& address : wish.ip_addresses)
        names += (names.empty() ? "IP:" : ",IP:") + address;
    return names;
}

certificate_ptr draft(const certificate_wish& wish, EVP_PKEY* key) {
    certificate_ptr made(X509_new());
    X509_set_version(made.get(), 2);
    // The authorities of two tests must not share issuer and serial number.
    unsigned char random[8];
    require(RAND_bytes(random, sizeof random) == 1, "RAND_bytes");
    long serial = 1;
    for (const unsigned char byte : random)
        serial = (serial << 7) ^ (byte & 0x7f);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial & 0x7fffffff);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), wish.valid_from_days * 86'400L);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), wish.valid_to_days * 86'400L);
    X509_set_pubkey(made.get(), key);
    const auto* name = reinterpret_cast<const unsigned char*>(wish.common_name.c_str());
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8, name, -1, -1, 0);
    if (const std::string names = alternative_names(wish); !names.empty())
        add_extension(made.get(), NID_subject_alt_name, names);
    return made;
}

tls_identity finish(X509* certificate, X509* issuer, EVP_PKEY* signer, EVP_PKEY* own) {
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    require(X509_sign(certificate, signer, EVP_sha256()) > 0, "X509_sign");
    return {to_pem(certificate), to_pem(own)};
}

} // namespace

test_authority::test_authority(const std::string& name) {
    certificate_wish wish;
    wish.common_name = name;
    const key_ptr key = make_key();
    const certificate_ptr made = draft(wish, key.get());
    add_extension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(made.get(), NID_key_usage, "critical,keyCertSign");
    self_ = finish(made.get(), made.get(), key.get(), key.get());
}

tls_identity test_authority::issue(const certificate_wish& wish) const {
    const bio_ptr certificate_text = reader(self_.certificate);
    const certificate_ptr issuer(
        PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
    const bio_ptr key_text = reader(self_.key);
    const key_ptr signer(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    require(issuer && signer, "the authority's own PEM");
    const key_ptr key = make_key();
    const certificate_ptr made = draft(wish, key.get());
    return finish(made.get(), issuer.get(), signer.get(), key.get());
}

tls_identity self_signed(const certificate_wish& wish) {
    const key_ptr key = make_key();
    const certificate_ptr made = draft(wish, key.get());
    return finish(made.get(), made.get(), key.get(), key.get());
}

} // namespace tarpon::test
