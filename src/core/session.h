/* Who is logged in: at most 16 sessions, known by 256 random bits. It keeps nothing on a disk, draws no random bits
 * and asks no clock; both are handed in. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_MAX     16
#define SESSION_ID      32               /* random bytes */
#define SESSION_TEXT    (2 * SESSION_ID) /* as hex digits, in the cookie */
#define SESSION_IDLE_MS (24 * 3600 * (int64_t)1000)
#define SESSION_LIFE_MS (7 * SESSION_IDLE_MS)

/* All zero: none. */
struct sessions {
    struct session {
        bool open;
        bool tls; /* begun over TLS: good over TLS only */
        uint8_t id[SESSION_ID];
        int64_t start_ms, used_ms; /* monotonic */
    } v[SESSION_MAX];
};

/* Begin one; text gets what its cookie holds. When there is no room the one that was idle for the longest time ends. */
void session_begin(struct sessions *s, const uint8_t id[SESSION_ID], bool tls, int64_t mono_ms,
                   char text[SESSION_TEXT + 1]);

/* Is this text (len bytes, anything) a session's that has not ended? Then it counts as used now. It is compared with
 * each of them in constant time. */
bool session_use(struct sessions *s, const char *text, size_t len, bool tls, int64_t mono_ms);

/* End the one with this text: false, there is none. End all. */
bool session_end(struct sessions *s, const char *text, size_t len);
void session_end_all(struct sessions *s);

/* How many have not ended. */
size_t session_count(const struct sessions *s, int64_t mono_ms);

#endif
