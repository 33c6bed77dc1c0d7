#include "io/tls_pair.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

/* In place of the library's own, which asks at the terminal. */
static int no_pass_phrase(char *buf, int size, int rwflag, void *u)
{
    (void)buf, (void)size, (void)rwflag, (void)u;
    return -1;
}

static X509 *read_certificate(const char *pem)
{
    BIO *b = must(BIO_new_mem_buf(pem, -1));
    X509 *x = PEM_read_bio_X509(b, NULL, no_pass_phrase, NULL);

    BIO_free(b);
    return x;
}

static EVP_PKEY *read_key(const char *pem)
{
    BIO *b = must(BIO_new_mem_buf(pem, -1));
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, no_pass_phrase, NULL);

    BIO_free(b);
    return k;
}

int tls_pair_check(const char *cert_pem, const char *key_pem, char error[TLS_PAIR_ERROR])
{
    X509 *x = read_certificate(cert_pem);
    EVP_PKEY *k = read_key(key_pem);
    const char *why = !x   ? "the certificate's file holds none in PEM form"
                      : !k ? "the key's file holds none in PEM form without a pass phrase"
                      : X509_check_private_key(x, k) != 1 ? "the key is not the certificate's"
                                                          : NULL;

    if (why)
        snprintf(error, TLS_PAIR_ERROR, "%s", why);
    EVP_PKEY_free(k);
    X509_free(x);
    ERR_clear_error();
    return why ? -1 : 0;
}
