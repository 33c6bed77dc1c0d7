/* Says what the three calls for the state of the kernel's clock answer: "call result status seconds", a line each.
 * Built as the daemon is, with its sanitizers: what can be preloaded here can be there. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

static void say(const char *call, int result, const struct timex *t)
{
    printf("%s %d %d %lld\n", call, result, t->status & STA_UNSYNC, (long long)t->time.tv_sec);
}

int main(void)
{
    struct timex t = {0};
    say("adjtimex", adjtimex(&t), &t);
    t = (struct timex){0};
    say("ntp_adjtime", ntp_adjtime(&t), &t);
    t = (struct timex){0};
    say("clock_adjtime", clock_adjtime(CLOCK_REALTIME, &t), &t);
    t = (struct timex){.modes = ADJ_STATUS, .status = STA_UNSYNC};
    printf("set %d\n", getenv("FLUKSOD_TEST_CLOCK") ? adjtimex(&t) : -1); /* never on the host */
    return 0;
}
