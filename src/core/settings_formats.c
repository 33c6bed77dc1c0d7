/* What a text of the settings may look like: checks, and as much of them as a JSON Schema can say. */
#include "core/settings_table.h"

#include "core/ident.h"
#include "core/meter_model.h"
#include "core/sensors.h"
#include "core/utf8.h"
#include "core/util.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static bool is_key(const char *text)
{
    return text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz_-")] == '\0';
}

static bool is_path(const char *text)
{
    if (*text != '/')
        return false;
    for (; *text; text++)
        if ((unsigned char)*text < ' ')
            return false;
    return true;
}

#define DIGITS          "0123456789"
#define HOST_CHARACTERS DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-"
#define PATH_CHARACTERS HOST_CHARACTERS "/%~+@"

static bool is_host(const char *text)
{
    return text[strspn(text, HOST_CHARACTERS ":%")] == '\0';
}

static bool is_host_name(const char *text)
{
    return text[strspn(text, HOST_CHARACTERS)] == '\0';
}

static bool is_ipv6(const char *text)
{
    struct in6_addr a;

    return inet_pton(AF_INET6, text, &a) == 1;
}

static bool is_ipv4_or_localhost(const char *text)
{
    struct in_addr a;

    return strcmp(text, "localhost") == 0 || inet_pton(AF_INET, text, &a) == 1;
}

static bool is_address(const char *text)
{
    return is_ipv4_or_localhost(text) || is_ipv6(text);
}

/* The first n characters of a text that goes on with no digit. */
static bool is_port(const char *text, size_t n)
{
    return n > 0 && n <= 5 && *text != '0' && strspn(text, DIGITS) == n && strtoul(text, NULL, 10) <= 65535;
}

/* "127.0.0.1:8080", "[::1]:8080" */
static bool is_endpoint(const char *text)
{
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    size_t n = colon ? (size_t)(colon - text) : 0;

    if (n == 0 || n >= sizeof host || !is_port(colon + 1, strlen(colon + 1)))
        return false;
    memcpy(host, text, n);
    if (host[0] != '[' || host[n - 1] != ']')
        return is_ipv4_or_localhost(host);
    host[n - 1] = '\0';
    return is_ipv6(host + 1);
}

/* The host that a text begins with, a name or an address, of IPv6 in brackets: its length, 0 when it is none. */
static size_t host_length(const char *text)
{
    char inside[INET6_ADDRSTRLEN] = "";
    size_t n = strcspn(text, "]");

    if (*text != '[')
        return strspn(text, HOST_CHARACTERS);
    if (text[n] != ']' || n > sizeof inside)
        return 0;
    memcpy(inside, text + 1, n - 1);
    return is_ipv6(inside) ? n + 1 : 0;
}

/* What follows is put together from other settings: no query and no fragment. A user's password has its file. */
static bool is_url(const char *text)
{
    const char *p = text + (strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0);
    size_t n = host_length(p);

    if (p == text || n == 0)
        return false;
    p += n;
    if (*p == ':') {
        n = strspn(++p, DIGITS);
        if (!is_port(p, n))
            return false;
        p += n;
    }
    return *p == '\0' || (*p == '/' && p[strspn(p, PATH_CHARACTERS)] == '\0');
}

/* S2: letters of any language, digits, `_`, space, `-`. Above ASCII all counts as a letter (marks and symbols
 * of all scripts too) but for what cannot be seen or breaks a line: C1 controls, spaces, format characters,
 * the block "general punctuation", private use, non-characters, tags. */
static bool is_name(const char *text)
{
    static const uint32_t refused[][2] = {{0x80, 0xa0},     {0xad, 0xad},     {0x61c, 0x61c},     {0x1680, 0x1680},
                                          {0x180e, 0x180e}, {0x2000, 0x206f}, {0x3000, 0x3000},   {0xe000, 0xf8ff},
                                          {0xfeff, 0xfeff}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff}};
    const char *end = text + strlen(text);
    uint32_t c;

    for (size_t n; text < end; text += n) {
        n = utf8_next(text, end, &c);
        if (n == 0)
            return false;
        if (c < 0x80 && !(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !strchr("_ -", (int)c))
            return false;
        for (size_t i = 0; i < ARRAY_LEN(refused); i++)
            if (c >= refused[i][0] && c <= refused[i][1])
                return false;
    }
    return true;
}

static bool is_quantity(const char *text)
{
    return quantity_find(text) >= 0;
}

const struct setting_format settings_format_an_id = {"32 lower-case hex digits", sensor_id_valid, "^[0-9a-f]{32}$"};
const struct setting_format settings_format_a_key = {"a key of a-z, 0-9, '_' and '-'", is_key, "^[0-9a-z_-]*$"};
const struct setting_format settings_format_printable = {"a text of printable ASCII characters", is_printable,
                                                         "^[ -~]*$"};
const struct setting_format settings_format_path = {"an absolute path", is_path, "^/[^\\u0000-\\u001f]*$"};
const struct setting_format settings_format_host = {"a host name or address", is_host, "^[0-9A-Za-z.:_%-]*$"};
const struct setting_format settings_format_host_name = {"a host name or IPv4 address, without a port", is_host_name,
                                                         "^[0-9A-Za-z._-]*$"};
const struct setting_format settings_format_address = {
    "an IPv4 or IPv6 address or localhost", is_address,
    "^([0-9]+([.][0-9]+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|localhost)$"};

#define IPV6_PATTERN "\\[[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\\]"
#define PORT_PATTERN ":([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

const struct setting_format settings_format_endpoint = {
    "an address and a port (127.0.0.1:8081, [::1]:8081)", is_endpoint,
    "^([0-9]+([.][0-9]+){3}|" IPV6_PATTERN "|localhost)" PORT_PATTERN "$"};
const struct setting_format settings_format_url = {
    "http or https, host, perhaps port and path (https://host:8086/path), without user or query", is_url,
    "^https?://([0-9A-Za-z._-]+|" IPV6_PATTERN ")(" PORT_PATTERN ")?(/[0-9A-Za-z._/%~+@-]*)?$"};
const struct setting_format settings_format_name = {
    "a name of letters, digits, '_', spaces and '-'", is_name,
    "^([0-9A-Za-z_ -]|[^\\u0000-\\u00a0\\u00ad\\u061c\\u1680\\u180e\\u2000-\\u206f\\u3000"
    "\\ue000-\\uf8ff\\ufeff\\ufff0-\\uffff\U000e0000-\U0010ffff])*$"};
const struct setting_format settings_format_model = {"the id of a model, of a-z, 0-9, '_' and '-'",
                                                     meter_model_id_valid, "^[a-z0-9][a-z0-9_-]*$"};
const struct setting_format settings_format_quantity = {
    "a quantity of a meter (power, voltage_l1, energy_import, ...)", is_quantity,
    "^((power(_import|_export)?|reactive_power|apparent_power|power_factor|voltage|current)(_l[1-3])?|current_sum|"
    "frequency|(reactive_)?energy_(import|export|total)(_l[1-3]|_t[1-4])?)$"};
