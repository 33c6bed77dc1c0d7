#include "app/pieces.h"

#include "core/jsonw.h"
#include "core/util.h"
#include "io/httpd.h"

#include <stdlib.h>
#include <string.h>

/* No turn of the loop visits more sensors than this; an answer writes up to two pieces in one. */
#define TURN_SENSORS 256

const char pieces_busy[] = "as many as can be answered at a time are being answered; please try again";

/* One answer on its way: the piece in hand. */
struct answer {
    struct pieces *owner;
    pieces_write write;
    struct jsonw piece;
    size_t sent; /* bytes of the piece */
    max_align_t state[];
};

static bool next_piece(struct answer *a)
{
    a->piece.len = a->sent = 0;
    return a->write(a->owner->app, a->state, &a->piece);
}

static size_t more(void *ctx, char *dst, size_t size)
{
    struct answer *a = ctx;

    if (a->sent == a->piece.len && !next_piece(a))
        return 0;
    size_t n = a->piece.len - a->sent < size ? a->piece.len - a->sent : size;
    memcpy(dst, a->piece.buf + a->sent, n);
    a->sent += n;
    return n;
}

static void done(void *ctx)
{
    struct answer *a = ctx;

    a->owner->answers--;
    jsonw_free(&a->piece);
    free(a);
}

bool pieces_answer(struct pieces *p, struct http_reply *r, const char *type, pieces_write write, size_t state_size,
                   size_t sensors, size_t piece_sensors)
{
    size_t each = sensors < 2 * piece_sensors ? sensors : 2 * piece_sensors;

    if ((p->answers + 1) * each > TURN_SENSORS)
        return false;
    struct answer *a = must(calloc(1, sizeof *a + state_size));
    a->owner = p;
    a->write = write;
    p->answers++;
    r->type = type;
    r->more = more;
    r->done = done;
    r->ctx = a;
    return true;
}
