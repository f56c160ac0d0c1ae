#!/usr/bin/env python3
"""Makes pieces-roots.txt: BEP 52 pieces roots as a real BitTorrent v2 tool computes them.

Needs Debian's python3-libtorrent (2.0.8 made the committed file):  /usr/bin/python3 make.py > pieces-roots.txt
Byte i of a file is (i * 31 + i / 251) mod 256, so the tests can make the same bytes.
"""
import os
import tempfile

import libtorrent

LENGTHS = [1, 16383, 16384, 16385, 32768, 32769, 49152, 49153, 65536, 100000, 262144, 262145, 1000000, 2097152, 2097153]

print("# length in bytes, pieces root; made by make.py with libtorrent", libtorrent.version)
for length in LENGTHS:
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "file"), "wb") as file:
            file.write(bytes((i * 31 + i // 251) % 256 for i in range(length)))
        files = libtorrent.file_storage()
        libtorrent.add_files(files, os.path.join(folder, "file"))
        torrent = libtorrent.create_torrent(files, 16384, libtorrent.create_torrent.v2_only)
        libtorrent.set_piece_hashes(torrent, folder)
        tree = torrent.generate()[b"info"][b"file tree"]
        print(length, tree[b"file"][b""][b"pieces root"].hex())
