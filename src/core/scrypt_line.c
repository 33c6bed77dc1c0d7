#include "core/scrypt_line.h"

#include "core/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define WORD "scrypt"

/* The next field, up to the '$' behind it or to the end: its length, and *text is behind it. */
static size_t next_field(const char **text, const char *end, const char **field)
{
    const char *dollar = memchr(*text, '$', (size_t)(end - *text));
    const char *stop = dollar ? dollar : end;

    *field = *text;
    *text = dollar ? dollar + 1 : end;
    return (size_t)(stop - *field);
}

/* 1..max in plain decimal, or 0. */
static uint64_t take_number(const char **text, const char *end, uint64_t max)
{
    const char *f;
    size_t n = next_field(text, end, &f);
    uint64_t v = 0;

    if (n == 0 || n > 9 || *f == '0')
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (f[i] < '0' || f[i] > '9')
            return 0;
        v = v * 10 + (uint64_t)(f[i] - '0');
    }
    return v <= max ? v : 0;
}

/* Bytes of hex digits, at most max; 0 when they are none. */
static size_t take_bytes(const char **text, const char *end, uint8_t *out, size_t max)
{
    const char *f;
    size_t n = next_field(text, end, &f);
    uint32_t byte;

    if (n % 2 || n / 2 > max)
        return 0;
    for (size_t i = 0; i < n / 2; i++) {
        if (num_get_hex(f + 2 * i, 2, &byte) < 0)
            return 0;
        out[i] = (uint8_t)byte;
    }
    return n / 2;
}

int scrypt_line_parse(struct scrypt_line *l, const char *text, size_t len)
{
    const char *end = text + len, *word;

    *l = (struct scrypt_line){0};
    if (len && end[-1] == '\n')
        end--;
    if (end - text > SCRYPT_LINE_MAX || memchr(text, '\0', (size_t)(end - text)))
        return -1;
    if (next_field(&text, end, &word) != strlen(WORD) || memcmp(word, WORD, strlen(WORD)) != 0)
        return -1;
    l->n = take_number(&text, end, 1u << 20);
    l->r = (uint32_t)take_number(&text, end, 32);
    l->p = (uint32_t)take_number(&text, end, 16);
    if (l->n < 1024 || l->n & (l->n - 1) || !l->r || !l->p || 128 * l->n * l->r > SCRYPT_MEMORY_MAX)
        return -1;
    l->salt_len = take_bytes(&text, end, l->salt, sizeof l->salt);
    if (l->salt_len < 8 || take_bytes(&text, end, l->hash, sizeof l->hash) != sizeof l->hash)
        return -1;
    return text == end && end[-1] != '$' ? 0 : -1;
}

static char *put_bytes(char *out, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out = num_put_hex(out, bytes[i], 2);
    return out;
}

void scrypt_line_format(const struct scrypt_line *l, char out[SCRYPT_LINE_MAX + 1])
{
    out += snprintf(out, SCRYPT_LINE_MAX + 1, WORD "$%" PRIu64 "$%" PRIu32 "$%" PRIu32 "$", l->n, l->r, l->p);
    out = put_bytes(out, l->salt, l->salt_len);
    *out++ = '$';
    out = put_bytes(out, l->hash, sizeof l->hash);
    *out = '\0';
}

static int compute(const struct scrypt_line *l, const char *password, uint8_t hash[SCRYPT_HASH])
{
    return EVP_PBE_scrypt(password, strlen(password), l->salt, l->salt_len, l->n, l->r, l->p,
                          2 * (uint64_t)SCRYPT_MEMORY_MAX, hash, SCRYPT_HASH) == 1
               ? 0
               : -1;
}

int scrypt_line_make(struct scrypt_line *l, const char *password, const uint8_t salt[SCRYPT_SALT])
{
    *l = (struct scrypt_line){.n = SCRYPT_N, .r = SCRYPT_R, .p = SCRYPT_P, .salt_len = SCRYPT_SALT};
    memcpy(l->salt, salt, SCRYPT_SALT);
    return compute(l, password, l->hash);
}

int scrypt_line_check(const struct scrypt_line *l, const char *password)
{
    uint8_t hash[SCRYPT_HASH];

    if (compute(l, password, hash) < 0)
        return -1;
    int same = CRYPTO_memcmp(hash, l->hash, sizeof hash) == 0;
    OPENSSL_cleanse(hash, sizeof hash);
    return same;
}
