/* What all forwarders of the store's rows have in common: how long they wait after a failure, rows that the other side
 * refuses, and what status says of them. It never calls anybody. */
#ifndef APP_FORWARDER_H
#define APP_FORWARDER_H

#include "app/app.h"
#include "core/answer.h"
#include "core/jsonw.h"
#include "io/store.h"
#include "io/web.h"

/* Milliseconds to wait after so many failures in a row: full jitter, from 0 to base_ms, doubled with each further one,
 * at most ceiling_ms. */
int64_t forwarder_wait_ms(unsigned failures, uint32_t base_ms, int64_t ceiling_ms);

/* An answer as the core takes it; its texts are those of w. */
struct answer_in forwarder_answer(struct app *app, const struct web_answer *w);

/* What people are told of a failure: the answer's text, and that this host's clock is why, when it is. */
void forwarder_failure(const struct app *app, const struct answer *a, const struct web_answer *w,
                       char text[ANSWER_TEXT + 64]);

/* Keep n rows apart (unix_s: their true stamps): a job of the store, with a copy. */
void forwarder_quarantine(struct app *app, enum store_reader reader, const struct store_row *rows, size_t n,
                          const char *reason);

/* The end of a forwarder's life: release frees it, when its client and its timer are closed; then done is called. */
struct forwarder_end {
    void (*release)(void *self);
    void *self;
    service_done done;
    void *done_ctx;
};

/* timer lies in what end->release frees. */
void forwarder_close(struct web *web, uv_timer_t *timer, const struct forwarder_end *end);

/* Two texts are the same, or both are NULL. */
bool forwarder_same_text(const char *a, const char *b);

/* What status says of each: members of an object. */
struct forwarder_status {
    bool on;
    const char *url;       /* NULL: none */
    const char *waits_for; /* why rows wait although the other side may be there; "" nothing */
    enum store_reader reader;
    int64_t last_ok_s; /* 0: never */
    const char *last_error;
    uint64_t rows_sent, rows_quarantined;
    int64_t next_ms; /* monotonic, of the next try; past: now */
};

void forwarder_status(struct jsonw *w, const struct app *app, const struct forwarder_status *s);

/* A text, null when it is empty; a Unix second, null when it is 0. */
void forwarder_put_text(struct jsonw *w, const char *key, const char *text);
void forwarder_put_unix(struct jsonw *w, const char *key, int64_t unix_s);

#endif
