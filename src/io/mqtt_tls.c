#include "io/mqtt_tls.h"

#include "core/util.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first cause is kept: what follows it are its consequences. */
static void PRINTF_LIKE(2, 3) note(struct mqtt_tls *t, const char *fmt, ...)
{
    va_list ap;

    if (t->error[0])
        return;
    va_start(ap, fmt);
    vsnprintf(t->error, sizeof t->error, fmt, ap);
    va_end(ap);
}

static void note_verify(struct mqtt_tls *t, int error, int depth)
{
    const char *whose = depth > 0 ? "CA certificate" : "certificate";

    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        note(t, "%s has expired", whose);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        note(t, "%s not yet valid (is the clock right?)", whose); /* pitfall 18 */
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        note(t, "certificate is for another host, not for %s", t->host);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        note(t, "certificate is not signed by ca_file %s", t->ca_file);
        break;
    default:
        note(t, "%s refused: %s", whose, X509_verify_cert_error_string(error));
    }
}

static struct mqtt_tls *owner(const SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static int on_verify(int ok, X509_STORE_CTX *x)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());

    if (!ok)
        note_verify(owner(ssl), X509_STORE_CTX_get_error(x), X509_STORE_CTX_get_error_depth(x));
    return ok;
}

/* A fatal alert from the broker: it refuses us (no client certificate, or one that it does not know). */
static void on_info(const SSL *ssl, int where, int ret)
{
    const char *why = SSL_alert_desc_string_long(ret);

    if ((ret & 0xff) == TLS13_AD_CERTIFICATE_REQUIRED)
        why = "certificate required"; /* OpenSSL 3.0 says "unknown" */
    if (where == SSL_CB_READ_ALERT && ret >> 8 == SSL3_AL_FATAL)
        note(owner(ssl), "refused by the broker (TLS: %s)", why);
}

void mqtt_tls_note(struct mqtt_tls *t, const char *line)
{
    const char *last = strrchr(line, ':');

    if (strncmp(line, "OpenSSL Error", 13) == 0 && last)
        note(t, "TLS: %s", last + 1);
}

typedef int (*use_file)(SSL_CTX *ctx, const char *file);

/* 0, or -1 with the reason noted. OpenSSL's own words for a missing file are hard to read, so look first. */
static int load(struct mqtt_tls *t, SSL_CTX *ctx, const char *key, const char *file, use_file use)
{
    struct stat st;

    if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
        errno = EINVAL; /* a FIFO would stop us for good */
    else if (access(file, R_OK) == 0)
        errno = 0;
    if (errno) {
        note(t, "%s %s: %s", key, file, strerror(errno));
        return -1;
    }
    if (use(ctx, file) == 1)
        return 0;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    note(t, "%s %s: %s", key, file, reason ? reason : "not usable");
    return -1;
}

static int use_key(SSL_CTX *ctx, const char *file)
{
    return SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM); /* fails too when it is not the certificate's */
}

/* OpenSSL's own way is to ask at the terminal, and to wait for ever. */
static int no_pass_phrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

static int load_files(struct mqtt_tls *t, SSL_CTX *ctx)
{
    if (load(t, ctx, "ca_file", t->ca_file, SSL_CTX_load_verify_file) < 0)
        return -1;
    if (!t->cert_file)
        return 0;
    if (load(t, ctx, "cert_file", t->cert_file, SSL_CTX_use_certificate_chain_file) < 0)
        return -1;
    return load(t, ctx, "key_file", t->key_file, use_key);
}

SSL_CTX *mqtt_tls_context(struct mqtt_tls *t)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx) {
        note(t, "no TLS context");
        return NULL;
    }
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_app_data(ctx, t);
    SSL_CTX_set_default_passwd_cb(ctx, no_pass_phrase);
    SSL_CTX_set_info_callback(ctx, on_info);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, t->host) != 1 && X509_VERIFY_PARAM_set1_host(param, t->host, 0) != 1)
        note(t, "%s is no host name", t->host);
    else
        load_files(t, ctx);
    ERR_clear_error();
    if (!t->error[0])
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}
