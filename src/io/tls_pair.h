/* Do a certificate and a private key belong together? Asked before a server lets go of a pair that works.
 * It keeps nothing, and asks nobody for a pass phrase. */
#ifndef IO_TLS_PAIR_H
#define IO_TLS_PAIR_H

#include "core/util.h"

#define TLS_PAIR_ERROR 96

/* Two texts in PEM form: certificates, the server's own first, and its key without a pass phrase. 0, or -1 and what is
 * wrong, in words, without any part of them. */
int tls_pair_check(const char *cert_pem, const char *key_pem, char error[TLS_PAIR_ERROR]) MUSTCHECK;

#endif
