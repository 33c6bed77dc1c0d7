#include "core/secret.h"

#include "core/influx_auth.h"

#include <stdbool.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define KEY_LEN      32
#define PASSWORD_MAX 1023 /* bytes that go to a broker (io/mqtt_link) */

static const char *check_key(const char *value, size_t len)
{
    bool good = len == KEY_LEN;

    for (size_t i = 0; i < len && good; i++)
        good = value[i] >= ' ' && value[i] <= '~';
    return good ? NULL : "a device key has exactly 32 printable characters";
}

static const char *check_password(const char *value, size_t len)
{
    if (len == 0 || len > PASSWORD_MAX)
        return "a password has 1 to 1023 bytes";
    return memchr(value, '\n', len) || memchr(value, '\r', len) || memchr(value, '\0', len)
               ? "a password is one line"
               : NULL;
}

static const char *check_token(const char *value, size_t len)
{
    char header[INFLUX_AUTH];
    bool good = !memchr(value, '\n', len) && !memchr(value, '\r', len) && influx_auth(value, len, true, header) == 0;

    OPENSSL_cleanse(header, sizeof header);
    return good ? NULL : "a token is one line of 1 to 1024 printable characters (of user:password any but control ones)";
}

/* Without one OpenSSL would ask at the terminal. */
static int no_pass_phrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

static const char *check_pem(const char *value, size_t len)
{
    BIO *bio = must(BIO_new_mem_buf(value, (int)len));
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    bool good = key != NULL;

    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return good ? NULL : "this is no private key in PEM without a pass phrase";
}

static const struct {
    const char *name;
    const char *(*check)(const char *value, size_t len);
    bool lines; /* it may have several */
} table[SECRETS] = {
    [SECRET_DEVICE_KEY] = {"device.key", check_key, false},
    [SECRET_MQTT_PASSWORD] = {"mqtt.password", check_password, false},
    [SECRET_MQTT_TLS_KEY] = {"mqtt.tls.key", check_pem, true},
    [SECRET_INFLUX_TOKEN] = {"influx.token", check_token, false},
    [SECRET_HTTP_TLS_KEY] = {"http.tls.key", check_pem, true},
};

const char *secret_name(enum secret s)
{
    return table[s].name;
}

int secret_find(const char *name)
{
    for (int i = 0; i < SECRETS; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

bool secret_has_lines(enum secret s)
{
    return table[s].lines;
}

const char *secret_check(enum secret s, const char *value, size_t *len)
{
    size_t n = *len;

    if (!table[s].lines) {
        n -= n && value[n - 1] == '\n';
        n -= n && n < *len && value[n - 1] == '\r';
    }
    if (n > SECRET_MAX)
        return "a secret has 4096 bytes at most";
    *len = n;
    return table[s].check(value, n);
}

void secret_wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

static void wipe_texts(cJSON *v)
{
    if (cJSON_IsString(v) && v->valuestring)
        OPENSSL_cleanse(v->valuestring, strlen(v->valuestring));
    for (cJSON *u = v->child; u; u = u->next)
        wipe_texts(u);
}

void secret_wipe_tree(cJSON *tree)
{
    if (tree)
        wipe_texts(tree);
    cJSON_Delete(tree);
}
