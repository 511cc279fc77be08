"""Erlang's formulas: how often everything is busy, and how long one waits then.

Erlang, A. K. (1917), "Solution of some problems in the theory of probabilities of significance in automatic telephone
exchanges". `offered` is the load in erlangs: arrivals per second times the mean time of service in seconds.
"""


def erlang_b(servers: int, offered: float) -> float:
    """The share of arrivals that find all servers busy and go away (M/M/n/n), by the stable recursion.

    ValueError for a negative number of servers or a negative load.
    """
    if servers < 0 or offered < 0:
        raise ValueError(f"{servers} servers and {offered} erlangs: neither may be negative")
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """The share of arrivals that must wait (M/M/n); 1 where the load is as much as the servers can do, or more."""
    if offered >= servers:
        return 1.0
    blocked = erlang_b(servers, offered)
    return servers * blocked / (servers - offered * (1.0 - blocked))


def mean_wait_s(servers: int, offered: float, service_s: float) -> float:
    """The mean time that an arrival of M/M/n waits, in seconds; infinite where the load is too much."""
    if offered >= servers:
        return float("inf")
    return erlang_c(servers, offered) * service_s / (servers - offered)
