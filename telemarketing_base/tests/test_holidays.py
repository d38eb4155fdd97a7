from datetime import date
from unittest.mock import patch

import holidays as library
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import SQL, mute_logger

from ..identity.postcode import PROVINCES
from ..identity.text import fold
from ..models import holiday as module
from ..models.holiday import CITY_KEY_SQL, REGIONS, town_keys
from .common import TelemarketingCommon

TOWNS = """
A Coruña|Coruña, A|La Coruña|Ágreda|Águilas|Alacant|Alcalá de Henares|Alcàsser|Alcúdia
L'Alcúdia|L’Eliana|Almería|Ávila|Avilés|Badalona|Banyoles|Barcelona|Begíjar|Besalú
Bétera|Bullas|Cáceres|Cádiz|Caldes d'Estrac|Calp/Calpe|Cañete de las Torres|Càlig
Castellar de n'Hug|Castelló de la Plana|Castro-Urdiales|Chinchón|Ciudad Real|Cóbdar
Cornellà de Llobregat|Dénia|Donostia / San Sebastián|Donostia-San Sebastián|Eivissa
El Puerto de Santa María|Elche/Elx|Erandio|Es Mercadal|Figueres|Fuengirola|Getafe
Gijón/Xixón|Girona|Güímar|Guadarrama|Güejar Sierra|Hospitalet de Llobregat, L'
L'Hospitalet de Llobregat|L'HOSPITALET DE LLOBREGAT|Iruña/Pamplona|Jaén|La Línea
La Orotava|Las Palmas de Gran Canaria|LAS PALMAS DE G.C.|León|Lleida|Logroño|Lugo
Maçanet de la Selva|Maó-Mahón|Málaga|Medina del Campo|Mérida|Montcada i Reixac
Móstoles|MÓSTOLES|Murcia|Navalmoral de la Mata|O Barco de Valdeorras|Oiartzun|Oñati
Ourense|Oviedo/Uviéu|Palma|Peñíscola/Peníscola|Pilar de la Horadada|Portugalete
Puçol|Quart de Poblet|Quintanar de la Orden (Toledo)|Rivas-Vaciamadrid|Roquetas de Mar
Sagunt/Sagunto|Sant Adrià de Besòs|Sant Boi de Llobregat|Sant Cugat del Vallès
San Cristóbal de La Laguna|San Sebastián/Donostia|Santa Coloma de Gramenet|Sitges
Sóller|Sta. Cruz de Tenerife|Tàrrega|Torrevieja|Trasmiras|Úbeda|Utebo|Vélez-Málaga
València|VALÈNCIA|Vall d'Alcalà, la|Vic|Vigo|Vila-real|Vilafranca del Penedès
Vilagarcía de Arousa|Villanueva y Geltrú|Vitoria-Gasteiz|Xàtiva|Xeraco|Yuncos|Zaragoza
Col·legi|Sant Pere de Ribes  (Garraf)| Zuera |Ñora, La|Nº 3|1ª Fase|Álora_Málaga|
""".replace("\n", "|")
PLACES = [name for name in TOWNS.split("|") if name]


@tagged("post_install", "-at_install")
class TestHolidays(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Holiday = cls.env["telemarketing.holiday"]
        cls.Town = cls.env["telemarketing.municipality"]
        cls.madrid = cls.env.ref("base.state_es_m")
        cls.barcelona = cls.env.ref("base.state_es_b")
        cls.Holiday._load_official([2026, 2027])
        cls.rules = cls.env["telemarketing.calling.rules"]._for(cls.company_a)

    def setUp(self):
        super().setUp()
        self.refreshed = []

        def refresh(_self, **scope):
            self.refreshed.append(scope)

        self.patch(self.env.registry["telemarketing.target"], "_refresh_gate", refresh)
        clock = patch.object(
            self.env.registry["telemarketing.clock"],
            "_now",
            lambda _self: module.fields.Datetime.to_datetime("2026-11-22 10:00:00"),
        )
        self.startPatcher(clock)

    def closed(self, province, municipality="", company=None, year=None):
        days = self.Holiday._for_place(
            company or self.company_a, province, municipality
        )
        return {day for day in days if year in (None, day.year)}

    def row(self, day, region=False):
        return self.Holiday.with_context(active_test=False).search(
            [
                ("date", "=", day),
                ("region", "=", region),
                ("level", "in", ("national", "regional")),
            ]
        )

    # THE OFFICIAL CALENDAR

    def test_every_region_rests_on_the_days_of_its_own_calendar(self):
        for year in (2026, 2027):
            for region, _label in REGIONS:
                province = next(p for p in PROVINCES.values() if p.region == region)
                with self.subTest(region=region, year=year):
                    self.assertEqual(
                        self.closed(province.ine, year=year),
                        set(library.ES(years=year, subdiv=region)),
                    )

    def test_all_nineteen_regions_are_there(self):
        self.assertEqual(
            {code for code, _label in REGIONS}, {p.region for p in PROVINCES.values()}
        )

    def test_nobody_in_madrid_is_called_on_a_day_that_barcelona_works(self):
        bridge, diada = date(2026, 12, 7), date(2026, 9, 11)
        self.assertIn(bridge, self.closed("28"))
        self.assertNotIn(bridge, self.closed("08"))
        self.assertIn(diada, self.closed("08"))
        self.assertNotIn(diada, self.closed("28"))
        self.assertIn(date(2026, 3, 20), self.closed("51"))

    def test_a_region_that_moves_a_national_day_works_on_it(self):
        moved = (date(2029, 1, 6), "Epifanía del Señor")
        with patch.object(
            module,
            "substituted",
            lambda region, year: (moved,) if region == "CT" and year == 2029 else (),
        ):
            self.Holiday._load_official([2029])
        self.assertTrue(self.row(moved[0], "CT").works)
        self.assertNotIn(moved[0], self.closed("08"))
        self.assertIn(moved[0], self.closed("28"))

    def test_days_that_the_library_computed_ask_to_be_compared(self):
        self.assertFalse(self.row("2026-12-08").to_check)
        self.assertEqual(self.row("2026-12-08").source, "BOE-A-2025-21667")
        later = self.row("2027-12-08")
        self.assertTrue(later.to_check)
        self.assertIn("BOE", later.source)

    def test_loading_again_brings_nothing_twice(self):
        self.assertFalse(self.Holiday._load_official([2026, 2027]))

    def test_what_somebody_changed_or_archived_is_left_alone(self):
        day = self.row("2027-12-08")
        day.write({"name": "La Purísima", "source": "BOE 2026-10-30"})
        moved = self.row("2027-03-01", "AN")
        moved.date = "2027-02-28"
        gone = self.row("2027-08-16", "AN")
        gone.active = False
        self.assertFalse(self.Holiday._load_official([2027]))
        self.assertEqual(day.name, "La Purísima")
        self.assertIn(date(2027, 2, 28), self.closed("41"))
        self.assertNotIn(date(2027, 3, 1), self.closed("41"))
        self.assertFalse(gone.active)
        self.assertNotIn(date(2027, 8, 16), self.closed("41"))

    def test_a_day_written_by_hand_is_not_doubled_by_the_load(self):
        mine = self.Holiday.create(
            {"name": "Mía", "date": "2030-12-25", "level": "national"}
        )
        self.Holiday._load_official([2030])
        self.assertEqual(self.row("2030-12-25"), mine)

    def test_this_year_and_the_next_two_are_there_after_the_monthly_load(self):
        self.env.ref("telemarketing_base.cron_load_holidays").method_direct_trigger()
        years = {day.year for day in self.closed("28")}
        self.assertLessEqual({2026, 2027, 2028}, years)

    def test_the_button_loads_and_says_how_many(self):
        self.Holiday.search([]).official_key = False
        self.Holiday.search([("date", ">=", "2028-01-01")]).unlink()
        done = self.as_user(self.Holiday, self.manager).action_load_official()
        self.assertEqual(done["params"]["type"], "success")
        self.assertTrue(self.row("2028-12-25"))
        again = self.as_user(self.Holiday, self.manager).action_load_official()
        self.assertEqual(again["params"]["type"], "info")

    def test_only_managers_load_and_change_holidays(self):
        model = self.as_user(self.Holiday, self.supervisor_a)
        with self.assertRaises(AccessError):
            model.action_load_official()
        with self.assertRaises(AccessError):
            self.as_user(self.row("2026-12-08"), self.supervisor_a).active = False

    def test_an_official_day_is_archived_not_deleted(self):
        with self.assertRaisesRegex(ValidationError, "archive"):
            self.row("2026-12-08").unlink()

    # PLACES

    def test_a_level_names_its_place_and_no_more(self):
        town = self.Town.create({"name": "Getafe", "state_id": self.madrid.id})
        wrong = [
            {"level": "regional"},
            {"level": "provincial"},
            {"level": "local"},
            {"level": "national", "region": "MD"},
            {"level": "regional", "region": "MD", "state_id": self.madrid.id},
            {"level": "regional", "region": "MD", "municipality_id": town.id},
            {"level": "provincial", "region": "CT", "state_id": self.madrid.id},
            {"level": "provincial", "state_id": self.env.ref("base.state_us_1").id},
            {
                "level": "local",
                "municipality_id": town.id,
                "state_id": self.barcelona.id,
            },
        ]
        for values in wrong:
            with self.subTest(values), self.assertRaises(ValidationError):
                self.Holiday.create({"name": "x", "date": "2026-11-30", **values})
        right = self.Holiday.create(
            {
                "name": "x",
                "date": "2026-11-30",
                "level": "local",
                "municipality_id": town.id,
            }
        )
        self.assertEqual((right.region, right.state_id), ("MD", self.madrid))

    def test_a_day_stands_once_per_place(self):
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self.Holiday.create(
                {"name": "x", "date": "2026-12-08", "level": "national"}
            )

    def test_a_town_keeps_its_own_two_days_under_any_of_its_names(self):
        self.Town.create(
            {
                "name": "Alicante/Alacant",
                "state_id": self.env.ref("base.state_es_a").id,
                "holiday_ids": [
                    Command.create({"name": "Santa Faz", "date": "2026-04-16"}),
                    Command.create({"name": "Fogueres", "date": "2026-06-25"}),
                ],
            }
        )
        both = {date(2026, 4, 16), date(2026, 6, 25)}
        for name in ("Alicante", "ALACANT", "Alicante/Alacant", "alacant"):
            with self.subTest(name):
                self.assertLessEqual(both, self.closed("03", fold(name)))
        self.assertFalse(both & self.closed("03", "elche"))
        self.assertFalse(both & self.closed("03"))
        self.assertFalse(both & self.closed("28", "alicante"))

    def test_a_town_that_works_on_its_regions_day_is_called(self):
        self.Town.create(
            {
                "name": "Getafe",
                "state_id": self.madrid.id,
                "holiday_ids": [
                    Command.create(
                        {"name": "Laborable", "date": "2026-12-07", "works": True}
                    )
                ],
            }
        )
        self.assertNotIn(date(2026, 12, 7), self.closed("28", "getafe"))
        self.assertIn(date(2026, 12, 7), self.closed("28"))

    def test_people_of_a_town_written_in_any_way_are_found_by_sql(self):
        for name, state in (
            ("L'Hospitalet de Llobregat", self.barcelona),
            ("San Sebastián/Donostia", self.env.ref("base.state_es_ss")),
        ):
            self.Town.create({"name": name, "state_id": state.id})
        rows = [
            ("L’Hospitalet de Llobregat", "08", "l hospitalet de llobregat"),
            ("Hospitalet de Llobregat, L'", "08", "hospitalet de llobregat l"),
            ("DONOSTIA", "20", "donostia"),
            ("san sebastian", "20", "san sebastian"),
            ("San Sebastián", "28", ""),
            ("Hernani", "20", ""),
            (None, "20", ""),
        ]
        self.env.flush_all()
        for city, province, key in rows:
            with self.subTest(city=city):
                found = self.env.execute_query(
                    SQL(
                        "SELECT %s FROM (SELECT %s::varchar AS city,"
                        " %s::text AS province) c",
                        self.Town._key_sql(SQL("c.city"), SQL("c.province")),
                        city,
                        province,
                    )
                )
                self.assertEqual(found, [(key,)])

    def test_sql_compares_towns_as_the_kernel_does(self):
        self.assertGreater(len(PLACES), 100)
        query = CITY_KEY_SQL.format(column="t.name")
        self.env.cr.execute(
            f"SELECT t.name, {query} FROM unnest(%s) AS t(name)", [PLACES]
        )
        for name, key in self.env.cr.fetchall():
            with self.subTest(name):
                self.assertEqual(key, fold(name))

    def test_letters_with_loose_accents_are_the_same_town(self):
        self.env.cr.execute(
            f"SELECT {CITY_KEY_SQL.format(column='t.name')} FROM unnest(%s) t(name)",
            [["Sant Adria\u0300 de Beso\u0300s", "Logron\u0303o", "Puc\u0327ol"]],
        )
        self.assertEqual(
            [key for (key,) in self.env.cr.fetchall()],
            ["sant adria de besos", "logrono", "pucol"],
        )

    def test_a_town_is_found_with_its_article_before_or_after(self):
        self.assertEqual(town_keys("A Coruña"), ["a coruna", "coruna a"])
        self.assertEqual(town_keys("Coruña, A"), ["a coruna", "coruna a"])
        self.assertIn(
            "hospitalet de llobregat l", town_keys("L'Hospitalet de Llobregat")
        )
        self.assertEqual(town_keys("Getafe"), ["getafe"])

    def test_two_towns_of_a_province_never_share_a_name(self):
        self.Town.create({"name": "Elche/Elx", "state_id": self.madrid.id})
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self.Town.create({"name": "ELX", "state_id": self.madrid.id})
        self.Town.create({"name": "Elx", "state_id": self.barcelona.id})

    def test_a_town_that_is_renamed_is_found_by_its_new_name_only(self):
        town = self.Town.create(
            {
                "name": "Villanueva",
                "state_id": self.madrid.id,
                "holiday_ids": [Command.create({"name": "x", "date": "2026-11-24"})],
            }
        )
        self.assertIn(date(2026, 11, 24), self.closed("28", "villanueva"))
        town.write({"name": "Vilanova", "state_id": self.barcelona.id})
        self.assertNotIn(date(2026, 11, 24), self.closed("28", "villanueva"))
        self.assertIn(date(2026, 11, 24), self.closed("08", "vilanova"))
        self.assertEqual(town.holiday_ids.region, "CT")

    def test_a_town_outside_spain_is_refused(self):
        with self.assertRaises(ValidationError):
            self.Town.create(
                {"name": "x", "state_id": self.env.ref("base.state_us_1").id}
            )

    # POLICY AND COMPANIES

    def test_an_unknown_place_follows_the_companys_policy(self):
        national, regional = date(2026, 12, 8), date(2026, 9, 11)
        self.assertIn(national, self.closed(""))
        self.assertNotIn(regional, self.closed(""))
        self.rules.unknown_place = "strict"
        self.assertIn(regional, self.closed(""))
        self.assertNotIn(regional, self.closed("", company=self.company_b))

    def test_a_companys_own_day_binds_that_company_only(self):
        self.Holiday.create(
            {
                "name": "Aniversario",
                "date": "2026-11-30",
                "level": "national",
                "company_id": self.company_a.id,
            }
        )
        self.assertIn(date(2026, 11, 30), self.closed("28"))
        self.assertNotIn(date(2026, 11, 30), self.closed("28", company=self.company_b))

    def test_a_companys_own_row_takes_the_place_of_the_common_one(self):
        self.Holiday.create(
            {
                "name": "Mal publicado",
                "date": "2026-12-07",
                "level": "regional",
                "region": "MD",
                "works": True,
                "company_id": self.company_a.id,
            }
        )
        self.assertNotIn(date(2026, 12, 7), self.closed("28"))
        self.assertIn(date(2026, 12, 7), self.closed("28", company=self.company_b))

    # A CHANGE COUNTS AT ONCE

    def test_a_new_holiday_closes_the_day_at_once(self):
        self.assertNotIn(date(2026, 11, 30), self.closed("28"))
        day = self.Holiday.create(
            {"name": "Luto", "date": "2026-11-30", "level": "regional", "region": "MD"}
        )
        self.assertIn(date(2026, 11, 30), self.closed("28"))
        day.active = False
        self.assertNotIn(date(2026, 11, 30), self.closed("28"))

    def test_only_those_who_live_there_are_asked_again(self):
        self.Holiday.create(
            {"name": "x", "date": "2026-11-30", "level": "regional", "region": "CN"}
        )
        self.assertEqual(self.refreshed, [{"provinces": ["35", "38"]}])
        self.refreshed.clear()
        day = self.Holiday.create(
            {
                "name": "y",
                "date": "2026-11-30",
                "level": "provincial",
                "state_id": self.madrid.id,
            }
        )
        self.assertEqual(self.refreshed, [{"provinces": ["28"]}])
        self.refreshed.clear()
        day.state_id = self.barcelona
        self.assertEqual(self.refreshed, [{"provinces": ["08", "28"]}])
        self.refreshed.clear()
        day.source = "BOP"
        self.assertEqual(self.refreshed, [])
        day.unlink()
        self.assertEqual(self.refreshed, [{"provinces": ["08"]}])

    def test_people_of_unknown_place_are_asked_again_where_that_is_the_policy(self):
        self.rules.unknown_place = "strict"
        self.refreshed.clear()
        self.Holiday.create(
            {"name": "x", "date": "2026-11-30", "level": "regional", "region": "MD"}
        )
        self.assertEqual(self.refreshed, [{"provinces": ["", "28"]}])

    def test_a_national_day_is_asked_again_for_everyone(self):
        self.Holiday.create({"name": "x", "date": "2026-11-30", "level": "national"})
        (scope,) = self.refreshed
        self.assertLessEqual(self.company_a | self.company_b, scope["companies"])
        self.refreshed.clear()
        self.Holiday.create(
            {
                "name": "x",
                "date": "2026-11-27",
                "level": "national",
                "company_id": self.company_b.id,
            }
        )
        self.assertEqual(self.refreshed, [{"companies": self.company_b}])

    def test_a_day_that_has_gone_by_asks_nobody(self):
        self.Holiday.create({"name": "x", "date": "2026-11-12", "level": "national"})
        self.assertEqual(self.refreshed, [])

    def test_a_town_that_moves_asks_both_provinces_again(self):
        town = self.Town.create({"name": "Getafe", "state_id": self.madrid.id})
        self.refreshed.clear()
        town.state_id = self.barcelona
        self.assertIn({"provinces": ["08", "28"]}, self.refreshed)

    # ON THE DESK: from a town's calendar to the person who lives there

    def test_nobody_is_called_on_the_holiday_of_their_own_town(self):
        self.Town.create(
            {
                "name": "L'Alcúdia de Crespins/Alcúdia Nueva",
                "state_id": self.env.ref("base.state_es_v").id,
                "holiday_ids": [Command.create({"name": "x", "date": "2026-11-24"})],
            }
        )
        tuesday = module.fields.Datetime.to_datetime("2026-11-24 10:00:00")
        answers = {}
        for number, city in enumerate(
            ("ALCUDIA NUEVA", "L’Alcudia de  Crespins", "Sueca", False)
        ):
            contact = self.create_contact(
                f"P{number}", f"60000001{number}", zip="46001", city=city
            )
            verdict = contact.target_ids._may_call(contact.phone_ids, tuesday)
            answers[city] = verdict["answer"], verdict.get("code")
        self.assertEqual(answers["ALCUDIA NUEVA"][0], "until")
        self.assertEqual(answers["L’Alcudia de  Crespins"], answers["ALCUDIA NUEVA"])
        self.assertEqual(answers["Sueca"][0], "allowed")
        self.assertEqual(answers[False], answers["Sueca"])

    # SCREENS

    def test_a_manager_writes_a_towns_calendar_on_one_page(self):
        with Form(self.as_user(self.Town, self.manager)) as form:
            form.name = "Getafe"
            form.state_id = self.madrid
            with form.holiday_ids.new() as line:
                line.name = "Nuestra Señora de los Ángeles"
                line.date = "2027-05-17"
        town = form.save()
        self.assertEqual(town.holiday_ids.level, "local")
        self.assertIn(date(2027, 5, 17), self.closed("28", "getafe"))

    def test_choosing_a_level_clears_what_it_does_not_name(self):
        with Form(self.as_user(self.Holiday, self.manager)) as form:
            form.name = "x"
            form.date = "2026-11-30"
            form.level = "regional"
            form.region = "MD"
            form.level = "national"
        self.assertFalse(form.save().region)
