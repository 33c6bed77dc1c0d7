#include "unit.h"

#include "io/netlocal.h"

#include "core/address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define LINK 3 /* the interface's number */

static struct sockaddr_storage addresses[16];
static struct ifaddrs list[8];
static size_t n;

static struct sockaddr *address_of(size_t i, const char *host)
{
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&addresses[i];

    assert_int_equal(address_set(&addresses[i], host, 1), 0);
    if (addresses[i].ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
        six->sin6_scope_id = LINK;
    return (struct sockaddr *)&addresses[i];
}

static void interface(const char *host, const char *mask, unsigned flags)
{
    list[n] = (struct ifaddrs){
        .ifa_addr = address_of(2 * n, host), .ifa_netmask = address_of(2 * n + 1, mask), .ifa_flags = flags};
    if (n)
        list[n - 1].ifa_next = &list[n];
    n++;
}

static int setup(void **state)
{
    (void)state;
    n = 0;
    memset(list, 0, sizeof list);
    interface("127.0.0.1", "255.0.0.0", IFF_UP | IFF_LOOPBACK);
    interface("192.168.1.10", "255.255.255.0", IFF_UP);
    interface("2001:db8:1::10", "ffff:ffff:ffff:ffff::", IFF_UP);
    interface("fe80::10", "ffff:ffff:ffff:ffff::", IFF_UP);
    interface("10.8.0.2", "255.255.255.0", IFF_UP | IFF_POINTOPOINT);
    interface("172.16.0.1", "255.240.0.0", 0);
    interface("198.51.100.7", "0.0.0.0", IFF_UP);
    return 0;
}

static bool is_local(const char *host, uint32_t scope)
{
    struct sockaddr_storage peer;

    assert_int_equal(address_set(&peer, host, 4711), 0);
    if (peer.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&peer)->sin6_scope_id = scope;
    return netlocal_in(list, (struct sockaddr *)&peer);
}

static void in_a_subnet_of_an_interface(void **state)
{
    (void)state;
    assert_true(is_local("192.168.1.1", 0));
    assert_true(is_local("192.168.1.10", 0));
    assert_true(is_local("::ffff:192.168.1.254", 0));
    assert_true(is_local("2001:db8:1::abcd", 0));
    assert_true(is_local("fe80::1", LINK));
}

static void behind_a_router(void **state)
{
    (void)state;
    assert_false(is_local("192.168.2.1", 0));
    assert_false(is_local("8.8.8.8", 0));
    assert_false(is_local("::ffff:192.168.2.1", 0));
    assert_false(is_local("2001:db8:2::1", 0));
    assert_false(is_local("::192.168.1.1", 0));
    assert_false(is_local("fe80::1", LINK + 1));
    assert_false(is_local("fe80::1", 0));
}

static void no_tunnel_no_loopback_nothing_that_is_down(void **state)
{
    (void)state;
    assert_false(is_local("10.8.0.1", 0));
    assert_false(is_local("127.0.0.5", 0));
    assert_false(is_local("172.16.0.2", 0));
    assert_false(is_local("198.51.100.7", 0));
}

static void what_is_no_address(void **state)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct ifaddrs bare = {.ifa_name = NULL, .ifa_flags = IFF_UP, .ifa_next = list};

    (void)state;
    assert_false(netlocal_in(list, (struct sockaddr *)&path));
    assert_false(netlocal_in(list, NULL));
    assert_false(netlocal_in(NULL, (struct sockaddr *)&addresses[2]));
    assert_true(netlocal_in(&bare, (struct sockaddr *)&addresses[2]));
}

/* Whatever the interfaces of this machine are: an own address is on its subnet, one of the documentation's is not. */
static void this_machine(void **state)
{
    struct sockaddr_storage peer;
    struct ifaddrs *own;

    (void)state;
    assert_int_equal(getifaddrs(&own), 0);
    for (struct ifaddrs *i = own; i; i = i->ifa_next) {
        bool counts = i->ifa_addr && i->ifa_netmask && i->ifa_addr->sa_family == AF_INET && i->ifa_flags & IFF_UP &&
                      !(i->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT));
        if (counts)
            assert_true(netlocal(i->ifa_addr));
    }
    freeifaddrs(own);
    assert_int_equal(address_set(&peer, "203.0.113.77", 1), 0);
    assert_false(netlocal((struct sockaddr *)&peer));
    assert_int_equal(address_set(&peer, "127.0.0.1", 1), 0);
    assert_false(netlocal((struct sockaddr *)&peer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(in_a_subnet_of_an_interface, setup),
        cmocka_unit_test_setup(behind_a_router, setup),
        cmocka_unit_test_setup(no_tunnel_no_loopback_nothing_that_is_down, setup),
        cmocka_unit_test_setup(what_is_no_address, setup),
        cmocka_unit_test_setup(this_machine, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
