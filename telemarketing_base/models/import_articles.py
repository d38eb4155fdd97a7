import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from markupsafe import Markup
from psycopg2 import Error as DatabaseError

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, float_compare, formatLang

from ..identity.reasons import Problem
from ..identity.text import fold, shown
from ..importing import ReadError
from ..importing.articles import (
    TARIFF,
    ArticleSettings,
    check_article_mapping,
    clean_articles,
    fold_ref,
    open_articles,
    suggest_articles,
)
from ..importing.staging import jsonable
from .consent import spanish_day, start_of_day
from .import_loader import LoadedElsewhere
from .import_partners import QUIET

# Rows of one transaction: an article is made by the ORM, with all that hangs from it.
CHUNK = 200
PREVIEW_ROWS = 12
MANAGER = "telemarketing_base.group_manager"
SUPERVISOR = "telemarketing_base.group_supervisor"
PRODUCTS = "product.group_product_manager"

# Of articles that are there already, changed unless somebody unmarks the column.
UPDATED = frozenset(
    {
        *("price", "price_taxed", "cost", "description", "campaign_price", "offer"),
        *("discount", "conditions", "tariff_price", "tariff_column"),
    }
)

# What files call the units that Odoo brings.
_UNITS = {
    fold(word): xmlid
    for xmlid, words in {
        "uom.product_uom_unit": "unidad|unidades|ud|uds|u|un|pieza|piezas|unit|units",
        "uom.product_uom_dozen": "docena|docenas|dozen|dozens",
        "uom.product_uom_kgm": "kg|kgs|kilo|kilos|kilogramo|kilogramos",
        "uom.product_uom_gram": "g|gr|gramo|gramos",
        "uom.product_uom_hour": "h|hora|horas|hour|hours",
        "uom.product_uom_day": "día|días|day|days",
        "uom.product_uom_litre": "l|litro|litros|litre|litres|liter",
        "uom.product_uom_meter": "m|metro|metros|meter|metre",
    }.items()
    for word in words.split("|")
}


@dataclass
class _Plan:
    """What is the same for all rows of a load, and what was looked up on the way."""

    job: models.Model
    company: models.Model
    campaign: models.Model
    policy: str
    marked: frozenset
    units: dict
    taxes: dict = field(default_factory=dict)
    categories: dict = field(default_factory=dict)
    pricelists: dict = field(default_factory=dict)
    changes: list = field(default_factory=list)

    def note(self, row, record, new, old=None):
        """For the undoing: what was made (``old`` None) or changed."""
        self.changes.append(
            {
                "import_id": self.job.id,
                "row": row,
                "res_model": record._name,
                "res_id": record.id,
                "old_values": old or False,
                "new_values": new,
            }
        )


class TelemarketingImportArticles(models.AbstractModel):
    """Articles of a file: products, with their price, their offer in a campaign and
    their tariffs.

    Products are Odoo's, not of telemarketing alone: managers load them, and
    supervisors who may create products, in the campaigns that they administer. They
    are the company's; those that belong to no company are found and, where asked,
    updated; another company's never.
    """

    _name = "telemarketing.import.articles"
    _description = "Articles of a Loaded File"

    # RIGHTS

    @api.model
    def _may(self):
        """May who asks load articles at all?"""
        user = self.env.user
        return user.has_group(MANAGER) or (
            user.has_group(SUPERVISOR) and user.has_group(PRODUCTS)
        )

    @api.model
    def _check_user(self):
        if not self._may():
            raise AccessError(
                self.env._(
                    "Articles are loaded by telemarketing managers, and by supervisors "
                    "who may create products."
                )
            )

    @api.model
    def _check_may(self, job):
        """Raise unless who asks may load articles, into this company and campaign."""
        self._check_user()
        campaign = job.campaign_id.sudo()
        if not campaign:
            return
        if campaign.company_id != job.company_id:
            raise UserError(
                self.env._("%s is a campaign of another company.", campaign.name)
            )
        if campaign.call_purpose != "commercial":
            raise UserError(
                self.env._(
                    "Nothing is sold in %s: its calls are surveys or service.",
                    campaign.name,
                )
            )

    # THE FORM

    @api.model
    def _open(self, job, source=None):
        if source is None:
            source = job._stored()
        return open_articles(
            source,
            job.filename,
            job.sheet or None,
            job.company_id._telemarketing_limits(),
        )

    @api.model
    def _read(self, job):
        """Headings, what each column may be, the first rows."""
        self._check_may(job)
        try:
            table = self._open(job)
            total = table.scan()
        except ReadError as error:
            raise UserError(job._reason_text(error.problem)) from error
        samples = [row for _number, row in itertools.islice(table.rows(), 20)]
        job.column_ids.sudo().unlink()
        job.sudo().write(
            {
                "state": "preview",
                "total": total,
                "sheets": ", ".join(table.sheets),
                "sheet": job.sheet or table.sheet,
                "separator": table.separator,
                "column_ids": [
                    fields.Command.create(
                        {
                            "sequence": place,
                            "heading": heading,
                            "sample": " · ".join(
                                shown(row[place])
                                for row in samples[:3]
                                if row[place] not in (None, "")
                            )[:120],
                            **self._column_values(target),
                        }
                    )
                    for place, (heading, target) in enumerate(
                        zip(
                            table.headings,
                            self._suggest(job, table, samples),
                            strict=True,
                        )
                    )
                ],
            }
        )
        self._refresh_preview(job, table)

    @api.model
    def _refresh_preview(self, job, table=None):
        if table is None:
            try:
                table = self._open(job)
            except ReadError as error:
                raise UserError(job._reason_text(error.problem)) from error
        job.sudo().preview_html = self._preview_html(job, table, PREVIEW_ROWS)

    @api.model
    def _suggest(self, job, table, samples):
        """What each column is: as the company said the last time, else by its heading
        and first values."""
        remembered = job.company_id.sudo().telemarketing_article_mapping or {}
        return [
            remembered.get(fold(heading), target) if heading else target
            for heading, target in zip(
                table.headings, suggest_articles(table.headings, samples), strict=True
            )
        ]

    @api.model
    def _column_values(self, target):
        """Values of a column of the form with this target of the kernel's."""
        own = (target or "").startswith(TARIFF)
        article_target = "tariff_column" if own else target or False
        return {
            "target": False,
            "article_target": article_target,
            "is_updated": article_target in UPDATED,
        }

    @api.model
    def _mapping(self, job):
        """Target of each column, as the kernel names them."""
        return [
            TARIFF + (column.heading or "")
            if column.article_target == "tariff_column"
            else column.article_target or None
            for column in job.column_ids
        ]

    @api.model
    def _settings(self, job, table):
        company = job.company_id.sudo()
        tax = company.account_sale_tax_id
        percent = tax.amount_type == "percent"
        return ArticleSettings(
            currency=company.currency_id.name,
            default_vat=Decimal(str(tax.amount)) if tax and percent else None,
            price_included=(
                tax.price_include
                if tax
                else company.account_price_include == "tax_included"
            ),
            today=spanish_day(self.env["telemarketing.clock"]._now()),
            date1904=table.date1904,
        )

    @api.model
    def _check_columns(self, job):
        """Before loading: may this be loaded, can these columns be read, and do they
        name articles? Then they are remembered."""
        self._check_may(job)
        mapping = self._mapping(job)
        labels = dict(self.env["telemarketing.import.column"]._selection_article())
        if not {"ref", "barcode", "name"} & set(mapping):
            raise UserError(
                self.env._(
                    "Say which column is the name of the article, its reference or its "
                    "barcode."
                )
            )
        try:
            check_article_mapping(mapping, len(job.column_ids))
        except ValueError as error:
            twice = next((t for t in mapping if t and mapping.count(t) > 1), str(error))
            raise UserError(
                self.env._(
                    "Two columns are the same field: %s",
                    labels.get(twice, twice.removeprefix(TARIFF)),
                )
            ) from error
        remembered = dict(job.company_id.sudo().telemarketing_article_mapping or {})
        for column, target in zip(job.column_ids, mapping, strict=True):
            if column.heading:
                remembered[fold(column.heading)] = target
        job.company_id.sudo().telemarketing_article_mapping = remembered

    @api.model
    def _preview_html(self, job, table, count):
        settings, mapping = self._settings(job, table), self._mapping(job)
        currency = job.company_id.currency_id
        rows = []
        for article in clean_articles(table.rows(), mapping, settings):
            rows.append(article)
            if len(rows) >= count:
                break
        self._foresee(job, rows)

        def money(amount):
            if amount is None:
                return ""
            return formatLang(self.env, float(amount), currency_obj=currency)

        head = Markup("").join(
            Markup("<th>%s</th>") % text
            for text in (
                "",
                self.env._("Reference"),
                self.env._("Article"),
                self.env._("Category"),
                self.env._("Price"),
                self.env._("VAT (%)"),
                self.env._("Tariffs"),
                self.env._("Offer"),
                self.env._("What is wrong"),
            )
        )
        body = Markup("")
        for article in rows:
            css = "" if article.ok else "table-danger"
            if article.ok and article.notices:
                css = "table-warning"
            offer = [money(article.campaign_price), article.offer]
            if article.discount is not None:
                offer.insert(1, f"-{article.discount:f} %")
            body += Markup(
                "<tr class='%s'><td class='text-muted'>%s</td><td>%s</td><td>%s</td>"
                "<td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>"
            ) % (
                css,
                article.row,
                article.ref or article.barcode,
                article.name,
                " / ".join(article.category),
                money(article.price),
                "" if article.vat is None else f"{article.vat:f} %",
                ", ".join(f"{t.name}: {money(t.price)}" for t in article.tariffs),
                " · ".join(part for part in offer if part),
                job._reasons(article),
            )
        return Markup(
            "<div class='table-responsive'><table class='table table-sm'>"
            "<thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>"
        ) % (head, body)

    @api.model
    def _foresee(self, job, articles):
        """What loading would say of the rows shown; nothing is written."""
        plan = self._plan(job)
        good = [article for article in articles if article.ok]
        found = self._find(plan, good)
        for article in good:
            product, why, _own = found[article.row]
            if why:
                article.problems.append(why)
            elif product and plan.policy == "skip":
                article.problems.append(
                    Problem("article_known", product.display_name[:80], {}, "ref")
                )
            elif not product and not article.name and article.duplicate_of is None:
                article.problems.append(Problem("article_name_missing", "", {}, "name"))

    @api.model
    def _warning(self, job):
        """What the form says before tariffs load that nobody would see."""
        if job.kind != "articles":
            return False
        targets = set(job.column_ids.mapped("article_target"))
        if not targets & {"tariff", "tariff_price", "tariff_column"}:
            return False
        if self.env["res.groups"]._is_feature_enabled(
            "product.group_product_pricelist"
        ):
            return False
        return self.env._(
            "Pricelists are switched off in the settings of Sales: the tariffs will "
            "load, and no order will use them until they are switched on."
        )

    # LOADING

    @api.model
    def _load(self, job):
        """All of it, from the position reached."""
        for _piece in self._steps(job):
            pass

    @api.model
    def _steps(self, job):
        """A generator that loads ``job`` and yields after each piece that stands.

        ``job`` in the name of who loads it, with sudo: rights are asked again here,
        for they may have been taken away since.
        """
        self = self.with_env(job.env)
        self._check_may(job)
        with self.env["telemarketing.import.loader"]._file(job) as path:
            table = self._open(job, path)
            plan = self._plan(job)
            rows = clean_articles(
                table.rows(), self._mapping(job), self._settings(job, table)
            )
            place, chunk, stopped = 0, [], job.stop_asked
            for article in rows if not stopped else ():
                place += 1
                # Read again, to know what later rows repeat, and not written.
                if place <= job.position:
                    continue
                chunk.append(article)
                if len(chunk) >= CHUNK:
                    stopped = self._load_chunk(plan, chunk)
                    yield len(chunk)
                    chunk = []
                    if stopped:
                        break
            if chunk and not stopped:
                stopped = self._load_chunk(plan, chunk)
                yield len(chunk)
                stopped = stopped and job.position < job.total
            self._finish(job, table, stopped)

    @api.model
    def _plan(self, job):
        company = job.company_id
        quiet = {**QUIET, "allowed_company_ids": company.ids}
        job = job.with_context(**quiet).sudo()
        units = {}
        for unit in job.env["uom.uom"].search([], limit=1000):
            units.setdefault(fold(unit.name), unit)
            units.setdefault(fold(unit.with_context(lang="en_US").name), unit)
        for word, xmlid in _UNITS.items():
            if unit := job.env.ref(xmlid, raise_if_not_found=False):
                units.setdefault(word, unit)
        return _Plan(
            job=job,
            company=company.with_env(job.env),
            campaign=job.campaign_id,
            policy=job.duplicates,
            marked=frozenset(
                job.column_ids.filtered("is_updated").mapped("article_target")
            ),
            units=units,
        )

    @api.model
    def _load_chunk(self, plan, articles):
        """Write these rows and the position reached, then commit.

        :return: did somebody ask to stop?
        """
        job = plan.job
        job._begin_chunk()
        self.env.flush_all()
        # One file of a company at a time: two would both find nothing there.
        self.env.cr.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"telemarketing.import articles {plan.company.id}"],
        )
        self.env.cr.execute(
            "SELECT COALESCE(position, 0), state FROM telemarketing_import"
            " WHERE id = %s FOR NO KEY UPDATE",
            [job.id],
        )
        if self.env.cr.fetchone() != (job.position, "loading"):
            raise LoadedElsewhere(
                self.env._("Somebody else is loading this file at the same time")
            )
        loaded, updated = self._load_rows(plan, articles)
        bad = sum(not article.ok for article in articles)
        self._give_back(job, articles)
        job.write(
            {
                "position": job.position + len(articles),
                "loaded": job.loaded + loaded,
                "updated": job.updated + updated,
                "bad": job.bad + bad,
                "noticed": job.noticed
                + sum(bool(article.ok and article.notices) for article in articles),
            }
        )
        job._commit_chunk(len(articles))
        job.invalidate_recordset(["stop_asked"])
        return job.stop_asked

    @api.model
    def _give_back(self, job, articles):
        """Rows that did not load, or that loaded with something to say."""
        self.env["telemarketing.import.row"].sudo().create(
            [
                {
                    "import_id": job.id,
                    "row": article.row,
                    "kind": "notice" if article.ok else "bad",
                    "raw": jsonable(article.raw),
                    "reason": job._reasons(article),
                }
                for article in articles
                if article.problems or article.notices
            ]
        )

    @api.model
    def _finish(self, job, table, stopped):
        job.state = "stopped" if stopped else "done"
        if not stopped:
            job.finished_at = fields.Datetime.now()
        job._write_returned(table.kind, table.separator)
        job._commit_chunk(0)

    @api.model
    def _load_rows(self, plan, articles):
        """:return: ``(rows of which something was made, rows that changed an article
        that was there)``; what is wrong is added to the rows"""
        good = [article for article in articles if article.ok]
        products, loaded, updated = {}, set(), set()
        # Lines that add a tariff to an article above it come after it is made.
        for later in (False, True):
            batch = [a for a in good if (a.duplicate_of is not None) == later]
            self._place(plan, batch, products, loaded, updated)
        placed = [article for article in good if article.row in products]
        self._offer(plan, placed, products)
        self._add_tariffs(plan, placed, products)
        if plan.changes:
            self.env["telemarketing.import.change"].sudo().create(plan.changes)
            plan.changes.clear()
        return len(loaded), len(updated)

    # WHICH ARTICLE

    def _place(self, plan, articles, products, loaded, updated):
        """The product of each row, in ``products``: found, updated or made."""
        found = self._find(plan, articles)
        new = []
        for article in articles:
            product, why, own = found[article.row]
            if why:
                article.problems.append(why)
            elif not product:
                new.append(article)
            elif own:
                # of this very load: the row adds to it
                products[article.row] = product
                loaded.add(article.row)
            elif plan.policy == "load":
                new.append(article)
            elif plan.policy == "skip":
                article.problems.append(
                    Problem("article_known", product.display_name[:80], {}, "ref")
                )
            else:
                products[article.row] = product
                updated.add(article.row)
                self._update(plan, article, product)
        for article, product in self._create(plan, new):
            products[article.row] = product
            loaded.add(article.row)

    def _find(self, plan, articles):
        """``{row: (product or none, problem or None, made by this load)}``"""
        by_ref = self._rows_by(
            plan, "ref", {fold_ref(a.ref) for a in articles if a.ref}
        )
        by_code = self._rows_by(
            plan, "barcode", {a.barcode for a in articles if a.barcode}
        )
        by_name = self._rows_by(
            plan, "name", {a.name.lower() for a in articles if a.name}
        )
        ids = {
            product
            for found in (by_ref, by_code, by_name)
            for products in found.values()
            for product in products
        }
        Product = plan.job.env["product.product"]
        every = Product.browse(sorted(ids))
        own = self._made_by(plan, every)
        result = {}
        for article in articles:
            candidates, why = Product, None
            if article.ref:
                candidates = Product.browse(by_ref.get(fold_ref(article.ref), ()))
            if not candidates and article.barcode:
                candidates = Product.browse(by_code.get(article.barcode, ()))
                if article.ref and candidates[:1].default_code:
                    # Another reference: it is not that one, and the code is wrong.
                    article.notices.append(
                        Problem("barcode_taken", article.barcode, {}, "barcode")
                    )
                    article.barcode, candidates = "", Product
            if not candidates and article.name:
                candidates = Product.browse(by_name.get(article.name.lower(), ()))
                if article.ref:
                    candidates = candidates.filtered(lambda p: not p.default_code)
            mine = candidates.filtered(lambda p: p in own)
            candidates = mine or candidates
            if len(candidates) > 1:
                variants = len(candidates.product_tmpl_id) == 1
                why = Problem(
                    "article_variants" if variants else "article_doubtful",
                    article.ref or article.barcode or article.name[:80],
                    {"count": len(candidates)},
                    "ref",
                )
            result[article.row] = (candidates, why, bool(mine))
        return result

    def _rows_by(self, plan, key, values):
        """``{value: [product ids]}`` among the company's products and those of none."""
        if not values:
            return {}
        expression = {
            "ref": SQL(
                "lower(regexp_replace(btrim(p.default_code), '\\s+', ' ', 'g'))"
            ),
            "barcode": SQL("p.barcode"),
            "name": SQL(
                "lower(COALESCE(t.name->>%s, t.name->>'en_US'))",
                self.env.lang or "en_US",
            ),
        }[key]
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """SELECT %s AS value, array_agg(p.id ORDER BY p.id)
                   FROM product_product p
                   JOIN product_template t ON t.id = p.product_tmpl_id
                   WHERE p.active AND t.active
                     AND (t.company_id IS NULL OR t.company_id = %s)
                     AND %s = ANY(%s)
                   GROUP BY value""",
                expression,
                plan.company.id,
                expression,
                list(values),
            )
        )
        return dict(self.env.cr.fetchall())

    def _made_by(self, plan, products):
        """Those that this load made, in an earlier chunk or before a restart."""
        made = (
            self.env["telemarketing.import.change"]
            .sudo()
            ._read_group(
                [
                    ("import_id", "=", plan.job.id),
                    ("res_model", "=", "product.template"),
                    ("res_id", "in", products.product_tmpl_id.ids),
                    ("old_values", "=", False),
                ],
                ["res_id"],
            )
        )
        ids = {res_id for (res_id,) in made} | {
            change["res_id"]
            for change in plan.changes
            if change["res_model"] == "product.template" and not change["old_values"]
        }
        return products.filtered(lambda p: p.product_tmpl_id.id in ids)

    # PRODUCTS

    def _values(self, plan, article):
        """``{target: {field: value}}`` of what the row says; notices for what we have
        not got."""
        values = {}
        for target, name, value in (
            ("ref", "default_code", article.ref),
            ("name", "name", article.name),
            ("type", "type", article.type),
            ("description", "description_sale", article.description),
        ):
            if value:
                values[target] = {name: value}
        if article.barcode:
            values["barcode"] = {"barcode": article.barcode}
        if article.price is not None:
            values["price"] = {"list_price": float(article.price)}
        if article.cost is not None:
            values["cost"] = {"standard_price": float(article.cost)}
        if article.category:
            category = self._category(plan, article)
            values["category"] = {"categ_id": category.id}
        if article.uom:
            unit = plan.units.get(fold(article.uom))
            if unit:
                values["uom"] = {"uom_id": unit.id}
            else:
                article.notices.append(
                    Problem("uom_unknown", article.uom[:80], {}, "uom")
                )
        if article.vat is not None:
            tax = self._tax(plan, article.vat, article.type)
            if tax or not article.vat:
                values["vat"] = {"taxes_id": [fields.Command.set(tax.ids)]}
            else:
                rate = f"{article.vat:f}".replace(".", ",")
                article.notices.append(Problem("vat_unknown", rate, {}, "vat"))
        return values

    def _tax(self, plan, rate, kind):
        """The company's sales tax of this rate: its own default, else one for goods or
        services as the article is, else the first."""
        if (rate, kind) not in plan.taxes:
            Tax = plan.job.env["account.tax"]
            taxes = Tax.search(
                [
                    *Tax._check_company_domain(plan.company),
                    ("type_tax_use", "=", "sale"),
                    ("amount_type", "=", "percent"),
                    ("amount", "=", float(rate)),
                ]
            )
            usual = plan.company.account_sale_tax_id
            scope = {"service": "service", "consu": "consu"}.get(kind)
            plan.taxes[rate, kind] = (
                (taxes & usual)
                or (scope and taxes.filtered(lambda t: t.tax_scope == scope)[:1])
                or taxes.filtered(lambda t: not t.tax_scope)[:1]
                or taxes[:1]
            )
        return plan.taxes[rate, kind]

    def _category(self, plan, article):
        """By its path, without regard to case and accents; made where it is not."""
        Category = plan.job.env["product.category"]
        key = tuple(fold(part) for part in article.category)
        if key in plan.categories:
            return plan.categories[key]
        parent = Category
        for place, name in enumerate(article.category):
            domain = [("name", "=ilike", _literal(name))]
            if place or len(article.category) > 1:
                domain.append(("parent_id", "=", parent.id))
            found = Category.search(domain, order="parent_path, id", limit=1)
            if not found:
                found = Category.create({"name": name, "parent_id": parent.id})
                plan.note(article.row, found, {"name": name})
            parent = found
        plan.categories[key] = parent
        return parent

    def _create(self, plan, articles):
        """``[(row, product)]`` of those that could be made."""
        Template = plan.job.env["product.template"]
        wanted, values = [], []
        for article in articles:
            if not article.name:
                article.problems.append(Problem("article_name_missing", "", {}, "name"))
                continue
            if article.barcode and self._barcode_taken(plan, article.barcode):
                article.notices.append(
                    Problem("barcode_taken", article.barcode, {}, "barcode")
                )
                article.barcode = ""
            if article.price is None and not article.tariffs:
                article.notices.append(
                    Problem("article_price_missing", "", {}, "price")
                )
            vals = {"company_id": plan.company.id, "sale_ok": True, "list_price": 0.0}
            for part in self._values(plan, article).values():
                vals |= part
            wanted.append(article)
            values.append(vals)
        result = []
        made = self._create_each(Template, values)
        for article, vals, record in zip(wanted, values, made, strict=True):
            if isinstance(record, str):
                article.problems.append(Problem("article_refused", record, {}, "name"))
                continue
            plan.note(article.row, record, self._as_written(record, vals))
            result.append((article, record.product_variant_id))
        return result

    def _create_each(self, Model, values):
        """Records in the order of ``values``; a sentence where one was refused, and
        the others do not pay for it."""
        if not values:
            return []
        try:
            with self.env.cr.savepoint():
                records = Model.create(values)
                self.env.flush_all()
            return list(records)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except (UserError, ValidationError, DatabaseError, ValueError):
            self.env.invalidate_all()
        result = []
        for vals in values:
            try:
                with self.env.cr.savepoint():
                    record = Model.create(vals)
                    self.env.flush_all()
                result.append(record)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                raise
            except (UserError, ValidationError, DatabaseError, ValueError) as error:
                self.env.invalidate_all()
                result.append(_sentence(error))
        return result

    def _barcode_taken(self, plan, barcode):
        return bool(self._rows_by(plan, "barcode", {barcode}))

    def _update(self, plan, article, product):
        """The marked columns, into an article that is there."""
        template = product.product_tmpl_id
        values = self._values(plan, article)
        vals = {}
        marked = plan.marked | ({"price"} if "price_taxed" in plan.marked else set())
        for target, part in values.items():
            if target in marked:
                vals |= part
        if article.ref and not product.default_code:
            vals |= values["ref"]
        if "list_price" in vals and template.product_variant_count > 1:
            del vals["list_price"]
            article.notices.append(
                Problem("article_price_of_variants", template.name[:80], {}, "price")
            )
        if "uom_id" in vals and vals["uom_id"] != product.uom_id.id:
            # Orders and stock count in it: Odoo refuses, or changes what they say.
            del vals["uom_id"]
            article.notices.append(
                Problem("uom_other", product.uom_id.name[:80], {}, "uom")
            )
        if "barcode" in vals and vals["barcode"] != product.barcode:
            if self._barcode_taken(plan, vals["barcode"]):
                del vals["barcode"]
                article.notices.append(
                    Problem("barcode_taken", article.barcode, {}, "barcode")
                )
        before = self._as_written(product, vals)
        try:
            with self.env.cr.savepoint():
                product.write(vals)
                self.env.flush_all()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except (UserError, ValidationError, DatabaseError) as error:
            product.invalidate_recordset()
            article.notices.append(
                Problem("article_refused", _sentence(error), {}, "name")
            )
            return
        after = self._as_written(product, vals)
        changed = {name for name in after if after[name] != before[name]}
        if changed:
            plan.note(
                article.row,
                product,
                {name: after[name] for name in changed},
                {name: before[name] for name in changed},
            )

    @api.model
    def _as_written(self, record, names):
        """``{field: value}`` as JSON has it, of the fields that a load writes."""
        values = {}
        for name in names:
            kind = record._fields[name].type
            value = record[name]
            if kind == "many2one":
                value = value.id
            elif kind == "many2many":
                value = sorted(value.ids)
            elif kind in ("datetime", "date"):
                value = fields.Datetime.to_string(value) if value else False
            values[name] = value
        return values

    # OFFERS

    def _offer(self, plan, articles, products):
        """What the campaign offers: all articles of a file loaded for it, with the
        price, discount and conditions that it says."""
        if not plan.campaign:
            for article in articles:
                if article.of_campaign:
                    article.notices.append(
                        Problem("offer_without_campaign", "", {}, "offer")
                    )
            return
        Article = plan.job.env["telemarketing.campaign.article"].with_context(
            active_test=False
        )
        there = {
            offered.product_id.id: offered
            for offered in Article.search(
                [
                    ("campaign_id", "=", plan.campaign.id),
                    ("product_id", "in", [products[a.row].id for a in articles]),
                ],
                order="active, id desc",
            )
        }
        own = self._own_offers(plan, there)
        new, rows = {}, {}
        for article in articles:
            product = products[article.row]
            vals = {}
            for target, name, value in (
                ("campaign_price", "price_unit", article.campaign_price),
                ("discount", "discount", article.discount),
            ):
                if value is not None:
                    vals[target] = {name: float(value)}
            for target, name, value in (
                ("offer", "offer", article.offer),
                ("conditions", "conditions", article.conditions),
            ):
                if value:
                    vals[target] = {name: value}
            offered = there.get(product.id)
            if not offered:
                flat = {name: v for part in vals.values() for name, v in part.items()}
                rows.setdefault(product.id, article)
                new.setdefault(
                    product.id,
                    {"campaign_id": plan.campaign.id, "product_id": product.id},
                ).update(flat)
                continue
            if offered.id not in own:
                # Somebody else's: only what is marked, where updating was asked.
                marked = plan.marked if plan.policy == "update" else ()
                vals = {t: part for t, part in vals.items() if t in marked}
            flat = {name: v for part in vals.values() for name, v in part.items()}
            before = self._as_written(offered, flat)
            offered.write(flat)
            after = self._as_written(offered, flat)
            if before != after:
                plan.note(article.row, offered, after, before)
        records = self._create_each(Article, list(new.values()))
        for (product_id, vals), record in zip(new.items(), records, strict=True):
            article = rows[product_id]
            if isinstance(record, str):
                article.notices.append(Problem("offer_refused", record, {}, "offer"))
            else:
                names = [name for name in vals if name != "campaign_id"]
                plan.note(article.row, record, self._as_written(record, names))

    def _own_offers(self, plan, there):
        made = (
            self.env["telemarketing.import.change"]
            .sudo()
            ._read_group(
                [
                    ("import_id", "=", plan.job.id),
                    ("res_model", "=", "telemarketing.campaign.article"),
                    ("res_id", "in", [offered.id for offered in there.values()]),
                    ("old_values", "=", False),
                ],
                ["res_id"],
            )
        )
        return {res_id for (res_id,) in made}

    # TARIFFS

    def _add_tariffs(self, plan, articles, products):
        """A line of the pricelist of that name for each price; one that says another
        price for the same already is changed where its column is marked."""
        lines = [
            (article, line, products[article.row])
            for article in articles
            for line in article.tariffs
        ]
        if not lines:
            return
        Item = plan.job.env["product.pricelist.item"]
        known = self._known_lines(plan, lines)
        update = plan.policy == "update" and plan.marked & {
            "tariff_price",
            "tariff_column",
        }
        places, values = [], []
        for article, line, product in lines:
            pricelist = self._pricelist(plan, article, line)
            if not pricelist:
                continue
            vals = self._item_values(line, product, pricelist)
            price = vals["fixed_price"]
            item = known.get(_item_key(vals))
            if not item:
                places.append(article)
                values.append(vals)
            elif float_compare(item.fixed_price, price, precision_digits=6):
                if not update:
                    article.notices.append(
                        Problem("tariff_known", line.name[:80], {}, "tariff_price")
                    )
                    continue
                before = {"fixed_price": item.fixed_price}
                item.fixed_price = price
                plan.note(article.row, item, {"fixed_price": item.fixed_price}, before)
        for article, vals, record in zip(
            places, values, self._create_each(Item, values), strict=True
        ):
            if isinstance(record, str):
                article.notices.append(
                    Problem("tariff_refused", record, {}, "tariff_price")
                )
            else:
                plan.note(article.row, record, self._as_written(record, vals))

    def _item_values(self, line, product, pricelist):
        """Days are the whole days of Spain; a variant's line is the variant's."""
        alone = product.product_tmpl_id.product_variant_count <= 1
        end = line.date_to and start_of_day(line.date_to + timedelta(days=1))
        return {
            "pricelist_id": pricelist.id,
            "applied_on": "1_product" if alone else "0_product_variant",
            "product_tmpl_id": product.product_tmpl_id.id,
            "product_id": False if alone else product.id,
            "compute_price": "fixed",
            "fixed_price": float(line.price),
            "min_quantity": float(line.min_quantity),
            "date_start": line.date_from and start_of_day(line.date_from) or False,
            "date_end": end - timedelta(seconds=1) if end else False,
        }

    def _known_lines(self, plan, lines):
        """``{key: line}`` of the fixed prices that these articles have already."""
        templates = {product.product_tmpl_id.id for _a, _line, product in lines}
        items = plan.job.env["product.pricelist.item"].search(
            [
                ("product_tmpl_id", "in", list(templates)),
                ("compute_price", "=", "fixed"),
                ("pricelist_id.company_id", "in", (False, plan.company.id)),
            ],
            order="id desc",
        )
        return {
            _item_key(
                {
                    "pricelist_id": item.pricelist_id.id,
                    "product_tmpl_id": item.product_tmpl_id.id,
                    "product_id": item.product_id.id,
                    "min_quantity": item.min_quantity,
                    "date_start": item.date_start,
                    "date_end": item.date_end,
                }
            ): item
            for item in items
        }

    def _pricelist(self, plan, article, line):
        """By its name, the company's first; made behind all others where it is not, so
        that no customer gets it who was not given it."""
        key = fold(line.name)
        if key not in plan.pricelists:
            Pricelist = plan.job.env["product.pricelist"]
            domain = [("company_id", "in", (False, plan.company.id))]
            found = Pricelist.search(
                [*domain, ("name", "=ilike", _literal(line.name))],
                order="company_id, sequence, id",
                limit=1,
            )
            if not found:
                last = Pricelist.search(domain, order="sequence desc", limit=1)
                if not last:
                    # Odoo gives whoever has none the first that there is.
                    base = Pricelist.create(plan.company._get_default_pricelist_vals())
                    plan.note(article.row, base, {"name": base.name})
                found = Pricelist.create(
                    {
                        "name": line.name,
                        "company_id": plan.company.id,
                        "currency_id": plan.company.currency_id.id,
                        "sequence": max(last.sequence, 100) + 1,
                    }
                )
                plan.note(article.row, found, {"name": found.name})
            plan.pricelists[key] = found
        pricelist = plan.pricelists[key]
        if pricelist.currency_id != plan.company.currency_id:
            article.notices.append(
                Problem("tariff_currency", line.name[:80], {}, "tariff")
            )
            return None
        return pricelist

    # UNDOING

    @api.model
    def _undo_counts(self, job):
        """``(records made, {}, records changed)``: what stays is known when it is
        tried, for anything may name an article."""
        changes = self.env["telemarketing.import.change"].sudo()
        domain = [("import_id", "=", job.id), ("res_model", "!=", False)]
        changed = changes.search_count([*domain, ("old_values", "!=", False)])
        return changes.search_count(domain) - changed, {}, changed

    @api.model
    def _undo_steps(self, job):
        """A generator that takes back what the load made and nobody uses, and puts back
        what it changed and nobody changed since; the last first, so that what hangs
        from an article goes before it."""
        self = self.with_env(job.env)
        self._check_user()
        Change = self.env["telemarketing.import.change"].sudo()
        while True:
            job._begin_chunk()
            changes = Change.search(
                [
                    ("import_id", "=", job.id),
                    ("res_model", "!=", False),
                    ("kept", "=", False),
                ],
                order="id desc",
                limit=CHUNK,
            )
            if not changes:
                break
            self._undo_changes(job, changes)
            job._keep_chunk(len(changes), job.kept_people)
            yield len(changes)
        kept = Change.search(
            [("import_id", "=", job.id), ("kept", "=", True)], order="id", limit=20
        )
        names = [
            record.display_name
            for change in kept
            if (record := self.env[change.res_model].browse(change.res_id).exists())
        ]
        job.write(
            {
                "state": "undone",
                "error": self.env._(
                    "These stay, for something names them or somebody has changed "
                    "them since: %s",
                    ", ".join(names),
                )
                if names
                else False,
            }
        )
        job._keep_chunk(0)

    def _undo_changes(self, job, changes):
        quiet = {**QUIET, "allowed_company_ids": job.company_id.ids}
        env = job.sudo().with_context(**quiet, active_test=False).env
        counts = {"undone_people": 0, "kept_people": 0, "restored": 0}
        counts["not_restored"] = 0
        gone = changes.browse()
        for change in changes:
            record = env[change.res_model].browse(change.res_id).exists()
            if not record:
                gone |= change
                continue
            if change.old_values:
                done = self._put_back(record, change)
                counts["restored" if done else "not_restored"] += 1
            else:
                done = self._take_back(record, change)
                counts["undone_people" if done else "kept_people"] += 1
            if done:
                gone |= change
        (changes - gone).kept = True
        gone.unlink()
        job.write({name: job[name] + more for name, more in counts.items()})

    def _put_back(self, record, change):
        names = list(change.new_values)
        now = self._as_written(record, names)
        if not all(_same(now[name], change.new_values[name]) for name in names):
            return False
        vals = {
            name: [fields.Command.set(value)]
            if record._fields[name].type == "many2many"
            else value
            for name, value in change.old_values.items()
        }
        try:
            with self.env.cr.savepoint():
                record.write(vals)
                self.env.flush_all()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except (UserError, ValidationError, DatabaseError):
            record.invalidate_recordset()
            return False
        return True

    def _take_back(self, record, change):
        """Delete what the load made, unless somebody changed it or anything names it:
        what hangs from it and was not loaded would go with it."""
        made = change.new_values or {}
        now = self._as_written(record, made)
        if not all(_same(now[name], made[name]) for name in made):
            return False
        if self._is_used(record):
            return False
        try:
            with self.env.cr.savepoint():
                record.unlink()
                self.env.flush_all()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except (UserError, ValidationError, DatabaseError):
            self.env.invalidate_all()
            return False
        return True

    # What is a product's own and goes with it.
    _OWN_TABLES = {
        *("product_product", "product_taxes_rel", "product_supplier_taxes_rel"),
        "product_template",
    }

    def _is_used(self, record):
        """Does any row of another table name it?"""
        records = [record]
        if record._name == "product.template":
            records.append(record.product_variant_ids)
        self.env.flush_all()
        for each in records:
            for table, column in self._references(each._table):
                if table in self._OWN_TABLES and each._name.startswith("product.p"):
                    continue
                if table in self._OWN_TABLES and record._name == "product.template":
                    continue
                self.env.cr.execute(
                    SQL(
                        "SELECT 1 FROM %s WHERE %s = ANY(%s) LIMIT 1",
                        SQL.identifier(table),
                        SQL.identifier(column),
                        each.ids,
                    )
                )
                if self.env.cr.fetchone():
                    return True
        return False

    def _references(self, table):
        """``[(table, column)]`` of the foreign keys that point there."""
        self.env.cr.execute(
            """SELECT c.conrelid::regclass::text, a.attname
               FROM pg_constraint c
               JOIN pg_attribute a
                 ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
               WHERE c.contype = 'f' AND c.confrelid = %s::regclass""",
            [table],
        )
        return self.env.cr.fetchall()


class TelemarketingImportChange(models.Model):
    _inherit = "telemarketing.import.change"

    # Of articles: what was made or changed is a product, an offer, a line of a tariff.
    res_model = fields.Char("Kind of Record", readonly=True)
    res_id = fields.Many2oneReference(
        "Record", model_field="res_model", readonly=True, index="btree_not_null"
    )


def _item_key(vals):
    return (
        vals["pricelist_id"],
        vals["product_tmpl_id"],
        vals["product_id"] or False,
        round(vals["min_quantity"], 6),
        vals["date_start"] or False,
        vals["date_end"] or False,
    )


def _literal(name):
    """A name for ``=ilike`` that is itself only."""
    return name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _sentence(error):
    text = str(error.args[0] if error.args else error)
    return " ".join(text.split())[:160]


def _same(one, other):
    if isinstance(one, float) or isinstance(other, float):
        return not float_compare(one or 0.0, other or 0.0, precision_digits=6)
    return (one or False) == (other or False)
