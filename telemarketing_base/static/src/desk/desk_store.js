import {markRaw} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {_t} from "@web/core/l10n/translation";
import {ConnectionLostError, RPCError} from "@web/core/network/rpc";
import {registry} from "@web/core/registry";
import {Reactive} from "@web/core/utils/reactive";
import {cardProblem, maskCards} from "./order_pane/cards";
import {draftToKeep, orderMissing, orderPayload} from "./order_pane/order_draft";
import {rings} from "./caller/people";
import {inCallingHours, toInstant, toMillis, zoneOf} from "./desk_format";
import {makeUuid, tabToken} from "./desk_storage";
import * as pace from "./frame/pace";

const {DateTime} = luxon;

const MODEL = "telemarketing.desk";
const SAVE_EVERY = 10_000;
const GIVE_UP_AFTER = 20_000;
const HEARTBEAT_EVERY = 60_000;
const ASK_AGAIN_EVERY = 30_000;
const PING_AFTER = [2_000, 4_000, 8_000, 15_000];
// A second click or tap meant for the person before must not fall on the next one.
const HAND_REST = 600;
const DRAFT_LIFE = 7 * 24 * 3600 * 1000;
const SESSION_EXPIRED = "odoo.http.SessionExpiredException";
// Parts of an answer that are taken over as they come.
const PARTS = {
    session: "session",
    figures: "figures",
    callbacks: "callbacks",
    campaigns: "campaigns",
    campaign: "campaign",
    user: "user",
    pause_reasons: "pauseReasons",
    empty: "empty",
};
const SPOKEN_ERRORS = new Set([
    "odoo.exceptions.UserError",
    "odoo.exceptions.ValidationError",
    "odoo.exceptions.AccessError",
    "odoo.exceptions.MissingError",
    "odoo.exceptions.RedirectWarning",
    "odoo.exceptions.AccessDenied",
]);

/**
 * All that the call desk knows, and the only place that talks to the server.
 *
 * An attempt (one person held) has a draft: its uuid, made once, and whatever the agent
 * has typed or chosen. The draft lives in localStorage until the server has confirmed
 * the result, and so does the result itself (outbox), so that reload, crash and lost
 * network send the same uuid again and the server counts it once.
 */
export class DeskStore extends Reactive {
    constructor({orm, telephony, storage}) {
        super();
        this.io = markRaw({orm: orm.silent, telephony, storage, timers: {}});
        this.token = tabToken();
        this.clock = {now: Date.now()};
        this.skew = 0;
        this.loaded = false;
        this.loggedOut = false;
        this.otherSeat = false;
        this.expired = false;
        this.offline = false;
        this.busy = "";
        this.flushing = false;
        this.errors = {};
        this.notice = null;
        this.user = null;
        this.session = {};
        this.campaigns = [];
        this.campaign = false;
        this.choosing = false;
        this.call = false;
        this.draft = null;
        this.empty = false;
        this.figures = {};
        this.callbacks = [];
        this.pauseReasons = [];
        this.incoming = null;
        this.writing = null;
        this.kept = [];
        this.textRead = false;
        this.menu = "";
        this.tab = "script";
        this.scriptId = false;
        this.pending = null;
        // Who comes when the countdown is over, and the countdown: `frame/pace.js`.
        this.coming = false;
        this.countdown = null;
        this.pauseAfter = false;
        this.asking = "";
        this.consentSaid = "";
        // The line of the script that a key ticked last; what was done, in words.
        this.ticked = "";
        this.told = "";
        this.flowing = false;
        this.notesState = "";
        this.held = false;
        this.lineState = "idle";
        this.provider = telephony.status.provider;
        this.capabilities = [...telephony.status.capabilities];
        this.storageFailed = false;
        this.generation = 0;
        this.restUntil = 0;
        this.lastAsk = 0;
        this.lastBeat = 0;
        this.pings = 0;
        this.io.stopListening = telephony.onState((change) => this._onLine(change));
        this.setup();
    }

    /** For modules that add to what the desk knows. */
    setup() {}

    destroy() {
        this.io.stopListening();
        for (const timer of Object.values(this.io.timers)) {
            browser.clearTimeout(timer);
        }
        this.io.timers = {};
        this.io.destroyed = true;
    }

    // ------------------------------------------------------------------ what is seen
    /**
     * loading · out · other_seat · no_campaign · ready · empty · preview · dialling ·
     * talking · wrap_up · paused · kept (a result waits for the network)
     */
    get phase() {
        if (this.loggedOut) {
            return "out";
        }
        if (!this.loaded) {
            return "loading";
        }
        if (this.otherSeat) {
            return "other_seat";
        }
        const interaction = this.call && this.call.interaction;
        if (interaction?.started_at) {
            if (this.endedAt) {
                return "wrap_up";
            }
            return this.lineState === "dialling" ? "dialling" : "talking";
        }
        if (this.session.state === "paused") {
            return "paused";
        }
        if (this.kept.length) {
            return "kept";
        }
        if (!this.campaign || this.choosing) {
            return "no_campaign";
        }
        if (this.call) {
            return "preview";
        }
        return this.empty ? "empty" : "ready";
    }

    get inCall() {
        return ["dialling", "talking", "wrap_up"].includes(this.phase);
    }

    get working() {
        return this.inCall || this.phase === "preview";
    }

    get idle() {
        return this.phase === "ready" || this.phase === "empty";
    }

    get endedAt() {
        return this.draft?.ended_at || this.call?.interaction?.ended_at || false;
    }

    /** Seconds of the call: running while talking, still once it ended. */
    get callSeconds() {
        const start = toMillis(this.call?.interaction?.started_at);
        if (!start) {
            return 0;
        }
        const end = this.endedAt ? toMillis(this.endedAt) : this.clock.now;
        return Math.max(0, Math.floor((end - start) / 1000));
    }

    /** Seconds in the present state, for the pill. */
    get phaseSeconds() {
        let since = toMillis(this.session.since);
        if (this.phase === "dialling" || this.phase === "talking") {
            return this.callSeconds;
        }
        if (this.phase === "wrap_up") {
            since = toMillis(this.endedAt);
        } else if (this.phase === "preview") {
            since = this.draft.shown_at;
        }
        return since ? Math.max(0, Math.floor((this.clock.now - since) / 1000)) : 0;
    }

    /** Callbacks of mine that are due or within the campaign's notice. */
    get callbacksSoon() {
        const minutes = this.campaign?.callback_notice_minutes || 0;
        return this.callbacks.filter((callback) => {
            const notice = (callback.notice_minutes ?? minutes) * 60_000;
            const soon = toMillis(callback.at) <= this.clock.now + notice;
            return callback.mine && (callback.due || soon);
        });
    }

    get phone() {
        const id = this.draft?.phone_id;
        const phones = this.call ? this.call.phones : [];
        return phones.find((phone) => phone.id === id) || null;
    }

    /** Why this person cannot be dialled now, in words; "" when nothing hinders. */
    get dialHindrance() {
        if (!this.call) {
            return _t("Nobody is on the desk.");
        }
        if (this.offline) {
            return _t("No network: a call that cannot be recorded is not dialled.");
        }
        const may = this.call.may_call || {};
        if (may.answer && may.answer !== "allowed") {
            return may.reason || _t("This person may not be called now.");
        }
        if (!this.phone) {
            return _t("This person has no phone to dial.");
        }
        if (this.phone.callable === false) {
            return this.phone.reason || _t("This phone may not be called.");
        }
        return "";
    }

    get canDial() {
        return (
            this.phase === "preview" &&
            !this.busy &&
            this.can("dial") &&
            !this.dialHindrance
        );
    }

    can(capability) {
        return this.capabilities.includes(capability);
    }

    /** The objection of the person on the desk, once it is recorded. */
    get objection() {
        return this.draft?.objection || null;
    }

    /** Seconds left to take a slip of the key back. */
    get undoSeconds() {
        const until = toMillis(this.objection?.undo_until);
        return until ? Math.max(0, Math.ceil((until - this.clock.now) / 1000)) : 0;
    }

    get canObject() {
        // One towards the advertiser alone may still become one to everybody.
        const already = this.objection?.scope === "all";
        return this.working && !this.busy && !already;
    }

    /** Results are taken while somebody is held and the hand has left the last key. */
    get takesResults() {
        return this.working && !this.busy && this.now() >= this.restUntil;
    }

    disposition(id) {
        const all = this.campaign ? this.campaign.dispositions : [];
        return all.find((disposition) => disposition.id === id) || null;
    }

    get panes() {
        const panes = [
            {id: "script", sequence: 10},
            {id: "history", sequence: 30},
        ];
        if (this.campaign && this.campaign.articles?.length) {
            panes.push({id: "order", sequence: 40});
        }
        for (const [id, pane] of registry
            .category("telemarketing_desk_panes")
            .getEntries()) {
            if (!pane.isVisible || pane.isVisible(this)) {
                panes.push({id, ...pane});
            }
        }
        return panes.sort((one, other) => one.sequence - other.sequence);
    }

    now() {
        return Date.now() + this.skew;
    }

    // ------------------------------------------------------------------ the server
    async _rpc(method, kwargs = {}) {
        const answer = await this._inTime(
            this.io.orm.call(MODEL, method, [], {token: this.token, ...kwargs})
        );
        if (this.offline) {
            this._backOnline();
        }
        return answer || {};
    }

    /** A network that swallows requests counts as lost, instead of holding the desk. */
    async _inTime(request) {
        let timer = null;
        const limit = new Promise((resolve, reject) => {
            timer = browser.setTimeout(() => {
                reject(new ConnectionLostError());
                request.abort?.(false);
            }, GIVE_UP_AFTER);
        });
        try {
            return await Promise.race([request, limit]);
        } finally {
            browser.clearTimeout(timer);
        }
    }

    /** Runs one action at a time: a second click or key while it runs does nothing. */
    async _act(name, scope, action) {
        if (this.busy) {
            return false;
        }
        this.busy = name;
        this.setError(scope, "");
        this.generation++;
        try {
            return await action();
        } catch (error) {
            this._onError(scope, error);
            return false;
        } finally {
            this.busy = "";
            this.generation++;
        }
    }

    /**
     * A request of a part of the desk: one at a time, its error beside what it
     * concerns (`errors[scope]`), its answer taken over and returned; false otherwise.
     */
    async request(name, scope, method, kwargs = {}) {
        return this._act(name, scope, async () => {
            const answer = await this._rpc(method, kwargs);
            return this._apply(answer) && answer;
        });
    }

    /**
     * Something that a part of the desk only reads: holds nothing up meanwhile. The
     * answer, or false with its error beside what it concerns.
     */
    async ask(scope, method, kwargs = {}) {
        try {
            const answer = await this._rpc(method, kwargs);
            this.setError(scope, "");
            return this._apply(answer) && answer;
        } catch (error) {
            this._onError(scope, error);
            return false;
        }
    }

    /** What a part of the desk keeps with the attempt (`draft.extra`); survives reload. */
    setExtra(part, value) {
        if (this.draft) {
            this.edit({extra: {...this.draft.extra, [part]: value}});
        }
    }

    setError(scope, text) {
        if (text) {
            this.errors[scope] = text;
        } else {
            delete this.errors[scope];
        }
    }

    _onError(scope, error) {
        if (error instanceof ConnectionLostError) {
            this._goOffline();
        } else if (error instanceof RPCError) {
            if (error.exceptionName === SESSION_EXPIRED) {
                this.expired = true;
                return;
            }
            const text = error.data?.message || error.message;
            this.setError(
                scope,
                SPOKEN_ERRORS.has(error.exceptionName)
                    ? text
                    : _t(
                          "The server could not do it: %s. Nothing is lost; try again.",
                          text
                      )
            );
        } else {
            throw error;
        }
    }

    /** Takes over whatever part of the state an answer carries. */
    _apply(answer) {
        this._setClock(answer.now);
        if (answer.lost_seat) {
            if (answer.closed) {
                this.loggedOut = true;
            } else {
                this.otherSeat = true;
            }
            return false;
        }
        for (const [part, name] of Object.entries(PARTS)) {
            if (part in answer) {
                this[name] = answer[part];
            }
        }
        if (answer.telephony?.provider) {
            this._useTelephony(answer.telephony);
        }
        if ("call" in answer) {
            this._setCall(answer.call);
        }
        return true;
    }

    _setClock(instant) {
        if (!instant) {
            return;
        }
        const skew = toMillis(instant) - Date.now();
        // The server counts whole seconds: less than that is not worth a jump.
        if (Math.abs(skew - this.skew) > 1_500) {
            this.skew = skew;
            this.clock.now = this.now();
        }
    }

    _useTelephony({provider, capabilities}) {
        const {telephony} = this.io;
        telephony.use(provider, capabilities);
        this.provider = telephony.status.provider;
        this.capabilities = [...telephony.status.capabilities];
    }

    async open() {
        return this._act("open", "desk", async () => {
            this.loggedOut = false;
            this._readOutbox();
            const answer = await this._rpc("open_desk");
            this.expired = false;
            this.otherSeat = Boolean(answer.other_seat);
            this._dropOldDrafts();
            if (!this._apply(answer)) {
                this.loaded = true;
                return false;
            }
            this.choosing = false;
            this.lastBeat = this.now();
            if (!this.otherSeat) {
                await this._flush();
            }
            this.loaded = true;
            return true;
        });
    }

    async takeOver() {
        const taken = await this._act("take_over", "desk", async () => {
            const answer = await this._rpc("take_over");
            if (answer.lost_seat) {
                return false;
            }
            this.otherSeat = false;
            return true;
        });
        return taken && this.open();
    }

    async chooseCampaign(campaignId) {
        const before = this.campaign?.id;
        return this._act("choose", "desk", async () => {
            const answer = await this._rpc("choose_campaign", {
                campaign_id: campaignId,
            });
            if (campaignId !== before && !this.inCall) {
                // Whoever was next in the other campaign was given back by the server.
                pace.stop(this);
                this._setCall(false);
            }
            this.empty = false;
            this.flowing = false;
            this.notice = null;
            if (this._apply(answer)) {
                this.choosing = false;
                this.tab = "script";
            }
        });
    }

    /** Back to the list of campaigns, with what waits in each as of now. */
    async changeCampaign() {
        if (this.inCall) {
            return;
        }
        if (this.call && !(await this.release())) {
            return;
        }
        pace.stop(this);
        this.choosing = true;
        this.menu = "";
        await this._act("open", "desk", async () =>
            this._apply(await this._rpc("open_desk"))
        );
    }

    async pause(reasonId = false) {
        this.menu = "";
        if (this.inCall || this.busy === "close") {
            this.pauseAfter = {reasonId};
            return;
        }
        if (this.call && !(await this.release())) {
            return;
        }
        // Whoever was coming is given back by the server.
        pace.stop(this);
        return this._setState("paused", reasonId);
    }

    cancelPause() {
        this.pauseAfter = false;
    }

    async ready() {
        const done = await this._setState("ready");
        if (done && this.flowing && this.idle) {
            return this.next();
        }
        return done;
    }

    async _setState(state, reasonId = false) {
        return this._act("state", "desk", async () =>
            this._apply(await this._rpc("set_state", {state, reason_id: reasonId}))
        );
    }

    async logOut() {
        if (this.inCall) {
            this.setError("desk", _t("Record the result of this call first."));
            return;
        }
        return this._act("log_out", "desk", async () => {
            await this._rpc("log_out");
            this._setCall(false);
            this.loggedOut = true;
            this.loaded = false;
            this.menu = "";
        });
    }

    // ------------------------------------------------------------------ the next person
    async next() {
        if (!this.idle || this.now() < this.restUntil) {
            return false;
        }
        if (this.coming) {
            return pace.showComing(this);
        }
        return this._ask("get_next");
    }

    /** Works one of my callbacks, or a person found by searching. */
    async openTarget(targetId, campaignId = false) {
        if (this.inCall) {
            return false;
        }
        if (campaignId && campaignId !== this.campaign?.id) {
            await this.chooseCampaign(campaignId);
            if (this.campaign?.id !== campaignId) {
                return false;
            }
        }
        return this._ask("get_target", {target_id: targetId});
    }

    /** One click: an automatic campaign calls if the law allows it, a manual one shows
     * the card. */
    async workCallback({target_id: targetId, campaign_id: campaignId}) {
        const before = this.campaign?.id;
        const opened = await this.openTarget(targetId, campaignId);
        if (opened && before && this.campaign.id !== before) {
            this.told = _t("Now in %s, whose callback this is.", this.campaign.name);
        }
        if (opened && this.campaign.auto_next && this.call?.target.id === targetId) {
            await this.dial();
        }
        return opened;
    }

    async _ask(method, kwargs) {
        return this._act("next", "next", async () => {
            this.lastAsk = this.now();
            const answer = await this._rpc(method, kwargs);
            this.flowing = Boolean(this.campaign?.auto_next);
            return this._apply(answer) && Boolean(this.call);
        });
    }

    async release() {
        if (!this.call || this.inCall) {
            return false;
        }
        const targetId = this.call.target.id;
        return this._act("release", "next", async () => {
            await this._saveNotes();
            const answer = await this._rpc("release", {target_id: targetId});
            if (this._apply({...answer, call: false})) {
                this.flowing = false;
                this.io.storage.remove(`draft.${targetId}`);
                return true;
            }
            return false;
        });
    }

    async search(text, own = true) {
        const answer = await this.ask("search", "search_people", {text, own});
        return (answer && answer.people) || [];
    }

    // ------------------------------------------------------------------ the attempt
    _setCall(call) {
        const previous = this.call && this.call.target.id;
        this.coming = false;
        if (!call) {
            this.call = false;
            this.draft = null;
            this.pending = null;
            this.held = false;
            this.countdown = null;
            return;
        }
        if (previous === call.target.id && this.draft?.uuid) {
            // The same person, told again: what is being typed stays.
            if (!call.interaction || call.interaction.uuid === this.draft.uuid) {
                call.interaction = call.interaction || this.call.interaction;
                this.call = call;
                return;
            }
        }
        this.call = call;
        this.ticked = "";
        this.told = "";
        this.asking = "";
        this.consentSaid = "";
        delete this.errors.consent;
        this.draft = this._makeDraft(call);
        this.pending = null;
        this.notesState = "";
        this.tab = "script";
        this.scriptId = false;
        delete this.errors.call;
        delete this.errors.result;
        delete this.errors.notes;
        delete this.errors.appointment;
        this._keepDraft();
        pace.startPreview(this);
    }

    /** The attempt as it was left, or a new one with a uuid of its own. */
    _makeDraft(call) {
        const {target} = call;
        const told = call.interaction || {};
        const left = this.io.storage.get(`draft.${target.id}`) || {};
        const resumed = this._isSameAttempt(left, call);
        const kept = resumed ? left : {};
        return {
            reason_id: told.reason_id || false,
            action_type_id: false,
            confirmed: told.confirmed || [],
            callback: {
                at: "",
                mine: true,
                phone_id: false,
                number: "",
                note: "",
                asked: false,
            },
            order: {},
            extra: {},
            ended_at: false,
            answered_at: false,
            hangup_cause: false,
            dirty: false,
            shown_at: this.now(),
            ...kept,
            target_id: target.id,
            attempts: target.attempts,
            uuid: told.uuid || kept.uuid || makeUuid(),
            dialled: Boolean(call.interaction),
            // What was typed and never recorded comes back even into a new attempt.
            notes: kept.notes ?? (left.notes || told.notes || target.notes || ""),
            profile: left.profile || {},
            phone_id: told.phone_id || kept.phone_id || this._firstPhone(call),
            saved_at: this.now(),
        };
    }

    /** A dialled attempt that the server no longer knows was closed without us. */
    _isSameAttempt(left, {target, interaction}) {
        if (interaction) {
            return left.uuid === interaction.uuid;
        }
        return Boolean(left.uuid) && !left.dialled && left.attempts === target.attempts;
    }

    _firstPhone({target, phones}) {
        return target.suggested_phone_id || phones[0]?.id || false;
    }

    _keepDraft() {
        if (this.draft) {
            this.draft.saved_at = this.now();
            this.io.storage.set(
                `draft.${this.draft.target_id}`,
                draftToKeep(this.draft)
            );
            this.storageFailed = this.io.storage.failed;
        }
    }

    _dropOldDrafts() {
        for (const draft of this.io.storage.entries("draft.")) {
            if (!(draft.saved_at > this.now() - DRAFT_LIFE)) {
                this.io.storage.remove(`draft.${draft.target_id}`);
            }
        }
    }

    /** Changes the draft and keeps it here at once. */
    edit(changes) {
        if (!this.draft) {
            return;
        }
        Object.assign(this.draft, changes);
        this._keepDraft();
    }

    setNotes(notes) {
        this._editSaved({notes});
        this.setError("notes", cardProblem(notes));
    }

    setProfile(name, value) {
        this._editSaved({profile: {...this.draft?.profile, [name]: value}});
    }

    setCallback(changes) {
        if (!this.draft) {
            return;
        }
        this.edit({callback: {...this.draft.callback, ...changes}});
        this.setError("callback", "");
    }

    setQuantity(articleId, quantity) {
        if (!this.draft) {
            return;
        }
        const order = {...this.draft.order};
        const whole = Math.max(0, Math.floor(Number(quantity) || 0));
        if (whole) {
            order[articleId] = whole;
        } else {
            delete order[articleId];
        }
        this.edit({order});
    }

    toggleConfirmed(key) {
        if (!this.draft) {
            return;
        }
        const confirmed = this.draft.confirmed.filter((each) => each !== key);
        if (confirmed.length === this.draft.confirmed.length) {
            confirmed.push(key);
        }
        this.edit({confirmed});
    }

    /** Ticks the first compulsory line not ticked yet of the scripts being read. */
    tickNextLine() {
        if (!this.draft) {
            return;
        }
        const lines = this.scriptsRead.flatMap((script) => script.confirm_lines);
        const next = lines.find(
            (line) =>
                line.when !== "objection" && !this.draft.confirmed.includes(line.key)
        );
        if (next) {
            this.toggleConfirmed(next.key);
            // Nobody says to have read what was not seen: the script goes there.
            this.ticked = next.key;
        }
    }

    /** What the result that waits still wants, as it is now, or how it is recorded. */
    get pendingText() {
        const {dispositionId, where, text} = this.pending || {};
        const disposition =
            where && where !== "effects" && this.disposition(dispositionId);
        if (!disposition || !this.draft) {
            return text || "";
        }
        const missing = this.missingFor(disposition);
        return missing ? missing.text : _t("Now Enter records “%s”.", disposition.name);
    }

    profileValue(name) {
        const changed = this.draft?.profile;
        return changed && name in changed ? changed[name] : this.call?.profile?.[name];
    }

    _editSaved(changes) {
        if (!this.draft) {
            return;
        }
        this.edit({...changes, dirty: true});
        this.notesState = "local";
        this._saveLater();
    }

    _saveLater() {
        if (!this.io.timers.save) {
            this.io.timers.save = browser.setTimeout(
                () => this._saveNotes(),
                SAVE_EVERY
            );
        }
    }

    _cancelSave() {
        browser.clearTimeout(this.io.timers.save);
        delete this.io.timers.save;
    }

    async _saveNotes() {
        this._cancelSave();
        const draft = this.draft;
        if (!draft?.dirty || this.offline || this.io.destroyed) {
            return;
        }
        const isHere = () => this.draft?.uuid === draft.uuid;
        draft.dirty = false;
        try {
            const answer = await this._rpc("save_notes", {
                uuid: draft.dialled ? draft.uuid : false,
                target_id: draft.target_id,
                // The rest of the note is safe while the agent takes the number out.
                notes: maskCards(draft.notes),
                profile: draft.profile,
                renew: true,
            });
            if (isHere()) {
                this._notesSaved(answer);
            }
        } catch (error) {
            if (isHere()) {
                draft.dirty = true;
                this._onError("notes", error);
            }
        } finally {
            if (isHere()) {
                this._keepDraft();
            }
        }
    }

    _notesSaved(answer) {
        if (!this._apply(answer)) {
            return;
        }
        if (answer.lease_until) {
            this.call.target.lease_until = answer.lease_until;
        }
        const typedMore = this.draft.dirty || answer.saved === false;
        this.notesState = typedMore ? "local" : "saved";
        this.setError("notes", cardProblem(this.draft.notes));
    }

    // ------------------------------------------------------------------ the line
    choosePhone(phoneId) {
        if (this.phase === "preview") {
            this.edit({phone_id: phoneId});
            this.setError("call", "");
        }
    }

    async dial() {
        if (!this.canDial) {
            if (this.phase === "preview" && !this.busy) {
                this.setError("call", this.dialHindrance);
            }
            return false;
        }
        this.countdown = null;
        return this._act("dial", "call", async () => {
            const {draft, phone} = this;
            this.notice = null;
            this.lineState = "idle";
            const answer = await this._rpc("dial", {
                uuid: draft.uuid,
                target_id: draft.target_id,
                phone_id: phone.id,
            });
            if (!this._apply(answer) || this.draft?.uuid !== draft.uuid) {
                return false;
            }
            if (answer.refused) {
                this._refused(answer.refused, phone.id);
                return false;
            }
            if (answer.not_dialled) {
                // That attempt is closed: the next one is another.
                this.edit({uuid: makeUuid()});
                this.setError("call", answer.not_dialled);
                return false;
            }
            this.call.interaction = answer.interaction;
            this.call.target.attempts += answer.again ? 0 : 1;
            this.edit({dialled: true, phone_id: phone.id});
            await this._carry(answer.telephony);
            return true;
        });
    }

    /** Another phone of the person may still be dialled; else the person may not. */
    _refused(refusal, phoneId) {
        const refused = this.call.phones.find((phone) => phone.id === phoneId);
        Object.assign(refused, {callable: false, reason: refusal.reason || ""});
        if (!this.call.phones.some((phone) => phone.callable)) {
            this.call.may_call = {warnings: [], ...refusal};
        }
        this.setError("call", refusal.reason || this.dialHindrance);
    }

    /** The link did not open, or the softphone was closed: the same call once more. */
    async dialAgain() {
        if (this.phase !== "talking" || this.provider !== "manual") {
            return false;
        }
        return this._act("dial", "call", async () => {
            const answer = await this._rpc("dial", {
                uuid: this.draft.uuid,
                target_id: this.draft.target_id,
                phone_id: this.draft.phone_id,
            });
            if (!this._apply(answer)) {
                return;
            }
            if (answer.refused) {
                // The hour came, or the person objected, since the call began.
                this._refused(answer.refused, this.draft.phone_id);
            } else if (answer.telephony) {
                await this._carry(answer.telephony);
            }
        });
    }

    async _carry(instruction) {
        try {
            await this.io.telephony.dial({
                number: this.phone?.e164 || "",
                uuid: this.draft.uuid,
                instruction,
            });
        } catch (error) {
            this.setError(
                "call",
                _t("The phone did not take the call: %s", error.message)
            );
        }
    }

    async hangup() {
        if (!["dialling", "talking"].includes(this.phase)) {
            return;
        }
        try {
            await this.io.telephony.hangup();
        } catch (error) {
            this.setError("call", _t("The phone did not hang up: %s", error.message));
        }
        this._end();
    }

    async line(method, ...args) {
        try {
            await this.io.telephony[method](...args);
            this.setError("call", "");
        } catch (error) {
            this.setError("call", error.message);
        }
    }

    _onLine(change) {
        if (change.state === "ringing") {
            rings(this, change.caller);
            return;
        }
        if (!this.draft?.dialled || (change.uuid && change.uuid !== this.draft.uuid)) {
            return;
        }
        this.lineState = change.state;
        if (change.state === "talking") {
            this.held = false;
            // A provider that hears nothing back does not know when it was answered.
            if (!change.assumed && !this.draft.answered_at) {
                this.edit({answered_at: toInstant(this.now())});
            }
        } else if (change.state === "held") {
            this.held = true;
        } else if (change.state === "ended") {
            this._end(change.cause);
        }
    }

    _end(cause = false) {
        if (this.draft && !this.endedAt) {
            this.edit({ended_at: toInstant(this.now()), hangup_cause: cause || false});
            this.held = false;
        }
    }

    // ------------------------------------------------------------------ a no
    /**
     * The person does not want to be called: recorded by the server at once, for every
     * list. The call stays open: the number is read aloud, then the result is given.
     */
    async object() {
        if (!this.canObject) {
            return false;
        }
        if (this.offline) {
            // The result says the same, and is kept here until the network is back.
            this._proposeNever();
            this.setError(
                "call",
                _t("No network: record it as a result. It is sent by itself.")
            );
            return false;
        }
        return this._act("object", "call", async () => {
            const {draft} = this;
            const answer = await this._rpc("object", {
                uuid: draft.dialled ? draft.uuid : false,
                target_id: draft.target_id,
                scope: "all",
            });
            if (!this._apply(answer) || this.draft?.uuid !== draft.uuid) {
                return false;
            }
            this._objected(answer.objection);
            return true;
        });
    }

    _objected(objection) {
        this.edit({objection});
        const {reason} = objection;
        for (const phone of this.call.phones) {
            Object.assign(phone, {callable: false, reason});
        }
        this.call.may_call = {answer: "never", until: false, reason, warnings: []};
        this._proposeNever(objection.scope);
    }

    /** Enter gives the result that says the same, if the campaign has one. */
    _proposeNever(scope = "all") {
        const leaves = (this.campaign?.dispositions || []).filter(
            (each) => each.leaf && each.kind === "exclude"
        );
        const wanted = {
            all: "do_not_call_ever",
            principal: "do_not_call_principal",
        }[scope];
        // Never one that says more than the person did.
        const never =
            leaves.find((each) => each.code === wanted) ||
            (scope === "all" && leaves[0]);
        if (never) {
            this.pending = {
                dispositionId: never.id,
                where: "",
                text: _t("Enter gives the result “%s”.", never.name),
            };
        }
    }

    /** The key was a slip: lifted, with that reason, which stays in the log. */
    async takeBack() {
        if (!this.undoSeconds) {
            return false;
        }
        return this._act("object", "call", async () => {
            const {draft} = this;
            const answer = await this._rpc("take_back_objection", {
                uuid: draft.dialled ? draft.uuid : false,
                target_id: draft.target_id,
                reference: draft.objection.reference,
            });
            if (!answer.lost_seat && this.draft?.uuid === draft.uuid) {
                this.edit({objection: null});
                this.pending = null;
                this.told = _t("Taken back: nothing was recorded against calling.");
            }
            return this._apply(answer);
        });
    }

    // ------------------------------------------------------------------ consent
    /** Consent is asked for in a call, with a text to read. */
    get canAskConsent() {
        return Boolean(this.inCall && this.call.consent?.ask);
    }

    /** Opens what is read aloud or the question about withdrawing; "" closes. */
    toggleAsking(what) {
        const may = what === "ask" ? this.canAskConsent : this.inCall;
        this.asking = may && this.asking !== what ? what : "";
        this.setError("consent", "");
    }

    async recordConsent(given) {
        // Only to words that were shown, or to put right what was said of them.
        const asked = this.asking === "ask" || this.consentSaid;
        if (!this.inCall || !asked) {
            return false;
        }
        return this._sayConsent(given ? "given" : "refused", "record_consent", {
            purposes: ["call"],
            given,
            text_id: this.call.consent.text_id || this.textRead,
        });
    }

    async withdrawConsent() {
        if (!this.inCall || this.asking !== "withdraw") {
            return false;
        }
        return this._sayConsent("withdrawn", "withdraw_consent", {});
    }

    async _sayConsent(said, method, values) {
        if (this.offline) {
            this.setError(
                "consent",
                _t("No network: write it in the notes and record it later.")
            );
            return false;
        }
        return this._act("consent", "consent", async () => {
            const {draft} = this;
            this.textRead = values.text_id || this.textRead;
            const answer = await this._rpc(method, {
                uuid: draft.uuid,
                target_id: draft.target_id,
                ...values,
            });
            if (!this._apply(answer) || this.draft?.uuid !== draft.uuid) {
                return false;
            }
            this.call.consent = answer.consent;
            this.call.phones = answer.phones || this.call.phones;
            this.call.may_call = answer.may_call || this.call.may_call;
            this.consentSaid = said;
            this.asking = "";
            if (answer.objection) {
                this._objected(answer.objection);
            }
            return true;
        });
    }

    // ------------------------------------------------------------------ the result
    /** Is the callback at an hour at which nobody is called without having asked? */
    get outsideHours() {
        const millis = toMillis(this.draft?.callback.at);
        if (!millis || !this.call) {
            return false;
        }
        const zone = zoneOf(this.call.contact.tz);
        const when = DateTime.fromMillis(millis, {zone});
        return !inCallingHours(when, this.call.calling);
    }

    /** What is wrong with the callback for this result: a sentence, or "". */
    _callbackMissing(disposition) {
        const {callback} = this.draft;
        if (callback.at && toMillis(callback.at) <= this.now()) {
            return _t("That moment has passed. Choose another.");
        }
        if (this.outsideHours && !callback.asked) {
            return _t("Nobody is called at that hour. Did the person ask for it?");
        }
        if (disposition.needs_callback && !callback.at) {
            return _t("“%s” wants a day and an hour.", disposition.name);
        }
        return "";
    }

    /** What a result still wants: `{where, text}`, or null. */
    missingFor(disposition) {
        const {order} = this.draft;
        const card = cardProblem(this.draft.notes);
        if (card) {
            return {where: "notes", text: card};
        }
        const wanted = this._callbackMissing(disposition);
        if (wanted) {
            return {where: "callback", text: wanted};
        }
        const unsaid = disposition.sale ? this.unsaidFor(disposition) : [];
        if (unsaid.length && this.campaign.require_legal_lines) {
            return {
                where: "script",
                text: _t(
                    "“%(result)s” wants %(count)s lines of the script said and ticked first (Alt+L).",
                    {result: disposition.name, count: unsaid.length}
                ),
            };
        }
        const sells = (this.campaign.articles || []).length > 0;
        if (disposition.needs_order && sells && !Object.keys(order).length) {
            return {
                where: "order",
                text: _t(
                    "“%s” wants an order. Put in what was sold.",
                    disposition.name
                ),
            };
        }
        const unready = orderMissing(this, disposition);
        if (unready) {
            return {where: "order", text: unready};
        }
        for (const pane of this.panes) {
            const text = pane.check?.(disposition, this);
            if (text) {
                return {where: pane.id, text};
            }
        }
        return null;
    }

    /** Scripts of which a line is ticked, else the first: those that are being read. */
    get scriptsRead() {
        const {scripts = []} = this.campaign || {};
        const {confirmed} = this.draft;
        const ticked = scripts.filter((script) =>
            script.confirm_lines.some((line) => confirmed.includes(line.key))
        );
        return ticked.length ? ticked : scripts.slice(0, 1);
    }

    /** Legal lines that this result wants said and that are not ticked. The server
     * judges again: `telemarketing.script.version._legal_missing`. */
    unsaidFor(disposition) {
        const {confirmed} = this.draft;
        const due = disposition.legal || [];
        const scripts = this.scriptsRead;
        const saidElsewhere = (line, script) =>
            line.requirement !== "other" &&
            scripts.some(
                (other) =>
                    other !== script &&
                    other.confirm_lines.some(
                        (each) =>
                            each.requirement === line.requirement &&
                            confirmed.includes(each.key)
                    )
            );
        return scripts.flatMap((script) =>
            script.confirm_lines.filter(
                (line) =>
                    line.legal &&
                    due.includes(line.when) &&
                    !confirmed.includes(line.key) &&
                    !saidElsewhere(line, script)
            )
        );
    }

    /** @param {boolean} byItself the wrap-up is over and nobody pressed anything */
    async close(dispositionId, byItself = false) {
        const disposition = this.disposition(dispositionId);
        if (!disposition?.leaf || !this.takesResults) {
            return false;
        }
        const missing = this.missingFor(disposition);
        if (missing) {
            this.pending = {dispositionId, ...missing};
            if (this.panes.some((pane) => pane.id === missing.where)) {
                this.tab = missing.where;
            }
            return false;
        }
        if (!byItself && this._shownFirst(disposition)) {
            return false;
        }
        this.pending = null;
        return this._act("close", "result", async () => {
            this._cancelSave();
            if (this.draft.dialled && !this.endedAt) {
                this._hangupQuietly();
                this._end();
            }
            const entry = {
                uuid: this.draft.uuid,
                target_id: this.draft.target_id,
                disposition_id: dispositionId,
                label: disposition.name,
                payload: this._payload(),
                // Where the agent does not answer, nobody is called next.
                next: Boolean(this.campaign.auto_next) && !this.pauseAfter && !byItself,
                byItself,
                at: this.now(),
            };
            this.io.storage.set(`outbox.${entry.uuid}`, entry);
            if (this.offline) {
                this._keepResult();
                return true;
            }
            await this._sendResult(entry);
            return true;
        });
    }

    /** The first time, what a result will do is shown; never more than once. */
    _shownFirst(disposition) {
        const effects = disposition.effects || [];
        if (!this.campaign.preview_results || disposition.known || !effects.length) {
            return false;
        }
        disposition.known = true;
        this.pending = {
            dispositionId: disposition.id,
            where: "effects",
            text: _t("“%(result)s”: %(effects)s The same key again records it.", {
                result: disposition.name,
                effects: effects.join(" "),
            }),
        };
        return true;
    }

    /** Seconds in which the result just given may still be taken back. */
    get undoCloseSeconds() {
        const until = toMillis(this.notice?.undo?.until);
        return until ? Math.max(0, Math.ceil((until - this.clock.now) / 1000)) : 0;
    }

    get canUndoClose() {
        return this.undoCloseSeconds > 0 && !this.busy && !this.inCall;
    }

    /** A slip of the hand: the person is on the desk again and wants a result. */
    async undoClose() {
        if (!this.canUndoClose) {
            if (this.notice && !this.inCall) {
                const why = this.notice.undo
                    ? _t("It is too late to take the result back.")
                    : _t("More came of this call than a result: it stands.");
                this.setError("result", why);
            }
            return false;
        }
        const {uuid} = this.notice.undo;
        const answer = await this.request("undo", "result", "undo_close", {uuid});
        if (answer) {
            this.notice = null;
            this.pending = null;
        }
        return Boolean(answer);
    }

    _payload() {
        const {draft} = this;
        const payload = {
            notes: draft.notes,
            reason_id: draft.reason_id,
            phone_id: draft.phone_id,
            answered_at: draft.answered_at,
            ended_at: draft.dialled ? this.endedAt : false,
            hangup_cause: draft.hangup_cause,
            profile: {...draft.profile},
            confirmed: [...draft.confirmed],
            scripts: (this.campaign.scripts || []).map((script) => script.version_id),
        };
        if (draft.action_type_id) {
            payload.action_type_id = draft.action_type_id;
        }
        if (draft.callback.at) {
            payload.callback = {...draft.callback};
        }
        Object.assign(payload, orderPayload(this));
        for (const pane of this.panes) {
            Object.assign(payload, pane.payload?.(this));
        }
        return payload;
    }

    async _hangupQuietly() {
        try {
            await this.io.telephony.hangup();
        } catch {
            // The result counts; the line says for itself that it is still open.
        }
    }

    /** What is said of a result that the server has recorded. */
    /** For the time after: the next person is on the desk by then. */
    _nameOf(targetId) {
        const {target, contact} = this.call || {};
        return (target?.id === targetId && contact?.name) || "";
    }

    _noticeOf(entry, closed) {
        const {order, appointment, training, todo, undo_until: until} = closed || {};
        return {
            name: this._nameOf(entry.target_id),
            undo: until ? {uuid: entry.uuid, until} : null,
            label: entry.label,
            order: order ? order.name : "",
            appointment: appointment ? appointment.text : "",
            training: training || [],
            todo: todo || [],
        };
    }

    /** Sends one result; it leaves the outbox only when the server has answered. */
    async _sendResult(entry) {
        let answer = null;
        try {
            answer = await this._rpc("close_and_get_next", {
                uuid: entry.uuid,
                target_id: entry.target_id,
                disposition_id: entry.disposition_id,
                payload: entry.payload,
                next: entry.next,
            });
        } catch (error) {
            if (
                error instanceof ConnectionLostError ||
                error.exceptionName === SESSION_EXPIRED
            ) {
                // Whether it arrived is not known, so only this uuid may say it again.
                this._keepResult();
            } else {
                this.io.storage.remove(`outbox.${entry.uuid}`);
                this._readOutbox();
            }
            throw error;
        }
        if (answer.lost_seat) {
            this._readOutbox();
            this._apply(answer);
            return false;
        }
        this._forget(entry);
        this.lastAsk = this.now();
        this.restUntil = this.now() + HAND_REST;
        this.notice = this._noticeOf(entry, answer.closed);
        if (this.call && this.call.target.id === entry.target_id) {
            this._setCall(false);
        } else if (this.call) {
            delete answer.call; // somebody else is on the desk already
        }
        this.flowing = entry.next || (this.flowing && !entry.byItself);
        pace.awaitNext(this, entry, answer);
        this._apply(answer);
        if (this.pauseAfter && !this.call) {
            await this._pauseNow();
        }
        return true;
    }

    /** The pause that was asked for during the call. */
    async _pauseNow() {
        const {reasonId} = this.pauseAfter;
        this.pauseAfter = false;
        pace.stop(this);
        this._apply(
            await this._rpc("set_state", {state: "paused", reason_id: reasonId})
        );
    }

    _forget(entry) {
        this.io.storage.remove(`outbox.${entry.uuid}`);
        this.io.storage.remove(`draft.${entry.target_id}`);
        this._readOutbox();
    }

    _keepResult() {
        this._readOutbox();
        this._setCall(false);
    }

    _readOutbox() {
        this.kept = this.io.storage
            .entries("outbox.")
            .sort((one, other) => one.at - other.at);
    }

    /** Sends what was kept, each once and in its order. */
    async _flush() {
        if (this.flushing || this.otherSeat) {
            return;
        }
        this._readOutbox();
        const entries = [...this.kept];
        this.flushing = true;
        let refused = false;
        try {
            for (const [index, entry] of entries.entries()) {
                const last = index === entries.length - 1;
                try {
                    const sent = await this._sendResult({
                        ...entry,
                        next: last && entry.next && !this.pauseAfter,
                    });
                    if (!sent) {
                        return;
                    }
                } catch (error) {
                    this._onError("result", error);
                    if (this.offline || this.expired) {
                        return;
                    }
                    refused = true;
                }
            }
        } finally {
            this.flushing = false;
        }
        if (refused) {
            // The person is still ours and what was typed is still here: show both.
            const text = this.errors.result;
            this._apply(await this._rpc("open_desk"));
            this.setError("result", text);
        }
    }

    // ------------------------------------------------------------------ the network
    _goOffline() {
        this.offline = true;
        if (!this.io.timers.ping && !this.io.destroyed) {
            const delay = PING_AFTER[Math.min(this.pings, PING_AFTER.length - 1)];
            this.pings++;
            this.io.timers.ping = browser.setTimeout(() => this.ping(), delay);
        }
    }

    /** The browser says that the cable is out: believe it at once. */
    networkLost() {
        this._goOffline();
    }

    async ping() {
        browser.clearTimeout(this.io.timers.ping);
        delete this.io.timers.ping;
        if (this.io.destroyed || !this.offline) {
            return;
        }
        if (!this.loaded && !this.loggedOut) {
            await this.open();
            return;
        }
        try {
            const answer = await this._rpc("heartbeat");
            this._apply(answer);
        } catch (error) {
            if (error instanceof ConnectionLostError) {
                this._goOffline();
            } else {
                this._backOnline();
                this._onError("desk", error);
            }
        }
    }

    _backOnline() {
        this.offline = false;
        this.pings = 0;
        browser.clearTimeout(this.io.timers.ping);
        delete this.io.timers.ping;
        if (!this.loaded || this.io.destroyed) {
            return;
        }
        if (this.draft?.dirty) {
            this._saveLater();
        }
        // Not before the answer that told us is taken in.
        this.io.timers.flush = browser.setTimeout(() => this.sendKept(), 0);
    }

    async sendKept() {
        this._readOutbox();
        if (this.kept.length && !this.otherSeat) {
            await this._act("flush", "result", () => this._flush());
        }
    }

    /** After the agent has logged in again in another tab. */
    async retry() {
        this.expired = false;
        this.setError("desk", "");
        return this.open();
    }

    async heartbeat() {
        this.lastBeat = this.now();
        const {generation} = this;
        try {
            const answer = await this._rpc("heartbeat");
            if (generation !== this.generation) {
                // Something newer was said meanwhile.
                delete answer.session;
                delete answer.figures;
                delete answer.call;
            }
            if (this._apply(answer) && answer.lease_until && this.call) {
                this.call.target.lease_until = answer.lease_until;
            }
        } catch (error) {
            this._onError("desk", error);
        }
    }

    /** Once a second. */
    tick() {
        this.clock.now = this.now();
        pace.tick(this);
        const away = this.loggedOut || this.otherSeat || this.expired || this.offline;
        if (!this.loaded || away) {
            return;
        }
        if (this.clock.now - this.lastBeat >= HEARTBEAT_EVERY) {
            this.heartbeat();
        }
        if (
            this.flowing &&
            this.idle &&
            !this.busy &&
            !this.menu &&
            !this.coming &&
            this._mayAskAgain()
        ) {
            this.next();
        }
    }

    /** With nobody to call: when somebody becomes due, and every half minute. */
    _mayAskAgain() {
        const due = this.empty && toMillis(this.empty.next_at);
        const waited = this.clock.now - this.lastAsk;
        return (
            waited >= ASK_AGAIN_EVERY ||
            (due && due <= this.clock.now && waited > 2_000)
        );
    }
}
