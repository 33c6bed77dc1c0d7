/* What a request brings to show who it is: a session's cookie, a bearer token; and the type of its body.
 * It only finds texts in headers and judges none. */
#ifndef CORE_ACCESS_HEADERS_H
#define CORE_ACCESS_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

/* The value of the cookie with this name in a Cookie header (NULL: there is none): a part of it, *len bytes; NULL when
 * it is not there. The first of several counts. */
const char *access_cookie(const char *header, const char *name, size_t *len);

/* What follows "Bearer " in an Authorization header (NULL: there is none); NULL for any other scheme. */
const char *access_bearer(const char *header, size_t *len);

/* Is this Content-Type (NULL: there is none) application/json, whatever its parameters? */
bool access_is_json(const char *header);

#endif
