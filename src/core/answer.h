/* What an HTTP answer to a forwarder means: a kind that decides what becomes of the rows sent, and a text for people.
 * It trusts nothing that came: any length, any bytes, any depth; and it never decides when to try again.
 *
 * This is what all servers have in common; flukso_answer and influx_line tell their own server's answers apart. */
#ifndef CORE_ANSWER_H
#define CORE_ANSWER_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_TEXT      160         /* bytes with the terminating zero */
#define ANSWER_BODY_MAX  (64u << 10) /* a longer body is nobody's answer */
#define ANSWER_RETRY_MAX 86400       /* a server that asks for more is asked again after a day all the same */

struct cJSON;

enum answer_kind {
    ANSWER_OK,
    ANSWER_STALE,        /* a stamp is not newer than the server's last, answer.last_s */
    ANSWER_KEEP,         /* a success that is none: an error in its body, or not the server's (a captive portal) */
    ANSWER_HEADERS,      /* our version, ids or digest are malformed: never a row's fault */
    ANSWER_DIGEST,       /* the key is wrong */
    ANSWER_PROVISIONING, /* the server does not know this sensor or device */
    ANSWER_REFUSED,      /* no right to write, or nothing to write to: it needs people */
    ANSWER_ROW,          /* maybe a row that the server cannot take */
    ANSWER_TOO_LARGE,    /* the same rows in smaller parts may pass */
    ANSWER_SERVER,       /* the server's own trouble, or an answer that nobody foresaw */
    ANSWER_TRANSPORT,    /* no answer at all */
    ANSWER_KINDS
};

/* An answer as it came. Texts may be NULL: there was no such header. */
struct answer_in {
    int status;               /* 0: none came */
    const char *failure;      /* with status 0: why, in the client's words */
    const char *authenticate; /* WWW-Authenticate */
    const char *retry_after;
    const char *body; /* not terminated; NULL only when len is 0 */
    size_t len;
    int64_t now_s; /* Unix second, against which a date in Retry-After is held; 0: not known */
};

struct answer {
    enum answer_kind kind;
    int64_t last_s;         /* STALE: the server's last stamp, or 0: it did not tell */
    int64_t retry_after_s;  /* 0: nothing was asked for; at most ANSWER_RETRY_MAX */
    char text[ANSWER_TEXT]; /* "HTTP 500: …"; "" when all is well */
};

/* Copy a text from outside for people to read: control characters and white space become one space, what hides or
 * turns text too, broken UTF-8 becomes '?', and one that does not fit ends in "…". Always terminated; size is at least
 * 4. Returns its length. */
size_t answer_clean(char *dst, size_t size, const char *src, size_t len);

/* Seconds to wait by a header Retry-After (seconds, or an HTTP date while now_s is known), capped; 0: none, or none
 * that can be read. */
int64_t answer_retry_after(const char *value, int64_t now_s);

/* An answer of this kind, Retry-After read, with the text "HTTP <status>: <text>"; of a failed
 * transport its reason. Only OK has no text. */
void answer_set(struct answer *a, const struct answer_in *in, enum answer_kind kind, const char *text, size_t len);

/* The same with the body as its text: the first of these members (NULL at the end) that it has as a string, where it
 * is a JSON object; else the body itself. */
void answer_set_body(struct answer *a, const struct answer_in *in, enum answer_kind kind, const char *const *members);

/* The body as a tree for cJSON_Delete(), or NULL: no JSON, no valid UTF-8, too long or too deep. */
struct cJSON *answer_json(const char *body, size_t len);

/* Nothing in it but white space. */
bool answer_empty(const struct answer_in *in);

/* "ok", "stale", … for metrics and log lines. */
const char *answer_kind_name(enum answer_kind kind);

#endif
