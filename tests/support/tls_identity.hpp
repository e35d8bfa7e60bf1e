// A key and a certificate for 127.0.0.1 that nobody vouches for, made when a test needs them.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

namespace syspulse::testing {

class TlsIdentity {
  public:
    TlsIdentity()
        : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(X509_new(), &X509_free) {
        X509* const made = certificate_.get();
        X509_set_version(made, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
        X509_gmtime_adj(X509_getm_notBefore(made), -one_day_s);
        X509_gmtime_adj(X509_getm_notAfter(made), one_day_s);
        X509_set_pubkey(made, key_.get());
        X509_NAME* const name = X509_get_subject_name(made);
        const auto* common_name = reinterpret_cast<const unsigned char*>("a test of syspulse");
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0);
        X509_set_issuer_name(made, name);
        X509V3_CTX context;
        X509V3_set_ctx(&context, made, made, nullptr, nullptr, 0);
        X509_EXTENSION* const extension =
            X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, "IP:127.0.0.1");
        X509_add_ext(made, extension, -1);
        X509_EXTENSION_free(extension);
        EXPECT_GT(X509_sign(made, key_.get(), EVP_sha256()), 0);
    }

    // As a file that `ca_file` can name.
    void write(const std::string& path) const {
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "w"),
                                                                   &std::fclose};
        ASSERT_NE(file, nullptr) << path;
        EXPECT_EQ(PEM_write_X509(file.get(), certificate_.get()), 1);
    }
    void use_in(SSL_CTX* context) const {
        EXPECT_EQ(SSL_CTX_use_certificate(context, certificate_.get()), 1);
        EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key_.get()), 1);
    }

  private:
    static constexpr long one_day_s = 86400;
    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
    std::unique_ptr<X509, void (*)(X509*)> certificate_;
};

}  // namespace syspulse::testing
