/* Files packed into one .tar.gz piece by piece: ustar headers by hand, gzip by zlib. It never knows more of a member
 * than the piece at hand, so each one's size is said before it.
 *
 *   tar_init ─► ( tar_member ─► tar_data … )… ─► tar_end ─► tar_fini
 *
 * What is packed comes out at `out`, not after every call: the caller takes it away and sets out.len to 0. */
#ifndef CORE_TAR_H
#define CORE_TAR_H

#include "core/jsonw.h"

#include <stddef.h>
#include <stdint.h>

#define TAR_NAME 99                       /* bytes of a name at most */
#define TAR_SIZE ((uint64_t)077777777777) /* bytes of a member at most */

struct z_stream_s;

struct tar {
    struct z_stream_s *z;
    struct jsonw out; /* packed bytes */
    uint64_t left;    /* bytes of the member that are to come */
    unsigned pad;     /* zeros behind it, to a whole block of 512 */
};

/* Aborts when memory is out, as all of this module does; about 60 KB while it lasts. */
void tar_init(struct tar *t);

/* A member begins: a plain file of mode 0644 that nobody owns. name: TAR_NAME bytes at most, with '/' between folders.
 * size: bytes, up to TAR_SIZE. mtime_s: Unix second of its last change, 0 or more. Aborts while another is not whole.
 */
void tar_member(struct tar *t, const char *name, uint64_t size, int64_t mtime_s);

/* The next n bytes of the member; aborts when that is more than was said. */
void tar_data(struct tar *t, const void *p, size_t n);

/* No member comes any more. */
void tar_end(struct tar *t);

void tar_fini(struct tar *t);

#endif
