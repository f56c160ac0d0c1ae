"""Real BitTorrent clients share a file through a tracker that alone can have introduced them.

    unshare --net --mount --kill-child /usr/bin/python3 clients.py TRACKER FOLDER

Runs in a network namespace of its own, because clients refuse peers at loopback addresses, with host names of its own,
because Transmission 3 takes an IPv6 address in a UDP tracker's URL for a name. Torrents are private, so
clients ask neither DHT nor each other. Prints a line for every download that came out right and ends with an error if
one did not.
"""

# It also starts itself, as one of the clients.

import json
import os
import subprocess
import sys
import time

import libtorrent

PATIENCE = 90
# Transmission tells peers apart by their addresses alone, so each has its own; the first is the tracker's.
HOSTS = ["tracker", "seeder", "libtorrent", "transmission", "aria2"]


def bare(host, family):
    return f"10.77.0.{HOSTS.index(host) + 1}" if family == 4 else f"2001:db8:77::{HOSTS.index(host) + 1}"


def address(host, family):
    return bare(host, family) if family == 4 else f"[{bare(host, family)}]"


class Seeder:
    """libtorrent with the whole file, or without it as one of those who download."""

    def __init__(self, host, family, port, torrent, folder):
        self.session = libtorrent.session({
            "listen_interfaces": f"{address(host, family)}:{port}",
            "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
            "allow_multiple_connections_per_ip": True, "announce_to_all_trackers": True,
        })
        self.handle = self.session.add_torrent({"ti": libtorrent.torrent_info(torrent), "save_path": folder})

    def wait(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition(self.handle.status()):
            if time.monotonic() > deadline:
                status = self.handle.status()
                raise SystemExit(f"libtorrent: not {what}: {status.state} {status.progress} {self.handle.trackers()}")
            time.sleep(0.1)

    def announced(self):
        """Waits until the tracker has answered."""
        self.wait(lambda status: status.is_seeding, "seeding")
        self.wait(lambda status: status.num_complete >= 1, "announced")

    def ask_again(self):
        self.handle.force_reannounce(0, -1, libtorrent.reannounce_flags_t.ignore_min_interval)


def run(name, arguments, torrent_file, expected, meanwhile=lambda: None):
    """A client as a program, which may go on running when it has the file."""
    log = open(torrent_file + ".log", "wb")
    client = subprocess.Popen(arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with open(torrent_file, "rb") as file:
                    if file.read() == expected:
                        return
            except FileNotFoundError:
                pass
            if time.monotonic() > deadline:
                with open(torrent_file + ".log", "rb") as file:
                    tail = file.read()[-2000:].decode(errors="replace")
                raise SystemExit(f"{name} did not get the file: {tail}")
            meanwhile()
            time.sleep(0.2)
    finally:
        client.terminate()
        try:
            client.wait(10)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()


def download(client, scheme, family, port, torrent, folder, expected, seeder):
    os.mkdir(folder)
    if client == "libtorrent":
        # A process of its own: libtorrent keeps connection ids per process, and they belong to an address.
        run(client, ["/usr/bin/python3", __file__, client, str(family), str(port), torrent, folder],
            f"{folder}/film", expected)
    elif client == "aria2":
        run(client, [
            "aria2c", f"--dir={folder}", f"--listen-port={port}", f"--interface={bare(client, family)}",
            # Over UDP aria2 announces with its DHT switched on only; the torrent is private, so it asks no DHT.
            "--enable-dht=true", f"--dht-listen-port={port}", f"--dht-file-path={folder}/dht",
            "--enable-peer-exchange=false", "--bt-enable-lpd=false", "--seed-time=0", "--file-allocation=none", torrent,
        ], f"{folder}/film", expected)
    else:
        with open(f"{folder}/settings.json", "w") as file:
            json.dump({
                # Of this family alone: from an IPv4 address that it is given Transmission asks every HTTP tracker.
                f"bind-address-ipv{family}": bare(client, family), "peer-port": port, "dht-enabled": False,
                "lpd-enabled": False, "pex-enabled": False, "port-forwarding-enabled": False,
                "rpc-enabled": False, "utp-enabled": False, "download-dir": folder,
            }, file)
        # Transmission 3 announces over UDP by IPv6, but reads every list that comes over UDP as IPv4
        # (libtransmission/announcer-udp.c, on_announce_response): there the tracker names it to the seeder, which dials.
        asks = (scheme, family) == ("udp", 6)
        run(client, ["transmission-cli", "-g", folder, "-w", folder, torrent], f"{folder}/film", expected,
            meanwhile=seeder.ask_again if asks else lambda: None)


def main():
    if sys.argv[1] == "libtorrent":
        peer = Seeder(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6])
        return peer.wait(lambda status: status.is_seeding, "complete")
    tracker, folder = sys.argv[1:3]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for host in HOSTS:
        subprocess.run(["ip", "addr", "add", f"{bare(host, 4)}/24", "dev", "lo"], check=True)
        subprocess.run(["ip", "addr", "add", f"{bare(host, 6)}/64", "dev", "lo", "nodad"], check=True)
    with open(f"{folder}/hosts", "w") as file:
        for family in [4, 6]:
            file.write(f"{bare('tracker', family)} tracker{family}\n")
    subprocess.run(["mount", "--bind", f"{folder}/hosts", "/etc/hosts"], check=True)
    # Transmission uses IPv6 where it finds a way to the world and has an address of 2000::/3.
    subprocess.run(["ip", "-6", "route", "add", "default", "dev", "lo"], check=True)
    # Both families through sockets that take both.
    server = subprocess.Popen(
        [tracker, "serve", "--open", "--json", "--listen", "[::]:7070", "--udp", "[::]:6969", "--workers", "2"],
        stdout=subprocess.PIPE)
    try:
        assert json.loads(server.stdout.readline())["event"] == "ready"
        port = 20_000
        for scheme, where in [("udp", 6969), ("http", 7070)]:
            for family in [4, 6]:
                home = f"{folder}/{scheme}{family}"
                os.makedirs(f"{home}/seed")
                content = os.urandom(600_000)
                with open(f"{home}/seed/film", "wb") as file:
                    file.write(content)
                files = libtorrent.file_storage()
                libtorrent.add_files(files, f"{home}/seed/film")
                creator = libtorrent.create_torrent(files, 1 << 15, flags=libtorrent.create_torrent.v1_only)
                creator.set_priv(True)
                # aria2 resolves no name that has an IPv6 address alone.
                name = f"tracker{family}" if scheme == "udp" else address("tracker", family)
                creator.add_tracker(f"{scheme}://{name}:{where}/announce")
                libtorrent.set_piece_hashes(creator, f"{home}/seed")
                torrent = f"{home}/film.torrent"
                with open(torrent, "wb") as file:
                    file.write(libtorrent.bencode(creator.generate()))
                seeder = Seeder("seeder", family, port, torrent, f"{home}/seed")
                seeder.announced()
                clients = ["libtorrent", "transmission", "aria2"]
                if (scheme, family) == ("udp", 6):
                    # aria2's only socket for UDP trackers is its DHT's of IPv4 (src/DHTSetup.cc, NameResolveCommand.cc).
                    clients.remove("aria2")
                for client in clients:
                    port += 10
                    download(client, scheme, family, port, torrent, f"{home}/{client}", content, seeder)
                    print(f"{scheme} IPv{family} {client}", flush=True)
                port += 10
    finally:
        server.terminate()
        server.wait()


main()
