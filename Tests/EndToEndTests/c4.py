"""Real BitTorrent clients share a file through a tracker that alone can have introduced them.

    unshare --net --kill-child /usr/bin/python3 clients.py TRACKER FOLDER

Runs in a network namespace of its own, because clients refuse peers at loopback addresses. Torrents are private, so
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
    return f"10.77.0.{HOSTS.index(host) + 1}" if family == 4 else f"fd77::{HOSTS.index(host) + 1}"


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


def run(name, arguments, torrent_file, expected):
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
            time.sleep(0.2)
    finally:
        client.terminate()
        try:
            client.wait(10)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()


def download(client, family, port, torrent, folder, expected):
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
                "bind-address-ipv4": bare(client, 4), "bind-address-ipv6": bare(client, 6), "peer-port": port, "dht-enabled": False,
                "lpd-enabled": False, "pex-enabled": False, "port-forwarding-enabled": False,
                "rpc-enabled": False, "utp-enabled": False, "download-dir": folder,
            }, file)
        run(client, ["transmission-cli", "-g", folder, "-w", folder, torrent], f"{folder}/film", expected)


def main():
    if sys.argv[1] == "libtorrent":
        peer = Seeder(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6])
        return peer.wait(lambda status: status.is_seeding, "complete")
    tracker, folder = sys.argv[1:3]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for host in HOSTS:
        subprocess.run(["ip", "addr", "add", f"{bare(host, 4)}/24", "dev", "lo"], check=True)
        subprocess.run(["ip", "addr", "add", f"{bare(host, 6)}/64", "dev", "lo", "nodad"], check=True)
    # Both families through sockets that take both.
    server = subprocess.Popen(
        [tracker, "serve", "--open", "--json", "--listen", "[::]:7070", "--udp", "[::]:6969", "--workers", "2"],
        stdout=subprocess.PIPE)
    try:
        assert json.loads(server.stdout.readline())["event"] == "ready"
        port = 20_000
        for scheme, where in [("http", 7070)]:
            for family in [6]:
                home = f"{folder}/{scheme}{family}"
                os.makedirs(f"{home}/seed")
                content = os.urandom(600_000)
                with open(f"{home}/seed/film", "wb") as file:
                    file.write(content)
                files = libtorrent.file_storage()
                libtorrent.add_files(files, f"{home}/seed/film")
                creator = libtorrent.create_torrent(files, 1 << 15, flags=libtorrent.create_torrent.v1_only)
                creator.set_priv(True)
                creator.add_tracker(f"{scheme}://{address('tracker', family)}:{where}/announce")
                libtorrent.set_piece_hashes(creator, f"{home}/seed")
                torrent = f"{home}/film.torrent"
                with open(torrent, "wb") as file:
                    file.write(libtorrent.bencode(creator.generate()))
                seeder = Seeder("seeder", family, port, torrent, f"{home}/seed")
                seeder.announced()
                clients = ["libtorrent", "transmission", "aria2"]
                if (scheme, family) == ("udp", 6):
                    # aria2 announces over UDP by IPv4 alone, and Transmission 3 reads every list as IPv4.
                    clients = ["libtorrent"]
                elif family == 6:
                    # Transmission 3 asks trackers from its IPv4 address when it is given one.
                    clients.remove("transmission")
                for client in clients:
                    port += 10
                    download(client, family, port, torrent, f"{home}/{client}", content)
                    print(f"{scheme} IPv{family} {client}", flush=True)
                port += 10
    finally:
        server.terminate()
        server.wait()


main()
