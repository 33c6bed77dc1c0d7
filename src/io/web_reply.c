#include "io/web_reply.h"

#include "core/util.h"

#include <string.h>
#include <strings.h>

#define STATUS_LINE "HTTP/"

static const char *const names[] = {[WEB_WWW_AUTHENTICATE] = "WWW-Authenticate",
                                    [WEB_DIGEST] = "X-Digest",
                                    [WEB_DATE] = "Date",
                                    [WEB_RETRY_AFTER] = "Retry-After",
                                    [WEB_CONTENT_TYPE] = "Content-Type"};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* line has n bytes and no terminating zero. */
static void keep_header(struct web_reply *r, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    size_t name = colon ? (size_t)(colon - line) : 0;

    for (size_t i = 0; colon && i < WEB_HEADERS; i++) {
        if (strlen(names[i]) != name || strncasecmp(line, names[i], name) != 0)
            continue;
        size_t from = name + 1;
        while (from < n && is_space(line[from]))
            from++;
        while (n > from && is_space(line[n - 1]))
            n--;
        free(r->header[i]);
        r->header[i] = must(strndup(line + from, n - from < WEB_HEADER_MAX ? n - from : WEB_HEADER_MAX));
        return;
    }
}

/* A whole line with its end. A status line begins anew (after 100 Continue); what comes behind the body is no header.
 */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct web_reply *r = ctx;

    n *= size;
    r->answering = true;
    if (n >= sizeof STATUS_LINE && memcmp(line, STATUS_LINE, sizeof STATUS_LINE - 1) == 0) {
        for (size_t i = 0; i < WEB_HEADERS; i++) {
            free(r->header[i]);
            r->header[i] = NULL;
        }
        r->headed = false;
    } else if (n == 0 || line[0] == '\r' || line[0] == '\n') {
        r->headed = true;
    } else if (!r->headed) {
        keep_header(r, line, n);
    }
    return n;
}

/* A return of less than all ends the transfer with CURLE_WRITE_ERROR. */
static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct web_reply *r = ctx;

    n *= size;
    if (n > WEB_BODY_MAX - r->len) {
        r->too_long = true;
        return 0;
    }
    if (r->len + n >= r->room) {
        r->room = 2 * (r->len + n) + 1;
        r->body = must(realloc(r->body, r->room));
    }
    memcpy(r->body + r->len, bytes, n);
    r->len += n;
    r->body[r->len] = '\0';
    return n;
}

int web_reply_set(struct web_reply *r, const struct curl *c, CURL *easy)
{
    int bad = 0;

    bad |= c->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= c->easy_setopt(easy, CURLOPT_HEADERDATA, r);
    bad |= c->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= c->easy_setopt(easy, CURLOPT_WRITEDATA, r);
    return bad;
}

void web_reply_clear(struct web_reply *r)
{
    for (size_t i = 0; i < WEB_HEADERS; i++)
        free(r->header[i]);
    free(r->body);
    memset(r, 0, sizeof *r);
}
