import {after, beforeEach} from "@odoo/hoot";
import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {browser} from "@web/core/browser/browser";
import {RPCError} from "@web/core/network/rpc";
import {ManualProvider} from "@telemarketing_base/telephony/manual_provider";
import {onRpc, patchWithCleanup} from "@web/../tests/web_test_helpers";

const {DateTime} = luxon;

/** A server instant so many seconds from now. */
export function instant(seconds = 0) {
    return DateTime.utc().plus({seconds}).toFormat("yyyy-MM-dd HH:mm:ss");
}

export function disposition(id, name, values = {}) {
    return {
        id,
        parent_id: false,
        name,
        code: name.toLowerCase().replaceAll(" ", "_"),
        key: "",
        color: 0,
        level: 1,
        leaf: true,
        kind: "none",
        needs_callback: false,
        needs_order: false,
        needs_appointment: false,
        qualifies: false,
        sale: false,
        legal: [],
        ...values,
    };
}

export function makeCampaign(values = {}) {
    return {
        id: 1,
        name: "Fibre",
        principal: "Telco Norte",
        kind: "sale",
        auto_next: false,
        average_seconds: 100,
        callback_notice_minutes: 10,
        dispositions: [
            disposition(1, "No answer", {key: "1"}),
            disposition(5, "Call back", {key: "5", needs_callback: true}),
            disposition(6, "Not interested", {key: "6", leaf: false}),
            disposition(61, "Price", {parent_id: 6, level: 2}),
            disposition(62, "Permanence", {parent_id: 6, level: 2, leaf: false}),
            disposition(621, "Until summer", {parent_id: 62, level: 3}),
            disposition(7, "Sale", {key: "7", needs_order: true, sale: true}),
            disposition(9, "Never again", {key: "9", kind: "exclude"}),
        ],
        reasons: [],
        action_types: [],
        articles: [{id: 11, name: "600 Mb", price: 30, currency: "€"}],
        profile_fields: [],
        scripts: [],
        ...values,
    };
}

export function makeConsent(values = {}) {
    return {
        state: "valid",
        given_on: "2026-03-02",
        until: "2028-03-02",
        channel: "Form",
        text: "Calls v3",
        ask: false,
        basis: "consent",
        basis_on: "2026-03-02",
        article: "TRLGDCU art. 62.1",
        text_id: false,
        text_to_read: "",
        ...values,
    };
}

export function makeCall(id = 1, values = {}) {
    return {
        target: {
            id,
            state: "leased",
            attempts: 0,
            max_attempts: 5,
            callback: false,
            database: "d",
            lease_until: instant(600),
            suggested_phone_id: 10 * id + 1,
        },
        contact: {id, name: `Person ${id}`, city: "València", extra: [], tz: false},
        phones: [
            {
                id: 10 * id + 1,
                raw: "612345678",
                display: "612 345 678",
                e164: "+34612345678",
                kind: "mobile",
                state: "valid",
                callable: true,
            },
        ],
        profile: {},
        may_call: {answer: "allowed", until: false, reason: "", warnings: []},
        consent: makeConsent(),
        history: [],
        interaction: false,
        script_values: {},
        ...values,
    };
}

export function userError(message) {
    const error = new RPCError();
    error.exceptionName = "odoo.exceptions.UserError";
    error.message = message;
    error.data = {name: "odoo.exceptions.UserError", message};
    error.code = 200;
    return error;
}

/** What a proxy answers when Odoo does not: the client takes it as connection lost. */
export function noNetwork() {
    return new Response("", {status: 502});
}

/**
 * A server in memory for the model `telemarketing.desk`. `calls` is what it heard;
 * set `server.on.<method>` to answer something else (a function of the arguments), and
 * `server.down` to lose the network.
 */
export class DeskServer {
    constructor(values = {}) {
        this.calls = [];
        this.on = {};
        this.down = false;
        this.campaign = makeCampaign();
        this.held = false;
        this.coming = 1;
        this.closed = {};
        this.state = "ready";
        this.capabilities = ["dial"];
        Object.assign(this, values);
    }

    install() {
        const server = this;
        onRpc("telemarketing.desk", "*", function ({method, kwargs}) {
            const args = {...kwargs};
            delete args.context;
            server.calls.push({method, args});
            return server.down ? noNetwork() : server.answer(method, args);
        });
        return this;
    }

    heard(method) {
        return this.calls
            .filter((call) => call.method === method)
            .map(({args}) => args);
    }

    async answer(method, args) {
        const other = this.on[method] && (await this.on[method](args));
        return other === undefined || !this.on[method] ? this[method](args) : other;
    }

    get common() {
        return {
            now: instant(),
            session: {id: 1, state: this.state, since: instant(), campaign_id: 1},
            figures: {calls: 1, useful: 0, conversions: 0, average_seconds: 60},
            callbacks: [],
        };
    }

    open_desk() {
        return {
            ...this.common,
            user: {id: 7, name: "Ana"},
            company: "C",
            other_seat: false,
            campaigns: [
                {
                    id: 1,
                    name: "Fibre",
                    principal: "Telco",
                    waiting: 3,
                    callbacks_due: 0,
                },
            ],
            campaign: this.campaign,
            call: this.held,
            pause_reasons: [{id: 3, name: "Lunch", cap_seconds: 1800}],
            telephony: {provider: "manual", capabilities: this.capabilities},
        };
    }

    choose_campaign() {
        return {...this.common, campaign: this.campaign};
    }

    set_state({state}) {
        this.state = state;
        return {session: this.common.session};
    }

    get_next() {
        this.held = this.held || makeCall(this.coming++);
        return {...this.common, call: this.held, empty: false};
    }

    dial({uuid, phone_id: phoneId}) {
        const interaction = {
            uuid,
            state: "talking",
            phone_id: phoneId,
            started_at: instant(),
        };
        this.held = {...this.held, interaction};
        return {interaction, telephony: {action: "tel", uri: "tel:+34612345678"}};
    }

    timeline({target_id: targetId}) {
        // As the person's card: what the history shows at once.
        return {now: instant(), target_id: targetId};
    }

    save_notes() {
        return {lease_until: instant(600)};
    }

    close_and_get_next({uuid, target_id: targetId, next}) {
        if (!this.closed[uuid]) {
            this.closed[uuid] = targetId;
            this.held = next ? makeCall(this.coming++) : false;
        }
        return {
            ...this.common,
            closed: {uuid, target_id: targetId, state: "done", todo: []},
            call: this.held,
            empty: false,
        };
    }

    object({target_id: targetId}) {
        return {
            ...this.common,
            objection: {
                target_id: targetId,
                reference: "EX2026-000123",
                scope: "all",
                at: instant(),
                undo_until: instant(10),
                reason: "The person asked not to be called.",
            },
        };
    }

    take_back_objection() {
        return {...this.common, call: this.held, objection: false};
    }

    record_consent({given}) {
        return {
            now: instant(),
            consent: given ? makeConsent() : makeConsent({state: "none", basis: ""}),
        };
    }

    withdraw_consent() {
        return {
            now: instant(),
            consent: makeConsent({state: "withdrawn"}),
            objection: {
                target_id: this.held.target.id,
                reference: "EX2026-000124",
                scope: "principal",
                at: instant(),
                undo_until: false,
                reason: "The person asked not to be called.",
            },
        };
    }

    release() {
        this.held = false;
        return {};
    }

    heartbeat() {
        return {...this.common, lease_until: instant(600)};
    }

    take_over() {
        return {};
    }

    log_out() {
        return {};
    }
}

/** Clean storage and a phone that only remembers what it was told to dial. */
export function setupDeskTests() {
    const dialled = [];
    // sale brings mail's web client, whose services ask for their models.
    defineMailModels();
    beforeEach(() => {
        dialled.length = 0;
        browser.localStorage.clear();
        browser.sessionStorage.clear();
        after(() => {
            browser.localStorage.clear();
            browser.sessionStorage.clear();
        });
        patchWithCleanup(ManualProvider.prototype, {
            _openUri(uri) {
                dialled.push(uri);
            },
        });
    });
    return dialled;
}
