import json
import logging
import uuid as uuids
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.telemarketing_base.compliance import check_caller

from ..bridge.records import Agent, Attempt, Campaign, Command, Server, Snapshot, Trunk
from .agent_session import EXTENSION
from .campaign import AUTOMATIC

_logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1)
BY_ITSELF = ("progressive", "predictive")
UNDER_WAY = ("dialling", "talking")
# A dialler that died holds its people so long, ringing apart.
LEASE = timedelta(minutes=2)
MOST = 50
# People whom the list offers and who may not be called after all: so often more are
# asked for, in one take.
ROUNDS = 4
# Nobody was rung: the carrier's fault or ours.
NOT_RUNG = ("congestion", "failed", "cancelled")
# The person picked up and nobody was there.
DROPPED = ("abandoned", "hung_up", "unknown")
SOON = timedelta(minutes=5)
# Elsewhere on the telephone, or no trunk takes the number now.
LATER = timedelta(minutes=15)
# Desks say once a minute that they are there; a hidden tab may say it late.
SILENT = timedelta(minutes=3)

# What one person's data may lead to, which must not stop what is done for the others.
_CANNOT = (UserError, IntegrityError, ValueError, LookupError, TypeError)


class LostOwnership(Exception):  # noqa: N818  it is no error of whoever raises it
    """Another process owns the server now: this one writes nothing any more."""


class AgentTaken(UserError):
    """The agent has somebody else on the desk, or is gone: never delivered there."""


class TelemarketingDialer(models.AbstractModel):
    """What a dialer process asks of the database, and tells it.

    Called from the process only, in threads, each call in a READ COMMITTED
    transaction of its own with a fresh environment of the superuser, which the
    process opens and commits; nothing here is public. Arguments and results are those
    of ``bridge.records.Store``: instants are seconds of the Unix epoch by
    PostgreSQL's clock. What people see is written by the clock that rules ask
    (``telemarketing.clock``), which a demonstration shifts: ``_at`` and ``_seconds``
    are the only ways between the two.
    """

    _name = "telemarketing.dialer"
    _description = "Dialer"

    # TIME AND OWNERSHIP

    @api.model
    def _at(self, seconds):
        """Naive UTC instant of ``telemarketing.clock``; False of None."""
        if seconds is None:
            return False
        shift = self.env["telemarketing.clock"]._shift()
        return EPOCH + timedelta(seconds=int(seconds) + shift)

    @api.model
    def _seconds(self, instant):
        """The other way round; None of False."""
        if not instant:
            return None
        shift = self.env["telemarketing.clock"]._shift()
        return (instant - EPOCH).total_seconds() - shift

    @api.model
    def _own(self, server_id, epoch):
        """Hold the server's ownership until this transaction ends, or raise.

        Who takes over waits for it (``FOR UPDATE``); renewing, the red button and what
        the process says of itself do not, or a busy process would starve them.

        :return: PostgreSQL's clock, seconds
        """
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT extract(epoch FROM clock_timestamp())
               FROM telemarketing_dialer_server
               WHERE id = %s AND epoch = %s FOR KEY SHARE""",
            [server_id, epoch],
        )
        row = self.env.cr.fetchone()
        if not row:
            raise LostOwnership(f"server {server_id}, epoch {epoch}")
        return float(row[0])

    # ALL THAT IT NEEDS TO KNOW

    @api.model
    def _snapshot(self, server_id, epoch):
        now = self._own(server_id, epoch)
        server = self.env["telemarketing.dialer.server"].sudo().browse(server_id)
        campaigns = self.env["telemarketing.campaign"].sudo()
        campaigns = campaigns.search(
            [
                ("dialer_server_id", "=", server.id),
                ("state", "in", ("running", "paused")),
            ]
        )
        return Snapshot(
            server=self._server_values(server, epoch),
            campaigns=tuple(self._campaign_values(server, c) for c in campaigns),
            trunks=self._trunk_values(server),
            agents=self._agents(server),
            open=self._open_attempts(server),
            commands=self._commands(server),
            pacing=server.pacing or None,
            now=now,
        )

    @api.model
    def _server_values(self, server, epoch):
        parameters = self.env["ir.config_parameter"].sudo()
        return Server(
            id=server.id,
            epoch=epoch,
            host=server.host,
            port=server.port,
            user=server.user,
            secret=server.secret or "",
            tls=server.tls,
            agent_channel=server.agent_channel,
            agent_ring_seconds=server.agent_ring_seconds,
            notice_sound=server.notice_sound or "",
            database=parameters.get_param("database.uuid") or "",
            stopped=bool(server.stopped_at) or not server.active,
        )

    @api.model
    def _campaign_values(self, server, campaign):
        now = self.env["telemarketing.clock"]._now()
        day = self.env["telemarketing.gate"]._company_today(campaign.company_id, now)
        return Campaign(
            id=campaign.id,
            mode=campaign.dialing_mode,
            runs=self._runs(server, campaign),
            target=campaign.abandon_target / 100,
            limit=campaign.abandon_limit / 100,
            day=day.isoformat(),
            trunks=tuple(campaign._trunks().ids),
        )

    @api.model
    def _runs(self, server, campaign):
        return bool(
            server.active
            and not server.stopped_at
            and campaign.dialer_server_id == server
            and campaign.state == "running"
            and not campaign.dialing_stopped_at
            # Its people are invented.
            and not campaign.training
            # The company may have moved to an edition without.
            and (
                campaign.dialing_mode not in AUTOMATIC
                or campaign.company_id._telemarketing_has("dialer")
            )
        )

    @api.model
    def _trunk_values(self, server):
        spent = self._spent(server.trunk_ids)
        return tuple(
            Trunk(
                id=trunk.id,
                channels=trunk.max_channels,
                per_second=trunk.calls_per_second,
                spent=trunk in spent,
                backoff_until=(trunk.backoff_until - EPOCH).total_seconds()
                if trunk.backoff_until
                else 0.0,
            )
            for trunk in server.trunk_ids
        )

    @api.model
    def _agents(self, server):
        """Open sessions in a campaign of this server, and those whose telephone is
        connected there."""
        now = self.env["telemarketing.clock"]._now()
        self.env.cr.execute(
            """SELECT s.id, s.user_id, COALESCE(s.extension, ''),
                      CASE WHEN c.dialer_server_id = %(server)s THEN c.id END,
                      -- A desk that says nothing any more gets nobody.
                      CASE WHEN s.last_seen_at < %(silent)s THEN 'paused'
                           ELSE s.state END,
                      COALESCE(s.phone_wanted, false),
                      EXISTS (SELECT 1 FROM telemarketing_target t
                              WHERE t.campaign_id = s.campaign_id
                                AND t.state = 'ready' AND t.live
                                AND t.due_at IS NOT NULL AND t.callback
                                AND t.callback_user_id = s.user_id
                                AND t.due_at <= %(now)s)
               FROM telemarketing_agent_session s
               LEFT JOIN telemarketing_campaign c ON c.id = s.campaign_id
               WHERE s.logout_at IS NULL AND s.dialer_server_id = %(server)s
               ORDER BY s.id""",
            {"server": server.id, "now": now, "silent": now - SILENT},
        )
        agents = (Agent(*row) for row in self.env.cr.fetchall())
        return tuple(
            a if EXTENSION.fullmatch(a.extension) else a._replace(extension="")
            for a in agents
        )

    @api.model
    def _open_attempts(self, server):
        found = self.env["telemarketing.interaction"].sudo()
        found = found.search(
            [
                ("state", "in", UNDER_WAY),
                ("dialer_server_id", "=", server.id),
                ("provider", "=", "asterisk"),
            ],
            order="id",
        )
        return tuple(self._attempt_values(interaction) for interaction in found)

    @api.model
    def _attempt_values(self, interaction, at=None):
        campaign, trunk = interaction.campaign_id, interaction.dialer_trunk_id
        whole = campaign.record_calls == "always"
        alone = interaction.dialing_mode in BY_ITSELF
        return Attempt(
            uuid=interaction.uuid,
            campaign=campaign.id,
            channel=trunk._channel_of(interaction.e164) if trunk else "",
            trunk=trunk.id,
            caller=interaction.caller_e164 or "",
            ring_seconds=campaign.ring_seconds,
            session=interaction.session_id.id or None,
            recording=interaction.uuid if whole else "",
            record_notice=(campaign.record_notice or "") if whole else "",
            detect=alone and campaign.detect_machines,
            notice=campaign.notice_sound
            or interaction.dialer_server_id.notice_sound
            or "",
            at=self._seconds(interaction.started_at) if at is None else at,
            state=interaction.state,
            answered_at=self._seconds(interaction.answered_at),
            mode=interaction.dialing_mode or "manual",
        )

    @api.model
    def _commands(self, server, number=None):
        self.env.cr.execute(
            """SELECT id, kind, COALESCE(uuid, ''), session_id, params,
                      extract(epoch FROM at)
               FROM telemarketing_dialer_command
               WHERE server_id = %s AND done_at IS NULL
                 AND (%s::int IS NULL OR id = %s)
               ORDER BY id""",
            [server.id, number, number],
        )
        return tuple(
            Command(found, kind, uuid, session, params or {}, float(at))
            for found, kind, uuid, session, params, at in self.env.cr.fetchall()
        )

    # THE WAY OUT

    @api.model
    def _spent(self, trunks):
        """Those whose minutes or money of their company's day are gone; what is being
        said counts."""
        capped = trunks.filtered(
            lambda t: t.minutes_per_day or (t.spend_per_day and t.minute_price)
        )
        spent = trunks.browse()
        for company, some in capped.grouped("company_id").items():
            desk = self.env["telemarketing.desk"].sudo()
            self.env.cr.execute(
                """SELECT dialer_trunk_id,
                          SUM(GREATEST(0, extract(epoch FROM
                              COALESCE(ended_at, %(now)s) - answered_at))) / 60
                   FROM telemarketing_interaction
                   WHERE dialer_trunk_id = ANY(%(trunks)s) AND answered_at IS NOT NULL
                     AND started_at >= %(since)s
                   GROUP BY 1""",
                {
                    "trunks": some.ids,
                    "since": desk._day_start(company),
                    "now": self.env["telemarketing.clock"]._now(),
                },
            )
            minutes = dict(self.env.cr.fetchall())
            for trunk in some:
                used = float(minutes.get(trunk.id, 0))
                if (0 < trunk.minutes_per_day <= used) or (
                    0 < trunk.spend_per_day <= used * trunk.minute_price
                ):
                    spent |= trunk
        return spent

    @api.model
    def _rooms(self, campaign):
        """``{trunk: calls that it takes more}`` of those that may be used now, in the
        order in which they are tried."""
        now = self.env.cr.now()
        trunks = campaign._trunks().filtered(
            lambda t: not t.backoff_until or t.backoff_until <= now
        )
        trunks -= self._spent(trunks)
        if not trunks:
            return {}
        self.env.cr.execute(
            """SELECT dialer_trunk_id, count(*) FROM telemarketing_interaction
               WHERE state IN ('dialling', 'talking') AND dialer_trunk_id = ANY(%s)
               GROUP BY 1""",
            [trunks.ids],
        )
        used = dict(self.env.cr.fetchall())
        rooms = {trunk: trunk.max_channels - used.get(trunk.id, 0) for trunk in trunks}
        return {trunk: room for trunk, room in rooms.items() if room > 0}

    @api.model
    def _route(self, campaign, e164, rooms):
        """``(trunk, number shown)`` for a call to this number; ``(none, "")``: no trunk
        takes it."""
        for trunk, room in rooms.items():
            if room > 0 and trunk._channel_of(e164):
                caller = self._caller(campaign, trunk)
                if caller is not None:
                    return trunk, caller
        return self.env["telemarketing.dialer.trunk"], ""

    @api.model
    def _caller(self, campaign, trunk):
        """The number to show: the campaign's, else the trunk's first that the law
        admits for this purpose (Orden TDF/149/2025 arts. 9 and 10).

        :return: "": the carrier decides; None: none that this trunk may show
        """
        own = campaign._caller_number(campaign.caller_number)
        shown = trunk.caller_ids.filtered("active").mapped("e164")
        if own:
            # The gate judges it.
            return own if not shown or own in shown else None
        if not shown:
            return ""
        gate = self.env["telemarketing.gate"]
        now = self.env["telemarketing.clock"]._now()
        today = gate._company_today(campaign.company_id, now)
        rules = gate._rules(campaign.company_id)
        for number in shown:
            refused, _warned = check_caller(number, campaign.call_purpose, today, rules)
            if not refused:
                return number
        return None

    # PEOPLE

    @api.model
    def _take(self, server_id, epoch, campaign, count, session=None):
        at = self._own(server_id, epoch)
        self = self.sudo()  # noqa: PLW0642
        server = self.env["telemarketing.dialer.server"].browse(server_id)
        campaign = self.env["telemarketing.campaign"].browse(campaign)
        if not self._runs(server, campaign) or campaign.dialing_mode not in BY_ITSELF:
            return ()
        agent = self.env["telemarketing.agent.session"].browse(session)
        if session and (agent.logout_at or agent.campaign_id != campaign):
            return ()
        rooms = self._rooms(campaign)
        count = min(count, MOST, sum(rooms.values()))
        taken = []
        for _round in range(ROUNDS):
            wanted = count - len(taken)
            if wanted <= 0:
                break
            targets = self._lease(server, campaign, wanted, agent.user_id)
            if not targets:
                break
            found = self._choose(targets, campaign, rooms)
            taken += self._write_attempts(server, epoch, campaign, found, agent)
        return tuple(self._attempt_values(i, at) for i in taken)

    @api.model
    def _lease(self, server, campaign, count, user):
        """Targets leased to this server, at most ``count``; only the due callbacks of
        ``user`` where one is given. See ``telemarketing.target._dialer_lease_query``.
        """
        now = self.env["telemarketing.clock"]._now()
        until = now + LEASE + timedelta(seconds=campaign.ring_seconds)
        Target = self.env["telemarketing.target"]

        def lease(place, wanted):
            self.env.cr.execute(
                "SELECT telemarketing_dialer_lease(%s, %s, %s, %s, %s, %s, %s)",
                [campaign.id, server.id, user.id or None, place, now, until, wanted],
            )
            return [row[0] for row in self.env.cr.fetchall()]

        ids = self.env["telemarketing.dialer.list"]._lease_by_turns(
            campaign, count, lease, only_callbacks=bool(user)
        )
        targets = Target.browse(ids)
        targets.invalidate_recordset()
        return targets

    @api.model
    def _choose(self, targets, campaign, rooms):
        """Whom of the leased may be dialled on which number through which trunk; the
        others go back.

        :return: ``[(target, phone, facts, verdict, trunk, caller)]``
        """
        busy_people, busy_numbers = self._lock_people(targets)
        gate = self.env["telemarketing.gate"]
        desk = self.env["telemarketing.desk"]
        refusals = self.env["telemarketing.refusal"]
        answers_of = gate._ask_each(targets, self.env["telemarketing.clock"]._now())
        chosen, back, later, nowhere = [], *[targets.browse()] * 3
        for target in targets:
            answers = answers_of[target]
            phones = target.contact_id.phone_ids.filtered(
                lambda p, a=answers: p.id in a
            )
            verdicts = {p: {"answer": answers[p.id][1].answer} for p in phones}
            phone = desk._suggested_phone(target, verdicts)
            if not phone or verdicts[phone]["answer"] != "allowed":
                target._write_refusal(answers)
                facts, verdict = answers.get(phone.id) or next(iter(answers.values()))
                refusals._log(target, gate._values(facts, verdict), phone)
                back |= target
                continue
            if target.contact_id.id in busy_people:
                later |= target
                continue
            allowed = (phone | phones).filtered(
                lambda p, v=verdicts: v[p]["answer"] == "allowed"
            )
            for each in allowed:
                if each.number_id.id in busy_numbers:
                    continue
                trunk, caller = self._route(campaign, each.e164, rooms)
                if trunk:
                    rooms[trunk] -= 1
                    busy_numbers.add(each.number_id.id)
                    busy_people.add(target.contact_id.id)
                    chosen.append((target, each, *answers[each.id], trunk, caller))
                    break
            else:
                trunks = campaign._trunks()
                if any(t._channel_of(p.e164) for t in trunks for p in allowed):
                    later |= target
                else:
                    nowhere |= target
        self._give_back(back, later, nowhere)
        return chosen

    @api.model
    def _lock_people(self, targets):
        """Nobody else writes an attempt to these people and their numbers until this
        transaction ends.

        :return: ids of the people and of the numbers with which a call is under way
        """
        cr = self.env.cr
        contacts = targets.contact_id
        cr.execute(
            """SELECT id FROM telemarketing_contact WHERE id = ANY(%s)
               ORDER BY id FOR NO KEY UPDATE""",
            [contacts.ids],
        )
        cr.execute(
            """SELECT id FROM telemarketing_number
               WHERE id IN (SELECT number_id FROM telemarketing_contact_phone
                            WHERE contact_id = ANY(%s))
               ORDER BY id FOR NO KEY UPDATE""",
            [contacts.ids],
        )
        numbers = [row[0] for row in cr.fetchall()]
        cr.execute(
            """SELECT contact_id, number_id FROM telemarketing_interaction
               WHERE state IN ('dialling', 'talking')
                 AND (contact_id = ANY(%s) OR number_id = ANY(%s))""",
            [contacts.ids, numbers],
        )
        rows = cr.fetchall()
        return {row[0] for row in rows}, {row[1] for row in rows}

    @api.model
    def _give_back(self, targets, later=(), nowhere=()):
        """Leased for nothing: ``targets`` as the list knows them, ``later`` because
        something stands in the way for a while, ``nowhere`` because no trunk of the
        campaign carries any of their numbers."""
        now = self.env["telemarketing.clock"]._now()
        if later:
            later.next_call_at = now + LATER
            targets |= later
        if nowhere:
            nowhere.next_call_at = now + timedelta(days=1)
            targets |= nowhere
            campaign = nowhere.campaign_id
            self._log_entry(
                campaign.dialer_server_id.id,
                "refused",
                self.env._(
                    "%s people: no trunk of the campaign carries their numbers.",
                    len(nowhere),
                ),
                campaign.id,
            )
        if targets:
            targets.write(
                {"state": "ready", "dialer_server_id": False, "leased_until": False}
            )
            targets._refresh_gate(targets=targets)

    @api.model
    def _write_attempts(self, server, epoch, campaign, chosen, agent):
        if not chosen:
            return self.env["telemarketing.interaction"]
        actions = campaign._action_types()
        attempts = [
            (
                target,
                phone,
                facts,
                verdict,
                target._prepare_attempt_values(
                    str(uuids.uuid4()), self.env["telemarketing.clock"]._now(), actions
                )
                | {
                    "provider": "asterisk",
                    "state": "dialling",
                    "dialing_mode": campaign.dialing_mode,
                    "session_id": agent.id,
                    "dialer_server_id": server.id,
                    "dialer_trunk_id": trunk.id,
                    "dialer_epoch": epoch,
                    "caller_e164": caller,
                },
            )
            for target, phone, facts, verdict, trunk, caller in chosen
        ]
        return self._write_safely(server, attempts)

    @api.model
    def _write_safely(self, server, attempts):
        """All at once; where that fails each by itself, so that one person of whom
        nothing can be written does not stop the campaign: that one waits a day."""
        Interaction = self.env["telemarketing.interaction"]
        now = self.env["telemarketing.clock"]._now()
        try:
            with self.env.cr.savepoint():
                written = Interaction._write_attempts(attempts, now)
                self.env.flush_all()
                return written
        except _CANNOT as error:
            self.env.invalidate_all(flush=False)
            if len(attempts) > 1:
                for attempt in attempts:
                    Interaction |= self._write_safely(server, [attempt])
                return Interaction
            target = attempts[0][0]
            text = f"{target.campaign_id.name}, {target.id}: {error}"
            self._log_entry(server.id, "fault", text, target.campaign_id.id)
            target.next_call_at = now + timedelta(days=1)
            self._give_back(target)
            return Interaction

    # WHAT BECAME OF THEM

    @api.model
    def _finish(self, server_id, epoch, finished):
        self._own(server_id, epoch)
        told = {each.uuid: each for each in finished}
        interactions = self._lock_attempts(server_id, list(told))
        for interaction in interactions.filtered("muted_since"):
            interaction._unmute(self._at(told[interaction.uuid].ended_at))
        # Told before, or closed by the job that finds what nobody ended.
        interactions = interactions.filtered(lambda i: not i.dial_outcome)
        alone = interactions.filtered(lambda i: i.state != "done" and not i.agent_id)
        self._lock_sessions((interactions - alone).session_id.ids)
        for interaction in interactions - alone:
            self._finish_attended(interaction, told[interaction.uuid])
        self._finish_safely(alone, told)
        self.env.flush_all()

    @api.model
    def _finish_safely(self, interactions, told):
        """All at once; where that fails each by itself, so that one person whom no rule
        can move on does not leave the calls of the others without an end."""
        try:
            with self.env.cr.savepoint():
                self._finish_alone(interactions, told)
                self.env.flush_all()
        except _CANNOT as error:
            self.env.invalidate_all(flush=False)
            if len(interactions) > 1:
                for interaction in interactions:
                    self._finish_safely(interaction, told)
                return
            _logger.warning("call %s: %s", interactions.uuid, error)
            now = self.env["telemarketing.clock"]._now()
            interactions._close_as_lost(now)
            interactions.dial_outcome = told[interactions.uuid].outcome
            held = self._lock_people_of(interactions)
            held._return_to_queue(now)

    @api.model
    def _lock_attempts(self, server_id, uuids):
        self.env.cr.execute(
            """SELECT id FROM telemarketing_interaction
               WHERE uuid = ANY(%s) AND dialer_server_id = %s AND provider = 'asterisk'
               ORDER BY id FOR UPDATE""",
            [uuids, server_id],
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        return self.env["telemarketing.interaction"].sudo().browse(ids)

    @api.model
    def _line_values(self, interaction, end):
        """What the line said, as fields of the interaction that do not have it yet."""
        values = {
            "dial_outcome": end.outcome,
            "hangup_cause": str(end.cause or "") or False,
            "tech_cause": (end.tech_cause or "")[:64] or False,
            "machine": end.machine or False,
        }
        for name in ("rang_at", "answered_at", "bridged_at"):
            if not interaction[name]:
                values[name] = self._at(getattr(end, name))
        return values

    @api.model
    def _finish_attended(self, interaction, end):
        """An agent has it, or has closed it: the result is the agent's."""
        at = self._at(end.ended_at)
        values = self._line_values(interaction, end)
        if interaction.state == "done":
            values.pop("answered_at", None)
        else:
            self.env["telemarketing.telephony"].sudo()._report(
                interaction.uuid, "ended", at, cause=end.outcome
            )
            session = interaction.session_id
            if not session.logout_at and session.state in UNDER_WAY:
                session._set_state("wrap_up", at)
        interaction.write(values)

    @api.model
    def _finish_alone(self, interactions, told):
        """No agent had them: the line's word is the result."""
        if not interactions:
            return
        now = self.env["telemarketing.clock"]._now()
        held = self._lock_people_of(interactions)
        ready = self.env["telemarketing.target"].sudo()
        dropped = self.env["telemarketing.number"].sudo()
        for interaction in interactions:
            end = told[interaction.uuid]
            outcome = end.outcome
            if outcome in ("done", "agent_lost"):
                # Talked, as Asterisk saw it, and no agent is known.
                outcome = "unknown"
            result = interaction.campaign_id._line_results().get(outcome)
            values = self._line_values(interaction, end)
            values["dial_outcome"] = outcome
            values["ended_at"] = self._at(end.ended_at)
            values = interaction._closed_with(
                result or self.env["telemarketing.disposition"], values, now
            )
            interaction.write({**values, "talk_seconds": 0, "wrap_seconds": 0})
            if outcome in DROPPED:
                dropped |= interaction.number_id
            target = interaction.target_id
            if target in held:
                self._move_on(target, interaction, result, now)
                ready |= target
        self.env["telemarketing.stat.call.delta"].sudo()._append(interactions)
        self._lock_dropped(dropped, now)
        ready._refresh_gate(targets=ready.filtered(lambda t: t.state == "ready"))

    @api.model
    def _lock_people_of(self, interactions):
        """Their targets as far as they still wait for these calls, locked."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT id FROM telemarketing_target
               WHERE interaction_id = ANY(%s) ORDER BY id FOR UPDATE""",
            [interactions.ids],
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        return self.env["telemarketing.target"].sudo().browse(ids)

    @api.model
    def _move_on(self, target, interaction, result, now):
        target.dialer_server_id = False
        if not result:
            target._return_to_queue(now)
            return
        callback = None
        if interaction.dial_outcome in NOT_RUNG and not interaction.rang_at:
            # The second fault in a row counts, or one number that no carrier takes
            # would be dialled for ever.
            if target.last_disposition_id != result:
                target.attempts = max(0, target.attempts - 1)
                interaction.number_id._uncount_attempt(interaction)
            if target.callback:
                callback = {
                    "at": now + SOON,
                    "user": target.callback_user_id,
                    "agreed": target.callback_agreed,
                    "note": target.callback_note,
                    "phone": interaction.phone_id,
                }
        asked = target.asked_hour
        target._apply_disposition(interaction, callback, refresh=False)
        if callback and asked:
            target.asked_hour = True

    @api.model
    def _lock_dropped(self, numbers, now):
        """Who picked up for nobody is not dialled again this day of the company."""
        gate = self.env["telemarketing.gate"]
        for company, some in numbers.grouped("company_id").items():
            zone = ZoneInfo(gate._company_tz(company))
            tomorrow = gate._company_today(company, now) + timedelta(days=1)
            until = datetime.combine(tomorrow, datetime.min.time(), zone)
            until = until.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
            some.write({"drop_locked_until": until})

    # SOMEBODY IS THERE

    @api.model
    def _deliver(self, server_id, epoch, uuid, session, answered_at, bridged_at):
        self._own(server_id, epoch)
        interaction = self._lock_attempts(server_id, [uuid])
        session = self._lock_sessions([session])
        target = self._lock_people_of(interaction)
        if not (session and target) or interaction.state not in UNDER_WAY:
            raise AgentTaken(f"call {uuid} is over, or its agent is gone")
        user = session.user_id
        held = self.env["telemarketing.target"].sudo()._held_by(user)
        if session.logout_at or held - target:
            raise AgentTaken(f"session {session.id} cannot have call {uuid}")
        now = self.env["telemarketing.clock"]._now()
        before = interaction.session_id
        moved = interaction.agent_id and interaction.agent_id != user
        answered = interaction.answered_at or self._at(answered_at)
        values = {
            "agent_id": user.id,
            "team_id": session.team_id.id,
            "session_id": session.id,
            "state": "talking",
            "answered_at": answered,
        }
        if not interaction.bridged_at:
            waited = (bridged_at - answered_at) * 1000
            values |= {
                "bridged_at": self._at(bridged_at),
                "wait_ms": max(0, round(waited)),
            }
        interaction.write(values)
        minutes = target.campaign_id.lease_minutes
        target.write(
            {
                "state": "talking",
                "leased_by_id": user.id,
                "leased_until": now + timedelta(minutes=minutes),
                "dialer_server_id": False,
            }
        )
        if moved:
            self._leave_to_other(interaction, before, now)
        session._set_state("talking", now)
        self.env.flush_all()
        self._pop(session, target, answered_at)

    @api.model
    def _lock_sessions(self, ids):
        """Waits for requests of their desks that are under way."""
        self.env.cr.execute(
            """SELECT id FROM telemarketing_agent_session
               WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE""",
            [ids],
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        return self.env["telemarketing.agent.session"].sudo().browse(ids)

    @api.model
    def _leave_to_other(self, interaction, session, now):
        """The agent who had the call has given it to another."""
        if not session.logout_at and session.state in UNDER_WAY:
            session._set_state("wrap_up", now)
        session.user_id._bus_send(
            "telemarketing.call",
            {
                "uuid": interaction.uuid,
                "state": "ended",
                "at": fields.Datetime.to_string(now),
                "cause": "transferred",
            },
        )

    @api.model
    def _pop(self, session, target, answered_at):
        """Put the person on the agent's desk: what ``get_next`` would give, and the
        instant of the answer to the millisecond (seconds of the Unix epoch)."""
        user = session.user_id
        company = target.company_id
        env = self.env(
            user=user,
            su=False,
            context={
                "lang": user.lang,
                "tz": user.tz,
                "allowed_company_ids": company.ids,
            },
        )
        desk = env["telemarketing.desk"]
        call = desk._call_values(target.with_env(env).sudo())
        user._bus_send(
            "telemarketing.dialer",
            {
                "what": "pop",
                "call": call,
                "session": desk._session_values(session.with_env(env).sudo()),
                "answered_at": answered_at,
            },
        )

    @api.model
    def _state(self, server_id, epoch, uuid, state, at):
        self._own(server_id, epoch)
        interaction = self._lock_attempts(server_id, [uuid])
        if not interaction or interaction.state not in UNDER_WAY:
            return
        self._lock_sessions(interaction.session_id.ids)
        if state == "dialling":
            interaction.rang_at = interaction.rang_at or self._at(at)
        elif (
            self.env["telemarketing.telephony"]
            .sudo()
            ._report(uuid, "talking", self._at(at))
        ):
            interaction.bridged_at = interaction.bridged_at or self._at(at)
            session = interaction.session_id
            if not session.logout_at and session.state == "dialling":
                session._set_state("talking", self._at(at))
        self.env.flush_all()

    @api.model
    def _line(self, server_id, epoch, uuid, session, changes):
        self._own(server_id, epoch)
        session = self.env["telemarketing.agent.session"].sudo().browse(session)
        session.exists().user_id._bus_send(
            "telemarketing.dialer", {"what": "line", "uuid": uuid, **changes}
        )

    @api.model
    def _phone(self, server_id, epoch, session, state, reason=""):
        self._own(server_id, epoch)
        session = self._lock_sessions([session])
        # A code of how calls end, in the agent's words; else what Asterisk said.
        field = self.env["telemarketing.interaction"]._fields["dial_outcome"]
        spoken = self.with_context(lang=session.user_id.lang).env
        words = dict(field._description_selection(spoken))
        reason = words.get(reason, reason or "")[:200]
        if not session or (
            session.phone_state == state and (session.phone_reason or "") == reason
        ):
            return
        session.write({"phone_state": state, "phone_reason": reason or False})
        session.user_id._bus_send(
            "telemarketing.dialer", {"what": "phone", "state": state, "reason": reason}
        )
        self.env.flush_all()

    # COMMANDS

    @api.model
    def _command(self, server_id, epoch, number):
        """A command that still waits, and the attempt that it is about where that is
        under way: ``(Command, Attempt or None)``, or None."""
        self._own(server_id, epoch)
        server = self.env["telemarketing.dialer.server"].sudo().browse(server_id)
        for command in self._commands(server, number):
            call = self._lock_attempts(server_id, [command.uuid or ""])
            under_way = call.state in UNDER_WAY
            return command, self._attempt_values(call) if under_way else None
        return None

    @api.model
    def _answer(self, server_id, epoch, command, answer):
        """Told twice, the first answer stands. The desk that asked is told."""
        at = self._own(server_id, epoch)
        command = (
            self.env["telemarketing.dialer.command"]
            .sudo()
            .search(
                [
                    ("id", "=", command),
                    ("server_id", "=", server_id),
                    ("done_at", "=", False),
                ]
            )
        )
        if not command:
            return
        spoken = command.with_context(lang=command.user_id.lang)
        answer = spoken._in_words(answer)
        command.write({"done_at": fields.Datetime.now(), "answer": answer})
        if command.kind == "record" and answer.get("ok"):
            call = self._lock_attempts(server_id, [command.uuid])
            if answer.get("paused"):
                call._mute(self._at(at))
            else:
                call._unmute(self._at(at))
        told = self._told(command, answer)
        if told and command.session_id:
            command.session_id.user_id._bus_send("telemarketing.dialer", told)
        self.env.flush_all()

    @api.model
    def _told(self, command, answer):
        """What the desk is told of a command; None: nothing that it does not know."""
        params, error = command.params or {}, answer.get("error")
        if command.kind == "phone":
            # Its state comes by itself; only a refusal is news.
            return error and {"what": "phone", "state": "none", "reason": error}
        if not command.uuid:
            return None
        changes = {}
        if error:
            changes = {"error": error, "kind": command.kind}
        elif command.kind == "hold":
            changes = {"held": bool(params.get("on"))}
        elif command.kind == "mute":
            changes = {"muted": bool(params.get("on"))}
        elif command.kind == "record":
            changes = {"recording": not params.get("pause")}
        elif command.kind == "third" or params.get("how") == "attended":
            changes = {"third": True, "held": command.kind == "transfer"}
        elif command.kind == "drop_third":
            changes = {"third": False, "held": False}
        elif command.kind in ("transfer", "complete"):
            changes = {"passed": params.get("to") or "third"}
        return changes and {"what": "line", "uuid": command.uuid, **changes}

    # THE WHOLE

    @api.model
    def _backoff(self, server_id, epoch, trunk, until, why):
        self._own(server_id, epoch)
        trunk = self.env["telemarketing.dialer.trunk"].sudo().browse(trunk)
        # PostgreSQL's clock: it is the carrier's time, not a rule's.
        trunk.backoff_until = EPOCH + timedelta(seconds=int(until))
        self._log_entry(server_id, "carrier", f"{trunk.name}: {why}")

    @api.model
    def _log(self, server_id, epoch, kind, text, campaign=None):
        self._own(server_id, epoch)
        self._log_entry(server_id, kind, text, campaign)

    @api.model
    def _log_entry(self, server_id, kind, text, campaign=None):
        log = self.env["telemarketing.dialer.log"]
        if kind not in log._fields["kind"].get_values(self.env):
            kind = "fault"
        log._append(
            kind,
            str(text)[:500],
            server=self.env["telemarketing.dialer.server"].sudo().browse(server_id),
            campaign=self.env["telemarketing.campaign"].sudo().browse(campaign or []),
        )

    @api.model
    def _save(self, server_id, epoch, pacing, health):
        """Past the ORM: nobody's chatter, and no lock that waits for its own."""
        self.env.cr.execute(
            """UPDATE telemarketing_dialer_server
               SET pacing = %s, health = %s, health_at = %s
               WHERE id = %s AND epoch = %s""",
            [
                json.dumps(pacing),
                json.dumps(health),
                self.env["telemarketing.clock"]._now(),
                server_id,
                epoch,
            ],
        )
        if not self.env.cr.rowcount:
            raise LostOwnership(f"server {server_id}, epoch {epoch}")
        server = self.env["telemarketing.dialer.server"].browse(server_id)
        server.invalidate_recordset(["pacing", "health", "health_at"])
