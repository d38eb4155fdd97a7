"""A real Asterisk in a folder and a process of its own; only the network is played."""

import os
import signal
import subprocess
import time

import pytest
import suite

LOGS = suite.HOME / "artefacts" / "logs"
SECRET = "secreto-de-prueba"
# What becomes of a number is in the number: the simulated network of the tests.
FILES = {
    "modules.conf": """
[modules]
autoload=no
load = pbx_config.so
load = app_dial.so
load = func_channel.so
""",
    "manager.conf": """
[general]
enabled = yes
port = {port}
bindaddr = 127.0.0.1
webenabled = no
displayconnects = no
timestampevents = yes
authtimeout = 10

[dialer]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,call,user,originate,reporting
write = system,call,user,originate,reporting
writetimeout = 5000
eventfilter(action(exclude),name(VarSet)) =
eventfilter(action(exclude),name(Newexten)) =
eventfilter(action(exclude),name(TestEvent)) =
""",
    "extensions.conf": """
[general]
static = yes
writeprotect = yes

[network]
; 70N rings N s and answers; 71N rings N s and is busy; 72 rings for ever
exten => _70X.,1,Ringing()
 same => n,Wait(${{EXTEN:2:1}})
 same => n,Answer()
 same => n,Wait(60)
 same => n,Hangup(16)
exten => _71X.,1,Ringing()
 same => n,Wait(${{EXTEN:2:1}})
 same => n,Busy(2)
exten => _72X.,1,Ringing()
 same => n,Wait(120)
 same => n,Hangup(19)

[answered]
exten => wait,1,Wait(60)
 same => n,Hangup(16)
""",
    "logger.conf": """
[general]
[logfiles]
console => notice,warning,error
""",
    "cdr.conf": "[general]\nenable = no\n",
    "cel.conf": "[general]\nenable = no\n",
}
MAIN = """
[directories]
astetcdir => {folder}/etc
astmoddir => {modules}
astvarlibdir => {folder}/lib
astdbdir => {folder}/lib
astkeydir => {folder}/lib
astdatadir => {data}
astagidir => {folder}/lib
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log
[options]
verbose = 0
transmit_silence = no
hideconnect = yes
lockconfdir = no
entityid = 02:00:00:00:00:01
"""


class Asterisk:
    """:ivar port: of its manager"""

    secret = SECRET
    user = "dialer"

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.process = None
        for name in ("etc", "lib", "spool", "run", "log"):
            (folder / name).mkdir()
        program = os.environ["TM_ASTERISK"]
        tree = os.path.dirname(os.path.realpath(program))
        found = [
            os.path.join(place, "asterisk", "modules")
            for place, folders, _files in os.walk(os.path.join(tree, "usr", "lib"))
            if "asterisk" in folders
        ]
        # An Asterisk of the system's has its folders where Debian puts them.
        modules = found[0] if found else "/usr/lib/asterisk/modules"
        data = os.path.join(tree, "usr", "share", "asterisk")
        values = {"folder": folder, "modules": modules, "data": data}
        (folder / "etc" / "asterisk.conf").write_text(MAIN.format(**values))
        for name, text in FILES.items():
            text = text.format(port=port, secret=SECRET)
            (folder / "etc" / name).write_text(text)
        self.command = [
            program,
            "-C",
            str(folder / "etc" / "asterisk.conf"),
            "-f",
            "-n",
        ]
        self.log = folder / "console.log"

    def start(self):
        with open(self.log, "ab") as output:
            begins = output.tell()
            self.process = subprocess.Popen(
                self.command,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        for _try in range(600):
            with open(self.log, "rb") as file:
                file.seek(begins)
                if b"Asterisk Ready" in file.read():
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"Asterisk did not start:\n{self.log.read_text()[-3000:]}")

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()


@pytest.fixture
def asterisk(databases, tmp_path):
    """Started; its log is kept with the others where the test fails."""
    if "TM_ASTERISK" not in os.environ:
        pytest.fail("Asterisk is not there: run by ./tm test whole")
    one = Asterisk(tmp_path, databases.free_port())
    one.start()
    yield one
    one.kill()
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / "asterisk.log").write_bytes(one.log.read_bytes())
