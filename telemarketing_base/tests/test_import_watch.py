import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import config, mute_logger

from ..importing import folder as kernel
from ..importing.folder import Folder, FolderError, clean_name, parts_of
from ..models.import_watch import OPTION, VARIABLE
from .common import TelemarketingCommon

CSV = (
    "Teléfono;Nombre;Dirección;NIF\n"
    "612345678;Carmen Peña;C/ Mayor 3;12345678Z\n"
    "699999999;Luis Gil;Sol 1;\n"
    "123;Sin teléfono;Sol 2;\n"
)


@tagged("post_install", "-at_install", "telemarketing_import")
class TestImportWatch(TelemarketingCommon):
    """What would be lost, or read that is nobody's business, if watched folders
    broke. Real folders; permissions tried as another user where we are root."""

    def setUp(self):
        super().setUp()
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        os.chmod(self.root, 0o755)
        self.outside = tempfile.mkdtemp(dir=os.path.dirname(self.root))
        self.addCleanup(shutil.rmtree, self.outside, ignore_errors=True)
        self.enterContext(patch.dict(config.options, {OPTION: self.root}))
        self.at = self.now()
        self.patch(
            self.env.registry["telemarketing.import.watch"],
            "_now",
            lambda watch: self.at,
        )
        self.watch = self.make_watch()
        self.folder = self.folder_of(self.watch)

    def make_watch(self, folder="altas", database=None, make=True, **values):
        watch = (
            self.as_user(self.env["telemarketing.import.watch"], self.manager)
            .create(
                {
                    "name": f"Watch {folder}",
                    "folder": folder,
                    "database_id": (database or self.database_a).id,
                    "notify_user_ids": [Command.set(self.supervisor_a.ids)],
                    **values,
                }
            )
            .with_env(self.env)
        )
        if make:
            watch.action_make_folder()
        return watch

    def folder_of(self, watch):
        return os.path.join(self.root, *watch._parts())

    def put(self, name="base.csv", content=CSV, folder=None):
        path = os.path.join(folder or self.folder, name)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def look(self, seconds=0):
        self.at += timedelta(seconds=seconds)
        self.env["telemarketing.import.watch"]._cron_look()

    def load(self):
        """The import's own cron."""
        self.env["telemarketing.import"]._cron_load()

    def deliver(self, name="base.csv", content=CSV):
        """Put a file and let everything happen that happens to it."""
        self.put(name, content)
        self.look()
        self.look(61)
        self.load()
        self.look()
        return self.files()[:1]

    def files(self, watch=None):
        return self.env["telemarketing.import.watch.file"].search(
            [("watch_id", "=", (watch or self.watch).id)]
        )

    def people(self):
        return self.database_a.contact_ids.mapped("name")

    def listing(self, *parts):
        return sorted(os.listdir(os.path.join(self.folder, *parts)))

    def reason(self, name):
        path = os.path.join(self.folder, "fallidos", f"{name}.motivo.txt")
        with open(path, encoding="utf-8-sig") as file:
            return file.read()

    @contextlib.contextmanager
    def as_nobody(self):
        """Without the rights of root, for whom nothing is forbidden."""
        if os.geteuid():
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    def assertRefused(self, file, word):
        self.assertEqual(file.state, "failed")
        self.assertIn(word, file.reason)
        self.assertFalse(file.import_id)
        self.assertFalse(self.people())

    # WHAT IT IS FOR

    def test_a_file_left_in_the_folder_loads_by_itself_and_moves(self):
        file = self.deliver()
        self.assertEqual((file.state, file.moved), ("done", True))
        self.assertEqual((file.total, file.loaded, file.bad), (3, 2, 1))
        self.assertEqual(sorted(self.people()), ["Carmen Peña", "Luis Gil"])
        self.assertEqual(self.listing(), ["fallidos", "hechos", "repetidos"])
        returned = f"base-devueltas{os.path.splitext(file.import_id.returned_name)[1]}"
        self.assertEqual(self.listing("hechos"), [returned, "base.csv"])
        job = file.import_id
        self.assertEqual((job.watch_id, job.create_uid), (self.watch, self.manager))
        self.assertFalse(self.watch.problem)
        self.assertEqual(self.watch.looked_at, self.at)
        # Nothing more happens to it.
        self.look(600)
        self.assertEqual(len(self.files()), 1)
        self.assertEqual(len(self.people()), 2)

    def test_a_look_into_an_empty_folder_writes_nothing_but_its_time(self):
        self.look()
        self.assertFalse(self.files())
        self.assertFalse(self.watch.problem)

    def test_a_file_that_is_still_being_written_is_not_read(self):
        path = self.put(content=CSV[:40])
        self.look()
        for _step in range(3):
            with open(path, "ab") as file:
                file.write(b"x")
            self.look(61)
            self.assertEqual(self.files().state, "waiting")
        self.put()
        self.look(61)
        self.assertFalse(self.people())
        self.look(30)
        self.assertEqual(self.files().state, "waiting")
        self.look(31)
        self.assertEqual(self.files().state, "loading")

    def test_temporary_hidden_and_other_files_are_left_alone(self):
        names = [
            *("base.csv.tmp", "base.csv.part", "base.csv.crdownload", ".base.csv"),
            *("~$base.xlsx", "base.csv~", "notes.pdf", ".~lock.base.csv#"),
        ]
        for name in names:
            self.put(name)
        self.look()
        self.look(9999)
        self.assertFalse(self.files())
        self.assertTrue(set(names) < set(self.listing()))

    def test_a_file_that_a_programme_has_locked_waits(self):
        path = self.put()
        self.look()
        with open(path, "rb") as writer:
            fcntl.flock(writer, fcntl.LOCK_EX)
            self.look(61)
            self.assertEqual(self.files().state, "waiting")
            self.assertIn("still writing", self.files().reason)
        self.look(61)
        self.assertEqual(self.files().state, "loading")

    def test_with_a_marker_a_file_waits_for_it(self):
        self.watch.ready = "marker"
        self.put()
        self.look()
        self.look(9999)
        self.assertEqual(self.files().state, "waiting")
        self.put("base.csv.ok", "")
        self.look()
        self.load()
        self.look()
        self.assertEqual(self.files().state, "done")
        self.assertIn("base.csv.ok", self.listing("hechos"))
        self.assertEqual(self.listing(), ["fallidos", "hechos", "repetidos"])

    def test_what_is_not_complete_after_a_day_is_told_once(self):
        path = self.put()
        self.look()
        with open(path, "rb") as writer:
            fcntl.flock(writer, fcntl.LOCK_EX)
            self.look(3600)
            self.assertFalse(self.watch.activity_ids)
            for _hour in range(3):
                self.look(24 * 3600)
        self.assertEqual(self.files().state, "waiting")
        self.assertEqual(len(self.watch.activity_ids), 1)
        self.assertEqual(self.watch.activity_ids.note.count("base.csv"), 1)

    def test_a_file_taken_away_before_it_was_read_leaves_nothing(self):
        os.unlink(self.put())
        path = self.put()
        self.look()
        os.unlink(path)
        self.look(61)
        self.assertFalse(self.files())

    def test_the_same_content_twice_is_loaded_once(self):
        self.deliver()
        file = self.deliver("otra vez.csv")
        self.assertEqual(file.state, "duplicate")
        self.assertIn("base.csv", file.reason)
        self.assertEqual(len(self.people()), 2)
        self.assertEqual(
            self.listing("repetidos"), ["otra vez.csv", "otra vez.csv.motivo.txt"]
        )
        self.watch.allow_repeated = True
        self.assertEqual(self.deliver("tercera.csv").state, "done")

    def test_what_was_undone_can_be_delivered_again(self):
        first = self.deliver()
        first.import_id.state = "undone"
        self.assertEqual(self.deliver().state, "done")

    def test_a_name_that_is_there_already_is_not_written_over(self):
        self.put("base.csv", "of somebody else", os.path.join(self.folder, "hechos"))
        file = self.deliver()
        self.assertEqual(file.state, "done")
        self.assertNotEqual(file.moved_name, "base.csv")
        with open(os.path.join(self.folder, "hechos", "base.csv")) as kept:
            self.assertEqual(kept.read(), "of somebody else")
        with open(os.path.join(self.folder, "hechos", file.moved_name)) as moved:
            self.assertEqual(moved.read(), CSV)

    # THE MAPPING

    def test_a_column_that_nobody_has_named_stops_the_file(self):
        file = self.deliver(
            content=CSV.replace("NIF", "Marca preferida"), name="rara.csv"
        )
        self.assertRefused(file, "Marca preferida")
        self.assertEqual(self.listing("fallidos"), ["rara.csv", "rara.csv.motivo.txt"])
        self.assertIn("Marca preferida", self.reason("rara.csv"))
        self.assertFalse(
            self.env["telemarketing.import"].search([("filename", "=", "rara.csv")])
        )
        # Said once by hand, it loads.
        self.database_a.column_mapping = {"marca preferida": "extra:Marca preferida"}
        again = self.deliver("rara.csv", CSV.replace("NIF", "Marca preferida"))
        self.assertEqual(again.state, "done")

    def test_a_file_without_a_column_that_people_need_is_not_loaded(self):
        file = self.deliver(content="Teléfono;Nombre\n612345678;Carmen\n")
        self.assertRefused(file, "Address")
        file = self.deliver("b.csv", "Nombre;Dirección\nCarmen;Sol 1\n")
        self.assertRefused(file, "Phone")

    def test_a_column_left_out_or_updated_by_hand_is_so_in_the_next_files(self):
        content = CSV.replace("NIF", "Marca preferida")
        self.database_a.column_mapping = {"marca preferida": None}
        self.assertEqual(self.deliver(content=content).state, "done")
        self.watch.duplicates = "update"
        new = content.replace("C/ Mayor 3", "Avda. del Puerto 9")
        file = self.deliver("b.csv", new)
        self.assertEqual(file.state, "failed")
        self.assertIn("updated", file.reason)
        self.database_a.update_headings = ["direccion"]
        self.assertEqual(self.deliver("c.csv", new).state, "done")
        carmen = self.database_a.contact_ids.filtered(lambda c: "Carmen" in c.name)
        self.assertEqual((len(carmen), carmen.street), (1, "Avda. del Puerto 9"))

    def test_a_column_without_heading_stops_the_file(self):
        file = self.deliver(content=CSV.replace("Dirección;NIF", "Dirección;;NIF"))
        self.assertRefused(file, "D")
        self.assertIn("heading", file.reason)

    def test_a_column_of_a_field_that_has_gone_stops_the_file(self):
        self.database_a.column_mapping = {"marca preferida": "profile:gone"}
        file = self.deliver(content=CSV.replace("NIF", "Marca preferida"))
        self.assertRefused(file, "Marca preferida")

    def test_our_own_reasons_in_a_file_that_comes_back_are_no_unknown_column(self):
        file = self.deliver(
            content="Teléfono;Nombre;Dirección;Motivo\n612345678;Ana;Sol 1;x\n"
        )
        self.assertEqual(file.state, "done")

    def test_a_file_that_is_no_table_fails_with_its_reason(self):
        for content in (b"", b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
            with self.subTest(content=content):
                file = self.deliver("mala.csv", content)
                self.assertEqual(file.state, "failed")
                self.assertTrue(file.reason)

    def test_who_wants_to_know_is_told_once_for_each_file_that_failed(self):
        self.deliver("a.csv", "Nombre\nx\n")
        self.deliver("b.csv", "Nombre\ny\n")
        self.look(600)
        self.look(600)
        activity = self.watch.activity_ids
        self.assertEqual(activity.user_id, self.supervisor_a)
        for name in ("a.csv", "b.csv"):
            self.assertEqual(str(activity.note).count(name), 1)

    def test_the_legal_basis_of_the_folder_counts_where_the_database_has_none(self):
        database = self._create_database(
            self.campaign_a,
            name="Bare",
            legal_basis=False,
            basis_date=False,
            basis_source=False,
        )
        watch = self.make_watch(
            "sin base",
            database=database,
            legal_basis="request",
            basis_date=self.now(days=-3).date(),
            basis_source="Web form",
        )
        self.put(folder=self.folder_of(watch))
        self.look()
        self.look(61)
        self.load()
        self.assertEqual(self.files(watch).import_id.legal_basis, "request")
        self.assertEqual(database.legal_basis, "request")

    def test_a_basis_that_nobody_can_date_is_refused_when_it_is_set(self):
        with self.assertRaises(ValidationError):
            self.watch.write({"legal_basis": "consent", "basis_source": "Fair"})

    def test_articles_load_into_their_campaign_and_unknown_columns_stop_them(self):
        watch = self.make_watch(
            "tarifas",
            kind="articles",
            database_id=False,
            campaign_id=self.campaign_a.id,
        )
        folder = self.folder_of(watch)
        good = "Referencia;Artículo;Precio\nR-9;Fibra 600;29,90\n"
        self.put("a.csv", good, folder)
        self.put("b.csv", good.replace("Precio", "Qué será esto"), folder)
        self.look()
        self.look(61)
        self.load()
        self.look()
        files = self.files(watch).sorted("name")
        self.assertEqual(files.mapped("state"), ["done", "failed"])
        self.assertIn("Qué será esto", files[1].reason)
        product = self.env["product.product"].search([("default_code", "=", "R-9")])
        self.assertEqual(
            (product.name, product.company_id), ("Fibra 600", self.company_a)
        )
        self.assertIn(product, self.campaign_a.article_ids.product_id)

    # TRICKS

    def test_a_link_to_another_file_is_not_followed(self):
        secret = self.put("secret.csv", CSV, self.outside)
        os.symlink(secret, os.path.join(self.folder, "base.csv"))
        self.look()
        self.assertRefused(self.files(), "link")
        self.assertTrue(os.path.islink(os.path.join(self.folder, "fallidos/base.csv")))
        with open(secret) as kept:
            self.assertEqual(kept.read(), CSV)

    def test_a_hard_link_to_somebody_elses_file_is_not_read(self):
        secret = self.put("secret.csv", CSV, self.outside)
        os.link(secret, os.path.join(self.folder, "base.csv"))
        file = self.deliver_as_it_is()
        self.assertRefused(file, "hard link")

    def deliver_as_it_is(self):
        self.look()
        self.look(61)
        self.load()
        self.look()
        return self.files()[:1]

    def test_pipes_sockets_and_devices_neither_hang_nor_load(self):
        os.mkfifo(os.path.join(self.folder, "pipe.csv"))
        bound = socket.socket(socket.AF_UNIX)
        self.addCleanup(bound.close)
        bound.bind(os.path.join(self.folder, "bound.csv"))
        os.symlink("/dev/zero", os.path.join(self.folder, "zero.csv"))
        self.look()
        self.look(61)
        self.assertEqual(set(self.files().mapped("state")), {"failed"})
        self.assertEqual(len(self.files()), 3)
        self.assertFalse(self.people())

    def test_a_file_changed_for_a_pipe_or_a_link_after_the_check_is_not_read(self):
        secret = self.put("secret.csv", CSV, self.outside)
        path = self.put()
        with Folder(self.root, self.watch._parts()) as folder:
            seen = next(found for found in folder.look() if found.kind == "file")
            os.unlink(path)
            os.mkfifo(path)
            with self.assertRaises(FolderError) as refused:
                folder.fetch(seen, 10_000)
            self.assertEqual(refused.exception.code, "special")
            os.unlink(path)
            os.symlink(secret, path)
            with self.assertRaises(FolderError) as refused:
                folder.fetch(seen, 10_000)
            self.assertEqual(refused.exception.code, "link")

    def test_a_folder_changed_for_a_link_while_it_is_open_shows_nothing_else(self):
        self.put("secret.csv", CSV, self.outside)
        with Folder(self.root, self.watch._parts()) as folder:
            os.rename(self.folder, self.folder + "-old")
            os.symlink(self.outside, self.folder)
            self.assertNotIn(b"secret.csv", [seen.raw for seen in folder.look()])
            with self.assertRaises(FolderError) as refused:
                Folder(self.root, self.watch._parts())
            self.assertEqual(refused.exception.code, "folder_link")
        self.look()
        self.look(61)
        self.assertFalse(self.files())
        self.assertIn("link", self.watch.problem)

    def test_a_link_anywhere_on_the_way_is_refused(self):
        watch = self.make_watch("clientes/altas", make=False)
        base = os.path.join(self.root, *watch._parts()[:2])
        os.mkdir(os.path.join(self.outside, "altas"))
        self.put("secret.csv", CSV, os.path.join(self.outside, "altas"))
        os.symlink(self.outside, os.path.join(base, "clientes"))
        self.look()
        self.look(61)
        self.assertFalse(self.files(watch))
        self.assertIn("link", watch.problem)
        with self.assertRaises(UserError):
            watch.action_make_folder()

    def test_a_link_where_files_are_moved_to_writes_nowhere_else(self):
        os.rmdir(os.path.join(self.folder, "hechos"))
        os.symlink(self.outside, os.path.join(self.folder, "hechos"))
        file = self.deliver()
        self.assertEqual((file.state, file.moved), ("done", False))
        self.assertTrue(file.move_problem)
        self.assertEqual(os.listdir(self.outside), [])
        self.assertIn("base.csv", self.listing())
        self.look(600)
        self.assertEqual(len(self.people()), 2)

    def test_names_of_folders_that_lead_elsewhere_are_refused(self):
        for name in (
            *("../altas", "a/../../b", "..", "/etc", "\\\\host\\share", "~root", "C:x"),
            *("a\x00b", "a\nb", "", "  ", "a//b", ".ssh", "a/.ssh", "a\\b", "hechos"),
            *("altas/fallidos", "a/b/c/d/e/f", "x" * 101, "a/", "-rf", "a\u202eb"),
        ):
            with self.subTest(name=name), self.assertRaises(FolderError):
                parts_of(name)
        self.assertEqual(
            parts_of("Clientes 2026/Año (1)"), ["Clientes 2026", "Año (1)"]
        )
        with self.assertRaises(ValidationError):
            self.watch.folder = "../otra"

    def test_two_folders_of_a_company_never_read_the_same_place(self):
        with mute_logger("odoo.sql_db"), self.assertRaises(Exception) as refused:
            self.make_watch("ALTAS")
            self.env.flush_all()
        self.assertIn("telemarketing_import_watch", str(refused.exception))

    def test_another_company_reads_another_place(self):
        watch = self.env["telemarketing.import.watch"].create(
            {
                "name": "Far",
                "folder": "altas",
                "database_id": self.database_far.id,
            }
        )
        self.assertNotEqual(self.folder_of(watch), self.folder)
        self.assertIn(self.env.cr.dbname, self.folder_of(watch))

    def test_strange_names_load_and_are_shown_tidied(self):
        folder = os.fsencode(self.folder)
        names = {
            "España ñ.csv".encode("latin-1"): "España ñ.csv",
            "gnp\u202evsc.csv".encode(): "gnp_vsc.csv",
            b"a\x01\x1b[31m\nb.csv": "a__[31m_b.csv",
            b"<img src=x onerror=1>.csv": "_img src=x onerror=1_.csv",
            b"x" * 240 + b".csv": "x" * 146 + ".csv",
            b"=cmd|' ;rm -rf $(x).csv": "=cmd_' ;rm -rf $(x).csv",
        }
        for place, raw in enumerate(names):
            with open(os.path.join(folder, raw), "wb") as file:
                file.write(CSV.replace("12345678Z", "").encode() + b"\n" * place)
        self.watch.allow_repeated = True
        self.deliver_as_it_is()
        self.assertEqual(set(self.files().mapped("name")), set(names.values()))
        self.assertEqual(set(self.files().mapped("state")), {"done"})
        self.assertEqual(self.listing(), ["fallidos", "hechos", "repetidos"])
        self.assertTrue(set(names.values()) < set(self.listing("hechos")))

    def test_any_bytes_make_a_name_that_fits(self):
        for raw in (b"\xff" * 255, b".", b"..", "é".encode() * 127, b"a." + b"b" * 250):
            name = clean_name(raw)
            self.assertTrue(0 < len(name.encode()) <= 150, raw)
            self.assertNotIn("/", name)
            self.assertTrue(name.isprintable())

    def test_a_folder_with_the_name_of_a_file_is_told_and_left(self):
        os.mkdir(os.path.join(self.folder, "carpeta.csv"))
        self.put("base.csv", CSV, os.path.join(self.folder, "carpeta.csv"))
        self.look()
        self.look(61)
        self.assertRefused(self.files(), "folder")
        self.put("b.csv", CSV, os.path.join(self.folder, "carpeta.csv"))
        self.look(600)
        self.assertEqual(len(self.files()), 1)
        self.assertIn("carpeta.csv", self.listing())
        self.assertEqual(len(self.listing("carpeta.csv")), 2)

    def test_a_huge_file_is_refused_before_it_is_read(self):
        with open(os.path.join(self.folder, "huge.csv"), "wb") as file:
            file.truncate(5 * 1024**3)
        opened = []

        def count(file, mode="r", **kwargs):
            opened.append(mode)
            return open(file, mode, **kwargs)

        with patch.object(kernel, "open", count, create=True):
            self.look()
            self.look(61)
        self.assertNotIn("rb", opened)
        self.assertRefused(self.files(), "MB")
        self.assertIn("huge.csv", self.listing("fallidos"))

    def test_a_file_that_changes_while_it_is_read_is_read_again_later(self):
        path = self.put()
        self.look()
        with Folder(self.root, self.watch._parts()) as folder:
            seen = next(found for found in folder.look() if found.kind == "file")
            original = open

            def grown(fd, *args, **kwargs):
                with original(path, "ab") as file:
                    file.write(b"611111111;Ana Ruiz;Sol 9;\n")
                return original(fd, *args, **kwargs)

            with patch.object(kernel, "open", grown, create=True):
                with self.assertRaises(FolderError) as later:
                    folder.fetch(seen, 10_000)
            self.assertEqual(later.exception.code, "changed")
        self.look(61)
        self.assertEqual(self.files().state, "waiting")
        self.look(61)
        self.load()
        self.assertIn("Ana Ruiz", self.people())

    def test_a_file_that_the_server_may_not_read_fails_with_its_reason(self):
        os.chmod(self.put(), 0)
        os.chmod(self.folder, 0o777)
        os.chmod(os.path.join(self.folder, "fallidos"), 0o777)
        for part in (1, 2):
            os.chmod(os.path.join(self.root, *self.watch._parts()[:part]), 0o755)
        self.look()
        with self.as_nobody():
            self.look(61)
        self.assertRefused(self.files(), "may not read")
        self.assertIn("base.csv", self.listing("fallidos"))

    def test_what_cannot_be_moved_is_loaded_once_and_told_once(self):
        self.put()
        for part in (1, 2, 3):
            os.chmod(os.path.join(self.root, *self.watch._parts()[:part]), 0o755)
        self.look()
        self.look(61)
        self.load()
        # Its sub-folders are ours, the folder itself lets us change nothing.
        with self.as_nobody():
            if os.getuid():
                os.chmod(self.folder, 0o555)
            for _minute in range(3):
                self.look(61)
        file = self.files()
        self.assertEqual((len(file), file.state, file.moved), (1, "done", False))
        self.assertTrue(file.move_problem)
        self.assertEqual(self.watch.problem, file.move_problem)
        self.assertEqual(len(self.people()), 2)
        self.assertEqual(str(self.watch.activity_ids.note).count("base.csv"), 1)
        os.chmod(self.folder, 0o755)
        self.look()
        self.assertTrue(file.moved)
        self.assertFalse(file.move_problem)
        self.assertFalse(self.watch.problem)

    def test_on_another_disk_or_a_full_one_the_report_says_why(self):
        self.put()
        self.look()
        self.look(61)
        self.load()
        with patch.object(kernel.os, "rename", side_effect=OSError(18, "EXDEV")):
            self.look(61)
        file = self.files()
        self.assertEqual((file.state, file.moved), ("done", False))
        self.assertIn("Invalid cross-device link", file.move_problem)
        # The name that was taken for it has been given back.
        self.assertNotIn("base.csv", self.listing("hechos"))
        self.look()
        self.assertIn("base.csv", self.listing("hechos"))

    def test_a_new_file_that_takes_the_place_of_one_being_loaded_is_not_lost(self):
        path = self.put()
        self.look()
        self.look(61)
        os.unlink(path)
        self.put(content=CSV.replace("Luis Gil", "Ana Ruiz").replace("69", "68", 1))
        self.load()
        self.look()
        first = self.files()[-1]
        self.assertEqual(
            (first.state, first.moved, first.moved_name), ("done", True, False)
        )
        self.look(61)
        self.load()
        self.look()
        self.assertIn("Ana Ruiz", self.people())
        self.assertIn("base.csv", self.listing("hechos"))

    # KILLED BETWEEN TWO STEPS

    def test_a_crash_while_the_file_is_taken_leaves_it_to_be_taken_again(self):
        self.put()
        self.look()
        Job = self.env.registry["telemarketing.import"]

        def die(job):
            raise KeyboardInterrupt

        savepoint = self.env.cr.savepoint()
        with (
            patch.object(Job, "action_load", die),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.look(61)
        savepoint.close(rollback=True)
        self.env.invalidate_all(flush=False)
        self.assertEqual(self.files().state, "waiting")
        self.assertFalse(self.database_a.import_ids)
        self.look()
        self.assertEqual(self.files().state, "loading")
        self.assertEqual(len(self.database_a.import_ids), 1)

    def test_a_crash_before_the_move_loads_nothing_twice(self):
        self.put()
        self.look()
        self.look(61)
        self.load()
        # It died once "done" was written, then once more.
        self.watch._finish_jobs()
        self.watch._finish_jobs()
        file = self.files()
        self.assertEqual((file.state, file.moved), ("done", False))
        self.look(61)
        self.assertTrue(file.moved)
        self.assertEqual(len(self.files()), 1)
        self.assertEqual(len(self.database_a.import_ids), 1)

    def test_a_crash_after_the_move_finds_the_file_where_it_went(self):
        path = self.put()
        self.look()
        self.look(61)
        self.load()
        self.watch._finish_jobs()
        os.rename(path, os.path.join(self.folder, "hechos", "base-1.csv"))
        self.look()
        file = self.files()
        self.assertEqual((file.moved, file.moved_name), (True, "base-1.csv"))
        self.assertTrue(any("devueltas" in n for n in self.listing("hechos")))
        # …and after what stands beside it was written.
        file.write({"moved": False, "moved_name": False})
        self.look()
        self.assertEqual(file.moved_name, "base-1.csv")
        self.assertEqual(len(self.listing("hechos")), 2)

    def test_a_load_that_failed_or_was_stopped_moves_the_file_with_its_reason(self):
        for state, values in (
            ("failed", {"error": "Loading stopped after row 1"}),
            ("stopped", {"position": 1}),
        ):
            with self.subTest(state=state):
                name = f"{state}.csv"
                self.put(name, CSV.replace("Luis", state))
                self.look()
                self.look(61)
                self.files()[:1].import_id.write({"state": state, **values})
                self.look()
                self.assertEqual(self.files()[:1].state, "failed")
                self.assertIn("row 1", self.reason(name))

    # WHERE, WHO, WHICH EDITION

    def test_without_a_base_folder_it_says_how_to_set_one(self):
        with patch.dict(config.options, {OPTION: False}), patch.dict(os.environ):
            os.environ.pop(VARIABLE, None)
            self.look()
            self.assertIn(OPTION, self.watch.problem)
            with self.assertRaisesRegex(UserError, VARIABLE):
                self.watch.action_make_folder()
            os.environ[VARIABLE] = self.root
            self.look()
            self.assertFalse(self.watch.problem)

    def test_a_base_folder_that_anybody_writes_in_is_refused(self):
        self.put()
        os.chmod(self.root, 0o777)
        self.look()
        self.look(61)
        self.assertFalse(self.files())
        self.assertIn(self.root, self.watch.problem)

    def test_a_folder_that_is_not_there_is_told_and_can_be_made(self):
        watch = self.make_watch("nueva", make=False)
        self.look()
        self.assertIn("nueva", watch.problem)
        watch.with_user(self.manager).action_make_folder()
        self.look()
        self.assertFalse(watch.problem)

    def _without_feature(self):
        Edition = self.env["telemarketing.edition"]
        Edition.search([]).unlink()
        low, high = Edition.create(
            [
                {"name": "Low", "code": "t_low", "sequence": 1},
                {"name": "High", "code": "t_high", "sequence": 2},
            ]
        )
        field = self.env["res.company"]._fields["telemarketing_edition"]
        options = [(edition.code, edition.name) for edition in low | high]
        self.patch(field, "selection", options)
        self.patch(field, "_selection", dict(options))
        self.env["telemarketing.feature"].create(
            {"key": "import_watch", "name": "Watch", "edition_id": high.id}
        )
        self.company_a.telemarketing_edition = "t_low"
        self.env.flush_all()

    def test_an_edition_without_it_says_which_has_it_and_reads_nothing(self):
        self.put()
        self._without_feature()
        with self.assertRaisesRegex(UserError, "High"):
            self.make_watch("otra")
        self.look()
        self.look(61)
        self.assertFalse(self.files())
        self.assertIn("High", self.watch.problem)
        self.watch.active = False
        with self.assertRaisesRegex(UserError, "High"):
            self.watch.active = True
        self.company_a.telemarketing_edition = "t_high"
        self.watch.active = True
        self.look()
        self.assertTrue(self.files())

    def test_a_folder_that_worked_and_does_no_more_is_told_once(self):
        self.look()
        self.assertFalse(self.watch.activity_ids)
        os.rename(self.folder, self.folder + "-gone")
        for _minute in range(3):
            self.look(60)
        self.assertEqual(str(self.watch.activity_ids.note).count("altas"), 2)
        os.rename(self.folder + "-gone", self.folder)
        self.look()
        self.assertFalse(self.watch.problem)

    def test_a_manager_sets_a_folder_up_on_the_form(self):
        Watch = self.as_user(self.env["telemarketing.import.watch"], self.manager)
        with Form(Watch) as form:
            form.name = "By form"
            form.folder = "formulario"
            form.database_id = self.database_own
            self.assertEqual(form.campaign_id, self.campaign_own)
        watch = form.record
        self.assertEqual(watch.path, self.folder_of(watch))
        self.assertTrue(watch.action_make_folder())
        # Who delivers files is of the server's group, whatever its umask.
        mode = os.stat(self.folder_of(watch)).st_mode
        self.assertEqual(mode & 0o7777, 0o2770)
        action = watch.action_look()
        self.assertEqual(action["tag"], "display_notification")

    def test_who_is_no_manager_any_more_loads_nothing(self):
        self.put()
        self.manager.group_ids -= self.env.ref("telemarketing_base.group_manager")
        self.look()
        self.look(61)
        self.assertFalse(self.files())
        self.assertIn(self.manager.name, self.watch.problem)

    def test_supervisors_read_the_report_of_their_campaigns_and_change_nothing(self):
        file = self.deliver()
        mine = self.as_user(file, self.supervisor_a)
        self.assertEqual(mine.read(["state", "loaded"])[0]["loaded"], 2)
        for user in (self.supervisor_b, self.agent_a, self.supervisor_far):
            for record in (file, self.watch):
                with self.assertRaises(AccessError):
                    self.as_user(record, user).read(["name"])
        watch = self.as_user(self.watch, self.supervisor_a)
        self.assertEqual(watch.folder, "altas")
        for call in (
            lambda: watch.write({"folder": "otra"}),
            lambda: watch.create({"name": "x", "folder": "x"}),
            watch.action_look,
            watch.action_make_folder,
            lambda: watch.read(["path"]),
            lambda: mine.write({"state": "waiting"}),
        ):
            with self.assertRaises(AccessError):
                call()

    def test_nobody_sets_by_rpc_what_the_code_sets(self):
        watch = self.as_user(self.watch, self.manager)
        job = self.as_user(self.env["telemarketing.import"], self.manager)
        for call in (
            lambda: watch.write({"user_id": self.supervisor_a.id}),
            lambda: watch.write({"company_id": self.company_b.id}),
            lambda: watch.write({"problem": False}),
            lambda: job.create(
                {
                    "database_id": self.database_a.id,
                    "filename": "x.csv",
                    "watch_id": self.watch.id,
                }
            ),
        ):
            with self.assertRaises(AccessError):
                call()
        with self.assertRaises(AccessError):
            watch.database_id = self.database_far
        with self.assertRaises(ValidationError):
            watch.notify_user_ids = self.agent_a

    def test_who_changes_a_folder_answers_for_what_it_loads(self):
        other = self._create_user("manager_two", "manager")
        self.as_user(self.watch, other).write({"name": "New name"})
        self.assertEqual(self.watch.user_id, self.manager)
        self.as_user(self.watch, other).write({"database_id": self.database_own.id})
        self.assertEqual(self.watch.user_id, other)

    # WHAT STAYS

    def test_files_leave_the_disk_when_uploaded_ones_do(self):
        self.deliver()
        self.deliver("mala.csv", "Nombre\nCarmen\n")
        days = self.company_a.telemarketing_erase_uploads_days
        self.look(24 * 3600 * (days - 1))
        self.assertIn("base.csv", self.listing("hechos"))
        self.look(2 * 24 * 3600)
        self.assertEqual(self.listing("hechos"), [])
        self.assertEqual(self.listing("fallidos"), [])
        # Of the report only what keeps the same content from being loaded again.
        file = self.files()
        self.assertEqual((file.state, file.name, file.loaded), ("done", "…", 2))
        self.assertFalse(file.reason or file.moved_name or file.beside)
        self.assertNotIn("base", file.raw_name)
        self.assertEqual(self.deliver().state, "duplicate")

    def test_an_erased_person_is_in_no_file_of_the_folder(self):
        self.deliver()
        self.deliver("mala.csv", "Nombre;Teléfono\nCarmen;612345678\n")
        self.deliver("otra.csv", "Nombre;Teléfono\nPepa;655555555\n")
        carmen = self.database_a.contact_ids.filtered(lambda c: "Carmen" in c.name)
        File = self.env["telemarketing.import.watch.file"]
        File._forget_people({"612345678"}, self.company_a, self.principal_b)
        self.look()
        self.assertIn("mala.csv", self.listing("fallidos"))
        erasure = self.as_user(self.env["telemarketing.erasure"], self.manager).create(
            {
                "contact_ids": [Command.set(carmen.ids)],
                "requester": "Carmen Peña",
                "identity_checked": True,
            }
        )
        erasure.action_show()
        erasure.action_confirm()
        erasure.action_erase()
        self.look()
        self.assertEqual(self.listing("hechos"), [])
        self.assertEqual(self.listing("fallidos"), ["otra.csv", "otra.csv.motivo.txt"])
        # Nor in what is told of them.
        self.assertEqual(self.files().mapped("name"), ["otra.csv", "…", "…"])
        self.assertEqual([bool(file.reason) for file in self.files()], [1, 0, 0])
        told = str(self.watch.activity_ids.mapped("note"))
        self.assertNotIn("mala.csv", told)

    def test_an_erased_person_is_in_no_file_whose_import_was_deleted(self):
        self.deliver()
        self.deliver("otra.csv", "Teléfono;Nombre;Dirección\n655555555;Pepa;Sol\n")
        carmen = self.database_a.contact_ids.filtered(lambda c: "Carmen" in c.name)
        self.database_a.contact_ids.import_id = False
        self.database_a.import_ids.loaded = 0
        self.database_a.import_ids.unlink()
        self.assertEqual(self.files().mapped("state"), ["done", "done"])
        self.files()[-1].env["telemarketing.import.watch.file"]._forget_people(
            {"612345678"}, self.company_a, carmen.principal_id
        )
        self.look()
        self.assertEqual(self.listing("hechos"), ["otra.csv"])

    def test_an_erased_person_is_in_no_file_that_could_not_be_moved(self):
        with patch.object(kernel.os, "rename", side_effect=OSError(18, "EXDEV")):
            self.deliver("mala.csv", "Nombre;Teléfono\nCarmen;612345678\n")
        self.assertIn("mala.csv", self.listing())
        self.watch.active = False
        self.env["telemarketing.import.watch.file"]._forget_people(
            {"612345678"}, self.company_a, self.database_a.principal_id
        )
        self.look()
        self.assertNotIn("mala.csv", self.listing())

    def fill(self):
        """Files in every state, one nobody has looked at, one not ours to read."""
        self.deliver()
        self.deliver("mala.csv", "Nombre\nCarmen\n")
        self.deliver("otra vez.csv")
        self.put("espera.csv", CSV.replace("Luis", "Ana"))
        self.look()
        self.put("nueva.csv", CSV.replace("Luis", "Eva"))
        self.put("notas.pdf", "of somebody else")
        self.assertEqual(
            self.files().mapped("state"), ["waiting", "duplicate", "failed", "done"]
        )

    def assertNothingLeft(self):
        for part in ("hechos", "fallidos", "repetidos"):
            self.assertEqual(self.listing(part), [])
        self.assertEqual(
            self.listing(), ["fallidos", "hechos", "notas.pdf", "repetidos"]
        )

    def empty(self, delete=True):
        self.database_a._start_emptying(delete)
        self.env["telemarketing.database"]._cron_empty()

    def test_a_database_deleted_for_good_leaves_no_file_on_the_disk(self):
        self.fill()
        self.empty()
        self.assertFalse(
            (self.database_a | self.env["telemarketing.database"]).exists()
        )
        self.assertFalse(self.watch.exists())
        self.assertNothingLeft()

    def test_an_emptied_database_keeps_its_folder_and_what_waits_there(self):
        self.fill()
        self.empty(delete=False)
        self.look()
        self.assertTrue(self.watch.active)
        for part in ("hechos", "fallidos", "repetidos"):
            self.assertEqual(self.listing(part), [])
        self.assertIn("espera.csv", self.listing())

    def test_where_the_disk_refuses_the_database_stays_and_says_so(self):
        self.fill()
        with patch.object(kernel.os, "unlink", side_effect=PermissionError(13, "no")):
            self.empty()
        self.assertTrue(self.database_a.exists())
        self.assertFalse(self.database_a.active or self.watch.active)
        self.assertIn("Permission denied", self.campaign_a.message_ids[:1].body)
        self.assertIn("base.csv", self.listing("hechos"))
        self.look()
        self.assertNotIn("base.csv", self.listing("hechos"))
        self.assertEqual(self.listing("fallidos"), [])

    def test_nobody_deletes_by_hand_what_knows_of_files_on_the_disk(self):
        self.deliver()
        database = self._create_database(self.campaign_a, "Empty")
        self.watch.database_id = database
        with self.assertRaisesRegex(UserError, "Watch altas"):
            database.unlink()
        campaign = self._create_campaign(
            "Articles",
            self.company_a,
            self.principal_a,
            self.supervisor_a,
            self.agent_a,
        )
        self.make_watch(
            "articulos", kind="articles", database_id=False, campaign_id=campaign.id
        )
        with self.assertRaisesRegex(UserError, "watched folder"):
            campaign.unlink()

    def test_what_is_given_back_to_a_client_company_leaves_the_disk(self):
        self.fill()
        self.campaign_a.state = "done"
        one = self.as_user(
            self.env["telemarketing.principal.return"], self.manager
        ).create(
            {
                "principal_id": self.campaign_a.principal_id.id,
                "campaign_ids": [Command.set(self.campaign_a.ids)],
                "fmt": "csv",
            }
        )
        one.action_prepare()
        one.sudo()._cron_work()
        one.write({"received_on": "2026-11-20", "received_by": "Ana"})
        one.action_confirm_received()
        one.action_erase()
        refused = patch.object(
            kernel.os, "unlink", side_effect=PermissionError(13, "-")
        )
        with refused, mute_logger("odoo.addons.telemarketing_base.models"):
            one.sudo()._cron_work()
        self.assertEqual((one.state, one.certificate), ("erasing", False))
        self.assertIn("Permission denied", one.error)
        one.sudo()._cron_work()
        self.assertEqual(one.state, "done")
        self.assertNothingLeft()
        self.assertFalse(self.watch.active)
        self.assertEqual(set(self.files().mapped("name")), {"…"})
        self.assertEqual(one.erased_counts["folder_files"], 5)
        labels = [label for label, _number in one.labelled_counts(one.erased_counts)]
        self.assertIn("Files of watched folders, on the disk", labels)
