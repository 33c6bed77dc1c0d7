#include "ctl/stream.h"

#include "core/util.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/say.h"

#include <stdlib.h>
#include <string.h>

#define SILENCE_S 45   /* the gateway sends a comment each 15 s at least */
#define ERROR_MAX 8192 /* of an answer that is no stream */

struct stream {
    const struct ctl *c;
    struct events events;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    enum stream_state state;
    CURLcode code;
    char errors[CURL_ERROR_SIZE];
    char *refusal; /* the body of an answer that is no success */
    size_t refusal_len;
};

static size_t on_bytes(char *bytes, size_t size, size_t n, void *ctx)
{
    struct stream *s = ctx;

    n *= size;
    if (stream_connected(s)) {
        events_feed(&s->events, bytes, n);
        return n;
    }
    if (s->refusal_len + n < ERROR_MAX) {
        memcpy(s->refusal + s->refusal_len, bytes, n);
        s->refusal_len += n;
        s->refusal[s->refusal_len] = '\0';
    }
    return n;
}

struct stream *stream_open(const struct ctl *c, const char *path, events_cb event, void *ctx)
{
    struct stream *s = must(calloc(1, sizeof *s));

    s->c = c;
    s->easy = call_handle(c, path, s->errors, &s->headers);
    if (!s->easy) {
        curl_slist_free_all(s->headers);
        free(s);
        return NULL;
    }
    events_init(&s->events, event, ctx);
    s->refusal = must(calloc(1, ERROR_MAX));
    s->headers = must(curl_slist_append(s->headers, "Accept: text/event-stream"));
    curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
    curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
    s->multi = must(curl_multi_init());
    curl_multi_add_handle(s->multi, s->easy);
    return s;
}

void stream_close(struct stream *s)
{
    if (!s)
        return;
    curl_multi_remove_handle(s->multi, s->easy);
    curl_easy_cleanup(s->easy);
    curl_multi_cleanup(s->multi);
    curl_slist_free_all(s->headers);
    events_fini(&s->events);
    free(s->refusal);
    free(s);
}

bool stream_connected(const struct stream *s)
{
    long status = 0;

    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    return status == 200;
}

static void end(struct stream *s, CURLcode code)
{
    s->code = code;
    s->state = stream_connected(s) ? STREAM_ENDED : code == CURLE_OK ? STREAM_REFUSED : STREAM_FAILED;
}

enum stream_state stream_wait(struct stream *s, int timeout_ms, int fd1, int fd2)
{
    struct curl_waitfd extra[2];
    unsigned n = 0;
    int running = 0, left;

    if (fd1 >= 0)
        extra[n++] = (struct curl_waitfd){.fd = fd1, .events = CURL_WAIT_POLLIN};
    if (fd2 >= 0)
        extra[n++] = (struct curl_waitfd){.fd = fd2, .events = CURL_WAIT_POLLIN};
    curl_multi_perform(s->multi, &running);
    if (running)
        curl_multi_poll(s->multi, extra, n, timeout_ms, NULL);
    curl_multi_perform(s->multi, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));)
        if (m->msg == CURLMSG_DONE)
            end(s, m->data.result);
    return s->state;
}

int stream_explain(const struct stream *s)
{
    struct answer a = {.body = s->refusal, .len = s->refusal_len};
    long status = 0;

    if (s->state == STREAM_FAILED)
        return call_unreachable(s->c, s->code, s->errors);
    if (s->state != STREAM_REFUSED) {
        say_fail("the gateway has ended the connection");
        return CTL_UNREACHABLE;
    }
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    a.status = (int)status;
    a.json = cJSON_ParseWithLength(a.body, a.len);
    call_explain(s->c, &a);
    cJSON_Delete(a.json);
    return CTL_REFUSED;
}
