#include "app/view.h"

#include "core/util.h"
#include "io/httpd.h"
#include "io/store.h"

#include <stdio.h>
#include <string.h>

#include <assert.h>
#include <cjson/cJSON.h>
#include <mosquitto.h>
#include <openssl/crypto.h>
#include <zlib.h>

static const char *mosquitto_version(char text[16])
{
    int major, minor, revision;

    mosquitto_lib_version(&major, &minor, &revision);
    snprintf(text, 16, "%d.%d.%d", major, minor, revision);
    return text;
}

void view_fill(struct view *view, struct app *app)
{
    const struct status_library libraries[] = {
        {"libuv", uv_version_string()},
        {"libmosquitto", mosquitto_version(view->mosquitto)},
        {"libmicrohttpd", httpd_library_version(app->httpd)},
        {"SQLite", store_library_version()},
        {"cJSON", cJSON_Version()},
        {"libcrypto", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"zlib", zlibVersion()},
    };

    static_assert(ARRAY_LEN(libraries) == VIEW_LIBRARIES, "all have a place");
    memcpy(view->libraries, libraries, sizeof libraries);
    view->v = (struct status_view){
        .version = FLUKSOD_VERSION,
        .libraries = view->libraries,
        .n_libraries = VIEW_LIBRARIES,
        .settings = app->settings,
        .sensors = &app->sensors,
        .ledger = &app->ledger,
        .facts = &app->facts,
        .clock = &app->clock,
        .stats = &app->stats,
        .sections = &app->sections,
        .started_ms = app->started_ms,
        .mono_ms = app_mono_ms(app),
        .unix_s = app_unix_s(app),
    };
}
