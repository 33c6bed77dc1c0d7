#include "ctl/call.h"

#include "ctl/ctl.h"
#include "ctl/say.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_S  5
#define CALL_S     90          /* the gateway itself gives up after 60 */
#define ANSWER_MAX (64u << 20) /* far more than the largest gateway says */
#define TOKEN_MAX  512

/* Where the bytes of an answer go. */
struct sink {
    CURL *handle;
    struct answer *answer;
    size_t cap;
    FILE *file; /* of a success; or NULL */
    bool file_failed;
};

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct sink *s = ctx;
    struct answer *a = s->answer;
    long status = 0;

    n *= size;
    curl_easy_getinfo(s->handle, CURLINFO_RESPONSE_CODE, &status);
    if (s->file && status / 100 == 2) {
        s->file_failed = fwrite(bytes, 1, n, s->file) != n;
        a->saved += (double)n;
        return s->file_failed ? 0 : n;
    }
    if (a->len + n > ANSWER_MAX)
        return 0;
    if (a->len + n >= s->cap) {
        s->cap = 2 * (a->len + n) + 1;
        a->body = must(realloc(a->body, s->cap));
    }
    memcpy(a->body + a->len, bytes, n);
    a->len += n;
    a->body[a->len] = '\0';
    return n;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    static const char job[] = "X-Job:";
    struct sink *s = ctx;
    struct answer *a = s->answer;

    n *= size;
    if (n > sizeof job && strncasecmp(line, job, sizeof job - 1) == 0) {
        const char *p = line + sizeof job - 1, *end = line + n;
        while (p < end && *p == ' ')
            p++;
        while (end > p && (unsigned char)end[-1] <= ' ')
            end--;
        snprintf(a->job, sizeof a->job, "%.*s", (int)(end - p), p);
    }
    return n;
}

/* The first line of the file; the list is unchanged when it cannot be had, and people know why. */
static int add_token(struct curl_slist **headers, const char *path)
{
    char token[TOKEN_MAX], line[TOKEN_MAX + 32];
    FILE *f;

    errno = 0;
    f = fopen(path, "re");
    if (!f || !fgets(token, sizeof token, f)) {
        say_fail("%s: no token can be read from it: %s", path, errno ? strerror(errno) : "it is empty");
        if (f)
            fclose(f);
        return -1;
    }
    fclose(f);
    token[strcspn(token, "\r\n")] = '\0';
    snprintf(line, sizeof line, "Authorization: Bearer %s", token);
    *headers = curl_slist_append(*headers, line);
    explicit_bzero(token, sizeof token);
    explicit_bzero(line, sizeof line);
    return 0;
}

CURL *call_handle(const struct ctl *c, const char *path, char *errors, struct curl_slist **headers)
{
    const char *base = c->url ? c->url : "http://localhost";
    size_t n = strlen(base);
    char *url;

    *errors = '\0';
    *headers = NULL;
    if (c->url && c->token_file && add_token(headers, c->token_file) < 0)
        return NULL;
    while (n && base[n - 1] == '/')
        n--;
    if (asprintf(&url, "%.*s%s", (int)n, base, path) < 0)
        abort();
    CURL *h = must(curl_easy_init());
    curl_easy_setopt(h, CURLOPT_URL, url);
    free(url);
    if (!c->url) {
        curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
        curl_easy_setopt(h, CURLOPT_PROXY, "");
    } else if (c->ca_file) {
        curl_easy_setopt(h, CURLOPT_CAINFO, c->ca_file);
    }
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, errors);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "fluksoctl/" FLUKSOD_VERSION);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, *headers);
    return h;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct ctl *ctl = ctx;

    (void)a, (void)b, (void)c, (void)d;
    return ctl->give_up(ctl->give_up_ctx);
}

/* 0, or -1 when the handle cannot be had. */
static int perform(const struct ctl *c, const char *method, const char *path, const cJSON *body, struct sink *s)
{
    struct curl_slist *headers;
    char *text = body ? must(cJSON_PrintUnformatted(body)) : NULL;
    CURL *h = call_handle(c, path, s->answer->why, &headers);

    if (h) {
        s->handle = h;
        if (text) {
            headers = must(curl_slist_append(headers, "Content-Type: application/json"));
            curl_easy_setopt(h, CURLOPT_POSTFIELDS, text);
            curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
        } else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
            headers = must(curl_slist_append(headers, "Content-Type:")); /* not curl's own: it is no form */
            curl_easy_setopt(h, CURLOPT_POSTFIELDS, "");
        }
        headers = must(curl_slist_append(headers, "Expect:")); /* no round trip for a body of some bytes */
        curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)CALL_S);
        curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(h, CURLOPT_WRITEDATA, s);
        curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(h, CURLOPT_HEADERDATA, s);
        if (c->give_up) {
            curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
            curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
            curl_easy_setopt(h, CURLOPT_XFERINFODATA, c);
        }
        s->answer->code = curl_easy_perform(h);
        long status = 0;
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
        s->answer->status = (int)status;
        curl_easy_cleanup(h);
    }
    curl_slist_free_all(headers);
    if (text)
        explicit_bzero(text, strlen(text)); /* it may hold a password */
    cJSON_free(text);
    return h ? 0 : -1;
}

static int talk(const struct ctl *c, const char *method, const char *path, const cJSON *body, FILE *file, bool quiet,
                struct answer *a)
{
    struct sink s = {.answer = a, .file = file};

    *a = (struct answer){.body = must(calloc(1, 1))};
    quiet |= c->quiet;
    if (perform(c, method, path, body, &s) < 0)
        return CTL_USAGE;
    if (s.file_failed) {
        say_fail("writing what came: %s", strerror(errno));
        return CTL_REFUSED;
    }
    if (a->code != CURLE_OK)
        return quiet ? CTL_UNREACHABLE : call_unreachable(c, a->code, a->why);
    a->json = a->len ? cJSON_ParseWithLength(a->body, a->len) : NULL;
    if (a->status / 100 == 2)
        return CTL_OK;
    return quiet ? CTL_REFUSED : call_explain(c, a);
}

int call(const struct ctl *c, const char *method, const char *path, const cJSON *body, struct answer *a)
{
    return talk(c, method, path, body, NULL, false, a);
}

int call_save(const struct ctl *c, const char *method, const char *path, const cJSON *body, FILE *file,
              struct answer *a)
{
    return talk(c, method, path, body, file, false, a);
}

int call_quietly(const struct ctl *c, const char *method, const char *path, const cJSON *body, struct answer *a)
{
    return talk(c, method, path, body, NULL, true, a);
}

void answer_free(struct answer *a)
{
    cJSON_Delete(a->json);
    if (a->body)
        explicit_bzero(a->body, a->len);
    free(a->body);
    *a = (struct answer){0};
}

int call_print(const struct answer *a)
{
    if (a->len)
        say_raw(a->body, a->len);
    return CTL_OK;
}

char *call_path(const char *prefix, const char *name)
{
    char *escaped = must(curl_easy_escape(NULL, name, 0)), *path;

    if (asprintf(&path, "%s%s", prefix, escaped) < 0)
        abort();
    curl_free(escaped);
    return path;
}
