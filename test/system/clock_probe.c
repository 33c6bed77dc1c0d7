/* Says what the calls for the time and for the state of the kernel's clock answer, a line each: "call seconds", and
 * "call result status seconds". Built as the daemon is, with its sanitizers: what can be preloaded here can be there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

static void say(const char *call, int result, const struct timex *t)
{
    printf("%s %d %d %lld\n", call, result, t->status & STA_UNSYNC, (long long)t->time.tv_sec);
}

int main(void)
{
    struct timex t = {0};
    struct timespec now = {0};
    struct timeval tv = {0};

    say("adjtimex", adjtimex(&t), &t);
    t = (struct timex){0};
    say("ntp_adjtime", ntp_adjtime(&t), &t);
    t = (struct timex){0};
    say("clock_adjtime", clock_adjtime(CLOCK_REALTIME, &t), &t);
    t = (struct timex){.modes = ADJ_STATUS, .status = STA_UNSYNC};
    printf("set %d\n", getenv("FLUKSOD_TEST_CLOCK") ? adjtimex(&t) : -1); /* never on the host */
    clock_gettime(CLOCK_REALTIME, &now);
    gettimeofday(&tv, NULL);
    printf("wall %lld %lld %lld\n", (long long)now.tv_sec, (long long)tv.tv_sec, (long long)time(NULL));
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("monotonic %lld\n", (long long)now.tv_sec);
    return 0;
}
