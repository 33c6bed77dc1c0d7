#include "core/mqtt_event.h"

#include "core/feed.h"
#include "core/num.h"
#include "core/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define FRAME   (96 + NUM_MAX) /* all but topic and payload */
#define LONGEST 6              /* bytes that one byte may become: an escape */

static_assert(FRAME + LONGEST * MQTT_EVENT_TOPIC + MQTT_EVENT_TEXT <= FEED_EVENT_MAX, "an event fits into the feed");

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t mqtt_event_room(const char *topic, size_t payload_len)
{
    return FRAME + LONGEST * strnlen(topic, MQTT_EVENT_TOPIC) +
           smaller(LONGEST * smaller(payload_len, MQTT_EVENT_PAYLOAD), MQTT_EVENT_TEXT);
}

static char *put_text(char *p, const char *text)
{
    size_t len = strlen(text);

    memcpy(p, text, len);
    return p + len;
}

/* One character that is at src, which n bytes of it are, or none that is valid: n == 0. The end of its text. */
static char *put_char(char *p, const char *src, size_t n)
{
    unsigned char c = (unsigned char)*src;

    if (n == 0)
        return put_text(p, "\xef\xbf\xbd");
    if (c == '"' || c == '\\')
        *p++ = '\\';
    if (c >= 0x20) {
        memcpy(p, src, n);
        return p + n;
    }
    return num_put_hex(put_text(p, "\\u"), c, 4);
}

/* The bytes at src as the inside of a JSON string of at most size bytes. Sets *src to the first that was left out. */
static char *put_string(char *p, size_t size, const char **src, const char *end)
{
    const char *limit = p + size;
    uint32_t c;

    while (*src < end && limit - p >= LONGEST) {
        size_t n = utf8_next(*src, end, &c);
        p = put_char(p, *src, n);
        *src += n ? n : 1;
    }
    return p;
}

size_t mqtt_event_put(char *dst, const char *topic, const void *payload, size_t len, bool retain)
{
    const char *text = payload, *end = text + len;
    const char *limit = text + smaller(len, MQTT_EVENT_PAYLOAD);
    char *p = put_text(dst, "event: message\ndata: {\"topic\":\"");

    if (limit < end) /* not in the middle of a character */
        for (int i = 0; i < 3 && limit > text && ((unsigned char)*limit & 0xc0) == 0x80; i++)
            limit--;
    p = put_string(p, LONGEST * MQTT_EVENT_TOPIC, &topic, topic + strnlen(topic, MQTT_EVENT_TOPIC));
    p = put_text(p, "\",\"payload\":\"");
    p = put_string(p, MQTT_EVENT_TEXT, &text, limit);
    p = put_text(p, retain ? "\",\"retain\":true" : "\",\"retain\":false");
    if (text < end)
        p = num_put_int(put_text(p, ",\"bytes\":"), (int64_t)len);
    p = put_text(p, "}\n\n");
    return (size_t)(p - dst);
}
