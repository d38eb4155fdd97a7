"""What a call costs the server: dial, then close and get the next person.

Measured in this process through the same door as the web client's requests
(``call_kw`` with Odoo's retries, each in a committed transaction of its own), and once
more over HTTP against a server process. Baseline of the same run: a salesperson saves
one opportunity's form and opens it.
"""

import base64
import functools
import subprocess
import sys
import time
import uuid
from datetime import date, timedelta

import databases
import requests
from lxml import etree

from . import common

NAME = "close"
PEOPLE = 3000
AGENT = "bench_agent"
SELLER = "bench_seller"


def prepare(name):
    """A campaign with people in it, an agent and a salesperson."""
    common.registry(name)
    with common.environment(name) as env:
        users = env["res.users"].with_context(no_reset_password=True)
        group = env.ref("telemarketing_base.group_agent")
        agent = users.create(
            {
                "name": "Agente",
                "login": AGENT,
                "password": AGENT,
                "group_ids": [(6, 0, [group.id])],
            }
        )
        seller = users.create(
            {
                "name": "Comercial",
                "login": SELLER,
                "password": SELLER,
                "group_ids": [
                    (6, 0, [env.ref("sales_team.group_sale_salesman_all_leads").id])
                ],
            }
        )
        campaign = env["telemarketing.campaign"].create(
            {"name": "Fibra", "kind": "telesales", "agent_ids": [(6, 0, agent.ids)]}
        )
        article = env["telemarketing.campaign.article"].create(
            {
                "campaign_id": campaign.id,
                "product_id": env["product.product"]
                .create({"name": "Fibra 600", "list_price": 29.9})
                .id,
            }
        )
        campaign.action_start()
        dispositions = {
            title: env["telemarketing.disposition"].create({"name": title, **values}).id
            for title, values in {
                "plain": {"kind": "redial_same"},
                "qualifying": {
                    "kind": "none",
                    "outcome": "useful",
                    "qualifies": True,
                },
                "with order": {
                    "kind": "none",
                    "outcome": "useful",
                    "qualifies": True,
                    "is_conversion": True,
                    "needs_order": True,
                },
            }.items()
        }
        # Nobody may be called at night: the clock is wound to working hours.
        env["ir.config_parameter"].set_param("telemarketing.demo_database", "1")
        env["telemarketing.clock"]._wind(always=True)
        database = env["telemarketing.database"].create(
            {
                "name": "Base",
                "campaign_id": campaign.id,
                "legal_basis": "consent",
                "basis_date": date.today() - timedelta(days=30),
                "basis_source": "Coupon of the spring fair",
                "required_fields": "phone,name",
            }
        )
        rows = ["Nombre;Teléfono;Dirección;Población;C.P."] + [
            f"Persona {n};{600000000 + n};Calle Mayor {n};Madrid;28001"
            for n in range(PEOPLE)
        ]
        job = env["telemarketing.import"].create(
            {
                "database_id": database.id,
                "filename": "base.csv",
                "file": base64.b64encode("\n".join(rows).encode()),
            }
        )
        job.action_read()
        job.action_load()
        job._load()
        partner = env["res.partner"].create({"name": "Cliente", "email": "a@b.es"})
        lead = env["crm.lead"].create(
            {
                "name": "Oportunidad",
                "type": "opportunity",
                "partner_id": partner.id,
                "user_id": seller.id,
            }
        )
        return {
            "agent": agent.id,
            "seller": seller.id,
            "campaign": campaign.id,
            "article": article.id,
            "dispositions": dispositions,
            "lead": lead.id,
        }


def specification(env):
    """What the web client asks of the lead's form: its fields, two levels deep."""
    answer = env["crm.lead"].get_views([(False, "form")])
    models = {name: model["fields"] for name, model in answer["models"].items()}

    def of(node, model):
        found = {}
        for field in node.iterdescendants("field"):
            # Not those of a list inside the form: they are its field's.
            if next(field.iterancestors("field", node.tag), None) is not node:
                continue
            name = field.get("name")
            info = models[model].get(name)
            if not info:
                continue
            if info["type"] in ("many2one", "reference"):
                found[name] = {"fields": {"display_name": {}}}
            elif info["type"] in ("one2many", "many2many"):
                view = next((child for child in field if child.tag != "form"), None)
                fields = {"display_name": {}}
                if view is not None and info["relation"] in models:
                    fields |= of(view, info["relation"])
                found[name] = {"fields": fields}
            else:
                found[name] = {}
        return found

    return of(etree.fromstring(answer["views"]["form"]["arch"]), "crm.lead")


class InProcess:
    """Requests without HTTP: what Odoo does of them after it read the JSON."""

    def __init__(self, name):
        self.registry = common.registry_of(name)

    def call(self, user, model, method, *args, **kwargs):
        """:return: ``(answer, seconds, queries)``"""
        from odoo import api
        from odoo.service.model import call_kw, retrying

        begun = time.perf_counter()
        with self.registry.cursor() as cr:
            env = api.Environment(cr, user, {"lang": "en_US", "tz": "Europe/Madrid"})
            work = functools.partial(call_kw, env[model], method, args, kwargs)
            answer = retrying(work, env)
            queries = cr.sql_log_count
        return answer, time.perf_counter() - begun, queries


class OverHttp:
    def __init__(self, url, name):
        self.url, self.name, self.sessions = url, name, {}

    def login(self, user, login):
        session = self.sessions[user] = requests.Session()
        session.post(
            f"{self.url}/web/session/authenticate",
            json={"params": {"db": self.name, "login": login, "password": login}},
            timeout=60,
        ).raise_for_status()

    def call(self, user, model, method, *args, **kwargs):
        begun = time.perf_counter()
        answer = (
            self.sessions[user]
            .post(
                f"{self.url}/web/dataset/call_kw/{model}/{method}",
                json={
                    "jsonrpc": "2.0",
                    "method": "call",
                    "params": {
                        "model": model,
                        "method": method,
                        "args": args,
                        "kwargs": kwargs,
                    },
                },
                timeout=60,
            )
            .json()
        )
        took = time.perf_counter() - begun
        if "error" in answer:
            raise databases.Failure(answer["error"]["data"]["debug"])
        return answer["result"], took, 0


def measure(door, ids, form, rounds, warm):
    """Samples by title; the kinds take turns, so that noise falls on all alike."""
    token = str(uuid.uuid4())
    samples = {}

    def note(title, counted, *results):
        if counted:
            samples.setdefault(title, []).append(
                (sum(r[1] for r in results), sum(r[2] for r in results))
            )

    def desk(method, **kwargs):
        return door.call(
            ids["agent"], "telemarketing.desk", method, token=token, **kwargs
        )

    desk("open_desk")
    if desk("open_desk")[0]["other_seat"]:
        desk("take_over")
    desk("choose_campaign", campaign_id=ids["campaign"])
    call = desk("get_next")[0]["call"]
    order = {"lines": [{"article_id": ids["article"], "quantity": 1}]}
    for place in range(rounds + warm):
        counted = place >= warm
        for title in ("plain", "plain", "qualifying", "with order"):
            key = str(uuid.uuid4())
            dialled = desk(
                "dial",
                uuid=key,
                target_id=call["target"]["id"],
                phone_id=call["target"]["suggested_phone_id"],
            )
            closed = desk(
                "close_and_get_next",
                uuid=key,
                target_id=call["target"]["id"],
                disposition_id=ids["dispositions"][title],
                payload={
                    "notes": "Interested",
                    **({"order": order} if title == "with order" else {}),
                },
            )
            if closed[0]["closed"]["todo"]:
                raise databases.Failure(closed[0]["closed"]["todo"])
            note("dial", counted, dialled)
            note(title, counted, closed)
            call = closed[0]["call"]
        values = {"name": f"Oportunidad {place}", "expected_revenue": place}
        saved = door.call(
            *(ids["seller"], "crm.lead", "web_save", [ids["lead"]], values),
            specification=form,
        )
        opened = door.call(
            *(ids["seller"], "crm.lead", "web_read", [ids["lead"]]),
            specification=form,
        )
        note("lead form", counted, saved, opened)
    return {
        title: {
            **common.summary([seconds for seconds, _queries in found]),
            "queries": max(queries for _seconds, queries in found),
        }
        for title, found in samples.items()
    }


def over_http(name, ids, form, rounds):
    port = databases.free_port()
    url = f"http://127.0.0.1:{port}"
    log = common.ARTEFACTS / "bench-close-server.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "odoo", "-d", name),
                *("--db-filter", f"^{name}$", "--max-cron-threads", "0"),
                *("--data-dir", str(databases.DATA / "odoo")),
                *("--http-interface", "127.0.0.1", "--http-port", str(port)),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for _try in range(600):
            try:
                if requests.get(f"{url}/web/login", timeout=60).ok:
                    break
            except requests.RequestException:
                time.sleep(0.1)
        door = OverHttp(url, name)
        door.login(ids["agent"], AGENT)
        door.login(ids["seller"], SELLER)
        return measure(door, ids, form, rounds, 5)
    finally:
        server.kill()
        server.wait()


def main(arguments):
    rounds = 10 if arguments.quick else 60
    result = {"machine": common.machine(), "rounds": rounds}
    with common.database(NAME, arguments.keep) as name:
        databases.say(f"{PEOPLE} people, an agent, a salesperson")
        ids = prepare(name)
        with common.environment(name, ids["seller"]) as env:
            form = specification(env)
        result["lead_form_fields"] = len(form)
        databases.say("In this process")
        result["server"] = measure(InProcess(name), ids, form, rounds, 5)
        databases.say("Over HTTP, a server process")
        result["http"] = over_http(name, ids, form, max(5, rounds // 2))
    server = result["server"]
    result["bars"] = {
        "plain close below the lead form": server["plain"]["p50"]
        < server["lead form"]["p50"]
        and server["plain"]["p95"] < server["lead form"]["p95"],
    }
    titles = ("dial", "plain", "qualifying", "with order", "lead form")
    common.table(
        "A call's two requests, beside saving and opening one opportunity (ms)",
        ["", "queries", "p50", "p95", "HTTP p50", "HTTP p95"],
        [
            [
                title,
                server[title]["queries"],
                server[title]["p50"],
                server[title]["p95"],
                result["http"][title]["p50"],
                result["http"][title]["p95"],
            ]
            for title in titles
        ],
    )
    for bar, met in result["bars"].items():
        print(f"  {common.verdict(met):<8} {bar}")
    common.write(NAME, result, arguments.quick)
    return True
