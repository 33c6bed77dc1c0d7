#include "core/sealed.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define SCRYPT_N      32768
#define SCRYPT_R      8
#define SCRYPT_P      1
#define SCRYPT_MEMORY (64u << 20) /* more than it takes */

static const uint8_t magic[4] = {'F', 'x', 's', 1};

static const uint8_t *salt_of(const uint8_t *bytes)
{
    return bytes + sizeof magic;
}

static const uint8_t *nonce_of(const uint8_t *bytes)
{
    return bytes + sizeof magic + SEALED_SALT;
}

static int make_key(const char *passphrase, const uint8_t *salt, uint8_t key[SEALED_KEY])
{
    int ok = EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, SEALED_SALT, SCRYPT_N, SCRYPT_R, SCRYPT_P,
                            SCRYPT_MEMORY, key, SEALED_KEY);

    ERR_clear_error();
    return ok == 1 ? 0 : SEALED_NO_MEMORY;
}

/* ---- sealing ---- */

/* bytes: the head is there; the rest is filled in. */
static bool encrypt(uint8_t *bytes, const char *plain, size_t len, const uint8_t key[SEALED_KEY])
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t *out = bytes + SEALED_HEAD;
    int n = 0, last = 0;
    bool ok = c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce_of(bytes)) == 1 &&
              EVP_EncryptUpdate(c, NULL, &n, bytes, SEALED_HEAD) == 1 &&
              EVP_EncryptUpdate(c, out, &n, (const uint8_t *)plain, (int)len) == 1 &&
              EVP_EncryptFinal_ex(c, out + n, &last) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, SEALED_TAG, out + len) == 1;

    EVP_CIPHER_CTX_free(c);
    return ok;
}

char *sealed_seal(const char *plain, size_t len, const char *passphrase,
                  const uint8_t random[SEALED_SALT + SEALED_NONCE])
{
    size_t size = SEALED_HEAD + len + SEALED_TAG;
    uint8_t *bytes, key[SEALED_KEY];
    char *text = NULL;

    if (len > SEALED_MAX || make_key(passphrase, random, key) < 0)
        return NULL;
    bytes = must(malloc(size));
    memcpy(bytes, magic, sizeof magic);
    memcpy(bytes + sizeof magic, random, SEALED_SALT + SEALED_NONCE);
    if (encrypt(bytes, plain, len, key)) {
        text = must(malloc(4 * ((size + 2) / 3) + 1));
        EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    }
    OPENSSL_cleanse(key, sizeof key);
    free(bytes);
    return text;
}

/* ---- opening ---- */

int sealed_parse(struct sealed *s, const char *text, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t most = 4 * ((SEALED_HEAD + SEALED_MAX + SEALED_TAG + 2) / 3);
    size_t fill = 0;

    if (len == 0 || len % 4 || len > most)
        return SEALED_WRONG;
    while (fill < 2 && text[len - 1 - fill] == '=')
        fill++;
    for (size_t i = 0; i < len - fill; i++)
        if (!text[i] || !strchr(alphabet, text[i]))
            return SEALED_WRONG;
    s->len = len / 4 * 3 - fill;
    if (s->len < SEALED_HEAD + SEALED_TAG)
        return SEALED_WRONG;
    s->bytes = must(malloc(len / 4 * 3));
    if (EVP_DecodeBlock(s->bytes, (const unsigned char *)text, (int)len) >= 0 &&
        memcmp(s->bytes, magic, sizeof magic) == 0)
        return 0;
    free(s->bytes);
    s->bytes = NULL;
    return SEALED_WRONG;
}

static bool decrypt(const struct sealed *s, const uint8_t key[SEALED_KEY], uint8_t *plain, size_t len)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const uint8_t *in = s->bytes + SEALED_HEAD;
    int n = 0, last = 0;
    bool ok = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce_of(s->bytes)) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, s->bytes, SEALED_HEAD) == 1 &&
              EVP_DecryptUpdate(c, plain, &n, in, (int)len) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, SEALED_TAG, (void *)(uintptr_t)(in + len)) == 1 &&
              EVP_DecryptFinal_ex(c, plain + n, &last) == 1;

    EVP_CIPHER_CTX_free(c);
    ERR_clear_error();
    return ok;
}

int sealed_open_with(const struct sealed *s, const uint8_t key[SEALED_KEY], char **plain, size_t *plain_len)
{
    size_t len = s->len - SEALED_HEAD - SEALED_TAG;
    uint8_t *out = must(malloc(len + 1));

    if (!decrypt(s, key, out, len)) {
        OPENSSL_cleanse(out, len); /* what was not found to be true */
        free(out);
        return SEALED_WRONG;
    }
    out[len] = '\0';
    *plain = (char *)out;
    *plain_len = len;
    return 0;
}

int sealed_open(const char *text, size_t len, const char *passphrase, char **plain, size_t *plain_len)
{
    uint8_t key[SEALED_KEY];
    struct sealed s;
    int rc = sealed_parse(&s, text, len);

    if (rc < 0)
        return rc;
    rc = make_key(passphrase, salt_of(s.bytes), key);
    if (rc == 0)
        rc = sealed_open_with(&s, key, plain, plain_len);
    OPENSSL_cleanse(key, sizeof key);
    free(s.bytes);
    return rc;
}
