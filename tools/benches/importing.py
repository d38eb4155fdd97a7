"""Files into databases: rows a second beside Odoo's own import of the same rows.

Into a database of a million people with varied names, NIFs and mails, so that every
index is full. Ten columns that all have to be cleaned: prefixes and dots in phones,
capitals, provinces by name, notes. Measured: .xlsx and .xls read and cleaned by the
process that loads and by a second one, a million rows of .csv with the memory at each
tenth. Baseline: ``base_import`` of 5,000 of these rows, tidy enough for it, into
``res.partner``, extrapolated.
"""

import base64
import contextlib
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date

import databases
import xlsxwriter

from . import common

NAME = "import"
SIZE = 1_000_000
CASES = {"xlsx": 100_000, "xls": 65_535, "csv": 1_000_000}
BASELINE = 5_000
QUICK = {"size": 20_000, "xlsx": 8_000, "xls": 8_000, "csv": 30_000, "base": 300}
BAR = {1: 15, 2: 20}
MEMORY = 500  # MB, all our processes together

HEADINGS = [
    *("Teléfono", "Nombre", "Apellidos", "NIF", "Dirección", "CP", "Población"),
    *("Provincia", "Email", "Observaciones"),
]
LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
FIRST = (
    "MARIA|Juan Carlos|ANTONIO|Luisa|Núria|JOSÉ LUIS|Ana|PEDRO|carmen|Francisco"
    "|Ángeles|IKER|Xavier|Begoña|Mª Pilar|FCO. JAVIER|Lucía|manuel|Rosa María|ÍÑIGO"
).split("|")
LAST = (
    "GARCÍA|Fernández|lópez|MARTÍNEZ|Sánchez|Pérez|GÓMEZ|Ruiz|Díaz|Hernández|Álvarez"
    "|MUÑOZ|Romero|Alonso|Gutiérrez|NAVARRO|Torres|Domínguez|Vázquez|Ramos|Gil"
    "|Ramírez|SERRANO|Blanco|Molina|Morales|Suárez|Ortega|Delgado|Castro|de la Fuente"
    "|O'DONNELL|Ibáñez|peña|Núñez|Cabrera|Vidal|Campos|Etxeberria|Puig"
).split("|")
# province, as Odoo finds it by name, two digits of its postcodes, towns
PLACES = (
    ("Madrid", "28", "MADRID|Getafe|alcalá de henares|Móstoles"),
    ("Barcelona", "08", "Barcelona|L'HOSPITALET DE LLOBREGAT|Sabadell|terrassa"),
    ("Sevilla", "41", "Sevilla|DOS HERMANAS|Écija"),
    ("Zaragoza", "50", "ZARAGOZA|Calatayud"),
    ("Asturias", "33", "Gijón|OVIEDO|Avilés"),
    ("Málaga", "29", "Málaga|MARBELLA|Fuengirola"),
    ("Cantabria", "39", "SANTANDER|Torrelavega"),
    ("Toledo", "45", "Toledo|TALAVERA DE LA REINA"),
    ("Las Palmas", "35", "LAS PALMAS DE GRAN CANARIA|Telde"),
    ("Murcia", "30", "Murcia|CARTAGENA|Lorca"),
)
STREETS = "C/ Mayor|AVDA. DE LA CONSTITUCIÓN|Plaza de España|calle del Sol|Pº Marítimo"
NOTES = (
    *[""] * 6,
    "Llamar por la tarde",
    "cliente antiguo; habló con Luis",
    "ha pedido presupuesto",
    "Interesada en fibra y móvil",
)

GENERATE = """
    INSERT INTO telemarketing_contact
        (database_id, campaign_id, company_id, principal_id, country_id, name, vat,
         email, street, city, zip, active, is_company, is_professional, consented_on,
         create_uid, create_date, write_uid, write_date)
    SELECT %(database)s, %(campaign)s, %(company)s, %(principal)s, %(country)s,
           initcap((%(first_names)s::text[])[1 + n * 7 %% %(firsts)s] || ' '
             || (%(last_names)s::text[])[1 + n * 31 %% %(lasts)s] || ' '
             || (%(last_names)s::text[])[1 + n / 40 %% %(lasts)s]),
           (20000000 + n) || substr(%(letters)s, 1 + (20000000 + n) %% 23, 1),
           'persona' || n || '@example.com', 'C/ Mayor ' || n %% 300, 'Madrid',
           '28' || to_char(1 + n %% 80, 'FM000'), true, false, false,
           %(day)s, 1, now(), 1, now()
    FROM generate_series(%(from)s, %(to)s) AS n;

    INSERT INTO telemarketing_number
        (company_id, e164, kind, country, state, attempts, attempts_day,
         attempts_week, create_uid, create_date, write_uid, write_date)
    SELECT %(company)s, '+34' || (600000000 + n::bigint * 7919 %% 99999989), 'mobile',
           'ES', 'ok', n %% 5, 0, 0, 1, now(), 1, now()
    FROM generate_series(%(from)s, %(to)s) AS n;

    INSERT INTO telemarketing_contact_phone
        (contact_id, company_id, sequence, raw, e164, number_id, state, create_uid,
         create_date, write_uid, write_date)
    SELECT c.id, %(company)s, 10, n.e164, n.e164, n.id, 'ok', 1, now(), 1, now()
    FROM telemarketing_contact c
    JOIN telemarketing_number n ON n.company_id = %(company)s
     AND n.e164 = '+34' || (600000000 + substr(c.email, 8, strpos(c.email, '@') - 8)
                                            ::bigint * 7919 %% 99999989)
    WHERE c.id > %(after)s;

    INSERT INTO telemarketing_target
        (contact_id, campaign_id, company_id, principal_id, database_id, state, live,
         priority, attempts, cycle, origin, callback, contacted, converted, asked_hour,
         callable_from, due_at, create_uid, create_date, write_uid, write_date)
    SELECT id, campaign_id, company_id, principal_id, database_id, 'ready', true, '0',
           0, 1, '', false, 0, 0, false, now(), now(), 1, now(), 1, now()
    FROM telemarketing_contact WHERE id > %(after)s"""


def rows(count, seed, start=0):
    """``count`` people, nobody twice: their cells as a client sends them."""
    rng = random.Random(seed)
    places = [(p, z, towns.split("|")) for p, z, towns in PLACES]
    streets = STREETS.split("|")
    for n in range(start, start + count):
        number = f"6{(n * 6_151 + seed * 77_777) % 99_999_989:08}"
        shape = n % 10
        if shape == 1:
            number = f"+34 {number[:3]} {number[3:5]} {number[5:7]} {number[7:]}"
        elif shape == 2:
            number = f"0034{number}"
        elif shape == 3:
            number = f"{number[:3]}.{number[3:6]}.{number[6:]}"
        elif shape in (4, 5):
            number = float(number)
        digits = 30_000_000 + (n * 37 + seed * 1_000_003) % 60_000_000
        nif = f"{digits}{LETTERS[digits % 23]}"
        if shape == 6:
            nif = f"{nif[:8]}-{nif[8].lower()}"
        province, head, towns = places[rng.randrange(len(places))]
        postcode = f"{head}{rng.randrange(1, 300):03}"
        yield [
            number,
            rng.choice(FIRST),
            f"{rng.choice(LAST)} {rng.choice(LAST)}",
            nif,
            f"{rng.choice(streets)} {rng.randrange(1, 300)}, {rng.randrange(1, 9)}ºB",
            int(postcode) if shape == 7 else postcode,
            rng.choice(towns),
            province,
            f"{'Correo' if shape == 8 else 'correo'}{seed}.{n}@example.com",
            rng.choice(NOTES),
        ]


def write(kind, path, count, seed):
    """A file of ``count`` people."""
    if kind == "csv":
        with open(path, "w", newline="") as stream:
            writer = csv.writer(stream, delimiter=";")
            writer.writerow(HEADINGS)
            writer.writerows(rows(count, seed))
    elif kind == "xlsx":
        book = xlsxwriter.Workbook(path, {"constant_memory": True})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADINGS)
        for place, row in enumerate(rows(count, seed), 1):
            sheet.write_row(place, 0, row)
        book.close()
    else:
        import xlwt

        book = xlwt.Workbook()
        sheet = book.add_sheet("Base")
        for place, row in enumerate([HEADINGS, *rows(count, seed)]):
            for column, cell in enumerate(row):
                sheet.write(place, column, cell)
        book.save(path)


# ------------------------------------------------------------------------ memory
def resident(pid):
    try:
        with open(f"/proc/{pid}/statm") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as stream:
            found = [int(each) for each in stream.read().split()]
    except OSError:
        return []
    return [each for child in found for each in (child, *children(child))]


def spent(pid):
    """Seconds of processor, with what ended children of it spent."""
    try:
        with open(f"/proc/{pid}/stat") as stream:
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """Megabytes of this process and its children, and their processor time."""

    def __init__(self, backend):
        self.backend, self.peak, self.now = backend, 0, 0
        self.child = 0.0
        self._end = threading.Event()

    def __enter__(self):
        self.begun = time.perf_counter()
        self._own, self._database = time.process_time(), spent(self.backend)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def _look(self):
        me = os.getpid()
        while not self._end.wait(0.05):
            below = children(me)
            self.now = resident(me) + sum(resident(each) for each in below)
            self.peak = max(self.peak, self.now)
            self.child = max(self.child, sum(spent(each) for each in below))

    def __exit__(self, *_error):
        self.seconds = time.perf_counter() - self.begun
        self.own = time.process_time() - self._own
        self.database = spent(self.backend) - self._database
        self._end.set()
        self._thread.join()


# ------------------------------------------------------------------------ ground
class Ground:
    def __init__(self, name, size):
        self.name, self.size = name, size

    def prepare(self):
        common.registry(self.name)
        with common.environment(self.name) as env:
            principal = env["res.partner"].create(
                {"name": "Anunciante", "telemarketing_is_principal": True}
            )
            campaign = env["telemarketing.campaign"].create(
                {"name": "Bench", "principal_id": principal.id}
            )
            campaign.action_start()
            base = self._database(env, campaign, "There already")
            self.campaign = campaign.id
            values = {
                "database": base.id,
                "campaign": campaign.id,
                "company": campaign.company_id.id,
                "principal": principal.id,
                "country": env.ref("base.es").id,
                "day": date.today(),
                "first_names": FIRST,
                "firsts": len(FIRST),
                "last_names": LAST,
                "lasts": len(LAST),
                "letters": LETTERS,
            }
        databases.say(f"{self.size:,} people with NIF, mail and telephone")
        chunk = 100_000
        with common.connect(self.name) as connection, connection.cursor() as cr:
            for first in range(1, self.size + 1, chunk):
                cr.execute("SELECT COALESCE(MAX(id), 0) FROM telemarketing_contact")
                last = min(first + chunk - 1, self.size)
                values |= {"from": first, "to": last, "after": cr.fetchone()[0]}
                cr.execute(GENERATE, values)
                connection.commit()
        connection.close()
        self.settle()

    def settle(self):
        """What autovacuum does sooner or later: no load pays for the one before it."""
        for table in ("contact", "number", "contact_phone", "target"):
            databases.query(f"VACUUM ANALYZE telemarketing_{table}", db=self.name)

    def _database(self, env, campaign, name):
        return env["telemarketing.database"].create(
            {
                "name": name,
                "campaign_id": campaign.id,
                "legal_basis": "consent",
                "basis_date": date.today(),
                "basis_source": "Bench",
                "required_fields": "phone,name,street",
            }
        )

    # what is measured
    def baseline(self, count):
        """Rows a second of Odoo's own import, once it is warm; and without province
        and country, which it looks up by name row by row."""
        self._import(50, seed=90)
        return (
            count / self._import(count, seed=91),
            count / self._import(count, seed=92, places=False),
        )

    def _import(self, count, seed, places=True):
        """Seconds that Odoo takes; nothing of it stays."""
        names = [
            *("phone", "name", "vat", "street", "zip", "city", "state_id", "email"),
            *("comment", "country_id"),
        ]
        out = io.StringIO()
        writer = csv.writer(out, delimiter=";")
        writer.writerow(names)
        for row in rows(count, seed):
            phone, first, last, nif, street, zipcode, city, state, email, note = row
            phone = f"{phone:.0f}" if isinstance(phone, float) else phone
            writer.writerow(
                [
                    *(phone, f"{first} {last}", "ES" + nif.replace("-", "").upper()),
                    *(street, zipcode, city, state, email, note, "Spain"),
                ]
            )
        options = {
            "has_headers": True,
            "quoting": '"',
            "separator": ";",
            "encoding": "utf-8",
            "date_format": "",
            "datetime_format": "",
            "float_thousand_separator": ",",
            "float_decimal_separator": ".",
            "advanced": False,
            "keep_matches": False,
            "import_set_empty_fields": [],
            "import_skip_records": [],
            "fallback_values": {},
            "name_create_enabled_fields": {},
            "tracking_disable": True,
        }
        with common.environment(self.name) as env:
            wizard = env["base_import.import"].create(
                {
                    "res_model": "res.partner",
                    "file": out.getvalue().encode(),
                    "file_name": "rows.csv",
                    "file_type": "text/csv",
                }
            )
            begun = time.perf_counter()
            wanted = [
                name if places or name not in ("state_id", "country_id") else False
                for name in names
            ]
            result = wizard.execute_import(wanted, names, options)
            env.flush_all()
            seconds = time.perf_counter() - begun
            if len(result["ids"] or []) != count:
                raise databases.Failure(f"Odoo's import: {result['messages'][:2]}")
            env.cr.rollback()
        return seconds

    def load(self, kind, path, count, processes):
        """One file loaded by a process of its own; what it took."""
        with open(path, "rb") as stream:
            content = base64.b64encode(stream.read())
        with common.environment(self.name) as env:
            env["ir.config_parameter"].set_param(
                "telemarketing.import_processes", str(processes)
            )
            campaign = env["telemarketing.campaign"].browse(self.campaign)
            base = self._database(env, campaign, f"{kind} {processes}")
            job = env["telemarketing.import"].create(
                {
                    "database_id": base.id,
                    "filename": f"base.{kind}",
                    "file": content,
                }
            )
            del content
            job.action_read()
            job.action_load()
            job_id = job.id
        # As a cron's process that does nothing else: its memory is the load's.
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]);"
            "from benches import importing; importing.measure(*sys.argv[2:])"
        )
        tools = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        done = subprocess.run(
            [sys.executable, "-c", code, tools, self.name, str(job_id), str(count)],
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise databases.Failure(f"{kind}, {processes}: the load broke off")
        return json.loads(done.stdout.splitlines()[-1])


def measure(name, job_id, count):
    """Load a job that waits, by the cron's own loop; prints what it took."""
    count = int(count)
    common.registry(name)
    marks = []
    with common.environment(name) as env:
        env.cr.execute("SELECT pg_backend_pid()")
        backend = env.cr.fetchone()[0]
        job = env["telemarketing.import"].browse(int(job_id))
        with Watch(backend) as watch:
            for _piece in job._as_asker()._steps():
                done = env.execute_query_dict(_position(job.id))[0]["position"]
                while len(marks) < 10 and done >= count * (len(marks) + 1) / 10:
                    marks.append(round(watch.now))
        found = job.read(["state", "loaded", "bad", "noticed", "error"])[0]
    if found["state"] != "done" or found["loaded"] + found["bad"] != count:
        sys.exit(f"not loaded: {found}")
    result = {
        "rows": count,
        "loaded": found["loaded"],
        "noticed": found["noticed"],
        "seconds": round(watch.seconds, 1),
        "rows_per_second": round(count / watch.seconds),
        "us_per_row": {
            "our process": round(1e6 * watch.own / count, 1),
            "the second": round(1e6 * watch.child / count, 1),
            "PostgreSQL": round(1e6 * watch.database / count, 1),
        },
        "megabytes_peak": round(watch.peak),
        "megabytes_at_tenths": marks,
    }
    print(json.dumps(result), flush=True)


def _position(job):
    from odoo.tools import SQL

    return SQL("SELECT position FROM telemarketing_import WHERE id = %s", job)


# ------------------------------------------------------------------------ main
def main(arguments):
    quick = arguments.quick
    sizes = QUICK if quick else {"size": SIZE, "base": BASELINE, **CASES}
    result = {"machine": common.machine(), "contacts": sizes["size"], "cases": {}}
    with common.database(NAME, arguments.keep) as name, _folder() as folder:
        ground = Ground(name, sizes["size"])
        ground.prepare()
        base, without = ground.baseline(sizes["base"])
        result["baseline_rows_per_second"] = round(base)
        result["baseline_without_places_rows_per_second"] = round(without)
        databases.note(
            f"Odoo's own import: {base:,.0f} rows a second;"
            f" without province and country {without:,.0f}"
        )
        good = True
        lines = []
        for seed, (kind, processes) in enumerate(
            [("xlsx", 1), ("xlsx", 2), ("xls", 1), ("xls", 2), ("csv", 2)], 1
        ):
            count = sizes[kind]
            path = os.path.join(folder, f"base.{kind}")
            databases.say(f"{count:,} rows .{kind}, {processes} process(es)")
            write(kind, path, count, seed)
            ground.settle()
            found = ground.load(kind, path, count, processes)
            os.unlink(path)
            found["times"] = round(found["rows_per_second"] / base, 1)
            result["cases"][f"{kind}-{processes}"] = found
            marks = found["megabytes_at_tenths"]
            if kind == "csv":
                # After the caches are full: from the second tenth on.
                met = max(marks[2:]) <= 1.1 * marks[1]
                bar = "constant memory"
            else:
                met = found["times"] >= BAR[processes]
                met = met and found["megabytes_peak"] < MEMORY
                bar = f"{BAR[processes]}x, < {MEMORY} MB"
            found["met"] = met
            good = good and met
            lines.append(
                [
                    f"{count:,} .{kind}, {processes} process(es)",
                    f"{found['rows_per_second']:,}",
                    f"{found['times']}x",
                    "/".join(str(v) for v in found["us_per_row"].values()),
                    f"{found['megabytes_peak']} MB",
                    f"{bar}: {common.verdict(met)}",
                ]
            )
        common.table(
            f"Import into {sizes['size']:,} people;"
            f" Odoo's own import: {base:,.0f} rows a second",
            ["", "rows/s", "of Odoo's", "µs ours/second/PostgreSQL", "peak", "bar"],
            lines,
        )
        marks = result["cases"]["csv-2"]["megabytes_at_tenths"]
        databases.note(f"csv, megabytes at each tenth: {marks}")
    common.write(NAME, result, quick)
    return good or quick


@contextlib.contextmanager
def _folder():
    with tempfile.TemporaryDirectory() as folder:
        yield folder
