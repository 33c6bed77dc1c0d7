/* Fuzzer: what decides who may, from what a stranger sends and what a disk gives back. Input: Host, Origin, Cookie and
 * Authorization, each ended by a line feed, then a file. A file that is taken must be written as it was understood. */
#include "fuzz.h"

#include "core/access_headers.h"
#include "core/host_check.h"
#include "core/jsonw.h"
#include "core/scrypt_line.h"
#include "core/session.h"
#include "core/token.h"

#include <stdlib.h>
#include <string.h>

static void check_headers(char *line[4])
{
    static const char *const more[] = {"energy.example"};
    static const struct host_names names = {.host_name = "gw.lan", .more = more, .n_more = 1};
    struct sessions sessions = {0};
    struct tokens tokens = {.n = 0};
    size_t len = 0;

    if (host_allowed(line[0], &names) && strstr(line[0], "evil"))
        abort();
    host_origin(line[0], line[1], NULL, strlen(line[0]) % 2);
    access_is_json(line[1]);
    const char *cookie = access_cookie(line[2], "fluksod", &len);
    if (cookie && (len > strlen(cookie) || session_use(&sessions, cookie, len, false, 1)))
        abort();
    const char *bearer = access_bearer(line[3], &len);
    if (bearer && (len > strlen(bearer) || token_check(&tokens, bearer, len)))
        abort();
    if (token_name_is_valid(line[1]) && strpbrk(line[1], "/ \""))
        abort();
}

static void check_scrypt_line(const char *text, size_t size)
{
    struct scrypt_line l, again;
    char out[SCRYPT_LINE_MAX + 1];

    if (scrypt_line_parse(&l, text, size) < 0)
        return;
    if (l.n * l.r * 128 > SCRYPT_MEMORY_MAX)
        abort();
    scrypt_line_format(&l, out);
    if (scrypt_line_parse(&again, out, strlen(out)) < 0 || memcmp(again.hash, l.hash, sizeof l.hash) != 0)
        abort();
}

static void check_tokens(const char *text, size_t size)
{
    struct tokens t, again;
    struct jsonw w;

    if (tokens_parse(&t, text, size) < 0)
        return;
    jsonw_init(&w);
    tokens_format(&t, &w);
    if (w.len > TOKEN_FILE_MAX || tokens_parse(&again, w.buf, w.len) < 0 || again.n != t.n)
        abort();
    jsonw_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *rest = text; /* exact, so that a byte too far is found */
    char *line[4];

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < sizeof line / sizeof line[0]; i++) {
        line[i] = rest;
        rest += strcspn(rest, "\n");
        if (*rest == '\n')
            *rest++ = '\0';
    }
    check_headers(line);
    check_scrypt_line(rest, size - (size_t)(rest - text));
    check_tokens(rest, size - (size_t)(rest - text));
    free(text);
    return 0;
}
