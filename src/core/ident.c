#include "core/ident.h"

#include "core/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

void ident_from_random(const uint8_t r[16], char out[IDENT_LEN + 1])
{
    for (int i = 0; i < 16; i++)
        out = num_put_hex(out, r[i], 2);
    *out = '\0';
}

void ident_derive(const char *device_id, const char *key, char out[IDENT_LEN + 1])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL) || !EVP_DigestUpdate(md, device_id, strlen(device_id)) ||
        !EVP_DigestUpdate(md, "/", 1) || !EVP_DigestUpdate(md, key, strlen(key)) ||
        !EVP_DigestFinal_ex(md, digest, NULL))
        abort();
    EVP_MD_CTX_free(md);
    ident_from_random(digest, out);
}

void ident_sensor(const char *device_id, int number, char out[IDENT_LEN + 1])
{
    char key[16];

    snprintf(key, sizeof key, "port%d", number);
    ident_derive(device_id, key, out);
}

void ident_client_id(const char *device_id, char out[IDENT_CLIENT_ID_LEN + 1])
{
    snprintf(out, IDENT_CLIENT_ID_LEN + 1, "fluksod-%.12s", device_id);
}
