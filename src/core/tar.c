#include "core/tar.h"

#include "core/util.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define BLOCK 512

/* A small window: texts that repeat themselves within some lines pack as well, for a quarter of the memory. */
#define LEVEL       6
#define WINDOW_BITS (13 + 16) /* 16: a gzip header and trailer */
#define MEM_LEVEL   6
#define ROOM        4096

void tar_init(struct tar *t)
{
    memset(t, 0, sizeof *t);
    jsonw_init(&t->out);
    t->z = must(calloc(1, sizeof *t->z));
    if (deflateInit2(t->z, LEVEL, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
}

static void pack(struct tar *t, const void *p, size_t n, int flush)
{
    int rc;

    t->z->next_in = (z_const Bytef *)(uintptr_t)p;
    t->z->avail_in = (uInt)n;
    do {
        t->z->next_out = (Bytef *)jsonw_room(&t->out, ROOM);
        t->z->avail_out = ROOM;
        rc = deflate(t->z, flush);
        t->out.len += ROOM - t->z->avail_out;
    } while (t->z->avail_out == 0 || (flush == Z_FINISH && rc == Z_OK));
}

/* A ustar header: texts and octal numbers at fixed places.
 *
 *   0 name 100 mode 108 uid 116 gid 124 size 136 mtime 148 checksum 156 type 157 link 257 "ustar" 263 "00" … 512 */
static void put_header(char h[BLOCK], const char *name, uint64_t size, int64_t mtime_s)
{
    unsigned sum = 0;

    memset(h, 0, BLOCK);
    snprintf(h, 100, "%s", name);
    snprintf(h + 100, 8, "%07o", 0644u);
    snprintf(h + 108, 8, "%07o", 0u);
    snprintf(h + 116, 8, "%07o", 0u);
    snprintf(h + 124, 12, "%011llo", (unsigned long long)size);
    snprintf(h + 136, 12, "%011llo", (unsigned long long)mtime_s & TAR_SIZE);
    memset(h + 148, ' ', 8); /* counts as blanks in its own sum */
    h[156] = '0';
    memcpy(h + 257, "ustar\00000", 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 7, "%06o", sum);
}

void tar_member(struct tar *t, const char *name, uint64_t size, int64_t mtime_s)
{
    char header[BLOCK];

    if (t->left || strlen(name) > TAR_NAME || size > TAR_SIZE)
        abort();
    put_header(header, name, size, mtime_s);
    pack(t, header, sizeof header, Z_NO_FLUSH);
    t->left = size;
    t->pad = (unsigned)((BLOCK - size % BLOCK) % BLOCK);
}

void tar_data(struct tar *t, const void *p, size_t n)
{
    static const char zeros[BLOCK];

    if (n > t->left)
        abort();
    pack(t, p, n, Z_NO_FLUSH);
    t->left -= n;
    if (t->left == 0 && t->pad) {
        pack(t, zeros, t->pad, Z_NO_FLUSH);
        t->pad = 0;
    }
}

void tar_end(struct tar *t)
{
    static const char zeros[2 * BLOCK];

    if (t->left)
        abort();
    pack(t, zeros, sizeof zeros, Z_FINISH);
}

void tar_fini(struct tar *t)
{
    if (t->z)
        deflateEnd(t->z);
    free(t->z);
    jsonw_free(&t->out);
    memset(t, 0, sizeof *t);
}
