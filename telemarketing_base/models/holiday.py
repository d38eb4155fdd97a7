import re
from datetime import timedelta

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..compliance import Holiday, Place
from ..compliance.calendars import closed_days, official, substituted
from ..identity.postcode import PROVINCES, find_province
from ..identity.text import fold

REGIONS = [
    ("AN", "Andalucía"),
    ("AR", "Aragón"),
    ("AS", "Asturias"),
    ("CB", "Cantabria"),
    ("CL", "Castilla y León"),
    ("CM", "Castilla-La Mancha"),
    ("CT", "Cataluña"),
    ("CE", "Ceuta"),
    ("MD", "Comunidad de Madrid"),
    ("VC", "Comunitat Valenciana"),
    ("EX", "Extremadura"),
    ("GA", "Galicia"),
    ("IB", "Illes Balears"),
    ("CN", "Islas Canarias"),
    ("RI", "La Rioja"),
    ("ML", "Melilla"),
    ("NC", "Navarra"),
    ("PV", "País Vasco"),
    ("MC", "Región de Murcia"),
]

#: Years whose days the library took from a published resolution; it computes all
#: others, and the BOE has the last word.
PUBLISHED = {2026: "BOE-A-2025-21667"}
#: Which place each level has to name, and no more.
PLACE_OF_LEVEL = {
    "national": (),
    "regional": ("region",),
    "provincial": ("region", "state_id"),
    "local": ("region", "state_id", "municipality_id"),
}

# What `fold` makes of the letters that Spanish town names are written with, alone or
# as a letter and a combining mark.
_LETTERS = "".join(
    chr(code)
    for code in (0xAA, 0xBA, *range(0xC0, 0x100))
    if len(fold(chr(code))) == 1 and fold(chr(code)) != chr(code)
)
_MARKS = "".join(map(chr, (0x300, 0x301, 0x302, 0x303, 0x308, 0x30A, 0x327)))
#: SQL that gives for a column's town what ``identity.text.fold`` gives, where the
#: name is written in Latin letters: ``CITY_KEY_SQL.format(column="c.city")``. It does
#: not hang on the database's locale.
CITY_KEY_SQL = (
    "btrim(regexp_replace(lower(translate({column}, "
    f"'{_LETTERS}{_MARKS}', '{''.join(map(fold, _LETTERS))}')), "
    "'[^a-z0-9]+', ' ', 'g'))"
)


_ARTICLE = re.compile(
    r"(l['’]|s['’]|(?:el|la|los|las|els|les|es|sa|ses|a|o|as|os)\s)\s*(.+)",
    re.IGNORECASE,
)


def town_keys(names):
    """How a town may be written, folded: each name between slashes, all of them as
    one, and with the article before or, as the INE has it, after.

    :param str names: 'Alicante/Alacant', "L'Hospitalet de Llobregat", 'Coruña, A'
    :return: list without repetitions; the first is the town's own
    """
    keys = []
    for name in (*names.split("/"), names):
        name = name.strip()
        before, comma, article = name.rpartition(",")
        found = _ARTICLE.fullmatch(name)
        if comma and fold(article):
            keys.append(fold(f"{article} {before}"))
        keys.append(fold(name))
        if found and not comma:
            keys.append(fold(f"{found[2]} {found[1]}"))
    return list(dict.fromkeys(key for key in keys if key))


class TelemarketingMunicipality(models.Model):
    """A town with a calendar of its own: its two local holidays a year."""

    _name = "telemarketing.municipality"
    _description = "Municipality"
    _order = "name, id"
    _rec_names_search = ["name", "names_key"]

    name = fields.Char(
        required=True,
        help="Other names of the same town after a slash: Alicante/Alacant, "
        "Vitoria-Gasteiz/Vitoria/Gasteiz.",
    )
    state_id = fields.Many2one(
        "res.country.state",
        "Province",
        required=True,
        index=True,
        ondelete="restrict",
        domain="[('country_id.code', '=', 'ES')]",
    )
    names_key = fields.Char(
        "Found As",
        compute="_compute_names_key",
        store=True,
        help="How the town of a person is compared with this one: without accents, "
        "capitals or signs.",
    )
    holiday_ids = fields.One2many(
        "telemarketing.holiday", "municipality_id", "Local Holidays"
    )
    name_ids = fields.One2many(
        "telemarketing.municipality.name", "municipality_id", "Keys"
    )

    @api.depends("name")
    def _compute_names_key(self):
        for town in self:
            town.names_key = " | ".join(town_keys(town.name or ""))

    @api.depends("name", "state_id")
    def _compute_display_name(self):
        for town in self:
            province = town.state_id.name
            town.display_name = f"{town.name} ({province})" if province else town.name

    @api.constrains("name", "state_id")
    def _check_name(self):
        for town in self:
            if not town_keys(town.name):
                raise ValidationError(self.env._("A municipality has a name."))
            if not _ine(town.state_id):
                raise ValidationError(
                    self.env._(
                        "%s is not a province of Spain.", town.state_id.display_name
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        towns = super().create(vals_list)
        towns._write_names()
        towns._people_changed(towns._provinces())
        return towns

    def write(self, vals):
        before = self._provinces()
        result = super().write(vals)
        if {"name", "state_id"} & set(vals):
            self._write_names()
            self._people_changed(before | self._provinces())
        return result

    def unlink(self):
        before = self._provinces()
        result = super().unlink()
        self.browse()._people_changed(before)
        return result

    def _write_names(self):
        names = self.env["telemarketing.municipality.name"].sudo()
        names.search([("municipality_id", "in", self.ids)]).unlink()
        names.create(
            [
                {
                    "municipality_id": town.id,
                    "province": _ine(town.state_id),
                    "key": key,
                }
                for town in self
                for key in town_keys(town.name)
            ]
        )

    def _provinces(self):
        return {_ine(state) for state in self.sudo().state_id}

    def _people_changed(self, provinces):
        """Other people live in these towns than a moment ago."""
        self.env.registry.clear_cache()
        if provinces:
            self.env["telemarketing.target"]._refresh_gate(provinces=sorted(provinces))

    @api.model
    def _key_sql(self, city, province):
        """SQL of the key of the town that a person lives in, if it has a calendar of
        its own, else ''.

        :param SQL city: column with the town as it was typed
        :param SQL province: its INE code
        """
        if not self._any():
            return SQL("''")
        key = SQL(CITY_KEY_SQL.format(column="%s"), city)
        return SQL(
            """COALESCE((SELECT town.key FROM telemarketing_municipality_name town
                         WHERE town.province = %s AND town.key = %s), '')""",
            province,
            key,
        )

    @api.model
    @tools.ormcache()
    def _any(self):
        return bool(self.sudo().search_count([], limit=1))


class TelemarketingMunicipalityName(models.Model):
    """One of the ways in which a town is written: what SQL compares people's towns
    with. Kept by the municipality."""

    _name = "telemarketing.municipality.name"
    _description = "Name of a Municipality"
    _order = "municipality_id, id"
    _rec_name = "key"

    municipality_id = fields.Many2one(
        "telemarketing.municipality", required=True, ondelete="cascade", index=True
    )
    province = fields.Char(required=True, help="INE code.")
    key = fields.Char(required=True, help="identity.text.fold of the name.")

    _key_uniq = models.UniqueIndex(
        "(province, key)", "Another municipality of this province has that name."
    )


class TelemarketingHoliday(models.Model):
    """A day without calls: of the country, a region, a province or a town. National
    and regional ones come from the library ``holidays`` and may be corrected here;
    local ones are written by hand.

    A row that ``works`` says the opposite: a wider holiday that this place does not
    keep.
    """

    _name = "telemarketing.holiday"
    _description = "Holiday"
    _order = "date, level, id"

    name = fields.Char(required=True)
    date = fields.Date(required=True, index=True)
    level = fields.Selection(
        [
            ("national", "Whole country"),
            ("regional", "Region"),
            ("provincial", "Province"),
            ("local", "Municipality"),
        ],
        required=True,
        default="local",
    )
    region = fields.Selection(
        REGIONS,
        compute="_compute_region",
        store=True,
        readonly=False,
        precompute=True,
    )
    state_id = fields.Many2one(
        "res.country.state",
        "Province",
        compute="_compute_state_id",
        store=True,
        readonly=False,
        precompute=True,
        ondelete="restrict",
        domain="[('country_id.code', '=', 'ES')]",
    )
    municipality_id = fields.Many2one(
        "telemarketing.municipality",
        compute="_compute_municipality_id",
        store=True,
        readonly=False,
        precompute=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    works = fields.Boolean(
        "Working Day Here",
        help="This place works on a day that is a holiday further afield.",
    )
    source = fields.Char(help="Where it was read: bulletin and date.")
    to_check = fields.Boolean(
        "Check the BOE",
        help="The library computed it before the calendar was published. Untick when "
        "somebody has compared it.",
    )
    official_key = fields.Char(readonly=True, copy=False)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        ondelete="cascade",
        help="Empty: for all companies. A company's own row takes the place of the "
        "common one.",
    )

    _place_uniq = models.UniqueIndex(
        "(date, level, COALESCE(region, ''), COALESCE(state_id, 0),"
        " COALESCE(municipality_id, 0), COALESCE(company_id, 0))",
        "This day is already written down for this place. Perhaps it is archived.",
    )
    _official_uniq = models.UniqueIndex(
        "(official_key) WHERE official_key IS NOT NULL",
        "This official holiday is already loaded.",
    )

    # COMPUTES: the place that a level names

    @api.depends("level")
    def _compute_municipality_id(self):
        for holiday in self:
            if holiday.level != "local":
                holiday.municipality_id = False

    @api.depends("level", "municipality_id.state_id")
    def _compute_state_id(self):
        for holiday in self:
            if holiday.level == "local":
                holiday.state_id = holiday.municipality_id.state_id
            elif holiday.level != "provincial":
                holiday.state_id = False

    @api.depends("level", "state_id")
    def _compute_region(self):
        for holiday in self:
            if holiday.level in ("provincial", "local"):
                ine = _ine(holiday.state_id)
                holiday.region = ine and PROVINCES[ine].region
            elif holiday.level == "national":
                holiday.region = False

    @api.depends("name", "date")
    def _compute_display_name(self):
        for holiday in self:
            day = tools.format_date(self.env, holiday.date) if holiday.date else ""
            holiday.display_name = f"{day} {holiday.name or ''}".strip()

    # CONSTRAINTS

    @api.constrains("level", "region", "state_id", "municipality_id")
    def _check_place(self):
        for holiday in self:
            wanted = PLACE_OF_LEVEL[holiday.level]
            if any(not holiday[name] for name in wanted):
                raise ValidationError(
                    {
                        "regional": self.env._("Say which region keeps this holiday."),
                        "provincial": self.env._(
                            "Say which province of Spain keeps this holiday."
                        ),
                        "local": self.env._(
                            "Say which municipality keeps this holiday."
                        ),
                    }[holiday.level]
                )
            if any(
                holiday[name]
                for name in ("region", "state_id", "municipality_id")
                if name not in wanted
            ):
                raise ValidationError(
                    self.env._(
                        "“%s” names a smaller place than its level says.",
                        holiday.name,
                    )
                )
            ine = _ine(holiday.state_id)
            if holiday.state_id and (
                not ine or PROVINCES[ine].region != holiday.region
            ):
                raise ValidationError(
                    self.env._(
                        "%(province)s is not a province of that region.",
                        province=holiday.state_id.display_name,
                    )
                )
            town = holiday.municipality_id
            if town and town.state_id != holiday.state_id:
                raise ValidationError(
                    self.env._(
                        "%(town)s is not in %(province)s.",
                        town=town.name,
                        province=holiday.state_id.display_name,
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_not_official(self):
        for holiday in self:
            if holiday.official_key:
                raise ValidationError(
                    self.env._(
                        "“%s” is an official holiday and would come back with the "
                        "next load: archive it instead.",
                        holiday.display_name,
                    )
                )

    # CRUD: whoever lives there is asked again

    @api.model_create_multi
    def create(self, vals_list):
        holidays = super().create(vals_list)
        holidays._days_changed(holidays._reach())
        return holidays

    def write(self, vals):
        if not set(vals) & {*PLACE_OF_LEVEL["local"], *self._day_fields()}:
            return super().write(vals)
        before = self._reach()
        result = super().write(vals)
        self._days_changed(before | self._reach())
        return result

    def unlink(self):
        before = self._reach()
        result = super().unlink()
        self.browse()._days_changed(before)
        return result

    @api.model
    def _day_fields(self):
        return ("date", "level", "works", "active", "company_id")

    def _reach(self):
        """Whom these days reach: ``{("company", id or 0), ("province", INE)}``. Days
        that have gone by reach nobody."""
        today = self.env["telemarketing.clock"]._now().date() - timedelta(days=1)
        reach = set()
        for holiday in self.sudo():
            if not holiday.date or holiday.date < today:
                continue
            if holiday.level == "national":
                reach.add(("company", holiday.company_id.id or 0))
                continue
            if holiday.level == "regional":
                provinces = [
                    p.ine for p in PROVINCES.values() if p.region == holiday.region
                ]
            else:
                provinces = [_ine(holiday.state_id)]
            # Whose place is unknown may have it too, by the company's policy.
            reach.update(("province", ine) for ine in (*provinces, ""))
        return reach

    def _days_changed(self, reach):
        self.env.registry.clear_cache()
        companies = {value for kind, value in reach if kind == "company"}
        provinces = {value for kind, value in reach if kind == "province"}
        targets = self.env["telemarketing.target"]
        if companies:
            found = self.env["res.company"].sudo().browse(companies - {0})
            if 0 in companies:
                # Every company has its rules, from its first day.
                rules = self.env["telemarketing.calling.rules"].sudo()
                for (company,) in rules._read_group([], ["company_id"]):
                    found |= company
            targets._refresh_gate(companies=found)
        if provinces and 0 not in companies:
            rules = self.env["telemarketing.calling.rules"].sudo()
            if not rules.search_count([("unknown_place", "=", "strict")], limit=1):
                provinces -= {""}
            targets._refresh_gate(provinces=sorted(provinces))

    # READING

    @api.model
    def _for_place(self, company, province, municipality=""):
        """The closed days at a place, as this company has them; kept in the cache
        until a holiday, municipality or rule changes.

        :param str province: INE code, '' unknown
        :param str municipality: any of the town's names, folded; '' unknown
        :return: ``frozenset`` of ``date``, of all years that are loaded
        """
        return self._closed_days(company.id, province or "", municipality or "")

    @api.model
    @tools.ormcache("company_id", "province", "municipality")
    def _closed_days(self, company_id, province, municipality):
        own = self.sudo()
        company = own.env["res.company"].browse(company_id)
        town = own.env["telemarketing.municipality.name"].search(
            [("province", "=", province), ("key", "=", municipality)], limit=1
        )
        rows = own.search(
            [
                ("company_id", "in", (False, company_id)),
                "|",
                ("level", "!=", "local"),
                ("municipality_id", "in", town.municipality_id.ids),
            ]
        )
        # The company's own row takes the place of the common one.
        by_place = {}
        for row in rows.sorted(lambda row: bool(row.company_id)):
            place = (row.date, row.level, row.region, row.state_id, row.municipality_id)
            by_place[place] = row
        rules = self.env["telemarketing.calling.rules"]._for(company)._kernel()
        return closed_days(
            [
                Holiday(
                    row.date,
                    row.level,
                    row.region or "",
                    _ine(row.state_id),
                    municipality if row.municipality_id else "",
                    row.works,
                )
                for row in by_place.values()
            ],
            Place(province, municipality),
            rules.unknown_place,
        )

    # THE OFFICIAL CALENDAR

    @api.model
    def _load_official(self, years):
        """Write down the national and regional days of these years that are missing.
        What somebody changed, archived or wrote here first stays as it is.

        :return: the new ``telemarketing.holiday`` records
        """
        own = self.sudo().with_context(active_test=False)
        years = sorted(set(years))
        wanted = {}
        for year in years:
            for day, name in official("", year):
                wanted[day, ""] = name, False
            for region, _label in REGIONS:
                for day, name in official(region, year):
                    wanted[day, region] = name, False
                for day, name in substituted(region, year):
                    wanted[day, region] = name, True
        there = {
            (row.date, row.region or "")
            for row in own.search(
                [
                    ("company_id", "=", False),
                    ("level", "in", ("national", "regional")),
                    ("date", ">=", f"{years[0]}-01-01"),
                    ("date", "<=", f"{years[-1]}-12-31"),
                ]
            )
        }
        # Moved to another date here: it does not come back on its old one.
        keys = {f"{day}/{region}": (day, region) for day, region in wanted}
        known = own.search([("official_key", "in", list(keys))])
        there.update(keys[row.official_key] for row in known)
        computed = self.env._("Computed by the library holidays: check the BOE")
        return own.create(
            [
                {
                    "name": name,
                    "date": day,
                    "level": "regional" if region else "national",
                    "region": region or False,
                    "works": works,
                    "source": PUBLISHED.get(day.year) or computed,
                    "to_check": day.year not in PUBLISHED,
                    "official_key": f"{day}/{region}",
                }
                for (day, region), (name, works) in sorted(wanted.items())
                if (day, region) not in there
            ]
        )

    @api.model
    def _load_years_ahead(self):
        """This year and the next two; at install and every month."""
        year = self.env["telemarketing.clock"]._now().year
        return self._load_official(range(year, year + 3))

    # ACTIONS

    @api.model
    def action_load_official(self):
        """Load what is missing of this year and the next two; for managers."""
        self.check_access("create")
        loaded = self._load_years_ahead()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if loaded else "info",
                "message": (
                    self.env._(
                        "%s official holidays of this year and the next two were "
                        "added.",
                        len(loaded),
                    )
                    if loaded
                    else self.env._(
                        "All official holidays of this year and the next two are "
                        "there already."
                    )
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }


def _ine(state):
    """INE code of a Spanish province's ``res.country.state``, else ''."""
    if not state or state.country_id.code != "ES":
        return ""
    province = find_province(state.code)
    return province.ine if province else ""
