/* fluksoctl: the command line client of fluksod's management API. This file knows the verbs and the options before
 * them. */
#include "ctl/ctl.h"
#include "ctl/say.h"
#include "ctl/verbs.h"

#include <curl/curl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct verb verbs[] = {
    {"status", "", "the gateway on a page: what works, what waits, and why", NULL, verb_status},
    {"sensors", "[--all]", "each sensor with its newest value, counter, today and this month",
     "--all: also those of which no reading ever came: a meter that sends telegrams tells but some of what there is.\n",
     verb_sensors},
    {"sensor set", "[--no-wait] NAME|NUMBER|ID KEY=VALUE...", "change a sensor",
     "  fluksoctl sensor set 1 name=main current=100\n"
     "  fluksoctl sensor set water constant=0.5 report=false\n"
     "Keys are those of a sensor in fluksod.json(5). The change goes to the board and to the server; how that\n"
     "went is shown, unless --no-wait is given.\n",
     verb_sensor_set},
    {"sensor counter", "NAME|NUMBER|ID VALUE|+VALUE", "set the counter, after a change of meters",
     "VALUE in Wh or litres. The published counter goes on from there; it can only rise. +VALUE is added.\n",
     verb_sensor_counter},
    {"watch", "[NAME|NUMBER|ID...]", "readings as they come",
     "In place on a terminal (q ends it), a line each elsewhere.\n", verb_watch},
    {"settings get", "[--saved] [PATH]", "the settings in force, all or those below PATH",
     "  fluksoctl settings get mqtt.host\n"
     "  fluksoctl settings get sensors.1\n"
     "--saved: only those that were changed over this API. Members of lists go by their key, sensors by their\n"
     "lowest port.\n",
     verb_settings_get},
    {"settings set", "[--no-wait] PATH=VALUE...", "change settings, all of them or none",
     "  fluksoctl settings set mqtt.host=broker.lan sensors.1.name=main sensors.1.ports=1,2,3\n"
     "VALUE is JSON or a text; null is as if it were not given.\n",
     verb_settings_set},
    {"settings check", "[FILE|PATH=VALUE...]", "would these settings be taken? Nothing changes",
     "FILE: a file of settings (- is standard input), merged over those in force; without it these themselves.\n",
     verb_settings_check},
    {"secret list", "", "which secrets are set", NULL, verb_secret_list},
    {"secret set", "NAME", "set a secret (device.key, mqtt.password, ...), read from standard input",
     "  fluksoctl secret set mqtt.password < file\n"
     "On a terminal it is asked for. It never stands on a command line.\n",
     verb_secret_set},
    {"secret rm", "NAME", "remove a secret", NULL, verb_secret_rm},
    {"sync", "", "bring the settings to board and server again", NULL, verb_sync},
    {"selftest", "", "test board, lines and services", NULL, verb_selftest},
    {"phase-match", "[--yes] [--no-wait]", "which phase each clamp sits on, and which way round",
     "Measures for some ten seconds, under a steady load best a kettle's, shows what it found and why, and asks\n"
     "whether to store it. --yes: store it without asking. Without a terminal nothing is stored unless it is given.\n",
     verb_phase_match},
    {"flip", "[--no-wait] PORT|NAME", "a clamp is the wrong way round, or it is not any more",
     "  fluksoctl flip 2\n"
     "Of an FLX board: flip of the port turns from off to on, or back.\n",
     verb_flip},
    {"bus list", "[BUS...]", "the lines with meters, and how each of these is", NULL, verb_bus_list},
    {"bus watch", "[--every SECONDS] [BUS...]", "how each meter answers, as it goes",
     "In place on a terminal (q ends it); elsewhere a line for each state that changes and for errors.\n"
     "--every, -n: seconds between two looks (1).\n",
     verb_bus_watch},
    {"bus scan", "[OPTION]... BUS|DEVICE|HOST:PORT", "which units answer on a line, and what they may be",
     "  fluksoctl bus scan line1\n"
     "  fluksoctl bus scan --baud 2400,9600,19200 --parity N,E /dev/ttyUSB0\n"
     "--from N, --to N: units (1 to 247). --baud LIST|all, --parity LIST|all: of a serial line, in place of what the\n"
     "settings say. --timeout S: how long each unit is waited for. --csv FILE: the new ones, for meters import.\n",
     verb_bus_scan},
    {"bus read", "[OPTION]... METER | BUS UNIT [ADDRESS [COUNT]]", "read a meter, or registers of a unit, now",
     "  fluksoctl bus read boiler\n"
     "  fluksoctl bus read --function 4 --type float32 line1 3 0x0034\n"
     "  fluksoctl bus read --model eastron-sdm120 line1 3\n"
     "ADDRESS is what goes over the wire, from 0: what manuals call 30001 is 0 by function 4, 40001 is 0 by 3.\n"
     "--function, -f: 4 (input registers, unless given) or 3 (holding registers). --type, -t: int16, uint16, int32,\n"
     "uint32, int64, uint64, float32, float64. --word-order big|little. --model, -m MODEL: in place of an address,\n"
     "all that this model measures. --timeout S. Of a DEVICE in place of BUS: --baud N, --parity N|E|O.\n",
     verb_bus_read},
    {"meters list", "", "the meters on all buses", NULL, verb_meters_list},
    {"meters models", "[MODEL]", "the models of meters there are, or what one of them measures", NULL,
     verb_meters_models},
    {"meters import", "[--dry-run] [--replace] [--no-wait] FILE.csv", "set up meters by a table, all of it or nothing",
     "  fluksoctl meters import --dry-run meters.csv\n"
     "The first line names the columns: bus, unit and model, and any of key, name, interval, enable, timeout, pause,\n"
     "quantities, ratio, current, id, rid, in any order. - is standard input. --dry-run, -n: check all and read a\n"
     "value of each meter; nothing is changed. --replace: meters that are not in the file are removed.\n",
     verb_meters_import},
    {"meters export", "[--all] [--semicolon] [FILE.csv]", "the meters as such a table",
     "FILE: standard output unless given. --all, -a: also what follows from the model, ids. --semicolon: for\n"
     "spreadsheets where the comma is the decimal point.\n",
     verb_meters_export},
    {"line list", "[LINE...]", "the lines with telegrams, and how each is", NULL, verb_line_list},
    {"line show", "[--raw] [--watch] [--every SECONDS] LINE", "what a line's meter said last, what was refused and why",
     "  fluksoctl line show grid\n"
     "  fluksoctl line show --raw grid > telegram.txt\n"
     "--raw, -r: the last telegram alone, as it came. --watch, -w: as it goes, in place on a terminal (q ends it);\n"
     "elsewhere a line for what changes, with --raw each telegram. --every, -n: seconds between two looks (1).\n",
     verb_line_show},
    {"passwd", "[--code]", "set the password of the web pages",
     "--code: show a one-time code, with which the first password is set on the page.\n", verb_passwd},
    {"token add", "NAME [--read-only]", "make a token for a program, and show it once", NULL, verb_token_add},
    {"token list", "", "the tokens there are", NULL, verb_token_list},
    {"token rm", "NAME", "make a token worthless", NULL, verb_token_rm},
    {"log", "[-n LINES] [-f]", "the gateway's last lines; -f: and those that come", NULL, verb_log},
    {"support", "[FILE]", "save a bundle for whoever is to help, without secrets",
     "FILE: fluksod-support-DATE.tar.gz unless given, - is standard output.\n", verb_support},
    {"backup", "[--secrets [--passphrase-file FILE]] [FILE]", "save settings, ids and counters' places",
     "FILE: fluksod-backup-DATE.json unless given, - is standard output. --secrets: passwords and keys too,\n"
     "sealed with a passphrase, which is asked for or the first line of a file.\n",
     verb_backup},
    {"restore", "[--as-new] [--new-board] [--force] [--no-secrets] [--passphrase-file FILE] FILE",
     "bring a backup back, and start anew with it",
     "--as-new: as another device, with ids of its own. --new-board: its counters are another board's, and go on\n"
     "with its first readings. --force: on a machine that has counters of its own, the higher of each counts.\n"
     "--no-secrets: leave the sealed ones.\n",
     verb_restore},
    {"restart", "[--no-wait]", "restart fluksod", NULL, verb_restart},
    {"help", "[VERB]", "this list, or what there is to say of a verb", NULL, verb_help},
    {"complete", "verbs|sensors|sensor-keys|settings|tokens|secrets|clamps|buses|lines|meters|models|values PATH", NULL,
     NULL, verb_complete},
};

const unsigned verbs_len = ARRAY_LEN(verbs);

static const char usage[] =
    "Usage: fluksoctl [OPTION]... VERB [WORD]...\n"
    "The command line of a fluksod gateway.\n"
    "\n"
    "  -s, --socket PATH      its socket (default: $FLUKSOD_SOCKET, else " CTL_SOCKET ")\n"
    "      --json             answers as they come, for scripts\n"
    "      --url URL          a gateway elsewhere: https://gateway.lan:8443\n"
    "      --token-file FILE  with --url: the token it takes (made there by: fluksoctl token add NAME)\n"
    "      --ca-file FILE     with --url: the certificate to trust\n"
    "      --version          print the version, and exit\n"
    "  -h, --help             print this, and exit\n"
    "\n";

/* ---- help ---- */

static void print_list(void)
{
    for (unsigned i = 0; i < verbs_len; i++)
        if (verbs[i].help)
            printf("  %-15s %s\n", verbs[i].name, verbs[i].help);
}

/* How many words of argv are the verb's name; 0: they are another. */
static int named(const struct verb *v, int argc, char **argv)
{
    const char *space = strchr(v->name, ' ');
    size_t n = space ? (size_t)(space - v->name) : strlen(v->name);

    if (argc == 0 || strlen(argv[0]) != n || memcmp(v->name, argv[0], n) != 0)
        return 0;
    if (!space)
        return 1;
    return argc > 1 && strcmp(space + 1, argv[1]) == 0 ? 2 : 0;
}

static const struct verb *find(int argc, char **argv, int *words)
{
    for (unsigned i = 0; i < verbs_len; i++)
        if ((*words = named(&verbs[i], argc, argv)))
            return &verbs[i];
    return NULL;
}

/* No such verb: what was meant? */
static int unknown(int argc, char **argv)
{
    bool first = true;

    for (unsigned i = 0; i < verbs_len; i++) {
        size_t n = strlen(argv[0]);
        if (strncmp(verbs[i].name, argv[0], n) != 0 || verbs[i].name[n] != ' ')
            continue;
        if (first && argc > 1)
            say_fail("there is no '%s %s':", argv[0], argv[1]);
        first = false;
        verb_usage(&verbs[i], NULL);
    }
    if (first)
        say_fail("there is no verb '%s': fluksoctl help shows them", argv[0]);
    return CTL_USAGE;
}

int verb_help(struct ctl *c, const struct verb *self, int argc, char **argv)
{
    int words;
    bool any = false;

    (void)c;
    (void)self;
    if (argc == 0) {
        fputs(usage, stdout);
        print_list();
        return CTL_OK;
    }
    const struct verb *exact = find(argc, argv, &words);
    for (unsigned i = 0; i < verbs_len; i++) {
        const struct verb *v = &verbs[i];
        size_t n = strlen(argv[0]);
        if (exact ? v != exact : strncmp(v->name, argv[0], n) != 0 || v->name[n] != ' ')
            continue;
        printf("%sfluksoctl %s%s%s\n  %s\n%s", any ? "\n" : "", v->name, *v->args ? " " : "", v->args,
               v->help ? v->help : "", v->more ? v->more : "");
        any = true;
    }
    return any ? CTL_OK : unknown(argc, argv);
}

/* ---- options ---- */

enum { JSON = 1, URL, TOKEN_FILE, CA_FILE, VERSION };

/* 0: go on; otherwise exit with *status. */
static int take(struct ctl *c, int opt, int *status)
{
    switch (opt) {
    case 's':
        c->socket = optarg;
        return 0;
    case JSON:
        c->json = true;
        return 0;
    case URL:
        c->url = optarg;
        return 0;
    case TOKEN_FILE:
        c->token_file = optarg;
        return 0;
    case CA_FILE:
        c->ca_file = optarg;
        return 0;
    case VERSION:
        puts("fluksoctl " FLUKSOD_VERSION);
        return 1;
    case 'h':
        *status = verb_help(c, NULL, 0, NULL);
        return 1;
    default: /* getopt has said what is wrong */
        fputs("Try 'fluksoctl --help'.\n", stderr);
        *status = CTL_USAGE;
        return 1;
    }
}

static int parse(int argc, char **argv, struct ctl *c, int *status)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"json", no_argument, NULL, JSON},
        {"url", required_argument, NULL, URL},
        {"token-file", required_argument, NULL, TOKEN_FILE},
        {"ca-file", required_argument, NULL, CA_FILE},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *env = getenv("FLUKSOD_SOCKET");
    int opt;

    *status = CTL_OK;
    *c = (struct ctl){.socket = env && *env ? env : CTL_SOCKET};
    while ((opt = getopt_long(argc, argv, "+s:h", options, NULL)) != -1)
        if (take(c, opt, status))
            return 1;
    if (c->url && strncmp(c->url, "http://", 7) != 0 && strncmp(c->url, "https://", 8) != 0) {
        say_fail("--url: '%s' begins with neither http:// nor https://", c->url);
        *status = CTL_USAGE;
    } else if (!c->url && (c->token_file || c->ca_file)) {
        say_fail("--token-file and --ca-file go with --url; the socket needs neither");
        *status = CTL_USAGE;
    } else if (optind == argc) {
        fputs(usage, stderr);
        fputs("fluksoctl help shows the verbs.\n", stderr);
        *status = CTL_USAGE;
    }
    return *status != CTL_OK;
}

int main(int argc, char **argv)
{
    static char name[] = "fluksoctl"; /* for getopt's messages, however it was called */
    struct ctl c;
    int status, words;

    argv[0] = name;
    say_init();
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is found by the write */
    if (parse(argc, argv, &c, &status))
        return status;
    argc -= optind;
    argv += optind;
    const struct verb *v = find(argc, argv, &words);
    if (!v)
        return unknown(argc, argv);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    status = v->run(&c, v, argc - words, argv + words);
    curl_global_cleanup();
    if (fflush(stdout) != 0 && status == CTL_OK)
        status = CTL_REFUSED;
    return status;
}
