#include "app/http_impl.h"
#include "app/secrets.h"

#include "core/address.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/files.h"
#include "io/httpd.h"
#include "io/log.h"
#include "io/tls_pair.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX (64u << 10) /* bytes of a file */

struct pair {
    char *cert, *key;
    size_t cert_len, key_len;
};

static void pair_free(struct pair *p)
{
    free(p->cert);
    if (p->key)
        OPENSSL_cleanse(p->key, p->key_len);
    free(p->key);
}

/* Say what is wrong, once. */
PRINTF_LIKE(2, 3) static void complain(struct http_tls *t, const char *fmt, ...)
{
    char text[sizeof t->told];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (strcmp(text, t->told) == 0)
        return;
    snprintf(t->told, sizeof t->told, "%s", text);
    log_error("http: TLS: %s%s", text, t->listening ? "; the pair from before stays in use" : "");
}

static bool read_file(struct http_tls *t, const char *path, char **text, size_t *len)
{
    int err = files_read(path, PEM_MAX, text, len);

    if (err < 0)
        complain(t, "%s: %s", path, strerror(-err));
    return err == 0;
}

static void digest_of(const struct pair *p, uint8_t digest[32])
{
    uint8_t both[64];

    SHA256((const unsigned char *)p->cert, p->cert_len, both);
    SHA256((const unsigned char *)p->key, p->key_len, both + 32);
    SHA256(both, sizeof both, digest);
}

static void unlisten(struct http_tls *t)
{
    if (t->listening)
        httpd_unlisten(t->app->httpd, (const struct sockaddr *)&t->at);
    t->listening = false;
    t->app->tls_port = 0;
}

static bool listen_with(struct http_tls *t, const struct pair *p)
{
    char name[ADDRESS_MAX];

    if (t->listening && memcmp(&t->at, &t->address, sizeof t->at) != 0)
        unlisten(t);
    address_format(name, &t->address);
    int rc = httpd_listen_tls(t->app->httpd, (const struct sockaddr *)&t->address, p->cert, p->key);
    if (rc < 0) {
        complain(t, "%s: %s", name, rc == -EINVAL ? "the certificate or the key cannot be used" : strerror(-rc));
        return false;
    }
    t->listening = true;
    t->at = t->address;
    t->app->tls_port = t->port;
    t->told[0] = '\0';
    log_info("http: %s: listening with TLS", name);
    return true;
}

/* Read the pair; listen with it unless it is in use there. True unless it is worth another try. */
static bool renew(struct http_tls *t)
{
    struct pair p = {.cert = NULL};
    char error[TLS_PAIR_ERROR];
    uint8_t digest[32];
    bool ok = false;

    if (!read_file(t, t->cert_file, &p.cert, &p.cert_len) || !read_file(t, t->key_file, &p.key, &p.key_len))
        goto end;
    digest_of(&p, digest);
    bool same = memcmp(digest, t->digest, sizeof digest) == 0;
    if (t->listening && same && memcmp(&t->at, &t->address, sizeof t->at) == 0) {
        t->told[0] = '\0';
        ok = true;
        goto end;
    }
    if (tls_pair_check(p.cert, p.key, error) < 0) {
        complain(t, "%s (%s, %s)", error, t->cert_file, t->key_file);
        goto end;
    }
    ok = listen_with(t, &p);
    if (ok)
        memcpy(t->digest, digest, sizeof digest);
end:
    pair_free(&p);
    return ok;
}

void http_tls_apply(struct http_tls *t, const struct settings *next)
{
    http_tls_fini(t);
    t->wanted = next->http.tls_port > 0 && address_set(&t->address, next->http.listen, next->http.tls_port) == 0;
    if (!t->wanted) {
        unlisten(t);
        return;
    }
    t->port = (unsigned)next->http.tls_port;
    t->cert_file = must(strdup(next->http.tls_cert_file));
    t->key_file = must(secret_file(t->app, SECRET_HTTP_TLS_KEY, next)); /* the settings name one at least */
    if (t->listening)
        renew(t);
}

bool http_tls_try(struct http_tls *t)
{
    return !t->wanted || t->listening || renew(t);
}

void http_tls_fini(struct http_tls *t)
{
    free(t->cert_file);
    free(t->key_file);
    t->cert_file = t->key_file = NULL;
}
