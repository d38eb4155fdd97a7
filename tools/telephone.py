"""Two real Asterisks on 127.0.0.1: the centre's, with the dialplan that a centre
gets, and a telephone network that is played. docs/telephone.md has its numbers.

Command (used by ./tm run):  telephone.py FOLDER
starts both, writes FOLDER/telephone.json, stops them when it is told to end.
"""

import argparse
import json
import math
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HOME / "telemarketing_dialer"))

from dialplan import render  # noqa: E402

FILES = Path(__file__).parent / "telephone_files"
RATE = 8000
MAIN = """[directories]
astetcdir => {folder}/etc
astmoddir => {modules}
astvarlibdir => {folder}/lib
astdbdir => {folder}/lib
astkeydir => {folder}/lib
astdatadir => {folder}/data
astagidir => {folder}/lib
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log
[options]
verbose = 0
; A waiting call would make 50 frames a second for nobody.
transmit_silence = no
hideconnect = yes
lockconfdir = no
maxfiles = 16384
entityid = 02:00:00:00:00:0{number}
"""


class Failure(Exception):
    pass


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ------------------------------------------------------------------ sounds
def alaw(sample):
    """A linear sample of 16 bits in G.711 A-law."""
    sign = 0x80 if sample >= 0 else 0
    sample = min(abs(sample), 32635) >> 4
    if sample < 16:
        coded = sample
    else:
        exponent = sample.bit_length() - 4
        coded = (exponent << 4) | ((sample >> (exponent)) & 0x0F)
    return (coded | sign) ^ 0x55


def tones(*parts):
    """:param parts: (hertz, seconds) one after the other; 0 Hz is silence
    :return: bytes in A-law, 8,000 a second
    """
    out = bytearray()
    for hertz, seconds in parts:
        for at in range(int(seconds * RATE)):
            # Rises and falls like syllables, four a second.
            level = 9000 * math.sin(math.pi * at * 4 / RATE) ** 2
            out.append(alaw(int(level * math.sin(2 * math.pi * hertz * at / RATE))))
    return bytes(out)


SOUNDS = {
    # in the centre
    "telemarketing/notice": ((880, 0.4), (660, 0.4), (440, 0.4), (0, 0.2)) * 2,
    "telemarketing/apology": ((440, 0.3), (0, 0.1)) * 3,
    "telemarketing/recorded": ((1320, 0.5), (0, 0.1)),
    # in the network: a person says a word and waits, then talks by turns
    "network/hello": ((440, 0.7), (0, 1.5)),
    "network/person": ((440, 2), (0, 2)) * 2,
    "network/agent": ((620, 2), (0, 2)) * 2,
    "network/greeting": ((300, 6), (0, 0.3), (1000, 0.5)),
    "network/silence": ((0, 10),),
}
MUSIC = ((523, 0.5), (659, 0.5), (784, 0.5), (659, 0.5)) * 4


# ------------------------------------------------------------------ one Asterisk
class Asterisk:
    """A real Asterisk in a folder and a process of its own.

    :param folder: made, with what is in it taken for its own
    :param files: ``{name: text}`` of its configuration
    :param number: 1 to 9, to tell two of one machine apart
    """

    def __init__(self, folder, files, number=1):
        self.folder = Path(folder)
        self.process = None
        for name in ("etc", "lib", "spool", "run", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        # Secrets of the manager, and what people said.
        self.folder.chmod(0o700)
        program = os.environ.get("TM_ASTERISK")
        if not program:
            raise Failure("TM_ASTERISK does not name an Asterisk; use ./tm")
        tree = Path(program).resolve().parent
        found = sorted(tree.glob("usr/lib/*/asterisk/modules"))
        # An Asterisk of the system's has its folders where Debian puts them.
        modules = found[0] if found else Path("/usr/lib/asterisk/modules")
        share = tree / "usr" / "share" / "asterisk" if found else "/usr/share/asterisk"
        self._lay_data(Path(share))
        files = {
            **files,
            "asterisk.conf": MAIN.format(
                folder=self.folder, modules=modules, number=number
            ),
        }
        for name, text in files.items():
            (self.folder / "etc" / name).write_text(text)
        self.configuration = str(self.folder / "etc" / "asterisk.conf")
        self.program = program
        self.log = self.folder / "console.log"

    def _lay_data(self, share):
        """Asterisk's own data, and our sounds beside."""
        data = self.folder / "data"
        if data.exists():
            shutil.rmtree(data)
        (data / "sounds").mkdir(parents=True)
        for place in ("documentation", "rest-api", "static-http", "keys", "phoneprov"):
            if (share / place).exists():
                (data / place).symlink_to(share / place)
        for name, parts in {**SOUNDS, "../moh/melody": MUSIC}.items():
            file = data / "sounds" / f"{name}.alaw"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(tones(*parts))

    def start(self):
        """Returns when it is ready."""
        with open(self.log, "ab") as output:
            begins = output.tell()
            self.process = subprocess.Popen(
                [self.program, "-C", self.configuration, "-f", "-n"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        for _try in range(1200):
            with open(self.log, "rb") as file:
                file.seek(begins)
                if b"Asterisk Ready" in file.read():
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.025)
        text = self.log.read_text(errors="replace")[-3000:]
        raise Failure(f"Asterisk did not start:\n{text}")

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """At once, calls and all."""
        if self.running:
            self.thaw()
            self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self):
        """Ends calls, then itself."""
        if self.running:
            self.thaw()
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def tell(self, command):
        """A command of its console; what it says."""
        return subprocess.run(
            [self.program, "-C", self.configuration, "-rx", command],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout


# ------------------------------------------------------------------ both
class Telephone:
    """The centre's Asterisk and the network.

    :param folder: of both
    :param outcomes: ``{national number: (outcome, ring seconds, talk seconds)}`` for
        numbers whose fate is given: ``answer``, ``machine``, ``busy``, ``noanswer``,
        ``unallocated``, ``congestion``, ``rejected``
    :param database: uuid that the dialplan is made for
    :param values: other ones for ``dialplan.render``
    :ivar host: of the centre's manager; ``port``, ``user``, ``secret``
    :ivar spool: folder of the recordings
    """

    host = "127.0.0.1"
    user = "telemarketing"
    # How a server record of Odoo's names what is here.
    trunk_channel = "PJSIP/{number}@carrier"
    agent_channel = "PJSIP/{extension}@phones"

    def __init__(self, folder, outcomes=None, database=None, secret=None, **values):
        folder = Path(folder).resolve()
        self.folder = folder
        self.port = free_port()
        self.carrier_port = free_port()
        self.secret = secret or secrets.token_hex(16)
        self.database = database or str(uuid.uuid4())
        self.spool = folder / "centre" / "spool" / "telemarketing"
        sip = {
            "CENTRE": free_port(socket.SOCK_DGRAM),
            "CARRIER": free_port(socket.SOCK_DGRAM),
        }
        ours = render(
            {
                "database": self.database,
                "secret": self.secret,
                "spool": str(self.spool),
                "asterisk": 22,
                **values,
            }
        )
        del ours["README.txt"]
        sip["SECRET"] = self.secret
        self.centre = Asterisk(
            folder / "centre", {**_files("centre", PORT=self.port, **sip), **ours}, 1
        )
        self.spool.mkdir(parents=True, exist_ok=True)
        self.carrier = Asterisk(
            folder / "carrier", _files("carrier", PORT=self.carrier_port, **sip), 2
        )
        _write_outcomes(self.carrier.folder / "lib" / "astdb.sqlite3", outcomes or {})

    @property
    def both(self):
        return (self.carrier, self.centre)

    def start(self):
        for one in self.both:
            one.start()
        return self

    def stop(self):
        for one in self.both:
            one.stop()

    def kill(self):
        for one in self.both:
            one.kill()

    def refuse(self, cause=None):
        """The network answers every call so: 34 is SIP 503. None: as its numbers say.

        :param int cause: Q.850
        """
        self.carrier.tell(f"dialplan set global REFUSE {cause or 0}")

    def described(self):
        """What a server record needs to know, as plain values."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "secret": self.secret,
            "spool": str(self.spool),
            "database": self.database,
            "trunk_channel": self.trunk_channel,
            "agent_channel": self.agent_channel,
            "carrier_port": self.carrier_port,
        }


def _files(which, **values):
    """Configuration of one of the two: the files of both and its own."""
    texts = {}
    for file in sorted(FILES.iterdir()):
        owner, _dash, name = file.name.partition("-")
        if owner in (which, "both"):
            text = file.read_text()
            for key, value in values.items():
                text = text.replace(f"@{key}@", str(value))
            texts[name] = text
    return texts


def _write_outcomes(path, outcomes):
    """Into the network's AstDB, before it starts."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table astdb"
            " (key varchar(256), value varchar(256), primary key (key))"
        )
        connection.executemany(
            "insert into astdb values (?, ?)",
            (
                (f"/outcome/{number}", f"{outcome}|{ring:.3f}|{talk:.3f}")
                for number, (outcome, ring, talk) in outcomes.items()
            ),
        )
    connection.close()


def main():
    parser = argparse.ArgumentParser(prog="telephone.py")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--database", help="uuid of the Odoo database")
    arguments = parser.parse_args()
    note = arguments.folder / "telephone.json"
    note.unlink(missing_ok=True)
    telephone = Telephone(arguments.folder, database=arguments.database)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        telephone.start()
        # Whole or not at all: somebody waits for it. It holds the secret.
        part = note.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(telephone.described(), indent=1))
        part.rename(note)
        while all(one.running for one in telephone.both):
            time.sleep(1)
        sys.exit("an Asterisk has ended; its console.log says why")
    except Failure as failure:
        sys.exit(f"tm: {failure}")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        telephone.stop()
        note.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
