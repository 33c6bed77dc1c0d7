#include "unit.h"

#include "core/secret.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

static bool takes(enum secret s, const char *value, size_t len, size_t want)
{
    size_t n = len;

    return secret_check(s, value, &n) == NULL && n == want;
}

static bool takes_text(enum secret s, const char *value)
{
    return takes(s, value, strlen(value), strlen(value));
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < SECRETS; i++)
        assert_int_equal(secret_find(secret_name((enum secret)i)), i);
    assert_string_equal(secret_name(SECRET_MQTT_PASSWORD), "mqtt.password");
    assert_int_equal(secret_find(""), -1);
    assert_int_equal(secret_find("mqtt"), -1);
    assert_int_equal(secret_find("../device.id"), -1);
}

static void device_keys(void **state)
{
    static const char key[] = "0123456789abcdef0123456789ABCD ~";

    (void)state;
    assert_true(takes(SECRET_DEVICE_KEY, key, 32, 32));
    assert_true(takes(SECRET_DEVICE_KEY, "0123456789abcdef0123456789abcdef\n", 33, 32));
    assert_true(takes(SECRET_DEVICE_KEY, "0123456789abcdef0123456789abcdef\r\n", 34, 32));
    assert_false(takes(SECRET_DEVICE_KEY, key, 31, 31));
    assert_false(takes_text(SECRET_DEVICE_KEY, "0123456789abcdef0123456789abcdef\n\n"));
    assert_false(takes_text(SECRET_DEVICE_KEY, "0123456789abcdef0123456789abcde\xC3\xA9"));
    assert_false(takes_text(SECRET_DEVICE_KEY, "0123456789abcdef\t123456789abcdef"));
    assert_false(takes_text(SECRET_DEVICE_KEY, ""));
}

static void passwords(void **state)
{
    char text[1100];

    (void)state;
    assert_true(takes_text(SECRET_MQTT_PASSWORD, "x"));
    assert_true(takes_text(SECRET_MQTT_PASSWORD, "Grüße, \"quoted\" \\"));
    assert_true(takes(SECRET_MQTT_PASSWORD, "secret\n", 7, 6));
    assert_false(takes_text(SECRET_MQTT_PASSWORD, ""));
    assert_false(takes_text(SECRET_MQTT_PASSWORD, "\n"));
    assert_false(takes_text(SECRET_MQTT_PASSWORD, "two\nlines"));
    assert_false(takes_text(SECRET_MQTT_PASSWORD, "two\rlines"));
    assert_false(takes(SECRET_MQTT_PASSWORD, "a\0b", 3, 3));
    memset(text, 'x', sizeof text);
    assert_true(takes(SECRET_MQTT_PASSWORD, text, 1023, 1023));
    assert_false(takes(SECRET_MQTT_PASSWORD, text, 1024, 1024));
}

static void tokens(void **state)
{
    (void)state;
    assert_true(takes_text(SECRET_INFLUX_TOKEN, "abc=="));
    assert_true(takes_text(SECRET_INFLUX_TOKEN, "user:pässword"));
    assert_true(takes(SECRET_INFLUX_TOKEN, "abc==\r\n", 7, 5));
    assert_false(takes_text(SECRET_INFLUX_TOKEN, "pässword"));
    assert_false(takes_text(SECRET_INFLUX_TOKEN, "a\nb"));
    assert_false(takes_text(SECRET_INFLUX_TOKEN, ""));
}

static size_t make_key(char pem[SECRET_MAX], const char *pass)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = pass ? EVP_aes_128_cbc() : NULL;

    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, cipher, NULL, 0, NULL, (void *)(uintptr_t)pass), 1);
    int n = BIO_read(bio, pem, SECRET_MAX);
    BIO_free(bio);
    EVP_PKEY_free(key);
    assert_true(n > 0);
    return (size_t)n;
}

static void private_keys(void **state)
{
    char pem[SECRET_MAX], longer[SECRET_MAX + 1];
    size_t len;

    (void)state;
    len = make_key(pem, NULL);
    assert_true(takes(SECRET_MQTT_TLS_KEY, pem, len, len));
    assert_true(takes(SECRET_HTTP_TLS_KEY, pem, len, len));
    memset(longer, '\n', sizeof longer);
    memcpy(longer, pem, len);
    assert_true(takes(SECRET_HTTP_TLS_KEY, longer, SECRET_MAX, SECRET_MAX));
    assert_false(takes(SECRET_HTTP_TLS_KEY, longer, SECRET_MAX + 1, SECRET_MAX + 1));
    assert_false(takes(SECRET_HTTP_TLS_KEY, pem, len / 2, len / 2));
    assert_false(takes_text(SECRET_HTTP_TLS_KEY, ""));
    assert_false(takes_text(SECRET_HTTP_TLS_KEY, "-----BEGIN CERTIFICATE-----\n"));
    len = make_key(pem, "locked");
    assert_false(takes(SECRET_HTTP_TLS_KEY, pem, len, len));
}

static void wiping(void **state)
{
    (void)state;
    secret_wipe(NULL);
    secret_wipe(strdup("x"));
    secret_wipe_tree(NULL);
    secret_wipe_tree(cJSON_Parse("{\"a\":[\"x\",{\"b\":\"y\"}],\"c\":1}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),  cmocka_unit_test(device_keys),  cmocka_unit_test(passwords),
        cmocka_unit_test(tokens), cmocka_unit_test(private_keys), cmocka_unit_test(wiping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
