import io
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import HttpCase, no_retry, tagged
from odoo.tools import mute_logger

from ..models import recording_spool
from ..models.dialer import LostOwnership
from ..recording import Spool, stereo
from .common import DialerCommon

LOG = "odoo.addons.telemarketing_dialer.models.recording_spool"
PERSON, OURS = b"\x01" * 24_000, b"\x02" * 16_000

LISTEN = """
async function wait(what, find) {
    for (let round = 0; round < 400; round++) {
        const found = find();
        if (found) {
            return found;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`waited for ${what}`);
}
const one = (selector) => document.querySelector(`.o_data_row ${selector}`);
function choose(selector, kind, value) {
    const input = one(selector);
    input.value = value;
    input.dispatchEvent(new Event(kind, {bubbles: true}));
}
async function listen() {
    const shown = () => one(".o_tm_play") || document.querySelector("a[name=history]");
    const first = await wait("the page", shown);
    first.click();
    if (first.name === "history") {
        (await wait("the button", () => one(".o_tm_play"))).click();
    }
    const audio = one("audio");
    await wait("sound", () => audio.currentTime > 0.2);
    if (Math.round(audio.duration) !== 90) {
        throw new Error(`not the whole call: ${audio.duration} s`);
    }
    choose(".o_tm_speed", "change", "2");
    if (audio.playbackRate !== 2) {
        throw new Error("not faster");
    }
    // The call comes in two pieces: from one into the other.
    audio.playbackRate = 16;
    await wait("the end of the call", () => audio.ended);
    one(".o_tm_play").click();
    await wait("it to begin again", () => audio.currentTime < 30 && !audio.paused);
    choose(".o_tm_seek", "input", "85");
    await wait("a moment sought", () => audio.currentTime > 85.5 && !audio.ended);
    one(".o_tm_play").click();
    await wait("silence", () => audio.paused);
    if (!one(".o_tm_download") || !one(".o_tm_muted").textContent.includes("0:23")) {
        throw new Error("download or the silenced part is not shown");
    }
    console.log("test successful");
}
listen().catch((error) => console.error(error.message));
"""


class RecordingCase(DialerCommon):
    """Spool and store are folders of the test; ``self.clock`` is the spool's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.campaign_a.record_calls = "always"
        cls.count = 0
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)

    def setUp(self):
        super().setUp()
        self.seat = self.sit_down()
        own = tempfile.mkdtemp(dir=self.folder)
        self.spool, self.root = Path(own, "spool"), Path(own, "store")
        self.spool.mkdir()
        self.store = self.root / self.env.cr.dbname
        self.server.spool = str(self.spool)
        setting = {
            "TELEMARKETING_RECORDINGS": str(self.root),
            "TELEMARKETING_RECORDINGS_KEY": "",
        }
        self.startPatcher(patch.dict(os.environ, setting))
        self.clock = 0.0
        memory = Spool(lambda: self.clock)
        key = self.env.cr.dbname, self.server.id
        self.startPatcher(patch.dict(recording_spool._SPOOLS, {key: memory}))

    def talk(self, over=True):
        """A call, the first of a test with the agent; its attempt."""
        type(self).count += 1
        self.people(1, first=612300000 + self.count)
        attempt = self.take()[0]
        if self.seat.state == "ready":
            self.deliver(attempt, self.seat)
        if over:
            self.hang_up(attempt)
        return attempt

    def hang_up(self, attempt, seconds=20):
        return self.finish(
            attempt,
            "done",
            answered_at=attempt.at + 3,
            bridged_at=attempt.at + 3,
            ended_at=attempt.at + seconds,
            session=self.seat.id,
        )

    def leave(self, name, person=PERSON, ours=OURS):
        for side, sound in (("in", person), ("out", ours)):
            if sound is not None:
                (self.spool / f"{name}-{side}.alaw").write_bytes(sound)

    def pick_up(self, wait=5.0, commit=True):
        """As the process does it, twice, so that files are seen not to grow."""
        for _round in range(2):
            self.own("_pick_up")
            self.clock += wait
        self.own("_pick_up")
        if commit:
            self.env.cr.postcommit.run()

    def recording_of(self, attempt):
        return self.call_of(attempt).recording_ids

    def spooled(self):
        return sorted(path.name for path in self.spool.iterdir())

    def stored(self):
        return sorted(
            str(path.relative_to(self.store))
            for path in self.store.rglob("*")
            if path.is_file()
        )

    @contextmanager
    def with_keys(self, *keys):
        file = self.folder / "keys"
        file.write_text("".join(f"{key.hex()}\n" for key in keys))
        with patch.dict(os.environ, {"TELEMARKETING_RECORDINGS_KEY": str(file)}):
            yield

    def faults(self):
        log = self.env["telemarketing.dialer.log"]
        found = log.search([("server_id", "=", self.server.id), ("kind", "=", "fault")])
        return found.mapped("text")


WAV = b"".join(stereo(io.BytesIO(PERSON), io.BytesIO(OURS), (24_000, 16_000)))


@tagged("post_install", "-at_install")
class TestRecordingPickUp(RecordingCase):
    def test_both_sides_of_a_call_are_heard_from_the_store(self):
        attempt = self.talk()
        self.leave(attempt.uuid)
        self.pick_up()
        recording = self.recording_of(attempt)
        self.assertEqual(recording.sudo()._read_from_store(), WAV)
        self.assertEqual((recording.seconds, recording.size), (3, len(WAV)))
        self.assertEqual(recording.company_id, self.company_a)
        self.assertFalse(recording.keep_until)
        self.assertEqual(self.stored(), [recording.storage_key])
        self.assertFalse(self.spooled())
        stored = self.store / recording.storage_key
        self.assertEqual(stored.stat().st_mode & 0o777, 0o600)
        self.assertIn(f"{self.company_a.id}/2026/11/", recording.storage_key)

    def test_the_originals_stay_until_it_is_committed(self):
        attempt = self.talk()
        self.leave(attempt.uuid)
        self.pick_up(commit=False)
        self.assertEqual(len(self.spooled()), 2)
        self.env.cr.postcommit.clear()
        # Again, as after a crash.
        self.pick_up()
        self.assertEqual(len(self.recording_of(attempt)), 1)
        self.assertFalse(self.spooled())

    def test_a_call_that_goes_on_is_not_cut(self):
        attempt = self.talk(over=False)
        self.leave(attempt.uuid)
        self.pick_up(wait=300)
        self.assertFalse(self.recording_of(attempt))
        self.leave(attempt.uuid, PERSON * 2, OURS * 2)
        self.hang_up(attempt)
        self.own("_pick_up")
        self.clock += 2
        self.own("_pick_up")
        self.assertFalse(self.recording_of(attempt))
        self.pick_up()
        self.assertEqual(self.recording_of(attempt).seconds, 6)

    def test_a_recording_that_has_one_side_only_is_kept_with_it(self):
        attempt = self.talk()
        self.leave(attempt.uuid, ours=None)
        self.pick_up()
        self.assertFalse(self.recording_of(attempt))
        self.pick_up(wait=40)
        self.assertEqual(self.recording_of(attempt).seconds, 3)

    def test_nothing_but_recordings_of_its_own_calls_is_touched(self):
        attempt = self.talk()
        outside = self.folder / "outside"
        outside.write_bytes(PERSON)
        uuid = attempt.uuid
        (self.spool / f"{uuid}-in.alaw").symlink_to(outside)
        (self.spool / f"{uuid}-out.alaw").mkdir()
        (self.spool / f"{uuid}-in.alaw.txt").write_text("x")
        self.leave("aaaaaaaa-0000-0000-0000-000000000000")
        self.leave("..")
        before = self.spooled()
        self.pick_up(wait=300)
        self.assertFalse(self.recording_of(attempt))
        self.assertEqual(self.spooled(), before)
        self.assertEqual(outside.read_bytes(), PERSON)

    def test_a_call_of_another_server_is_left_to_it(self):
        attempt = self.talk()
        self.call_of(attempt).dialer_server_id = self._create_server(name="Other")
        self.leave(attempt.uuid)
        self.pick_up(wait=300)
        self.assertFalse(self.recording_of(attempt))
        self.assertEqual(len(self.spooled()), 2)

    def test_who_owns_the_server_no_more_writes_nothing(self):
        attempt = self.talk()
        self.leave(attempt.uuid)
        self.own("_pick_up")
        self.clock += 5
        with self.assertRaises(LostOwnership):
            self.dialer._pick_up(self.server.id, self.EPOCH - 1)
        self.assertFalse(self.recording_of(attempt))
        self.assertEqual(len(self.spooled()), 2)

    def test_files_of_nobody_are_told_once_a_day_and_kept(self):
        self.leave("aaaaaaaa-0000-0000-0000-000000000000")
        (self.spool / "notes.txt").write_text("x")
        self.pick_up()
        self.assertFalse(self.faults())
        for path in self.spool.iterdir():
            os.utime(path, (1, 1))
        self.pick_up()
        self.pick_up()
        self.assertEqual(len(self.faults()), 1)
        self.assertIn("2 files", self.faults()[0])
        self.clock += 90_000
        self.own("_pick_up")
        self.assertEqual(len(self.faults()), 2)
        self.assertEqual(len(self.spooled()), 3)

    def test_a_spool_that_is_not_there_is_said_once_an_hour(self):
        self.server.spool = str(self.spool / "none")
        with self.assertLogs(LOG, "WARNING") as logs:
            for _second in range(100):
                self.own("_pick_up")
                self.clock += 5
        self.assertEqual(len(logs.output), 1)

    def test_a_day_of_recordings_comes_in_portions(self):
        attempts = [self.talk() for _call in range(3)]
        for attempt in attempts:
            self.leave(attempt.uuid)
        with patch.object(recording_spool, "AT_ONCE", 1):
            self.pick_up(commit=False)
            self.assertEqual(sum(len(self.recording_of(a)) for a in attempts), 2)
            self.env.cr.postcommit.run()
            self.own("_pick_up")
        self.assertEqual(sum(len(self.recording_of(a)) for a in attempts), 3)

    def test_a_store_that_is_full_or_closed_loses_nothing(self):
        attempt = self.talk()
        self.leave(attempt.uuid)
        self.root.write_text("a file where the folder should be")
        self.pick_up()
        self.assertEqual(len(self.spooled()), 2)
        self.assertIn("could not be stored", self.faults()[0])
        self.assertIn("cannot be stored", " ".join(self.server._recording_faults()))
        self.root.unlink()
        self.own("_pick_up")
        self.assertTrue(self.recording_of(attempt))

    def test_the_recording_of_a_person_erased_meanwhile_is_blocked(self):
        attempt = self.talk()
        self.leave(attempt.uuid)
        self.call_of(attempt).contact_id.erased_at = self.now()
        self.pick_up()
        self.assertTrue(self.recording_of(attempt).blocked_until)


@tagged("post_install", "-at_install")
class TestRecordingStore(RecordingCase):
    KEY, OLD = bytes(range(32)), bytes(32)

    def recorded(self):
        attempt = self.talk()
        self.leave(attempt.uuid)
        self.pick_up()
        return self.recording_of(attempt)

    def test_encrypted_recordings_are_heard_and_nothing_is_in_the_clear(self):
        self.server.encrypt_recordings = True
        with self.with_keys(self.OLD):
            recording = self.recorded()
            self.assertTrue(recording.storage_key.endswith(".wav.sealed"))
            stored = (self.store / recording.storage_key).read_bytes()
            self.assertNotIn(PERSON[:16], stored)
        with self.with_keys(self.KEY, self.OLD):
            self.assertEqual(recording.sudo()._read_from_store(), WAV)
        with self.with_keys(self.KEY), self.assertRaisesRegex(UserError, "key"):
            recording.sudo()._read_from_store()

    def test_without_its_key_nothing_is_stored_in_the_clear(self):
        self.server.encrypt_recordings = True
        attempt = self.talk()
        self.leave(attempt.uuid)
        self.pick_up()
        self.assertFalse(self.recording_of(attempt))
        self.assertEqual(len(self.spooled()), 2)
        self.assertEqual(len(self.faults()), 1)
        self.assertIn("openssl", " ".join(self.server._recording_faults()))
        with self.with_keys(self.KEY):
            self.assertFalse(self.server._recording_faults())
            self.own("_pick_up")
        self.assertTrue(self.recording_of(attempt))

    def test_a_part_is_what_it_is_of_the_whole(self):
        for encrypted in (False, True):
            self.server.encrypt_recordings = encrypted
            with self.subTest(encrypted=encrypted), self.with_keys(self.KEY):
                recording = self.recorded().sudo()
                for start, stop in ((0, 1), (60, 70_000), (len(WAV) - 5, len(WAV))):
                    size, read = recording._stream_from_store()
                    self.assertEqual(size, len(WAV))
                    self.assertEqual(b"".join(read(start, stop)), WAV[start:stop])

    def test_the_sound_goes_with_the_commit_of_its_deletion(self):
        recording = self.recorded()
        path = self.store / recording.storage_key
        try:
            with self.env.cr.savepoint():
                recording._delete_from_store()
                recording.deleted_at = self.now()
                self.env.flush_all()
                raise ZeroDivisionError
        except ZeroDivisionError:
            self.env.invalidate_all(flush=False)
        self.env.cr.postcommit.run()
        self.assertTrue(path.exists(), "undone, so it must be there")
        recording._delete_from_store()
        recording.deleted_at = self.now()
        self.env.flush_all()
        self.assertTrue(path.exists())
        self.env.cr.postcommit.run()
        self.assertFalse(path.exists())
        recording._delete_from_store()
        self.env.cr.postcommit.run()
        with self.assertRaises(UserError):
            recording.sudo()._read_from_store()

    def test_what_a_crash_left_of_a_deleted_recording_goes_the_next_night(self):
        recording = self.recorded()
        recording.deleted_at = self.env.cr.now()
        path = self.store / recording.storage_key
        self.assertTrue(path.exists())
        recording._gc_deleted_files()
        self.assertFalse(path.exists())

    def test_no_name_leads_out_of_the_store(self):
        recording = self.recorded()
        secret = self.root / "secret.wav"
        secret.write_bytes(b"RIFF")
        for key in (
            *("../secret.wav", "/etc/passwd", str(secret), "1/2026/11/../../x.wav"),
            *("1/2026/11/.part", "1/2026/11/a.wav\n", "", "1/2026/11/a.wav/../b.wav"),
        ):
            with self.subTest(key=key):
                recording.storage_key = key or " "
                with self.assertRaises(UserError):
                    recording._stream_from_store()
        link = self.store / "1/2026/11/link.wav"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(secret)
        recording.storage_key = "1/2026/11/link.wav"
        with self.assertRaises(UserError):
            recording._stream_from_store()
        self.assertTrue(secret.exists())

    def test_nobody_points_a_recording_elsewhere(self):
        recording = self.recorded()
        self.campaign_a.own_recordings = True
        for user in (self.agent_a, self.supervisor_a, self.manager):
            theirs = recording.with_user(user)
            for values in ({"storage_key": "1/2026/11/x.wav"}, {"store": "attachment"}):
                with (
                    self.subTest(user=user.login),
                    mute_logger("odoo.addons.base.models.ir_model"),
                    self.assertRaises(AccessError),
                ):
                    theirs.write(values)

    def test_retention_takes_the_file(self):
        recording = self.recorded()
        recording.keep_until = "2020-01-01"
        recording._gc_kept_long_enough()
        self.env.flush_all()
        self.env.cr.postcommit.run()
        self.assertFalse(self.stored())
        self.assertTrue(recording.deleted_at)


@tagged("post_install", "-at_install")
class TestRecordingNotice(RecordingCase):
    def codes(self):
        self.env.flush_all()
        return [
            finding["code"]
            for finding in self.env["telemarketing.readiness"]._findings(
                self.campaign_a
            )
        ]

    def test_a_campaign_that_records_in_secret_is_told(self):
        self.assertIn("dialing_record_notice", self.codes())
        script = self.env["telemarketing.script"].create(
            {
                "name": "Script",
                "campaign_ids": [Command.link(self.campaign_a.id)],
                "legal_line_ids": [
                    Command.create({"requirement": "recording", "text": "It is"})
                ],
            }
        )
        self.assertNotIn("dialing_record_notice", self.codes())
        script.active = False
        self.assertIn("dialing_record_notice", self.codes())
        self.campaign_a.record_notice = "telemarketing/recorded"
        self.assertNotIn("dialing_record_notice", self.codes())


@tagged("post_install", "-at_install")
class TestRecordingPause(RecordingCase):
    def told(self, attempt, pause):
        command = self.env["telemarketing.dialer.command"]._ask(
            self.server, "record", self.seat, attempt.uuid, {"pause": pause}
        )
        answer = {"ok": True, "paused": pause, "at": attempt.at}
        self.own("_answer", command.id, answer)

    def muted(self, attempt, at, pause):
        """Told at ``at`` seconds after the attempt."""
        own = type(self.dialer)._own
        with patch.object(
            type(self.dialer), "_own", lambda s, *a: own(s, *a) and attempt.at + at
        ):
            self.told(attempt, pause)

    def test_how_long_payment_data_were_not_recorded_is_known(self):
        attempt = self.talk(over=False)
        for at, pause in ((5, True), (6, True), (15, False), (16, False), (30, True)):
            self.muted(attempt, at, pause)
        self.assertEqual(self.call_of(attempt).muted_seconds, 10)
        self.assertTrue(self.call_of(attempt).muted_since)
        call = self.hang_up(attempt, seconds=43)
        self.assertEqual(call.muted_seconds, 23)
        self.assertFalse(call.muted_since)


class RecordedCall(RecordingCase, HttpCase):
    """``recording`` of 90 seconds with agent_a, in ``campaign_a``."""

    def setUp(self):
        super().setUp()
        attempt = self.talk()
        self.leave(attempt.uuid, PERSON * 30, OURS * 30)
        self.pick_up()
        self.recording = self.recording_of(attempt)
        self.sound = self.recording.sudo()._read_from_store()

    def heard(self):
        self.env.invalidate_all()
        return [(a.user_id, a.purpose) for a in self.recording.sudo().access_ids]


@tagged("post_install", "-at_install")
class TestRecordingHeard(RecordedCall):
    """The door to the sound, knocked at by each role."""

    def get(self, user, query="", **headers):
        if user:
            user.password = f"{user.login} of the test"
            self.authenticate(user.login, user.password)
        else:
            self.authenticate(None, None)
        self.env.flush_all()
        # Odoo logs who was refused.
        with mute_logger("odoo.http"):
            return self.url_open(
                f"/telemarketing/recording/{self.recording.id}{query}",
                allow_redirects=False,
                headers=headers,
            )

    def test_only_who_may_listen_hears_it(self):
        for user, status in (
            (self.supervisor_a, 200),
            (self.manager, 200),
            (self.supervisor_b, 403),
            (self.agent_a, 403),
            (self.agent_b, 403),
            (self.portal_a, 403),
            (self.supervisor_far, 403),
            (self.plain_user, 403),
            (None, 303),
        ):
            with self.subTest(user=user and user.login):
                answer = self.get(user)
                self.assertEqual(answer.status_code, status)
                if status == 200:
                    self.assertEqual(answer.content, self.sound)
                    self.assertEqual(answer.headers["Cache-Control"], "no-store")
                    self.assertEqual(answer.headers["Content-Type"], "audio/wav")
                else:
                    self.assertNotIn(b"RIFF", answer.content)
        self.assertEqual(
            self.heard(), [(self.manager, "listen"), (self.supervisor_a, "listen")]
        )

    def test_an_agent_hears_the_own_calls_where_the_campaign_lets_and_takes_none(self):
        self.campaign_a.own_recordings = True
        self.assertEqual(self.get(self.agent_a).status_code, 200)
        self.assertEqual(self.get(self.agent_a, "?download=1").status_code, 403)
        self.assertEqual(self.get(self.agent_b).status_code, 403)
        self.assertEqual(self.heard(), [(self.agent_a, "listen")])

    def test_taking_a_copy_is_written_down_as_such(self):
        answer = self.get(self.supervisor_a, "?download=1")
        self.assertEqual(answer.content, self.sound)
        self.assertIn("attachment", answer.headers["Content-Disposition"])
        self.assertEqual(self.heard(), [(self.supervisor_a, "download")])

    def test_any_moment_is_heard_without_the_whole_and_one_listening_is_one_line(self):
        for asked, start, stop in (
            ("bytes=0-", 0, min(1 << 20, len(self.sound))),
            ("bytes=100-199", 100, 200),
            ("bytes=-50", len(self.sound) - 50, len(self.sound)),
        ):
            with self.subTest(asked=asked):
                answer = self.get(self.supervisor_a, Range=asked)
                self.assertEqual(answer.status_code, 206)
                self.assertEqual(answer.content, self.sound[start:stop])
                self.assertEqual(
                    answer.headers["Content-Range"],
                    f"bytes {start}-{stop - 1}/{len(self.sound)}",
                )
        beyond = self.get(self.supervisor_a, Range=f"bytes={len(self.sound)}-")
        self.assertEqual(beyond.status_code, 416)
        self.assertEqual(self.heard(), [(self.supervisor_a, "listen")])

    def test_blocked_deleted_and_lost_recordings_are_not_heard(self):
        self.recording.blocked_until = "2030-01-01"
        self.assertEqual(self.get(self.supervisor_a).status_code, 403)
        self.recording.blocked_until = False
        self.recording.deleted_at = self.now()
        self.assertEqual(self.get(self.supervisor_a).status_code, 410)
        self.recording.deleted_at = False
        (self.store / self.recording.storage_key).unlink()
        self.assertEqual(self.get(self.supervisor_a).status_code, 404)
        self.assertFalse(self.heard())


@tagged("post_install", "-at_install", "browser")
class TestRecordingPlayed(RecordedCall):
    @no_retry
    def test_the_browser_plays_seeks_and_speeds_up_what_is_stored(self):
        call = self.recording.interaction_id
        call.muted_seconds = 23
        login = self.supervisor_a.login
        self.supervisor_a.password = login
        self.env.flush_all()
        for place in (
            "action-telemarketing_base.action_telemarketing_recording",
            "action-telemarketing_base.action_telemarketing_interaction",
            f"m-telemarketing.contact/{call.contact_id.id}",
        ):
            with self.subTest(place=place):
                self.browser_js(
                    f"/odoo/{place}", LISTEN, "odoo.isReady === true", login=login
                )
        self.assertEqual(self.heard(), [(self.supervisor_a, "listen")])
