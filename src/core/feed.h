/* A feed: encoded events on their way to several readers, in one bounded ring that all of them share. A reader is a
 * cursor; one that falls behind jumps ahead and is told how many events it skipped. It never asks a clock, never
 * waits for a reader, and holds no memory while nobody reads.
 *
 *    tail                cursor       mark              head
 *      ▼                   ▼            ▼                 ▼       positions in bytes since the beginning; the ring
 *      │rec│rec│ … │rec│rec│rec│ … │rec│rec│ … │rec│rec│rec│      holds those from tail to head
 *
 * A record is a header (time, length, for whom) and its text. What the tail passes is gone; a cursor that the tail has
 * passed, or that stands on a record older than FEED_AGE_MS, goes on at the mark: not a quarter of the ring old. */
#ifndef CORE_FEED_H
#define CORE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_READERS   16
#define FEED_BYTES_MIN (256u << 10)
#define FEED_BYTES_MAX (4u << 20)
#define FEED_EVENT_MAX 7680                  /* bytes of one event's text */
#define FEED_READ_MIN  (FEED_EVENT_MAX + 64) /* least room for feed_read(): an event behind the word of a skip */
#define FEED_AGE_MS    10000                 /* an older event says nothing about now */
#define FEED_VISIT     4096                  /* records that one feed_read() looks at, at most */

struct feed_reader {
    uint64_t cursor, end;   /* the record to read next; end of the frame that was granted */
    uint64_t put, taken;    /* events for it that were put; that it read or skipped */
    uint64_t put_till_mark; /* of put, those before the mark */
};

struct feed {
    char *ring; /* NULL while nobody reads */
    size_t size;
    uint64_t head, tail, mark;
    int64_t now_ms, mark_ms;
    uint32_t open; /* readers, a bit each */
    struct feed_reader readers[FEED_READERS];
    /* statistics */
    uint64_t events, skipped; /* put; not seen by a reader (each counts) */
};

void feed_init(struct feed *f);
void feed_fini(struct feed *f);

/* A new reader, who sees what is put from now on; now_ms is monotonic. bytes: size of the ring when it is the first
 * one, brought between FEED_BYTES_MIN and FEED_BYTES_MAX. Returns its number, 0 .. FEED_READERS - 1, or -1 when there
 * are as many as can be. Aborts when memory is out. */
int feed_open(struct feed *f, size_t bytes, int64_t now_ms);

/* The last one takes the ring with it. */
void feed_close(struct feed *f, int reader);

/* Put an event: write at most max (<= FEED_EVENT_MAX) bytes of the stream's text at feed_room(), then commit what was
 * written, for the readers whose bits are set (those of closed ones are ignored). Only while f->open is not 0. */
char *feed_room(struct feed *f, size_t max);
void feed_commit(struct feed *f, size_t len, uint32_t readers);

/* A frame begins for this reader: all that was put by now. Call it regularly for each, as it brings the time too.
 * False when there is nothing for it. */
bool feed_grant(struct feed *f, int reader, int64_t now_ms);

/* Take whole events of the frame, as many as fit into size (>= FEED_READ_MIN) bytes at dst; of a jump, `event: skipped`
 * with {"n":count} first. Returns their length; 0: nothing more for now, wait for the next frame. */
size_t feed_read(struct feed *f, int reader, char *dst, size_t size);

#endif
