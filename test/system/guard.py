"""Sees what leaves loopback: listens at the dead end of the veth pair that test/guarded made, and names every packet
that a program sent out. It never answers and never lets a packet through."""
import os
import socket
import struct

ETH_P_ALL = 3
PROTOCOLS = {6: "tcp", 17: "udp"}
KERNELS_OWN = {2, 58}  # IGMP and ICMPv6: the kernel's housekeeping


def describe(packet):
    """'tcp to 192.0.2.7 port 1883' for an IP packet that a program caused, else None."""
    if packet[0] >> 4 == 4:
        protocol, target = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20])
        rest = packet[(packet[0] & 15) * 4:]
    else:
        protocol, target = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40])
        rest = packet[40:]
    if protocol in KERNELS_OWN:
        return None
    if protocol not in PROTOCOLS:
        return f"IP protocol {protocol} to {target}"
    return f"{PROTOCOLS[protocol]} to {target} port {struct.unpack_from('!H', rest, 2)[0]}"


class Guard:
    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)

    def seen(self):
        """What came since the last call, in words; the same words once."""
        found = []
        while True:
            try:
                packet = self.socket.recv(2048)
            except BlockingIOError:
                return found
            words = describe(packet)
            if words and words not in found:
                found.append(words)


def here():
    """The guard of this process' namespace, or None where tests run without one."""
    interface = os.environ.get("FLUKSOD_GUARD")
    return Guard(interface) if interface else None
