import base64
import os
import signal
import time
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..importing.source import WorkerDied
from ..models import chunk as chunk_module
from ..models import import_loader
from ..models.gate import EXCLUDED
from .common import TelemarketingCommon

JOB = "odoo.addons.telemarketing_base.models.import_job"

HEAD = (
    "Teléfono;Teléfono 2;Nombre;Dirección;NIF;C.P.;Provincia;Fecha nacimiento;"
    "Consentimiento;Fecha consentimiento;Cliente hasta;Autónomo;Observaciones\n"
)
# Somebody of each kind that the answer to "may we call?" tells apart.
MIXED = (
    "612340001;;Corriente;S;;28001;;;;;;;\n"
    "612340002;;Canaria;S;;35001;;;;;;;\n"
    "612340003;;Sin provincia;S;;;;;;;;;\n"
    "912340004;;Fijo de Madrid;S;;;;;;;;;\n"
    "806340005;;De pago;S;;28001;;;;;;;\n"
    "806340006;612340006;De pago y móvil;S;;08001;;;;;;;\n"
    "612340007;;Excluida antes;S;;28001;;;;;;;\n"
    "612340008;612340009;Excluida una;S;;28001;;;;;;;\n"
    "612340010;;Pide que no;S;;28001;;;;;;;no quiere que le llamen\n"
    "612340011;;Niega;S;;28001;;;no;;;;\n"
    "612340012;;Consintió hace mucho;S;;28001;;;sí;02/03/2019;;;\n"
    "612340013;;Consintió ayer;S;;28001;;;sí;%(yesterday)s;;;\n"
    "612340014;;Cliente de antes;S;;28001;;;cliente;;31/12/2019;;\n"
    "612340015;;Cliente;S;;28001;;;cliente;;;;\n"
    "612340016;;Autónoma;S;12345678Z;28001;;;autónomo;;;sí;\n"
    "612340017;;Construcciones SL;S;B12345674;28001;;;empresa;;;;\n"
    "612340018;;Menor;S;;28001;;%(young)s;;;;;\n"
    "612340019;;En la lista;S;;28001;;;cliente;;;;\n"
    "612340020;;Fuera de la lista;S;;28001;;;cliente;;;;\n"
    "612340021;;Por NIF;S;87654321X;28001;;;;;;;\n"
    "+33 612 34 56 78;;De fuera;S;;28001;;;;;;;\n"
    "612340022;;Retirado;S;;28001;;;;;;;\n"
    "612340023;;Provincia sola;S;;;Sevilla;;;;;;\n"
    "612340024;;Muy llamado;S;;28001;;;;;;;\n"
    "612340025;;Número malo;S;;28001;;;;;;;\n"
)


class LoaderCommon(TelemarketingCommon):
    def job(self, content, filename="base.csv", database=None, **values):
        job = self.env["telemarketing.import"].create(
            {
                "database_id": (database or self.database_a).id,
                "filename": filename,
                "file": base64.b64encode(content.encode()),
                **values,
            }
        )
        job.action_read()
        job.action_load()
        return job

    def many(self, count, first=0, street="S"):
        rows = "".join(
            f"6{place:08};P{place};{street}\n"
            for place in range(first + 1, first + count + 1)
        )
        return "Teléfono;Nombre;Dirección\n" + rows


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportGate(LoaderCommon):
    """What a list says of people just loaded is what their desks will say."""

    def number(self, e164, **values):
        phone = self.create_contact(f"Before {e164}", e164, self.database_own).phone_ids
        number = phone.number_id
        if values:
            names = ", ".join(f"{name} = %s" for name in values)
            self.env.flush_all()
            self.env.cr.execute(
                f"UPDATE telemarketing_number SET {names} WHERE id = %s",
                [*values.values(), number.id],
            )
            self.env.invalidate_all()
        return number

    def exclude(self, **values):
        return self.env["telemarketing.exclusion"].create(
            {"company_id": self.company_a.id, **values}
        )

    def written(self, target):
        return (
            target.state == "excluded",
            target.callable_code or None,
            target.callable_from or None,
            target.due_at or None,
        )

    def asked(self, target, now):
        best = None
        answers = self.env["telemarketing.gate"]._ask(target, now)
        order = target.contact_id.phone_ids.sorted("sequence").ids
        for phone, (_facts, verdict) in answers.items():
            since = now if verdict.allowed else verdict.until
            code = None if verdict.allowed else verdict.finding.code
            place = order.index(phone) if phone else 0
            rank = (since is None, since or now, code not in EXCLUDED, place)
            if best is None or rank < best[0]:
                best = rank, (code in EXCLUDED, code, since, since)
        return best[1]

    def test_list_and_desk_say_the_same_of_everybody_in_a_mixed_file(self):
        now = self.now().replace(microsecond=0)
        day = "%d/%m/%Y"
        for e164 in ("612340007", "612340008"):
            self.exclude(number_id=self.number(e164).id)
        self.exclude(vat="87654321X", scope="all")
        for e164, there in (("612340019", "present"), ("612340020", "absent")):
            self.number(e164, robinson=there, robinson_at=now)
        self.number(
            "612340024",
            attempts=999,
            attempts_day=99,
            attempts_week=99,
            attempts_date=now.date(),
            last_attempt_at=now,
        )
        self.number("612340025", state="bad")
        withdrawn = self.create_contact("Retirado", "612340022", self.database_a)
        self.env["telemarketing.consent"].create(
            {
                "number_id": withdrawn.phone_ids.number_id.id,
                "company_id": self.company_a.id,
                "principal_id": self.principal_a.id,
                "purpose": "call",
                "channel": "web",
                "withdrawn_at": now,
            }
        )
        content = HEAD + MIXED % {
            "yesterday": self.now(days=-1).strftime(day),
            "young": self.now(days=-16 * 365).strftime(day),
        }
        job = self.job(content, duplicates="load")
        Clock = type(self.env["telemarketing.clock"])
        self.patch(Clock, "_now", lambda clock: now)
        job._load()
        self.assertEqual((job.state, job.loaded), ("done", 25), job.error)
        targets = self.env["telemarketing.target"].search(
            [("contact_id.import_id", "=", job.id)]
        )
        self.assertEqual(len(targets), 25)
        codes = set()
        for target in targets:
            with self.subTest(target.contact_id.name):
                self.assertEqual(self.written(target), self.asked(target, now))
            codes.add(target.callable_code)
        # The file really holds people of many kinds.
        self.assertGreaterEqual(len(codes), 8, codes)
        self.assertGreaterEqual(
            len(targets.filtered(lambda t: t.state == "excluded")), 3
        )
        before = {target: self.written(target) for target in targets}
        targets._refresh_gate(targets=targets)
        self.assertEqual({t: self.written(t) for t in targets}, before)

    def test_objection_while_a_chunk_was_written_reaches_who_was_in_it(self):
        job = self.job(self.many(3))
        Loader = type(self.env["telemarketing.import.loader"])
        original = Loader._insert_targets

        def objects_meanwhile(loader, plan):
            excluded = original(loader, plan)
            # As seen by the chunk: nobody has objected yet.
            number = self.env["telemarketing.number"].search(
                [("e164", "=", "+34600000002")]
            )
            with patch.object(
                type(self.env["telemarketing.exclusion"]), "_apply", lambda self: None
            ):
                self.exclude(number_id=number.id)
            return excluded

        self.patch(Loader, "_insert_targets", objects_meanwhile)
        job._load()
        states = {
            t.contact_id.name: t.state for t in self.database_a.contact_ids.target_ids
        }
        self.assertEqual(
            states, {"P1": "ready", "P2": "excluded", "P3": "ready"}, states
        )


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportLoader(LoaderCommon):
    """What a supervisor would lose if loading in two processes broke."""

    def setUp(self):
        super().setUp()
        self.patch(import_loader, "TWO_FROM", 0)

    def two(self):
        self.env["ir.config_parameter"].sudo().set_param(import_loader.PROCESSES, "2")

    def test_two_processes_load_what_one_loads(self):
        content = self.many(40) + "123;Malo;S\n612345678;Bueno;\n"
        self.patch(import_loader, "CHUNK", 10)
        found = []
        for processes in ("1", "2"):
            self.env["ir.config_parameter"].sudo().set_param(
                import_loader.PROCESSES, processes
            )
            database = self._create_database(self.campaign_a, processes)
            job = self.job(
                content, database=database, duplicates="load", match_scope="database"
            )
            job._load()
            self.assertEqual(job.state, "done", job.error)
            people = database.contact_ids.sorted("import_row")
            found.append(
                (
                    [job.loaded, job.bad, job.noticed],
                    people.mapped("name"),
                    people.mapped("raw_values"),
                    people.phone_ids.mapped("e164"),
                    job.row_ids.mapped("raw"),
                )
            )
        self.assertEqual(found[0][0], [40, 2, 0])
        self.assertEqual(found[0], found[1])

    def test_reader_that_is_killed_fails_the_load_and_it_goes_on(self):
        self.two()
        self.patch(import_loader, "CHUNK", 5)
        # More than the pipe holds: the reader waits for us.
        job = self.job(self.many(200, street="S" * 20_000))
        steps = job._steps()
        next(steps)
        self.assertEqual(job.position, 1, "A fifth of a chunk comes first")
        (child,) = _children()
        os.kill(child, signal.SIGKILL)
        died = None
        try:
            for _piece in steps:
                pass
        except WorkerDied as error:  # assertRaises would take back what was loaded
            died = error
        self.assertIn("-9", str(died))
        reached = job.position
        self.assertLess(reached, 200)
        with mute_logger(JOB):
            job._fail(died)
        self.assertEqual(job.state, "failed")
        self.assertIn(str(reached), job.error)
        job.action_load()
        job._load()
        self.assertEqual((job.state, job.loaded), ("done", 200))
        self.assertFalse(_children())

    def test_stop_ends_the_reader_too(self):
        self.two()
        self.patch(import_loader, "CHUNK", 5)
        job = self.job(self.many(200, street="S" * 20_000))
        steps = job._steps()
        next(steps)
        job.action_stop()
        self.assertFalse(list(steps))
        self.assertEqual((job.state, job.position), ("stopped", 6))
        self.assertFalse(_children())

    def test_damaged_file_fails_with_its_own_sentence_in_the_second_process(self):
        self.two()
        job = self.job(self.many(20))
        job.file = base64.b64encode(b"%PDF-1.4 nothing")
        self.env["telemarketing.import"]._cron_load()
        self.assertEqual(job.state, "failed")
        self.assertIn("not a table", job.error)

    def test_a_small_file_does_not_wait_for_somebodys_big_one(self):
        self.patch(chunk_module, "TURN", 0)
        self.patch(import_loader, "CHUNK", 10)
        big = self.job(self.many(200))
        small = self.job(self.many(10, first=1000), filename="small.csv")
        finished = []
        Loader = type(self.env["telemarketing.import.loader"])
        original = Loader._finish

        def note(loader, job, source):
            finished.append((job.filename, big.position))
            return original(loader, job, source)

        self.patch(Loader, "_finish", note)
        self.env["telemarketing.import"]._cron_load()
        self.assertEqual([name for name, _at in finished], ["small.csv", "base.csv"])
        self.assertLess(finished[0][1], 100)
        self.assertEqual((big.loaded, small.loaded), (200, 10))

    def test_who_loads_the_same_file_beside_us_is_told_by_the_position(self):
        self.patch(import_loader, "CHUNK", 10)
        job = self.job(self.many(30))
        steps = job._steps()
        next(steps)
        self.env.cr.execute(
            "UPDATE telemarketing_import SET position = 20 WHERE id = %s", [job.id]
        )
        with self.assertRaises(import_loader.LoadedElsewhere):
            next(steps)

    def test_rows_before_the_position_are_not_loaded_again(self):
        self.patch(import_loader, "CHUNK", 10)
        job = self.job(self.many(35))
        steps = job._steps()
        next(steps)
        steps.close()
        job.invalidate_recordset()
        job._load()
        self.assertEqual((job.state, job.loaded, job.bad), ("done", 35, 0))
        rows = self.database_a.contact_ids.mapped("import_row")
        self.assertEqual(sorted(rows), list(range(2, 37)))

    def test_what_no_text_can_hold_loads_without_it(self):
        content = (
            "Teléfono;Nombre;Dirección;Nota propia\n"
            '612345001;"A\tB\\N";"C/ \\.\n3";"{""a"": ""\\u0000""}"\n'
            "612345002;Lone;S;\\\\x00\n"
        )
        job = self.job(content)
        job._load()
        self.assertEqual((job.state, job.loaded), ("done", 2), job.error)
        first = self.database_a.contact_ids.sorted("import_row")[0]
        self.assertEqual(first.raw_values["Nombre"], "A\tB\\N")
        self.assertEqual(first.raw_values["Nota propia"], '{"a": "\\u0000"}')

    def test_forgotten_files_leave_no_row_behind(self):
        job = self.job(self.many(2) + "123;Malo Malísimo;S\n")
        job._load()
        self.assertTrue(job._has_person({"MALOMALISIMO"}) or job.row_ids)
        self.assertEqual(job.row_ids.raw, ["123", "Malo Malísimo", "S"])
        job._forget_files()
        self.assertFalse(job.row_ids or job.file or job.returned_file)


def _children():
    """Processes that this one has started and that still run."""
    deadline = time.monotonic() + 2
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children") as stream:
            found = [int(each) for each in stream.read().split()]
        found = [pid for pid in found if _reads_files(pid)]
        if not found or time.monotonic() > deadline or len(found) == 1:
            return found
        time.sleep(0.05)


def _reads_files(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return b"importing/worker.py" in stream.read()
    except OSError:
        return False
