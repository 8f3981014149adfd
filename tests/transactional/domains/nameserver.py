"""A name server in the box: it answers from a table, or badly where told to."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from threading import Thread

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL = 60
#: What a server without EDNS may say at once; more comes over TCP.
UDP_BYTES = 512


@dataclass
class NameServer:
    """Zones and records over UDP and TCP on a port of its own."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    zones: list[str] = field(default_factory=list)
    #: Names (and all below) that are never answered, or answered with SERVFAIL.
    silent: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    #: Names that are answered with bytes that are no message.
    garbled: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    by_tcp: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._udp, self._tcp = _sockets()
        self.port: int = self._udp.getsockname()[1]
        self._threads = [
            Thread(target=run, daemon=True)
            for run in (self._serve_udp, self._serve_tcp)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, name: str, rdtype: str, *values: str) -> None:
        self.records[name.lower(), rdtype] = list(values)

    def drop(self, name: str, rdtype: str) -> None:
        self.records.pop((name.lower(), rdtype), None)

    def stop(self) -> None:
        # A message to itself: closing a socket wakes nobody who reads from it.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        for thread in self._threads:
            thread.join(5)
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while True:
            raw, sender = self._udp.recvfrom(4096)
            if not raw:
                return
            answer = self._answer(raw, self.asked)
            if answer is None:
                continue
            if len(answer) > UDP_BYTES:
                short = dns.message.make_response(dns.message.from_wire(raw))
                short.flags |= dns.flags.TC
                answer = short.to_wire()
            self._udp.sendto(answer, sender)

    def _serve_tcp(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection:
                head = connection.recv(2)
                if len(head) < 2:
                    return
                raw = connection.recv(struct.unpack("!H", head)[0])
                answer = self._answer(raw, self.by_tcp)
                if answer is not None:
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, raw: bytes, log: list[tuple[str, str]]) -> bytes | None:
        query = dns.message.from_wire(raw)
        question = query.question[0]
        name = question.name.to_text().rstrip(".").lower()
        rdtype = dns.rdatatype.to_text(question.rdtype)
        log.append((name, rdtype))
        response = dns.message.make_response(query)
        if _is_within(name, self.silent):
            return None
        if _is_within(name, self.garbled):
            return raw[:2] + b"\x00garbled"
        if _is_within(name, self.failing):
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()
        values = self.records.get((name, rdtype))
        if values:
            response.answer.append(
                dns.rrset.from_text(f"{name}.", TTL, "IN", rdtype, *values)
            )
        else:
            self._say_nothing_is_there(response, name, rdtype)
        return response.to_wire(max_size=65535)

    def _say_nothing_is_there(
        self, response: dns.message.Message, name: str, rdtype: str
    ) -> None:
        if (
            not any(known == name for known, _ in self.records)
            and name not in self.zones
        ):
            response.set_rcode(dns.rcode.NXDOMAIN)
        for zone in self.zones:
            if name == zone or name.endswith(f".{zone}"):
                soa = dns.rrset.from_text(
                    f"{zone}.",
                    TTL,
                    "IN",
                    "SOA",
                    f"ns.{zone}. host.{zone}. 1 60 60 60 60",
                )
                is_apex = rdtype == "SOA" and name == zone
                if is_apex:
                    response.set_rcode(dns.rcode.NOERROR)
                (response.answer if is_apex else response.authority).append(soa)


def _is_within(name: str, names: set[str]) -> bool:
    return any(name == one or name.endswith(f".{one}") for one in names)


def _sockets() -> tuple[socket.socket, socket.socket]:
    """Return a socket for UDP and one for TCP, listening on the same free port."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            # Somebody else's by TCP.
            udp.close()
            tcp.close()
        else:
            tcp.listen(16)
            return udp, tcp
