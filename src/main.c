/* fluksod: the gateway for sensor boards and meters. This file knows the arguments only. */
#include "app/replay.h"
#include "app/restore_files.h"
#include "gateway.h"
#include "io/log.h"
#include "io/meter_files.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_SETTINGS "/etc/fluksod/fluksod.json"
#define DEFAULT_METERS   FLUKSOD_DATA "/meters"

static const char usage[] = "Usage: fluksod [OPTION]...\n"
                            "Publishes a sensor board's readings on MQTT each second.\n"
                            "\n"
                            "  -c, --config FILE   the settings (default " DEFAULT_SETTINGS ")\n"
                            "      --meters DIR    where the models of meters are (default " DEFAULT_METERS ")\n"
                            "  -n, --check         check the settings, say what is wrong with them, and exit\n"
                            "  -v, --verbose       log more\n"
                            "      --record FILE   write what passes on the board's line to FILE\n"
                            "      --replay FILE   print the readings in a recording as JSON lines, and exit\n"
                            "      --version       print the version, and exit\n"
                            "  -h, --help          print this, and exit\n"
                            "\n"
                            "SIGHUP reads the settings again; SIGTERM ends it.\n";

struct arguments {
    struct gateway_options gateway;
    const char *replay, *meters;
    bool check;
};

/* 0: go on; otherwise exit with *status. */
static int parse(int argc, char **argv, struct arguments *a, int *status)
{
    enum { OPT_METERS = 256, OPT_RECORD, OPT_REPLAY, OPT_VERSION };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"meters", required_argument, NULL, OPT_METERS},
        {"check", no_argument, NULL, 'n'},
        {"verbose", no_argument, NULL, 'v'},
        {"record", required_argument, NULL, OPT_RECORD},
        {"replay", required_argument, NULL, OPT_REPLAY},
        {"version", no_argument, NULL, OPT_VERSION},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c;

    *status = EXIT_SUCCESS;
    while ((c = getopt_long(argc, argv, "c:nvh", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            a->gateway.settings_path = optarg;
            break;
        case OPT_METERS:
            a->meters = optarg;
            break;
        case 'n':
            a->check = true;
            break;
        case 'v':
            log_set_level(LOG_DETAIL);
            break;
        case OPT_RECORD:
            a->gateway.record_path = optarg;
            break;
        case OPT_REPLAY:
            a->replay = optarg;
            break;
        case OPT_VERSION:
            puts("fluksod " FLUKSOD_VERSION);
            return 1;
        case 'h':
            fputs(usage, stdout);
            return 1;
        default:
            fputs("Try 'fluksod --help'.\n", stderr);
            *status = 2;
            return 1;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "fluksod: unexpected argument '%s'\nTry 'fluksod --help'.\n", argv[optind]);
        *status = 2;
        return 1;
    }
    return 0;
}

static void print_errors(const struct settings_errors *e)
{
    for (size_t i = 0; i < e->n; i++)
        fprintf(stderr, "%s: %s\n", e->v[i].path, e->v[i].message);
}

/* All errors, with the layer that they are of unless it is the file. */
static int check(const char *path, const struct meter_finder *meters)
{
    struct settings_load l;

    settings_load(&l, path, SETTINGS_CHECK, NULL, meters);
    print_errors(&l.errors);
    print_errors(&l.passed);
    print_errors(&l.warnings);
    bool good = l.settings != NULL && l.passed.n == 0;
    if (good)
        puts("settings OK");
    settings_free(l.settings);
    settings_load_free(&l);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int replay(const char *path, const char *settings_path, const struct meter_finder *meters)
{
    struct settings_load l = {0};
    int status = EXIT_FAILURE;

    if (settings_path)
        settings_load(&l, settings_path, SETTINGS_CHECK, NULL, meters);
    print_errors(&l.errors);
    print_errors(&l.passed);
    if (l.errors.n == 0)
        status = replay_run(path, l.settings);
    settings_free(l.settings);
    settings_load_free(&l);
    return status;
}

/* The program's file, found out before another version may have taken its place. */
static void find_self(char path[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

    path[n > 0 ? n : 0] = '\0';
}

/* Start anew in this process: the file as it is now (a newer version, maybe), else the one that runs. Returns the exit
 * status when neither can be: one after which the service manager tries. */
static int run_again(const char *self, char **argv)
{
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    if (self[0])
        execv(self, argv);
    execv("/proc/self/exe", argv);
    log_error("starting anew: %s: %s", self, strerror(errno));
    return EX_TEMPFAIL;
}

/* The settings to start with. A backup that is to be restored comes first: it is who this device will be. */
static void load(struct settings_load *l, const char *path, const struct meter_finder *meters)
{
    settings_load(l, path, SETTINGS_KEEP | SETTINGS_LAST_GOOD, NULL, meters);
    if (l->settings && restore_carry_out(l->settings->storage.path)) {
        settings_free(l->settings);
        settings_load_free(l);
        settings_load(l, path, SETTINGS_KEEP | SETTINGS_LAST_GOOD, NULL, meters);
    }
    settings_load_log(l);
}

/* Run as the daemon. */
static int serve(const struct gateway_options *o, char **argv, const char *self)
{
    struct settings_load l;
    int status;

    signal(SIGHUP, SIG_IGN); /* until the loop listens for it */
    load(&l, o->settings_path, o->meters);
    if (!l.settings) {
        log_error("settings: none to run on; '%s -n -c %s' checks them", argv[0], o->settings_path);
        settings_load_free(&l);
        return EXIT_FAILURE;
    }
    log_info("fluksod " FLUKSOD_VERSION " starts, settings %s, device %s", o->settings_path, l.settings->device.id);
    status = gateway_run(o, &l);
    settings_load_free(&l);
    return status == GATEWAY_AGAIN ? run_again(self, argv) : status;
}

int main(int argc, char **argv)
{
    struct arguments a = {.meters = DEFAULT_METERS};
    struct meter_files meters;
    char self[PATH_MAX];
    int status;

    find_self(self);
    if (parse(argc, argv, &a, &status))
        return status;
    if (!a.replay && !a.gateway.settings_path)
        a.gateway.settings_path = DEFAULT_SETTINGS;
    meter_files_init(&meters, a.gateway.settings_path, a.meters);
    a.gateway.meters = &meters.finder;
    if (a.replay)
        status = replay(a.replay, a.gateway.settings_path, a.gateway.meters);
    else if (a.check)
        status = check(a.gateway.settings_path, a.gateway.meters);
    else
        status = serve(&a.gateway, argv, self);
    meter_files_fini(&meters);
    return status;
}
